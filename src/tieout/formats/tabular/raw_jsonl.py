"""
JSON lines: one object a line; numbers keep the text that they have in the file, so that no amount becomes a float.

The columns are the keys of the objects in the first block, and those that an optional field of the mapping reads: a row
without the key has no value. Other keys that appear only later are kept together, as JSON, in a column of their own.
"""

from __future__ import annotations

import json
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO

from tieout.formats.tabular.line_blocks import LineBlock, line_blocks
from tieout.formats.tabular.names import OTHER_KEYS
from tieout.formats.tabular.raw import (
    COLUMNS_MAX,
    Outside,
    RawBatch,
    RawTable,
    Unreadable,
    batch_of,
    row_problem,
    shortened,
)
from tieout.formats.tabular.text_blocks import utf8_blocks
from tieout.model.texts import unstorable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tieout.formats.tabular.mapping import Mapping

__all__ = ["open_jsonl"]


class _Number(str):
    """A number as the file writes it."""

    __slots__ = ()


class _Repeated(ValueError):
    """A key stands twice in one object."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        message = "expected every key once, got one twice"
        raise _Repeated(message)
    return found


#: Numbers as their text; an int of any length never becomes a number at all.
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_Number, parse_int=_Number, parse_constant=_Number, strict=False
)


def open_jsonl(stream: BinaryIO, shape: Mapping) -> RawTable:
    """
    Open JSON lines.

    :raises Unreadable: there is no object in the first block.
    """
    outside = Outside()
    texts = utf8_blocks(stream, shape.dialect.encoding)
    blocks = line_blocks(texts, shape.dialect.skip_rows, shape.skip_footer, outside)
    first = next(blocks, None)
    keys: dict[str, None] = {}
    for _, line in first.lines() if first else ():
        found, _ = _read(line)
        keys |= dict.fromkeys(found or ())
    if first is None or not keys or len(keys) > COLUMNS_MAX:
        message = f"expected JSON objects, one a line, with 1 to {COLUMNS_MAX} keys, got {len(keys)} in the first lines"
        raise Unreadable(message, 1)
    return _table(tuple(keys), first, blocks, shape.dialect.decimal, outside)


def _table(
    keys: tuple[str, ...],
    first: LineBlock,
    blocks: Iterator[LineBlock],
    decimal: str,
    outside: Outside,
    more: tuple[str, ...] = (),
) -> RawTable:
    header, absent = (*keys, *more, OTHER_KEYS), set(more)
    return RawTable(
        header,
        lambda used, beside: (
            partial(_parsed, block, header, decimal, used, beside, absent) for block in chain([first], blocks)
        ),
        more=lambda names: _table(keys, first, blocks, decimal, outside, names),
        absent=absent,
        outside=outside,
    )


def _read(line: bytes) -> tuple[dict[str, Any] | None, str]:
    """Read one line as an object; else say what it is."""
    try:
        found = _DECODER.decode(line.decode())
    except UnicodeDecodeError:
        return None, "a byte that is not in the file's encoding"
    except _Repeated:
        return None, "an object with the same key twice"
    except (ValueError, RecursionError):
        return None, repr(shortened(line.decode("utf-8", "replace"), 60))
    if not isinstance(found, dict):
        return None, repr(shortened(line.decode(), 60))
    if b"\\u" in line and (got := unstorable("".join(found))) is not None:
        return None, f"a key with {got}"
    return found, ""


def _text(value: object, decimal: str) -> str | None:
    """Give a value as text: nested ones as JSON; a number with the sign that the mapping reads as the decimal one."""
    if isinstance(value, _Number):
        return value.replace(".", decimal)
    if value is None or isinstance(value, str):
        return value
    return _json(value)


def _json(value: object) -> str:
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_json(key)}:{_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _parsed(
    block: LineBlock,
    header: tuple[str, ...],
    decimal: str,
    used: frozenset[int],
    beside: frozenset[int],
    absent: set[str],
) -> RawBatch:
    objects: list[dict[str, Any]] = []
    numbers: list[int] = []
    problems = []
    known = set(header)
    for number, line in block.lines():
        if not line.strip():
            continue
        found, wrong = _read(line)
        if found is None:
            problems.append(row_problem(number, f"line {number}: expected a JSON object, got {wrong}"))
            continue
        if absent:
            absent.difference_update(found)
        if not found.keys() <= known:
            found[OTHER_KEYS] = {key: value for key, value in found.items() if key not in known}
        objects.append(found)
        numbers.append(number)
    columns = {n: [_text(found.get(header[n]), decimal) for found in objects] for n in sorted(used | beside)}
    return batch_of(header, numbers, columns, problems, beside)
