"""
What the first platform says of its balances by itself, day by day: what is available, and what is pending.

It sends an event when money becomes available, with the balances of all currencies at that moment. What was booked up
to that second is in them; what of it can be paid out already is available.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow as pa

from tieout.simulation._days import text_of
from tieout.simulation._tables import write_parquet

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from tieout.simulation._profile import Profile

__all__ = ["lay_told_balances", "write_events", "write_told_balances"]

_DAY_S = 86_400
_TOLD_AT_S = 16_200  # seconds of the day in UTC
_NEXT_DAYS = 4  # what no payout has taken becomes available after so many days


def lay_told_balances(con: duckdb.DuckDBPyConnection, profile: Profile) -> None:
    """Make ``told_balances``: of each balance and day the moment, what is available and what is pending, in minor units."""
    first, days = profile.month.first, profile.month.days
    mine = [p for p in profile.platforms if p.source == "stripe"]
    opened = pa.Table.from_pylist(
        [{"platform": p.place, "opening": p.opening, "ranked": n} for n, p in enumerate(mine)]
    )
    con.register("opened_given", opened)
    con.execute(f"""
        create table told_balances as
        with line as (
            -- By which event a line is booked, and by which it can be paid out.
            select platform, amount - fee as net, greatest(0, (moment - {first * _DAY_S + _TOLD_AT_S} + {_DAY_S - 1}) // {_DAY_S}) as booked,
                coalesce(paid_day, moment // {_DAY_S} + {_NEXT_DAYS}) - {first} as due
            from line_columns left join settlements using (settlement, platform) semi join opened_given using (platform)
        ), told as (
            select o.platform, o.opening, o.ranked, d.day from opened_given o, (select unnest(range({days})) as day) d
        ), moved as (
            select platform, booked, greatest(booked, due) as free, sum(net) as net from line group by all
        )
        select t.platform, ranked, day, {first * _DAY_S + _TOLD_AT_S} + day * {_DAY_S} as moment,
            (opening + coalesce(sum(net) filter (free <= day), 0))::bigint as available,
            coalesce(sum(net) filter (booked <= day and free > day), 0)::bigint as pending
        from told t left join moved m on m.platform = t.platform and m.booked <= t.day
        group by t.platform, ranked, opening, day
    """)
    con.unregister("opened_given")


def write_events(con: duckdb.DuckDBPyConnection, profile: Profile, inbox: Path) -> None:
    """Write the month's events as the platform sent them, one JSON object a line."""
    inbox.mkdir(parents=True, exist_ok=True)
    rows = con.execute("""
        select day, moment, lower(currency), available, pending, hash_of('evt', day) from told_balances
            join platforms using (platform) order by day, ranked
    """).fetchall()
    days: dict[int, list[tuple[int, str, int, int, str]]] = {}
    for day, *told in rows:
        days.setdefault(day, []).append(tuple(told))
    name = f"balance_available_{text_of(profile.month.first)}_to_{text_of(profile.month.last)}.jsonl"
    lines = [_event(profile.stripe_account, told) for told in days.values()]
    (inbox / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _event(account: str, told: list[tuple[int, str, int, int, str]]) -> str:
    """Write one event: an object around the balance."""
    moment, *_, name = told[0]

    def parts(place: int) -> list[dict[str, object]]:
        return [{"amount": each[place], "currency": each[1], "source_types": {"card": each[place]}} for each in told]

    balance = {"object": "balance", "available": parts(2), "livemode": True, "pending": parts(3)}
    event = {
        "id": f"evt_1{name[:23]}", "object": "event", "account": account, "api_version": "2024-06-20", "created": moment,
        "data": {"object": balance}, "livemode": True, "pending_webhooks": 0, "request": {"id": None, "idempotency_key": None},
        "type": "balance.available",
    }  # fmt: skip
    return json.dumps(event, separators=(",", ":"))


def write_told_balances(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Write what was told, for the truth."""
    query = """
        select platform_id as account, make_timestamp(moment * 1000000) as told_at, available, pending, currency
        from told_balances join platforms using (platform) order by account, told_at
    """
    write_parquet(con, query, folder / "platform_balances.parquet")
