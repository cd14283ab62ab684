"""
What pays out may cost something of its own: that leaves the balance beside the payout, and the bank has the payout.
"""

import pytest

from tests.laws.checker import broken
from tests.matching.worlds import World, invoice, line, nine, world

CASES = [
    # (kind, amount, fee, currency): a payout, money back to us after the fee, what is paid in, a rebate.
    ("payout", -10_000, 100, "EUR"),
    ("payout", 10_000, 100, "EUR"),
    ("payout", -10_000, -100, "EUR"),
    ("payout", -10_000, 100, "JPY"),
    ("payout", -10_000, 100, "KWD"),
    ("payout_reversal", 10_000, 100, "EUR"),
    ("top_up", 10_000, 100, "EUR"),
]


@pytest.mark.parametrize(("kind", "amount", "fee", "currency"), CASES)
def test_what_is_paid_out_arrives_with_its_amount(kind: str, amount: int, fee: int, currency: str) -> None:
    paid = invoice("p", amount, kind=kind, fee=fee, currency=currency, settlement="PAYOUT-30001", day=1)
    arrived = line("b", -amount, text="PAYOUT-30001", currency=currency, day=2)
    with world("payout-to-bank", paid, arrived) as w:
        assert w.matched() == {frozenset({"p", "b"})}
        assert not w.exceptions()
        assert not broken(w, polarity="by kind")


@pytest.mark.parametrize(("kind", "amount", "fee", "currency"), CASES)
def test_its_lines_come_to_it_and_its_fee(kind: str, amount: int, fee: int, currency: str) -> None:
    earned = fee - amount
    lines = invoice("c", earned, kind="charge" if earned > 0 else "refund", currency=currency, settlement="S", day=1)
    paid = invoice("p", amount, kind=kind, fee=fee, currency=currency, settlement="S", day=1)
    with world("payout-to-bank", lines, paid) as w:
        w.match()
        assert w.matched() == {frozenset({"c", "p"})}
        assert [(row["reason"], row["amount"]) for row in w.rows("adjustments")] == [("fee", fee)]
        assert not broken(w, polarity="by kind")


def test_lines_that_leave_out_the_fee_are_a_difference() -> None:
    lines = invoice("c", 10_000, kind="charge", settlement="S", day=1)
    with world("payout-to-bank", lines, invoice("p", -10_000, kind="payout", fee=100, settlement="S", day=1)) as w:
        w.match()
        assert not w.matched()
        (told,) = (row["note"] for row in w.exceptions() if row["reason"] == "balance_difference")
        assert told == "the lines of its settlement add up to 100.00 EUR, and its payout takes 101.00 EUR with its fee"


def test_a_fee_on_an_ordinary_line_is_still_kept_back() -> None:
    lines = invoice("c", 10_000, kind="charge", fee=100, settlement="S", day=1)
    with world("payout-to-bank", lines, line("b", 9_900, text="S-20001", day=2)) as w:
        w.match()
        assert moved(w, "c", "settlement") == nine(9_900, 2)


@pytest.mark.parametrize("kind", ["conversion", "internal_transfer", "balance_transfer", "reserve_hold"])
def test_what_moves_to_another_place_moves_with_its_amount(kind: str) -> None:
    with world("payout-to-bank", invoice("x", -11_100, kind=kind, fee=100, day=1), line("b", 77, day=2)) as w:
        w.match()
        assert moved(w, "x", "transfer") == nine(-11_100, 2)
        assert not broken(w, polarity="by kind")


def test_what_is_held_and_released_is_used_up_with_its_amount() -> None:
    held = invoice("h", -11_100, kind="reserve_hold", fee=100, day=1)
    back = invoice("r", 11_100, kind="reserve_release", fee=50, day=9)
    with world("payout-to-bank", held, back, line("b", 77, day=2)) as w:
        w.match()
        assert w.matched() == {frozenset({"h", "r"})}
        assert not broken(w, polarity="by kind")


def moved(w: World, name: str, claim: str) -> int:
    """Say what stands of one claim of a record, at nine decimals, wherever it stands."""
    return sum(
        row["amount"] * 10 ** (9 - row["exponent"])
        for row in w.positions()
        if row["external_id"] == name and row["claim"] == claim
    )
