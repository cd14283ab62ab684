"""
Accounts, where money or a claim stands, and the entities that they belong to.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from tieout.model.money import Money

__all__ = ["ACCOUNT_KINDS", "LEGS", "Account", "Delay", "Entity", "Opening"]

#: Where money or a claim can stand.
ACCOUNT_KINDS = ("platform", "bank", "reserve", "in_transit", "ledger")
#: The legs of a payment that somebody must book.
LEGS = ("receipt", "fee", "payout", "fx")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """
    A company that keeps books of its own.

    :ivar currency: of its books.
    :ivar books: who books each leg of a payment, :data:`LEGS` to ``"tieout"`` or ``"erp"`` (then it is never
        drafted, and a reconciliation on the claim ``booking`` has to hold it against what the ERP booked).
    """

    id: str
    name: str
    currency: str
    books: Mapping[str, str] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Delay:
    """How long money takes to arrive: ``2bd`` is two business days of the account's calendar, ``3d`` three days."""

    days: int
    business: bool


@dataclass(frozen=True, slots=True)
class Opening:
    """What an account held at the end of a day, when tieout began to follow it."""

    on: dt.date
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """
    Where money or a claim stands: a platform balance, a bank account, a reserve, cash in transit, a ledger account.

    :ivar source: the source whose files carry it; None: whichever file names its number.
    :ivar kind: one of :data:`ACCOUNT_KINDS`; None: as its source's format says.
    :ivar number: as files name it: IBAN, account number, merchant account.
    :ivar numbers: what other files call it, whichever source they come from: bank code and account number, an old number.
    :ivar calendar: a calendar of the ``holidays`` library (``ECB``, ``DE``, ``DE-BY``), or NAME of calendars/NAME.toml.
    :ivar ledger_account: its account in the entity's ledger.
    :ivar servicer: who keeps it: the BIC or name of a bank or platform.
    :ivar declared: False for one that tieout.toml does not name and that a file brought in.
    """

    id: str
    entity: str
    currency: str
    source: str | None = None
    kind: str | None = None
    number: str | None = None
    timezone: str = "UTC"
    calendar: str | None = None
    settles_after: Delay | None = None
    ledger_account: str | None = None
    servicer: str | None = None
    opening: Opening | None = None
    numbers: tuple[str, ...] = ()
    declared: bool = True
