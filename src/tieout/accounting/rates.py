"""
Exchange rates as people keep them: ``rates/*.csv`` with date, base, quote, rate (one unit of base is rate of quote).

Exact: a rate is a whole number of its last decimal. The rate of a day is the one stated for it, or the last one before
if it is not too old; there is never a guess, an average or a detour over a third currency.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tieout.errors import BadInput, WrongUse
from tieout.model.money import exponents, parse_decimal

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["COLUMNS", "DAYS_MAX", "rates_schema", "read_rates"]

#: The header of a file of rates.
COLUMNS = ("date", "base", "quote", "rate")
#: How old a rate may be, in days: over a long weekend with holidays there is none.
DAYS_MAX = 7
#: More digits do not fit the exact arithmetic (amount of 64 bits times rate within 128 bits).
_DIGITS_MAX = 12
_ROWS_MAX = 5_000_000


def rates_schema() -> pa.Schema:
    """The columns of the relation ``rates``: rate is digits / 10^decimals."""
    import pyarrow as pa

    return pa.schema(
        {
            "day": pa.date32(),
            "base": pa.string(),
            "quote": pa.string(),
            "rate": pa.string(),
            "digits": pa.int64(),
            "decimals": pa.int32(),
        },
    )


def read_rates(texts: Mapping[str, str]) -> pa.Table:
    """
    Read files of rates.

    :param texts: file (``"rates/ecb.csv"``) to its text.
    :raises WrongUse: a line is not a rate, or two lines give one day and pair different rates.
    """
    import pyarrow as pa

    seen: dict[tuple[dt.date, str, str], tuple[str, int, int, str]] = {}
    for name, text in sorted(texts.items()):
        rows = csv.reader(io.StringIO(text))
        header = next(rows, [])
        if tuple(column.strip() for column in header) != COLUMNS:
            message = f"{name} line 1: expected the columns {','.join(COLUMNS)}, got {','.join(header)[:60]!r}"
            raise WrongUse(message)
        for row in rows:
            if row:
                _add(seen, row, f"{name} line {rows.line_num}")
    columns = [(*key, text, digits, decimals) for key, (text, digits, decimals, _) in sorted(seen.items())]
    schema = rates_schema()
    return pa.Table.from_arrays(
        [pa.array(c, f.type) for c, f in zip(zip(*columns, strict=True), schema, strict=True)]
        if columns
        else [pa.array([], f.type) for f in schema],
        schema=schema,
    )


def _add(seen: dict[tuple[dt.date, str, str], tuple[str, int, int, str]], row: list[str], place: str) -> None:
    if len(row) != len(COLUMNS) or len(seen) >= _ROWS_MAX:
        message = f"{place}: expected {len(COLUMNS)} values, got {len(row)}"
        raise WrongUse(message)
    day_text, base, quote, text = (value.strip() for value in row)
    try:
        day = dt.date.fromisoformat(day_text)
    except ValueError:
        message = f"{place}: expected a date such as 2026-10-31, got {day_text[:40]!r}"
        raise WrongUse(message) from None
    for currency in (base, quote):
        if currency not in exponents():
            message = f"{place}: expected an ISO 4217 currency such as EUR, got {currency[:40]!r}"
            raise WrongUse(message)
    digits, decimals = _rate(text, place)
    if base == quote:
        message = f"{place}: expected two different currencies, got {base} twice"
        raise WrongUse(message)
    before = seen.setdefault((day, base, quote), (text, digits, decimals, place))
    if before[1] * 10**decimals != digits * 10 ** before[2]:
        message = f"{place}: expected one rate {base} to {quote} on {day}, got {text} after {before[0]} ({before[3]})"
        raise WrongUse(message)


def _rate(text: str, place: str) -> tuple[int, int]:
    try:
        digits, decimals = parse_decimal(text)
    except BadInput as error:
        message = f"{place}: {error}"
        raise WrongUse(message) from None
    if not 0 < digits < 10**_DIGITS_MAX:
        message = f"{place}: expected a positive rate of at most {_DIGITS_MAX} digits, got {text[:40]!r}"
        raise WrongUse(message)
    return digits, decimals
