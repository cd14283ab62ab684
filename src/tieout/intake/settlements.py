"""
Does a platform's batch sum to its payout, and is none missing: law 4, for settlements that a report of whole batches
tells of.

What such a report proved may be undone by anything that comes later: a line that moves to another batch, another net
from the API, a replay. So every change looks again at each settlement in which a record that it speaks of stands, or
stood.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import sqlalchemy as sa

from tieout.formats.registry import format_of
from tieout.intake.batch_numbers import Batch, missing_batches, series_scope
from tieout.intake.findings import Finding, open_findings
from tieout.intake.resolution import told_sql
from tieout.model.kinds import CLOSED_BATCHES, WHOLE_BATCHES
from tieout.model.money import format_minor
from tieout.store import schema
from tieout.store.engine import paths
from tieout.store.views import current_records, table

if TYPE_CHECKING:
    from tieout.intake.commit import Change
    from tieout.intake.resolution import Facts, Resolution
    from tieout.intake.work import Work

__all__ = ["batch_scope", "find_open_batches", "tellers_of_whole"]

_FINDINGS_MAX = 10_000
_MOVED = {"records", "superseded"}
_WHOSE = "{'account_id': account_id, 'entity_id': entity_id, 'source_id': source_id, 'delivery_id': delivery_id}"


def batch_scope(system: str, settlement_id: str) -> str:
    """Name the scope of one batch."""
    return f"settlement {system} {settlement_id}"


def tellers_of_whole(connection: sa.Connection, work: Work) -> frozenset[str]:
    """Name the deliveries that tell whole batches of a delivery's platform, itself among them where it does."""
    whole = _whole(work)
    if not whole:
        return frozenset()
    delivery = schema.delivery
    accepted = sa.select(delivery.c.delivery_id).where(delivery.c.format.in_(whole), delivery.c.state == "accepted")
    mine = {work.row.delivery_id}
    return frozenset(connection.scalars(accepted)) - mine | (
        mine if work.reader.format.id in whole and not work.withdraws else set()
    )


def _whole(work: Work) -> set[str]:
    """Name the formats of whole batches that a delivery's platform has."""
    return {name for name in WHOLE_BATCHES if format_of(name).system == work.system}


def find_open_batches(work: Work, facts: Facts, resolution: Resolution, change: Change) -> None:
    """Sum every batch that a change touches, before or after it, over all deliveries."""
    system, whole = work.system, _whole(work)
    # It may have told of whole batches when it was read before.
    tells = bool({work.reader.format.id, work.row.format} & whole)
    if not whole or not (tells or any(file.table_name in _MOVED for file in change.files)):
        return
    touched = _touched(work, resolution, change)
    if not touched:
        return
    with work.store.book.reading() as connection:
        open_now = {f["scope"] for f in open_findings(connection) if f["scope"].startswith("settlement ")}
    _load_lines(work, facts, change, touched)
    by_scope: dict[str, list[Finding]] = {batch_scope(system, name): [] for name in touched}
    for row in _unsettled(work, facts, change):
        by_scope[batch_scope(system, row["settlement_id"])].append(_open_batch(system, row))
    work.con.execute("drop table batch_line")
    for scope, found in by_scope.items():
        if found or scope in open_now:
            change.scopes.add(scope, found)
    if whole & {*CLOSED_BATCHES}:
        _find_missing(work, facts, change, touched)


def _touched(work: Work, resolution: Resolution, change: Change) -> list[str]:
    """Name the settlements that the change's records stand in, or stood in."""
    fresh = [work.store.lake.full(file.path) for file in change.files if file.table_name == "records"]
    found = resolution.settlements.copy()
    if fresh:
        query = f"select distinct settlement_id from read_parquet({paths(fresh)}) where settlement_id is not null"
        found |= {name for (name,) in work.con.execute(query).fetchall()}
    return sorted(found)


def _relation(work: Work, facts: Facts, change: Change, name: str) -> str:
    """Give a table as the change leaves it, as SQL."""
    return table(work.store.lake, name, [*facts.files[name], *(f for f in change.files if f.table_name == name)])


def _standing(work: Work, facts: Facts, change: Change) -> str:
    """Give the records that stand as the change leaves them, as SQL."""
    records, gone = (
        [*facts.files[name], *(f for f in change.files if f.table_name == name)] for name in ("records", "superseded")
    )
    return current_records(work.store.lake, records, gone)


def _find_missing(work: Work, facts: Facts, change: Change, touched: list[str]) -> None:
    """Look again at the numbers of every merchant account whose batches are in question."""
    series = sorted({name.rpartition("/")[0] for name in touched if "/" in name})
    work.con.register("series", pa.table({"name": pa.array(series, pa.string())}))
    rows = work.con.sql(
        f"""
        with numbered as (
            select *, regexp_extract(settlement_id, '^(.*)/([0-9]{{1,9}})$', ['series', 'number']) as named
            from {_standing(work, facts, change)} r
            where system = $system and status = 'booked' and settlement_id is not null
        )
        select named.series, named.number::integer as number, max(booked_on) as closed_on,
            unnest(arg_min({_WHOSE}, record_id)) from numbered
        where named.number <> '' and named.series in (select name from series)
        group by named.series, named.number::integer
        """,
        params={"system": work.system},
    ).to_arrow_table()
    work.con.unregister("series")
    found = missing_batches(work.system, (Batch(**row) for row in rows.to_pylist()))
    for name in series:
        scope = series_scope(work.system, name)
        change.scopes.add(scope, [finding for finding in found if finding.scope == scope])


def _load_lines(work: Work, facts: Facts, change: Change, touched: list[str]) -> None:
    """Note the booked lines of the settlements in question, as the change leaves them."""
    work.con.register("touched", pa.table({"settlement_id": pa.array(touched, pa.string())}))
    work.con.execute(
        f"""create or replace temp table batch_line as
            select record_id, record_key, settlement_id, currency, exponent, account_id, entity_id, source_id, delivery_id,
                kind, booked_on, coalesce(net, amount)::hugeint * (10::hugeint ** (9 - exponent))::hugeint as net
            from {_standing(work, facts, change)} r
            where system = $system and settlement_id in (select settlement_id from touched) and status = 'booked'""",
        {"system": work.system},
    )
    work.con.unregister("touched")


def _unsettled(work: Work, facts: Facts, change: Change) -> list[dict[str, Any]]:
    """
    Find batches whose lines do not sum to zero; it is a fault of the payout's delivery.

    Batches without a payout line are open only on platforms that end each with something.
    """
    closes = bool(_whole(work) & {*CLOSED_BATCHES})
    told = told_sql(
        *(_relation(work, facts, change, name) for name in ("records", "assertions", "witnesses")), among="open_line"
    )
    work.con.register("tellers", pa.table({"delivery_id": pa.array(sorted(facts.whole), pa.string())}))
    work.con.execute(f"""
        create or replace temp table open_batch as
        select settlement_id, currency, max(exponent) as exponent, sum(net)::varchar as total,
            bool_or(kind = 'payout') as paid,
            coalesce(min(booked_on) filter (where kind = 'payout'), max(booked_on)) - date '1970-01-01' as booked_day,
            arg_min({_WHOSE}, (kind <> 'payout', record_id)) as whose
        from batch_line group by settlement_id, currency
        having (bool_or(kind = 'payout') or {closes}) and sum(net) <> 0;
        create or replace temp table open_line as
        select * from batch_line where settlement_id in (select settlement_id from open_batch)
    """)
    rows: list[dict[str, Any]] = (
        work.con.sql(f"""
            select * exclude (whose), whose.* from open_batch where settlement_id in (
                select l.settlement_id from open_line l join {told} t using (record_id)
                where t.delivery_id in (select delivery_id from tellers)
            ) order by settlement_id, currency limit {_FINDINGS_MAX}
        """)
        .to_arrow_table()
        .to_pylist()
    )
    work.con.execute("drop table open_line; drop table open_batch")
    work.con.unregister("tellers")
    return rows


def _open_batch(system: str, row: dict[str, Any]) -> Finding:
    """Say that a batch does not sum to its payout, or that nothing ends it."""
    left = int(row["total"]) // 10 ** (9 - row["exponent"])
    name, money = row["settlement_id"], f"{format_minor(left, row['exponent'])} {row['currency']}"
    reason = "balance_difference"
    note = f"expected the lines of settlement {name} to sum to its payout, got a difference of {money}"
    if not row["paid"]:
        reason = "incomplete"
        note = (
            f"expected settlement {name} to end with a payout or a balance transfer, got none that brings {money} to zero:"
            " the end of its report is missing; deliver the whole report"
        )
    said = {name: value for name, value in row.items() if name not in {"total", "paid"}}
    return Finding(scope=batch_scope(system, row["settlement_id"]), reason=reason, note=note, amount=left, **said)
