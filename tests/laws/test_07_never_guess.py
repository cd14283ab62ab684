"""
Law 7: two answers that fit equally well are ambiguous, a search that hits its bound is undecided; neither is matched.
"""

import pytest

from tests.laws.checker import broken
from tests.matching.worlds import Fact, invoice, line, rule, rules_text, world

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
    items = [invoice(f"i{n}", 1000 + 7 * n, name="Meier GmbH") for n in range(61)]
    with world(SUBSET, *items, line("b", 2007, name="MEIER")) as w:
        assert w.matched() == set()
        assert w.reasons()["b"] == "undecided"


def test_a_tie_in_points_is_ambiguous_whatever_the_margin() -> None:
    rivals = [line("b1", 105, name="Meier", day=1), line("b2", 105, name="Meier", day=-1)]
    with world(POINTS, invoice("i", 100, name="Meier"), *rivals) as w:
        assert w.matched() == set()


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
