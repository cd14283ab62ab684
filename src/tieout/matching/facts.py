"""
What a run reads: the records of both sides that stand, the scales of their currencies, what is used up of them already.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from tieout.config.calendars import business_index, calendar_named
from tieout.errors import Rejected
from tieout.matching.sides import side_filter
from tieout.model.money import exponent_of
from tieout.store.engine import paths
from tieout.store.runs import standing_matches
from tieout.store.views import current_records, table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tieout.config import Workspace
    from tieout.config.rates import Rates
    from tieout.config.workspace import Reconciliation
    from tieout.matching.backends.duckdb import DuckDB
    from tieout.matching.rules import Days
    from tieout.store.lake import Lake, LakeFile
    from tieout.store.runs import Results

__all__ = [
    "EPOCH",
    "Money",
    "base_rates",
    "calendar_codes",
    "day_number",
    "kinds_of",
    "read_forbidden",
    "read_scales",
    "read_stale",
    "read_used",
    "records_of",
    "window",
]

EPOCH = dt.date(1970, 1, 1)
# What a match rests on: a record superseded in one of these is matched anew.
_MATERIAL = (
    *("amount", "net", "currency", "exponent", "kind", "status", "external_key", "payment_key", "settlement_key"),
    *("parent_key", "reference_keys"),
)
_WINDOW_MAX = 5_000_000
# Days looked at on both sides of a run's days, so that a window may reach over its ends.
_REACH_DAYS = 400


def day_number(day: dt.date) -> int:
    """Count days since 1970."""
    return (day - EPOCH).days


@dataclass(frozen=True, slots=True)
class Money:
    """
    The currencies of a run: (code, currency, exponent), the exponent being the largest that any record states.
    """

    currencies: tuple[tuple[int, str, int], ...]

    def exponent(self, currency: str) -> int:
        """Give the exponent in which this run counts a currency."""
        return next(exponent for _, name, exponent in self.currencies if name == currency)


def records_of(lake: Lake, files: dict[str, list[LakeFile]]) -> str:
    """Give the records that stand as a relation."""
    return current_records(lake, files["records"], files["superseded"])


def kinds_of(engine: DuckDB, records: str, reconciliation: Reconciliation) -> tuple[set[str], set[str]]:
    """Say which kinds the records of each side have."""
    found = []
    for side in (reconciliation.left, reconciliation.right):
        rows = engine.arrow(f"select distinct r.kind from {records} r where {side_filter(side)}")
        found.append(set(rows["kind"].to_pylist()))
    return found[0], found[1]


def read_scales(engine: DuckDB, records: str, reconciliation: Reconciliation, matches: str) -> Money:
    """
    Make the relation ``scales`` (currency, exponent, ccy, factor): how a stated amount becomes one of this run.
    """
    sides = " or ".join(f"({side_filter(side)})" for side in (reconciliation.left, reconciliation.right))
    pairs = engine.arrow(
        f"select distinct currency, exponent from {records} r where {sides}"
        f" union select distinct currency, exponent from {matches} m"
    ).to_pylist()
    own = {(p["currency"], p["exponent"]): p["exponent"] for p in pairs if p["currency"]}
    for currency, exponent in list(own):
        own[currency, exponent] = exponent_of(currency) if exponent is None else exponent
    largest: dict[str, int] = {}
    for (currency, _), exponent in own.items():
        largest[currency] = max(exponent, largest.get(currency, exponent_of(currency)))
    codes = {currency: code for code, currency in enumerate(sorted(largest))}
    engine.take(
        "scales",
        pa.table(
            {
                "currency": pa.array([c for c, _ in own], pa.string()),
                "exponent": pa.array([e for _, e in own], pa.int32()),
                "ccy": pa.array([codes[c] for c, _ in own], pa.int32()),
                "factor": pa.array([10 ** (largest[c] - stated) for (c, _), stated in own.items()], pa.int64()),
            },
        ),
    )
    return Money(tuple((code, currency, largest[currency]) for currency, code in codes.items()))


def read_stale(
    engine: DuckDB, lake: Lake, files: dict[str, list[LakeFile]], results: Results, reconciliation: str
) -> list[bytes]:
    """
    Find final matches of a reconciliation that rest on a record which was since superseded in amount, currency or keys.

    Makes the relation ``stale`` (match_id).
    """
    engine.create("stale", "select ''::blob as match_id where false")
    if not files["superseded"] or not results.of("matches", reconciliation):
        return []
    standing = standing_matches(engine.con, lake, results, anew=reconciliation)
    told = ", ".join(f"n.{column} is distinct from o.{column}" for column in _MATERIAL)
    engine.create(
        "stale",
        f"""
        select distinct m.match_id from {standing} m
        join {table(lake, "superseded", files["superseded"])} s
            on s.record_key = m.record_key and s.record_id = m.record_id and s.version = m.version
        join {table(lake, "records", files["records"])} o
            on o.record_key = m.record_key and o.record_id = m.record_id and o.version = m.version
        left join {records_of(lake, files)} n on n.record_key = m.record_key and n.record_id = m.record_id
        where m.reconciliation = '{reconciliation.replace("'", "''")}'
            and (n.record_id is null or {told.replace(", ", " or ")})
        """,
    )
    return sorted(engine.arrow("select match_id from stale")["match_id"].to_pylist())


def read_used(engine: DuckDB, lake: Lake, results: Results, reconciliation: str) -> bool:
    """
    Make the relation ``used`` (claim, record_key, record_id, taken): what matches use up that stand beside this run.

    :return: whether anything is used up at all.
    """
    if not any(not (f.provisional and f.reconciliation == reconciliation) for f in results.of("matches")):
        return False
    standing = standing_matches(engine.con, lake, results, anew=reconciliation)
    engine.create(
        "used",
        f"""select m.claim, m.record_key, m.record_id, sum(m.allocated * s.factor)::bigint as taken
            from {standing} m join scales s on s.currency = m.currency and s.exponent is not distinct from m.exponent
            anti join stale t on t.match_id = m.match_id
            where m.status = 'confirmed' group by all""",
    )
    return True


def read_forbidden(engine: DuckDB, lake: Lake, results: Results, reconciliation: str) -> None:
    """
    Make the relation ``apart`` (left_id, right_id): records that a person took apart, which no rule pairs again.
    """
    engine.create("apart", "select ''::blob as left_id, ''::blob as right_id where false")
    blocked = [v[0] for v in results.voids if v[2]]
    files = results.all_matches(reconciliation)
    if not blocked or not files:
        return
    engine.take("blocked", pa.table({"match_id": pa.array(blocked, pa.binary(16))}))
    rows = f"(select m.* from read_parquet({paths([lake.full(f.path) for f in files])}) m semi join blocked b using (match_id))"
    engine.create(
        "apart",
        f"""select distinct a.record_id as left_id, b.record_id as right_id from {rows} a join {rows} b
            on b.match_id = a.match_id and a.side = 'left' and b.side = 'right'""",
    )


def calendar_codes(engine: DuckDB, workspace: Workspace) -> dict[int, str | None]:
    """Make the relation ``calendars`` (account_id, calendar), and say which calendar each code is; 0: Monday to Friday."""
    names = sorted(
        {a.calendar for a in workspace.accounts if a.calendar} | {s.calendar for s in workspace.sources if s.calendar}
    )
    codes = {name: code for code, name in enumerate(names, 1)}
    by_source = {s.id: codes.get(s.calendar or "", 0) for s in workspace.sources}
    rows = {a.id: codes[a.calendar] if a.calendar else by_source.get(a.source or "", 0) for a in workspace.accounts}
    engine.take(
        "calendars",
        pa.table(
            {
                "account_id": pa.array(list(rows), pa.string()),
                "calendar": pa.array(list(rows.values()), pa.int32()),
            },
        ),
    )
    return {0: None, **{code: name for name, code in codes.items()}}


def window(days: Days, codes: dict[int, str | None], folder: Path, l_days: Sequence[int]) -> pa.Table:
    """
    List which day of the right may go with which day of the left, per calendar of the right.

    :return: (calendar, l_day, r_day): a band as an equi-join.
    :raises Rejected: it would be too long to be a window.
    """
    if not l_days:
        return pa.table({name: pa.array([], pa.int32()) for name in ("calendar", "l_day", "r_day")})
    rows: list[tuple[int, int, int]] = []
    for code, own in codes.items():
        if days.calendar is None:
            rows += [(code, day, day + offset) for day in l_days for offset in range(days.first, days.last + 1)]
        else:
            name = own if days.calendar == "business" else days.calendar
            rows += _business_rows(days, code, name, folder, l_days)
        if len(rows) > _WINDOW_MAX:
            message = f"expected a window of days that is narrower than from {days.first} to {days.last}"
            raise Rejected(message)
    columns = list(zip(*rows, strict=True)) if rows else [(), (), ()]
    names = ("calendar", "l_day", "r_day")
    return pa.table({name: pa.array(column, pa.int32()) for name, column in zip(names, columns, strict=True)})


def _business_rows(
    days: Days, code: int, name: str | None, folder: Path, l_days: Sequence[int]
) -> list[tuple[int, int, int]]:
    first = EPOCH + dt.timedelta(days=min(l_days) - _REACH_DAYS)
    last = EPOCH + dt.timedelta(days=max(l_days) + _REACH_DAYS)
    index = {
        day_number(day): number
        for day, number in business_index(calendar_named(name, folder, first, last), first, last).items()
    }
    by_number: dict[int, list[int]] = {}
    for day, number in index.items():
        by_number.setdefault(number, []).append(day)
    rows = []
    for day in l_days:
        for number in range(index[day] + days.first, index[day] + days.last + 1):
            # Backwards on the same count (Sunday to the Friday before) is only meant where the window opens backwards.
            rows += [(code, day, r) for r in by_number.get(number, ()) if r >= day or days.first < 0]
    return rows


def base_rates(money: Money, rates: Rates, base: str, spans: Sequence[tuple[int, int]]) -> pa.Table:
    """
    Give the rate of each (currency, day): (ccy, day, numerator, denominator), from minor units into those of ``base``.

    :param spans: the (ccy, day) that occur; one without a rate is absent.
    """
    known = {code: (currency, exponent) for code, currency, exponent in money.currencies}
    base_exponent = exponent_of(base)
    rows = []
    for code, number in spans:
        currency, exponent = known[code]
        rate = rates.at(currency, base, EPOCH + dt.timedelta(days=number))
        if rate is not None:
            up, down = 10 ** max(base_exponent - exponent, 0), 10 ** max(exponent - base_exponent, 0)
            rows.append((code, number, rate[0] * up, rate[1] * down))
    columns = list(zip(*rows, strict=True)) if rows else [(), (), (), ()]
    kinds = (pa.int32(), pa.int32(), pa.int64(), pa.int64())
    names = ("ccy", "day", "numerator", "denominator")
    return pa.table({n: pa.array(c, k) for n, c, k in zip(names, columns, kinds, strict=True)})
