"""
The nouns of postings: what a fact does to the ledger, as an accountant writes it.

Frozen, and checked by the time they stand here (``accounting.reading``). Every posting balances whatever the facts
are: its amounts are sums of four measures, and its debits and credits are the same sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

__all__ = [
    "ACCOUNT_NAMES",
    "AMOUNTS",
    "DIFFERENCES",
    "MATCHED",
    "MEASURES",
    "MONEY_NAMES",
    "PARTS",
    "Line",
    "Posting",
    "Postings",
    "amount_of",
]

#: What is measured of a fact; every amount is a sum of these. For a difference: its amount, and the tax in it.
MEASURES = ("amount", "fee", "fee_tax", "tax")
#: The amounts that a line may have, as multiples of the measures; a minus in front turns the sign around.
AMOUNTS: dict[str, tuple[int, int, int, int]] = {
    "amount": (1, 0, 0, 0),
    "fee": (0, 1, 0, 0),
    "fee_tax": (0, 0, 1, 0),
    "fee_total": (0, 1, 1, 0),
    "net": (1, -1, -1, 0),
    "tax": (0, 0, 0, 1),
    "untaxed": (1, 0, 0, -1),
}
#: What a line was matched with. part: money on account: a part of a payment that others complete, or the rest of one.
MATCHED = ("document", "payout", "settlement", "part", "nothing")
#: Which part of a record a posting books.
PARTS = ("amount", "fee")
#: What a difference of a match can be (the reasons that a match may give).
DIFFERENCES = (
    *("fee", "fee_tax", "bank_charge", "discount", "withholding_tax"),
    *("fx", "rounding", "write_off", "short_payment", "over_payment"),
)
#: Names that stand for the account on which the money moved. money: whichever kind it is.
MONEY_NAMES: dict[str, tuple[str, ...]] = {
    "money": ("platform", "bank", "reserve", "in_transit", "ledger"),
    "platform_clearing": ("platform",),
    "bank": ("bank",),
    "reserve": ("reserve",),
    "cash_in_transit": ("in_transit",),
}
#: The names that the postings which ship use, and the two that differences of rates and of rounding need.
ACCOUNT_NAMES = (
    *MONEY_NAMES,
    *(
        "receivable",
        "payable",
        "customer_deposits",
        "supplier_deposits",
        "disputed_receivable",
        "sales",
        "output_vat",
        "input_vat",
    ),
    *("fee_expense", "fee_income", "dispute_fees", "dispute_losses", "bank_charges"),
    *("interest_income", "interest_expense", "withholding_tax", "withholding_tax_payable", "platform_loans"),
    *("discounts_allowed", "discounts_received", "short_payments", "over_payments", "write_offs"),
    *("fx_clearing", "fx_gain", "fx_loss", "rounding"),
)


def amount_of(text: str) -> tuple[int, int, int, int] | None:
    """Give the multiples of :data:`MEASURES` that an amount such as ``"net"`` or ``"-fee"`` is; None: not known."""
    sign, name = (-1, text[1:]) if text.startswith("-") else (1, text)
    found = AMOUNTS.get(name)
    return None if found is None else (sign * found[0], sign * found[1], sign * found[2], sign * found[3])


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """
    One line of a posting.

    :ivar account: a name that the workspace gives a ledger account to (``receivable``).
    :ivar debit: the side on which a positive amount stands.
    :ivar amount: multiples of :data:`MEASURES`.
    :ivar tax_code: of the ledger, passed on as it is.
    :ivar dimensions: cost centres and the like, passed on as they are.
    """

    account: str
    debit: bool
    amount: tuple[int, int, int, int]
    tax_code: str | None = None
    dimensions: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """
    What a kind of fact does to the ledger.

    :ivar leg: one of ``config.LEGS``: who books it is said per entity.
    :ivar when: condition to the values it allows; all of them must hold. ``bank_code`` and ``method`` may have ``*``.
    :ivar lines: two at least; they balance whatever the facts are.
    :ivar origin: the file, for messages.
    """

    name: str
    leg: str
    when: Mapping[str, tuple[str, ...]] = field(hash=False)
    lines: tuple[Line, ...]
    origin: str = "the postings that ship"

    @property
    def books_fee(self) -> bool:
        """Whether it books the fee beside the amount, so that the fee has no journal of its own."""
        return "fee" not in self.when.get("part", ()) and any(line.amount[1] or line.amount[2] for line in self.lines)

    def fits(self, shape: Mapping[str, str | None]) -> bool:
        """Say whether a fact of this shape is meant."""
        if shape["part"] not in self.when.get("part", ("amount",)):
            return False
        if any((shape.get(key) is None) != (key not in self.when) for key in ("adjustment", "outcome")):
            return False
        return all(key == "part" or _allows(key, allowed, shape.get(key)) for key, allowed in self.when.items())


def _allows(key: str, allowed: tuple[str, ...], value: str | None) -> bool:
    if value is None:
        return False
    if key in {"bank_code", "method"}:
        return any(fnmatchcase(value, pattern) for pattern in allowed)
    return value in allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class Postings:
    """
    Everything that a workspace says about its ledger accounts and postings.

    :ivar postings: in order; the first that fits is taken. Those that ship come last.
    :ivar accounts: (entity or None, currency or None) to account name to ledger account.
    :ivar digest: SHA-256 (hex) of what was read, so that a run can cite it.
    """

    postings: tuple[Posting, ...]
    accounts: Mapping[tuple[str | None, str | None], Mapping[str, str]] = field(hash=False)
    digest: str

    def posting_for(self, shape: Mapping[str, str | None], *, fees: bool = True) -> Posting | None:
        """
        Give the first posting that fits a fact; None where nobody said what it does.

        :param fees: False where the ERP books fees: a posting that books the fee beside the amount does not fit then.
        """
        return next((one for one in self.postings if one.fits(shape) and (fees or not one.books_fee)), None)

    def account(self, name: str, entity: str, currency: str) -> str | None:
        """Give the ledger account of a name: the entity's in this currency, the entity's, the currency's, else all's."""
        for key in ((entity, currency), (entity, None), (None, currency), (None, None)):
            found = self.accounts.get(key, {}).get(name)
            if found is not None:
                return found
        return None
