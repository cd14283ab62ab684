"""
Entries that were taken for those of an earlier delivery, and are proven apart, or booked, since: law 5.

Three statements of one day chain S1, S2, S3. Until S2 comes, nothing proves whether equal entries of S1 and S3 are the
same, so that the larger count stands and a conflict says so. Once it is here, the delivery that was in doubt is read
again, as by a replay: then the order of arrival made no difference. So it is where all that was in doubt was only
announced, and is booked meanwhile.
"""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tieout.intake.accept import accept
from tieout.intake.announced_details import BOOKED_DETAIL
from tieout.intake.findings import open_findings
from tieout.intake.reissued import cover
from tieout.intake.statements import names_of, places_of, statements_of
from tieout.store import schema
from tieout.store.engine import connect
from tieout.store.views import current_records, rows_among, table
from tieout.store.workplace import files_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from tieout.config import Workspace
    from tieout.intake.work import Outcome
    from tieout.store.lake import LakeFile
    from tieout.store.workplace import Store

    #: Delivery, member, and which statement of it.
    _Place = tuple[str, str, int]

__all__ = ["recount"]

_REASON = "what came since settles whether its entries are those of an earlier delivery"


def recount(store: Store, workspace: Workspace) -> Iterator[Outcome]:
    """Read the deliveries again whose entries are proven apart from those that they were taken for."""
    with store.book.reading() as connection:
        doubtful = _doubtful(connection)
    for delivery_id, account_ids in sorted(doubtful.items()):
        if _is_settled(store, workspace, delivery_id, account_ids):
            outcome = accept(store, workspace, delivery_id, replay=_REASON)
            if outcome is not None:
                yield outcome


def _doubtful(connection: sa.Connection) -> dict[str, set[str]]:
    """Find the deliveries with an open conflict about entries without identifiers, and the accounts that they tell of."""
    found = set[str]()
    for finding in open_findings(connection):
        if finding["reason"] == "conflict" and finding["record_id"] is None and finding["delivery_id"]:
            candidates = json.loads(finding["candidates"] or "[]")
            if any("earlier_delivery_id" in candidate for candidate in candidates):
                found.add(finding["delivery_id"])
    statement = schema.statement
    accounts = sa.select(statement.c.delivery_id, statement.c.account_id).where(
        statement.c.delivery_id.in_(sorted(found))
    )
    told: dict[str, set[str]] = {}
    for delivery_id, account_id in connection.execute(accounts):
        told.setdefault(delivery_id, set()).add(account_id)
    return told


def _is_settled(store: Store, workspace: Workspace, delivery_id: str, account_ids: set[str]) -> bool:
    """
    Whether an entry of the delivery counts as one that stands in a statement which is now known to be another.

    Or whether all that were taken for those of others were announced, and are booked since.
    """
    with store.book.reading() as connection:
        names = names_of(workspace, account_ids)
        rows = statements_of(connection, workspace, names, but_of="")
        files = files_at(connection, ("records", "witnesses", "superseded"))
    places = [p for row in rows for p in places_of(workspace, row, sequence=row["sequence"], sound=bool(row["sound"]))]
    covered = cover(places, [], [], "", names)
    at = {(p.delivery_id, p.member or "", p.place): position for position, p in enumerate(places)}
    with closing(connect(store.spill)) as con:
        pairs = _seen_twice(con, store, files, delivery_id)
        if _is_booked(con, store, files):
            return True
    judged = {(at.get(mine), at.get(theirs)) for mine, theirs in pairs}
    return any(m is not None and t is not None and covered.relation(m, t) == "disjoint" for m, t in judged)


def _seen_twice(
    con: duckdb.DuckDBPyConnection, store: Store, files: dict[str, list[LakeFile]], delivery_id: str
) -> list[tuple[_Place, _Place]]:
    """Give the statements of a delivery and of others that tell of one record, which the delivery did not bring."""
    witnesses = table(store.lake, "witnesses", files["witnesses"])
    place = "delivery_id, coalesce(member, '') as member, statement_place"
    con.execute(
        f"""create or replace temp table mine as
            select record_id, record_key, {place} from {witnesses} where delivery_id = $delivery
            group by all having sum(case when withdrawn then -1 else 1 end) > 0""",
        {"delivery": delivery_id},
    )
    records = [store.lake.full(file.path) for file in files["records"]]
    firsts = rows_among(con, records, "r.record_key in (select record_key from mine) and r.version = 1 and r.counted")
    found = con.execute(f"""
        with theirs as (
            select record_id, {place}, 1 as times from {firsts}
            union all
            select record_id, {place}, case when withdrawn then -1 else 1 end from {witnesses}
        ), seen as (
            select record_id, delivery_id, member, statement_place from theirs group by all having sum(times) > 0
        )
        select distinct m.delivery_id, m.member, m.statement_place, s.delivery_id, s.member, s.statement_place
        from mine m join seen s using (record_id) where s.delivery_id <> m.delivery_id
        and m.statement_place is not null and s.statement_place is not null
    """).fetchall()
    return [(row[:3], row[3:]) for row in found]


def _is_booked(con: duckdb.DuckDBPyConnection, store: Store, files: dict[str, list[LakeFile]]) -> bool:
    """Whether every record of ``mine`` was booked since; of none, nothing is said."""
    booked = f"select record_id from {table(store.lake, 'superseded', files['superseded'])} where reason = 'booked'"
    standing = current_records(store.lake, files["records"], files["superseded"])
    found = con.sql(f"""
        with again as (
            select r.record_id from (select * from {standing} where not {BOOKED_DETAIL}) r
            semi join mine m on m.record_key = r.record_key
        )
        select count(*), count(*) filter (record_id in ({booked}) and record_id not in (select record_id from again))
        from mine
    """).fetchall()
    [(count, settled)] = found
    return bool(count) and count == settled
