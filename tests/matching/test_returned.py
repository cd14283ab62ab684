"""A payout that the bank could not take is in the platform's balance again: nobody has to look for it at the bank."""

from tests.matching.worlds import invoice, line, world

CHARGE = invoice("c", 500, kind="charge", settlement="S", day=1)
PAID_OUT = invoice("p", -500, kind="payout", settlement="S", day=1)


def test_a_payout_that_came_back_is_called_returned() -> None:
    back = invoice("v", 500, kind="payout_reversal", settlement="S2", day=4)
    with world("payout-to-bank", CHARGE, PAID_OUT, back, line("b", 77, text="rent", day=3)) as w:
        w.match()
        assert w.reasons() == {"p": "returned", "v": "returned", "b": "missing_left"}


def test_which_of_two_equal_payouts_came_back_is_not_guessed() -> None:
    other = invoice("p2", -500, kind="payout", settlement="S3", day=2)
    back = invoice("v", 500, kind="payout_reversal", settlement="S2", day=4)
    with world("payout-to-bank", CHARGE, PAID_OUT, other, back, line("b", 77, text="rent", day=3)) as w:
        w.match()
        assert "returned" not in w.reasons().values()


def test_what_comes_long_after_is_another_matter() -> None:
    back = invoice("v", 500, kind="payout_reversal", settlement="S2", day=60)
    with world("payout-to-bank", CHARGE, PAID_OUT, back, line("b", 77, text="rent", day=3)) as w:
        w.match()
        assert "returned" not in w.reasons().values()


def test_what_came_back_is_not_named_by_the_settlement_that_it_came_back_in() -> None:
    """A line names that settlement's own payout, and another one: it is their sum, whatever else is in the settlement."""
    failed = invoice("p1", -500, kind="payout", settlement="PAYOUT-1", day=1)
    back = invoice("v", 500, kind="payout_reversal", settlement="PAYOUT-2", day=2)
    second = invoice("p2", -730, kind="payout", settlement="PAYOUT-2", day=3)
    third = invoice("p3", -110, kind="payout", settlement="PAYOUT-3", day=3)
    lines = [
        invoice("c1", 500, kind="charge", settlement="PAYOUT-1", day=1),
        invoice("c2", 230, kind="charge", settlement="PAYOUT-2", day=2),
        invoice("c3", 110, kind="charge", settlement="PAYOUT-3", day=2),
    ]
    both = line("b", 840, text="PAYOUT-2 PAYOUT-3", day=4)
    with world("payout-to-bank", *lines, failed, back, second, third, both) as w:
        assert frozenset({"p2", "p3", "b"}) in w.matched()
        assert w.reasons() == {"p1": "returned", "v": "returned"}
