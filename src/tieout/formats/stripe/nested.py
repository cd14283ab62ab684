"""
Money that an API object carries inside another one, because the question asked to expand it.

An object without money of its own (a payment intent, an invoice, a checkout session) may carry the charge that paid it:
that is read as if it had come alone, and so is the charge in its refund. Other money inside an object may be another
account's (the charge that a transfer became there), and an object that nobody knows cannot be judged: those are said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.formats.stripe.effects import OBJECTS, undone_by
from tieout.formats.stripe.records import undoings_of
from tieout.formats.stripe.values import Object, identifier, objects_in, transactions_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["is_money", "money_in", "unread_money"]

_MONEY = frozenset({*OBJECTS, "balance_transaction", "dispute"})
_DEPTH_MAX = 24  # a session with its invoice with its payments with their intent with its charge, each in a list
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


def is_money(item: Object) -> bool:
    """Whether an object moves money by itself."""
    return _name(item) in _MONEY


def unread_money(item: Object) -> list[str]:
    """Say which money of an object became no record: one sentence each."""
    if _name(item) in _MONEY:
        return list(dict.fromkeys(_unread_in(item)))
    unknown = [each for each in (item, *_inside(item)) if _name(each) not in _MONEY and _moves(each)]
    return [
        f"expected a charge, refund, payout, dispute, transfer, top-up or application fee where a balance transaction is"
        f" named, got {_named(each)}: its money is not read; bring its balance transaction"
        for each in unknown
    ]


def _unread_in(item: Object, cause_of: Object | None = None) -> Iterator[str]:
    """Walk through what an object with money carries; ``cause_of``: the balance transaction whose source it is."""
    name = _name(item)
    beside = [each for key in _SAME_ACCOUNT.get(name, ()) if _name(each := item.get(key)) in _MONEY]
    source = item.get("source") if name == "balance_transaction" else None
    undoings, transactions = undoings_of(item), transactions_of(item)
    if cause_of is not None:
        transactions = [each for each in transactions if identifier(each) == identifier(cause_of)]
    elif name != "dispute":
        transactions = [each for each in transactions if each not in objects_in(item.get("balance_transactions"))]
    known = {identifier(each) for each in transactions}  # a dispute may carry one transaction under two keys
    for each in _inside(item, [*beside, *transactions, *undoings, source]):
        is_transaction = _name(each) == "balance_transaction"
        if _moves(each) or (is_transaction and identifier(each) not in known):
            yield (
                f"expected {_named(each)} by itself, got it inside {_named(item)}: its money is not read, as it may be another"
                " account's, or is written as nobody documented; bring it as it is, or its balance transaction"
            )
    for transaction in _only_named(item) if cause_of is None else ():
        yield (
            f"expected the balance transaction {transaction:.60} in full, got only its name in {_named(item)}: its money is"
            " not read; bring the balance transaction"
        )
    for each in undoings:
        yield from _unread_in(each)
    if isinstance(source, dict) and _name(source) in _MONEY:
        yield from _unread_in(source, item)


def _only_named(item: Object) -> list[str]:
    """Which balance transactions an object names, whose money cannot be known from the object."""
    name = _name(item)
    if name == "dispute":
        listed = item.get("balance_transactions")
        # Between the API versions with one transaction and those with a list, the one stands beside the list once more.
        named = listed if isinstance(listed, list) and listed else [item.get("balance_transaction")]
        return [each for each in named if isinstance(each, str) and each]
    failed = item.get("failure_balance_transaction")
    return [failed] if isinstance(failed, str) and failed and name in OBJECTS and undone_by(item) is None else []


def _inside(value: object, told: Sequence[object] = (), depth: int = 0) -> Iterator[Object]:
    """Walk down to the objects with money, past those without, and past what is told."""
    if depth >= _DEPTH_MAX or not isinstance(value, (dict, list)):
        return
    for key, each in value.items() if isinstance(value, dict) else enumerate(value):
        if key == "metadata" or any(each is one for one in told):
            continue
        if isinstance(each, dict):
            yield each
        if _name(each) not in _MONEY:
            yield from _inside(each, told, depth + 1)


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
