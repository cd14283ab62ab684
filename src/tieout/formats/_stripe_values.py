"""
The values of Stripe's API objects: identifiers, amounts in minor units, moments, currencies, or what is wrong with them.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from tieout.errors import BadInput

__all__ = ["Object", "identifier", "instant", "money_of", "objects_in", "whole"]

Object = dict[str, Any]
_MOMENT_MAX = 253_370_764_799  # the last second of the year 9998: a time zone may still add hours


def identifier(value: object) -> str | None:
    """The id of an object, expanded or not; None where there is none."""
    found = value.get("id") if isinstance(value, dict) else value
    return found if isinstance(found, str) and found else None


def objects_in(value: object) -> list[Object]:
    """The objects of a list; none where there is no list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


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
