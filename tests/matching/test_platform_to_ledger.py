"""Lines of a platform against its ledger account: what no ledger line is looked for is not left out without a word."""

import pytest

from tests.matching.worlds import Fact, invoice, world
from tieout.errors import WrongUse

CHARGE = invoice("ch_10001", 500, kind="charge")


def booked(name: str, amount: int, reference: str) -> Fact:
    return Fact(source="b", id=name, amount=amount, refs=(reference,), kind="journal_line", day=1)


@pytest.mark.parametrize("kind", ["payout", "fee", "reserve_hold", "conversion"])
def test_a_platform_on_the_left_is_refused_with_what_to_say_instead(kind: str) -> None:
    facts = (
        CHARGE,
        invoice("own_10002", -380, kind=kind),
        booked("J1", 500, "ch_10001"),
        booked("J2", -380, "own_10002"),
    )
    with world("bank-to-ledger", *facts) as w, pytest.raises(WrongUse) as told:
        w.match()
    message = str(told.value)
    assert message.startswith(
        f"expected the lines of a bank account against the ledger in ab, got {kind} of a platform"
    )
    assert 'say kinds = ["charge"] of that side' in message


def test_of_a_platform_on_the_right_it_is_refused_too() -> None:
    facts = (
        invoice("J1", -380, kind="journal_line", refs=("po_10003",)),
        Fact(source="b", id="po_10003", amount=-380, kind="payout", day=1),
    )
    with world("bank-to-ledger", *facts) as w, pytest.raises(WrongUse, match="got payout of a platform"):
        w.match()


def test_what_customers_paid_is_found_in_the_ledger_where_the_side_says_so() -> None:
    only = '[[reconciliation]]\nid = "ab"\nleft = { source = "a", kinds = ["charge"] }\nright = { source = "b" }\nrules = "bank-to-ledger"\n'
    facts = CHARGE, invoice("po_10002", -380, kind="payout"), booked("J1", 500, "ch_10001")
    with world("bank-to-ledger", *facts, reconciliations=only) as w:
        assert w.matched() == {frozenset({"ch_10001", "J1"})}
        assert w.reasons() == {}
