"""
Long numbers in what nobody reads: a card number may stand in a text, or be a number of a typed column.
"""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["HOLDS_LONG", "is_numeric", "number_texts"]

#: Digits enough for a card number, in any script, with whatever may stand between two of them.
HOLDS_LONG = re.compile(r"\d(?:[\W_]{0,3}\d){12}")

#: Whole numbers below are all kept as floats; above, some are written as their neighbour.
_WHOLE_MAX = 2.0**53


def is_numeric(kind: pa.DataType) -> bool:
    """Whether a type is one of whole, decimal or floating numbers."""
    return bool(pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_floating(kind))


def number_texts(column: pa.Array) -> pa.Array:
    """
    Write a column of numbers as text; whole ones that are kept as floats without an exponent.
    """
    if not pa.types.is_floating(column.type):
        return pc.cast(column, pa.string())
    floats = pc.cast(column, pa.float64())
    whole = pc.and_(pc.equal(pc.floor(floats), floats), pc.less(pc.abs(floats), _WHOLE_MAX))
    integers = pc.cast(pc.if_else(whole, floats, None), pa.int64())
    return pc.coalesce(pc.cast(integers, pa.string()), pc.cast(floats, pa.string()))
