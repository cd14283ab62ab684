"""
Law 7: two answers that fit equally well are ambiguous, a search that hits its bound is undecided; neither is matched.
"""

import json
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.laws.checker import broken
from tests.laws.drawn import facts, few_worlds, rule_names, set_of
from tests.matching.sales import HEAD, IN_A_ROW, RULES, paid, run_with, sales
from tests.matching.worlds import Fact, World, invoice, line, rule, rules_text, world
from tieout.matching.performing.asked_pools import POOL_MAX

_KEYS = '[{ left = "external_id", right = ["references", "text"], how = "token" }]'
_NAME = '[{ left = "counterparty", right = "counterparty", how = "name" }]'
_SUBSET = {"shape": '"n:1"', "subset": "true", "coincidence": '"1"'}
ONLY = rules_text(rule(days="{ from = -5, to = 5 }"))
FIFO = rules_text(rule(days="{ from = -5, to = 5 }", equal='"fifo"'))
SUBSET = rules_text(rule("selection", keys=_NAME, **_SUBSET), rule("only", days="{ from = -9, to = 9 }"))
POINTS = rules_text(
    rule(
        keys=_NAME, days="{ from = -3, to = 3 }", amount='{ abs = "0.10" }', at_least="60", margin="1",
        score="{ amount = 40, days = 30, name = 30 }",
    )
)  # fmt: skip
TOKEN = rules_text(rule(keys=_KEYS))


def test_of_two_identical_candidates_none_is_taken() -> None:
    with world(ONLY, invoice("i", 60), line("b1", 60), line("b2", 60)) as w:
        assert w.matched() == set()
        assert set(w.reasons().values()) == {"ambiguous"}
        (exception,) = [e for e in w.exceptions() if e["external_id"] == "i"]
        assert '"external_id":"b1"' in exception["candidates"]
        assert '"external_id":"b2"' in exception["candidates"]


def test_equal_amounts_on_one_day_are_ambiguous_in_any_number() -> None:
    """Also of a crowd that is not set side by side one by one."""
    two = [f(f"{f.__name__}{n}", 60) for f in (invoice, line) for n in range(2)]
    crowd = [f(f"{f.__name__}usd{n}", 60, currency="USD") for f in (invoice, line) for n in range(15)]
    with world(ONLY, *two, *crowd) as w:
        assert w.matched() == set()
        assert set(w.reasons().values()) == {"ambiguous"}
        assert len(w.reasons()) == 34


def test_of_two_selections_with_one_sum_none_is_taken() -> None:
    """100 is 30 + 70 and 40 + 60; nor does a weaker rule take what the selections named."""
    items = [invoice(f"i{amount}", amount, name="Meier GmbH") for amount in (30, 40, 60, 70)]
    extra = [invoice("i100", 100, name="Otto AG", currency="USD"), line("b70", 70, name="Wolf", day=1)]
    with world(SUBSET, *items, *extra, line("b", 100, name="MEIER")) as w:
        assert w.matched() == set()
        assert w.reasons()["b"] == "ambiguous"


def test_the_only_selection_is_taken() -> None:
    items = [invoice(f"i{amount}", amount, name="Meier GmbH") for amount in (1201, 4507, 6089)]
    with world(SUBSET, *items, line("b", 5708, name="MEIER")) as w:
        assert w.matched() == {frozenset({"i1201", "i4507", "b"})}
        assert broken(w) == []


def test_one_of_equal_amounts_in_a_selection_is_ambiguous() -> None:
    items = [invoice(f"i{n}", amount, name="Meier GmbH") for n, amount in enumerate((1201, 4507, 4507))]
    with world(SUBSET, *items, line("b", 5708, name="MEIER")) as w:
        assert w.matched() == set()
        assert w.reasons()["b"] == "ambiguous"


def test_two_lines_that_one_selection_fits_get_none_of_it() -> None:
    items = [invoice(f"i{amount}", amount, name="Meier GmbH") for amount in (1201, 4507)]
    lines = [line(f"b{n}", 5708, name="MEIER") for n in range(2)]
    with world(SUBSET, *items, *lines) as w:
        assert w.matched() == set()


def test_a_payers_pool_beyond_the_bound_is_undecided() -> None:
    items = [invoice(f"i{n}", 1000 + 7 * n, name="Meier GmbH") for n in range(POOL_MAX + 1)]
    with world(SUBSET, *items, line("b", 2007, name="MEIER")) as w:
        assert w.matched() == set()
        assert w.reasons()["b"] == "undecided"


def test_a_tie_in_points_is_ambiguous_whatever_the_margin() -> None:
    rivals = [line("b1", 105, name="Meier", day=1), line("b2", 105, name="Meier", day=-1)]
    with world(POINTS, invoice("i", 100, name="Meier"), *rivals) as w:
        assert w.matched() == set()
        assert w.reasons() == dict.fromkeys(("i", "b1", "b2"), "ambiguous")
        named = {e["external_id"]: {c["external_id"] for c in json.loads(e["candidates"])} for e in w.exceptions()}
        assert named == {"i": {"b1", "b2"}, "b1": {"i"}, "b2": {"i"}}


@pytest.mark.slow
def test_an_identifier_of_a_crowd_is_no_evidence_and_the_answer_undecided() -> None:
    """5,001 rows on a side that all say "2026-10": whatever the amounts, nothing follows from it."""
    lefts = [invoice(f"i{n}", 100 + n, refs=("2026-10",)) for n in range(5001)]
    rights = [line(f"b{n}", 100 + n, text="period 2026-10") for n in range(5001)]
    keys = '[{ left = "references", right = "text", how = "token" }]'
    with world(rules_text(rule(keys=keys)), *lefts, *rights) as w:
        assert w.matched() == set()
        assert set(w.reasons().values()) == {"undecided"}
        assert len(w.reasons()) == 10_002


@pytest.mark.slow
def test_amounts_of_a_crowd_are_undecided_and_others_beside_it_are_found() -> None:
    lefts = [invoice(f"i{n}", 999) for n in range(5001)]
    rights = [line(f"b{n}", 999) for n in range(5001)]
    with world(ONLY, *lefts, *rights, invoice("i", 5), line("b", 5)) as w:
        assert w.matched() == {frozenset({"i", "b"})}
        assert set(w.reasons().values()) == {"undecided"}


def test_what_names_another_is_not_taken_for_its_amount() -> None:
    """The line names i1, whose amount differs; i2 has the amount by accident."""
    rules = rules_text(rule("named", keys=_KEYS), rule("only", days="{ from = -5, to = 5 }"))
    with world(rules, invoice("I-1001", 90), invoice("I-1002", 100), line("b", 100, text="pays I-1001")) as w:
        assert w.matched() == set()
        assert w.reasons()["b"] == "amount_difference"


def test_what_is_spoken_for_is_known_even_if_no_rule_has_found_anything() -> None:
    """Two rules without identifiers, and between them one with: nothing was found, and yet the line names another."""
    rules = rules_text(
        rule("first", days="{ from = 0, to = 0 }"),
        rule("named", keys=_KEYS),
        rule("last", days="{ from = -9, to = 9 }"),
    )
    facts = (invoice("I-1001", 90), invoice("I-1002", 100, day=5), line("b", 100, text="pays I-1001"))
    with world(rules, *facts) as w:
        assert w.matched() == set()


def test_words_that_two_texts_share_are_no_evidence() -> None:
    keys = '[{ left = ["text", "external_id"], right = "text", how = "token" }]'
    facts = (invoice("i", 60, text="monthly invoice"), line("b", 60, text="your invoice"))
    with world(rules_text(rule(keys=keys)), *facts) as w:
        assert w.matched() == set()


def test_equal_things_are_settled_in_order_only_where_a_rule_says_so() -> None:
    facts = [*(invoice(f"i{n}", 60) for n in range(3)), *(line(f"b{n}", 60, day=1) for n in range(2))]
    with world(FIFO, *facts) as w:
        assert w.matched() == {frozenset({"i0", "b0"}), frozenset({"i1", "b1"})}
        assert {row["margin"] for row in w.rows()} == {0}
        assert broken(w) == []


def test_in_order_is_not_over_different_days_or_amounts() -> None:
    """Which of two is the older decides nothing about whose money it is."""
    facts = [invoice("i1", 60), invoice("i2", 60, day=1), line("b1", 60, day=1), line("b2", 60, day=1)]
    with world(FIFO, *facts) as w:
        assert w.matched() == set()


def test_currencies_are_never_set_side_by_side() -> None:
    rules = rules_text(rule("named", keys=_KEYS, amount='{ pct = "5" }'), rule("only", days="{ from = -9, to = 9 }"))
    facts = [invoice("I-1001", 1000, currency="JPY"), line("b", 1000, text="I-1001", currency="KWD")]
    with world(rules, *facts) as w:
        assert w.matched() == set()
        assert set(w.reasons().values()) == {"currency_mismatch"}


def test_a_refund_is_not_taken_for_a_charge_of_its_amount() -> None:
    charges = [
        Fact(source="b", id="c", amount=50, kind="charge", refs=("i2",)),
        Fact(source="b", id="r", amount=-50, kind="refund", refs=("i1",)),
    ]
    with world("invoice-to-payment", invoice("i1", 50), invoice("n2", -50, kind="credit_note"), *charges) as w:
        found = w.matched()
        assert not any({"i1", "r"} <= match or {"n2", "c"} <= match for match in found)
        assert broken(w) == []


def test_fees_and_payouts_pay_no_invoice() -> None:
    lines = [
        Fact(source="b", id="f", amount=100, kind="adjustment", refs=("i",)),
        Fact(source="b", id="p", amount=100, kind="payout", refs=("i",)),
        Fact(source="b", id="c", amount=100, kind="charge", refs=("i",)),
    ]
    with world("invoice-to-payment", invoice("i", 100), *lines) as w:
        assert w.matched() == {frozenset({"i", "c"})}
        assert w.reasons() == {}
        assert {p["external_id"] for p in w.positions()} == {"i", "c"}


def test_a_reversal_of_a_reversal_leaves_no_wrong_match() -> None:
    """Paid out, sent back, paid out again: three payouts of one amount and three bank lines."""
    payouts = [
        invoice("p1", -100, kind="payout", settlement="S", day=1),
        invoice("v1", 100, kind="payout_reversal", settlement="S", day=3),
        invoice("p2", -100, kind="payout", settlement="S", day=5),
        invoice("c", 100, kind="charge", settlement="S"),
    ]
    lines = [line("b1", 100, day=2), line("b2", -100, day=4), line("b3", 100, day=6)]
    with world("payout-to-bank", *payouts, *lines) as w:
        found = w.matched()
        assert not any({"v1", bank} <= match for match in found for bank in ("b1", "b3"))
        assert not any({p, "b2"} <= match for match in found for p in ("p1", "p2"))
        assert broken(w, polarity="by kind") == []


def test_a_payout_may_come_in_two_lines_and_two_payouts_in_one() -> None:
    one = [invoice("PO-1001", -100, kind="payout", settlement="PO-1001")]
    parts = [line("b1", 60, text="PO-1001 1/2", day=1), line("b2", 40, text="PO-1001 2/2", day=2)]
    two = [invoice(f"PO-{n}", -70, kind="payout", settlement=f"PO-{n}") for n in (2001, 2002)]
    with world("payout-to-bank", *one, *two, *parts, line("b3", 140, text="PO-2001 PO-2002", day=1)) as w:
        assert w.matched() == {frozenset({"PO-1001", "b1", "b2"}), frozenset({"PO-2001", "PO-2002", "b3"})}
        assert broken(w, polarity="by kind") == []


def test_a_missing_line_breaks_the_chain_and_it_is_said() -> None:
    lines = sales(90)
    seen = [f for n, f in enumerate(lines) if n != 44]
    with world(RULES, *seen, *paid(lines)) as w:
        assert w.matched() == {run_with(lines, k) for k in range(9) if k != 4}
        assert w.reasons()["b4"] == "missing_left"
        (told,) = {e["note"] for e in w.exceptions() if e["external_id"] == "ch_41"}
        assert told == "the runs of lines before and after it are found; here a line is missing, or one too many"
        assert {json.loads(r["evidence"])["consecutive"]["payouts"] for r in w.rows()} == {4}


def test_beside_a_gap_a_common_amount_makes_the_border_uncertain() -> None:
    """The payout before the gap could have the first line after it instead of the one that is missing."""
    lines = sales(90)
    for n in (39, 40, 77):
        lines[n] = replace(lines[n], amount=999)
    seen = [f for n, f in enumerate(lines) if n != 44]
    with world(RULES, *seen, *paid(lines)) as w:
        assert w.matched() == {run_with(lines, k) for k in range(9) if k not in {3, 4}}
        assert w.reasons()["b3"] == w.reasons()["ch_31"] == "ambiguous"
        (told,) = {e["note"] for e in w.exceptions() if e["external_id"] == "b3"}
        assert told.startswith("fits a chain of consecutive lines, but where its run begins or ends is not certain")


def test_equal_amounts_of_one_moment_on_both_sides_of_a_border_are_ambiguous_unless_a_rule_says_in_order() -> None:
    """Ten lines a payout, four of a day: which of two equal ones of that day was paid first is not known."""
    lines = sales(60)
    for n in (29, 30):
        lines[n] = replace(lines[n], amount=4_711, day=7)
    with world(RULES, *lines, *paid(lines)) as w:
        assert w.matched() == {run_with(lines, k) for k in range(6) if k not in {2, 3}}
        assert w.reasons()["ch_29"] == "ambiguous"
    in_order = rules_text(IN_A_ROW + 'equal = "fifo"\n', **HEAD)
    with world(in_order, *lines, *paid(lines)) as w:
        assert w.matched() == {run_with(lines, k) for k in range(6)}
        assert {r["margin"] for r in w.rows() if r["external_id"] in {"ch_29", "ch_30"}} == {0}
        assert {r["margin"] for r in w.rows() if r["external_id"] == "ch_1"} == {None}


def test_of_two_equal_bank_lines_none_is_taken() -> None:
    lines = sales(60)
    bank = paid(lines)
    twin = line("twin", bank[2].amount, day=bank[2].day + 1)
    with world(RULES, *lines, *bank, twin) as w:
        assert w.matched() == {run_with(lines, k) for k in range(6) if k != 2}
        assert {w.reasons()[name] for name in ("b2", "twin", "ch_22")} == {"ambiguous"}


def test_two_accounts_on_one_statement_are_told_apart() -> None:
    mine, theirs = sales(60), sales(60, seed=5, tag="ad", source="c")
    sources = {"sources": ("a", "b", "c"), "reconciliations": _two_lefts()}
    with world(RULES, *mine, *theirs, *paid(mine), *paid(theirs, "d"), **sources) as w:
        found = w.matched()
        assert found == {run_with(mine, k) for k in range(6)} | {run_with(theirs, k, "d") for k in range(6)}


def test_kinds_that_the_rule_does_not_look_at_are_no_lines() -> None:
    lines = sales(60)
    fees = [Fact(source="a", id=f"fee_{n}", amount=-150 - n, kind="fee", day=n) for n in range(15)]
    only = IN_A_ROW + 'left = { kinds = ["charge"] }\n'
    with world(rules_text(only, **HEAD), *lines, *fees, *paid(lines)) as w:
        assert w.matched() == {run_with(lines, k) for k in range(6)}
    with world(RULES, *lines, *fees, *paid(lines)) as w:
        assert w.matched() == set()


@pytest.mark.slow
@few_worlds
@given(names=rule_names(), drawn=facts(), data=st.data())
def test_two_that_nothing_tells_apart_are_treated_alike(
    names: list[str], drawn: list[Fact], data: st.DataObject
) -> None:
    """Whatever the rules: what has the one of two twins and not the other would be as right with them exchanged."""
    ones = [
        data.draw(st.sampled_from([fact for fact in drawn if fact.currency == currency]))
        for currency in sorted({fact.currency for fact in drawn})
    ]
    twins = [replace(one, id=f"{one.id}-twin") for one in ones]
    with world(set_of(names), *drawn, *twins) as w:
        w.match()
        told = _told(w, {})
        for one, twin in zip(ones, twins, strict=True):
            assert _told(w, {one.id: twin.id, twin.id: one.id}) == told
        assert broken(w) == []


def _told(w: World, names: dict[str, str]) -> set[object]:
    """Say what stands, with some records called by other names."""
    return {
        (
            match.rule,
            match.status,
            match.difference,
            frozenset((part[1], names.get(part[2], part[2]), part[3]) for part in match.parts),
        )
        for match in w.matches()
    }


_POOL = st.lists(st.integers(1, 40).map(lambda units: units * 5), min_size=2, max_size=8)
_PAYERS = ("Abel", "Brandt", "Conrad", "Dietz", "Ebert", "Franke")


@pytest.mark.slow
@few_worlds
@given(
    pools=st.lists(
        st.tuples(_POOL, st.sets(st.integers(0, 7), min_size=1), st.sampled_from([0, 0, 0, 5])), min_size=6, max_size=6
    )
)
def test_a_selection_is_taken_only_if_no_other_has_its_sum(pools: list[tuple[list[int], set[int], int]]) -> None:
    """Against all selections, written out; six payers in a world."""
    given_facts: list[Fact] = []
    answers: dict[str, list[frozenset[str]]] = {}
    for payer, (amounts, chosen, off) in zip(_PAYERS, pools, strict=True):
        target = sum(amounts[n] for n in chosen if n < len(amounts)) + off or amounts[0]
        named = [(f"{payer}-{n}", amount) for n, amount in enumerate(amounts)]
        given_facts += [invoice(name, amount, name=payer) for name, amount in named] + [line(payer, target, name=payer)]
        answers[payer] = [
            frozenset({payer, *(name for name, _ in some)})
            for size in range(1, len(named) + 1)
            for some in combinations(named, size)
            if sum(amount for _, amount in some) == target
        ]
    with world(rules_text(rule("selection", keys=_NAME, **_SUBSET)), *given_facts) as w:
        found = w.matched()
        for payer, fitting in answers.items():
            taken = [match for match in found if payer in match]
            if len(fitting) > 1:
                assert (taken, w.reasons().get(payer)) == ([], "ambiguous")
            else:
                assert taken in ([], fitting)
        assert broken(w) == []


def _two_lefts() -> str:
    return (
        '[[reconciliation]]\nid = "ab"\nleft = { source = ["a", "c"] }\nright = { source = "b" }\n'
        'rules = "rules/own.toml"\n'
    )
