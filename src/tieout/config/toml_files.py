"""
TOML files that people write: read with limits, and every fault with its file and line.

tieout.toml, rule sets and whatever else a workspace says in TOML are read alike: ``text_of`` a file, ``parsed``,
and a :class:`~tieout.config.tables.Fault` becomes one sentence by ``located``.
"""

import re
import tomllib
from pathlib import Path
from typing import Any

from tieout.config._toml_places import line_of, toml_places
from tieout.config.tables import Fault
from tieout.errors import WrongUse

__all__ = ["located", "parsed", "text_of"]

_BYTES_MAX = 1 << 20
_DEPTH_MAX = 32
# tomllib needs quadratic time for a.b.c... of many parts, so they are counted before it sees them.
_LONG_KEY = re.compile(
    rf"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{_DEPTH_MAX}}}""",
    re.ASCII,
)
_TOO_DEEP = f"expected at most {_DEPTH_MAX} tables and lists in each other, got more"
_AT_LINE = re.compile(r" \(at line (\d+), column (\d+)\)$")


def text_of(path: Path, name: str) -> str:
    """
    Read a TOML file as text.

    :param name: what messages call it: its path in the workspace.
    :raises WrongUse: it is not there, too large or not UTF-8.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_BYTES_MAX + 1)
    except OSError as error:
        message = f"expected a readable {name} in {path.parent}, got: {error.strerror}"
        raise WrongUse(message) from None
    if len(raw) > _BYTES_MAX:
        message = f"expected {path} to have at most {_BYTES_MAX} bytes, got more"
        raise WrongUse(message)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = f"{name} line {line}: expected UTF-8 text, got the byte 0x{raw[error.start]:02x}"
        raise WrongUse(message) from None


def parsed(text: str, name: str) -> dict[str, Any]:
    """
    Parse TOML within limits of size, depth and numbers.

    :raises Fault: it is not TOML, or too much of it; the place is in its sentence.
    """
    if len(text) > _BYTES_MAX:
        raise Fault(None, f"{name}: expected at most {_BYTES_MAX} characters, got {len(text)}")
    long_key = _LONG_KEY.search(text)
    if long_key:
        line = text.count("\n", 0, long_key.start()) + 1
        raise Fault(None, f"{name} line {line}: expected a key of at most {_DEPTH_MAX} parts, got more")
    try:
        content = tomllib.loads(text)
    except RecursionError:
        raise Fault(None, f"{name}: {_TOO_DEEP}") from None
    except ValueError as error:
        reason, found = str(error), _AT_LINE.search(str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        reason = f"{reason[: found.start()]} in column {found[2]}" if found else reason
        raise Fault(None, f"{name} line {line}: expected TOML, got: {reason}") from None
    unfit = _unfit(content, _DEPTH_MAX)
    if unfit:
        raise Fault(None, f"{name}: {unfit}")
    return content


def _unfit(value: object, levels: int) -> str | None:
    """Say what of a parsed value goes beyond the limits: depth, and whole numbers of 64 bits."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return "expected whole numbers of at most 64 bits, got a larger one"
    if not isinstance(value, (dict, list)):
        return None
    if levels == 0:
        return _TOO_DEEP
    inner = value.values() if isinstance(value, dict) else value
    return next((reason for reason in (_unfit(one, levels - 1) for one in inner) if reason), None)


def located(fault: Fault, text: str, name: str) -> str:
    """Write a fault as one sentence with file and line."""
    if fault.place is None:
        return fault.sentence
    places = toml_places(text)
    first = f" (first on line {line_of(places, fault.first)})" if fault.first else ""
    return f"{name} line {line_of(places, fault.place)}: {fault.sentence}{first}"
