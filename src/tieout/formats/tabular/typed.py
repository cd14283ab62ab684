"""
What an expression of a mapping stands for: SQL with a type, and the strict conversions between types.

Every conversion raises inside the engine when the value does not fit; the projection catches that per field with
``try`` and sends the row to be explained. Nothing is rounded, guessed or read leniently. Text only enters SQL
through :func:`quoted`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

__all__ = [
    "EXACT",
    "FAST",
    "Atom",
    "Digits",
    "Kind",
    "NumberText",
    "Typed",
    "day_of_text",
    "exactly",
    "guarded",
    "integer_of_text",
    "list_of_text",
    "moment_of_text",
    "quoted",
    "text_of_number",
    "whole_of_float",
    "within_zones",
]

_ISO_DAY = r"\d{4}-\d{2}-\d{2}"
_ISO_MOMENT = _ISO_DAY + r"[T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?"
#: No place on earth is further from UTC than 14 hours; the engine would take +99:99 as well.
_ZONE = r" ?(Z|[+-](0\d|1[0-4])(:?[0-5]\d)?)"
_NO_ZONE = r"[+-](1[5-9]|[2-9]\d)(:?\d{2})?$|[+-]\d{2}:?[6-9]\d$"
#: How long a time without a zone is at least.
_LOCAL_MINUTE = len("2026-10-01T12:00")


class Kind(Enum):
    """The types that expressions have. ANY is what our own code's free functions give: converted from its text."""

    TEXT = "text"
    NUMBER = "a decimal"
    INTEGER = "a whole number"
    DATE = "a day"
    TIMESTAMP = "a time"
    MOMENT = "a moment with its time zone"
    BOOLEAN = "a condition"
    LIST = "a list"
    FLOAT = "a floating-point number"
    NOTHING = "null"
    ANY = "anything"


@dataclass(frozen=True, slots=True)
class Digits:
    """How wide decimals are while computing: ``whole`` digits before the point, ``scale`` behind it."""

    whole: int
    scale: int
    width: int

    @property
    def sql(self) -> str:
        """The SQL type."""
        return f"decimal({self.width}, {self.scale})"


#: 64 bits, for almost every row; one that does not fit is computed again with EXACT.
FAST = Digits(13, 4, 18)
#: 128 bits: every amount that can be kept, and room for products.
EXACT = Digits(29, 9, 38)


@dataclass(frozen=True, slots=True)
class Typed:
    """
    A checked part of an expression.

    :ivar columns: positions of the columns that it reads, in the order in which it mentions them.
    :ivar fallible: whether evaluating it may raise for some value.
    :ivar literal: the value of a text literal.
    """

    sql: str
    kind: Kind
    columns: tuple[int, ...] = ()
    fallible: bool = False
    literal: str | None = None


@dataclass(frozen=True, slots=True)
class Atom:
    """One conversion of an expression, kept to say which one failed and on what."""

    argument: str
    result: str
    expected: str
    columns: tuple[int, ...]


def quoted(text: str) -> str:
    """Write text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


@dataclass(frozen=True, slots=True)
class NumberText:
    """
    How decimals are written in a file: the signs between digits.

    A thousands sign may only stand between groups of three digits, the first of which does not begin with zero (``0.500``
    is a half with the other sign); a blank stands for every kind of blank.
    """

    decimal: str
    thousands: str
    digits: Digits

    @property
    def pattern(self) -> str:
        """The regular expression of a number that fits ``digits``."""
        whole, scale, point = self.digits.whole, self.digits.scale, re.escape(self.decimal)
        integers = [rf"\d{{1,{whole}}}"]
        if self.thousands:
            integers.append(rf"[1-9]\d{{0,2}}({self._separator}\d{{3}}){{1,{(whole - 1) // 3}}}")
        fraction = rf"\d{{0,{scale}}}0*"
        return rf"[+-]?(({'|'.join(integers)})({point}{fraction})?|{point}{fraction.replace('{0,', '{1,')})"

    @property
    def _separator(self) -> str:
        return "[ \u00a0\u2009\u202f]" if self.thousands == " " else re.escape(self.thousands)

    def plain(self, text: str) -> str:
        """The SQL of a number's text with a decimal point and without thousands signs."""
        if self.thousands == " ":
            text = f"regexp_replace({text}, {quoted(self._separator)}, '', 'g')"
        elif self.thousands:
            text = f"replace({text}, {quoted(self.thousands)}, '')"
        return text if self.decimal == "." else f"replace({text}, {quoted(self.decimal)}, '.')"

    def convert(self, text: str) -> str:
        """The SQL of a number from text; raises where the text is no number or does not fit."""
        return self.convert_or(text, f"cast('?' || {text} as {self.digits.sql})")

    def convert_or(self, text: str, otherwise: str) -> str:
        """The SQL of a number from text, and of something else where the text is none or does not fit."""
        good = f"regexp_full_match({text}, {quoted(self.pattern)})"
        return f"case when {good} then cast({self.plain(text)} as {self.digits.sql}) else {otherwise} end"

    @property
    def expected(self) -> str:
        """What a message says was expected."""
        thousands = self.thousands.replace(" ", " ")
        return f"a decimal such as 1{thousands}234{self.decimal}56"


def guarded(text: str, pattern: str, value: str, sql_type: str) -> str:
    """The SQL of ``value`` where ``text`` has the pattern; raises otherwise."""
    good = f"regexp_full_match({text}, {quoted(pattern)})"
    return f"case when {good} then {value} else cast('?' || {text} as {sql_type}) end"


def day_of_text(text: str, zone: str | None = None) -> str:
    """The SQL of a day from ISO text; with a zone a time may follow, and what states a zone of its own is a moment."""
    plain = f"cast(substr({text}, 1, 10) as date)"
    if zone is None:
        return guarded(text, _ISO_DAY, plain, "date")
    moment = f"cast(timezone({quoted(zone)}, cast(replace({text}, ',', '.') as timestamptz)) as date)"
    zoned = f"length({text}) > {_LOCAL_MINUTE} and regexp_full_match({text}, {quoted(_ISO_MOMENT + _ZONE)})"
    day = f"case when {zoned} then {moment} else {plain} end"
    return guarded(text, f"{_ISO_DAY}|{_ISO_MOMENT}({_ZONE})?", day, "date")


def moment_of_text(text: str) -> str:
    """The SQL of a moment from an ISO day or time; without a zone it is UTC."""
    pattern = f"({_ISO_DAY}|{_ISO_MOMENT})({_ZONE})?"
    clean = f"replace({text}, ',', '.')"
    return guarded(text, pattern, f"cast({clean} as timestamptz)", "timestamptz")


def integer_of_text(text: str) -> str:
    """The SQL of a whole number from text."""
    return guarded(text, r"[+-]?\d{1,18}", f"cast({text} as bigint)", "bigint")


def exactly(number: str, sql_type: str) -> str:
    """The SQL of a number cast to a narrower type; raises where digits would be lost."""
    cast = f"cast({number} as {sql_type})"
    return f"case when {cast} = {number} then {cast} else cast('?' || cast({number} as varchar) as {sql_type}) end"


def within_zones(text: str, moment: str) -> str:
    """The SQL of a moment from a text that ends with its zone; raises where there is no such zone."""
    no_zone = f"regexp_matches({text}, {quoted(_NO_ZONE)})"
    return f"case when {no_zone} then cast('?' || {text} as timestamptz) else {moment} end"


def whole_of_float(number: str, sql_type: str) -> str:
    """The SQL of a whole number that comes as a floating-point one, as programs write a column that has gaps."""
    good = f"{number} = trunc({number}) and abs({number}) < 9007199254740992"
    cast = f"cast(cast({number} as bigint) as {sql_type})"
    return f"case when {good} then {cast} else cast('?' || cast({number} as varchar) as {sql_type}) end"


def text_of_number(number: str) -> str:
    """The SQL of a decimal's text without trailing zeros, the same whatever its scale."""
    text = f"cast({number} as varchar)"
    return f"case when contains({text}, '.') then rtrim(rtrim({text}, '0'), '.') else {text} end"


def list_of_text(*texts: str) -> str:
    """
    The SQL of a list from texts, without empty ones; a text that is a JSON array, as lists of a file come, is its elements.

    Numbers and nested values in it are their text.
    """
    listed = " or ".join(f"starts_with({text}, '[')" for text in texts)
    plain = f"list_filter([{', '.join(texts)}], lambda x: x is not null and x <> '')"
    if len(texts) == 1:
        plain = f"[{texts[0]}]"
    parts = ", ".join(
        f"case when {text} is null then [] when starts_with({text}, '[') and json_valid({text})"
        f" then json_extract_string({text}, '$[*]') else [{text}] end"
        for text in texts
    )
    whole = f"list_filter(list_transform(list_concat({parts}), lambda x: trim(x)), lambda x: x is not null and x <> '')"
    nothing = " and ".join(f"{text} is null" for text in texts)
    return f"case when {nothing} then [] when {listed} then {whole} else {plain} end"
