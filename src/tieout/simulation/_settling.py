"""
From lines to payouts: what each platform settles together, when it pays, and what it carries over.

The first platform pays every business day what has become available two business days after it was paid, and by hand
when somebody asks for it. The second one closes a batch, pays it out, or carries its sum into the next one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from tieout.simulation._own_moves import make_conversions, make_reserves, moment_of, one_line
from tieout.simulation._sales import Line, Lines

if TYPE_CHECKING:
    import numpy.typing as npt

    from tieout.simulation._draws import Draws
    from tieout.simulation._own_moves import Conversion
    from tieout.simulation._profile import Platform, Profile
    from tieout.simulation._rates import Rates

    Whole = npt.NDArray[np.int64]

__all__ = ["Settled", "Settlement", "settle"]

_PAID_AT_S = 5_400  # seconds of the local day
_CLOSED_AT_S = 86_340
_AVAILABLE_AFTER = 2  # business days
_DAILY_BATCHES_FROM = 100_000  # platform rows
_TUESDAY, _FRIDAY = 1, 4
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"


@dataclass(slots=True)
class Settlement:
    """
    What is paid out together.

    :ivar id: as the canonical record names it: ``po_...``, or ``MERCHANT/BATCH``.
    :ivar token: what the bank's text carries of it.
    :ivar day: the local day of the payout, or of the batch's close.
    :ivar how: ``paid``, ``manual``, ``failed``, ``carried``, ``zero``, ``last``.
    :ivar amount: what the platform owes and pays (+), or takes (-).
    :ivar arrives: the day on which the bank books it; ``due``: the day on which it should.
    """

    place: int
    platform: Platform
    id: str
    token: str
    day: int
    at: int
    how: str
    number: int = 0
    amount: int = 0
    arrives: int = 0
    due: int = 0

    def __post_init__(self) -> None:
        """Keep the day that the platform announced, whatever the bank makes of it."""
        self.due = self.arrives


@dataclass(slots=True)
class Settled:
    """All lines, payouts and carried balances among them, the settlements that they name, and what was converted."""

    lines: Lines
    settlements: list[Settlement]
    conversions: list[Conversion]


def settle(profile: Profile, sold: Lines, rates: Rates) -> Settled:
    """Put every line into its settlement, and add what paying out does to the balances."""
    draws = profile.draws("settling")
    settlements: list[Settlement] = []
    lines = Lines.joined([sold, make_reserves(profile, draws), _fee_taxes(profile, draws)])
    lines = _with_zero_batch(profile, draws, lines)
    chosen = np.full(len(lines), -1, np.int64)
    for platform in profile.platforms:
        mine = np.flatnonzero(lines.platform == platform.place)
        make = _payouts if platform.source == "stripe" else _batches
        chosen[mine] = make(profile, draws, platform, lines.at[mine], settlements)
    lines.settlement = chosen
    _let_two_fail(draws, settlements)
    converted, conversions = make_conversions(profile, rates, settlements, lambda place: _sum(lines, place))
    lines = Lines.joined([lines, converted])
    lines = Lines.joined([lines, _negative(profile, draws, lines, settlements), _manual(profile, draws, settlements)])
    return Settled(Lines.joined([lines, _paid(profile, lines, settlements)]), settlements, conversions)


def _token(profile: Profile, name: str, length: int) -> str:
    digest = hashlib.sha256(f"{profile.seed}/{name}".encode()).digest()
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:length])


def _fee_taxes(profile: Profile, draws: Draws) -> Lines:
    """Weekly lines of the platforms' own bills: VAT on fees on the first one, service fees on the second."""
    parts = []
    for platform in profile.platforms:
        kind = Line.FEE_TAX if platform.source == "stripe" else Line.FEE
        unit = 10 if platform.currency == "KWD" else 1
        parts += [
            one_line(platform, kind, moment_of(profile, platform, day, 70_000), -draws.one(90, 900) * unit)
            for day in range(profile.month.first + 3, profile.month.last, 7)
        ]
    corrected = profile.platforms[3]
    day = profile.month.first + draws.one(6, 20)
    parts.append(
        one_line(corrected, Line.CORRECTION, moment_of(profile, corrected, day, 50_000), draws.one(300, 4_000))
    )
    return Lines.joined(parts)


def _closing_days(profile: Profile, platform: Platform) -> list[int]:
    """On which days (Amsterdam's) a store's batch is closed; the last one takes in the month's last night."""
    days = list(profile.working["ECB"].of_month)
    if platform.currency == "JPY":
        days = sorted({*_fridays(profile), _zero_day(profile)})
    elif profile.rows < _DAILY_BATCHES_FROM:
        days = [day for day in days if _weekday(day) in {_TUESDAY, _FRIDAY}]
    return [*(day for day in days if day < profile.month.last), profile.month.last + 1]


def _weekday(day: int) -> int:
    return (day + 3) % 7  # 1 January 1970 was a Thursday


def _fridays(profile: Profile) -> list[int]:
    return [day for day in profile.working["ECB"].of_month if _weekday(day) == _FRIDAY]


def _zero_day(profile: Profile) -> int:
    """The day whose batch in yen sums to zero: the business day after a Friday whose batch was paid out."""
    return profile.working["ECB"].after(_fridays(profile)[1], 1)


def _with_zero_batch(profile: Profile, draws: Draws, lines: Lines) -> Lines:
    """Move what lies between the second Friday's close and the zero day's, and plant a sale that is undone at once."""
    platform = next(p for p in profile.platforms if p.currency == "JPY")
    clock = profile.clocks["Europe/Amsterdam"]
    zero = _zero_day(profile)
    friday = _fridays(profile)[1]
    days = clock.days(lines.at)
    between = (lines.platform == platform.place) & (days > friday) & (days <= zero)
    lines.at = np.where(between, lines.at + (zero - friday) * 86_400, lines.at)
    at, amount, place = clock.moment(zero, 36_000), draws.one(20, 90) * 100, len(lines)
    mine = np.isin(lines.platform, [p.place for p in profile.platforms if p.entity is platform.entity])
    order = int(lines.order[mine].max()) + 1
    same = {"platform": platform.place, "payment": place, "order": order, "customer": 3, "method": 0}
    sale = Lines.of(1, kind=Line.CHARGE, at=at, amount=amount, **same)
    undone = Lines.of(1, kind=Line.REFUND, at=at + 7_200, amount=-amount, **same)
    return Lines.joined([lines, sale, undone])


def _payouts(profile: Profile, draws: Draws, platform: Platform, at: Whole, settlements: list[Settlement]) -> Whole:
    """Settle lines of the first platform by the day on which they become available."""
    working = profile.working["ECB"]
    days = profile.clocks[platform.entity.zone].days(at)
    base = int(days.min())
    available = np.array(
        [working.after(base + n, _AVAILABLE_AFTER) for n in range(int(days.max()) - base + 1)], np.int64
    )
    paid_on = available[days - base]
    found = np.full(len(at), -1, np.int64)
    for day in sorted({int(day) for day in np.unique(paid_on) if day <= profile.month.last}):
        place = len(settlements)
        name = f"{platform.id}/{day}"
        found[paid_on == day] = place
        settlements.append(
            Settlement(
                place, platform, f"po_1{_token(profile, name, 6)}{profile.stripe_account[6:14]}{place:04d}",
                f"STRP{_token(profile, name + '/trace', 10)}", day,
                moment_of(profile, platform, day, _PAID_AT_S), "paid", arrives=working.after(day, draws.one(1, 2)),
            )
        )  # fmt: skip
    return found


def _batches(profile: Profile, draws: Draws, platform: Platform, at: Whole, settlements: list[Settlement]) -> Whole:
    """Settle lines of the second platform by the batch that was open at the time."""
    closing = _closing_days(profile, platform)
    days = profile.clocks["Europe/Amsterdam"].days(at)
    nth = np.searchsorted(np.array(closing, np.int64), days)
    number, begin = draws.one(180, 320), len(settlements)
    carried = draws.one(2, 3) if platform.currency == "USD" else -1
    for place, day in enumerate(closing):
        how = "paid"
        if place == carried or (platform.currency == "JPY" and day in _fridays(profile)[::3]):
            how = "carried"
        if platform.currency == "JPY" and day == _zero_day(profile):
            how = "zero"
        if day == closing[-1]:
            how = "last"
        name = f"{platform.id}/{day}"
        settlements.append(
            Settlement(
                len(settlements), platform, f"{platform.number}/{number + place}",
                f"TX{int.from_bytes(hashlib.sha256(f'{profile.seed}/{name}'.encode()).digest()[:5], 'big') % 10**10:010d}XT",
                day, profile.clocks["Europe/Amsterdam"].moment(day, _CLOSED_AT_S), how, number + place,
                arrives=profile.working["US"].after(day + 1, draws.one(0, 1)),
            )
        )  # fmt: skip
    return begin + nth


def _sum(lines: Lines, place: int) -> int:
    mine = lines.settlement == place
    return int(lines.amount[mine].sum() - lines.fee[mine].sum())


def _of(settlements: list[Settlement], platform: str, how: str = "paid") -> list[Settlement]:
    return [s for s in settlements if s.platform.id == platform and s.how == how]


def _let_two_fail(draws: Draws, settlements: list[Settlement]) -> None:
    """Choose two payouts that fail; the money comes back into the next settlement, whose sum grows by it."""
    for platform in ("stripe-eur", "adyen-us"):
        mine = _of(settlements, platform)
        mine[draws.one(len(mine) // 3, len(mine) // 2)].how = "failed"


def _negative(profile: Profile, draws: Draws, lines: Lines, settlements: list[Settlement]) -> Lines:
    """Make the payout of one day negative: the platform takes back more than it owes."""
    mine = _of(settlements, "stripe-usd")
    chosen = mine[len(mine) // 2]
    amount = -(_sum(lines, chosen.place) + draws.one(4_000, 30_000))
    at = moment_of(profile, chosen.platform, profile.working["ECB"].last_before(chosen.day - 1), 30_000)
    return one_line(chosen.platform, Line.ADJUSTMENT, at, amount, chosen.place)


def _manual(profile: Profile, draws: Draws, settlements: list[Settlement]) -> Lines:
    """Payouts by hand, out of what was there at the beginning of the month; two of them look the same."""
    platform = profile.platforms[0]
    working = profile.working["ECB"].of_month
    twin, other = platform.opening // 6, platform.opening // 9
    day = working[draws.one(8, 10)]
    parts = []
    for number, (on, amount) in enumerate(((day, twin), (day, twin), (working[draws.one(3, 6)], other))):
        place, name = len(settlements), f"manual/{number}"
        settlement = Settlement(
            place, platform, f"po_1{_token(profile, name, 6)}{profile.stripe_account[6:14]}{place:04d}",
            f"STRP{_token(profile, name + '/trace', 10)}", on, moment_of(profile, platform, on, 37_000 + number),
            "manual", amount=amount, arrives=profile.working["ECB"].after(on, 1),
        )  # fmt: skip
        settlements.append(settlement)
        parts.append(one_line(platform, Line.PAYOUT, settlement.at, -amount, place))
    return Lines.joined(parts)


def _paid(profile: Profile, lines: Lines, settlements: list[Settlement]) -> Lines:
    """Pay out or carry over, settlement by settlement in the order of days, so that what comes back counts."""
    order = np.argsort(lines.settlement, kind="stable")
    places = lines.settlement[order]
    net = (lines.amount - lines.fee)[order]
    begins = np.searchsorted(places, np.arange(len(settlements) + 1))
    total = np.concatenate([[0], np.cumsum(net)])
    sums = [int(total[end] - total[begin]) for begin, end in pairwise(begins)]
    parts = [Lines.of(0)]
    for platform in profile.platforms:
        carried, returned, failed = 0, 0, -1
        mine = sorted((s for s in settlements if s.platform is platform and s.how != "manual"), key=lambda s: s.day)
        for place, settlement in enumerate(mine):
            if carried:
                opens = mine[place - 1].at + 120
                parts.append(one_line(platform, Line.CARRIED_IN, opens, carried, settlement.place))
            if returned:
                back = one_line(platform, Line.PAYOUT_FAILED, settlement.at - 18_000, returned, settlement.place)
                back.order = np.array([failed], np.int32)  # which settlement's money it is
                parts.append(back)
            settlement.amount = sums[settlement.place] + carried + returned
            carried = returned = 0
            if platform.source == "adyen" and settlement.amount <= 0 and settlement.how != "last":
                settlement.how = "carried" if settlement.amount else "zero"
            if settlement.how == "zero" and settlement.amount:
                settlement.how = "paid"
            if settlement.amount == 0:
                continue
            kind = Line.CARRIED_OUT if settlement.how in {"carried", "last"} else Line.PAYOUT
            parts.append(one_line(platform, kind, settlement.at, -settlement.amount, settlement.place))
            carried = settlement.amount if kind is Line.CARRIED_OUT else 0
            returned, failed = (settlement.amount, settlement.place) if settlement.how == "failed" else (0, -1)
    return Lines.joined(parts)
