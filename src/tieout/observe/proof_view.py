"""
The proof of an account, as a page shows it: two sides that meet, and the roll-forward that leads there.

    balance by the outside +- reconciling items = balance by the ledger +- reconciling items

Amounts are minor units of the account's currency. What makes a proof fills these; nothing here decides anything.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

__all__ = ["AccountProof", "Movement", "ProofItem", "ProofSide"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofItem:
    """
    One reconciling item, or several of one reason.

    :ivar label: what it is, for a reader: ``in transit to the bank``.
    :ivar reference: an identifier that leads to it, or its list; None where nothing more is to be seen.
    """

    label: str
    amount: int
    reference: str | None = None
    booked_on: dt.date | None = None
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofSide:
    """
    One side: a balance that somebody states, and what must be added to it.

    :ivar source: who says so: ``statement 231 of 30 Nov``, ``account 1200 in SAP``.
    :ivar balance: None where nobody has stated one yet.
    """

    source: str
    balance: int | None
    items: tuple[ProofItem, ...] = ()

    @property
    def adjusted(self) -> int | None:
        """The balance with its reconciling items."""
        return None if self.balance is None else self.balance + sum(item.amount for item in self.items)


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """
    The movements of one kind in the period.

    :ivar state: ``tied``, ``on its way``, ``unexplained``, or None where it is not known.
    """

    kind: str
    count: int
    amount: int
    state: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountProof:
    """
    Everything that an account's proof consists of.

    :ivar outside, ledger: its two sides.
    :ivar opening, closing: of the roll-forward; None where the outside did not say.
    :ivar version: of a signed proof; 0 while it is a draft.
    """

    account_id: str
    entity_id: str | None
    currency: str
    exponent: int
    as_of: dt.date
    known_at: dt.datetime
    outside: ProofSide
    ledger: ProofSide
    opening: int | None = None
    opened_on: dt.date | None = None
    movements: tuple[Movement, ...] = ()
    closing: int | None = None
    signed_by: tuple[str, ...] = ()
    version: int = 0

    @property
    def residual(self) -> int | None:
        """What the two sides differ by; None while one of them is silent."""
        outside, ledger = self.outside.adjusted, self.ledger.adjusted
        return None if outside is None or ledger is None else outside - ledger

    @property
    def rolled(self) -> int | None:
        """What the roll-forward does not explain: closing - opening - movements."""
        if self.opening is None or self.closing is None:
            return None
        return self.closing - self.opening - sum(movement.amount for movement in self.movements)

    @property
    def is_proven(self) -> bool:
        """Whether both sides meet, and the roll-forward leads from the opening to the closing balance."""
        return self.residual == 0 and self.rolled in (0, None)
