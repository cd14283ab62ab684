"""A payout that the bank could not take is in the platform's balance again: nobody has to look for it at the bank."""

from dataclasses import replace

from tests.matching.worlds import Fact, invoice, line, world

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


PAYOUT_A = (
    invoice("c1", 500, kind="charge", settlement="PAYOUT-A", day=1),
    invoice("PAYOUT-A", -500, kind="payout", settlement="PAYOUT-A", day=1),
)
PAYOUT_B = (
    invoice("c2", 500, kind="charge", settlement="PAYOUT-B", day=2),
    invoice("PAYOUT-B", -500, kind="payout", settlement="PAYOUT-B", day=2),
)
RENT = line("rent", 77, text="rent", day=3)


def back(day: int = 4, amount: int = 500, parent: str | None = "PAYOUT-A", **more: str) -> Fact:
    """Give what came back, which shares nothing with its payout but that it names it as its parent."""
    return invoice("TXN-9", amount, kind="payout_reversal", day=day, parent=parent, **more)


def reasons(*facts: Fact) -> dict[str, str]:
    with world("payout-to-bank", *facts, RENT) as w:
        w.match()
        return {name: reason for name, reason in w.reasons().items() if name != "rent"}


def test_what_names_its_payout_as_its_parent_is_that_one_however_late_and_in_whatever_settlement() -> None:
    both = {"PAYOUT-A": "returned", "TXN-9": "returned"}
    for came in (back(), back(60), back(settlement="PAYOUT-C")):
        assert reasons(*PAYOUT_A, came) == both


def test_of_two_equal_payouts_the_one_that_is_named_came_back() -> None:
    found = reasons(*PAYOUT_A, *PAYOUT_B, back())
    assert (found.pop("PAYOUT-B"), found) == ("missing_right", {"PAYOUT-A": "returned", "TXN-9": "returned"})


def test_what_names_another_payout_is_not_the_only_one_of_that_amount() -> None:
    """Both came back, one of them nameless: that one is what is left."""
    nameless = invoice("TXN-8", 500, kind="payout_reversal", day=5)
    assert set(reasons(*PAYOUT_A, *PAYOUT_B, back(), nameless).values()) == {"returned"}
    # It names A, whose amount is another: so it is not B, which has that amount.
    other = [replace(fact, amount=fact.amount * 2) for fact in PAYOUT_A]
    assert reasons(*other, *PAYOUT_B, back()).get("PAYOUT-B") == "missing_right"


def test_one_name_for_two_that_came_back_is_not_guessed() -> None:
    again = invoice("TXN-8", 500, kind="payout_reversal", day=5, parent="PAYOUT-A")
    assert "returned" not in reasons(*PAYOUT_A, back(), again).values()
