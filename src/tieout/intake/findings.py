"""
What intake found that needs a person, and where each finding stops being true.

Every finding belongs to a scope (a delivery, an account's statements, a record, a settlement). A change looks at some
scopes again: what it finds there is open, what stood open there and is not found any more is closed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tieout.store import schema

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Finding", "Scopes", "disputed", "newest", "newest_open", "open_findings", "reason_of", "to_write"]

#: Reasons that a problem of a file may carry into the work queue; anything else there is a figure that lies.
_REASONS = {"balance_difference", "currency_mismatch", "conflict", "incomplete", "master_data", "unreadable"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """
    One thing that needs a person.

    :ivar scope: what must be looked at again to know whether it is still true.
    :ivar reason: one of the reasons of an exception.
    :ivar note: one sentence: what was expected, what came, where.
    """

    scope: str
    reason: str
    note: str
    source_id: str | None = None
    delivery_id: str | None = None
    entity_id: str | None = None
    account_id: str | None = None
    record_id: str | None = None
    external_id: str | None = None
    kind: str | None = None
    amount: int | None = None
    exponent: int | None = None
    currency: str | None = None
    booked_day: int | None = None
    counterparty: str | None = None
    settlement_id: str | None = None
    candidates: list[dict[str, Any]] = field(default_factory=list)

    @property
    def exception_id(self) -> str:
        """Name it by what it is about, so that finding it again does not open it again."""
        named = [self.scope, self.reason, self.record_id, self.account_id, self.settlement_id]
        if self.record_id is None:
            named.append(self.note)
        return hashlib.sha256(json.dumps(named).encode()).hexdigest()[:16]


@dataclass(slots=True)
class Scopes:
    """What a change looked at, and what it found there."""

    looked_at: set[str] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)

    def add(self, scope: str, findings: Iterable[Finding]) -> None:
        """Say what was found in a scope; nothing found is worth saying too."""
        self.looked_at.add(scope)
        self.findings += findings


def reason_of(word: str) -> str:
    """Turn the reason of a file's problem into the reason of an exception."""
    return word if word in _REASONS else "incomplete"


def newest(*among: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """
    Select the newest committed state of every exception, with the ``version`` that set it.

    :param among: conditions on what never changes of an exception.
    """
    table, commit = schema.exception, schema.ledger_commit
    rank = sa.func.row_number().over(partition_by=table.c.exception_id, order_by=commit.c.version.desc())
    inner = (
        sa.select(table, commit.c.version, rank.label("rank"))
        .join(commit, commit.c.token == table.c.token)
        .where(*among)
        .subquery("ranked")
    )
    return sa.select(inner).where(inner.c.rank == 1)


def open_findings(connection: sa.Connection, scopes: set[str] | None = None) -> list[dict[str, Any]]:
    """List the open exceptions, of some scopes or of all, oldest first."""
    inner = newest().subquery("newest")
    query = sa.select(inner).where(inner.c.state == "open").order_by(inner.c.opened_at, inner.c.exception_id)
    rows: list[dict[str, Any]] = []
    if scopes is None:
        return [dict(row) for row in connection.execute(query).mappings()]
    wanted = sorted(scopes)
    for begin in range(0, len(wanted), 500):  # a database takes only so many values at once
        part = query.where(inner.c.scope.in_(wanted[begin : begin + 500]))
        rows += [dict(row) for row in connection.execute(part).mappings()]
    return rows


def newest_open(connection: sa.Connection, reason: str, scopes: str) -> list[dict[str, Any]]:
    """List the open exceptions of one reason whose scopes begin alike, by scope."""
    table = schema.exception
    inner = newest(table.c.reason == reason, table.c.scope.startswith(scopes, autoescape=True)).subquery("newest")
    query = sa.select(inner).where(inner.c.state == "open").order_by(inner.c.scope, inner.c.exception_id)
    return [dict(row) for row in connection.execute(query).mappings()]


def disputed(connection: sa.Connection) -> frozenset[str]:
    """Name the records of which reports contradict each other."""
    table = schema.exception
    inner = newest(table.c.reason == "conflict", table.c.record_id.is_not(None)).subquery("newest")
    return frozenset(connection.scalars(sa.select(inner.c.record_id).where(inner.c.state == "open")))


def to_write(connection: sa.Connection, scopes: Scopes, token: str, now_us: int) -> list[dict[str, Any]]:
    """Give the rows that a change writes: newly opened exceptions and those that are no longer true."""
    standing = {row["exception_id"]: row for row in open_findings(connection, scopes.looked_at)}
    found = {finding.exception_id: finding for finding in scopes.findings}
    rows = []
    for exception_id, finding in sorted(found.items()):
        row = asdict(finding)
        row["candidates"] = json.dumps(row["candidates"], ensure_ascii=False, default=str)
        before = standing.get(exception_id)
        if before is None or before["note"] != row["note"] or before["candidates"] != row["candidates"]:
            opened = before["opened_at"] if before else now_us
            rows.append({**row, "token": token, "exception_id": exception_id, "state": "open", "opened_at": opened})
    columns = schema.exception.c.keys()
    for exception_id, before in sorted(standing.items()):
        if exception_id not in found:
            kept = {name: before[name] for name in columns}
            rows.append({**kept, "token": token, "state": "closed"})
    return rows
