"""
Business customers who pay by bank transfer, and suppliers who are paid: their papers and the bank's lines.

Every way of paying is one method, drawn by its weight; each occurs at least once in each company.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.simulation._names import as_bank_writes, company_name, iban
from tieout.simulation._world import Detail, Entry, Paper, Position

if TYPE_CHECKING:
    from collections.abc import Callable

    from tieout.simulation._profile import Bank, Entity
    from tieout.simulation._world import World

__all__ = ["Receipts"]

RECONCILIATION = "bank-receipts"
_PAID_DAYS = (3, 16)
_TERMS = (14, 30)
_ROWS_OF_A_RECEIPT = 60
_LEAST = 46
_MISSING = "exception:missing_right;exception:late"


class Receipts:
    """Draws the receipts of one bank account."""

    def __init__(self, world: World, bank: Bank) -> None:
        """Begin with no customers."""
        self.world, self.bank, self.entity = world, bank, bank.entity
        self.draws = world.profile.draws(f"receipts/{bank.id}")
        self._seen: set[int] = set()
        self._customers = 0
        self._bills = 0
        self._invoices = 0
        self._credits = 0

    def make(self) -> None:
        """Let every case happen once, and the common ones often."""
        cases: list[tuple[int, Callable[[], None]]] = [
            (60, self.plain), (7, self.spoiled_reference), (4, self.no_reference), (5, self.several),
            (4, self.several_with_credit_note), (1, self.several_without_references), (1, self.two_sums_fit),
            (5, self.cash_discount), (3, self.charges_deducted), (3, self.short_within), (2, self.over_within),
            (4, self.first_part), (1, self.too_much), (1, self.paid_twice), (1, self.same_amount_twice),
            (1, self.unknown_payer), (9, self.unpaid), (3, self.overdue), (2, self.batch), (5, self.supplier),
        ]  # fmt: skip
        for _, case in cases:
            case()
        count = max(_LEAST, self.world.profile.rows // _ROWS_OF_A_RECEIPT) - len(cases)
        for place in self.draws.weighted([weight for weight, _ in cases], count):
            cases[int(place)][1]()

    # -- What cases are made of ---------------------------------------------------------------------------------------

    def customer(self) -> tuple[str, str]:
        """Invent a customer: number and name."""
        self._customers += 1
        base = 10_000 if self.entity.country == "de" else 50_000
        return str(base + self._customers), company_name(self.draws, self.entity.country, self._customers + self.bank.opening % 991)

    def amount(self, low: int = 4_000, high: int = 900_000) -> int:
        """Draw an amount that no other receipt of this account has."""
        while True:
            found = self.draws.one(low, high + 20 * len(self._seen))
            if found not in self._seen:
                self._seen.add(found)
                return found

    def invoice(self, customer: tuple[str, str], amount: int, day: int | None = None) -> Paper:
        """Write an invoice, early enough to be paid within the month."""
        month = self.world.profile.month
        day = month.first + self.draws.one(-20, 10) if day is None else day
        number = self.entity.invoices.text(500_000 + self._place("invoice"))
        return self._paper("invoice", number, customer, amount, day, day + self.draws.pick(_TERMS))

    def credit_note(self, customer: tuple[str, str], amount: int, day: int, about: str) -> Paper:
        """Write a credit note about an invoice."""
        number = self.entity.credits.text(50_000 + self._place("credit"))
        paper = self._paper("credit_note", number, customer, -amount, day, day)
        paper.reference = about
        return paper

    def _place(self, what: str) -> int:
        # Two accounts of one entity number their papers in turns.
        shift = 0 if self.bank.currency == self.entity.currency else 1
        if what == "invoice":
            self._invoices += 1
            return self._invoices * 2 + shift
        self._credits += 1
        return self._credits * 2 + shift

    def _paper(self, kind: str, number: str, customer: tuple[str, str], amount: int, day: int, due: int) -> Paper:
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
            kind=thing.kind if isinstance(thing, Paper) else "bank_detail" if isinstance(thing, Detail) else "bank_entry",
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

    # -- The cases ----------------------------------------------------------------------------------------------------

    def plain(self) -> None:
        """One invoice, one transfer, its number in the text."""
        customer = self.customer()
        paper = self.invoice(customer, self.amount())
        entry = self.entry(self.paid_on(paper.day), paper.amount, self.text(paper.number), customer[1])
        self.tie("plain", [paper], [entry])

    def spoiled_reference(self) -> None:
        """The payer mistypes, cuts or re-spells the number; amount and name are right."""
        customer = self.customer()
        paper = self.invoice(customer, self.amount())
        number = paper.number
        how = self.draws.one(0, 3)
        if how == 0:
            written, trouble = number.lower().replace("-", " "), "other_spelling"
        elif how == 1:
            written, trouble = number[: -self.draws.one(2, 3)], "truncated_reference"
        elif how == 2:
            written, trouble = number[:-2] + ("5" if number[-2] != "5" else "4") + number[-1], "mangled_reference"
        else:
            written, trouble = number.removeprefix(self.entity.invoices.prefix), "prefix_lost"
        entry = self.entry(self.paid_on(paper.day), paper.amount, self.text(written), customer[1])
        self.tie(trouble, [paper], [entry])

    def no_reference(self) -> None:
        """No number at all: only the amount and the name tell."""
        customer = self.customer()
        paper = self.invoice(customer, self.amount())
        text = self.draws.pick(("Ueberweisung", "Vielen Dank", "Zahlung", "lt. Vereinbarung"))
        entry = self.entry(self.paid_on(paper.day), paper.amount, text, customer[1])
        self.tie("missing_reference", [paper], [entry])

    def several(self) -> None:
        """One transfer pays several invoices, and names them."""
        customer = self.customer()
        papers = [self.invoice(customer, self.amount()) for _ in range(self.draws.one(2, 5))]
        day = self.paid_on(max(paper.day for paper in papers))
        text = self.text(*(paper.number for paper in papers))
        self.tie("several_invoices", papers, [self.entry(day, sum(p.amount for p in papers), text, customer[1])])

    def several_with_credit_note(self) -> None:
        """One transfer pays invoices less a credit note, and names all of them."""
        customer = self.customer()
        papers = [self.invoice(customer, self.amount(20_000)) for _ in range(self.draws.one(1, 3))]
        day = max(paper.day for paper in papers)
        papers.append(self.credit_note(customer, self.amount(1_000, 15_000), day + 1, papers[0].number))
        text = self.text(*(paper.number for paper in papers))
        entry = self.entry(self.paid_on(day), sum(p.amount for p in papers), text, customer[1])
        self.tie("invoices_less_credit_note", papers, [entry])

    def several_without_references(self) -> None:
        """One transfer pays two of a customer's four open invoices and names none: only one pair has that sum."""
        customer = self.customer()
        begin = self.amount(11_000, 90_000)
        papers = [self.invoice(customer, begin + step) for step in (0, 1_013, 3_047, 9_131)]
        self._seen.update(paper.amount for paper in papers)
        chosen = [papers[0], papers[3]]
        entry = self.entry(self.paid_on(max(p.day for p in papers)), sum(p.amount for p in chosen), "Sammelzahlung", customer[1])
        self.tie("several_without_references", chosen, [entry], also="exception:undecided;exception:ambiguous")
        for paper in papers[1:3]:
            self.open(paper, "unpaid")

    def two_sums_fit(self) -> None:
        """One transfer without references, whose amount is one open invoice or the sum of two others."""
        customer = self.customer()
        low, more = self.amount(11_000, 60_000), self.draws.one(7, 19) * 1_009
        papers = [self.invoice(customer, amount) for amount in (low, more, low + more)]
        self._seen.update(paper.amount for paper in papers)
        entry = self.entry(self.paid_on(max(p.day for p in papers)), low + more, "Zahlung", customer[1])
        group = self.world.group(RECONCILIATION)
        self.expect(entry, "exception", "two_sums_fit", reason="ambiguous", group=group, decidable=False)
        for paper in papers:
            also = "exception:ambiguous;open;" + _MISSING
            self.expect(paper, "exception", "two_sums_fit", reason="ambiguous", group=group, decidable=False, also=also)

    def cash_discount(self) -> None:
        """Two per cent less, as agreed for paying early."""
        customer = self.customer()
        paper = self.invoice(customer, self.amount())
        paid = paper.amount - (paper.amount * 2 + 50) // 100
        text = self.text(paper.number) + self.draws.pick((" abzgl. 2% Skonto", " ./. 2% Skonto", " less 2% discount"))
        self.tie("cash_discount", [paper], [self.entry(self.paid_on(paper.day, 2, 9), paid, text, customer[1])])

    def charges_deducted(self) -> None:
        """A payment from abroad, from which a bank on the way kept its charge."""
        customer = self.customer()
        paper = self.invoice(customer, self.amount(60_000))
        kept = self.draws.pick((800, 1_250, 1_500, 2_000))
        day = self.paid_on(paper.day)
        entry = self.entry(day, paper.amount - kept, self.text(paper.number), customer[1], charges=kept)
        entry.original = (paper.amount, paper.currency)
        if self.bank.source == "bank-de":
            entry.code = "PMNT-RCDT-XBCT"
        self.tie("bank_charge_deducted", [paper], [entry])

    def short_within(self) -> None:
        """Some cents less."""
        self._differing("short_within_tolerance", -self.draws.one(1, 9))

    def over_within(self) -> None:
        """Some cents more."""
        self._differing("over_within_tolerance", self.draws.one(1, 9))

    def _differing(self, trouble: str, by: int) -> None:
        customer = self.customer()
        paper = self.invoice(customer, self.amount())
        entry = self.entry(self.paid_on(paper.day), paper.amount + by, self.text(paper.number), customer[1])
        also = "exception:amount_difference"
        self.tie(trouble, [paper], [entry], also=also)
        paper.positions[-1].allocated = min(paper.amount, entry.amount) if by < 0 else None

    def first_part(self) -> None:
        """An instalment: the rest of the invoice stays open, or comes later in the month."""
        customer = self.customer()
        paper = self.invoice(customer, self.amount(40_000), self.world.profile.month.first + self.draws.one(-12, 3))
        part = paper.amount * self.draws.one(25, 60) // 100
        first = self.entry(self.paid_on(paper.day, 2, 8), part, self.text(paper.number) + " Teilzahlung", customer[1])
        parts, trouble = [first], "part_paid"
        if self.draws.chance(500):
            rest = self.entry(self.paid_on(first.day, 2, 8), paper.amount - part, self.text(paper.number) + " Rest", customer[1])
            parts.append(rest)
            trouble = "paid_in_parts"
        self.tie(trouble, [paper], parts)
        paper.positions[-1].allocated = sum(entry.amount for entry in parts)

    def too_much(self) -> None:
        """Clearly more than was owed."""
        customer = self.customer()
        paper = self.invoice(customer, self.amount())
        entry = self.entry(
            self.paid_on(paper.day), paper.amount + max(1_500, paper.amount // 8), self.text(paper.number), customer[1]
        )
        group = self.world.group(RECONCILIATION)
        for thing in (paper, entry):
            self.expect(thing, "exception", "over_payment", reason="amount_difference", group=group, also="matched")

    def paid_twice(self) -> None:
        """The same invoice is paid a second time some days later."""
        customer = self.customer()
        paper = self.invoice(customer, self.amount())
        day = self.paid_on(paper.day, 2, 8)
        text = self.text(paper.number)
        entries = [self.entry(each, paper.amount, text, customer[1]) for each in (day, self.paid_on(day, 2, 5))]
        group = self.world.group(RECONCILIATION)
        also = "matched;exception:duplicate;exception:missing_left"
        for thing in (paper, *entries):
            self.expect(thing, "exception", "paid_twice", reason="ambiguous", group=group, decidable=False, also=also)

    def same_amount_twice(self) -> None:
        """Two invoices of one customer over one amount, and one transfer without a number: which one is paid?"""
        customer = self.customer()
        amount = self.amount()
        first = self.invoice(customer, amount)
        papers = [first, self.invoice(customer, amount, first.day)]
        entry = self.entry(self.paid_on(first.day), amount, "Zahlung", customer[1])
        group = self.world.group(RECONCILIATION)
        for paper in papers:
            also = "open;" + _MISSING
            self.expect(
                paper, "exception", "identical_amounts", reason="ambiguous", group=group, decidable=False, also=also
            )
        self.expect(entry, "exception", "identical_amounts", reason="ambiguous", group=group, decidable=False)

    def unknown_payer(self) -> None:
        """Money from somebody who owes nothing."""
        customer = self.customer()
        day = self.paid_on(self.world.profile.month.first, 2, 25)
        entry = self.entry(day, self.amount(), f"Auftrag {self.draws.one(10_000, 99_999)}", customer[1])
        self.expect(entry, "exception", "unknown_payer", reason="missing_left", also="open;on_account")

    def open(self, paper: Paper, trouble: str) -> None:
        """Expect a paper to stay unpaid: open until it is due, an exception afterwards."""
        if paper.due <= self.world.profile.month.last:
            self.expect(paper, "exception", trouble, reason="missing_right", also="open;exception:late")
        else:
            self.expect(paper, "open", trouble, also=_MISSING)

    def unpaid(self) -> None:
        """An invoice that is not due yet."""
        month = self.world.profile.month
        paper = self.invoice(self.customer(), self.amount(), month.first + self.draws.one(4, month.days - 1))
        paper.due = paper.day + 30
        self.open(paper, "unpaid")

    def overdue(self) -> None:
        """An invoice that should have been paid."""
        paper = self.invoice(self.customer(), self.amount(), self.world.profile.month.first - self.draws.one(15, 20))
        paper.due = paper.day + 14
        self.open(paper, "overdue")

    def batch(self) -> None:
        """One booking of the bank with several transactions inside, each of which pays an invoice."""
        if self.bank.source != "bank-de":
            self.several()
            return
        day, details = self.paid_on(self.world.profile.month.first, 6, 24), []
        for _ in range(self.draws.one(3, 6)):
            customer = self.customer()
            paper = self.invoice(customer, self.amount(), self.world.profile.month.first + self.draws.one(-10, 1))
            detail = Detail(
                amount=paper.amount, end_to_end=f"E2E{self.draws.one(10**8, 10**9)}", text=self.text(paper.number),
                name=as_bank_writes(self.draws, customer[1]),
                iban=iban("DE", f"{self.draws.one(10**7, 9 * 10**7)}{self.draws.one(0, 10**10 - 1):010d}"),
            )  # fmt: skip
            group = self.world.group(RECONCILIATION)
            self.expect(paper, "matched", "batch_entry", group=group)
            self.expect(detail, "matched", "batch_entry", group=group, day=day)
            details.append(detail)
        entry = self.entry(day, sum(d.amount for d in details), f"Sammelgutschrift {len(details)} Posten", "", details=details)
        entry.iban = ""
        self.expect(entry, "excluded", "batch_entry", also="matched;open")

    def supplier(self) -> None:
        """A bill of a supplier, paid with its number in the text."""
        number = company_name(self.draws, self.entity.country, self.draws.one(0, 900))
        self._bills += 1
        shift = 0 if self.bank.currency == self.entity.currency else 1
        day = self.world.profile.month.first + self.draws.one(-10, 8)
        customer = (str(70_000 + self._bills * 2 + shift), number)
        text = self.entity.bills.text(self._bills * 2 + shift)
        paper = self._paper("bill", text, customer, -self.amount(), day, day + 14)
        entry = self.entry(self.paid_on(day), paper.amount, f"{text} {self.draws.pick(('Rechnung', 'invoice'))}", number)
        entry.what = "supplier"
        entry.code = "PMNT-ICDT-ESCT" if self.bank.source == "bank-de" else "NTRF"
        self.tie("supplier_paid", [paper], [entry])
