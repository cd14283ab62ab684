"""
Control totals of SWIFT statement messages, held against the entries: ``:90D:``, ``:90C:`` and ING's ``/SUM/``.

Sources: SWIFT User Handbook, category 9 (MT942); ING, "MT940 and MT942 Format Description", field 86 behind the closing
balance: number of debits, number of credits, sum of debits, sum of credits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tieout.errors import BadInput
from tieout.formats.swift.fields import NO_CURRENCY, money_of
from tieout.model.money import EXPONENT_MAX, Money, format_minor
from tieout.model.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tieout.formats.swift.statement import Page

__all__ = ["Sums", "control_problems", "summary_problems"]


@dataclass(slots=True)
class Sums:
    """Count and sums of entries of one currency; sums are kept at nine decimals and given at the fewest that fit."""

    count: int = 0
    credits: int = 0
    debits: int = 0
    exponent: int = 0

    def add(self, amount: Money) -> None:
        """Count one entry."""
        minor = amount.minor * 10 ** (EXPONENT_MAX - amount.exponent)
        self.count += 1
        self.exponent = max(self.exponent, amount.exponent)
        if minor < 0:
            self.debits -= minor
        else:
            self.credits += minor

    def include(self, other: Sums) -> None:
        """Add the sums of another page."""
        self.count += other.count
        self.credits += other.credits
        self.debits += other.debits
        self.exponent = max(self.exponent, other.exponent)

    def minor(self, value: int) -> int:
        """Give one of the sums in minor units at ``exponent``."""
        scale: int = 10 ** (EXPONENT_MAX - self.exponent)
        return value // scale


def control_problems(page: Page) -> list[Problem]:
    """
    Hold ``:90D:`` and ``:90C:`` against the entries.

    They may cover more than the entries listed (those below the floor limit), never less; without a floor limit above
    zero nothing is left out, so that counts and sums are the same. A few banks add the charges of a debit to the sum alone:
    where an entry names charges, and only the sum is larger, and not by a power of ten, which is a unit that shifted,
    ingest judges.
    """
    problems: list[Problem] = []
    for mark, (line, stated, control) in page.controls.items():
        if mark in page.unsure:
            continue
        listed = page.marks.get(mark, Sums())
        total = listed.credits + listed.debits
        unlimited = page.limits.get(mark, page.limits.get("")) == 0
        fewer = control.count < listed.count or (unlimited and control.count != listed.count)
        if not fewer and (stated == total or (stated > total and not unlimited)):
            continue
        message = (
            f"expected :90{mark}: to count the entries ({_together(listed)} {page.currency}),"
            f" got {control.count} and {control.amount} {control.currency}"
        )
        charged = mark == "D" and page.charged and not fewer and stated > total and not _is_shifted(stated, total)
        problems.append(Problem(message=message, line=line, column=1, reason="incomplete", at_ingest=charged))
    return problems


def _is_shifted(stated: int, total: int) -> bool:
    """Whether one sum is the other times a power of ten."""
    return total > 0 and stated % total == 0 and str(stated // total).strip("0") == "1"


def summary_problems(pages: Sequence[Page]) -> list[Problem]:
    """
    Hold what ``/SUM/`` says of a statement against the entries of its pages.

    The balances of such a statement have been proven by themselves: ingest judges.
    """
    told = pages[-1].summary
    if told is None or any(page.unreadable or page.unsure for page in pages):
        return []
    line, said = told
    listed = {mark: Sums() for mark in "DC"}
    for page in pages:
        for mark, sums in page.marks.items():
            listed[mark].include(sums)
    debits, credits_ = listed["D"], listed["C"]
    stated = said.debits, said.credits, _nine(said.debited, pages[0]), _nine(said.credited, pages[0])
    if stated == (debits.count, credits_.count, debits.debits, credits_.credits):
        return []
    message = (
        f"expected /SUM/ to count the entries (debits: {_together(debits)}, credits: {_together(credits_)}),"
        f" got debits: {said.debits}, together {said.debited}, credits: {said.credits}, together {said.credited}"
    )
    return [Problem(message=message, line=line, column=1, reason="incomplete", at_ingest=True)]


def _nine(amount: str, page: Page) -> int | None:
    try:
        return money_of(amount, page.currency or NO_CURRENCY).scaled(EXPONENT_MAX)
    except BadInput:
        return None


def _together(sums: Sums) -> str:
    amount = format_minor(sums.minor(sums.credits + sums.debits), sums.exponent) if sums.count else "0"
    return f"{sums.count}, together {amount}"
