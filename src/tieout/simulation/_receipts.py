"""
What papers of business customers and the bank's lines that pay them are made of, and what is expected of each.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tieout.simulation._names import as_bank_writes, company_name, iban
from tieout.simulation._world import Detail, Entry, Paper, Position

if TYPE_CHECKING:
    from tieout.simulation._profile import Bank
    from tieout.simulation._world import World

__all__ = ["RECONCILIATION", "Receipts"]

RECONCILIATION = "bank-receipts"
_PAID_DAYS = (3, 16)
_TERMS = (14, 30)
#: Papers written here are numbered above those of the platforms.
_INVOICES_FROM, _CREDITS_FROM = 500_000, 50_000


class Receipts:
    """Draws the receipts of one bank account."""

    def __init__(self, world: World, bank: Bank) -> None:
        """Begin with no customers."""
        self.world, self.bank, self.entity = world, bank, bank.entity
        self.draws = world.profile.draws(f"receipts/{bank.id}")
        self.seen: set[int] = set()
        # Two accounts of one entity number their customers and papers in turns.
        self._turn = 0 if bank.currency == bank.entity.currency else 1
        self._customers = 0
        self._papers: Counter[str] = Counter()

    def customer(self) -> tuple[str, str]:
        """Invent a customer: number and name."""
        self._customers += 1
        number = (10_000 if self.entity.country == "de" else 50_000) + self._customers * 2 + self._turn
        name = company_name(self.draws, self.entity.country, self._customers + self.bank.opening % 991)
        return str(number), name

    def amount(self, low: int = 4_000, high: int = 900_000) -> int:
        """Draw an amount that no other receipt of this account has."""
        while True:
            found = self.draws.one(low, high + 20 * len(self.seen))
            if found not in self.seen:
                self.seen.add(found)
                return found

    def invoice(self, customer: tuple[str, str], amount: int, day: int | None = None) -> Paper:
        """Write an invoice, early enough to be paid within the month."""
        month = self.world.profile.month
        day = month.first + self.draws.one(-20, 10) if day is None else day
        number = self.entity.invoices.text(max(_INVOICES_FROM, self.world.profile.rows * 2) + self.place("invoice"))
        return self.paper("invoice", number, customer, amount, day, day + self.draws.pick(_TERMS))

    def credit_note(self, customer: tuple[str, str], amount: int, day: int, about: str) -> Paper:
        """Write a credit note about an invoice."""
        number = self.entity.credits.text(max(_CREDITS_FROM, self.world.profile.rows) + self.place("credit"))
        paper = self.paper("credit_note", number, customer, -amount, day, day)
        paper.reference = about
        return paper

    def place(self, what: str) -> int:
        """Count papers of a sort."""
        self._papers[what] += 1
        return self._papers[what] * 2 + self._turn

    def paper(self, kind: str, number: str, customer: tuple[str, str], amount: int, day: int, due: int) -> Paper:
        """Write a paper into the ERP."""
        paper = Paper(
            entity=self.entity, kind=kind, number=number, account=customer[0], name=customer[1], day=day, due=due,
            amount=amount, currency=self.bank.currency,
        )  # fmt: skip
        self.world.papers.append(paper)
        return paper

    def paid_on(self, after: int, low: int = _PAID_DAYS[0], high: int = _PAID_DAYS[1]) -> int:
        """Draw a business day after a paper's, within the month."""
        working = self.world.profile.working[self.entity.calendar]
        days = self.world.profile.bank_days(self.bank)
        wanted = working.after(max(after + self.draws.one(low, high), days[0]), 0)
        return min(wanted, days[-1])

    def entry(self, day: int, amount: int, text: str, name: str, **more: object) -> Entry:
        """Let the bank book a receipt."""
        german = self.bank.source == "bank-de"
        account = f"{self.draws.one(10**7, 9 * 10**7)}{self.draws.one(0, 10**10 - 1):010d}"
        entry = Entry(
            bank=self.bank, day=day, amount=amount, code="PMNT-RCDT-ESCT" if german else "NTRF", text=text,
            name=as_bank_writes(self.draws, name), what="receipt", iban=iban("DE", account) if german else "",
        )  # fmt: skip
        for key, value in more.items():
            setattr(entry, key, value)
        self.world.entries.append(entry)
        return entry

    def text(self, *numbers: str) -> str:
        """Write what a payer writes beside the numbers of invoices."""
        before = self.draws.pick(("", "Rechnung ", "RG ", "Inv. ", "Zahlung ", "Rg.Nr. ", "invoice "))
        after = self.draws.pick(("", "", "", " Danke", " vielen Dank", f" Kd {self.draws.one(1000, 9999)}"))
        joint = self.draws.pick((", ", " / ", " und ", " + ", "; "))
        return f"{before}{joint.join(numbers)}{after}"

    def tie(self, trouble: str, papers: list[Paper], entries: list[Entry], **more: object) -> str:
        """Say that papers and lines tie together in full, or as ``more`` says."""
        group = self.world.group(RECONCILIATION)
        for paper in papers:
            self.expect(paper, "matched", trouble, group=group, **more)
        for entry in entries:
            self.expect(entry, "matched", trouble, group=group, **more)
        return group

    def expect(self, thing: Paper | Entry | Detail, expected: str, trouble: str, **more: object) -> Position:
        """Write down what is expected of a paper or of a bank's line."""
        position = Position(
            reconciliation=RECONCILIATION,
            claim="document" if isinstance(thing, Paper) else "bank",
            side="left" if isinstance(thing, Paper) else "right",
            source=thing.source if isinstance(thing, Paper) else self.bank.source,
            kind=thing.kind
            if isinstance(thing, Paper)
            else "bank_detail"
            if isinstance(thing, Detail)
            else "bank_entry",
            expected=expected,
            trouble=trouble,
            external_id=thing.number if isinstance(thing, Paper) else None,
            day=0 if isinstance(thing, Detail) else thing.day,
            amount=thing.amount,
            currency=self.bank.currency,
        )
        for key, value in more.items():
            setattr(position, key, value)
        if isinstance(thing, Paper):
            thing.positions.append(position)
        else:
            thing.position = position
        self.world.positions.append(position)
        return position
