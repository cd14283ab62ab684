"""What customers paid, against what an ERP booked of it by itself (the rule set ``payment-to-receipt``)."""

from typing import Any

import pytest

from tests.matching.worlds import Fact, world


def paid(own_id: str, amount: int, *refs: str, **more: Any) -> Fact:
    said: dict[str, Any] = {"source": "a", "id": own_id, "amount": amount, "refs": refs, "kind": "charge"}
    return Fact(**(said | more))


def booked(own_id: str, amount: int, *refs: str, **more: Any) -> Fact:
    said: dict[str, Any] = {"source": "b", "id": own_id, "amount": amount, "refs": refs, "kind": "receipt"}
    return Fact(**(said | more))


SET = "payment-to-receipt"


def test_a_receipt_is_found_by_what_both_name_and_what_differs_or_lacks_is_an_exception() -> None:
    facts = [
        paid("c1", 10_000, "INV-1"),
        paid("c2", 20_000, "INV-2"),
        paid("c3", 30_000, "INV-3"),
        booked("RC-1", 10_000, "inv 1"),
        booked("RC-2", 19_000, "INV-2"),
        booked("RC-4", 40_000, "INV-4"),
    ]
    with world(SET, *facts) as w:
        assert w.matched() == {frozenset({"c1", "RC-1"})}
        assert w.reasons() == {
            "c2": "amount_difference",
            "RC-2": "amount_difference",
            "c3": "missing_right",
            "RC-4": "missing_left",
        }


def test_no_receipt_is_taken_for_its_amount_alone() -> None:
    with world(SET, paid("c1", 10_000, "INV-1"), booked("RC-1", 10_000, "INV-9")) as w:
        assert w.matched() == set()


def test_what_is_booked_in_sums_and_what_goes_back_is_found() -> None:
    facts = [
        paid("c1", 6_000, "INV-1"),
        paid("c2", 4_000, "INV-1"),
        booked("RC-1", 10_000, "INV-1"),
        paid("c3", 5_000, "INV-2"),
        paid("r3", -2_000, "INV-2", kind="refund"),
        booked("RC-2", 5_000, "INV-2"),
        booked("DB-2", -2_000, "INV-2", kind="disbursement"),
    ]
    with world(SET, *facts) as w:
        found = {frozenset({"c1", "c2", "RC-1"}), frozenset({"c3", "RC-2"}), frozenset({"r3", "DB-2"})}
        assert w.matched() == found


def test_two_receipts_that_fit_are_ambiguous() -> None:
    facts = [paid("c1", 10_000, "INV-1"), booked("RC-1", 10_000, "INV-1"), booked("RC-2", 10_000, "INV-1")]
    with world(SET, *facts) as w:
        assert w.matched() == set()
        assert set(w.reasons().values()) == {"ambiguous"}


@pytest.mark.parametrize("kind", ["invoice", "payout", "fee"])
def test_nothing_else_of_a_source_takes_part(kind: str) -> None:
    amount = -10_000 if kind in {"payout", "fee"} else 10_000
    with world(SET, paid("x", amount, "INV-1", kind=kind), booked("RC-1", amount, "INV-1")) as w:
        assert w.matched() == set()
        assert w.reasons() == {"RC-1": "missing_left"}
