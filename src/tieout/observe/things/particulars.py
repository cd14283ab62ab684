"""
The particulars of few records: versions, deliveries that say so, raw lines, statement, and what needs a person.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tieout.intake.findings import newest, open_findings
from tieout.intake.settlements import batch_scope
from tieout.model.cross_references import IDENTIFIERS
from tieout.model.money import format_minor
from tieout.observe.exporting.exported import TABLES
from tieout.observe.exporting.relations import reports_sql
from tieout.observe.exporting.writing import value_sql, with_exponents
from tieout.observe.snapshot import day_of, moment_of, statements_that_stand, told_once
from tieout.observe.things.raw import raw_lines
from tieout.observe.things.written import encoding_of
from tieout.store import schema
from tieout.store.views import table

if TYPE_CHECKING:
    import duckdb

    from tieout.store.lake import LakeFile
    from tieout.store.workplace import Store

__all__ = ["Particulars", "delivery_facts", "exception_facts", "listed_facts", "statement_facts"]

#: The most exceptions that are shown of one record, and the most deliveries whose bytes are read for it.
_EXCEPTIONS_MAX = 10
_RAW_MAX = 5
#: So begins an id of ours; of fewer digits nothing is looked for.
_HEX = re.compile(r"[0-9a-f]{6,64}", re.ASCII)
# What a version is compared on: not where it was read from.
_NOT_COMPARED = {"version", "delivery_id", "line", "member", "seen_at", "record_id", "source_id"}


class Particulars:
    """Gathers what is known of records whose versions stand in the table ``version_row`` (observe.lookup)."""

    def __init__(
        self,
        store: Store,
        connection: sa.Connection,
        con: duckdb.DuckDBPyConnection,
        files: dict[str, list[LakeFile]],
    ) -> None:
        """Work on one state of the book: ``connection`` is in the transaction that gave ``files``."""
        self._store, self._connection, self._con, self._files = store, connection, con, files

    def of_records(self, ids: list[bytes], *, raw: frozenset[bytes]) -> list[dict[str, Any]]:
        """
        Give everything about some records, in their order.

        :param raw: of these read the raw lines too.
        """
        versions = self._versions()
        reports, deliveries = self._reports(ids)
        found = []
        for record in ids:
            mine = versions.get(record.hex(), [])
            if mine:
                found.append(self._record(mine, reports.get(record.hex(), []), deliveries, raw=record in raw))
        return found

    def _record(
        self, versions: list[dict[str, Any]], reports: list[dict[str, Any]], deliveries: dict[str, Any], *, raw: bool
    ) -> dict[str, Any]:
        standing = [row for row in versions if row["superseded_by"] is None]
        record = {k: v for k, v in (standing or versions)[-1].items() if k not in ("superseded_by", "superseded_in")}
        told: dict[str, Any] = {
            "record": record,
            "state": "current" if standing else "superseded",
            "versions": [_version(row, before) for before, row in zip([None, *versions], versions, strict=False)],
            "witnesses": reports,
            "statement": self._statement(record),
            "exceptions": self._exceptions(record, reports),
        }
        if raw:
            told["raw"] = self._raw(record, reports, deliveries)
        return told

    def _versions(self) -> dict[str, list[dict[str, Any]]]:
        """Read the versions as the exported table ``records`` writes them, by record."""
        relation, columns = with_exponents("version_row t", TABLES["records"].columns)
        # Amounts are written here: planning their SQL takes longer than everything else of a look-up.
        amounts = {column.name: f"exponent of {column.name}" for column in columns if column.kind == "amount"}
        plain = [column for column in columns if column.kind != "amount"]
        selected = ", ".join(f'{value_sql(column, "jsonl")} as "{column.name}"' for column in plain)
        for column in columns:
            if column.name in amounts:
                selected += f', {column.sql} as "{column.name}", {column.exponent} as "{amounts[column.name]}"'
        gone = "t.gone as superseded_by, t.gone_in as superseded_in"
        # Few rows and many expressions: planning them well would be all the work.
        self._con.execute("pragma disable_optimizer")
        rows = self._con.sql(f"select {selected}, {gone} from {relation} order by t.record_id, t.version")
        names, read_rows = rows.columns, rows.fetchall()
        self._con.execute("pragma enable_optimizer")
        json_columns = {column.name for column in columns if column.kind == "json"}
        found: dict[str, list[dict[str, Any]]] = {}
        for values in read_rows:
            read = {name: _plain(v, parse=name in json_columns) for name, v in zip(names, values, strict=True)}
            read |= {name: _amount(read[name], read.pop(exponent)) for name, exponent in amounts.items()}
            row = {column.name: read.pop(column.name) for column in columns} | read
            found.setdefault(row["record_id"], []).append(row)
        return found

    def _reports(self, ids: list[bytes]) -> tuple[dict[str, list[dict[str, Any]]], dict[str, Any]]:
        """Read which deliveries say so, by record, and those deliveries' rows."""
        import pyarrow as pa

        keys = ", ".join(str(int.from_bytes(record[:8], "big", signed=True)) for record in ids)
        own = "(select * from version_row where version = 1)"
        asserted, witness = (
            f"(select * from {table(self._store.lake, name, self._files[name])} where record_key in ({keys}))"
            for name in ("assertions", "witnesses")
        )
        named = [f"select delivery_id, false as several from {own}"]
        named += [
            f"select delivery_id, true from {relation}"
            for name, relation in (("assertions", asserted), ("witnesses", witness))
            if self._files[name]
        ]
        naming = self._con.execute(" union ".join(named)).fetchall()
        several = any(row[1] for row in naming)
        deliveries = _delivery_rows(self._connection, sorted({row[0] for row in naming}))
        order = [{"delivery_id": row.delivery_id, "sequence": row.sequence} for row in deliveries.values()]
        kinds = pa.schema({"delivery_id": pa.string(), "sequence": pa.int64()})
        self._con.register("book_deliveries", pa.Table.from_pylist(order, schema=kinds))
        told = (
            reports_sql(own, asserted, witness)
            if several
            else f"select *, true as first, false as withdrawn from {own}"
        )
        rows = self._con.execute(
            f"select lower(hex(record_id)), delivery_id, source_id, member, line, first, withdrawn from ({told})"
        ).fetchall()
        found: dict[str, list[dict[str, Any]]] = {}
        for record_id, delivery_id, source, member, line, first, withdrawn in rows:
            row = deliveries[delivery_id]
            found.setdefault(record_id, []).append(
                {
                    "delivery_id": delivery_id,
                    "source": source,
                    "file": row.name,
                    "member": member,
                    "line": line,
                    "seen_at": _moment(row.received_at),
                    "first": first,
                    "withdrawn": withdrawn,
                },
            )
        for reports in found.values():
            reports.sort(key=lambda r: (deliveries[r["delivery_id"]].sequence, r["member"] or "", r["line"] or 0))
        return found, deliveries

    def _raw(
        self, record: dict[str, Any], reports: list[dict[str, Any]], deliveries: dict[str, Any]
    ) -> list[dict[str, Any]]:
        hints = [record[name] for name in IDENTIFIERS if record[name]] + list(record["references"] or [])
        told = [r for r in reports if not r["withdrawn"]][:_RAW_MAX]
        return [
            asdict(
                raw_lines(
                    self._store,
                    deliveries[r["delivery_id"]],
                    r["member"],
                    r["line"],
                    hints,
                    encoding_of(self._connection, deliveries[r["delivery_id"]]),
                )
            )
            for r in told
        ]

    def _exceptions(self, record: dict[str, Any], reports: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Find what is open about a record, its settlement and the files that it came in."""
        scopes = {f"record {record['record_id']}", *(f"delivery {r['delivery_id']}" for r in reports)}
        if record["settlement_id"]:
            scopes.add(batch_scope(record["system"], record["settlement_id"]))
        return [_exception(row) for row in open_findings(self._connection, scopes)[:_EXCEPTIONS_MAX]]

    def _statement(self, record: dict[str, Any]) -> dict[str, Any] | None:
        """Find the statement that a record stands in: of its file and account, the last that begins before it."""
        statement = schema.statement
        mine = sa.and_(
            statement.c.delivery_id == record["delivery_id"],
            statement.c.account_id == record["account_id"],
            statement.c.line <= record["line"],
        )
        member = statement.c.member.is_(None) if record["member"] is None else statement.c.member == record["member"]
        found = statement_facts(self._connection, sa.and_(mine, member), 1_000)
        return max(found, key=lambda row: (row["line"], row["to_on"] or "")) if found else None


def _version(row: dict[str, Any], before: dict[str, Any] | None) -> dict[str, Any]:
    """Tell a version by what it changed."""
    changed = {
        name: {"from": before[name], "to": value}
        for name, value in row.items()
        if before is not None
        and name not in _NOT_COMPARED
        and not name.startswith("superseded_")
        and before[name] != value
    }
    return {
        "version": row["version"],
        "state": "current" if row["superseded_by"] is None else "superseded",
        "superseded_by": row["superseded_by"],
        "superseded_in": row["superseded_in"],
        "delivery_id": row["delivery_id"],
        "changed": changed,
    }


def delivery_facts(connection: sa.Connection, condition: sa.ColumnElement[bool], most: int) -> list[dict[str, Any]]:
    """Tell about deliveries: where they came from and what became of their rows."""
    delivery = schema.delivery
    rows = connection.execute(sa.select(delivery).where(condition).order_by(delivery.c.sequence).limit(most))
    names = ("delivery_id", "name", "format", "state", "received_by", "bytes", "fingerprint", "rows_in", "rows_new")
    more = ("rows_changed", "rows_repeated", "rows_quarantined", "rows_skipped", "times_seen", "redacts", "reason")
    return [
        {
            "source": row["source_id"],
            "received_at": _moment(row["received_at"]),
            **{name: row[name] for name in (*names, *more)},
            "exceptions": exception_facts(
                connection, schema.exception.c.delivery_id == row["delivery_id"], _EXCEPTIONS_MAX, ("open",)
            ),
        }
        for row in rows.mappings().all()
    ]


def exception_facts(
    connection: sa.Connection, condition: sa.ColumnElement[bool], most: int, states: tuple[str, ...] = ()
) -> list[dict[str, Any]]:
    """Tell about exceptions as they stand; with ``states`` only those in one of them."""
    ids = sa.select(schema.exception.c.exception_id).where(condition)
    inner = newest().subquery("newest")
    query = sa.select(inner).where(inner.c.exception_id.in_(ids)).order_by(inner.c.exception_id).limit(most)
    if states:
        query = query.where(inner.c.state.in_(states))
    return [_exception(dict(row)) for row in connection.execute(query).mappings()]


def listed_facts(connection: sa.Connection, asked: str, most: int) -> list[dict[str, Any]]:
    """Tell about items of the work list that are about no record, by the beginning of their id, or by what they name."""
    listed = schema.worklist
    named = listed.c.external_id == asked
    if _HEX.fullmatch(asked.lower()):
        named = sa.or_(named, listed.c.exception_id.startswith(asked.lower()))
    query = sa.select(listed).where(listed.c.record_id.is_(None), named).order_by(listed.c.exception_id).limit(most)
    return [_exception({**row, "delivery_id": None}) for row in connection.execute(query).mappings()]


def statement_facts(
    connection: sa.Connection, condition: sa.ColumnElement[bool], most: int, *, once: bool = False
) -> list[dict[str, Any]]:
    """
    Tell about statements: what they cover, and whether they close.

    :param once: leave out those that repeat an earlier one.
    """
    found = connection.execute(statements_that_stand().where(condition))
    rows = [row._mapping for row in islice(told_once(found) if once else found, most)]
    return [
        {
            "delivery_id": row["delivery_id"],
            "source": row["source_id"],
            "account": row["account_id"],
            "statement_id": row["statement_id"],
            "number": row["number"],
            "currency": row["currency"],
            "from_on": _day(row["from_day"]),
            "to_on": _day(row["to_day"]),
            "opening": _amount(row["opening"], row["exponent"]),
            "closing": _amount(row["closing"], row["exponent"]),
            "entries": row["entries"],
            "closes": row["closes"],
            "line": row["line"],
        }
        for row in rows
    ]


def _delivery_rows(connection: sa.Connection, ids: list[str]) -> dict[str, Any]:
    delivery, found = schema.delivery, {}
    for begin in range(0, len(ids), 500):  # a database takes only so many values at once
        part = delivery.c.delivery_id.in_(ids[begin : begin + 500])
        found.update({row.delivery_id: row for row in connection.execute(sa.select(delivery).where(part))})
    return found


def _exception(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "exception_id": row["exception_id"],
        "state": row["state"],
        "reason": row["reason"],
        "note": row["note"],
        "source": row["source_id"],
        "account": row["account_id"],
        "delivery_id": row["delivery_id"],
        "record_id": row["record_id"],
        "settlement_id": row["settlement_id"],
        "amount": _amount(row["amount"], row["exponent"]),
        "currency": row["currency"],
        "booked_on": _day(row["booked_day"]),
        "opened_at": _moment(row["opened_at"]),
        "candidates": json.loads(row["candidates"]),
    }


def _amount(minor: int | None, exponent: int | None) -> str | None:
    return None if minor is None else format_minor(minor, exponent or 0)


def _day(number: int | None) -> str | None:
    day = day_of(number)
    return None if day is None else day.isoformat()


def _moment(microseconds: int | None) -> str | None:
    at = moment_of(microseconds)
    return None if at is None else at.isoformat().replace("+00:00", "Z")


def _plain(value: object, *, parse: bool) -> Any:
    if isinstance(value, dt.date):
        return value.isoformat()
    return json.loads(value) if parse and isinstance(value, str) else value
