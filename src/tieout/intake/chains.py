"""
Do an account's statements close, and does each open where the one before closed: law 4.

Pure functions from the statements of one account and currency to findings; the same statement delivered twice is one,
and pages are put together before (intake.pages).
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from tieout.intake.findings import Finding
from tieout.intake.overlap import days_within
from tieout.model.money import EXPONENT_MAX, format_minor
from tieout.model.statements import without_closing

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["AccountStatement", "chain_findings", "chain_scope"]

_EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStatement:
    """
    One statement of booked entries. Days are counted from 1970; balances are minor units at ``exponent``.

    :ivar unfinished: it should state with what it closes, and does not.
    :ivar reckoned: what it opens with and all of its entries, where it states no closing balance; None where not every
        row of it could be read.
    """

    account_id: str
    source_id: str
    delivery_id: str
    currency: str
    statement_id: str | None
    number: str | None
    from_day: int | None
    to_day: int | None
    opening: int | None
    closing: int | None
    exponent: int
    unfinished: bool = False
    reckoned: int | None = None

    @property
    def end(self) -> int | None:
        """What it leads to: the balance that it closes with, else what its entries make of the one it opens with."""
        return self.reckoned if self.closing is None else self.closing

    @property
    def day(self) -> int | None:
        """The day by which it has its place among the others."""
        return self.from_day if self.to_day is None else self.to_day

    @property
    def name(self) -> str:
        """Say which statement it is, as a person would."""
        day = "" if self.to_day is None else f" of {_EPOCH + dt.timedelta(days=self.to_day)}"
        label = self.number or self.statement_id
        return f"statement {label}{day}" if label else f"the statement{day}"

    def money(self, minor: int) -> str:
        """Write one of its balances."""
        return f"{format_minor(minor, self.exponent)} {self.currency}"


def chain_scope(account_id: str, currency: str) -> str:
    """Name the scope of an account's chain."""
    return f"chain {account_id} {currency}"


def chain_findings(statements: Iterable[AccountStatement], beside: Iterable[AccountStatement] = ()) -> list[Finding]:
    """
    Find breaks between the statements of one account and currency.

    A break is a statement that does not open with what the one before closed with, or numbers that leave one out.

    :param beside: statements of the account's other currencies. Where no number occurs in both, a bank numbers them in
        one series, and what is there is not missing here.
    """
    statements = _told_once(list(statements))
    taken, further = _numbers(statements), _numbers(beside)
    taken |= further if not taken & further else set()
    ordered = _in_order(_outermost(statements))
    following = [*ordered[1:], None]
    found = [
        _without_end(s) for s, after in zip(ordered, following, strict=True) if s.unfinished and not _hands_on(s, after)
    ]
    for before, after in pairwise(ordered):
        note = _gap(before, after, taken)
        if note is not None:
            found.append(
                Finding(
                    scope=chain_scope(after.account_id, after.currency),
                    reason="incomplete",
                    note=note,
                    source_id=after.source_id,
                    delivery_id=after.delivery_id,
                    account_id=after.account_id,
                    currency=after.currency,
                    amount=_jump(before, after),
                    exponent=max(before.exponent, after.exponent),
                    booked_day=after.from_day if after.from_day is not None else after.to_day,
                ),
            )
    return found


def _told_once(statements: list[AccountStatement]) -> list[AccountStatement]:
    """Leave out statements without an end of which another tells the whole: it begins alike, and closes."""

    def begins(s: AccountStatement) -> tuple[str, int | None, int | None]:
        return (s.number or "").lstrip("0"), s.from_day, _nine(s, s.opening)

    whole = {begins(s) for s in statements if not s.unfinished}
    return [s for s in statements if not s.unfinished or begins(s) not in whole]


def _hands_on(s: AccountStatement, after: AccountStatement | None) -> bool:
    """Whether the next statement opens with what the entries of one without an end lead to: then none of them is missing."""
    return after is not None and s.end is not None and _nine(s, s.end) == _nine(after, after.opening)


def _without_end(s: AccountStatement) -> Finding:
    note = without_closing(s.name, s.account_id)
    return Finding(
        scope=chain_scope(s.account_id, s.currency),
        reason="incomplete",
        note=note,
        source_id=s.source_id,
        delivery_id=s.delivery_id,
        account_id=s.account_id,
        currency=s.currency,
        booked_day=s.from_day,
    )


def _outermost(statements: list[AccountStatement]) -> list[AccountStatement]:
    """Leave out statements whose days lie within a longer one, such as the days of a month that came as a whole too."""
    spans = [(s.from_day, s.to_day, _nine(s, s.opening), _nine(s, s.closing)) for s in statements]
    return [s for s, mine in zip(statements, spans, strict=True) if not any(days_within(mine, span) for span in spans)]


def _nine(statement: AccountStatement, minor: int | None) -> int | None:
    return None if minor is None else minor * int(10 ** (EXPONENT_MAX - statement.exponent))


def _in_order(statements: Iterable[AccountStatement]) -> list[AccountStatement]:
    """Order by day, then so that balances chain, then by number; drop statements delivered again."""
    distinct: dict[tuple[object, ...], AccountStatement] = {}
    # By what they say, whichever came first; then it is the same whichever is named.
    for s in sorted(statements, key=lambda s: (s.source_id, s.statement_id or "", s.exponent, s.delivery_id)):
        distinct.setdefault((s.number, s.from_day, s.to_day, s.opening, s.closing, s.reckoned), s)
    days: defaultdict[int, list[AccountStatement]] = defaultdict(list)
    for s in distinct.values():
        days[-1 if s.day is None else s.day].append(s)
    ordered: list[AccountStatement] = []
    for day in sorted(days):
        waiting = sorted(days[day], key=lambda s: (_numeral(s.number) or 0, s.number or "", s.opening or 0))
        while waiting:
            closing = ordered[-1].end if ordered else None
            begins = next(
                (s for s in waiting if not any(s.opening == o.end for o in waiting if o is not s)), waiting[0]
            )
            following = next((s for s in waiting if closing is not None and s.opening == closing), begins)
            waiting.remove(following)
            ordered.append(following)
    return ordered


def _gap(before: AccountStatement, after: AccountStatement, taken: set[tuple[int, int]]) -> str | None:
    if before.end is not None and after.opening is not None and _jump(before, after) != 0:
        expected = f"expected {after.name} of {after.account_id} to open with {before.money(before.end)}, where"
        got = f"got {after.money(after.opening)}"
        if before.closing is None:
            return f"{expected} the entries of {before.name} lead, {got}: entries of it or a statement are missing"
        return f"{expected} {before.name} closed, {got}: a statement is missing between them"
    first, second = _numeral(before.number), _numeral(after.number)
    if first is None or second is None or before.day is None or after.day is None:
        return None
    year = _year(after.day)
    if second <= first + 1 or _year(before.day) != year:
        return None
    out = [number for number in range(first + 1, second) if (year, number) not in taken]
    if not out:
        return None
    missing = f"{out[0]}" if len(out) == 1 else f"{out[0]} to {out[-1]}"
    return f"expected the statements of {after.account_id} without gaps, got {second} after {first}: {missing} missing"


def _jump(before: AccountStatement, after: AccountStatement) -> int:
    """Give the difference between an opening and the closing before it, at the larger exponent."""
    exponent = max(before.exponent, after.exponent)
    opening = (after.opening or 0) * int(10 ** (exponent - after.exponent))
    return opening - (before.end or 0) * int(10 ** (exponent - before.exponent))


def _numeral(number: str | None) -> int | None:
    text = number or ""
    # Longer than five digits is a date or a serial of the bank, which leaves gaps on purpose.
    return int(text) if text.isdigit() and len(text.lstrip("0")) <= 5 else None


def _numbers(statements: Iterable[AccountStatement]) -> set[tuple[int, int]]:
    """Give the numbers that are used up, with their years."""
    told = ((s.day, _numeral(s.number)) for s in statements)
    return {(_year(day), number) for day, number in told if day is not None and number is not None}


def _year(day: int) -> int:
    return (_EPOCH + dt.timedelta(days=day)).year
