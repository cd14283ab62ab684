"""
A mapping: how the columns of a table become canonical records, written by an accountant instead of a programmer.

This module holds the nouns. Their TOML is read in ``grammar``, their expressions in ``expressions``, and the SQL
made of them in ``projection``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import collections.abc as cabc

__all__ = ["FIND_HEADER", "CsvDialect", "FileFormat", "FixedColumn", "Mapping"]

#: What kind of file the table is in.
FileFormat = Literal["csv", "tsv", "parquet", "jsonl", "xlsx", "fixed"]

#: As ``header_row``: the header is the first row (of the first 100) that holds every column of ``identify``.
FIND_HEADER = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvDialect:
    """
    How one producer writes text tables.

    :ivar delimiter: one character; ``"auto"``: the one of ``, ; tab |`` found most in the header line.
    :ivar encoding: a Python name; a byte order mark at the start of the file overrules it.
    :ivar decimal: the decimal sign of every text that becomes a number.
    :ivar thousands: the sign between groups of three digits, or empty.
    :ivar skip_rows: physical lines before the header.
    :ivar header: whether there is a header row; without one the mapping names its ``columns``.
    :ivar quote: the quoting character, doubled inside a value; empty: none.
    """

    delimiter: str = ","
    encoding: str = "utf-8"
    decimal: str = "."
    thousands: str = ""
    skip_rows: int = 0
    header: bool = True
    quote: str = '"'


@dataclass(frozen=True, slots=True)
class FixedColumn:
    """
    A column of a file with fixed positions.

    :ivar start: its first character, counted from 1.
    :ivar length: how many characters (not bytes).
    """

    name: str
    start: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """
    How the rows of one kind of table become records.

    :ivar id: its name; a format id for the mappings of our own format modules.
    :ivar columns: the names of the columns of a file without a header row.
    :ivar header_row: the physical row of the header, from 1 (csv: after ``skip_rows``); ``FIND_HEADER`` to look for it.
    :ivar skip_footer: rows at the end that are not data.
    :ivar identify: columns that make a file this one.
    :ivar where: an expression; a row for which it is false is skipped and counted as skipped; one for which it is
        neither true nor false (a column without a value) is quarantined.
    :ivar fields: canonical field to expression over the file's columns.
    :ivar kinds: the file's word to the canonical kind.
    :ivar account: the account number of every record, as plain text (``fields["account"]`` for a column's).
    :ivar system: the platform or bank that the identifiers belong to; None: the source's id.
    :ivar details: columns kept as JSON in ``details``; None: every column that no field mentions.
    :ivar totals: the amount that the file's totals add up: ``"amount"`` or ``"net"``.
    :ivar converts: ``original_amount`` times ``rate``, less ``fee``, must give ``net``, as far as the file rounds.
    :ivar only_net: the file leaves costs out: ``amount`` is what arrives and such costs as it tells, not the gross.
    :ivar identified: where not empty, a row to which ``identity`` gives no value is set aside, not counted, and these columns
        are named, which would tell it apart.
    :ivar trusted: made by our own code: any scalar function of DuckDB may be used, and the fields ``namespace``,
        ``identity``, ``aliases``, ``counted``, ``revision``, ``details`` may be set too.
    :ivar origin: the file it was read from, for messages.
    :ivar lines: the line of every key in that file (``{"fields.amount": 7}``), for messages.
    """

    id: str
    format: FileFormat = "csv"
    dialect: CsvDialect = CsvDialect()
    columns: tuple[str, ...] = ()
    fixed: tuple[FixedColumn, ...] = ()
    sheet: str | None = None
    header_row: int | None = None
    skip_footer: int = 0
    identify: tuple[str, ...] = ()
    where: str | None = None
    fields: cabc.Mapping[str, str] = field(default_factory=dict)
    kinds: cabc.Mapping[str, str] = field(default_factory=dict)
    account: str | None = None
    system: str | None = None
    details: tuple[str, ...] | None = None
    totals: Literal["amount", "net"] = "amount"
    converts: bool = False
    only_net: bool = False
    identified: tuple[str, ...] = ()
    trusted: bool = False
    origin: str = "mapping"
    lines: cabc.Mapping[str, int] = field(default_factory=dict)
