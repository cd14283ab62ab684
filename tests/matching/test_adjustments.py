"""
The differences of a match and what becomes of them: by rules, by hand, proposed and approved, and in the books.
"""

import re
from contextlib import closing

import pytest

from tests.matching.worlds import World, invoice, line, rule, rules_text, world
from tieout.errors import WrongUse
from tieout.observe.result_rows import ResultRows, spans_of
from tieout.observe.snapshot import take_snapshot
from tieout.store.engine import connect

KEYS = '[{ left = "external_id", right = "text", how = "token" }]'


def less(reason: str = "discount", confirm: str = "true") -> str:
    """A rule for a document that is paid with a little less."""
    said = {"keys": KEYS, "amount": '{ pct = "3", only = "short" }', "difference": f'{{ short = "{reason}" }}'}
    return rules_text(rule("a little less", **said, confirm=confirm))


def adjusted(w: World) -> list[tuple[str, int, int | None, str | None]]:
    rows = sorted(w.rows("adjustments"), key=lambda row: (row["match_id"], row["reason"]))
    return [(row["reason"], row["amount"], row["tax_amount"], row["policy"]) for row in rows]


def told(w: World, match: str) -> list[tuple[str, int]]:
    """What ``explain`` and the console read of the differences of a match."""
    snapshot = take_snapshot(w.store, w.workspace)
    with closing(connect()) as con:
        rows = ResultRows(con, w.store.lake, snapshot.results).rows("adjustments", "match_id", spans_of([match]))
    return [(row["reason"], row["amount"]) for row, _ in rows]


@pytest.mark.parametrize("approved", [True, False])
def test_what_is_approved_is_adjusted_and_booked_like_what_a_rule_confirms(approved: bool) -> None:
    facts = invoice("RE-70001", 10000), line("k1", 9800, text="RE-70001 Skonto")
    with world(less(), *facts) as sure, world(less(confirm="false"), *facts) as w:
        sure.match()
        w.match()
        match = w.match_id("RE-70001", "k1")
        assert w.drafts() == set()
        w.judge(match, approved=approved)
        if not approved:
            assert (w.together("proposed"), adjusted(w), w.drafts()) == (set(), [], set())
            return
        assert adjusted(w) == adjusted(sure) == [("discount", 200, None, "a little less")]
        booked = {(("bank", 9800), ("discounts_allowed", 200), ("receivable", -10000))}
        assert w.drafts() == sure.drafts() == booked
        assert told(w, match) == [("discount", 200)]
        w.match()
        assert w.drafts() == booked
        w.undo(match)
        assert (adjusted(w), w.drafts()) == ([], set())


def test_several_are_approved_each_with_its_own_difference() -> None:
    facts = [
        fact
        for n, paid in ((1, 9800), (2, 10000), (3, 9701))
        for fact in (invoice(f"RE-7000{n}", 10000), line(f"k{n}", paid, text=f"RE-7000{n}"))
    ]
    with world(less(confirm="false"), *facts) as w:
        w.match()
        w.judge(*(w.match_id(f"RE-7000{n}", f"k{n}") for n in (1, 2, 3)), approved=True)
        assert sorted(amount for _, amount, _, _ in adjusted(w)) == [200, 299]
        assert len(w.drafts()) == 3
        w.undo(w.match_id("RE-70003", "k3"))
        assert [amount for _, amount, _, _ in adjusted(w)] == [200]


BOTH = [invoice("RE-70001", 90_000, tax=14_370), line("k1", 87_700, text="less 2 % and fees")]


@pytest.mark.parametrize(
    "said", ["discount=18.00,bank_charge=5.00", "discount=18,bank_charge", "bank_charge=5.00, discount"]
)
def test_a_person_says_how_much_of_a_difference_is_what(said: str) -> None:
    with world(less(), *BOTH) as w:
        w.match()
        match = w.resolve("k1", "RE-70001", difference=said)
        assert adjusted(w) == [
            ("bank_charge", 500, None, "by hand: seen"),
            ("discount", 1_800, 287, "by hand: seen"),
        ]
        ((booked),) = w.drafts()
        assert dict(booked)["bank_charges"] == 500
        assert dict(booked)["output_vat"] == 287
        w.undo(match)
        assert adjusted(w) == []


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("discount,bank_charge", "expected an amount of each reason but one, got discount and bank_charge without"),
        (
            "discount=18.00,bank_charge=4.00",
            "expected amounts that come to the difference of 23.00 EUR, got discount 18.00, bank_charge 4.00",
        ),
        (
            "discount=23.00,bank_charge",
            "expected amounts that come to the difference of 23.00 EUR, got discount 23.00, bank_charge",
        ),
        ("discount=18.00,discount=5.00", "expected each reason once"),
        ("discount=18.005,bank_charge", "expected amounts with at most 2 decimals, got 18.005"),
        ("discount=-18.00,bank_charge", "expected an amount above zero"),
        ("discount=2%,bank_charge", "expected discount=AMOUNT with a decimal"),
        ("discont=18.00,bank_charge", "expected a reason for the difference"),
    ],
)
def test_a_difference_is_divided_only_as_somebody_said(said: str, why: str) -> None:
    with world(less(), *BOTH) as w:
        w.match()
        with pytest.raises(WrongUse, match=re.escape(why)):
            w.resolve("k1", "RE-70001", difference=said)
        assert adjusted(w) == []


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (88_200, [("bank_charge", 500, None), ("discount", 1_800, 287)]),
        (89_999, [("bank_charge", 2_299, None), ("rounding", 1, None)]),
        (90_000, [("bank_charge", 2_300, None)]),
        # What the bank says is not about this difference: it is no part of it.
        (95_000, [("discount", 2_300, 367)]),
        (87_000, [("discount", 2_300, 367)]),
        (None, [("discount", 2_300, 367)]),
    ],
)
def test_what_the_bank_states_that_it_took_is_its_charge_and_the_rest_is_the_rules(
    before: int | None, said: list[tuple[str, int, int | None]]
) -> None:
    paid = line("k1", 87_700, text="RE-70001 less 2 % and fees", before=before)
    with world(less(), BOTH[0], paid) as w, world(less("bank_charge"), BOTH[0], paid) as other:
        w.match()
        assert [row[:3] for row in adjusted(w)] == said
        assert sum(row[1] for row in adjusted(w)) == 2_300
        ((booked),) = w.drafts()
        assert sum(amount for _, amount in booked) == 0
        other.match()
        rounded = said if ("rounding", 1, None) in said else [("bank_charge", 2_300, None)]
        assert [row[:3] for row in adjusted(other)] == rounded
