"""
How a value of one type becomes one of another: the table of conversions that expressions may make.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.formats.tabular import typed as sql
from tieout.formats.tabular.typed import Kind

if TYPE_CHECKING:
    from tieout.formats.tabular.typed import NumberText, Typed

__all__ = ["between"]

_ISO = "a date such as 2026-10-01"
_NO_FLOAT = "a decimal, a whole number or a text, never a floating-point one"
_TYPES = {
    Kind.TEXT: "varchar",
    Kind.INTEGER: "bigint",
    Kind.DATE: "date",
    Kind.TIMESTAMP: "timestamp",
    Kind.MOMENT: "timestamptz",
    Kind.BOOLEAN: "boolean",
    Kind.LIST: "varchar[]",
}


def between(number: NumberText, timezone: str, value: Typed, kind: Kind, *, lenient: bool) -> tuple[str | None, str]:
    """
    Give the SQL of a value as another type, and what a message says was expected if it may fail.

    (None, "") where no conversion exists; an empty expectation means that it cannot fail.
    """
    if value.kind is Kind.NOTHING:
        return f"cast(null as {_TYPES.get(kind, number.digits.sql)})", ""
    if kind is Kind.TEXT:
        return (None if value.kind is Kind.LIST else _text(value)), ""
    if value.kind is Kind.ANY:
        return _free(number, value.sql, kind)
    found = {
        Kind.NUMBER: _number,
        Kind.INTEGER: _integer,
        Kind.DATE: _date,
        Kind.TIMESTAMP: _timestamp,
        Kind.MOMENT: _moment,
        Kind.LIST: _list,
    }.get(kind)
    return found(number, timezone, value, lenient) if found else (None, "")


def _text(value: Typed) -> str:
    if value.kind is Kind.NUMBER:
        return sql.text_of_number(value.sql)
    return f"cast({value.sql} as varchar)"


def _free(number: NumberText, value: str, kind: Kind) -> tuple[str, str]:
    """Convert what a free function of our own code gave, by way of its text where it becomes a number."""
    if kind is Kind.NUMBER:
        point = sql.NumberText(".", "", number.digits)
        return point.convert(f"cast({value} as varchar)"), point.expected
    if kind is Kind.DATE:
        return f"cast({value} as date)", _ISO
    return f"cast({value} as {_TYPES[kind]})", kind.value


def _number(number: NumberText, _zone: str, value: Typed, _lenient: bool) -> tuple[str | None, str]:  # noqa: FBT001 - one signature for all
    if value.kind is Kind.TEXT:
        return number.convert(value.sql), number.expected
    if value.kind is Kind.INTEGER:
        return f"cast({value.sql} as {number.digits.sql})", number.expected
    if value.kind is Kind.FLOAT:
        # Of any value: 5.0 may have been 4.9999999999999999.
        return f"cast('?' || cast({value.sql} as varchar) as {number.digits.sql})", _NO_FLOAT
    return None, ""


def _integer(_number: NumberText, _zone: str, value: Typed, _lenient: bool) -> tuple[str | None, str]:  # noqa: FBT001 - one signature for all
    if value.kind is Kind.TEXT:
        return sql.integer_of_text(value.sql), "a whole number such as 7"
    if value.kind is Kind.NUMBER:
        return sql.exactly(value.sql, "bigint"), "a whole number such as 7"
    if value.kind is Kind.FLOAT:
        return sql.whole_of_float(value.sql, "bigint"), "a whole number such as 7"
    return None, ""


def _date(_number: NumberText, zone: str, value: Typed, lenient: bool) -> tuple[str | None, str]:  # noqa: FBT001 - one signature for all
    if value.kind is Kind.TEXT:
        return sql.day_of_text(value.sql, zone if lenient else None), _ISO
    if value.kind is Kind.TIMESTAMP:
        return f"cast({value.sql} as date)", "a day of the years 1900 to 9999"
    if value.kind is Kind.MOMENT:
        return f"cast(timezone({sql.quoted(zone)}, {value.sql}) as date)", "a day of the years 1900 to 9999"
    return None, ""


def _timestamp(_number: NumberText, _zone: str, value: Typed, _lenient: bool) -> tuple[str | None, str]:  # noqa: FBT001 - one signature for all
    if value.kind is Kind.DATE:
        return f"cast({value.sql} as timestamp)", ""
    return None, ""


def _moment(_number: NumberText, _zone: str, value: Typed, _lenient: bool) -> tuple[str | None, str]:  # noqa: FBT001 - one signature for all
    if value.kind is Kind.TEXT:
        return sql.moment_of_text(value.sql), "a time such as 2026-10-01T12:00:00Z"
    if value.kind in {Kind.DATE, Kind.TIMESTAMP}:
        return f"timezone('UTC', cast({value.sql} as timestamp))", ""
    return None, ""


def _list(_number: NumberText, _zone: str, value: Typed, _lenient: bool) -> tuple[str | None, str]:  # noqa: FBT001 - one signature for all
    return sql.list_of_text(_text(value)), ""
