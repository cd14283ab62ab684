"""
Who the company is: its entities, accounts, styles of numbering, all drawn from the seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tieout.simulation._days import Clocks, Month, WorkingDays
from tieout.simulation._draws import Draws
from tieout.simulation._names import iban

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "CURRENCIES", "EXPONENTS", "UNITS", "Bank", "Entity", "Numbering", "Platform", "Profile", "Transit", "make_profile",
]  # fmt: skip

CURRENCIES = ("EUR", "USD", "JPY", "KWD")
EXPONENTS = {"EUR": 2, "USD": 2, "JPY": 0, "KWD": 3}
#: Minor units in one of each.
UNITS = {"EUR": 100, "USD": 100, "JPY": 1, "KWD": 1000}
#: So many platform rows have a store of their own on the second platform.
_ROWS_OF_A_STORE = 250_000
_STORES_MAX = 24


@dataclass(frozen=True, slots=True)
class Numbering:
    """
    How a company numbers its orders, invoices, ...: ``A-104233``.

    :ivar step: the distance between two numbers; above 9, a slip of one digit never gives another's number.
    """

    prefix: str
    width: int
    start: int
    step: int = 11

    def text(self, place: int) -> str:
        """Write the number at a place."""
        return f"{self.prefix}{self.start + place * self.step:0{self.width}d}"

    def sql(self, place: str) -> str:
        """Give the SQL that writes the number at a place."""
        return f"'{self.prefix}' || lpad(({self.start} + ({place}) * {self.step})::varchar, {self.width}, '0')"


@dataclass(frozen=True, slots=True)
class Entity:
    """One company of the group."""

    id: str
    name: str
    short: str
    country: str
    currency: str
    zone: str
    calendar: str
    orders: Numbering
    invoices: Numbering
    credits: Numbering
    bills: Numbering


@dataclass(frozen=True, slots=True)
class Platform:
    """
    One balance at a payment platform.

    :ivar place: its place in the profile's list, by which columns name it.
    :ivar number: as the platform's files name it.
    :ivar bank: the id of the bank account that it pays out to.
    """

    place: int
    id: str
    source: str
    entity: Entity
    currency: str
    number: str
    bank: str
    ledger_account: str
    weight: int
    opening: int


@dataclass(frozen=True, slots=True)
class Bank:
    """One bank account."""

    id: str
    source: str
    entity: Entity
    currency: str
    number: str
    ledger_account: str
    opening: int
    first_statement: int


@dataclass(frozen=True, slots=True)
class Transit:
    """Cash on its way of one entity in one currency: an account of the books only."""

    id: str
    entity: Entity
    currency: str
    ledger_account: str


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything that is fixed before a month of business begins."""

    seed: int
    rows: int
    month: Month
    entities: tuple[Entity, Entity]
    platforms: tuple[Platform, ...]
    banks: tuple[Bank, ...]
    transits: tuple[Transit, ...]
    stripe_account: str
    adyen_company: str
    working: dict[str, WorkingDays]
    clocks: dict[str, Clocks]

    def draws(self, name: str) -> Draws:
        """Begin a stream of draws."""
        return Draws(self.seed, name)

    def bank(self, bank_id: str) -> Bank:
        """Look a bank account up."""
        return next(bank for bank in self.banks if bank.id == bank_id)

    def bank_days(self, bank: Bank) -> Sequence[int]:
        """Give the days on which a bank account has a statement."""
        return self.working[bank.entity.calendar].of_month

    @property
    def bank_end(self) -> int:
        """The last day that all banks' statements reach."""
        return min(max(self.bank_days(bank)) for bank in self.banks)


_HOUSES = ("Nordwind", "Seehafen", "Brightmoor", "Talbach", "Kornfeld", "Auerhahn", "Lindenhof", "Marwitz")
_TRADES = (("Software", "Shop"), ("Media", "Store"), ("Systems", "Market"), ("Cloud", "Goods"), ("Learning", "Books"))
_ORDERS = ("A-", "SUB-", "SO26-", "W", "ORD/26/", "B2C-", "V26.")
_INVOICES = ("RE-2026-", "R26", "RG/", "AR26-", "F-", "INV-26-", "2026-")
_CREDITS = ("GU-2026-", "G26", "CN-", "GS/", "CR26-", "CM-")


def _entity(draws: Draws, house: str, trade: str, country: str, taken: set[str]) -> Entity:
    def numbering(prefixes: Sequence[str], width: int) -> Numbering:
        prefix = draws.pick([each for each in prefixes if each not in taken])
        taken.add(prefix)
        return Numbering(prefix, width, 10 ** (width - 1) + draws.one(100, 8 * 10 ** (width - 3)))

    german = country == "de"
    return Entity(
        id=f"{house.lower()}-{country}",
        name=f"{house} {trade} {'GmbH' if german else 'Inc.'}",
        short=f"{house}{trade}",
        country=country,
        currency="EUR" if german else "USD",
        zone="Europe/Berlin" if german else "America/New_York",
        calendar="ECB" if german else "US",
        orders=numbering(_ORDERS, draws.one(9, 10)),
        invoices=numbering(_INVOICES, 9),
        credits=numbering(_CREDITS, 8),
        bills=Numbering("ER-" if german else "BILL", 6, draws.one(100_000, 500_000), 13),
    )


def make_profile(seed: int, rows: int, month: Month) -> Profile:
    """
    Draw a company.

    :param rows: about how many rows its platforms report.
    """
    draws = Draws(seed, "profile")
    house = draws.pick(_HOUSES)
    software, shop = draws.pick(_TRADES)
    taken: set[str] = set()
    here = _entity(draws, house, software, "de", taken)
    there = _entity(draws, house, shop, "us", taken)
    acct = "acct_1" + "".join(
        draws.pick("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789") for _ in range(15)
    )
    iban_main, iban_usd = (
        iban("DE", f"{draws.one(10**7, 9 * 10**7)}{draws.one(0, 10**10 - 1):010d}") for _ in range(2)
    )
    banks = (
        Bank("bank-de-eur", "bank-de", here, "EUR", iban_main, "1200", draws.one(4_000_000, 30_000_000), draws.one(190, 199)),
        Bank("bank-de-usd", "bank-de", here, "USD", iban_usd, "1210", draws.one(1_000_000, 9_000_000), draws.one(190, 199)),
        Bank("bank-us-usd", "bank-us", there, "USD", f"{draws.one(10**8, 10**9 - 1)}", "10100",
             draws.one(4_000_000, 30_000_000), draws.one(190, 199)),
    )  # fmt: skip
    stores = min(_STORES_MAX, rows // _ROWS_OF_A_STORE)
    balances = [
        ("stripe-eur", "stripe", here, "EUR", acct, "bank-de-eur", "1361", 52, draws.one(100_000, 900_000)),
        ("stripe-usd", "stripe", here, "USD", acct, "bank-de-usd", "1362", 14, draws.one(100_000, 900_000)),
        ("stripe-kwd", "stripe", here, "KWD", acct, "bank-de-eur", "1363", 4, draws.one(10_000, 90_000) * 10),
        ("adyen-us", "adyen", there, "USD", f"{there.short}US", "bank-us-usd", "11310", 22, 0),
        ("adyen-jp", "adyen", there, "JPY", f"{there.short}JP", "bank-us-usd", "11320", 8, 0),
    ]
    balances += [
        (f"adyen-us-{n}", "adyen", there, "USD", f"{there.short}US{n}", "bank-us-usd", f"1141{n:02d}", 22, 0)
        for n in range(1, stores + 1)
    ]
    return Profile(
        seed=seed,
        rows=rows,
        month=month,
        entities=(here, there),
        platforms=tuple(Platform(place, *balance) for place, balance in enumerate(balances)),
        banks=banks,
        transits=tuple(
            Transit(f"transit-{entity.country}-{currency.lower()}", entity, currency, number)
            for entity, currency, number in (
                (here, "EUR", "1460"),
                (here, "USD", "1463"),
                (here, "KWD", "1464"),
                (there, "USD", "10900"),
                (there, "JPY", "10910"),
            )
        ),
        stripe_account=acct,
        adyen_company=f"{house}Group",
        working={name: WorkingDays(name, month) for name in ("ECB", "US")},
        clocks={zone: Clocks(zone, month) for zone in ("Europe/Berlin", "Europe/Amsterdam", "America/New_York")},
    )
