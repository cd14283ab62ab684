"""
Law 11: every decision can be undone, later, partly, in bulk; no rule makes again what a person took apart.
"""

import datetime as dt
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from tests.laws.checker import broken
from tests.laws.drawn import facts, few_worlds, rule_names, set_of
from tests.matching.sales import RULES, paid, run_with, sales
from tests.matching.worlds import Fact, World, invoice, line, rule, rules_text, world
from tieout import pipeline
from tieout.errors import WrongUse
from tieout.observe.exporting.overview import overview
from tieout.observe.work import worklist
from tieout.store import schema
from tieout.store.engine import connect
from tieout.store.runs import results_at, standing_matches

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


COMPOSED = (
    invoice("l", 100, kind="charge", settlement="S"), invoice("p", -100, kind="payout", settlement="S", day=1),
    invoice("c", 50, kind="charge", settlement="T"), invoice("r", -50, kind="refund", settlement="T"), line("x", 1),
)  # fmt: skip


def undo_later(w: World, named: str, rule_name: str | None = None) -> None:
    w.clock.advance(dt.timedelta(hours=1))
    w.undo(named, rule_name)


def last_undo(w: World) -> str:
    """Name the last run by which a person took matches back."""
    with w.store.book.reading() as connection:
        run = schema.run
        query = sa.select(run.c.run_id).where(run.c.kind == "undo").order_by(run.c.sequence.desc()).limit(1)
        return str(connection.scalars(query).one())


def audited(w: World, run_id: str) -> list[tuple[str, str, str | None]]:
    """Say what the audit log has of a run."""
    with w.store.book.reading() as connection:
        audit = schema.audit
        rows = connection.execute(sa.select(audit).where(audit.c.subject.startswith(f"run {run_id}"))).all()
    return [(row.action, row.actor, row.reason) for row in rows]


def test_an_undo_is_undone_and_what_a_settlement_is_made_of_is_found_again() -> None:
    with world("payout-to-bank", *COMPOSED) as w:
        whole = w.matched()
        match = w.match_id("l", "p")
        undo_later(w, match)
        assert w.matched() == {frozenset({"c", "r"})}
        undone = last_undo(w)
        done, _ = pipeline.undo(w.store, w.workspace, undone[:12], "it was right")
        assert done == f"rules may match again what run {undone} took back"
        assert (w.together(), w.match_id("l", "p")) == (whole, match)
        assert audited(w, last_undo(w)) == [("run undo", "tester", "it was right")]
        # What is found again is a match as any other: it can be taken back, and that in its turn.
        undo_later(w, match)
        assert w.matched() == {frozenset({"c", "r"})}
        undo_later(w, last_undo(w))
        assert w.matched() == whole
        assert broken(w, polarity="by kind") == []


def test_of_an_undone_run_one_rule_may_match_again() -> None:
    rules = rules_text(rule("first", keys=_KEYS.format("exact")), rule("then", days="{ from = -5, to = 5 }"))
    with world(rules, invoice("i-1", 100), line("b1", 100, "i-1"), invoice("j", 200), line("c", 200)) as w:
        assert len(w.matched()) == 2
        undo_later(w, run_of(w, "first"))
        undone = last_undo(w)
        assert w.matched() == set()
        with pytest.raises(WrongUse, match="it took back nothing that this rule had matched"):
            undo_later(w, undone, "second")
        undo_later(w, undone, "then")
        assert w.matched() == {frozenset({"j", "c"})}
        undo_later(w, undone)
        assert w.matched() == {frozenset({"i-1", "b1"}), frozenset({"j", "c"})}
        assert broken(w) == []


def test_a_rejection_is_undone_and_proposed_again() -> None:
    with world(PROPOSED, invoice("j", 7), line("c", 7)) as w:
        w.match()
        (proposal,) = w.together("proposed")
        w.judge(w.match_id("j", "c"), approved=False)
        w.match()
        assert w.together("proposed") == set()
        undo_later(w, last_undo(w))
        assert (w.together(), w.together("proposed")) == (set(), {proposal})
        w.judge(w.match_id("j", "c"), approved=True)
        assert w.matched() == {frozenset({"j", "c"})}


def test_an_undone_undo_is_given_once_and_says_what_to_do_instead() -> None:
    with world(TWO, *FACTS) as w:
        w.match()
        match = w.match_id("i-1", "b1")
        undo_later(w, match)
        undone = last_undo(w)
        with pytest.raises(WrongUse, match=f"`tieout undo {undone} --reason WHY` lets rules match it again"):
            pipeline.undo(w.store, w.workspace, match, "other words")
        undo_later(w, undone)
        allowed = last_undo(w)
        undo_later(w, undone)  # the same words: a command that was killed is repeated
        assert last_undo(w) == allowed
        with pytest.raises(WrongUse, match="was decided anew since"):
            pipeline.undo(w.store, w.workspace, undone, "other words")
        with pytest.raises(WrongUse, match="undo the match that they made since"):
            undo_later(w, allowed)
        undo_later(w, match)
        assert last_undo(w) != allowed
        assert w.matched() == {frozenset({"i-2", "b2"})}


def test_an_undo_that_was_undone_is_decided_anew_even_if_nothing_was_found_again() -> None:
    with world(TWO, *FACTS) as w:
        w.match()
        match = w.match_id("i-1", "b1")
        undo_later(w, match)
        w.correct("b", "b1", refs=())
        undo_later(w, last_undo(w))
        assert w.matched() == {frozenset({"i-2", "b2"})}
        with pytest.raises(WrongUse):  # the same words as before, which hold no more
            undo_later(w, match)
        w.correct("b", "b1", refs=("i-1",))
        assert w.matched() == {frozenset({"i-1", "b1"}), frozenset({"i-2", "b2"})}


@dataclass(frozen=True)
class Standing:
    """A match that stands, the run that made it, and the pairs that it puts together, one of either side."""

    match_id: str
    run_id: str
    rule: str
    by_hand: bool
    final: bool
    pairs: frozenset[frozenset[str]]


@dataclass
class Decided:
    """
    What people decided in a drawn world.

    :ivar apart: pairs that somebody took apart. ``history``: the matches that stood, by how far the book had come.
    """

    apart: set[frozenset[str]] = field(default_factory=set)
    history: dict[int, set[str]] = field(default_factory=dict)


def standing(w: World) -> list[Standing]:
    """List the matches that stand."""
    rows: dict[bytes, list[dict[str, Any]]] = {}
    for row in w.rows():
        rows.setdefault(row["match_id"], []).append(row)
    found = []
    for match_id, parts in rows.items():
        sides = [[part["external_id"] for part in parts if part["side"] == side] for side in ("left", "right")]
        pairs = frozenset(frozenset((one, other)) for one in sides[0] for other in sides[1])
        one = parts[0]
        found.append(
            Standing(
                match_id.hex(), str(one["run_id"]), one["rule"], bool(one["decided_by"]), not one["provisional"], pairs
            )
        )
    return sorted(found, key=lambda match: (match.rule, sorted(map(sorted, match.pairs))))


def stood(w: World, sequence: int) -> set[str]:
    """Name the matches that stood when the book had come so far."""
    with w.store.book.reading() as connection:
        results = results_at(connection, sequence)
    with closing(connect()) as con:
        relation = standing_matches(con, w.store.lake, results)
        return {row[0].hex() for row in con.sql(f"select distinct match_id from {relation}").fetchall()}


def note(w: World, decided: Decided) -> None:
    """Keep what stands now; no rule has put together what somebody took apart."""
    found = standing(w)
    assert not [match for match in found if not match.by_hand and match.pairs & decided.apart]
    with w.store.book.reading() as connection:
        decided.history[results_at(connection).sequence] = {match.match_id for match in found}


def take_back(w: World, decided: Decided, data: st.DataObject) -> None:
    """Let somebody take back a match, or all that a run has by a rule, or all of it: that goes, and nothing else is final."""
    before = standing(w)
    if not before:
        return
    one, how = data.draw(st.sampled_from(before)), data.draw(st.sampled_from(["match", "rule", "run"]))
    if how == "match":
        gone = [one]
        undo_later(w, one.match_id)
    else:
        gone = [match for match in before if match.run_id == one.run_id and (how == "run" or match.rule == one.rule)]
        undo_later(w, one.run_id, one.rule if how == "rule" else None)
    after = {match.match_id for match in standing(w)}
    assert not after & {match.match_id for match in gone}
    assert {match.match_id for match in before if match.final and match not in gone} <= after
    decided.apart |= {pair for match in gone for pair in match.pairs}


def put_together(w: World, decided: Decided, data: st.DataObject) -> None:
    """Let somebody match a document with a line, of which nothing is matched, as far as both have."""
    taken = {name for match in standing(w) for pair in match.pairs for name in pair}
    facts_of = {name: fact for (_, name), (fact, _) in w._versions.items()}
    open_ones = {e["external_id"]: e["side"] for e in w.exceptions() if e["external_id"] not in taken}
    pairs = sorted(
        (one, other)
        for one, side in open_ones.items()
        for other, there in open_ones.items()
        if (side, there) == ("left", "right") and facts_of[one].currency == facts_of[other].currency
        if (facts_of[one].amount > 0) == (facts_of[other].amount > 0)
    )
    if pairs:
        one, other = data.draw(st.sampled_from(pairs))
        w.resolve(one, other, part=True)
        decided.apart.discard(frozenset((one, other)))


@pytest.mark.slow
@few_worlds
@given(names=rule_names(), drawn=facts(parts=4), data=st.data())
def test_whatever_was_decided_is_undone_stays_undone_and_is_remembered(
    names: list[str], drawn: list[Fact], data: st.DataObject
) -> None:
    decided = Decided()
    with world(set_of(names), *drawn) as w:
        w.match()
        note(w, decided)
        for what in data.draw(st.lists(st.sampled_from([take_back, take_back, put_together]), min_size=1, max_size=2)):
            what(w, decided, data)
            note(w, decided)
            w.match()
            note(w, decided)
        for run in sorted({match.run_id for match in standing(w)}):
            gone = [match for match in standing(w) if match.run_id == run]
            if gone:
                undo_later(w, run)
                decided.apart |= {pair for match in gone for pair in match.pairs}
                note(w, decided)
        assert broken(w) == []
        assert {sequence: stood(w, sequence) for sequence in decided.history} == decided.history
