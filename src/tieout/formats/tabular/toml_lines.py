"""
On which line of a TOML file each key stands: tomllib does not say.
"""

from __future__ import annotations

import re

__all__ = ["key_lines"]

_TABLE = re.compile(r"\s*\[\[?\s*([^\[\]]+?)\s*\]\]?\s*(#.*)?")
_KEY = re.compile(r"""\s*((?:[\w-]+|"(?:[^"\\]|\\.)*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=(.*)""")
_PART = re.compile(r"""[\w-]+|"((?:[^"\\]|\\.)*)"|'([^']*)'""")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|' + r"'[^']*'")


def key_lines(text: str) -> dict[str, int]:
    """
    Give the line of every table and key, dotted: ``{"fields": 9, "fields.amount": 12}``.

    Meant for text that tomllib has read; lines inside multi-line strings and arrays are no keys.
    """
    lines: dict[str, int] = {}
    table, waiting, depth = "", "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        rest = line
        if waiting:
            if waiting not in line:
                continue
            rest, waiting = line.split(waiting, 1)[1], ""
        elif not depth:
            heading = _TABLE.fullmatch(line)
            if heading:
                table = _dotted(heading[1])
                lines.setdefault(table, number)
                continue
            key = _KEY.match(line)
            if not key:
                continue
            lines.setdefault(".".join(filter(None, (table, _dotted(key[1])))), number)
            rest = key[2]
        waiting, depth = _left_open(rest, depth)
    return lines


def _dotted(key: str) -> str:
    return ".".join(m[1] or m[2] or m[0] for m in _PART.finditer(key))


def _left_open(rest: str, depth: int) -> tuple[str, int]:
    """Say which multi-line string is open at the end of a line, and how many brackets are."""
    for mark in ('"""', "'''"):
        if mark in rest:
            parts = rest.split(mark)
            if len(parts) % 2 == 0:
                return mark, depth
            rest = "".join(parts[::2])
    bare = _STRING.sub("", rest).split("#", 1)[0]
    return "", max(depth + sum(map(bare.count, "[{")) - sum(map(bare.count, "]}")), 0)
