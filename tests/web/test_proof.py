"""A proof looks like a proof: two sides that meet, the residual printed, the roll-forward under it."""

import datetime as dt
import re
from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.web.company import Office, proof_of
from tieout.observe.proofs.proof import AccountProof, ProofItem, ProofSide, Reserve
from tieout.web.application import create_app
from tieout.web.figures import MINUS


def proof(name: str) -> AccountProof:
    made = proof_of(name, None, None)
    assert made is not None
    return made


def text_of(answer: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer)).replace("\xa0", " ")


def test_sides_that_meet_prove() -> None:
    made = proof("bank-main-eur")
    assert made.outside.adjusted == made.ledger.adjusted == 4_174_740
    assert (made.residual, made.rolled, made.is_proven) == (0, 0, True)


def test_sides_that_differ_do_not() -> None:
    made = proof("bank-second-eur")
    assert (made.residual, made.is_proven) == (52_878, False)


def test_a_silent_side_proves_nothing() -> None:
    made = replace(proof("bank-main-eur"), ledger=ProofSide(source="nobody", balance=None))
    assert (made.residual, made.is_proven) == (None, False)


def test_a_gap_in_the_roll_forward_is_no_proof() -> None:
    made = replace(proof("bank-main-eur"), movements=())
    assert made.residual == 0
    assert made.rolled == 265_030
    assert not made.is_proven
    assert replace(made, opening=None).rolled is None


def ask(office: Office, path: str) -> str:
    with TestClient(create_app(office.workspace, office.store, proof_of), base_url="http://127.0.0.1") as client:
        answer = client.get(path)
    assert answer.status_code == 200
    return answer.text


def test_the_page_of_an_account_that_ties(office: Office) -> None:
    page = ask(office, "/proof?account=bank-main-eur&as_of=2026-10-29&known_at=2026-11-01T10:00")
    told = text_of(page)
    assert "proven, residual 0.00" in told
    assert "as of 29 Oct 2026, known at 1 Nov 2026 10:00 UTC" in told
    assert told.count("Adjusted balance 41,747.40") == 2
    assert f"payments not yet presented 2 items {MINUS}4,000.00" in told
    assert "Residual 0.00" in told
    assert "Closing, 29 Oct 2026 as reported 45,650.30" in told
    assert page.count('<tr class="total">') == 4
    assert "/find?as_of=2026-10-29&amp;known_at=2026-11-01T10%3A00&amp;q=po_1QF2a9LkdIwHu7ixPt01" in page


def test_the_page_of_an_account_that_does_not(office: Office) -> None:
    page = ask(office, "/proof?account=bank-second-eur")
    told = text_of(page)
    assert "differs by 528.78" in told
    assert "Residual 528.78" in told
    assert 'class="r off"><a href="#sides">528.78' in page


def test_the_overview_counts_what_is_proven(office: Office) -> None:
    told = text_of(ask(office, "/"))
    assert re.search(r"Accounts proven 1 of \d", told)
    assert "nothing open" not in told
    assert "wait for a ledger balance" not in told
    assert "differs from the ledger (1)" in told


@pytest.mark.parametrize("path", ["/", "/accounts"])
def test_an_account_says_what_the_outside_reported_and_why_it_is_not_proven(office: Office, path: str) -> None:
    def reported(account_id: str, as_of: dt.date | None, known_at: dt.datetime | None) -> AccountProof | None:
        if account_id != "stripe-payouts/EUR":
            return proof_of(account_id, as_of, known_at)
        item = ProofItem(label="not compared", amount=0, count=118, state="not compared")
        ties = proof("bank-main-eur")
        outside = replace(ties.outside, items=(*ties.outside.items, item))
        found = {"kind": "platform", "reported": 787_508, "opening": 787_508, "movements": ()}
        return replace(ties, account_id=account_id, outside=outside, **found)  # type: ignore[arg-type]  # as named

    with TestClient(create_app(office.workspace, office.store, reported), base_url="http://127.0.0.1:8765") as client:
        told = text_of(client.get(path).text)
    assert "stripe-payouts/EUR 7,875.08 EUR 29 Oct 2026" in told
    assert "118 lines not compared with the ledger" in told


@pytest.mark.parametrize(
    ("changed", "lacking"),
    [
        ({}, None),
        ({"opening": None}, "no opening balance"),
        ({"reported": None}, "no balance by the outside"),
        ({"reported": 4_565_031}, "movements do not lead to the balance reported"),
        (
            {"reserve": Reserve(holds=1, releases=0, unreleased=1, reported=2, apart=1)},
            "reserve differs from the holds",
        ),
        ({"ledger_account": None, "ledger": ProofSide(source="", balance=None)}, "no ledger account declared"),
        ({"ledger": ProofSide(source="", balance=None)}, "no balance by the ledger"),
        ({"ledger": ProofSide(source="", balance=1)}, "differs from the ledger"),
        ({"faults": ("two balances of one day",)}, "a fault in what was reported"),
    ],
)
def test_a_proof_says_what_it_lacks(changed: dict[str, Any], lacking: str | None) -> None:
    found = replace(proof("bank-main-eur"), **changed)
    assert (found.lacking, found.is_proven) == (lacking, lacking is None)


def test_without_a_proof_the_page_says_what_is_wanted(client: TestClient) -> None:
    told = text_of(client.get("/proof?account=bank-main-eur").text)
    assert "This account is not proven yet. A proof needs a balance by the ledger as well" in told
    assert "45,650.30" in told
