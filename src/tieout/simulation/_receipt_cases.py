"""
Business customers who pay by bank transfer, and suppliers who are paid: their papers and the bank's lines.

Every way of paying is one method, drawn by its weight; each occurs at least once in each company.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tieout.simulation._documents import How
from tieout.simulation._names import as_bank_writes, company_name, consumer_name, iban
from tieout.simulation._receipts import RECONCILIATION, Receipts
from tieout.simulation._world import Detail, Entry, Paper

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from tieout.simulation._documents import Documents

    Whole = npt.NDArray[np.int64]

__all__ = ["WaysOfPaying"]

_ROWS_OF_A_RECEIPT = 60
_LEAST = 46
_MISSING = "exception:missing_right;exception:late"


class WaysOfPaying(Receipts):
    """Draws the receipts of one bank account, case by case."""

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

    def bring_the_rest(self, documents: Documents, paid: Whole) -> None:
        """Pay what a card left open of an invoice, by two transfers."""
        mine = (documents.how == How.PAID_IN_THREE_PARTS) & (
            documents.entity == self.world.profile.entities.index(self.entity)
        )
        if self.bank.currency != self.entity.currency:
            return
        for place in np.flatnonzero(mine):
            paper = Paper(
                entity=self.entity, kind="invoice", number=self.entity.invoices.text(int(documents.number[place])),
                account="", name=consumer_name(int(documents.customer[place])), day=int(documents.day[place]),
                due=int(documents.due[place]), amount=int(documents.amount[place]), currency=self.bank.currency,
            )  # fmt: skip
            rest = paper.amount - int(paid[documents.line[place]])
            first = self.entry(self.paid_on(paper.day, 3, 7), rest // 3 + 1, self.text(paper.number), paper.name)
            second = self.entry(
                self.paid_on(first.day, 2, 6), rest - first.amount, self.text(paper.number) + " Rest", paper.name
            )
            self.tie("paid_in_three_parts", [paper], [first, second])
            paper.positions[-1].allocated = rest

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
        self.seen.update(paper.amount for paper in papers)
        chosen = [papers[0], papers[3]]
        entry = self.entry(
            self.paid_on(max(p.day for p in papers)), sum(p.amount for p in chosen), "Sammelzahlung", customer[1]
        )
        self.tie("several_without_references", chosen, [entry], also="exception:undecided;exception:ambiguous")
        for paper in papers[1:3]:
            self.open(paper, "unpaid")

    def two_sums_fit(self) -> None:
        """One transfer without references, whose amount is the sum of two open invoices, and of two others as well."""
        customer = self.customer()
        low, step = self.amount(11_000, 60_000), self.draws.one(7, 19) * 101
        papers = [self.invoice(customer, low + step * times) for times in (0, 1, 2, 3)]
        self.seen.update(paper.amount for paper in papers)
        paid = papers[0].amount + papers[3].amount
        entry = self.entry(self.paid_on(max(p.day for p in papers)), paid, "Zahlung", customer[1])
        group = self.world.group(RECONCILIATION)
        self.expect(
            entry, "exception", "two_sums_fit", reason="ambiguous", group=group, decidable=False,
            also="exception:undecided;exception:missing_left",
        )  # fmt: skip
        for paper in papers:
            also = "open;exception:undecided;" + _MISSING
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
        if self.place("part") // 2 % 2:
            rest = self.entry(
                self.paid_on(first.day, 2, 8), paper.amount - part, self.text(paper.number) + " Rest", customer[1]
            )
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
        things: tuple[Paper | Entry, ...] = (paper, *entries)
        for thing in things:
            self.expect(thing, "exception", "paid_twice", reason="ambiguous", group=group, decidable=False, also=also)

    def same_amount_twice(self) -> None:
        """Two invoices of one customer over one amount, and one transfer without a number: nobody can say which is paid."""
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
        entry = self.entry(
            day, sum(d.amount for d in details), f"Sammelgutschrift {len(details)} Posten", "", details=details
        )
        entry.iban = ""
        self.expect(entry, "excluded", "batch_entry", also="matched;open")

    def supplier(self) -> None:
        """A bill of a supplier, paid with its number in the text."""
        name, place = company_name(self.draws, self.entity.country, self.draws.one(0, 900)), self.place("bill")
        day = self.world.profile.month.first + self.draws.one(-10, 8)
        number = self.entity.bills.text(place)
        paper = self.paper("bill", number, (str(700_000 + place), name), -self.amount(), day, day + 14)
        entry = self.entry(
            self.paid_on(day), paper.amount, f"{number} {self.draws.pick(('Rechnung', 'invoice'))}", name
        )
        entry.what = "supplier"
        entry.code = "PMNT-ICDT-ESCT" if self.bank.source == "bank-de" else "NTRF"
        self.tie("supplier_paid", [paper], [entry])
