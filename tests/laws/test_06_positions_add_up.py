"""
Law 6: positions add up to what each claim measures at every moment, also between two runs of matching.
"""

from collections import defaultdict
from contextlib import closing, suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.depth import examples
from tests.laws.checker import measure
from tests.matching.worlds import Fact, World, invoice, line, nine, rule, rules_text, world
from tieout.errors import WrongUse
from tieout.model.money import parse_decimal
from tieout.observe.result_rows import ResultRows
from tieout.observe.results import FREED
from tieout.observe.snapshot import take_snapshot
from tieout.observe.things.evidence import RulesOfRuns
from tieout.observe.things.standing import standing_of
from tieout.store.corrected import as_corrected
from tieout.store.engine import connect

RULES = rules_text(
    rule("reference", reference="exact", partial="true"),
    rule("amount", days="{ from = -40, to = 40 }", confirm="false"),
)
SHARED = "".join(
    f'[[reconciliation]]\nid = "{name}"\nleft = {{ source = "a" }}\nright = {{ source = "{right}" }}\nrules = "rules/own.toml"\n'
    for name, right in (("one", "b"), ("two", "c"))
)
_MATCHED = {"matched", "provisional"}
#: What is told of each claim and record: {(claim, id): [(state, amount at nine decimals)]}.
Told = dict[tuple[str, str], list[tuple[str, int]]]


def told(w: World) -> Told:
    found: defaultdict[tuple[str, str], list[tuple[str, int]]] = defaultdict(list)
    for row in w.positions():
        found[row["claim"], row["external_id"]].append((row["state"], nine(row["amount"], row["exponent"])))
    return dict(found)


def explained(w: World) -> dict[str, dict[str, Any]]:
    """Say of every record where it stands, as ``explain`` does."""
    snapshot, lake = take_snapshot(w.store, w.workspace), w.store.lake
    ids = {row["record_id"]: row["external_id"] for row in w.records()}
    with w.store.book.reading() as connection, closing(connect()) as con:
        look = ResultRows(con, lake, as_corrected(con, lake, snapshot.files, snapshot.corrected, snapshot.results))
        rules = RulesOfRuns(connection, snapshot.results.runs)
        said = standing_of(con, lake, snapshot.files, look, list(ids), rules)
    return {name: said[record_id.hex()] for record_id, name in ids.items()}


def check(w: World, before: Told) -> Told:
    """Hold what is told of every record against what it measures now, and what ``explain`` says against the table."""
    records = {row["external_id"]: row for row in w.records()}
    now, said = told(w), explained(w)
    for (claim, name), parts in now.items():
        whole = measure(records[name], claim)
        assert sum(amount for _, amount in parts) == whole, (claim, name, parts)
        assert all(amount * whole > 0 for _, amount in parts), (claim, name, parts)
        positions = [p for p in said[name]["positions"] if p["claim"] == claim]
        left = [(p["state"], nine(*parse_decimal(p["amount"]))) for p in positions]
        assert left == [part for part in parts if part[0] not in _MATCHED]
    waiting = {(e["claim"], e["external_id"]) for e in w.exceptions() if e["external_id"] in records}
    assert waiting == {(e["claim"], name) for name, one in said.items() for e in one["run_exceptions"]}
    assert waiting <= {key for key, parts in now.items() if {state for state, _ in parts} - _MATCHED}, (
        "nothing of it is open"
    )
    assert {key for key in before if key[1] in records} <= set(now), "what stood somewhere stands nowhere"
    return now


def test_an_invoice_that_is_paid_in_two_months_is_paid() -> None:
    with world("open-items-to-bank", invoice("RE-1003", 100000), line("B5", 60000, "RE-1003", day=4)) as w:
        w.match()
        w.add(line("B6", 40000, "RE-1003", day=34))
        w.match()
        assert told(w)["document", "RE-1003"] == [("provisional", nine(100000, 2))]
        check(w, {})


def test_a_line_that_was_corrected_is_open_until_the_next_run() -> None:
    with world("open-items-to-bank", invoice("RE-1003", 30000), line("B5", 30000, "RE-1003", day=4)) as w:
        w.match()
        before = told(w)
        w.correct("b", "B5", amount=29000)
        assert check(w, before) == {
            ("bank", "B5"): [("open", nine(29000, 2))],
            ("document", "RE-1003"): [("open", nine(30000, 2))],
        }
        one = explained(w)["B5"]
        assert (one["matches"], one["positions"][0]["reason"]) == ([], FREED)


def test_nothing_is_drafted_of_a_match_of_a_line_that_was_corrected() -> None:
    with world("open-items-to-bank", invoice("RE-1003", 30000), line("B5", 30000, "RE-1003", day=4)) as w:
        w.match()
        assert len(w.drafts()) == 1
        w.correct("b", "B5", amount=29000)
        assert w.drafts() == set()
        assert w.journal.counts["reopened"] == 1
        w.correct("b", "B5", amount=30000)  # as it was when it was matched
        assert len(w.drafts()) == 1
        w.correct("b", "B5", amount=29000)
        w.match()
        w.drafts()
        assert w.journal.counts["reopened"] == 0


@st.composite
def moves(draw: st.DrawFn) -> list[tuple[str, int, int]]:
    kinds = ["pay", "pay", "match", "match", "one", "two", "correct", "withdraw", "undo", "resolve", "judge", "invoice"]
    return [(draw(st.sampled_from(kinds)), draw(st.integers(0, 9)), draw(st.integers(1, 12))) for _ in range(6)]


def move(w: World, kind: str, which: int, amount: int, number: int) -> None:
    """Let something happen; what cannot be done does nothing."""
    standing = sorted((match for match in w.matches()), key=lambda match: sorted(match.ids))
    records = sorted((row["source_id"], row["external_id"]) for row in w.records())
    if kind == "invoice":
        w.add(invoice(f"i{number}", amount * 100, day=number))
    elif kind == "pay":
        source = "bc"[which % 2]
        w.add(
            Fact(
                source=source,
                id=f"p{number}",
                amount=amount * 50,
                refs=(f"i{which % 3}",),
                kind="bank_entry",
                day=number,
            )
        )
    elif kind in {"one", "two"}:
        w.match(kind)
    elif kind == "correct":
        w.correct(*records[which % len(records)], amount=amount * 60)
    elif kind == "withdraw":
        w.withdraw(*records[which % len(records)])
    elif kind == "match":
        w.match()
    elif kind in {"undo", "judge"}:
        status = "confirmed" if kind == "undo" else "proposed"
        chosen = [match for match in standing if match.status == status]
        if chosen:
            name = w.match_id(*chosen[which % len(chosen)].ids)
            w.undo(name) if kind == "undo" else w.judge(name, approved=amount % 2 == 0)
    else:
        waiting = sorted({e["external_id"] for e in w.exceptions()})
        others = [name for source, name in records if source != "a"]
        if waiting and others:
            w.resolve(waiting[which % len(waiting)], others[amount % len(others)], part=True)


@pytest.mark.slow
@settings(max_examples=examples(3), deadline=None)
@given(moves())
def test_positions_add_up_after_every_sequence_of_runs_decisions_and_corrections(
    drawn: list[tuple[str, int, int]],
) -> None:
    facts = [invoice(f"i{n}", 600, day=n) for n in range(3)] + [line("p", 250, "i0"), line("q", 600, day=3)]
    with world(RULES, *facts, reconciliations=SHARED, sources=("a", "b", "c")) as w:
        w.match()
        before = check(w, {})
        for number, (kind, which, amount) in enumerate(drawn, 10):
            with suppress(WrongUse, ValueError):
                move(w, kind, which, amount, number)
            before = check(w, before)
