"""
What stands in the keys of Stripe's API objects: identifiers, moments, currencies, amounts, and how much was captured.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Any

from tieout.errors import BadInput
from tieout.model.money import exponent_of

__all__ = [
    "Object",
    "booked_of",
    "captured",
    "identifier",
    "instant",
    "metadata_of",
    "money_of",
    "objects_in",
    "released",
    "text_of",
    "transactions_of",
    "whole",
]

Object = dict[str, Any]

_DIGIT = re.compile(r"[0-9]")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_MOVED = ("balance_transaction", "failure_balance_transaction")
_RATE = re.compile(r"[0-9]{1,12}(\.[0-9]{1,20})?")
_MOMENT_MAX = 253_370_764_799  # the last second of the year 9998: a time zone may still add hours


def identifier(value: object) -> str | None:
    """The id of an object, expanded or not; None where there is none."""
    found = value.get("id") if isinstance(value, dict) else value
    return found if isinstance(found, str) and found else None


def objects_in(value: object) -> list[Object]:
    """The objects of a list, written as a page of one (since 2014) or as an array; none where there is no list."""
    listed = value.get("data") if isinstance(value, dict) else value
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


def transactions_of(item: Object) -> list[Object]:
    """The balance transactions that an object carries in full; a dispute names its first one twice."""
    alone = [each for key in _MOVED if isinstance(each := item.get(key), dict)]
    listed = objects_in(item.get("balance_transactions"))
    known = {identifier(each) for each in listed}
    return [*listed, *(each for each in alone if identifier(each) not in known)]


def text_of(value: object) -> str | None:
    """Text or a whole number as text; None for nothing, and for anything else."""
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        return None
    return str(value).strip() or None


def metadata_of(item: Object) -> list[str]:
    """The merchant's own identifiers: values of three to 64 characters with a digit, but no days."""
    values = item.get("metadata")
    texts = [text_of(each) or "" for each in values.values()] if isinstance(values, dict) else []
    return [each for each in texts if 3 <= len(each) <= 64 and _DIGIT.search(each) and not _DAY.match(each)]


def whole(item: Object, key: str, what: str | None = None) -> int:
    """
    Read an amount in minor units.

    :raises BadInput: it is absent, or not a whole number.
    """
    value = item.get(key)
    if type(value) is not int:
        name = what or identifier(item) or item.get("object") or "the object"
        message = f"expected a whole number of minor units in {key} of {name}, got {value!r:.60}"
        raise BadInput(message)
    return value


def instant(value: object) -> dt.datetime | None:
    """The UTC moment of seconds since 1970; None where there are none."""
    if type(value) is not int or not 0 <= value <= _MOMENT_MAX:
        return None
    return dt.datetime.fromtimestamp(value, dt.UTC)


def money_of(item: Object) -> str:
    """
    The ISO code of an object's currency.

    :raises BadInput: it states none.
    """
    value = item.get("currency")
    if not isinstance(value, str) or not value:
        message = f"expected a currency in {identifier(item) or item.get('object')}, got {value!r:.60}"
        raise BadInput(message)
    return value.upper()


def released(charge: Object) -> list[Object]:
    """
    Give the listed refunds of a charge that gave nothing back: what was authorised and never captured.

    Until 2022 Stripe listed the rest of a partial capture, and a cancelled authorisation, among the refunds. No balance
    transaction tells of it, because no money moved.
    """
    unmoved = [
        each
        for each in objects_in(charge.get("refunds"))
        if each.get("balance_transaction") is None and each.get("status") in {None, "succeeded"}
    ]
    if charge.get("captured") is False or charge.get("amount_captured") is None:
        return unmoved
    found, rest = [], whole(charge, "amount") - whole(charge, "amount_captured")
    for each in unmoved:
        # A refund of what was captured may wait for its transaction: only the rest can be one that gave nothing back.
        if 0 < whole(each, "amount") <= rest:
            rest -= whole(each, "amount")
            found.append(each)
    return found


def captured(item: Object) -> int:
    """
    Give the amount of an object in minor units; of a charge that was captured in part, this part.

    :raises BadInput: an amount is absent, or not a whole number.
    """
    amount = whole(item, "amount")
    if item.get("object") != "charge" or item.get("captured") is False:
        return amount
    if item.get("amount_captured") is not None:
        return whole(item, "amount_captured") or amount
    return amount - sum(whole(each, "amount") for each in released(item))


def booked_of(source: Object, transaction: Object) -> int:
    """
    How much of an object its transaction booked: what was captured, or the whole, of which the rest goes back by another.

    In another currency the rate tells, where both count as many decimals.
    """
    part, full = captured(source), whole(source, "amount")
    given, booked = money_of(source), money_of(transaction)
    rate = "1" if given == booked else transaction.get("exchange_rate")
    if (
        part == full
        or not isinstance(rate, str)
        or not _RATE.fullmatch(rate)
        or exponent_of(given) != exponent_of(booked)
    ):
        return part
    moved = abs(whole(transaction, "amount"))
    return min(part, full, key=lambda each: abs(each * Decimal(rate) - moved))
