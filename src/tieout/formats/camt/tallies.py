"""Counts and sums of entries, and whether the bank's own summary (``TxsSummry``) agrees with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tieout.errors import BadInput
from tieout.formats.reading import Total
from tieout.model.money import EXPONENT_MAX, format_minor, parse_decimal
from tieout.model.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tieout.formats.camt.entries import Entry

__all__ = ["Tallies", "Tally", "check_summary"]


_SIGNS = {"CRDT": 1, "DBIT": -1}


@dataclass(slots=True)
class Tally:
    """
    Count and sums of entries in one currency.

    :ivar credits, debits: positive, in minor units at ``exponent``, the largest that was met.
    """

    exponent: int = 0
    credit_count: int = 0
    debit_count: int = 0
    credits: int = 0
    debits: int = 0

    def add(self, count: int, minor: int, exponent: int, *, debit: bool) -> None:
        """Count entries of one direction by their sum."""
        if exponent != self.exponent:
            if exponent > self.exponent:
                self.rescale(exponent)
            else:
                minor *= 10 ** (self.exponent - exponent)
        if debit:
            self.debit_count += count
            self.debits += minor
        else:
            self.credit_count += count
            self.credits += minor

    def rescale(self, exponent: int) -> None:
        """Carry more decimals."""
        factor = 10 ** (exponent - self.exponent)
        self.credits, self.debits, self.exponent = self.credits * factor, self.debits * factor, exponent

    def include(self, other: Tally) -> None:
        """Add another tally to this one."""
        exponent = max(self.exponent, other.exponent)
        self.rescale(exponent)
        factor = 10 ** (exponent - other.exponent)
        self.credits, self.debits = self.credits + other.credits * factor, self.debits + other.debits * factor
        self.credit_count += other.credit_count
        self.debit_count += other.debit_count


@dataclass(slots=True)
class Tallies:
    """
    The tallies of one statement or file.

    :ivar by_currency: {(currency, counts in the balance): tally}.
    """

    by_currency: dict[tuple[str, bool], Tally] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        """Count one entry."""
        amount = entry.amount
        self.add_sum(amount.currency, amount.exponent, 1, amount.minor, debit=entry.debit, booked=entry.booked)

    def add_sum(self, currency: str, exponent: int, count: int, minor: int, *, debit: bool, booked: bool) -> None:
        """Count entries of one direction by their sum."""
        tally = self.by_currency.get((currency, booked))
        if tally is None:
            tally = self.by_currency[currency, booked] = Tally(exponent=exponent)
        tally.add(count, minor, exponent, debit=debit)

    def include(self, other: Tallies) -> None:
        """Add the tallies of a statement to those of its file."""
        for key, tally in other.by_currency.items():
            self.by_currency.setdefault(key, Tally(exponent=tally.exponent)).include(tally)

    def select(self, *, currency: str | None = None, booked_only: bool = False) -> Tally:
        """Sum the tallies of a currency (None: all, whatever they are worth), of every status or of booked ones."""
        total = Tally()
        for (of, booked), tally in self.by_currency.items():
            if (currency is None or of == currency) and (booked or not booked_only):
                total.include(tally)
        return total

    def currencies(self) -> list[str]:
        """Name the currencies, sorted."""
        return sorted({currency for currency, _ in self.by_currency})

    def totals(self) -> list[Total]:
        """Give count and sums per currency, of every status."""
        selected = ((currency, self.select(currency=currency)) for currency in self.currencies())
        return [
            Total(
                currency=currency,
                exponent=tally.exponent,
                count=tally.credit_count + tally.debit_count,
                credits=tally.credits,
                debits=tally.debits,
            )
            for currency, tally in selected
        ]


def _figures(tally: Tally, unreadable: int) -> dict[str, tuple[int, int]]:
    """Name what a summary may state: {path: (value, decimals)}; counts have no decimals."""
    entries = tally.credit_count + tally.debit_count + unreadable
    net, exponent = tally.credits - tally.debits, tally.exponent
    return {
        "TtlNtries/NbOfNtries": (entries, 0),
        "TtlNtries/Sum": (tally.credits + tally.debits, exponent),
        "TtlNtries/TtlNetNtryAmt": (net, exponent),
        "TtlNtries/TtlNetNtry/Amt": (net, exponent),
        "TtlCdtNtries/NbOfNtries": (tally.credit_count, 0),
        "TtlCdtNtries/Sum": (tally.credits, exponent),
        "TtlDbtNtries/NbOfNtries": (tally.debit_count, 0),
        "TtlDbtNtries/Sum": (tally.debits, exponent),
    }


def _agree(stated: tuple[int, int], found: tuple[int, int]) -> bool:
    (one, decimals), (other, places) = stated, found
    return bool(one * 10 ** (EXPONENT_MAX - decimals) == other * 10 ** (EXPONENT_MAX - places))


def check_summary(
    summary: dict[str, str], line: int, tallies: Tallies, currency: str | None, unreadable: int
) -> Iterable[Problem]:
    """
    Compare a statement's summary with its entries.

    Standards leave open whether pending entries and entries in another currency are counted: a figure that agrees
    with any of these readings is right. A net with entries that are not booked is not judged: banks differ on
    their direction. Without ``CdtDbtInd`` a net has no direction.

    :param summary: the texts of ``TxsSummry`` by path.
    :param unreadable: entries that could not be read: they count, but sums and directions are then not judged.
    """
    ways = [
        _figures(tallies.select(currency=of, booked_only=booked), unreadable)
        for of in dict.fromkeys((None, currency))
        for booked in (False, True)
    ]
    all_booked = all(booked for _, booked in tallies.by_currency)
    for path, (value, decimals) in ways[0].items():
        written = summary.get(path)
        is_net = "Net" in path
        if written is None or (unreadable and path != "TtlNtries/NbOfNtries") or (is_net and not all_booked):
            continue
        try:
            number, places = parse_decimal(written)
        except BadInput as error:
            yield Problem(message=f"{error} (in TxsSummry/{path})", line=line, column=path, reason="incomplete")
            continue
        word = summary.get(f"{path.rpartition('/')[0]}/CdtDbtInd", "").upper() if is_net else ""
        unsigned = is_net and word not in _SIGNS
        stated = (abs(number) * _SIGNS.get(word, 1) if is_net else number, places)
        found = [(abs(figure), digits) if unsigned else (figure, digits) for figure, digits in (w[path] for w in ways)]
        if not any(_agree(stated, figure) for figure in found):
            message = (
                f"expected TxsSummry/{path} to agree with the entries, {format_minor(value, decimals)},"
                f" got {f'{written} {word}'.strip()}"
            )
            yield Problem(message=message, line=line, column=path, reason="incomplete")
