"""What a person may not decide: a difference that cannot be what they call it, a part of what a rule's match has."""

import pytest

from tests.depth import some_of
from tests.matching.worlds import invoice, line, world
from tieout.errors import WrongUse


@pytest.mark.parametrize(
    ("document", "money", "kind", "told"),
    some_of(
        [
            (10000, -1000, "fee", "run the same way"),
            (10000, -1000, "write_off", "run the same way"),
            (10000, 3000, "bank_charge", "at most the money"),
            (-10000, -21000, "fee", "at most the money"),
            (7000, 9000, "fee", "over_payment"),
            (7000, 9000, "short_payment", "over_payment"),
            (-7000, -9000, "discount", "over_payment"),
            (9000, 7000, "over_payment", "short_payment"),
        ],
        5,
    ),
)
def test_a_difference_must_be_able_to_be_what_it_is_called(document: int, money: int, kind: str, told: str) -> None:
    owed = invoice("RE-1", document, kind="invoice" if document > 0 else "bill")
    with world("open-items-to-bank", owed, line("k1", money, "x")) as w:
        w.match()
        with pytest.raises(WrongUse, match=told):
            w.resolve("k1", "RE-1", difference=kind)
        assert w.rows() == []


@pytest.mark.parametrize(
    ("document", "money", "kind"),
    some_of(
        [
            (10000, 5000, "fee"),
            (-10000, -10150, "bank_charge"),
            (10000, 3000, "write_off"),
            (7000, 90000, "over_payment"),
            (10000, 10100, "fx"),
            (-7000, -7001, "rounding"),
        ],
        3,
    ),
)
def test_a_difference_that_makes_sense_is_taken(document: int, money: int, kind: str) -> None:
    owed = invoice("RE-1", document, kind="invoice" if document > 0 else "bill")
    with world("open-items-to-bank", owed, line("k1", money, "x")) as w:
        w.match()
        w.resolve("k1", "RE-1", difference=kind)
        assert w.together() == {frozenset({"RE-1", "k1"})}


def test_a_part_takes_no_more_than_is_open() -> None:
    """The rule's match of 60 stands until somebody takes it back."""
    with world(
        "open-items-to-bank", invoice("RE-1001", 10000), line("k1", 6000, "RE-1001"), line("k2", 7000, "x", day=2),
        line("k3", 4000, "y", day=2),
    ) as w:  # fmt: skip
        w.match()
        assert w.together() == {frozenset({"RE-1001", "k1"})}
        with pytest.raises(WrongUse, match=r"at most the 40.00 EUR that 'RE-1001' has open, got 70.00: if match"):
            w.resolve("k2", "RE-1001", part=True)
        w.match()
        assert w.together() == {frozenset({"RE-1001", "k1"})}
        w.resolve("k3", "RE-1001", part=True)
        w.match()
        assert w.together() == {frozenset({"RE-1001", "k1"}), frozenset({"RE-1001", "k3"})}
