"""
What the platforms move by themselves: money that they hold back and release, and balances that they convert.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tieout.simulation._sales import Line, Lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from tieout.simulation._draws import Draws
    from tieout.simulation._profile import Platform, Profile
    from tieout.simulation._rates import Rates
    from tieout.simulation._settling import Settlement

__all__ = ["Conversion", "make_conversions", "make_reserves", "moment_of", "one_line"]

#: Which balances are converted into which.
_CONVERTED = (("stripe-kwd", "stripe-eur"), ("stripe-eur", "stripe-usd"))
_CONVERTED_AT_S = 3_600  # seconds of the local day, before what is left is paid out
_TAKEN = 20  # of a thousand: what the platform takes when it converts
_UNIT = {"KWD": 10}  # minor units: the dinar's platform counts in ten fils


@dataclass(frozen=True, slots=True)
class Conversion:
    """
    One balance that was turned into another.

    :ivar day: the local day; ``given`` left the one, ``received`` came to the other, in minor units of each.
    """

    number: int
    day: int
    source: Platform
    given: int
    target: Platform
    received: int


def one_line(platform: Platform, kind: Line, at: int, amount: int, settlement: int = -1, order: int = -1) -> Lines:
    """Make one line of a platform's balance."""
    return Lines.of(1, kind=kind, platform=platform.place, at=at, amount=amount, settlement=settlement, order=order)


def moment_of(profile: Profile, platform: Platform, day: int, second: int) -> int:
    """Give the moment at which a platform's own clock shows a second of a day."""
    return profile.clocks[platform.entity.zone].moment(day, second)


def make_reserves(profile: Profile, draws: Draws) -> Lines:
    """
    Hold money back and release it: in one sum, in two parts, some of which only a part is released in the month, and none.

    What belongs together has one number in ``order``. No two amounts of a balance are the same but for those in one sum.
    """
    more = profile.draws("reserves")
    found = []
    for platform in profile.platforms[:4:3]:
        first = profile.month.first + draws.one(2, 5)
        held = draws.one(150, 900) * 100
        back, kept = first + draws.one(8, 12), held + draws.one(1, 400) * 100
        parted = more.one(150, 900) * 100 + 50
        part, rest = parted * more.one(30, 70) // 10_000 * 100 + 20, kept * more.one(20, 60) // 10_000 * 100 + 70
        for number, day, second, amount in (
            (0, first, 40_000, -held),
            (0, back, 41_000, held),
            (1, first + 1, 43_000, -parted),
            (1, first + more.one(3, 4), 44_000, part),
            (1, first + more.one(6, 7), 45_000, parted - part),
            (2, first + 13, 42_000, -kept),
            (2, first + 13 + more.one(3, 6), 46_000, rest),
            (3, first + 20, 48_000, -more.one(90, 500) * 100 - 10),
        ):
            kind = Line.HOLD if amount < 0 else Line.RELEASE
            found.append(one_line(platform, kind, moment_of(profile, platform, day, second), amount, order=number))
    return Lines.joined(found)


def make_conversions(
    profile: Profile, rates: Rates, settlements: list[Settlement], net_of: Callable[[int], int]
) -> tuple[Lines, list[Conversion]]:
    """
    Convert a part of what a balance would have paid out that day into another one, which pays it out instead.

    :param net_of: what the lines of a settlement come to.
    """
    draws = profile.draws("conversions")
    lines, found = [Lines.of(0)], list[Conversion]()
    for number, (source, target) in enumerate(_CONVERTED):
        paid = {s.day: s for s in settlements if s.platform.id == target and s.how == "paid"}
        mine = [s for s in settlements if s.platform.id == source and s.how == "paid" and s.day in paid]
        middle = mine[len(mine) // 3 : len(mine) - len(mine) // 3]
        if not middle:
            continue
        leaves = max(middle, key=lambda s: (net_of(s.place), s.day))
        comes, unit = paid[leaves.day], _UNIT.get(leaves.platform.currency, 1)
        given = net_of(leaves.place) * draws.one(40, 60) // 100 // unit * unit
        worth = rates.converted(given, leaves.platform.currency, comes.platform.currency, leaves.day)
        received = worth - worth * _TAKEN // 1_000
        if given <= 0 or received <= 0:
            continue
        at = moment_of(profile, leaves.platform, leaves.day, _CONVERTED_AT_S + number)
        lines.append(one_line(leaves.platform, Line.CONVERSION, at, -given, leaves.place, number))
        lines.append(one_line(comes.platform, Line.CONVERSION, at, received, comes.place, number))
        found.append(Conversion(number, leaves.day, leaves.platform, given, comes.platform, received))
    return Lines.joined(lines), found
