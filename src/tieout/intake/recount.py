"""
Deliveries that are read again because of what came since: law 5.

Three statements of one day chain S1, S2, S3. Until S2 comes, nothing proves whether equal entries of S1 and S3 are the
same, so that the larger count stands and a conflict says so. Once it is here, the delivery that was in doubt is read
again, as by a replay: then the order of arrival made no difference. So it is where all that was in doubt was only
announced, and is booked meanwhile; and where a record proves to be another one (intake.joined).
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tieout.errors import BadInput, Broken, Rejected
from tieout.intake.accept import accept
from tieout.intake.announced_details import BOOKED_DETAIL
from tieout.intake.contents import copies
from tieout.intake.doubts import doubtful, is_settled, places_in_doubt
from tieout.intake.joined import told_of_joined
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
    from tieout.errors import TieoutError
    from tieout.intake.work import Outcome
    from tieout.store.lake import LakeFile
    from tieout.store.workplace import Store

__all__ = ["recount"]

_SETTLED = "what came since settles whether its entries are those of an earlier delivery"
_JOINED = "what came since names what it told of by another name"


def recount(store: Store, workspace: Workspace) -> Iterator[Outcome | TieoutError]:
    """
    Read the deliveries again whose entries are proven apart, or whose records proven others, since.

    What cannot be read now gives its error, and the rest goes on: what it brought before stands.
    """
    with store.book.reading() as connection:
        found, joined = doubtful(connection), told_of_joined(connection)
    settled = {name for name, doubts in found.items() if _is_settled(store, workspace, name, doubts)}
    if settled:  # a file that came again has no doubts of its own
        with store.book.reading() as connection:
            settled |= copies(connection, settled)
    again = dict.fromkeys(settled, _SETTLED)
    reasons = again | dict.fromkeys(joined, _JOINED)
    for delivery_id, reason in _in_turn(store, reasons):
        try:
            outcome = accept(store, workspace, delivery_id, replay=reason)
        except (Rejected, Broken) as error:
            if reason == _SETTLED or not isinstance(error, BadInput):
                yield error
            continue  # of what is destroyed the exception goes on to ask a person
        if outcome is not None:
            yield outcome


def _in_turn(store: Store, reasons: dict[str, str]) -> list[tuple[str, str]]:
    """Give deliveries, each with its reason, in the order of landing."""
    table = schema.delivery
    with store.book.reading() as connection:
        landed = list(connection.scalars(sa.select(table.c.delivery_id).order_by(table.c.sequence)))
    return [(name, reasons[name]) for name in landed if name in reasons]


def _is_settled(store: Store, workspace: Workspace, delivery_id: str, doubts: list[dict[str, Any]]) -> bool:
    """
    Whether statements that a delivery is in doubt about relate otherwise now: they are proven apart, or one.

    Or whether a report that came since proves one that they tell of the same; or whether all that were taken for those of others were announced, and are booked since.
    """
    if any(is_settled(delivery_id, said) for said in doubts):
        return True
    told = {delivery_id, *(said["delivery_id"] for said in doubts)}
    told |= {said["candidate"]["delivery_id"] for said in doubts}
    with store.book.reading() as connection:
        names = names_of(workspace, _accounts(connection, told))
        rows = statements_of(connection, workspace, names, but_of="")
        files = files_at(connection, ("records", "witnesses", "superseded"))
    places = [p for row in rows for p in places_of(workspace, row, sequence=row["sequence"], sound=bool(row["sound"]))]
    covered = cover(places, [], [], "", names)
    at = {(p.delivery_id, p.member or "", p.place): position for position, p in enumerate(places)}
    for mine, theirs, how in (pair for said in doubts for pair in places_in_doubt(said)):
        here, there = at.get(mine), at.get(theirs)
        if here is not None and there is not None and covered.relation(here, there) != how:
            return True
    if not any(said["candidate"].get("announced", True) for said in doubts):
        return False
    with closing(connect(store.spill)) as con:
        return _is_booked(con, store, files, delivery_id)


def _accounts(connection: sa.Connection, deliveries: set[str]) -> set[str]:
    """Give the accounts that some deliveries have statements of."""
    statement = schema.statement
    found = sa.select(statement.c.account_id).where(statement.c.delivery_id.in_(sorted(deliveries)))
    return set(connection.scalars(found))


def _is_booked(
    con: duckdb.DuckDBPyConnection, store: Store, files: dict[str, list[LakeFile]], delivery_id: str
) -> bool:
    """Whether every announced record that a delivery witnesses, and did not bring, was booked since; of none, no."""
    con.execute(
        f"""create or replace temp table mine as
            select record_id, record_key from {table(store.lake, "witnesses", files["witnesses"])}
            where delivery_id = $delivery
            group by all having sum(case when withdrawn then -1 else 1 end) > 0""",
        {"delivery": delivery_id},
    )
    records = [store.lake.full(file.path) for file in files["records"]]
    announced = "r.record_key in (select record_key from mine) and r.version = 1 and r.status <> 'booked'"
    firsts = rows_among(con, records, announced)
    con.execute(f"delete from mine where record_id not in (select record_id from {firsts})")
    booked = f"select record_id from {table(store.lake, 'superseded', files['superseded'])} where reason = 'booked'"
    standing = current_records(store.lake, files["records"], files["superseded"])
    found = con.execute(f"""
        with again as (
            select r.record_id from (select * from {standing} where not {BOOKED_DETAIL}) r
            semi join mine m on m.record_key = r.record_key
        )
        select count(*), count(*) filter (record_id in ({booked}) and record_id not in (select record_id from again))
        from mine
    """).fetchall()
    [(count, settled)] = found
    return bool(count) and count == settled
