"""
In how many decimals a run counts each currency, and what it is worth in another.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tieout.errors import WrongUse
from tieout.matching.facts.records import EPOCH
from tieout.matching.facts.sides import listed, side_filter
from tieout.model.money import exponent_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tieout.config.rates import Rates
    from tieout.config.workspace import Reconciliation
    from tieout.matching.backends.engine import Engine
    from tieout.matching.grammar.rules import RuleSet

__all__ = ["Money", "base_rates", "in_base", "read_scales"]

#: All amounts of a currency together are counted in no more decimals than leave room for their sum.
_TOTAL_MAX = 2**63 - 1
_NINE = 9
#: An amount, this and 2 together have room in the 128 bits in which they are multiplied.
_RATE_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Money:
    """
    The currencies of a run: (code, currency, exponent), the exponent being the largest that any record states.

    Where the amounts of a currency leave no room for that, records that state more decimals than the others have a code
    of their own: they are as another currency, which the others are not compared with, and stay what they are.

    :ivar apart: whether there is such a currency. Then ``used.taken`` is counted at nine decimals.
    """

    currencies: tuple[tuple[int, str, int], ...]
    apart: bool = False

    @property
    def taken_sum(self) -> str:
        """Write the sum of what matches ``m`` have of a record, over ``scales s``."""
        if self.apart:
            return f"sum(cast(cast(m.allocated as int128) * {_power(f'{_NINE} - s.stated')} as int128))"
        return "sum(m.allocated * s.factor)::bigint"

    @property
    def taken(self) -> str:
        """Write what is used up (``u.taken``) of a record, in its own scale ``s``: never less than it is."""
        if not self.apart:
            return "coalesce(u.taken, 0)"
        unit = _power(f"{_NINE} - s.decimals")
        return f"coalesce(cast(case when u.taken < 0 then -1 else 1 end * ((abs(u.taken) + {unit} - 1) // {unit}) as bigint), 0)"


def _power(exponent: str) -> str:
    cases = " ".join(f"when {n} then {10**n}" for n in range(_NINE + 1))
    return f"cast(case {exponent} {cases} end as int128)"


def read_scales(
    engine: Engine,
    records: str,
    reconciliation: Reconciliation,
    rules: RuleSet,
    matches: str,
    claims: set[str],
    likely: Callable[[], set[tuple[str, int]]] | None = None,
) -> Money:
    """
    Make the relation ``scales`` (currency, exponent, ccy, factor, stated, decimals): how a stated amount becomes one of
    this run, and both in how many decimals.

    :param claims: what the run uses up: matches of others say nothing that it rests on.
    :param likely: gives, quickly, at least the currencies and exponents of ``matches``: where records have all of them,
        nobody need look at every match. None: nothing gives them quicker.
    """
    both = ((reconciliation.left, rules.left), (reconciliation.right, rules.right))
    sides = " or ".join(f"({side_filter(side, own)})" for side, own in both)
    pairs = engine.arrow(f"select distinct currency, exponent from {records} r where {sides}").to_pylist()
    own = _exponents(pairs)
    if claims and (likely is None or not likely() <= {(currency, exponent) for (currency, _), exponent in own.items()}):
        used = f"select distinct currency, exponent from {matches} m where m.claim in ({listed(sorted(claims))})"
        own |= _exponents(engine.arrow(used).to_pylist())
    stated: dict[str, set[int]] = {}
    for (currency, _), exponent in own.items():
        stated.setdefault(currency, {exponent_of(currency)}).add(exponent)
    several = sorted(currency for currency, exponents in stated.items() if len(exponents) > 1)
    totals = _totals(engine, f"{records} r where ({sides})", several) if several else {}
    scales = [(name, group) for name in sorted(stated) for group in _groups(stated[name], totals.get(name, {}))]
    place = {(name, exponent): code for code, (name, group) in enumerate(scales) for exponent in group}
    codes = [place[currency, exponent] for (currency, _), exponent in own.items()]
    decimals = [scales[code][1][-1] for code in codes]
    engine.take(
        "scales",
        pa.table(
            {
                "currency": pa.array([c for c, _ in own], pa.string()),
                "exponent": pa.array([e for _, e in own], pa.int32()),
                "ccy": pa.array(codes, pa.int32()),
                "factor": pa.array([10 ** (d - e) for d, e in zip(decimals, own.values(), strict=True)], pa.int64()),
                "stated": pa.array(list(own.values()), pa.int32()),
                "decimals": pa.array(decimals, pa.int32()),
            },
        ),
    )
    found = tuple((code, name, group[-1]) for code, (name, group) in enumerate(scales))
    return Money(found, apart=len(scales) > len(stated))


def _totals(engine: Engine, rows: str, currencies: Sequence[str]) -> dict[str, dict[int, int]]:
    """Sum all amounts of currencies, whatever their sign, by the decimals in which they are stated."""
    query = f"""select r.currency, r.exponent,
            cast(sum(cast(greatest(abs(r.amount), abs(coalesce(r.net, r.amount))) as int128)) as varchar) as total
        from {rows} and r.currency in ({listed(currencies)}) group by r.currency, r.exponent"""
    found: dict[str, dict[int, int]] = {}
    for row in engine.arrow(query).to_pylist():
        exponent = exponent_of(row["currency"]) if row["exponent"] is None else row["exponent"]
        by_exponent = found.setdefault(row["currency"], {})
        by_exponent[exponent] = by_exponent.get(exponent, 0) + int(row["total"])
    return found


def _groups(exponents: set[int], totals: Mapping[int, int]) -> list[list[int]]:
    """Put exponents together, from the coarsest on, as long as all amounts fit in the finest of them."""
    groups: list[list[int]] = []
    total = 0
    for exponent in sorted(exponents):
        own = totals.get(exponent, 0)
        wider = total * 10 ** (exponent - groups[-1][-1]) + own if groups else own
        if groups and wider <= _TOTAL_MAX:
            groups[-1].append(exponent)
            total = wider
        else:
            groups.append([exponent])
            total = own
    return groups


def _exponents(pairs: list[dict[str, Any]]) -> dict[tuple[str, int | None], int]:
    """Give the exponent of each currency as it is stated: its own where none is."""
    return {
        (p["currency"], p["exponent"]): exponent_of(p["currency"]) if p["exponent"] is None else p["exponent"]
        for p in pairs
        if p["currency"]
    }


def base_rates(money: Money, rates: Rates, base: str, spans: Sequence[tuple[int, int]]) -> pa.Table:
    """
    Give the rate of each (currency, day): (ccy, day, numerator, denominator), from minor units into those of ``base``.

    :param spans: the (ccy, day) that occur; one without a rate is absent.
    :raises WrongUse: a rate has so many digits that an amount could not be multiplied by it exactly.
    """
    known = {code: (currency, exponent) for code, currency, exponent in money.currencies}
    base_exponent = exponent_of(base)
    rows = []
    for code, number in spans:
        currency, exponent = known[code]
        rate = rates.at(currency, base, EPOCH + dt.timedelta(days=number))
        if rate is not None:
            # In lowest terms: through a third currency the rate's decimals stand above and below.
            exact = Fraction(*rate) * Fraction(10) ** (base_exponent - exponent)
            if max(exact.numerator, exact.denominator) > _RATE_MAX:
                day = EPOCH + dt.timedelta(days=number)
                message = (
                    f"expected exchange rates of fewer digits: {currency} in {base} of {day} is {rate[0]}/{rate[1]},"
                    f" by which no amount can be multiplied exactly; state this pair itself, or its parts with fewer"
                    f" decimals (rates/*.csv)"
                )
                raise WrongUse(message)
            rows.append((code, number, exact.numerator, exact.denominator))
    columns = list(zip(*rows, strict=True)) if rows else [(), (), (), ()]
    kinds = (pa.int32(), pa.int32(), pa.int64(), pa.int64())
    names = ("ccy", "day", "numerator", "denominator")
    return pa.table({n: pa.array(c, k) for n, c, k in zip(names, columns, kinds, strict=True)})


def in_base(amount: str, rate: str) -> str:
    """
    Write an amount in the base currency as SQL: half up, on the amount without its sign; null where there is no rate.

    :param rate: a relation of :func:`base_rates`.
    """
    whole = f"(abs({amount}::hugeint) * {rate}.numerator * 2 + {rate}.denominator) // (2 * {rate}.denominator)"
    return f"(case when {amount} < 0 then -1 else 1 end * {whole})::bigint"
