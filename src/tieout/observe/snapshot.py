"""
What the book says at one moment: the files of the lake, and the rows that a view needs beside them.

Everything comes out of one read transaction, so that a view never mixes two states of the facts.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from tieout.errors import WrongUse
from tieout.intake.findings import newest
from tieout.intake.settle import settled_entries
from tieout.model.money import format_minor
from tieout.store import schema
from tieout.store.corrected import corrected_since
from tieout.store.decisions import latest_decisions
from tieout.store.past import read_past
from tieout.store.runs import results_at
from tieout.store.tables import TABLES
from tieout.store.workplace import files_at, moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tieout.config import Workspace
    from tieout.store.lake import LakeFile
    from tieout.store.past import Past
    from tieout.store.runs import Results
    from tieout.store.workplace import Store

__all__ = [
    "EPOCH",
    "Snapshot",
    "day_of",
    "latest_day",
    "moment_of",
    "statements_that_stand",
    "take_snapshot",
    "told_once",
]

EPOCH = dt.date(1970, 1, 1)
_MOMENT = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_AT_ONCE = 10_000
# What a statement says: with the same, it is the same one.
_STATED = (
    "account_id", "currency", "statement_id", "number", "final", "from_day", "to_day", "opening", "closing", "exponent",
    "entries", "credits", "debits", "begins", "ends",
)  # fmt: skip
_LAKE_TABLES = ("records", *TABLES)

# The Arrow types of a book's row that are not plain text.
_KINDS = {
    "sequence": pa.int64(), "bytes": pa.int64(), "version": pa.int64(), "times_seen": pa.int64(), "line": pa.int64(),
    "entries": pa.int64(), "position": pa.int64(), "final": pa.bool_(), "closes": pa.bool_(),
    "received_at": pa.timestamp("us", tz="UTC"), "created_at": pa.timestamp("us", tz="UTC"),
    "opened_at": pa.timestamp("us", tz="UTC"), "settled_at": pa.timestamp("us", tz="UTC"), "changed_at": pa.timestamp("us", tz="UTC"),
    "from_day": pa.date32(), "to_day": pa.date32(), "booked_day": pa.date32(),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """
    One state of the facts.

    :ivar version: of the facts: how many changes there were.
    :ivar files: the files that each lake table consists of; ``replaced``: those that a replay took out.
    :ivar latest: the last day that the facts speak of (booked or closing); None without any.
    :ivar deliveries, statements, exceptions: rows of the book with amounts as decimal text; empty unless asked for.
    :ivar results: which results of runs stand; ``past``: all that runs ever said of matches; ``decisions``: what was decided last about each exception.
    :ivar corrected: files that say what was superseded since reconciliations ran last (``store.corrected``).
    :ivar settled: entries of the quarantine that a person closed, by the newest decision about each.
    :ivar history: whether it holds what was true before as well.
    """

    version: int
    files: dict[str, list[LakeFile]]
    replaced: dict[str, list[LakeFile]]
    latest: dt.date | None
    deliveries: pa.Table
    statements: pa.Table
    exceptions: pa.Table
    results: Results
    past: Past
    decisions: dict[str, dict[str, Any]]
    settled: pa.Table
    corrected: list[LakeFile]
    history: bool = False


def take_snapshot(
    store: Store,
    workspace: Workspace | None = None,
    *,
    wanted: Iterable[str] = (),
    history: bool = False,
    known_at: dt.datetime | None = None,
    run: str | None = None,
) -> Snapshot:
    """
    Read the book once.

    :param workspace: names the entity of each source; without it, deliveries and statements have none.
    :param wanted: which of ``deliveries``, ``statements``, ``exceptions``, ``decisions`` and ``settled`` to read.
    :param history: also statements of earlier readings, every state of an exception, and replaced files.
    :param known_at: files and results as they stood at that moment; None: now.
    :param run: files and results as they stood after that run.
    :raises WrongUse: there is no such run.
    """
    entities = {source.id: source.entity for source in workspace.sources} if workspace else {}
    chosen = set(wanted)
    with store.book.reading() as connection:
        head = schema.head
        version = connection.scalar(sa.select(head.c.version).where(head.c.name == "facts")) or 0
        last = None if known_at is None else _sequence_at(connection, known_at)
        results = results_at(connection, last if run is None else _sequence_of(connection, run, last))
        known = None if known_at is None else _version_at(connection, known_at)
        known = known if run is None else int(results.runs[run]["facts_version"])
        return Snapshot(
            version=version,
            files=files_at(connection, _LAKE_TABLES, known),
            replaced=_replaced(connection) if history else {name: [] for name in _LAKE_TABLES},
            latest=latest_day(connection),
            deliveries=_deliveries(connection, entities, read="deliveries" in chosen),
            statements=_statements(connection, entities, history=history, read="statements" in chosen),
            exceptions=_exceptions(connection, entities, history=history, read="exceptions" in chosen),
            results=results,
            past=read_past(connection, results),
            decisions=latest_decisions(connection) if "decisions" in chosen else {},
            settled=_settled(connection, read="settled" in chosen),
            corrected=corrected_since(connection, results, known),
            history=history,
        )


def _version_at(connection: sa.Connection, known_at: dt.datetime) -> int:
    done = schema.ledger_commit
    return connection.scalar(sa.select(sa.func.max(done.c.version)).where(done.c.at <= moment(known_at))) or 0


def _sequence_at(connection: sa.Connection, known_at: dt.datetime) -> int:
    run = schema.run
    return connection.scalar(sa.select(sa.func.max(run.c.sequence)).where(run.c.at <= moment(known_at))) or 0


def _sequence_of(connection: sa.Connection, named: str, last: int | None) -> int:
    """Give a run's place; an unknown one is a mistake, and no run without results."""
    run = schema.run
    known = connection.execute(sa.select(run.c.run_id, run.c.sequence).order_by(run.c.sequence.desc())).all()
    runs = {run_id: sequence for run_id, sequence in known if last is None or sequence <= last}
    if named not in runs:
        listed = ", ".join(list(runs)[:3]) + (", ..." if len(runs) > 3 else "") or "none yet"
        message = f"expected the id of a run, got {named!r}; the last ones are {listed}"
        raise WrongUse(message)
    return int(runs[named])


def day_of(number: int | None) -> dt.date | None:
    """Turn days since 1970, as the book keeps them, into a date."""
    return None if number is None else EPOCH + dt.timedelta(days=number)


def moment_of(microseconds: int | None) -> dt.datetime | None:
    """Turn microseconds since 1970, as the book keeps them, into a moment (UTC)."""
    return None if microseconds is None else _MOMENT + dt.timedelta(microseconds=microseconds)


def latest_day(connection: sa.Connection) -> dt.date | None:
    """Give the last day that the facts speak of: the latest booked_on, or the latest day that a statement closes."""
    file = schema.lake_file
    live = sa.select(sa.func.max(file.c.max_day)).where(
        file.c.table_name == "records", file.c.removed_version.is_(None)
    )
    standing = statements_that_stand().subquery("standing")
    closing = sa.select(sa.func.max(standing.c.to_day))
    days = [connection.scalar(live), connection.scalar(closing)]
    return day_of(max((day for day in days if day is not None), default=None))


def statements_that_stand() -> sa.Select[Any]:
    """Select the statements of the last reading of each delivery, in the order in which they became known."""
    table, done, delivery = schema.statement, schema.ledger_commit, schema.delivery
    return (
        sa.select(table, done.c.version)
        .join(done, done.c.token == table.c.token)
        .join(delivery, sa.and_(delivery.c.delivery_id == table.c.delivery_id, delivery.c.version == done.c.version))
        .order_by(done.c.version, table.c.position)
    )


def told_once(rows: Iterable[Any]) -> Iterator[Any]:
    """Leave out of rows of statements those that repeat an earlier one: it came in several deliveries, of other bytes."""
    seen = set[tuple[Any, ...]]()
    return (row for row in rows if not _is_repeated(row._mapping, seen, row.source_id))


def _is_repeated(row: Mapping[Any, Any], seen: set[tuple[Any, ...]], whose: str | None) -> bool:
    """Whether a statement says what one before it said; when the bank made the file is no part of that."""
    pages = json.dumps([page[1:] for page in json.loads(row["pages"])])
    content = (whose, pages, *(row[name] for name in _STATED))
    repeated = content in seen
    seen.add(content)
    return repeated


def _replaced(connection: sa.Connection) -> dict[str, list[LakeFile]]:
    """List the files that were taken out by a replay: what stood at some version and does not stand now."""
    from tieout.store.lake import LakeFile

    table = schema.lake_file
    query = sa.select(table).where(table.c.removed_version.is_not(None)).order_by(table.c.version, table.c.path)
    found: dict[str, list[LakeFile]] = {name: [] for name in _LAKE_TABLES}
    for row in connection.execute(query).mappings():
        file = LakeFile(**{name: row[name] for name in LakeFile.__dataclass_fields__})
        found.setdefault(file.table_name, []).append(file)
    return found


_DELIVERY = (
    "delivery_id", "sequence", "source_id", "entity_id", "name", "format", "state", "received_at", "received_by",
    "created_at", "bytes", "fingerprint", "rows_in", "rows_new", "rows_changed", "rows_repeated", "rows_quarantined",
    "rows_skipped", "times_seen", "version", "redacts", "reason",
)  # fmt: skip
_STATEMENT = (
    "delivery_id", "source_id", "entity_id", "account_id", "statement_id", "number", "currency", "final", "from_day",
    "to_day", "created_at", "opening", "closing", "entries", "credits", "debits", "closes", "member", "line", "state",
    "version", "position",
)  # fmt: skip
_SETTLED = ("delivery_id", "member", "line", "settled_at", "settled_by", "settled_because")
_EXCEPTION = (
    "exception_id", "scope", "state", "reason", "source_id", "delivery_id", "entity_id", "account_id", "record_id",
    "external_id", "kind", "amount", "currency", "booked_day", "counterparty", "settlement_id", "opened_at", "note",
    "candidates", "version",
)  # fmt: skip


def _deliveries(connection: sa.Connection, entities: dict[str, str], *, read: bool) -> pa.Table:
    query = sa.select(schema.delivery).order_by(schema.delivery.c.sequence)
    return _arrow(
        connection, query if read else None, _DELIVERY, lambda row: {"entity_id": entities.get(row["source_id"])}
    )


def _statements(connection: sa.Connection, entities: dict[str, str], *, history: bool, read: bool) -> pa.Table:
    table, done, delivery = schema.statement, schema.ledger_commit, schema.delivery
    query = statements_that_stand()
    if history:
        query = (
            sa.select(table, done.c.version, (delivery.c.version == done.c.version).label("current"))
            .join(done, done.c.token == table.c.token)
            .join(delivery, delivery.c.delivery_id == table.c.delivery_id)
            .order_by(done.c.version, table.c.position)
        )

    seen = set[tuple[Any, ...]]()

    def added(row: dict[str, Any]) -> dict[str, Any]:
        written = {name: _decimal(row[name], row["exponent"]) for name in ("opening", "closing", "credits", "debits")}
        entity = entities.get(row["source_id"])
        state = "current" if row.get("current", True) else "superseded"
        if state == "current" and _is_repeated(row, seen, entity):
            state = "repeated"
        return {**written, "entity_id": entity, "state": state}

    found = _arrow(connection, query if read else None, _STATEMENT, added)
    return found if history else found.filter(pc.not_equal(found["state"], "repeated"))


def _exceptions(connection: sa.Connection, entities: dict[str, str], *, history: bool, read: bool) -> pa.Table:
    """Read the newest state of each exception, or all of them."""
    table, done = schema.exception, schema.ledger_commit
    query = newest()
    if history:
        query = sa.select(table, done.c.version).join(done, done.c.token == table.c.token)

    def added(row: dict[str, Any]) -> dict[str, Any]:
        entity = row["entity_id"] or entities.get(row["source_id"] or "")
        return {"amount": _decimal(row["amount"], row["exponent"]), "entity_id": entity}

    return _arrow(connection, query if read else None, _EXCEPTION, added)


def _settled(connection: sa.Connection, *, read: bool) -> pa.Table:
    """Read the newest decision about each entry of the quarantine, unless it opens it again."""
    query = settled_entries()

    def added(row: dict[str, Any]) -> dict[str, Any]:
        body = json.loads(row["body"])
        return {**body, "settled_at": row["at"], "settled_by": row["actor"], "settled_because": row["reason"]}

    return _arrow(connection, query if read else None, _SETTLED, added)


def _decimal(minor: int | str | None, exponent: int | None) -> str | None:
    return None if minor is None else format_minor(int(minor), exponent or 0)


def _arrow(connection: sa.Connection, query: sa.Select[Any] | None, names: tuple[str, ...], added: Any) -> pa.Table:
    """Read rows of the book into columns, a part at a time."""
    kinds = pa.schema([(n, pa.int64() if n.startswith("rows_") else _KINDS.get(n, pa.string())) for n in names])
    if query is None:
        return kinds.empty_table()
    batches = []
    for part in connection.execute(query).mappings().partitions(_AT_ONCE):
        rows = [{**row, **added(row)} for row in part]
        columns = [pa.array([row.get(f.name) for row in rows], _stored(f.type)).cast(f.type) for f in kinds]
        batches.append(pa.RecordBatch.from_arrays(columns, schema=kinds))
    return pa.Table.from_batches(batches, schema=kinds)


def _stored(kind: pa.DataType) -> pa.DataType:
    """Give the type in which the book keeps a value: days and moments are whole numbers."""
    if pa.types.is_timestamp(kind):
        return pa.int64()
    return pa.int32() if pa.types.is_date(kind) else kind
