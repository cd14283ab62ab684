"""
Cash in transit: what left the platforms on their dates and arrived at the banks on theirs, and what the ERP booked of it.

What nobody can tie to its payout (two that look the same) has not arrived, as far as anybody knows; so has the ERP
booked it. What a bank sweeps away, and what it fetches back, is on its way to an account that is not in the files.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import numpy as np

from tieout.simulation._sales import Line
from tieout.simulation._world import Booking, Passage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tieout.simulation._profile import Entity, Transit
    from tieout.simulation._sales import Lines
    from tieout.simulation._settling import Settlement
    from tieout.simulation._world import World

__all__ = ["make_transit"]

_LEAVES = (Line.PAYOUT, Line.PAYOUT_FAILED, Line.CARRIED_OUT, Line.CARRIED_IN)
#: What the ERP does to one of an account's payouts each, if it has many.
_TROUBLES = ("not_booked", "booked_late", "booked_wrong")
_MANY = 9
_LATE_DAYS = 3


def make_transit(world: World, lines: Lines, settlements: list[Settlement]) -> None:
    """Write down what passed through cash in transit, and book it in the ledger, or do not."""
    world.passages += _left(world, lines, settlements)
    world.passages += _arrived(world, settlements)
    for transit in world.profile.transits:
        _book(world, [passage for passage in world.passages if passage.transit is transit])


def _transit(world: World, entity: Entity, currency: str) -> Transit:
    return next(t for t in world.profile.transits if t.entity is entity and t.currency == currency)


def _left(world: World, lines: Lines, settlements: list[Settlement]) -> Iterator[Passage]:
    """Give what the platforms paid out, what came back of that, and what one settlement carries over into the next."""
    for place in np.flatnonzero(np.isin(lines.kind, _LEAVES)):
        kind, settlement = Line(int(lines.kind[place])), settlements[int(lines.settlement[place])]
        # What came back is named by the payout that it was.
        named = settlements[int(lines.order[place])] if kind is Line.PAYOUT_FAILED else settlement
        paid = kind in {Line.PAYOUT, Line.PAYOUT_FAILED}
        platform = settlement.platform
        day = world.profile.clocks[platform.entity.zone].days(lines.at[place : place + 1])
        yield Passage(
            transit=_transit(world, platform.entity, platform.currency), day=int(day[0]), amount=-int(lines.amount[place]),
            name=named.token if paid and platform.source == "adyen" else named.id,
        )  # fmt: skip


def _arrived(world: World, settlements: list[Settlement]) -> Iterator[Passage]:
    """Give what the banks' lines brought of payouts, in the payouts' currency, and what they swept."""
    by_id = {settlement.id: settlement for settlement in settlements}
    paid: defaultdict[str, list[Settlement]] = defaultdict(list)
    for position in world.positions:
        if position.claim == "settlement" and position.group and position.settlement_id:
            paid[position.group].append(by_id[position.settlement_id])
    for entry in world.entries:
        amount, currency = -entry.amount, entry.bank.currency
        if entry.what != "sweep":
            told = entry.position
            if entry.what != "payout" or told is None or told.expected != "matched":
                continue
            tied = paid[told.group or ""]
            if tied[0].platform.currency != currency:
                amount, currency = -sum(settlement.amount for settlement in tied), tied[0].platform.currency
        yield Passage(
            transit=_transit(world, entry.bank.entity, currency), day=entry.day, amount=amount, name=entry.reference
        )


def _book(world: World, passages: list[Passage]) -> None:
    """Book what passed through one account; of many payouts one is forgotten, one comes late, and one is mistyped."""
    month = world.profile.month
    for passage in passages:
        passage.how = "booked" if passage.day <= month.last else "next_month"
    names = Counter(passage.name for passage in passages)
    plain = [p for p in passages if p.amount > 0 and names[p.name] == 1 and p.day + _LATE_DAYS < month.last - 5]
    if passages and len(plain) >= _MANY:
        draws = world.profile.draws(f"ledger/{passages[0].transit.id}")
        for how, passage in zip(_TROUBLES, draws.mixed(plain), strict=False):
            passage.how = how
    for passage in passages:
        if passage.how in {"not_booked", "next_month"}:
            continue
        transit = passage.transit
        passage.booking = Booking(
            entity=transit.entity, account=transit.ledger_account, currency=transit.currency, reference=passage.name,
            day=passage.day + (_LATE_DAYS if passage.how == "booked_late" else 0),
            amount=passage.amount + (900 if passage.how == "booked_wrong" else 0),
            text="Geldtransit" if transit.entity.country == "de" else "Cash in transit",
        )  # fmt: skip
        world.bookings.append(passage.booking)
