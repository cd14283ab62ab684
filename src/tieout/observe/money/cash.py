"""
The cash position: what each account holds, what is held back, and what is on its way, never added across currencies.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tieout.model.money import format_minor
from tieout.observe.exporting.exports import Filters, opened
from tieout.observe.proofs.proving import prove_all

if TYPE_CHECKING:
    from tieout.config import Workspace
    from tieout.observe.proofs.proof import AccountProof
    from tieout.store.workplace import Store

__all__ = ["COUNTED", "Cash", "Holding", "UnderWay", "cash", "late_and_expected", "under_way"]

#: What a sum of ``in_transit`` counts, as SQL: a settlement without a reported payout is in its platform's balance, and what
#: a bank swept may be somebody else's.
COUNTED = "kind <> 'settlement' and how <> 'sweep'"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    """
    What left one account and has not arrived, in minor units.

    :ivar amount: what should arrive; ``count``: in so many payouts, of which ``late`` should have arrived.
    """

    account_id: str | None
    currency: str
    exponent: int
    amount: int
    count: int
    late: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """
    What one account holds, in minor units.

    :ivar balance: by the outside, with what was booked since; None where nothing is known of it.
    :ivar reported_on: the day of the balance that the outside stated last; None: the lines' sum.
    :ivar reserve: what a platform holds back beside it; ``in_transit``: what left it and has not arrived.
    """

    account_id: str
    entity_id: str | None
    kind: str | None
    currency: str
    exponent: int
    balance: int | None
    reported_on: dt.date | None
    reserve: int
    in_transit: int
    closes: bool

    @property
    def total(self) -> int | None:
        """Everything of ours that stands there or came from there; None where its balance is not known."""
        return None if self.balance is None else self.balance + self.reserve + self.in_transit

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON values."""
        plain = {"account": self.account_id, "entity": self.entity_id, "kind": self.kind, "currency": self.currency}
        amounts = {name: getattr(self, name) for name in ("balance", "reserve", "in_transit", "total")}
        day = None if self.reported_on is None else self.reported_on.isoformat()
        written = {n: None if a is None else format_minor(a, self.exponent) for n, a in amounts.items()}
        return {**plain, **written, "reported_on": day, "closes": self.closes}


@dataclass(frozen=True, slots=True)
class Cash:
    """The position of a day: every account's, and their sums by currency."""

    as_of: dt.date | None
    holdings: list[Holding]

    @property
    def totals(self) -> list[dict[str, Any]]:
        """Sum the accounts of each currency, by where the money stands; a sum with a part that is not known is None."""
        found = []
        for currency in sorted({holding.currency for holding in self.holdings}):
            mine = [holding for holding in self.holdings if holding.currency == currency]
            exponent = max(holding.exponent for holding in mine)
            row: dict[str, Any] = {"currency": currency}
            for name in ("balance", "reserve", "in_transit", "total"):
                parts = [(getattr(h, name), 10 ** (exponent - h.exponent)) for h in mine]
                known = [amount * unit for amount, unit in parts if amount is not None]
                row[name] = format_minor(sum(known), exponent) if len(known) == len(parts) else None
            found.append(row)
        return found


def cash(store: Store, workspace: Workspace, as_of: dt.date | None = None, entity: str | None = None) -> Cash:
    """
    Say what every account holds at the end of a day.

    :param as_of: by default the last day that the facts speak of, never today.
    :raises WrongUse: there is no such entity.
    """
    leaving: dict[tuple[str | None, str], tuple[int, int]] = {}
    for row in under_way(store, workspace, Filters(entity=entity, as_of=as_of)):
        key = row.account_id, row.currency
        leaving[key] = _added(leaving.get(key), row.amount, row.exponent)
    # What an account of kind in_transit holds is what platforms have in transit: it is counted there.
    proofs = [p for p in prove_all(store, workspace, as_of) if entity in (None, p.entity_id) and p.kind != "in_transit"]
    day = as_of or min((proof.as_of for proof in proofs), default=None)
    return Cash(day, [_holding(proof, leaving.get((proof.account_id, proof.currency))) for proof in proofs])


def under_way(store: Store, workspace: Workspace, filters: Filters) -> list[UnderWay]:
    """
    Sum the payouts that left a platform and have not arrived, as ``in_transit`` lists them.

    What a platform has not paid out yet is part of its balance, and not of this: so is a settlement that no payout is
    reported for, until the bank has it.

    :return: by account, currency and exponent.
    """
    with opened(store, workspace, "in_transit", filters) as view:
        rows = view.con.execute(f"""
            select account_id, currency, decimals, sum(outstanding)::varchar, count(*), count(*) filter (how = 'late')
            from (select t.* from {view.relation}) where {COUNTED} group by all order by all
        """).fetchall()
    return [
        UnderWay(account_id=account, currency=currency, exponent=exponent, amount=int(amount), count=count, late=late)
        for account, currency, exponent, amount, count, late in rows
    ]


def late_and_expected(store: Store, workspace: Workspace, filters: Filters) -> tuple[int, int]:
    """Count what ``in_transit`` lists that should have arrived, and the settlements that no payout is reported for."""
    with opened(store, workspace, "in_transit", filters) as view:
        late, expected = view.con.execute(f"""
            select count(*) filter (how = 'late'), count(*) filter (kind = 'settlement')
            from (select t.* from {view.relation})
        """).fetchall()[0]
    return late, expected


def _added(before: tuple[int, int] | None, amount: int, exponent: int) -> tuple[int, int]:
    """Add minor units of one currency, at the larger exponent."""
    if before is None:
        return amount, exponent
    most = max(before[1], exponent)
    return before[0] * 10 ** (most - before[1]) + amount * 10 ** (most - exponent), most


def _holding(proof: AccountProof, leaving: tuple[int, int] | None) -> Holding:
    amount, exponent = leaving or (0, proof.exponent)
    most = max(exponent, proof.exponent)
    own, balance = 10 ** (most - proof.exponent), None
    if proof.reported is not None:
        balance = (proof.reported + proof.since) * own
    elif proof.closing is not None:
        balance = proof.closing * own
    return Holding(
        account_id=proof.account_id,
        entity_id=proof.entity_id,
        kind=proof.kind,
        currency=proof.currency,
        exponent=most,
        balance=balance,
        reported_on=proof.reported_on,
        reserve=(proof.reserve.held if proof.reserve else 0) * own,
        in_transit=amount * 10 ** (most - exponent),
        closes=proof.closes,
    )
