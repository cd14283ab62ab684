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
