"""
Whose number it is: words that are written like the identifier of what a rule found by no identifier, and are another's.

A line that says "RE-2002" does not pay RE-2001, whatever its amount and whoever pays: the monthly fee of one customer is
the same each month. Alike are numbers with the same leading letters, at least two, and as many letters and digits
behind them, the first of them a digit. Numbers without letters are none: days, customers and codes are written so.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tieout.matching.comparing.evidence import named_rows
from tieout.matching.facts.sides import FIELDS, listed
from tieout.matching.results.found import SIDES
from tieout.model.normal import normal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tieout.matching.performing.perform import Performance

__all__ = ["COLUMNS", "find_other_numbers", "leave_out_other_numbers", "note_other_numbers", "number_of_another"]

#: What a record is called; what it says names others, too.
_OWN = ("external_id", "payment_id", "settlement_id")
_SAID = ("external_id", "payment_id", "settlement_id", "references", "text")
#: Columns without which nothing is said.
COLUMNS = ("references", "text")
#: A bank numbers its own lines: nobody else calls them so.
_BANK = ("bank_entry", "bank_detail")
_LETTERS = re.compile(r"[^\W\d_]{2,}(?=[\W_]*\d)")
_BETWEEN = (re.compile(r"[\s,;:+&()\"'|?*=<>#]+"), re.compile(r"[\s,;:+&()\"'|?*=<>#./]+"))
#: Words of one text beyond this are not looked at; a number may be cut into so many ("PO 2025 001").
_WORDS_MAX = 200
_WORDS_JOINED = 4
_BUNDLES = pa.schema({"bundle": pa.int64()})
_NAMED = pa.schema({"thing": pa.int64(), "other": pa.int64(), "number": pa.string(), "is_said": pa.bool_()})


def leave_out_other_numbers(work: Performance, found: str) -> None:
    """
    Leave out of what a rule found by no identifier the matches of which one half says a number like the other's.

    :param found: ``paired`` or ``summed``.
    """
    engine = work.engine
    both = "select p.l as bundle, p.l as thing, p.r as other from paired p"
    if found == "summed":
        both = """select a.bundle, a.thing, b.thing as other from summed a
            join summed b on b.bundle = a.bundle and a.side = 'left' and b.side = 'right'"""
    note_other_numbers(work, both)
    if engine.count("of_two"):
        bundle = "l" if found == "paired" else "bundle"
        engine.create("rest", f"select p.* from {found} p anti join of_two t on t.bundle = p.{bundle}")
        engine.rename("rest", found)


def note_other_numbers(work: Performance, both: str) -> None:
    """
    Make ``of_two`` (bundle): of what is brought together that of which one half says a number like the other's.

    :param both: the query for it (bundle, thing, other), a thing of the left and another of the right.
    """
    work.engine.derive("of_two", [(_told_sql(work, both), _bundles)], _BUNDLES)


def find_other_numbers(work: Performance, met: str) -> None:
    """
    Make ``other_numbers`` (thing, other, number, is_said): which number of another's speaks against candidates.

    :param met: a relation (thing, other) of things of two sides.
    """
    engine = work.engine
    engine.create("numbers_asked", f"select thing, other from ({met}) union select other, thing from ({met})")
    both = "select 0 as bundle, m.thing, m.other from numbers_asked m"
    engine.derive("other_numbers", [(_told_sql(work, both), _numbers)], _NAMED)


def _told_sql(work: Performance, both: str) -> str:
    """Write the query for what a thing of the left and another of the right (bundle, thing, other) are called and say."""
    told, joined = [], []
    for side, alias, half in zip(SIDES, "ab", ("thing", "other"), strict=True):
        columns = work.columns[side]
        joined.append(f"join {named_rows(work, side)} {alias} on {alias}.thing = p.{half}")
        for name in _SAID:
            nothing = "null::varchar[]" if FIELDS[name].many else "null::varchar"
            shown = f'{alias}."{name}"' if name in columns else nothing
            told.append(f"{shown} as {alias}_{name}")
        told.append(f"{alias}.kind in ({listed(_BANK)}) as {alias}_is_bank")
    return f"select p.bundle, p.thing, p.other, {', '.join(told)} from ({both}) p {' '.join(joined)}"


def _bundles(rows: pa.Table) -> pa.Table:
    against = [
        bundle for bundle, row in zip(rows["bundle"].to_pylist(), rows.to_pylist(), strict=True) if _against(row)
    ]
    return pa.table({"bundle": pa.array(against, pa.int64())})


def _numbers(rows: pa.Table) -> pa.Table:
    """Tell it of both halves: (thing, other, number, is_said)."""
    found = []
    for row in rows.to_pylist():
        if told := _against(row):
            found += [(row["thing"], row["other"], *told), (row["other"], row["thing"], told[0], not told[1])]
    columns = list(zip(*found, strict=True)) or [()] * len(_NAMED)
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, _NAMED, strict=True)], schema=_NAMED)


def _against(row: dict[str, Any]) -> tuple[str, bool] | None:
    """Give the number that one half says and that is like the other's, and whether the first half says it."""
    for one, other in ("ab", "ba"):
        own = [row[f"{other}_{name}"] for name in _OWN if not (name == "external_id" and row[f"{other}_is_bank"])]
        texts = [row[f"{one}_{name}"] for name in _SAID if not FIELDS[name].many] + (row[f"{one}_references"] or [])
        number = number_of_another([text for text in own if text], [text for text in texts if text])
        if number is not None:
            return number, one == "a"
    return None


def number_of_another(own: Sequence[str], said: Sequence[str]) -> str | None:
    """
    Give a word of texts that is written like an identifier and is another one; None if it is said itself, too.

    :param own: identifiers of one thing.
    :param said: identifiers and texts of the other.
    """
    forms, shapes = {normal(text) for text in own}, {shape for text in own for shape in _shapes(text)}
    if not shapes:
        return None
    letters = {letters for letters, _ in shapes}
    if not any(one in text.upper() for one in letters for text in said):
        return None
    words = [word for text in said for word in _words(text)]
    alike = [word for word in words if any(shape in shapes for shape in _shapes(word))]
    return None if not alike or any(normal(word) in forms for word in words) else alike[0].rstrip("-_./")


def _shapes(identifier: str) -> Iterator[tuple[str, int]]:
    """Give the leading letters of an identifier, and how much follows them: nothing where no digit does."""
    begin = _LETTERS.match(identifier.strip())
    if begin:
        yield begin[0].upper(), sum(sign.isalnum() for sign in identifier) - len(begin[0])


def _words(text: str) -> Iterator[str]:
    """Cut a text into words, as they are written; letters and the numbers after them are one word as well."""
    for between in _BETWEEN:
        words = [word for word in between.split(text, _WORDS_MAX)[:_WORDS_MAX] if word]
        for place, word in enumerate(words):
            yield word
            joined = word.rstrip("-_./")
            if not joined.isalpha():
                continue
            for more in words[place + 1 : place + _WORDS_JOINED]:
                if not more[0].isdigit():
                    break
                joined = f"{joined}-{more}"
                yield joined
