"""
Law 11: every decision can be undone, later, partly, in bulk; no rule makes again what a person took apart.
"""

import pytest

from tests.laws.checker import broken
from tests.matching.sales import RULES, paid, run_with, sales
from tests.matching.worlds import World, invoice, line, rule, rules_text, world
from tieout import pipeline
from tieout.errors import WrongUse
from tieout.observe.exporting.overview import overview
from tieout.observe.work import worklist
from tieout.store.runs import results_at

_KEYS = '[{{ left = "external_id", right = "references", how = "{}" }}]'
TWO = rules_text(rule("first", keys=_KEYS.format("exact")), rule("second", keys=_KEYS.format("normalised")))
PROPOSED = rules_text(
    rule("sure", keys=_KEYS.format("exact")), rule("perhaps", days="{ from = -5, to = 5 }", confirm="false")
)
FACTS = (invoice("i-1", 100), line("b1", 100, "i-1"), invoice("i-2", 200), line("b2", 200, "I2"))


def run_of(w: World, rule_name: str) -> str:
    return next(str(row["run_id"]) for row in w.rows() if row["rule"] == rule_name)


def test_one_match_is_undone_and_not_made_again() -> None:
    with world(TWO, *FACTS) as w:
        w.match()
        w.undo(w.match_id("i-1", "b1"))
        assert w.matched() == {frozenset({"i-2", "b2"})}
        w.add(invoice("i-3", 5))
        assert w.matched() == {frozenset({"i-2", "b2"})}
        assert broken(w) == []


def test_a_run_is_undone_or_only_one_of_its_rules() -> None:
    with world(TWO, *FACTS) as w:
        w.match()
        w.undo(run_of(w, "first"), "first")
        assert w.together() == {frozenset({"i-2", "b2"})}
        w.undo(run_of(w, "second"))
        assert w.together() == set()
        assert w.matched() == set()


def test_a_run_with_proposals_is_undone_whole() -> None:
    with world(PROPOSED, invoice("i", 100), line("b", 100, "i"), invoice("j", 7), line("c", 7)) as w:
        w.match()
        assert w.together("proposed") == {frozenset({"j", "c"})}
        w.undo(run_of(w, "sure"))
        w.match()
        assert (w.together(), w.together("proposed")) == (set(), set())


@pytest.mark.parametrize("shape", ["n:m", "n:1"])
def test_several_are_undone_and_not_made_again(shape: str) -> None:
    keys = '[{ left = ["external_id", "references"], right = "references", how = "exact" }]'
    rules = rules_text(rule(keys=keys, shape=f'"{shape}"'))
    facts = [invoice("i1", 30, refs=("X",)), invoice("i2", 70, refs=("X",)), line("b", 100, "X")]
    with world(rules, *facts) as w:
        assert w.matched() == {frozenset({"i1", "i2", "b"})}
        w.undo(w.match_id("i1", "i2", "b"))
        assert w.matched() == set()


def test_what_a_settlement_is_made_of_is_undone_and_not_made_again() -> None:
    facts = [
        invoice("l", 100, kind="charge", settlement="S"), invoice("p", -100, kind="payout", settlement="S", day=1),
        invoice("c", 50, kind="charge", settlement="T"), invoice("r", -50, kind="refund", settlement="T"), line("x", 1),
    ]  # fmt: skip
    with world("payout-to-bank", *facts) as w:
        assert w.matched() == {frozenset({"l", "p"}), frozenset({"c", "r"})}
        for ids in (("l", "p"), ("c", "r")):
            w.undo(w.match_id(*ids))
        assert w.matched() == set()
        assert broken(w, polarity="by kind") == []


def test_a_persons_match_is_undone_and_can_be_made_again_by_a_person_only() -> None:
    with world(TWO, invoice("i-1", 100), line("b1", 100)) as w:
        w.match()
        first = w.resolve("i-1", "b1")
        w.undo(first)
        w.correct("b", "b1", refs=("i-1",))
        assert w.matched() == set()
        assert w.resolve("i-1", "b1") != first
        assert w.matched() == {frozenset({"i-1", "b1"})}
        assert broken(w) == []


def test_what_is_undone_is_free_for_another_answer() -> None:
    with world(TWO, invoice("i", 100), line("b", 100, "i"), invoice("j", 100)) as w:
        w.match()
        w.undo(w.match_id("i", "b"))
        w.match()
        w.resolve("j", "b")
        assert w.matched() == {frozenset({"j", "b"})}
        assert broken(w) == []


def test_a_proposal_uses_nothing_up_until_it_is_approved() -> None:
    with world(PROPOSED, invoice("j", 7), line("c", 7), invoice("k", 9), line("d", 9)) as w:
        w.match()
        assert w.together() == set()
        proposals = {match: w.match_id(*match) for match in w.together("proposed")}
        assert len(proposals) == 2
        pipeline.judge(w.store, w.workspace, [proposals[frozenset({"j", "c"})]], "he called", approved=True)
        pipeline.judge(w.store, w.workspace, [proposals[frozenset({"k", "d"})]], "no", approved=False)
        assert w.matched() == {frozenset({"j", "c"})}
        assert w.together("proposed") == set()
        assert {row["decided_by"] for row in w.rows()} == {"tester"}
        w.undo(w.match_id("j", "c"))
        w.match()
        assert (w.together(), w.together("proposed")) == (set(), set())
        assert broken(w) == []


def test_what_does_not_stand_cannot_be_undone_or_approved() -> None:
    with world(TWO, *FACTS) as w:
        w.match()
        match = w.match_id("i-1", "b1")
        with pytest.raises(WrongUse, match="proposed"):
            pipeline.judge(w.store, w.workspace, [match], None, approved=True)
        w.undo(match)
        with pytest.raises(WrongUse):
            pipeline.undo(w.store, w.workspace, match, "another reason")


def test_history_keeps_both() -> None:
    with world(TWO, *FACTS) as w:
        w.match()
        with w.store.book.reading() as connection:
            before = results_at(connection).sequence
        w.undo(w.match_id("i-1", "b1"))
        with w.store.book.reading() as connection:
            then, now = results_at(connection, before), results_at(connection)
        assert not then.voids
        assert len(now.voids) == 1
        assert len(now.all_matches("ab")) >= len(then.all_matches("ab"))


PART = (invoice("i", 500), line("b", 450, text="Zahlung", day=40))


def states(w: World) -> dict[str, str]:
    """Say of each listed exception whether it is open; the export and the work list must agree."""
    listed = {row["external_id"]: row for row in overview(w.store, w.workspace, "exceptions").rows}
    items = worklist.items(w.store.book, [row["exception_id"] for row in listed.values()])
    told = {name: row["state"] for name, row in listed.items()}
    assert told == {name: items[row["exception_id"]].state for name, row in listed.items()}
    return told


def resolve_part(w: World, name: str, other: str) -> str:
    """Match as much as both have, and let the run follow, as ``tieout resolve`` does."""
    list(pipeline.match(w.store, w.workspace))
    made = w.resolve(name, other, part=True)
    list(pipeline.match(w.store, w.workspace))
    return made


def test_what_a_persons_match_settled_is_open_again_once_the_match_is_undone() -> None:
    with world("open-items-to-bank", *PART) as w:
        made = resolve_part(w, "b", "i")
        assert "b" not in states(w)
        w.undo(made)
        assert states(w) == {"i": "open", "b": "open"}
        rows = {row["external_id"]: row for row in overview(w.store, w.workspace, "exceptions").rows}
        assert (rows["b"]["resolution"], rows["b"]["decided_by"]) == (None, None)


def test_what_a_persons_match_settled_is_open_again_once_its_record_is_corrected() -> None:
    with world("open-items-to-bank", *PART) as w:
        resolve_part(w, "b", "i")
        w.correct("b", "b", amount=440)
        list(pipeline.match(w.store, w.workspace))
        assert states(w) == {"i": "open", "b": "open"}


def test_what_a_person_took_apart_stays_apart() -> None:
    lines = sales(60)
    with world(RULES, *lines, *paid(lines)) as w:
        w.match()
        w.undo(w.match_id(*run_with(lines, 2)))
        assert w.matched() == {run_with(lines, k) for k in range(6) if k != 2}
