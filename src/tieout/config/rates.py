"""
Exchange rates of the workspace: ``rates/*.csv`` with the columns date, base, quote, rate.

One unit of ``base`` is worth ``rate`` units of ``quote``. Rates are kept as fractions of whole numbers, so that a
converted amount is the same on every machine: half up, on the amount without its sign.
"""

from __future__ import annotations

import csv
import datetime as dt
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tieout.errors import BadInput, WrongUse
from tieout.model.money import exponents, parse_decimal

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["RATE_AGE_MAX_DAYS", "Rates", "read_rates"]

#: A rate older than this is no rate of the day.
RATE_AGE_MAX_DAYS = 10
_COLUMNS = ["date", "base", "quote", "rate"]
_ROWS_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Rates:
    """
    Rates by pair of currencies: sorted days and, beside each, the fraction (numerator, denominator).

    :ivar text: the files as they were read, so that a result can be repeated.
    """

    days: dict[tuple[str, str], list[dt.date]]
    values: dict[tuple[str, str], list[tuple[int, int]]]
    text: str = ""

    def at(self, currency: str, into: str, day: dt.date) -> tuple[int, int] | None:
        """
        Give the rate of a day, or of the last day before it that has one, as (numerator, denominator).

        A pair that is quoted the other way round is turned; else a third currency leads from one to the other.

        :return: None: there is none, or the last one is more than ten days old.
        """
        if currency == into:
            return 1, 1
        stated = self.stated(currency, into, day)
        return self._across(currency, into, day) if stated is None else stated[1]

    def _across(self, currency: str, into: str, day: dt.date) -> tuple[int, int] | None:
        """Go by way of a third currency in which both are quoted: the first by name that is."""
        for base in sorted({pair[0] for pair in self.days}):
            first, second = self._stated((base, currency), day), self._stated((base, into), day)
            if first is not None and second is not None:
                return second[1][0] * first[1][1], second[1][1] * first[1][0]
        return None

    def stated(self, currency: str, into: str, day: dt.date) -> tuple[dt.date, tuple[int, int], bool] | None:
        """
        Give the rate of a day as it is stated: (its own day, (numerator, denominator), whether the pair stands so).

        :return: the last is False where the file has the pair the other way round; None: as ``at``, and a third
            currency is not asked.
        """
        direct = self._stated((currency, into), day)
        if direct is not None:
            return *direct, True
        turned = self._stated((into, currency), day)
        return None if turned is None else (turned[0], (turned[1][1], turned[1][0]), False)

    def _stated(self, pair: tuple[str, str], day: dt.date) -> tuple[dt.date, tuple[int, int]] | None:
        days = self.days.get(pair)
        place = bisect_right(days, day) if days else 0
        if not days or not place or (day - days[place - 1]).days > RATE_AGE_MAX_DAYS:
            return None
        return days[place - 1], self.values[pair][place - 1]


def read_rates(folder: Path) -> Rates:
    """
    Read every file of rates/ in a workspace, in the order of their names; a later line of a day and pair replaces.

    :param folder: the workspace.
    :raises WrongUse: a file is not such a table; says which line.
    """
    found: dict[tuple[str, str], dict[dt.date, tuple[int, int]]] = {}
    texts = []
    for path in sorted((folder / "rates").glob("*.csv")) if (folder / "rates").is_dir() else ():
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            message = f"expected exchange rates as text in UTF-8, got {error} ({path})"
            raise WrongUse(message) from None
        texts.append(text)
        _read(text, path, found)
    ordered = {pair: dict(sorted(by_day.items())) for pair, by_day in sorted(found.items())}
    return Rates(
        days={pair: list(by_day) for pair, by_day in ordered.items()},
        values={pair: list(by_day.values()) for pair, by_day in ordered.items()},
        text="\f".join(texts),
    )


def _read(text: str, path: Path, found: dict[tuple[str, str], dict[dt.date, tuple[int, int]]]) -> None:
    reader = csv.reader(text.splitlines())
    heading = [cell.strip().lower() for cell in next(reader, [])]
    if heading != _COLUMNS:
        message = f"expected the columns {', '.join(_COLUMNS)}, got {', '.join(heading) or 'nothing'} ({path} line 1)"
        raise WrongUse(message)
    for row in reader:
        place = f"{path} line {reader.line_num}"
        if not row or not any(cell.strip() for cell in row):
            continue
        if reader.line_num > _ROWS_MAX:
            message = f"expected at most {_ROWS_MAX} lines of rates ({place})"
            raise WrongUse(message)
        day, base, quote, rate = _row([cell.strip() for cell in row], place)
        found.setdefault((base, quote), {})[day] = rate


def _row(row: list[str], place: str) -> tuple[dt.date, str, str, tuple[int, int]]:
    if len(row) != len(_COLUMNS):
        message = f"expected date, base, quote and rate, got {len(row)} cells ({place})"
        raise WrongUse(message)
    try:
        day = dt.date.fromisoformat(row[0])
    except ValueError:
        message = f"expected a date such as 2026-10-31, got {row[0]!r} ({place})"
        raise WrongUse(message) from None
    for code in row[1:3]:
        if code not in exponents():
            message = f"expected an ISO 4217 currency such as EUR, got {code!r} ({place})"
            raise WrongUse(message)
    try:
        digits, decimals = parse_decimal(row[3])
    except BadInput as error:
        message = f"{error} ({place})"
        raise WrongUse(message) from None
    if digits <= 0:
        message = f"expected a rate above zero, got {row[3]!r} ({place})"
        raise WrongUse(message)
    return day, row[1], row[2], (digits, 10**decimals)
