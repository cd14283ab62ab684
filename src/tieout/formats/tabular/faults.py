"""
Why a row was quarantined, in one sentence with its line, its column and what it holds.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tieout.formats.tabular.compiling import FIELD_KINDS, FIRST_DAY, LAST_DAY
from tieout.formats.tabular.raw import shortened
from tieout.formats.tabular.typed import Kind
from tieout.model.kinds import STATUSES
from tieout.model.money import MINOR_MAX
from tieout.model.problems import Named, Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from tieout.formats.tabular.checks import Check
    from tieout.formats.tabular.projection import Compiled
    from tieout.formats.tabular.typed import Atom

__all__ = ["explained"]

_NAMING = ("identity", "external_id", "account_number", "namespace", "counted", "status")
_NAMES = ("external_id", "payment_id", "settlement_id", "parent_external_id")
_SCALE = 9
_LONGEST = 40
# Checks of a word out of a list.
_WORDS = ("kind", "currency", "status")


def explained(compiled: Compiled, numbers: list[int], rows: pa.Table) -> list[Problem]:
    """
    Give one problem per row at fault, and none for a row without any value.

    ``numbers`` are the checks that the rows break first; ``rows`` is what ``explain`` gave for them, in their order.
    """
    read = [name for n in range(len(compiled.header)) if (name := f"c{n}") in rows.column_names]
    every_column_read = len(read) == len(compiled.header)
    found = []
    for number, row in zip(numbers, rows.to_pylist(), strict=True):
        if every_column_read and all(row[name] is None for name in read):
            continue
        found.append(_problem(compiled, compiled.checks[number - 1], row))
    return found


def _problem(compiled: Compiled, check: Check, row: dict[str, Any]) -> Problem:
    column = _place(compiled, check, row)
    reason = "unreadable"
    if check.what == "field":
        column, said = _conversion(compiled, check.name, row, column)
    elif check.what == "identified":
        named = " or ".join(compiled.mapping.identified)
        said = (
            f"expected what tells this {row['kind']} apart from others, got no value: bring it with the column {named}"
        )
    elif check.what == "where":
        column, said = _unknown(compiled, row, column)
    else:
        said = _SENTENCES[check.what](check.name, row)
        reason = _REASONS.get(check.what, reason)
    message = f"line {row['line']}, column {column}: {said}"
    return Problem(
        message=message,
        severity="row",
        line=row["line"],
        column=column,
        reason=reason,
        named=_named(check, row),
        names=tuple(dict.fromkeys(name for field in _NAMES if (name := row.get(f"s_{field}")) and field != check.name)),
    )


def _place(compiled: Compiled, check: Check, row: dict[str, Any]) -> str:
    """
    Name the column to look at, of those that a field reads: the one that a word came from, an empty one where a value
    is missing, else the first that has any.
    """
    places = compiled.read_by.get(check.name, ())
    word = row.get(f"s_{check.name}") if check.what in _WORDS else None
    missing = check.what == "required" or (check.what in _WORDS and word is None)

    def fits(value: str | None) -> bool:
        if value is None or missing:
            return value is None and missing
        return word is None or str(word).casefold() in value.casefold()

    likely = [place for place in places if fits(row[f"c{place}"])]
    return compiled.header[(likely or places)[0]] if places else check.name


def _named(check: Check, row: dict[str, Any]) -> Named | None:
    """Say what the row is called, if that can be read; a row that is told apart by counting has no name."""
    identity = row.get("s_identity", row.get("s_external_id"))
    status = row.get("s_status") or "booked"
    if not identity or check.name in _NAMING or status not in STATUSES or row.get("s_counted") == "true":
        return None
    return Named(row.get("s_account_number"), row.get("s_namespace") or "entry", identity, status)


def _shown(value: object) -> str:
    return "no value" if value is None else repr(shortened(str(value), _LONGEST))


def _conversion(compiled: Compiled, name: str, row: dict[str, Any], column: str) -> tuple[str, str]:
    """Name the column and the conversion that failed first."""
    for n, (field, atom) in enumerate(compiled.atoms):
        if field == name and row[f"a{n}"] is not None:
            holding = [place for place in atom.columns if row[f"c{place}"] == row[f"a{n}"]] or atom.columns
            where = compiled.header[holding[0]] if holding else column
            return where, f"expected {_expected(compiled, atom, row[f'a{n}'])}, got {_shown(row[f'a{n}'])}"
    places = compiled.read_by.get(name, ())
    if len(places) > 1:  # what a conversion is made of, such as a zone, is mentioned before what is converted
        column = compiled.header[places[-1]]
    values = ", ".join(f"{_shown(row[f'c{n}'])} in {compiled.header[n]}" for n in places)
    return column, f"expected a value for {name} within its limits{_limits(name)}, got {values or 'none'}"


def _limits(name: str) -> str:
    """Say the limits of a day and of a number, in brackets; other values have none but the engine's."""
    if FIELD_KINDS.get(name) is Kind.NUMBER:
        return f" (at most {_SCALE} decimals)"
    if FIELD_KINDS.get(name) in {Kind.DATE, Kind.MOMENT}:
        return f" ({FIRST_DAY} to {LAST_DAY})"
    return ""


def _expected(compiled: Compiled, atom: Atom, text: str) -> str:
    """Say what was expected; of a number that only has too many decimals, how many it may have."""
    point = re.escape(compiled.mapping.dialect.decimal)
    is_too_fine = atom.expected.startswith("a decimal such as") and re.fullmatch(
        rf"\s*[+-]?\d[^{point}]*{point}\d{{{_SCALE + 1},}}\s*", text
    )
    return f"at most {_SCALE} decimals" if is_too_fine else atom.expected


def _unknown(compiled: Compiled, row: dict[str, Any], column: str) -> tuple[str, str]:
    """Name the column without which the filter is neither true nor false, and the words that would decide."""
    empty = [compiled.header[n] for n in compiled.read_by.get("where", ()) if row[f"c{n}"] is None]
    column = empty[0] if empty else column
    name = column if column.isidentifier() and column.isascii() else f'"{column}"'
    hint = f"coalesce({name}, '')" if empty else "coalesce(..., true)"
    where = shortened(compiled.mapping.where or "", _LONGEST)
    return column, f"expected `where` ({where}) to be true or false, got no value: say there what it means, by {hint}"


def _amount(scaled: str | None) -> str:
    """Write a number at scale 9 as people do."""
    if scaled is None:
        return "nothing"
    digits = scaled.lstrip("-").rjust(_SCALE + 1, "0")
    text = f"{digits[:-_SCALE]}.{digits[-_SCALE:]}".rstrip("0").rstrip(".")
    return f"-{text}" if scaled.startswith("-") else text


def _net(_name: str, row: dict[str, Any]) -> str:
    parts = [_amount(row.get(f"s_{name}")) for name in ("amount", "fee", "fee_tax") if row.get(f"s_{name}") is not None]
    return f"expected net = amount - fee - fee_tax = {' - '.join(parts)}, got {_amount(row['s_net'])}"


def _converts(_name: str, row: dict[str, Any]) -> str:
    gross, rate, fee = _amount(row["s_original_amount"]), row.get("s_rate") or "1", _amount(row.get("s_fee") or "0")
    return f"expected net = gross * rate - costs = {gross} * {rate} - {fee}, got {_amount(row['s_net'])}"


def _sign(_name: str, row: dict[str, Any]) -> str:
    amount = _amount(row["s_amount"])
    wanted = "positive" if amount.startswith("-") else "negative"
    return f"expected a {wanted} amount for kind {row['kind']}, got {amount}"


def _size(name: str, _row: dict[str, Any]) -> str:
    return f"expected {name} of at most {MINOR_MAX} minor units, got more"


_SENTENCES: dict[str, Callable[[str, dict[str, Any]], str]] = {
    "kind": lambda _name, row: f"expected a kind or a word of [kinds], got {_shown(row['s_kind'])}",
    "currency": lambda name, row: f"expected an ISO 4217 currency such as EUR, got {_shown(row[f's_{name}'])}",
    "size": _size,
    "net": _net,
    "converts": _converts,
    "sign": _sign,
    "required": lambda name, row: f"expected {name}, which kind {row['kind']} requires, got no value",
    "status": lambda _name, row: f"expected booked, pending or provisional, got {_shown(row['s_status'])}",
}
_REASONS = {"net": "conflict", "converts": "conflict", "required": "incomplete"}
