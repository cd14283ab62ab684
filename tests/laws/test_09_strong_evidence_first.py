"""
Law 9: within a run a weaker rule never takes from a stronger one; and what comes first in a file decides nothing.
"""

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given

from tests.laws.checker import broken
from tests.laws.drawn import facts, few_worlds, set_of, strong_and_weak
from tests.matching.sales import HEAD, IN_A_ROW, paid, run_with, sales
from tests.matching.worlds import Fact, World, invoice, line, rule, rules_text, world

_NORMAL = '[{ left = ["external_id", "references"], right = ["external_id", "references"], how = "normalised" }]'
TOLERANT = rules_text(
    rule("named", keys=_NORMAL),
    rule("named, nearly", keys=_NORMAL, amount='{ abs = "0.05" }'),
    rule("near", days="{ from = -5, to = 5 }", amount='{ abs = "0.05" }'),
)


def test_a_tolerance_does_not_steal_what_agrees_exactly() -> None:
    """b1 is within the tolerance of both; the exact pair stands first, and the rest has its own difference."""
    facts = [invoice("i1", 100), invoice("i2", 102), line("b1", 102), line("b2", 100)]
    exact = rules_text(
        rule("exact", days="{ from = -5, to = 5 }"),
        rule("near", days="{ from = -5, to = 5 }", amount='{ abs = "0.05" }'),
    )
    with world(exact, *facts) as w:
        assert w.matched() == {frozenset({"i1", "b2"}), frozenset({"i2", "b1"})}
        assert broken(w) == []


def test_a_tolerance_without_identifiers_sees_every_candidate_in_it() -> None:
    """100 and 102 both are within 0.05 of 101, one of them by accident: ambiguous, also where one is equal."""
    with world(TOLERANT, invoice("i", 101), line("b1", 100), line("b2", 102)) as w:
        assert w.matched() == set()
    with world(TOLERANT, invoice("i", 101), line("b1", 99)) as w:
        assert w.matched() == {frozenset({"i", "b1"})}
        assert [(a["reason"], a["amount"]) for a in w.rows("adjustments")] == [("short_payment", 2)]


def test_an_identifier_comes_before_an_amount() -> None:
    facts = [invoice("i1", 100), invoice("i2", 100), line("b1", 100, "i2"), line("b2", 100)]
    with world(TOLERANT, *facts) as w:
        assert w.matched() == {frozenset({"i2", "b1"}), frozenset({"i1", "b2"})}


def test_the_first_that_fits_does_not_block_a_pair() -> None:
    """
    i1 may go with b1 or b2, i2 only with b1: whoever takes the first that fits leaves i2 without any.

    The set of candidates is what counts: i1 and b1 have two each, so that neither is taken, in any order of rows.
    """
    facts = [invoice("i1", 100, day=2), invoice("i2", 100), line("b1", 100, day=1), line("b2", 100, day=4)]
    rules = rules_text(rule(days="{ from = -1, to = 2 }"))
    answers = set()
    for order in list(permutations(facts))[::5]:
        with world(rules, *order) as w:
            answers.add(frozenset(w.matched()))
            assert broken(w) == []
    assert answers == {frozenset()}


def test_stronger_evidence_that_comes_later_wins_over_what_was_provisional() -> None:
    with world("generic", invoice("i1", 100), line("b1", 100)) as w:
        assert w.matched() == {frozenset({"i1", "b1"})}
        assert {row["provisional"] for row in w.rows()} == {True}
        w.add(invoice("i2", 100, refs=("b1",)))
        assert w.matched() == {frozenset({"i2", "b1"})}
        assert {row["provisional"] for row in w.rows()} == {False}
        assert broken(w) == []


def test_what_is_final_stays_when_weaker_evidence_comes() -> None:
    with world("generic", invoice("i1", 100), line("b1", 100, "i1")) as w:
        assert w.matched() == {frozenset({"i1", "b1"})}
        w.add(invoice("i2", 100, day=1), line("b2", 100, "i1", day=1))
        assert frozenset({"i1", "b1"}) in w.matched()
        assert broken(w) == []


def test_a_rule_may_look_at_some_kinds_only() -> None:
    rules = rules_text(rule(keys=_NORMAL, left='{ kinds = ["credit_note"] }'))
    facts = [invoice("i", 100), invoice("n", 100, kind="credit_note"), line("b", 100, "i", "n")]
    with world(rules, *facts) as w:
        assert w.matched() == {frozenset({"n", "b"})}


def test_identifiers_without_a_key_of_their_own_meet_too() -> None:
    """Accounts, names and texts have no key computed at intake."""
    for how, theirs in (("exact", "DE12 34"), ("normalised", "de-1234")):
        keys = f'[{{ left = "counterparty_account", right = "counterparty_account", how = "{how}" }}]'
        facts = [
            invoice("i", 100, their_account="DE12 34"),
            line("b", 100, their_account=theirs),
            line("c", 100, their_account="DE1"),
        ]
        with world(rules_text(rule(keys=keys)), *facts) as w:
            assert w.matched() == {frozenset({"i", "b"})}


def test_a_name_may_stand_in_one_of_several_fields() -> None:
    keys = '[{ left = ["counterparty", "text"], right = ["counterparty", "text"], how = "name" }]'
    facts = [invoice("i", 100, name="Meier GmbH"), line("b", 100, text="MEIER"), line("c", 100, name="Otto")]
    with world(rules_text(rule(keys=keys)), *facts) as w:
        assert w.matched() == {frozenset({"i", "b"})}
        assert broken(w) == []


def test_what_a_chain_holds_no_weaker_rule_takes() -> None:
    lines = sales(90)
    for n in (39, 40, 77):
        lines[n] = replace(lines[n], amount=999)
    seen = [f for n, f in enumerate(lines) if n != 44]
    weaker = rule("only", days="{ from = -30, to = 30 }")
    lure = Fact(source="a", id="lure", amount=paid(lines)[3].amount, kind="charge", day=60)
    with world(rules_text(IN_A_ROW, weaker, **HEAD), *seen, lure, *paid(lines)) as w:
        assert not any("b3" in match for match in w.matched())


def test_what_a_stronger_rule_has_used_is_no_line_any_more() -> None:
    lines = sales(60)
    gone = lines[33]
    bank = [*paid([f for f in lines if f is not gone][:30]), *paid([f for f in lines if f is not gone][30:], "c", 29)]
    direct = line("direct", gone.amount, gone.id, day=gone.day)
    first = rule("named", keys='[{ left = "external_id", right = "references" }]')
    with world(rules_text(first, IN_A_ROW, **HEAD), *lines, *bank, direct) as w:
        found = w.matched()
        assert frozenset({gone.id, "direct"}) in found
        assert {run_with(lines, k) for k in range(3)} <= found
        assert not any({gone.id} < match and "direct" not in match for match in found)


@pytest.mark.slow
@few_worlds
@given(names=strong_and_weak(), drawn=facts())
def test_weaker_rules_behind_change_nothing_of_what_stronger_ones_match(
    names: tuple[list[str], list[str]], drawn: list[Fact]
) -> None:
    """And what they leave is all that the weaker ones have."""
    strong, weak = names
    with world(set_of(strong), *drawn) as w:
        w.match()
        alone = _by(w, strong)
    with world(set_of([*strong, *weak]), *drawn) as w:
        w.match()
        assert _by(w, strong) == alone
        assert broken(w) == []
        taken = {part[:3]: part[3] for match in w.matches() if match.rule in strong for part in match.parts}
        measures = {fact.id: abs(fact.amount) * 10**7 for fact in drawn}
        for match in w.matches():
            for side, claim, name, allocated in match.parts if match.rule in weak else ():
                assert abs(allocated) <= measures[name] - abs(taken.get((side, claim, name), 0))


def _by(w: World, rules: list[str]) -> set[object]:
    return {(match.rule, match.status, match.difference, match.parts) for match in w.matches() if match.rule in rules}
