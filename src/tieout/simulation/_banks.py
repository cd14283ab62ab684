"""
The banks' other lines, and their statements: numbered, dated, each opening where the last one closed.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tieout.simulation._days import text_of
from tieout.simulation._world import Entry, Position

if TYPE_CHECKING:
    from tieout.simulation._profile import Bank
    from tieout.simulation._world import World

__all__ = ["Statement", "make_other_lines", "make_statements"]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of one account: a business day's entries."""

    bank: Bank
    number: int
    day: int
    opening: int
    closing: int
    entries: tuple[Entry, ...]


#: what: (text, name, code in Germany, SWIFT's type, lowest and highest amount in minor units, business day of the month)
_OTHERS = (
    ("salary", "Gehalt Lohn {month}", "Lohn und Gehalt", "PMNT-ICDT-SALA", "NSAL", -2_800_000, -900_000, -3),
    ("rent", "Miete {month} Objekt 17", "Immobilien Verwaltung", "PMNT-RCDT-STDO", "NSTO", -480_000, -150_000, 0),
    ("tax", "Steuer Nr 27/123 Umsatzsteuer {month}", "Finanzkasse", "PMNT-RDDT-ESDD", "NDDT", -900_000, -120_000, 7),
    ("insurance", "Versicherung {month}", "Allgemeine Versicherung", "PMNT-RDDT-ESDD", "NDDT", -90_000, -8_000, 5),
    ("hosting", "Hosting {month} Kd 4711", "Rechenzentrum Nord", "PMNT-RDDT-ESDD", "NDDT", -60_000, -4_000, 9),
    ("sweep", "Cash Pooling Uebertrag {month}", "Group Treasury", "CAMT-ACCB-SWEP", "NCMS", -900_000, -200_000, 12),
    ("sweep", "Cash Pooling Deckung {month}", "Group Treasury", "CAMT-ACCB-TOPG", "NCMT", 200_000, 900_000, 15),
    ("charge", "Entgelt Kontofuehrung {month}", "", "PMNT-MDOP-CHRG", "NCHG", -4_900, -500, -1),
    ("charge", "Entgelt Auslandszahlung", "", "PMNT-MDOP-CHRG", "NCHG", -2_500, -500, 11),
    ("interest", "Zinsen {month}", "", "PMNT-MCOP-INTR", "NINT", 90, 6_000, -1),
)


def make_other_lines(world: World) -> None:
    """Book what has nothing to do with customers: salaries, rent, taxes, sweeps, charges, interest."""
    for bank in world.profile.banks:
        draws = world.profile.draws(f"others/{bank.id}")
        days = world.profile.bank_days(bank)
        for what, text, name, iso, swift, low, high, nth in _OTHERS:
            entry = Entry(
                bank=bank, day=days[nth], amount=draws.one(low, high), code=iso if bank.source == "bank-de" else swift,
                text=text.format(month=text_of(world.profile.month.first, "%m/%Y")), name=name, what=what,
            )  # fmt: skip
            world.entries.append(entry)
            entry.position = Position(
                reconciliation="bank-receipts", claim="bank", side="right", source=bank.source, kind="bank_entry",
                expected="excluded" if what == "sweep" else "exception", trouble=what, day=entry.day,
                amount=entry.amount, currency=bank.currency, reason=None if what == "sweep" else "missing_left",
                also="" if what == "sweep" else "excluded;open",
            )  # fmt: skip
            world.positions.append(entry.position)


def make_statements(world: World) -> list[Statement]:
    """Put the lines of every account in order, name them as the bank does, and draw up the balances."""
    found = []
    by_day: defaultdict[tuple[str, int], list[Entry]] = defaultdict(list)
    for entry in world.entries:
        by_day[entry.bank.id, entry.day].append(entry)
    for bank in world.profile.banks:
        draws = world.profile.draws(f"statements/{bank.id}")
        balance = bank.opening
        for nth, day in enumerate(world.profile.bank_days(bank)):
            entries = draws.mixed(by_day.pop((bank.id, day), []))
            for place, entry in enumerate(entries, 1):
                _name(entry, bank, day, place)
            closing = balance + sum(entry.amount for entry in entries)
            found.append(Statement(bank, bank.first_statement + nth, day, balance, closing, tuple(entries)))
            balance = closing
    if by_day:
        message = f"expected every line of a bank on a day with a statement, got others: {sorted(by_day)[:3]}"
        raise AssertionError(message)
    return found


def _name(entry: Entry, bank: Bank, day: int, place: int) -> None:
    """Give a line the bank's reference, and its truth the same."""
    prefix = {"bank-de-eur": "", "bank-de-usd": "U", "bank-us-usd": "B"}[bank.id]
    entry.reference = f"{prefix}{text_of(day, '%y%m%d')}{place:05d}"
    if entry.position is not None:
        entry.position.external_id = entry.reference
    for nth, detail in enumerate(entry.details, 1):
        detail.reference = f"{entry.reference}-{nth:03d}"
        if detail.position is not None:
            detail.position.external_id = detail.reference
