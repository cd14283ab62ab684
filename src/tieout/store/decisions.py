"""
What people decided, as rows of the book; each with its audit entry in the same transaction.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tieout.store import schema
from tieout.store.book import append_audit

if TYPE_CHECKING:
    from tieout.store.workplace import Store

__all__ = ["decide", "decision_row", "latest_decisions", "name_decision"]


def decision_row(
    store: Store, kind: str, subject: str, reason: str | None, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    """
    Describe a decision, to be written with a run or by :func:`decide`.

    :param kind: resolve, reopen, assign, approve, reject, match, undo or allow.
    :param subject: the exception, match or run that it is about.
    """
    row = {
        "at": store.now_us(),
        "actor": store.actor,
        "kind": kind,
        "subject": subject,
        "reason": reason,
        "body": json.dumps(body or {}, sort_keys=True, ensure_ascii=False),
    }
    return {"decision_id": name_decision(row), **row}


def name_decision(row: dict[str, Any]) -> str:
    """Name a decision by all that it says."""
    named = json.dumps([row[name] for name in ("at", "actor", "kind", "subject", "reason", "body")])
    return hashlib.sha256(named.encode()).hexdigest()[:16]


def decide(store: Store, rows: list[dict[str, Any]]) -> None:
    """
    Write decisions that change no match: who looks after an exception, and why one needs nothing more.

    What stands already, word for word from the same person, is not written again: a command that was killed is repeated.
    """
    table = schema.decision
    with store.book.writing() as connection:
        rows = [row for row in rows if not _stands(connection, row)]
        if not rows:
            return
        first = (connection.scalar(sa.select(sa.func.max(table.c.sequence))) or 0) + 1
        connection.execute(sa.insert(table), [{**row, "sequence": first + i} for i, row in enumerate(rows)])
        for row in rows:
            append_audit(
                connection,
                at=row["at"],
                actor=row["actor"],
                action=row["kind"],
                subject=row["subject"],
                reason=row["reason"],
                body=json.loads(row["body"]),
            )


def _stands(connection: sa.Connection, row: dict[str, Any]) -> bool:
    """Say whether a decision is the last one about its subject, and the same."""
    table = schema.decision
    about = ("assign",) if row["kind"] == "assign" else ("resolve", "reopen")
    query = sa.select(table).where(table.c.subject == row["subject"], table.c.kind.in_(about))
    last = connection.execute(query.order_by(table.c.sequence.desc()).limit(1)).mappings().first()
    return last is not None and all(last[name] == row[name] for name in ("kind", "actor", "reason", "body"))


def latest_decisions(connection: sa.Connection) -> dict[str, dict[str, Any]]:
    """
    Give what was decided last about each exception: {exception_id: {state, actor, at, resolution, reason, ...}}.

    A resolution and an assignment are kept apart: taking back the one leaves the other. A match settles by using its
    record up, and for as long as it stands: what a run lists although a person matched it once is open again.
    """
    table = schema.decision
    found: dict[str, dict[str, Any]] = {}
    query = sa.select(table).where(table.c.kind.in_(("resolve", "reopen", "assign"))).order_by(table.c.sequence)
    for row in connection.execute(query).mappings():
        about = found.setdefault(row["subject"], {"state": "open", "assignee": None})
        body = json.loads(row["body"])
        if row["kind"] == "assign":
            about |= {"assignee": body["assignee"]}
        elif row["kind"] == "reopen" or "match_id" in body:
            about |= {"state": "open", "decided_by": None, "decided_at": None, "resolution": None}
        else:
            about |= {
                "state": "resolved",
                "decided_by": row["actor"],
                "decided_at": row["at"],
                "resolution": body.get("resolution", "settled"),
                "said": row["reason"],
                "amount": body.get("amount"),
            }
    return found
