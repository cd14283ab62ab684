"""
Entries that wait for the end of their page: only there its currency, its days and its balances are known.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tieout.errors import BadInput
from tieout.formats.swift.gathered import CHARACTERS_MAX
from tieout.formats.swift.records import Pending, money_of_entry
from tieout.formats.swift.statement import Page, proves

if TYPE_CHECKING:
    from tieout.model.money import Money

__all__ = ["Held"]


@dataclass(slots=True)
class Held:
    """Entries in the order of the file, as many as memory allows."""

    entries: list[Pending] = field(default_factory=list)
    characters: int = 0

    def add(self, pending: Pending) -> None:
        """Let an entry wait."""
        self.entries.append(pending)
        self.characters += pending.characters

    def full(self, room: int) -> bool:
        """Whether no further entry should wait."""
        return len(self.entries) >= room or self.characters >= CHARACTERS_MAX

    def settled(self, page: Page, currency: str, *, whole: bool) -> tuple[list[Pending], list[Pending]]:
        """
        Split the entries into those that can be read, and those whose amounts nobody can be sure of.

        A point instead of SWIFT's comma may mean decimals or thousands: the figures of the page must prove it. Where the
        page is too long to wait for its end, they cannot, and its closing balance tells later whether all was read rightly.

        :param whole: the page is complete.
        """
        if not whole or not any(each.entry.doubtful for each in self.entries):
            return self.entries, []
        # No balance holds an expected entry; control totals may.
        held = [each for each in self.entries if not (page.final and each.entry.expected)]
        proven = held if proves(page, [amount for each in held if (amount := _amount(each, currency))]) else []
        lines = {each.line for each in proven}
        sure = [each for each in self.entries if not each.entry.doubtful or each.line in lines]
        return sure, [each for each in self.entries if each.entry.doubtful and each.line not in lines]


def _amount(pending: Pending, currency: str) -> Money | None:
    try:
        return money_of_entry(pending.entry, currency)
    except BadInput:
        return None
