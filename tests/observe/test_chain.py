"""The whole chain of one thing is told from each of its ends: document, charge, payout, bank line, ledger, journals."""

import datetime as dt
import json
import shutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.observe.traded import Traded, opened, traded
from tests.shared import copied
from tieout import pipeline
from tieout.observe.things.chain import FOLLOWED_MAX
from tieout.observe.things.explain import Explanation, explain


@pytest.fixture(scope="module")
def booked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traded]:
    """Give a simulated company whose journals are drafted."""
    made = opened(copied(tmp_path_factory, "booked", lambda folder: _book(tmp_path_factory, folder)))
    made.clock.advance(dt.timedelta(hours=2))
    yield made
    made.store.close()


def _book(factory: pytest.TempPathFactory, folder: Path) -> None:
    made = traded(factory, 3)
    made.clock.advance(dt.timedelta(hours=1))
    pipeline.journal(made.store, made.workspace)
    made.store.close()
    shutil.copytree(made.workspace.folder, folder)


class Ties:
    """What matches tie, read from the exported tables alone."""

    def __init__(self, company: Traded) -> None:
        self.kind: dict[str, str] = {}
        self.of_record: defaultdict[str, set[str]] = defaultdict(set)
        self.sides: defaultdict[str, dict[str, set[str]]] = defaultdict(lambda: {"left": set(), "right": set()})
        for row in company.table("matches"):
            self.kind[row["record_id"]] = row["kind"]
            self.of_record[row["record_id"]].add(row["match_id"])
            self.sides[row["match_id"]][row["side"]].add(row["record_id"])

    def across(self, record_id: str) -> set[str]:
        """Give what the matches of a record hold on their other side."""
        found: set[str] = set()
        for match_id in self.of_record[record_id]:
            for side in self.sides[match_id].values():
                found |= side if record_id not in side else set()
        return found

    def onward(self, record_id: str, *kinds: str) -> list[str]:
        return sorted(one for one in self.across(record_id) if self.kind[one] in kinds)

    def whole(self) -> tuple[str, str, str, str, str]:
        """Find a chain of all kinds: document, charge, payout, bank line, line of the ledger."""
        for charge in sorted(name for name, kind in self.kind.items() if kind == "charge"):
            for document in self.onward(charge, "invoice"):
                for payout in self.onward(charge, "payout"):
                    for line in self.onward(payout, "bank_entry"):
                        for booked in self.onward(line, "journal_line"):
                            return document, charge, payout, line, booked
        pytest.fail("expected a chain from a document to the ledger in a simulated month, found none")


def ids(found: Explanation) -> set[str]:
    return {one["record_id"] for one in found.chain}


def booking(company: Traded, *records: str) -> set[str]:
    """Give the journals whose money is that of some records."""
    rows = company.table("journals")
    return {row["journal_id"] for row in rows if _listed(row)[0] in records}


def _listed(row: dict[str, Any]) -> list[str]:
    told: list[str] = row["record_ids"] if isinstance(row["record_ids"], list) else json.loads(row["record_ids"])
    return told


def test_a_charge_leads_to_its_document_payout_bank_line_ledger_and_journals(booked: Traded) -> None:
    ties = Ties(booked)
    document, charge, payout, line, entry = ties.whole()
    found = explain(booked.store, charge)
    assert {document, charge, payout, line, entry} <= ids(found)
    assert [one["stage"] for one in found.chain] == sorted(
        (one["stage"] for one in found.chain),
        key=["order", "document", "charge", "payout", "bank", "journal"].index,
    )
    assert [one["record_id"] for one in found.chain if one["asked"]] == [charge]
    expected = booking(booked, charge, payout, line)
    assert expected
    assert {journal["journal_id"] for journal in found.journals} == expected


def test_nobody_elses_charge_is_in_the_chain_of_a_charge(booked: Traded) -> None:
    ties = Ties(booked)
    charges = sorted(name for name, kind in ties.kind.items() if kind == "charge")
    shared = 0
    for charge in charges[:: max(1, len(charges) // 12)]:
        found = explain(booked.store, charge)
        assert {one["record_id"] for one in found.chain if one["stage"] == "charge"} == {charge}
        assert {one["record_id"] for one in found.chain if one["stage"] == "document"} == set(
            ties.onward(charge, "invoice", "credit_note", "bill")
        )
        told = [tie["beside"] for one in found.chain for tie in one["tied_by"] if one["kind"] == "payout"]
        others = {other for payout in ties.onward(charge, "payout") for other in ties.across(payout)}
        beside = {other for other in others if ties.kind[other] not in ("bank_entry", "journal_line")} - {charge}
        assert sum(told) == len(beside)
        shared += len(beside)
    assert shared


@pytest.mark.parametrize("place", [0, 1, 2, 3, 4])
def test_the_chain_is_reached_from_each_of_its_ends(booked: Traded, place: int) -> None:
    ties = Ties(booked)
    whole = ties.whole()
    _, charge, payout, line, entry = whole
    found = explain(booked.store, whole[place])
    lines = [other for other in ties.across(payout) if ties.kind[other] != "bank_entry"]
    # From behind the payout its lines are many things: so many are shown, the rest is counted.
    expected = {payout, line, entry} if place > 1 else set(whole)
    assert expected <= ids(found)
    if place > 1:
        shown = [one for one in found.chain if one["record_id"] in lines]
        assert len(shown) == min(len(lines), FOLLOWED_MAX)
    else:
        assert booking(booked, charge, line) <= {journal["journal_id"] for journal in found.journals}


def test_a_journal_leads_to_the_chain_that_it_books(booked: Traded) -> None:
    document, charge, payout, line, entry = Ties(booked).whole()
    for journal_id in sorted(booking(booked, charge)):
        for asked in (journal_id, journal_id[:14].upper()):
            found = explain(booked.store, asked)
            assert {document, charge, payout, line, entry} <= ids(found)
            assert journal_id in {journal["journal_id"] for journal in found.journals}


def test_the_lines_of_a_journal_are_those_of_the_export(booked: Traded) -> None:
    _, charge, *_ = Ties(booked).whole()
    told = {journal["journal_id"]: journal for journal in explain(booked.store, charge).journals}
    rows = [row for row in booked.table("journals") if row["journal_id"] in told]
    names = ("line_no", "account", "debit", "credit", "currency", "base_debit", "base_credit", "base_currency")
    expected = sorted((row["journal_id"], *(row[name] for name in names)) for row in rows)
    found = [(j["journal_id"], *(line[name] for name in names)) for j in told.values() for line in j["lines"]]
    assert sorted(found) == expected


def test_a_match_that_was_taken_back_ties_nothing(booked: Traded, tmp_path: Path) -> None:
    own = opened(Path(shutil.copytree(booked.workspace.folder, tmp_path / "own")))
    own.clock.advance(dt.timedelta(hours=3))
    ties = Ties(own)
    document, charge, *_ = ties.whole()
    (match_id,) = ties.of_record[document] & ties.of_record[charge]
    pipeline.undo(own.store, own.workspace, match_id, "not his")
    assert document not in ids(explain(own.store, charge))
    assert ids(explain(own.store, document)) == {document}
    own.store.close()
