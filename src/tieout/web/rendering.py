"""
Writing pages: templates in which everything from outside is escaped, and nothing from outside is obeyed.
"""

from __future__ import annotations

import hashlib
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tieout.observe.money.money_view import PAGE_ROWS
from tieout.web import words
from tieout.web.figures import figures_for

if TYPE_CHECKING:
    from tieout.web.address import Address

__all__ = ["STATIC", "environment", "figures_context", "visible"]

_HERE = Path(__file__).parent
STATIC = _HERE / "static"
_PICTURES = 0x2400
_ESCAPE_END = 0x20
_DELETE = 0x7F


def visible(value: object) -> object:
    """
    Show control characters instead of obeying them: terminal escapes, and marks that turn the direction of writing.

    Markup of our own passes; nothing known is written as nothing.
    """
    if value is None:
        return ""
    if not isinstance(value, str) or isinstance(value, Markup) or value.isprintable():
        return value
    return "".join(map(_shown, value))


def _shown(sign: str) -> str:
    code = ord(sign)
    if sign.isprintable() or sign in "\n\t" or unicodedata.category(sign) == "Zs":
        return sign
    if code < _ESCAPE_END or code == _DELETE:
        return chr(_PICTURES + (code if code < _ESCAPE_END else _ESCAPE_END + 1))
    return f"[U+{code:04X}]"


def _version(name: str) -> str:
    """Give the address of a file of ours; it changes with the file, so that a browser may keep it."""
    return f"/static/{name}?v={hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]}"


def environment() -> Environment:
    """Make the templates' environment."""
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {
        "assets": {path.name: _version(path.name) for path in STATIC.iterdir() if path.is_file()},
        "reason_words": words.reason_words,
        "kind_words": words.kind_words,
        "state_words": words.state_words,
        "page_rows": PAGE_ROWS,
        "proof_words": words.proof_words,
        "part_words": words.PARTS,
    }
    return made


def figures_context(address: Address, accept_language: str | None) -> dict[str, Any]:
    """Give what every template may use: links that keep the scope, and figures in the reader's separators."""
    figures = figures_for(accept_language)
    return {
        "address": address,
        "link": address.link,
        "amount": figures.amount,
        "decimal": figures.decimal,
        "count": figures.count,
        "percent": figures.percent,
        "day": figures.day,
        "moment": figures.moment,
    }
