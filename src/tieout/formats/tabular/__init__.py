"""
Tables without code: CSV, TSV, Parquet, JSON lines, XLSX and fixed positions, read by a mapping.

A mapping (TOML of an accountant, or a :class:`Mapping` built by one of our format modules) names, for every canonical
field, an SQL expression over the file's columns. It is checked against an allow-list, compiled once per file to one
DuckDB projection, and run batch by batch.

    from tieout.formats.tabular import Mapping, MappingFormat, header_of, parse_mapping, read_table

    MappingFormat(parse_mapping(toml_text, "mappings/acme-psp.toml")).read(stream, options)
    MappingFormat(Mapping(id="acme-psp", fields={...})).read(stream, options)

A format whose columns vary (Stripe's reports) hands ``read_table`` a function from the header to the mapping. What
expressions see and give, for whoever builds mappings in code (``trusted=True``):

- Every column of csv, tsv, jsonl, xlsx and fixed files is text, trimmed, NULL when empty. A name that is not a plain
  identifier is quoted: ``"Net Credit (NC)"``. Only columns that the header has may be named.
- Amount fields take text, decimals or integers in major units (``minor(x)``: minor units of the row's currency).
  Text becomes a number only by the strict rules (no ``1e5``, no ``1_000``); ``x::decimal`` does the same inside an
  expression, and a value that is no number quarantines its row. Arithmetic on text columns converts them likewise.
- Date fields take a date, a timestamp (its day), or ISO text; ``occurred_at`` takes a timestamp (naive: UTC) or ISO
  text; ``references`` and ``aliases`` take a list or one text, NULL and empty elements are dropped; the others text.
- ``external_id`` sets ``identity``, unless the field ``identity`` is mapped too; a row whose identity is NULL is
  ``counted``. ``kind`` goes through ``kinds``.

To add a kind of file: write ``raw_NAME.py`` with an ``open_`` function that gives a header and batches of text
columns, and name it in ``reader``.
"""

from typing import TYPE_CHECKING, Any

from tieout.formats.tabular.mapping import FIND_HEADER, CsvDialect, FixedColumn, Mapping
from tieout.formats.tabular.reader import MappingFormat, header_of, read_table

if TYPE_CHECKING:
    from tieout.formats.tabular.foreseen import check_columns, check_mapping
    from tieout.formats.tabular.grammar import parse_mapping
    from tieout.formats.tabular.projection import Compiled, compile_mapping

__all__ = [
    "FIND_HEADER",
    "Compiled",
    "CsvDialect",
    "FixedColumn",
    "Mapping",
    "MappingFormat",
    "check_columns",
    "check_mapping",
    "compile_mapping",
    "header_of",
    "parse_mapping",
    "read_table",
]

_LAZY = {
    "Compiled": "projection",
    "check_columns": "foreseen",
    "check_mapping": "foreseen",
    "compile_mapping": "projection",
    "parse_mapping": "grammar",
}


def __getattr__(name: str) -> Any:
    """Import what needs sqlglot only when it is asked for."""
    if name not in _LAZY:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
