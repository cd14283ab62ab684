"""
What sources state in small worlds, in few words; knows records and money, and nothing of matching.
"""

import datetime as dt
from dataclasses import dataclass

from tieout.model.money import exponent_of
from tieout.model.records import Record

__all__ = ["DAY", "Fact"]

DAY = dt.date(2026, 10, 1)
_NOON = dt.datetime(2026, 10, 1, 12, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """
    One record, in few words.

    :ivar day: days after 1 October 2026; ``due`` likewise.
    :ivar refs: its references. ``hour``: of that day, where the source says when it happened.
    :ivar before: the amount before charges, where the bank states one.
    """

    source: str
    id: str
    amount: int
    kind: str = "invoice"
    currency: str = "EUR"
    day: int = 0
    due: int | None = None
    fee: int = 0
    tax: int | None = None
    exponent: int | None = None
    refs: tuple[str, ...] = ()
    payment: str | None = None
    settlement: str | None = None
    parent: str | None = None
    text: str | None = None
    name: str | None = None
    their_account: str | None = None
    bank_code: str | None = None
    hour: int | None = None
    entity: str = "acme"
    before: int | None = None

    def record(self, line: int) -> Record:
        """Give what a format would have stated."""
        return Record(
            line=line,
            kind=self.kind,
            currency=self.currency,
            identity=self.id,
            amount=self.amount,
            fee=self.fee,
            tax=self.tax,
            net=self.amount - self.fee,
            exponent=exponent_of(self.currency) if self.exponent is None else self.exponent,
            booked_on=DAY + dt.timedelta(days=self.day),
            due_on=None if self.due is None else DAY + dt.timedelta(days=self.due),
            external_id=self.id,
            payment_id=self.payment,
            settlement_id=self.settlement,
            parent_external_id=self.parent,
            references=self.refs,
            text=self.text,
            counterparty=self.name,
            counterparty_account=self.their_account,
            bank_code=self.bank_code,
            original_amount=self.before,
            original_currency=None if self.before is None else self.currency,
            original_exponent=None if self.before is None else exponent_of(self.currency),
            occurred_at=None if self.hour is None else _NOON + dt.timedelta(days=self.day, hours=self.hour - 12),
        )
