"""
Money that an API object carries inside another one, because the question asked to expand it.

An object without money of its own (a payment intent, an invoice, a checkout session) may carry the charge that paid it:
that is read as if it had come alone, and so is the charge in its refund. Other money inside an object may be another
account's (the charge that a transfer became there), and an object that nobody knows cannot be judged: those are said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.formats.stripe.records import OBJECTS
from tieout.formats.stripe.values import Object, identifier

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["money_in", "unread_money"]

_MONEY = frozenset({*OBJECTS, "balance_transaction", "dispute"})
_DEPTH_MAX = 12  # a session with its invoice with its payments with their intent with its charge
_MOVED = ("balance_transaction", "balance_transactions", "failure_balance_transaction")
#: Keys of an object with money under which another one of the same account stands.
_SAME_ACCOUNT = {
    "refund": ("charge",),
    "dispute": ("charge",),
    "charge": ("dispute", "transfer"),
    "transfer": ("source_transaction",),
    "transfer_reversal": ("transfer", "source_refund"),
    "fee_refund": ("fee",),
}
# What the records of an object with money are made of, and the merchant's own words.
_TOLD = frozenset({*_MOVED, "refunds", "reversals", "source", "metadata"})


def money_in(item: Object) -> list[Object]:
    """Give the objects with money that an object is or carries; of one that comes twice, the fuller one."""
    name = _name(item)
    if name in _MONEY:
        carried = [item.get(key) for key in _SAME_ACCOUNT.get(name, ())]
        beside = [each for each in carried if isinstance(each, dict) and _name(each) in _MONEY]
        return [item, *(inner for each in beside for inner in money_in(each))]
    found: dict[str, Object] = {}
    for number, each in enumerate(each for each in _inside(item) if _name(each) in _MONEY):
        key = identifier(each) or str(number)
        if len(str(each)) > len(str(found.get(key, ""))):
            found[key] = each
    return list(found.values())


def unread_money(item: Object) -> list[str]:
    """Say which money of an object became no record: one sentence each."""
    name = _name(item)
    if name in _MONEY:
        told = {*_TOLD, *_SAME_ACCOUNT.get(name, ())}
        foreign = _inside({key: value for key, value in item.items() if key not in told})
        return [
            f"expected {_named(each)} by itself, got it inside {_named(item)}: its money is not read, as it may be another"
            " account's; bring it as it is, or its balance transaction"
            for each in foreign
            if _name(each) == "balance_transaction" or _moves(each)
        ]
    unknown = [each for each in (item, *_inside(item)) if _name(each) not in _MONEY and _moves(each)]
    return [
        f"expected a charge, refund, payout, dispute, transfer, top-up or application fee where a balance transaction is"
        f" named, got {_named(each)}: its money is not read; bring its balance transaction"
        for each in unknown
    ]


def _inside(item: Object, depth: int = 0) -> Iterator[Object]:
    """Walk down to the objects with money, past those without."""
    for key, value in item.items():
        for each in value if isinstance(value, list) else [value]:
            if not isinstance(each, dict) or key == "metadata" or depth >= _DEPTH_MAX:
                continue
            yield each
            if _name(each) not in _MONEY:
                yield from _inside(each, depth + 1)


def _name(item: object) -> str:
    name = item.get("object") if isinstance(item, dict) else None
    return name if isinstance(name, str) else ""


def _moves(item: Object) -> bool:
    """Whether an object names a balance transaction that is not told in full beside it."""
    return any(each and not isinstance(each, dict) for each in (item.get(key) for key in _MOVED[::2])) or (
        _name(item) in _MONEY and any(item.get(key) for key in _MOVED)
    )


def _named(item: Object) -> str:
    return f"{_name(item) or 'an object'} {identifier(item) or ''}".rstrip()[:60]
