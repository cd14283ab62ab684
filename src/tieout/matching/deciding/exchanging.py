"""
What amounts in two currencies have to do with each other when a person says that they are one money, exchanged.

As rules with ``base`` do: each record is worth what the rate of its own booking day says, in the entity's currency.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.config.rates import RATE_AGE_MAX_DAYS, read_rates
from tieout.errors import WrongUse
from tieout.model.money import exponent_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tieout.config import Workspace
    from tieout.config.rates import Rates
    from tieout.matching.deciding.by_hand import Share

__all__ = ["EXCHANGED", "exchanged", "rates_of"]

#: The only reason that a difference between two currencies has.
EXCHANGED = "fx"
_EXPONENT = 9


def rates_of(shares: Sequence[Share], workspace: Workspace) -> dict[str, str]:
    """Give the rates that a match rests on, as a text to be repeated from; none where it has one currency."""
    mixed = len({share.record["currency"] for share in shares}) > 1
    return {"rates": read_rates(workspace.folder).text} if mixed else {}


def exchanged(shares: Sequence[Share], difference: str | None, workspace: Workspace) -> tuple[int, str]:
    """
    Give what the left has more than the right by the rates of their days: (at nine decimals, the entity's currency).

    :raises WrongUse: nobody says that it was exchanged; a side has two currencies; a rate is missing; the signs differ.
    """
    currencies = {side: sorted({s.record["currency"] for s in shares if s.side == side}) for side in ("left", "right")}
    if difference != EXCHANGED:
        every = ", ".join(sorted({*currencies["left"], *currencies["right"]}))
        message = (
            f"expected records of one currency, got {every}: if one was exchanged into the other, say so with"
            f" --as {EXCHANGED} (the difference is counted by the rates of their days, and booked as one of rates)"
        )
        raise WrongUse(message)
    for side, found in currencies.items():
        if len(found) != 1:
            named = ", ".join(found) or "none"
            message = f"expected one currency on either side of what was exchanged, got {named} on the {side}"
            raise WrongUse(message)
    entities = sorted({share.record["entity_id"] for share in shares})
    if len(entities) != 1:
        message = (
            f"expected records of one entity, whose currency tells what the exchange cost, got {', '.join(entities)}"
        )
        raise WrongUse(message)
    base, rates = workspace.entity(entities[0]).currency, read_rates(workspace.folder)
    left, right = (sum(_worth(s, rates, base) for s in shares if s.side == side) for side in ("left", "right"))
    if left * right <= 0:
        message = "expected both sides to run the same way, got money that comes beside money that goes"
        raise WrongUse(message)
    return left - right, base


def _worth(share: Share, rates: Rates, base: str) -> int:
    """Give what a share is worth in the entity's currency, rounded half up to its minor unit, at nine decimals."""
    record = share.record
    currency, day = record["currency"], record["booked_on"]
    rate = rates.at(currency, base, day)
    if rate is None:
        named = record["external_id"] or record["record_id"].hex()
        message = (
            f"expected a rate {base}/{currency} for {day}, the day of {named!r}, or at most {RATE_AGE_MAX_DAYS} days"
            " before, found none: add it to rates/*.csv"
        )
        raise WrongUse(message)
    unit = 10 ** (_EXPONENT - exponent_of(base))
    numerator, denominator = abs(share.turned) * rate[0], rate[1] * unit
    worth: int = (2 * numerator + denominator) // (2 * denominator) * unit
    return worth if share.turned > 0 else -worth
