"""
The TOML of a mapping, checked to the last key before any file is read.

    [mapping]
    id = "acme-psp"
    format = "csv"
    csv = { delimiter = ";", decimal = "," }

    [fields]
    external_id = "txn_id"
    amount = "gross"

    [kinds]
    chargeback = "dispute"

Every fault is one sentence with the file, the line, what was expected and what came.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any, NoReturn, cast, get_args

from tieout.errors import WrongUse
from tieout.formats.reading import ReadOptions
from tieout.formats.tabular.compiling import FIELD_KINDS, meaning_of
from tieout.formats.tabular.mapping import FIND_HEADER, CsvDialect, FileFormat, FixedColumn, Mapping
from tieout.formats.tabular.raw import COLUMNS_MAX
from tieout.formats.tabular.toml_lines import key_lines
from tieout.formats.tabular.typed import EXACT
from tieout.model.encodings import is_encoding
from tieout.model.kinds import KINDS

__all__ = ["parse_mapping"]

_TABLES = ("mapping", "fields", "kinds")
_KEYS: dict[str, type | tuple[type, ...]] = {
    "id": str,
    "format": str,
    "csv": dict,
    "tsv": dict,
    "columns": list,
    "fixed": list,
    "sheet": str,
    "header_row": int,
    "skip_footer": int,
    "identify": list,
    "where": str,
    "account": str,
    "system": str,
    "details": (list, bool),
}
_TYPE_WORDS = {str: "text", dict: "a table", list: "a list", int: "a whole number", bool: "true or false"}
_TEXT_MAX = 2**20
_ROWS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a mapping is written, for messages."""

    where: str
    lines: dict[str, int]

    def refuse(self, key: str, sentence: str) -> NoReturn:
        """Stop with the place of a key (or of the table it should stand in)."""
        line = self.lines.get(key) or self.lines.get(key.split(".", maxsplit=1)[0])
        message = f"{self.where} line {line}: {sentence}" if line else f"{self.where}: {sentence}"
        raise WrongUse(message)

    def known(self, key: str, name: str, allowed: tuple[str, ...], what: str) -> None:
        """Refuse a name that is not one of those allowed, naming the nearest."""
        if name in allowed:
            return
        near = get_close_matches(name, allowed, n=1, cutoff=0.0)
        self.refuse(key, f"unknown {what} {name!r}; did you mean {near[0] if near else allowed[0]!r}?")

    def typed(self, key: str, value: object, kind: type | tuple[type, ...]) -> None:
        """Refuse a value of another type."""
        kinds = kind if isinstance(kind, tuple) else (kind,)
        if isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool)):
            return
        wanted = " or ".join(_TYPE_WORDS[k] for k in kinds)
        self.refuse(key, f"expected {wanted} for {key.rpartition('.')[2]!r}, got {value!r:.60}")


def parse_mapping(text: str, where: str) -> Mapping:
    """
    Read a mapping from its TOML; ``where`` is the file's name for messages.

    :raises WrongUse: it is not TOML, a key is unknown or missing, or an expression is not allowed.
    """
    if len(text) > _TEXT_MAX:
        message = f"{where}: expected a mapping of at most {_TEXT_MAX} characters, got {len(text)}"
        raise WrongUse(message)
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        message = f"{where}: expected TOML, got a fault: {error}"
        raise WrongUse(message) from None
    source = _Source(where, key_lines(text))
    for name in content:
        source.known(name, name, _TABLES, "table")
        source.typed(name, content[name], dict)
    mapping = _mapping(source, content)
    # Every expression is compiled as if all its columns existed: what is not allowed shows before a file comes.
    meaning_of(mapping, None, ReadOptions(currency="EUR"), EXACT)
    return mapping


def _mapping(source: _Source, content: dict[str, Any]) -> Mapping:
    head = content.get("mapping", {})
    for name, value in head.items():
        key = f"mapping.{name}"
        inside = tuple(field.name for field in fields(CsvDialect))
        if name not in _KEYS and (near := get_close_matches(name, (*_KEYS, *inside), n=1)) and near[0] in inside:
            source.refuse(key, f"unknown key {name!r}; did you mean {near[0]!r} within csv = {{ ... }}?")
        source.known(key, name, tuple(_KEYS), "key")
        source.typed(key, value, _KEYS[name])
    for needed in ("id", "format"):
        if not head.get(needed):
            source.refuse("mapping", f"expected a key {needed!r} in [mapping], got none")
    source.known("mapping.format", head["format"], get_args(FileFormat), "format")
    expressions = _fields(source, content.get("fields", {}))
    mapping = Mapping(
        id=head["id"],
        format=cast("FileFormat", head["format"]),
        dialect=_dialect(source, head),
        columns=_names(source, head, "columns"),
        fixed=_fixed(source, head.get("fixed", [])),
        sheet=head.get("sheet"),
        header_row=_row(source, head, "header_row", FIND_HEADER),
        skip_footer=_row(source, head, "skip_footer", 0) or 0,
        identify=_names(source, head, "identify"),
        where=head.get("where"),
        fields=expressions,
        kinds=_kinds(source, content.get("kinds", {})),
        account=head.get("account"),
        system=head.get("system"),
        details=_details(source, head),
        origin=source.where,
        lines=source.lines,
    )
    _check_whole(source, mapping)
    return mapping


def _fields(source: _Source, table: dict[str, Any]) -> dict[str, str]:
    for name, value in table.items():
        key = f"fields.{name}"
        source.known(key, name, tuple(FIELD_KINDS), "field")
        source.typed(key, value, str)
        if not value.strip():
            source.refuse(key, f"expected an expression for {name!r}, got empty text")
    if not table:
        source.refuse("fields", "expected a table [fields] with at least kind and an amount, got none")
    return dict(table)


def _kinds(source: _Source, table: dict[str, Any]) -> dict[str, str]:
    for word, kind in table.items():
        source.typed(f"kinds.{word}", kind, str)
        source.known(f"kinds.{word}", kind, tuple(KINDS), "kind")
    return dict(table)


def _names(source: _Source, head: dict[str, Any], name: str) -> tuple[str, ...]:
    names = head.get(name, [])
    for value in names:
        source.typed(f"mapping.{name}", value, str)
    if len(names) > COLUMNS_MAX:
        source.refuse(f"mapping.{name}", f"expected at most {COLUMNS_MAX} columns, got {len(names)}")
    return tuple(names)


def _row(source: _Source, head: dict[str, Any], name: str, least: int) -> int | None:
    number: int | None = head.get(name)
    if number is not None and not least <= number <= _ROWS_MAX:
        source.refuse(f"mapping.{name}", f"expected {least} to {_ROWS_MAX} for {name!r}, got {number}")
    return number


def _details(source: _Source, head: dict[str, Any]) -> tuple[str, ...] | None:
    given = head.get("details", True)
    if given is True:
        return None
    return () if given is False else _names(source, head, "details")


def _fixed(source: _Source, columns: list[Any]) -> tuple[FixedColumn, ...]:
    found = []
    for column in columns:
        key = "mapping.fixed"
        source.typed(key, column, dict)
        if set(column) != {"name", "start", "length"}:
            source.refuse(key, f"expected name, start and length of a column in 'fixed', got {', '.join(column)}")
        source.typed(key, column["name"], str)
        for name in ("start", "length"):
            source.typed(key, column[name], int)
            if not 1 <= column[name] <= _TEXT_MAX:
                source.refuse(key, f"expected a {name} from 1 (the first character) in 'fixed', got {column[name]}")
        found.append(FixedColumn(column["name"], column["start"], column["length"]))
    return tuple(found)


def _dialect(source: _Source, head: dict[str, Any]) -> CsvDialect:
    """Read how the text is written: ``csv`` (or ``tsv``), whatever the format is."""
    table = head.get("tsv", {}) | head.get("csv", {})
    base = "mapping.csv" if "csv" in head else "mapping.tsv"
    kinds = {field.name: type(field.default) for field in fields(CsvDialect)}
    for name, value in table.items():
        source.known(base, name, tuple(kinds), "key")
        source.typed(base, value, kinds[name])
    usual = {"delimiter": "\t" if head["format"] == "tsv" else ",", "header": "columns" not in head}
    dialect = CsvDialect(**(usual | table))
    if dialect.header and "columns" in head:
        source.refuse(
            base, "expected no 'header' beside 'columns', which are the names of a file without one, got both"
        )
    _check_signs(source, base, dialect)
    return dialect


def _check_signs(source: _Source, key: str, dialect: CsvDialect) -> None:
    if not is_encoding(dialect.encoding):
        source.refuse(key, f"expected an encoding that Python knows, such as utf-8, got {dialect.encoding!r}")
    sign = dialect.delimiter
    if sign != "auto" and (len(sign) != 1 or not sign.isascii() or sign in "\r\n"):
        source.refuse(key, f"expected one ASCII character or 'auto' for 'delimiter', got {sign!r}")
    if len(dialect.quote) > 1 or not dialect.quote.isascii() or dialect.quote == sign or dialect.quote in ("\r", "\n"):
        source.refuse(key, f"expected one ASCII character or nothing for 'quote', got {dialect.quote!r}")
    signs = dialect.decimal + dialect.thousands
    if len(dialect.decimal) != 1 or len(dialect.thousands) > 1 or any(c.isalnum() or c in "+-" for c in signs):
        source.refuse(key, f"expected one sign for 'decimal' and at most one for 'thousands', got {signs!r}")
    if dialect.decimal == dialect.thousands:
        source.refuse(key, f"expected different signs for 'decimal' and 'thousands', got {dialect.decimal!r} for both")
    if not 0 <= dialect.skip_rows <= _ROWS_MAX:
        source.refuse(key, f"expected 0 to {_ROWS_MAX} for 'skip_rows', got {dialect.skip_rows}")


def _check_whole(source: _Source, mapping: Mapping) -> None:
    """Refuse keys that contradict each other."""
    if mapping.format == "fixed" and not mapping.fixed:
        source.refuse("mapping.format", "expected 'fixed' with the columns of a file with fixed positions, got none")
    if mapping.format in {"csv", "tsv", "xlsx"} and not mapping.dialect.header and not mapping.columns:
        source.refuse("mapping.format", "expected 'columns' for a file without a header row, got none")
    if mapping.header_row == FIND_HEADER and not mapping.identify:
        source.refuse(
            "mapping.header_row", "expected 'identify' with the columns that 'header_row' 0 looks for, got none"
        )
    if mapping.account is not None and {"account", "account_number"} & set(mapping.fields):
        source.refuse("mapping.account", "expected one of 'account' in [mapping] and in [fields], got both")
    if {"account", "account_number"} <= set(mapping.fields):
        source.refuse("fields.account", "expected one of the fields account and account_number, got both")
