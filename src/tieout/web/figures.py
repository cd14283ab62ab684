"""
How figures and days are written, in one place: the reader's separators, a real minus, days that cannot be misread.

Amounts come as minor units and leave as text; nothing here adds or rounds.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

__all__ = ["ENGLISH", "MINUS", "NOTHING", "Figures", "figures_for"]

MINUS = "\N{MINUS SIGN}"
#: What is written where nothing is known.
NOTHING = "\N{EN DASH}"
_NARROW = "\N{NARROW NO-BREAK SPACE}"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WHOLE = 10_000


@dataclass(frozen=True, slots=True)
class Figures:
    """
    The separators of a language.

    :ivar groups: between thousands; ``point``: before decimals.
    """

    groups: str
    point: str

    def amount(self, minor: int | None, exponent: int | None) -> str:
        """Write minor units: ``(-123456, 2)`` is ``-1,234.56`` with a real minus; nothing known is a dash."""
        if minor is None:
            return NOTHING
        digits = exponent or 0
        text = str(abs(minor)).rjust(digits + 1, "0")
        whole = text[: len(text) - digits]
        sign = MINUS if minor < 0 else ""
        return f"{sign}{self._grouped(whole)}{self.point + text[len(text) - digits :] if digits else ''}"

    def decimal(self, text: str | None) -> str:
        """Write decimal text as it is exported (``-1234.50``)."""
        if text is None:
            return NOTHING
        whole, _, fraction = text.removeprefix("-").partition(".")
        sign = MINUS if text.startswith("-") else ""
        return sign + self._grouped(whole) + (self.point + fraction if fraction else "")

    def count(self, number: int | None) -> str:
        """Write a whole number."""
        return self.amount(number, 0)

    def percent(self, hundredths: int | None) -> str:
        """Write hundredths of a percent: ``(9994)`` is ``99.94 %``; only everything is ``100 %``."""
        if hundredths is None:
            return NOTHING
        text = "100" if hundredths == _WHOLE else self.amount(hundredths, 2)
        return f"{text}{_NARROW}%"

    def _grouped(self, digits: str) -> str:
        first = len(digits) % 3
        parts = [digits[:first]] if first else []
        return self.groups.join(parts + [digits[at : at + 3] for at in range(first, len(digits), 3)])

    @staticmethod
    def day(day: dt.date | str | None) -> str:
        """Write a day: ``3 Oct 2026``."""
        if day is None:
            return NOTHING
        day = dt.date.fromisoformat(day[:10]) if isinstance(day, str) else day
        return f"{day.day}\N{NO-BREAK SPACE}{_MONTHS[day.month - 1]}\N{NO-BREAK SPACE}{day.year}"

    @staticmethod
    def moment(at: dt.datetime | str | None) -> str:
        """Write a moment: ``3 Oct 2026 09:14 UTC``."""
        if at is None:
            return NOTHING
        at = dt.datetime.fromisoformat(at) if isinstance(at, str) else at
        at = at.astimezone(dt.UTC)
        return f"{Figures.day(at.date())} {at:%H:%M}\N{NO-BREAK SPACE}UTC"


ENGLISH = Figures(",", ".")
_GERMAN, _FRENCH, _SWISS = Figures(".", ","), Figures(_NARROW, ","), Figures("\N{RIGHT SINGLE QUOTATION MARK}", ".")
_BY_LANGUAGE = {
    **dict.fromkeys(("de", "da", "es", "id", "it", "nl", "pt", "tr", "el", "sl", "hr", "ro"), _GERMAN),
    **dict.fromkeys(
        ("fr", "cs", "fi", "nb", "no", "nn", "pl", "ru", "sk", "sv", "uk", "bg", "hu", "lt", "lv", "et"), _FRENCH
    ),
    **dict.fromkeys(("de-ch", "de-li", "it-ch", "fr-ch"), _SWISS),
}


def figures_for(accept_language: str | None) -> Figures:
    """Choose the separators that a browser's first language asks for; English without one."""
    first = (accept_language or "").split(",")[0].split(";")[0].strip().lower()
    return _BY_LANGUAGE.get(first) or _BY_LANGUAGE.get(first.split("-")[0]) or ENGLISH
