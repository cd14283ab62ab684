"""Explaining what matching did: partners, rule and reasons of a match; where the rest stands; what came nearest."""

from collections import defaultdict
from typing import Any

import pytest

from tests.observe.traded import Traded
from tieout.observe.things.explain import explain
from tieout.observe.things.standing import PARTNERS_MAX

pytestmark = pytest.mark.slow


def by_match(group: Traded) -> dict[str, list[dict[str, Any]]]:
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in group.table("matches"):
        found[row["match_id"]].append(row)
    return found


def one(group: Traded, record_id: str) -> dict[str, Any]:
    found = explain(group.store, record_id)
    assert [r["record"]["record_id"] for r in found.records] == [record_id]
    return found.records[0]


def test_a_match_names_its_partners_its_rule_and_its_run(group: Traded) -> None:
    matches = by_match(group)
    reasons: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in group.table("adjustments"):
        reasons[row["match_id"]].append((row["reason"], row["amount"]))
    rules = {rows[0]["rule"]: rows for rows in matches.values()}
    differing = next(rows for match_id, rows in matches.items() if reasons[match_id])
    for rows in [*rules.values(), differing]:
        mine = one(group, rows[0]["record_id"])
        (told,) = [
            m for m in mine["matches"] if m["match_id"] == rows[0]["match_id"] and m["claim"] == rows[0]["claim"]
        ]
        for name in ("rule", "reconciliation", "allocated", "difference", "run_id", "provisional", "decided_by"):
            assert told[name] == rows[0][name]
        others = {(row["record_id"], row["claim"]): row for row in rows[1:]}
        assert told["partners_count"] == len(others)
        assert len(told["partners"]) == min(len(others), PARTNERS_MAX)
        for partner in told["partners"]:
            row = others[partner["record_id"], partner["claim"]]
            for name in ("source", "external_id", "kind", "allocated", "side"):
                assert partner[name] == row[name]
        assert [(a["reason"], a["amount"]) for a in told["adjustments"]] == reasons[told["match_id"]]


def test_what_is_not_matched_says_where_it_stands_and_what_came_nearest(group: Traded) -> None:
    exceptions = [row for row in group.table("exceptions") if row["reconciliation"] and row["candidates"]]
    assert exceptions
    for row in exceptions[:5]:
        mine = one(group, row["record_id"])
        (told,) = [e for e in mine["run_exceptions"] if e["exception_id"] == row["exception_id"]]
        assert (told["reason"], told["note"], told["amount"]) == (row["reason"], row["note"], row["amount"])
        told_of = [{k: v for k, v in c.items() if k not in ("evidence", "missed")} for c in told["candidates"]]
        assert told_of == row["candidates"]
        for near in told["candidates"]:
            assert near["why"] in {"twin", "duplicate"} or set(near["evidence"]["amount"]) == {"left", "right", "agree"}
        states = {(p["claim"], p["state"]) for p in mine["positions"]}
        assert (told["claim"], "exception") in states
    positions = {(row["record_id"], row["state"]) for row in group.table("positions")}
    for state in ("in_transit", "open"):
        record_id = min(r for r, found in positions if found == state)
        assert state in {position["state"] for position in one(group, record_id)["positions"]}


def test_positions_are_those_of_the_table(group: Traded) -> None:
    table: defaultdict[str, set[tuple[str, str, str, str]]] = defaultdict(set)
    for row in group.table("positions"):
        if row["state"] not in {"matched", "provisional"}:
            table[row["record_id"]].add((row["reconciliation"], row["claim"], row["state"], row["amount"]))
    for record_id in sorted(table)[:40]:
        told = one(group, record_id)["positions"]
        assert {(p["reconciliation"], p["claim"], p["state"], p["amount"]) for p in told} == table[record_id]


def test_the_id_of_a_match_or_of_an_exception_leads_to_its_records(group: Traded) -> None:
    match_id, rows = min(by_match(group).items())
    found = explain(group.store, match_id)
    assert {r["record"]["record_id"] for r in found.records} == {row["record_id"] for row in rows}
    row = next(row for row in group.table("exceptions") if row["reconciliation"])
    assert row["record_id"] in {r["record"]["record_id"] for r in explain(group.store, row["exception_id"]).records}
