"""
The proof of an account: the roll-forward that leads to its balance, and the two sides that must meet.

    opening + movements = closing, which the outside reports as well
    balance by the outside +- reconciling items = balance by the ledger +- reconciling items

Amounts are minor units of the account's currency. ``proving`` makes proofs; here is what they consist of.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from tieout.model.money import format_minor

__all__ = ["AccountProof", "Movement", "ProofItem", "ProofSide", "Reserve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofItem:
    """
    One reconciling item, or several alike.

    :ivar label: what it is, for a reader: ``in the ledger on 9 Oct 2026``.
    :ivar reference: an identifier that leads to it (``tieout explain``); None for several.
    :ivar state: ``timing`` (the other side has it, later), ``difference`` (of a match), ``exception`` (needs a person),
        ``open`` (looked for and not found yet), or ``not compared``.
    :ivar reason: of the exception, or of the difference.
    :ivar record_id, match_id: hexadecimal; ``exception_id``: as ``tieout exceptions`` names it.
    :ivar account_id: whose lines these are that were booked since its balance; None for everything else.
    """

    label: str
    amount: int
    state: str = "open"
    reference: str | None = None
    booked_on: dt.date | None = None
    count: int = 1
    kind: str | None = None
    reason: str | None = None
    record_id: str | None = None
    match_id: str | None = None
    exception_id: str | None = None
    account_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofSide:
    """
    One side: a balance that somebody states, and what must be added to it.

    :ivar source: who says so: ``bank-main, reported for 30 Oct 2026``, ``ledger account 1200``.
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
    The movements of one kind since the opening.

    :ivar kind: of the records; ``fees kept back`` and ``tax on fees`` are what lines of other kinds cost.
    """

    kind: str
    count: int
    amount: int
    state: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve:
    """
    What a platform holds back as a security.

    :ivar opening: what it began with, where that is declared; ``unreleased``: what is left of that and of the holds after
        the releases that they are matched with.
    :ivar reported: what the platform itself says; None where it does not.
    :ivar apart: what that differs by from the holds and releases up to then.
    :ivar beyond: by how much the releases were beyond the holds at worst; ``beyond_on``: the day.
    """

    holds: int
    releases: int
    unreleased: int
    opening: int = 0
    reported: int | None = None
    apart: int = 0
    beyond: int = 0
    beyond_on: dt.date | None = None

    @property
    def held(self) -> int:
        """What is held back: the opening and the holds, less the releases."""
        return self.opening + self.holds - self.releases

    @property
    def agrees(self) -> bool | None:
        """Whether the platform says the same; None where it says nothing: then no one has checked it."""
        if self.apart or self.beyond:
            return False
        return None if self.reported is None else True


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountProof:
    """
    Everything that an account's proof consists of.

    :ivar outside, ledger: its two sides.
    :ivar opening: at the end of ``opened_on``; None where neither tieout.toml nor the outside says.
    :ivar reported: what the outside says of the end of ``reported_on``, or of the moment ``reported_at`` in it; ``since``:
        movements after that balance.
    :ivar carried: what a platform carries over from one settlement into the next: it has left the one, and opens the
        other.
    :ivar breaks_on: the first day whose reported balance the movements do not lead to.
    :ivar faults: what else keeps it from being proven, one sentence each.
    :ivar notes: which balances that were reported are held against no line, and why; and which one differed before the last.
    :ivar compared: how many lines some reconciliation has held against the other side.
    :ivar in_sum: whether the lines that none has are the same sum on both sides in every month, as summary journals are.
    :ivar remedy: what would compare the others, in words.
    :ivar version: of a signed proof; 0 while it is a draft.
    """

    account_id: str
    entity_id: str | None
    kind: str | None
    currency: str
    exponent: int
    as_of: dt.date
    known_at: dt.datetime
    outside: ProofSide
    ledger: ProofSide
    ledger_account: str | None = None
    opening: int | None = None
    opened_on: dt.date | None = None
    movements: tuple[Movement, ...] = ()
    reported: int | None = None
    reported_on: dt.date | None = None
    reported_at: dt.datetime | None = None
    since: int = 0
    carried: int = 0
    breaks_on: dt.date | None = None
    reserve: Reserve | None = None
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    compared: int = 0
    in_sum: bool = False
    remedy: str = ""
    signed_by: tuple[str, ...] = ()
    version: int = 0

    @property
    def closing(self) -> int | None:
        """Where opening and movements lead to by ``as_of``."""
        return None if self.opening is None else self.opening + sum(movement.amount for movement in self.movements)

    @property
    def residual(self) -> int | None:
        """What the two sides differ by; None while one of them is silent."""
        outside, ledger = self.outside.adjusted, self.ledger.adjusted
        return None if outside is None or ledger is None else outside - ledger

    @property
    def rolled(self) -> int | None:
        """What the roll-forward does not explain: reported - opening - movements up to that balance."""
        if self.closing is None or self.reported is None:
            return None
        return self.reported + self.since - self.closing

    @property
    def closes(self) -> bool:
        """Whether the roll-forward leads to what the outside reports and, with a ledger, both sides meet."""
        meets = self.residual == 0 or (self.residual is None and self.ledger_account is None)
        reserved = self.reserve is None or self.reserve.agrees is not False
        return self.rolled == 0 and meets and reserved and not self.faults

    @property
    def not_compared(self) -> int:
        """How many lines no reconciliation has compared with the other side."""
        items = (*self.outside.items, *self.ledger.items)
        return sum(item.count for item in items if item.state == "not compared")

    @property
    def proven_by(self) -> str | None:
        """
        What proves it: ``lines`` (each was compared), ``sums`` (of months), or ``own balance``; None where nothing does.

        By its own balance: the roll-forward leads to what the outside reports. That says nothing of the ledger.
        """
        if self.closes and self.residual == 0 and not self.not_compared:
            return "lines"
        if self.closes and self.residual == 0 and self.in_sum:
            return "sums"
        return "own balance" if self.closes else None

    @property
    def is_proven(self) -> bool:
        """Whether it closes against a ledger, and every line was compared, or the sums of months were."""
        return self.proven_by in {"lines", "sums"}

    @property
    def lacking(self) -> str | None:
        """What keeps it from being proven, in a few words, what comes first in the proof first; None where it is."""
        reasons = (
            (self.opening is None, "no opening balance"),
            (self.reported is None, "no balance by the outside"),
            (self.rolled, "movements do not lead to the balance reported"),
            (self.reserve is not None and self.reserve.agrees is False, "reserve differs from the holds"),
            (self.residual is None and self.ledger_account is None, "no ledger account declared"),
            (self.residual is None, "no balance by the ledger"),
            (self.residual, "differs from the ledger"),
            (self.faults, "a fault in what was reported"),
            (self.not_compared and not self.in_sum, "lines not compared with the ledger"),
        )
        return next((words for holds, words in reasons if holds), None)

    @property
    def verdict(self) -> str:
        """
        Say in one sentence what the proof shows.

        A residual of zero shows nothing where lines were not compared: each of them stands there as an item.
        """
        if not self.closes:
            # Where nobody states a balance, nothing differs: nothing has been held against anything.
            found = "DOES NOT CLOSE: " if self.rolled or self.residual or self.reported is not None else ""
            return f"Not proven: {found}{self._gap()}"
        if self.proven_by == "lines":
            return "Proven: it closes, and every line that separates the two sides is named"
        if self.proven_by == "sums":
            return (
                f"Proven: it closes, and what no line by line comparison covers ({self.not_compared} lines) is the same sum"
                " on both sides in every month"
            )
        if self.residual is None:
            return (
                "Not proven: the roll-forward closes; no ledger account is declared to hold it against"
                " (ledger_account of the account, in tieout.toml)"
            )
        lines = "line is" if self.not_compared == 1 else "lines are"
        own = "Not proven: " if self.kind in {None, "bank"} else f"{self._by_itself()}; not proven by the ledger: "
        return (
            f"{own}{self.not_compared} {lines} not compared with the other side, {self.compared} are;"
            f" the residual says nothing of them: {self.remedy}"
        )

    def _by_itself(self) -> str:
        """Say that an account's own balance proves it, and how the ledger's stands to that."""
        timing = sum(item.amount for item in self.outside.items if item.state == "timing")
        apart = (self.ledger.balance or 0) - (self.outside.balance or 0) - timing
        stands = "is the same" if not apart else f"differs by {self.written(apart)} {self.currency}"
        whose = "the holds that nothing released" if self._by_holds else "the platform's own balance"
        whose = "what is on its way, payout by payout" if self.kind == "in_transit" else whose
        return f"Proven by {whose}; the balance of ledger account {self.ledger_account} {stands}"

    @property
    def _by_holds(self) -> bool:
        """Whether it is a reserve that the platform does not report: what it is held against is what holds are left."""
        return self.kind == "reserve" and self.reported_at is None

    def _gap(self) -> str:
        if self.rolled and self._by_holds:
            return (
                "holds less releases and what is left of holds after the releases that they are matched with differ by"
                f" {self.written(self.rolled)} {self.currency}"
            )
        if self.rolled and self.kind == "in_transit":
            return f"what left less what arrived, and what is listed as on its way, differ by {self.written(self.rolled)} {self.currency}"
        if self.rolled:
            return f"the roll-forward and the reported balance differ by {self.written(self.rolled)} {self.currency}"
        if self.residual:
            return f"the two sides differ by {self.written(self.residual)} {self.currency}"
        return self.faults[0] if self.faults else "the reserve differs from what the platform reports"

    @property
    def reserve_said(self) -> str | None:
        """Say in one sentence what is held in reserve, what it is made of, and who has checked it."""
        kept = self.reserve
        if kept is None:
            return None
        opening = f"an opening of {self.written(kept.opening)}, " if kept.opening else ""
        said = (
            f"Held in reserve {self.written(kept.held)} {self.currency}: {opening}holds of {self.written(kept.holds)} less"
            f" releases of {self.written(kept.releases)}"
        )
        if kept.unreleased != kept.held:
            said += f"; what is left of holds after the releases that they are matched with is {self.written(kept.unreleased)}"
        if kept.reported is None:
            return f"{said}; no reserve that the platform reports to hold it against"
        differs = f"DIFFERS by {self.written(kept.apart)} from" if kept.apart else "equals"
        return f"{said}; {differs} what the platform reports, {self.written(kept.reported)}"

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON values; amounts are decimal text."""
        plain = {
            name: getattr(self, name) for name in ("account_id", "entity_id", "kind", "currency", "ledger_account")
        }
        days = {name: _day(getattr(self, name)) for name in ("as_of", "opened_on", "reported_on", "breaks_on")}
        names = ("opening", "closing", "reported", "since", "carried", "rolled", "residual")
        movements = [{"kind": m.kind, "count": m.count, "amount": self.written(m.amount)} for m in self.movements]
        reserve = self.reserve and {
            **{
                name: self.written(getattr(self.reserve, name))
                for name in ("held", "holds", "releases", "unreleased", "reported", "beyond")
            },
            "agrees": self.reserve.agrees,
        }
        return {
            **{("account" if name == "account_id" else name.removesuffix("_id")): v for name, v in plain.items()},
            **days,
            "reported_at": self.reported_at and f"{self.reported_at:%Y-%m-%dT%H:%M:%SZ}",
            "known_at": f"{self.known_at:%Y-%m-%dT%H:%M:%SZ}",
            **{name: self.written(getattr(self, name)) for name in names},
            "movements": movements,
            "outside": self._side(self.outside),
            "ledger": self._side(self.ledger),
            "reserve": reserve,
            "closes": self.closes,
            "proven": self.is_proven,
            "proven_by": self.proven_by,
            "verdict": self.verdict,
            "compared": self.compared,
            "not_compared": self.not_compared,
            "faults": list(self.faults),
            "notes": list(self.notes),
        }

    def written(self, amount: int | None) -> str | None:
        """Write an amount of this proof as decimal text."""
        return None if amount is None else format_minor(amount, self.exponent)

    def _side(self, side: ProofSide) -> dict[str, Any]:
        named = ("label", "state", "reason", "reference", "kind", "count", "record_id", "match_id", "exception_id")
        items = [
            {**{name: getattr(item, name) for name in named}, "booked_on": _day(item.booked_on),
             "amount": self.written(item.amount)}
            for item in side.items
        ]  # fmt: skip
        return {
            "source": side.source,
            "balance": self.written(side.balance),
            "items": items,
            "adjusted": self.written(side.adjusted),
        }


def _day(day: dt.date | None) -> str | None:
    return None if day is None else day.isoformat()
