"""
What each of Stripe's API objects does to the balance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tieout.formats.stripe.terms import word_of
from tieout.formats.stripe.values import identifier

if TYPE_CHECKING:
    from tieout.formats.stripe.values import Object

__all__ = ["OBJECTS", "Effect", "effect_of", "undone_by"]


@dataclass(frozen=True, slots=True)
class Effect:
    """What an object does to the balance: its kind, its sign, the key of the object that it comes from, its word."""

    kind: str
    sign: int
    parent: str | None
    word: str


#: The objects that move money by a balance transaction of their own.
OBJECTS = {
    "charge": Effect("charge", 1, None, "charge"),
    "refund": Effect("refund", -1, "charge", "refund"),
    "payout": Effect("payout", -1, None, "payout"),
    "transfer": Effect("internal_transfer", -1, "source_transaction", "transfer"),
    "transfer_reversal": Effect("internal_transfer", 1, "transfer", "transfer_reversal"),
    "topup": Effect("top_up", 1, None, "topup"),
    "application_fee": Effect("application_fee", 1, "charge", "application_fee"),
    "fee_refund": Effect("application_fee_refund", -1, "fee", "application_fee_refund"),
}

# The second balance transaction of an object that failed after its money had moved. A failed charge is not here: the
# money goes back by a refund object, which only its expanded balance transaction names.
_UNDONE = {"refund": "refund_reversal", "payout": "payout_reversal"}


def effect_of(item: Object) -> Effect:
    """What an object of ``OBJECTS`` does, by today's word for it."""
    name = str(item["object"])
    return OBJECTS.get(word_of(name, identifier(item), item)) or OBJECTS[name]


def undone_by(item: Object) -> str | None:
    """The kind of the second balance transaction of an object that failed after its money had moved; None where it has none."""
    return _UNDONE.get(effect_of(item).word)
