"""
What was drawn one by one: papers of business customers, lines of banks and ledgers, and where each of them belongs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tieout.simulation._profile import Bank, Entity, Profile, Transit
    from tieout.simulation._rates import Rates

__all__ = ["Booking", "Detail", "Entry", "Paper", "Passage", "Position", "World"]


@dataclass(slots=True, kw_only=True)
class Position:
    """
    What is expected of one record in one claim; the columns of ``truth/positions.parquet``.

    :ivar expected: ``matched``, ``exception``, ``in_transit``, ``open``, ``excluded``.
    :ivar reason: of the exception.
    :ivar group: records that tie together share it.
    :ivar allocated: what the group uses up of the record, in minor units; None: all of it.
    :ivar decidable: False where the files cannot decide.
    :ivar also: other outcomes that a careful reader may reach, such as ``exception:late``.
    """

    reconciliation: str
    claim: str
    side: str
    source: str
    kind: str
    expected: str
    trouble: str
    external_id: str | None = None
    settlement_id: str | None = None
    day: int = 0
    amount: int = 0
    currency: str = ""
    reason: str | None = None
    group: str | None = None
    allocated: int | None = None
    decidable: bool = True
    also: str = ""


@dataclass(slots=True, kw_only=True)
class Paper:
    """A document of a business customer or supplier, as the ERP exports it."""

    entity: Entity
    kind: str
    number: str
    account: str
    name: str
    day: int
    due: int
    amount: int
    currency: str
    reference: str = ""
    positions: list[Position] = field(default_factory=list)

    @property
    def source(self) -> str:
        """The source whose files carry it."""
        return f"erp-{self.entity.country}"


@dataclass(slots=True, kw_only=True)
class Detail:
    """One transaction inside a batch entry of a bank."""

    amount: int
    end_to_end: str
    text: str
    name: str
    iban: str
    reference: str = ""
    position: Position | None = None


@dataclass(slots=True, kw_only=True)
class Entry:
    """
    One line of a bank account.

    :ivar code: ISO's bank transaction code, or SWIFT's type of the line.
    :ivar original: amount and currency before the bank converted it.
    :ivar charges: what banks on the way kept.
    :ivar what: ``payout``, ``receipt``, ``supplier``, ``salary``, ``tax``, ``rent``, ``sweep``, ``charge``, ``interest``.
    :ivar position: what is expected of it in the claim ``bank``; of batches, their details have it.
    """

    bank: Bank
    day: int
    amount: int
    code: str
    text: str
    name: str
    what: str
    iban: str = ""
    end_to_end: str = ""
    value_day: int | None = None
    reference: str = ""
    original: tuple[int, str] | None = None
    charges: int = 0
    details: list[Detail] = field(default_factory=list)
    position: Position | None = None


@dataclass(slots=True, kw_only=True)
class Booking:
    """A line of a ledger account, as the ERP exports it."""

    entity: Entity
    account: str
    day: int
    amount: int
    currency: str
    text: str
    reference: str
    number: str = ""
    position: Position | None = None


@dataclass(slots=True, kw_only=True)
class Passage:
    """
    What passed through cash in transit: it left a platform or a bank (+), or it arrived or came back (-).

    :ivar name: by which files call it: the payout, the settlement, or the bank's line.
    :ivar how: as the ERP booked it: ``booked``, ``booked_late``, ``booked_wrong``, ``not_booked``, ``next_month``.
    :ivar booking: in the ledger; None: there is none yet.
    """

    transit: Transit
    day: int
    amount: int
    name: str
    how: str = "booked"
    booking: Booking | None = None


@dataclass(slots=True)
class World:
    """Everything that happens in the month beside the platforms' own lines."""

    profile: Profile
    rates: Rates
    papers: list[Paper] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    bookings: list[Booking] = field(default_factory=list)
    positions: list[Position] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)
    groups: int = 0

    def group(self, what: str) -> str:
        """Name a new group of records that tie together."""
        self.groups += 1
        return f"{what}/{self.groups}"
