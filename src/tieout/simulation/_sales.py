"""
What customers pay and get back through the platforms: columns of whole numbers, one place per line of money.

Nothing here has text: identifiers, names and descriptions are functions of these numbers, written when files are.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from tieout.simulation._draws import Draws
    from tieout.simulation._profile import Profile

    Whole = npt.NDArray[np.int64]

__all__ = ["Line", "Lines", "make_sales"]


class Line(IntEnum):
    """What a platform's line is."""

    CHARGE = 0
    REFUND = 1
    DISPUTE = 2
    DISPUTE_WON = 3
    FEE = 4
    HOLD = 5
    RELEASE = 6
    ADJUSTMENT = 7
    PAYOUT = 8
    PAYOUT_FAILED = 9
    CARRIED_OUT = 10
    CARRIED_IN = 11
    FEE_TAX = 12
    DEBIT_RETURNED = 13
    CORRECTION = 14
    CONVERSION = 15


#: Columns that do not hold a place or a small number.
_TYPES = {"at": np.int64, "amount": np.int64, "fee": np.int64, "kind": np.int8, "platform": np.int8, "method": np.int8}


@dataclass(slots=True)
class Lines:
    """
    Lines of the platforms' balances, column by column.

    :ivar at: the moment, in seconds since 1970.
    :ivar payment: the place of the charge that it belongs to; -1: none.
    :ivar order: the place in the entity's numbering of orders; of what a platform moves by itself, the number under which
        lines belong together; -1: none.
    :ivar customer: the place among the consumers; -1: none.
    :ivar method: 0 and 1 card, 2 bank debit.
    :ivar settlement: the place among the settlements; -1: not settled yet.
    """

    kind: Whole
    platform: Whole
    at: Whole
    amount: Whole
    fee: Whole
    payment: Whole
    order: Whole
    customer: Whole
    method: Whole
    settlement: Whole

    def __len__(self) -> int:
        """How many there are."""
        return len(self.kind)

    @classmethod
    def of(cls, count: int, **columns: Any) -> Lines:
        """Make lines from columns or constants; what is not given is -1, amounts and fees 0."""
        given = {"fee": 0, "amount": 0} | columns
        return cls(**{
            f.name: np.broadcast_to(np.asarray(given.get(f.name, -1), _TYPES.get(f.name, np.int32)), count)
            for f in fields(cls)
        })  # fmt: skip

    @classmethod
    def joined(cls, parts: list[Lines]) -> Lines:
        """Put lines below each other; places of earlier ones stay."""
        return cls(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)})

    def where(self, chosen: npt.NDArray[np.bool_]) -> Lines:
        """Keep some of them."""
        return Lines(**{f.name: getattr(self, f.name)[chosen] for f in fields(self)})


_DAY_S = 86_400
_PRICES = (990, 1900, 1990, 2900, 4900, 9900, 14900)
#: Bands of other amounts, in cents, with weights: most are small.
_BANDS = ((500, 2_000, 30), (2_000, 6_000, 34), (6_000, 20_000, 24), (20_000, 80_000, 10), (80_000, 300_000, 2))
_SUBSCRIBED = 450  # of a thousand charges of the first platform have a price of the list
_CUSTOMERS_PER_ROWS = 14
_REFUND_DAYS_MAX = 12
_DISPUTE_FEE = {"EUR": 2_000, "USD": 1_500, "JPY": 1_500, "KWD": 5_000}
#: Fee of a line, in millionths of its amount, and what each line costs beside.
_FEES = {"EUR": (15_000, 25), "USD": (29_000, 30), "JPY": (36_000, 0), "KWD": (34_000, 100)}


def make_sales(profile: Profile) -> Lines:
    """Draw the charges, refunds and disputes of the month, in the order of time within each kind."""
    draws = profile.draws("sales")
    charges = _charges(profile, draws)
    count = len(charges)
    refunds = _refunds(profile, draws, charges, max(24, count * 55 // 1000))
    disputes = _disputes(profile, draws, charges, max(6, count * 4 // 1000))
    returned = _returned_debits(profile, draws, charges)
    sold = Lines.joined([charges, refunds, *disputes, returned])
    return Lines.joined([sold, _paid_twice(profile, draws, charges, len(sold))])


def _charges(profile: Profile, draws: Draws) -> Lines:
    month, count = profile.month, max(300, profile.rows * 92 // 100)
    platform = draws.weighted([each.weight for each in profile.platforms], count)
    day = month.first + draws.many(0, month.days - 1, count)
    second = draws.many(0, _DAY_S - 1, count)
    at = np.zeros(count, np.int64)
    for each in profile.platforms:
        mine = platform == each.place
        at[mine] = profile.clocks[each.entity.zone].moments(day[mine], second[mine])
    order_of_time = np.argsort(at, kind="stable")
    platform, at = platform[order_of_time], at[order_of_time]
    amount = _amounts(profile, draws, platform)
    method = draws.weighted((55, 33, 12), count)
    is_first = np.isin(platform, [p.place for p in profile.platforms if p.source == "stripe"])
    customers = max(120, count // _CUSTOMERS_PER_ROWS)
    # The square makes some customers buy often.
    half = draws.many(0, 10**6, count)
    customer = half * half // 10**6 * (customers - 1) // 10**6
    order = np.zeros(count, np.int64)
    for entity in profile.entities:
        mine = np.isin(platform, [p.place for p in profile.platforms if p.entity is entity])
        order[mine] = np.arange(int(mine.sum()))
    place = np.arange(count, dtype=np.int64)
    return Lines.of(
        count, kind=Line.CHARGE, platform=platform, at=at, amount=amount, fee=_fees(profile, platform, amount),
        payment=place, order=order, customer=customer, method=np.where(is_first, method, np.minimum(method, 1)),
    )  # fmt: skip


def _amounts(profile: Profile, draws: Draws, platform: Whole) -> Whole:
    """Amounts in minor units of each balance's currency, many of them prices of a list."""
    count = len(platform)
    band = draws.weighted([weight for *_, weight in _BANDS], count)
    low = np.array([each[0] for each in _BANDS], np.int64)[band]
    high = np.array([each[1] for each in _BANDS], np.int64)[band]
    amount = low + draws.upto(high - low)
    listed = draws.many(0, 999, count) < _SUBSCRIBED
    prices = np.array(_PRICES, np.int64)[draws.many(0, len(_PRICES) - 1, count)]
    amount = np.where(listed, prices, amount)
    for each in profile.platforms:
        mine = platform == each.place
        if each.currency == "JPY":
            amount[mine] = amount[mine] * 8 // 5
        if each.currency == "KWD":
            amount[mine] = amount[mine] // 3 * 10
    return amount


def _fees(profile: Profile, platform: Whole, amount: Whole) -> Whole:
    share = np.array([_FEES[p.currency][0] for p in profile.platforms], np.int64)[platform]
    fixed = np.array([_FEES[p.currency][1] for p in profile.platforms], np.int64)[platform]
    fee = (amount * share + 500_000) // 1_000_000 + fixed
    # The dinar's platform rounds to ten fils, as it charges.
    ten = np.isin(platform, [p.place for p in profile.platforms if p.currency == "KWD"])
    return np.where(ten, fee // 10 * 10, fee)


def _later(draws: Draws, at: Whole, low_days: int, high_days: int) -> Whole:
    count = len(at)
    return at + draws.many(low_days, high_days, count) * _DAY_S + draws.many(0, 20_000, count)


def _within(profile: Profile, lines: Lines) -> Lines:
    """Keep what happens before the month ends, by each balance's clock."""
    kept = np.zeros(len(lines), bool)
    for each in profile.platforms:
        mine = lines.platform == each.place
        kept |= mine & (profile.clocks[each.entity.zone].days(lines.at) <= profile.month.last)
    return lines.where(kept)


#: What may happen to which charges, by their place: so that nothing is refunded and disputed at once.
_TURNS = (Line.REFUND, Line.DISPUTE, Line.DEBIT_RETURNED, Line.CHARGE)


def _open_to(kind: Line, charges: Lines, chosen: npt.NDArray[np.bool_]) -> Whole:
    return np.flatnonzero(chosen & (charges.payment % len(_TURNS) == _TURNS.index(kind))).astype(np.int64)


def _undone(kind: Line, charges: Lines, chosen: Whole, **columns: Any) -> Lines:
    same = {name: getattr(charges, name)[chosen] for name in ("platform", "payment", "order", "customer", "method")}
    return Lines.of(len(chosen), kind=kind, **same, **columns)


def _refunds(profile: Profile, draws: Draws, charges: Lines, count: int) -> Lines:
    early = _open_to(Line.REFUND, charges, charges.at < charges.at[len(charges) * 7 // 10])
    chosen = early[draws.some(len(early), count)]
    whole = charges.amount[chosen]
    share = np.where(draws.many(0, 99, count) < 40, draws.many(10, 90, count), 100)
    unit = np.where(
        np.isin(charges.platform[chosen], [p.place for p in profile.platforms if p.currency == "KWD"]), 10, 1
    )
    amount = -np.maximum(unit, whole * share // 100 // unit * unit)
    at = _later(draws, charges.at[chosen], 0, _REFUND_DAYS_MAX)
    return _within(profile, _undone(Line.REFUND, charges, chosen, at=at, amount=amount))


def _disputes(profile: Profile, draws: Draws, charges: Lines, count: int) -> list[Lines]:
    """Disputes of card payments; every third is won back in the month."""
    early = _open_to(Line.DISPUTE, charges, (charges.at < charges.at[len(charges) // 2]) & (charges.method < 2))
    chosen = early[draws.some(len(early), count)]
    fee = np.array([_DISPUTE_FEE[p.currency] for p in profile.platforms], np.int64)[charges.platform[chosen]]
    at = _later(draws, charges.at[chosen], 2, 7)
    lost = _undone(Line.DISPUTE, charges, chosen, at=at, amount=-charges.amount[chosen], fee=fee)
    won = np.arange(count) % 3 == 0
    back = _later(draws, at[won], 2, 6)
    return [
        _within(profile, lost),
        _within(profile, _undone(Line.DISPUTE_WON, charges, chosen[won], at=back, amount=charges.amount[chosen[won]])),
    ]


def _returned_debits(profile: Profile, draws: Draws, charges: Lines) -> Lines:
    """Bank debits that the customer's bank sends back some days later."""
    is_debit = charges.method == 2
    early = _open_to(Line.DEBIT_RETURNED, charges, (charges.at < charges.at[len(charges) * 6 // 10]) & is_debit)
    count = min(len(early), max(2, len(early) * 8 // 1000))
    chosen = early[draws.some(len(early), count)]
    at = _later(draws, charges.at[chosen], 3, 6)
    back = _undone(Line.DEBIT_RETURNED, charges, chosen, at=at, amount=-charges.amount[chosen], fee=350)
    return _within(profile, back)


def _paid_twice(profile: Profile, draws: Draws, charges: Lines, below: int) -> Lines:
    """Orders that a customer pays a second time, minutes or days later: a charge of its own."""
    early = _open_to(Line.CHARGE, charges, charges.at < charges.at[len(charges) * 9 // 10])
    chosen = early[draws.some(len(early), max(2, len(charges) // 2_000))]
    at = charges.at[chosen] + draws.many(40, 2 * _DAY_S, len(chosen))
    again = _undone(Line.CHARGE, charges, chosen, at=at, amount=charges.amount[chosen], fee=charges.fee[chosen])
    kept = _within(profile, again)
    kept.payment = np.arange(below, below + len(kept), dtype=np.int32)
    return kept
