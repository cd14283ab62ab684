"""
Closing entries of the quarantine by a person's decision, and opening them again.

An entry is a place in a delivery (member, line), whose bytes never change: a decision about it holds whatever a later
replay says of it, until another decision about the same entry.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tieout.errors import WrongUse
from tieout.store import schema
from tieout.store.decisions import decide, decision_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tieout.store.workplace import Store

__all__ = ["Entry", "decide_entries", "settled_entries"]

SETTLE, REOPEN = "settle quarantine", "reopen quarantine"
# Decisions of one transaction: no long write lock on SQLite.
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """
    A place that could not be read.

    :ivar member: the file inside a container, where there is one.
    :ivar line: None where the whole file is meant.
    """

    delivery_id: str
    member: str | None
    line: int | None

    @property
    def subject(self) -> str:
        """Name it for decisions and the audit log."""
        place = "" if self.line is None else f" line {self.line}"
        return f"quarantine {self.delivery_id}{place}{f' of {self.member}' if self.member else ''}"


def decide_entries(store: Store, entries: Sequence[Entry], reason: str, *, settled: bool) -> int:
    """
    Write a person's decision about entries of the quarantine, each with its entry in the audit log.

    :param settled: True closes them, False opens them again.
    :return: how many entries it is about.
    :raises WrongUse: no reason is given.
    """
    if not reason.strip():
        message = "expected a reason for the audit log, got a blank one: say it with --reason"
        raise WrongUse(message)
    wanted = sorted(set(entries), key=lambda entry: entry.subject)
    kind = SETTLE if settled else REOPEN
    for begin in range(0, len(wanted), _AT_ONCE):
        part = wanted[begin : begin + _AT_ONCE]
        rows = [decision_row(store, kind, entry.subject, reason, asdict(entry)) for entry in part]
        decide(store, [*rows, *_about_files(store, part, reason, settled=settled)])
    return len(wanted)


def _about_files(store: Store, entries: Sequence[Entry], reason: str, *, settled: bool) -> list[dict[str, Any]]:
    """Decide the same about the exceptions that say that these files could not be read: nobody settles them twice."""
    files = [entry.delivery_id for entry in entries if entry.line is None and entry.member is None]
    if not files:
        return []
    found = schema.exception
    query = sa.select(found.c.exception_id).where(found.c.delivery_id.in_(files), found.c.reason == "unreadable")
    with store.book.reading() as connection:
        ids = sorted(set(connection.scalars(query)))
    kind = "resolve" if settled else "reopen"
    body = {"resolution": "settled", "amount": None} if settled else {}
    return [decision_row(store, kind, exception_id, reason, body) for exception_id in ids]


def settled_entries() -> sa.Select[Any]:
    """Select the decisions that close an entry and that no later one opened again."""
    table = schema.decision
    rank = sa.func.row_number().over(partition_by=table.c.subject, order_by=table.c.sequence.desc())
    about = table.c.kind.in_((SETTLE, REOPEN))
    ranked = sa.select(table, rank.label("rank")).where(about).subquery("ranked")
    return sa.select(ranked).where(ranked.c.rank == 1, ranked.c.kind == SETTLE).order_by(ranked.c.sequence)
