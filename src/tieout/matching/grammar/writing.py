"""
Rules and aliases as the text of a rule set, so that a person can read, change and keep them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tieout.matching.grammar.rules import Drop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tieout.matching.grammar.rules import Alias, Days, Key

__all__ = ["alias_text", "key_text", "key_words", "rule_text"]


def rule_text(
    name: str,
    keys: Sequence[Key],
    *,
    amount: str | None = None,
    difference: str | None = None,
    days: Days | None = None,
    shape: str = "1:1",
    partial: bool = False,
    confirm: bool = True,
) -> str:
    """
    Write a rule.

    :param amount, difference: as TOML; None: exact.
    """
    lines = ["[[rule]]", f"name = {_quoted(name)}", f"keys = [{', '.join(map(key_text, keys))}]"]
    lines += [f"amount = {amount}"] if amount else []
    lines += [f"difference = {difference}"] if difference else []
    lines += [f"days = {{ from = {days.first}, to = {days.last} }}"] if days else []
    lines += [f'shape = "{shape}"'] if shape != "1:1" else []
    lines += ["partial = true"] if partial else []
    lines += ["confirm = false"] if not confirm else []
    return "\n".join(lines) + "\n"


def alias_text(alias: Alias) -> str:
    """Write an alias."""
    return f"[[alias]]\nleft = {_quoted(alias.left)}\nright = {_quoted(alias.right)}\n"


def key_text(key: Key) -> str:
    """Write a key."""
    parts = [f"left = {_fields(key.left)}", f"right = {_fields(key.right)}", f'how = "{key.how}"']
    dropped = [
        f"{side} = {_drop_text(drop)}" for side, drop in zip(("left", "right"), key.drop, strict=True) if drop != Drop()
    ]
    parts += [f"drop = {{ {', '.join(dropped)} }}"] if dropped else []
    parts += [f"letters = {_fields(key.letters)}"] if key.letters else []
    return f"{{ {', '.join(parts)} }}"


def key_words(key: Key) -> str:
    """Say in words what a key asks for."""
    left, right = (
        ", ".join(fields) + _without(drop) for fields, drop in zip((key.left, key.right), key.drop, strict=True)
    )
    otherwise = "" if key.rewritten else ", spelled otherwise"
    said = {
        "exact": f"{left} is {right}",
        "normalised": f"{left} is {right}{otherwise}",
        "token": f"{left} stands in {right}, or the other way round",
        "prefix": f"{left} begins {right}, or the other way round",
        "name": f"{left} and {right} are one name",
    }[key.how]
    return said + (f", {' and '.join(key.letters)} letters" if key.letters else "")


def _without(drop: Drop) -> str:
    parts = [f"{sign} {where}" for sign, where in ((drop.prefix, "in front"), (drop.suffix, "behind")) if sign]
    parts += [f"its {drop.check} check digits"] if drop.check else []
    parts += [f"its last {drop.last}"] if drop.last else []
    parts += ["the zeros that lead a number in it"] if drop.zeros else []
    return f" without {' and '.join(parts)}" if parts else ""


def _fields(fields: Sequence[str]) -> str:
    return _quoted(fields[0]) if len(fields) == 1 else f"[{', '.join(map(_quoted, fields))}]"


def _drop_text(drop: Drop) -> str:
    parts = [f"{what} = {_quoted(sign)}" for what, sign in (("prefix", drop.prefix), ("suffix", drop.suffix)) if sign]
    parts += [f"check = {_quoted(drop.check)}"] if drop.check else []
    parts += [f"last = {drop.last}"] if drop.last else []
    parts += ["zeros = true"] if drop.zeros else []
    return f"{{ {', '.join(parts)} }}"


def _quoted(text: str) -> str:
    """Write a TOML basic string; JSON's escapes are TOML's, but for signs beyond 16 bits and for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
