"""
What is wrong with a mapping for one source whatever its files say: found before any of them is kept.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlglot import exp

from tieout.errors import BadInput, WrongUse
from tieout.formats.tabular.compiling import FIELD_KINDS, meaning_of
from tieout.formats.tabular.names import Names
from tieout.formats.tabular.parsing import ALLOWED, is_function, parse
from tieout.formats.tabular.reader import header_of
from tieout.formats.tabular.typed import EXACT
from tieout.model.kinds import KINDS, STATUSES
from tieout.model.money import exponents

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tieout.formats.reading import Head, ReadOptions
    from tieout.formats.tabular.mapping import Mapping

__all__ = ["check_columns", "check_mapping"]

_LITERAL = re.compile(r"\s*'((?:[^']|'')*)'\s*")
_CURRENCIES = ("currency", "original_currency", "base_currency")


def check_mapping(mapping: Mapping, options: ReadOptions) -> None:
    """
    Refuse a mapping with which no row, or no row of one of its words, could ever become a record.

    :param options: what tieout.toml says of the source.
    :raises WrongUse: one sentence with the file, the line, and the key.
    """
    header = _known_header(mapping)
    try:
        meaning_of(mapping, header, options, EXACT)
        for name in mapping.identify if header else ():
            Names(header or ()).place(name)
    except BadInput as error:  # the columns stand in the mapping itself
        raise _refused(
            mapping, "mapping.fixed" if mapping.format == "fixed" else "mapping.columns", str(error)
        ) from None
    for key, sentence in _faults(mapping):
        raise _refused(mapping, key, sentence)


def check_columns(mapping: Mapping, heads: Iterable[Head]) -> None:
    """
    Refuse an expression that names a function of SQL (``current_date``) where a file has no column of that name.

    A file that lacks other columns too is at fault itself; of JSON lines, the first ones do not have every key.

    :param heads: how the files begin.
    :raises WrongUse: one sentence with the mapping's file, the line, and the key.
    """
    texts = {f"fields.{name}": text for name, text in mapping.fields.items()}
    texts |= {"mapping.where": mapping.where} if mapping.where is not None else {}
    columns = [(key, column) for key, text in texts.items() for column in parse(text).find_all(exp.Column)]
    functions = [(key, column.name) for key, column in columns if is_function(column)]
    if not functions or mapping.format == "jsonl":
        return
    for head in heads:
        names = Names(header_of(head, mapping) or ())
        if not all(names.has(column.name) for _, column in columns if not is_function(column)):
            continue
        for key, name in functions:
            if not names.has(name):
                sentence = f"the function {name.lower()} is not allowed in an expression; allowed are {ALLOWED}"
                raise _refused(mapping, key, f"{sentence} (and {head.name} has no column of that name)")


def _known_header(mapping: Mapping) -> tuple[str, ...] | None:
    """Give the columns where the mapping names them itself."""
    if mapping.format == "fixed":
        return tuple(column.name for column in mapping.fixed)
    return mapping.columns if mapping.columns and not mapping.dialect.header else None


def _refused(mapping: Mapping, key: str, sentence: str) -> WrongUse:
    table, _, name = key.partition(".")
    line = mapping.lines.get(key) or mapping.lines.get(table)
    place = f"{mapping.origin} line {line}" if line else mapping.origin
    return WrongUse(f"{place}: [{table}] {name}: {sentence}")


def _faults(mapping: Mapping) -> Iterator[tuple[str, str]]:
    for key, wanted, given in (("sheet", "xlsx", mapping.sheet), ("fixed", "fixed", mapping.fixed)):
        if given and mapping.format != wanted:
            yield (
                f"mapping.{key}",
                f"expected none beside format {mapping.format!r}, as only {wanted!r} has it, got one",
            )
    word = _literal(mapping, "kind")
    if word is None:
        for said, kind in mapping.kinds.items():
            yield from _lacking(mapping, f"kinds.{said}", kind)
    else:
        kind = mapping.kinds.get(word, word)
        if kind not in KINDS:
            yield "fields.kind", f"expected a kind or a word of [kinds], got {word!r}: every row would be quarantined"
        else:
            yield from _lacking(mapping, "fields.kind", kind)
    for name in _CURRENCIES:
        code = _literal(mapping, name)
        if code is not None and code not in exponents():
            yield f"fields.{name}", f"expected an ISO 4217 currency such as EUR, got {code!r}"
    status = _literal(mapping, "status")
    if status is not None and status not in STATUSES:
        yield "fields.status", f"expected {', '.join(STATUSES[:-1])} or {STATUSES[-1]}, got {status!r}"


def _literal(mapping: Mapping, name: str) -> str | None:
    """Give the text that a field is in every row, where it is one."""
    found = _LITERAL.fullmatch(mapping.fields.get(name, ""))
    return found[1].replace("''", "'") if found else None


def _lacking(mapping: Mapping, key: str, kind: str) -> Iterator[tuple[str, str]]:
    lacking = [name for name in KINDS[kind].requires if name not in mapping.fields and name in FIELD_KINDS]
    if lacking:
        needed = " and ".join(lacking)
        yield key, f"kind {kind} requires {needed}, expected in [fields], got none: all its rows would be quarantined"
