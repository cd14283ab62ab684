"""A dispute or a reversal that names its document spoils nothing between the document and what paid it."""

from contextlib import AbstractContextManager

import pytest

from tests.matching.test_left_to_later import charge
from tests.matching.worlds import Fact, World, invoice, world

SETS = ("invoice-to-payment", "generic")
AB = '[[reconciliation]]\nid = "ab"\nleft = {{ source = "{0}" }}\nright = {{ source = "{1}" }}\nrules = "{2}"\n'


def given(kind: str, own_id: str, amount: int, ref: str, day: int) -> Fact:
    return Fact(source="p", id=own_id, amount=amount, kind=kind, refs=(ref,), day=day)


DISPUTED = (
    invoice("INV-2001", 5_000),
    charge("ch_5001", 5_000, "INV-2001", day=1),
    given("dispute", "dp_5001", -5_000, "INV-2001", 4),
    given("dispute_reversal", "dr_5001", 5_000, "INV-2001", 11),
)
REVERSED = (
    invoice("INV-2002", 6_000),
    charge("ch_5002", 6_000, "inv 2002", day=1),
    given("refund", "re_5002", -6_000, "INV-2002", 4),
    given("refund_reversal", "rr_5002", 6_000, "INV-2002", 11),
)
PAID = {frozenset({"INV-2001", "ch_5001"}), frozenset({"INV-2002", "ch_5002"})}


@pytest.mark.parametrize("rules", SETS)
@pytest.mark.parametrize("sides", [("a", "p"), ("p", "a")])
def test_the_charge_pays_and_the_rest_needs_a_person(rules: str, sides: tuple[str, str]) -> None:
    with of(rules, sides, *DISPUTED, *REVERSED) as w:
        assert w.matched() == PAID
        assert w.reasons().keys() == {"dp_5001", "dr_5001", "re_5002", "rr_5002"}


def test_a_credit_note_is_answered_by_the_refund_and_not_the_dispute() -> None:
    note = invoice("CN-1", -5_000, kind="credit_note")
    refund, dispute = (given(kind, kind, -5_000, "CN-1", 2) for kind in ("refund", "dispute"))
    for rules in SETS:
        with of(rules, ("a", "p"), note, refund, dispute) as w:
            assert w.matched() == {frozenset({"CN-1", "refund"})}


def test_two_charges_are_two_answers_still() -> None:
    with of("invoice-to-payment", ("a", "p"), *DISPUTED, charge("ch_5009", 5_000, "INV-2001", day=1)) as w:
        assert w.matched() == set()
        assert w.reasons()["INV-2001"] == "ambiguous"


def of(rules: str, sides: tuple[str, str], *facts: Fact) -> AbstractContextManager[World]:
    return world(rules, *facts, sources=("a", "p"), reconciliations=AB.format(*sides, rules))
