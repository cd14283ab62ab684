"""
What is left of what deliveries opened on their way in, when all of them are in: a later one may have closed it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tieout.intake.findings import newest
from tieout.observe.exporting.exports import rows_of
from tieout.observe.work.gathering import is_settled
from tieout.store import schema
from tieout.store.decisions import latest_decisions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tieout.config import Workspace
    from tieout.intake.work import Outcome
    from tieout.store.workplace import Store

__all__ = ["remaining"]

_AT_ONCE = 500  # a database takes only so many values at once


def remaining(store: Store, workspace: Workspace, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """
    Say of each delivery what of it is open now: its findings and what waits in quarantine, each counted once.

    So it is of one that came again: what a command was given decides its exit status, whichever time it is.

    :return: one outcome of each, of one that was read again at once with the counts of both readings.
    """
    found = _with_opened(store, _joined(store, outcomes))
    known = _open(store, {name for outcome in found for name in outcome.found})
    waiting = _waiting(store, workspace, _unread(store, {o.delivery_id for o in found}))
    told: list[Outcome] = []
    for outcome in reversed(found):  # whoever looked last knows best
        mine = tuple(name for name in dict.fromkeys(outcome.found) if name in known)
        known.difference_update(mine)
        told.append(replace(outcome, found=mine, findings=len(mine), rows_waiting=waiting[outcome.delivery_id]))
    return told[::-1]


def _joined(store: Store, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Make one outcome of those of a delivery that was read, and read again because of what came after it."""
    found: list[Outcome] = []
    places: dict[str, int] = {}
    for outcome in outcomes:
        place = places.get(outcome.delivery_id)
        if not outcome.again or place is None:
            places.setdefault(outcome.delivery_id, len(found))
            found.append(outcome)
            continue
        first = found[place]
        new, repeated = _counts(store, outcome.delivery_id)
        found[place] = replace(
            outcome,
            rows_new=new,
            rows_repeated=repeated,
            found=(*first.found, *outcome.found),
            versions=first.versions + outcome.versions,
            withdrawn=first.withdrawn + outcome.withdrawn,
            reason=first.reason or outcome.reason,
            repeat=first.repeat,
            again=first.again,
        )
    return found


def _with_opened(store: Store, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Give deliveries that came again what they opened when they were read: it may be open still."""
    repeats = sorted({outcome.delivery_id for outcome in outcomes if outcome.repeat and not outcome.found})
    exception, commit = schema.exception, schema.ledger_commit
    opened = sa.select(exception.c.exception_id).where(exception.c.state == "open")
    by_commit = opened.add_columns(commit.c.delivery_id).join(commit, commit.c.token == exception.c.token)
    about = opened.add_columns(exception.c.delivery_id)
    found: defaultdict[str, set[str]] = defaultdict(set)
    with store.book.reading() as connection:
        for begin in range(0, len(repeats), _AT_ONCE):
            some = repeats[begin : begin + _AT_ONCE]
            for query, column in ((by_commit, commit.c.delivery_id), (about, exception.c.delivery_id)):
                for name, delivery_id in connection.execute(query.where(column.in_(some))):
                    found[delivery_id].add(name)
    return [
        replace(outcome, found=tuple(sorted(found[outcome.delivery_id]))) if outcome.delivery_id in found else outcome
        for outcome in outcomes
    ]


def _unread(store: Store, deliveries: set[str]) -> set[str]:
    """Of some deliveries, give those of which something could not be read."""
    table, wanted = schema.delivery, sorted(deliveries)
    query = sa.select(table.c.delivery_id).where(sa.or_(table.c.rows_quarantined > 0, table.c.state == "refused"))
    with store.book.reading() as connection:
        return {
            name
            for begin in range(0, len(wanted), _AT_ONCE)
            for name in connection.scalars(query.where(table.c.delivery_id.in_(wanted[begin : begin + _AT_ONCE])))
        }


def _counts(store: Store, delivery_id: str) -> tuple[int, int]:
    """Give how many rows of a delivery are new and repeated, by all its readings."""
    table = schema.delivery
    query = sa.select(table.c.rows_new, table.c.rows_repeated).where(table.c.delivery_id == delivery_id)
    with store.book.reading() as connection:
        new, repeated = connection.execute(query).one()
    return new, repeated


def _open(store: Store, ids: set[str]) -> set[str]:
    """Of some exceptions, give those that are open and that nobody settled."""
    if not ids:
        return set()
    wanted, column = sorted(ids), schema.exception.c.exception_id
    found: set[str] = set()
    with store.book.reading() as connection:
        decided = latest_decisions(connection)
        for begin in range(0, len(wanted), _AT_ONCE):
            inner = newest(column.in_(wanted[begin : begin + _AT_ONCE])).subquery("newest")
            rows = connection.execute(sa.select(inner).where(inner.c.state == "open")).mappings()
            found.update(
                row["exception_id"]
                for row in rows
                if row["exception_id"] not in decided
                or not is_settled(decided[row["exception_id"]], row["amount"], row["exponent"])
            )
    return found


def _waiting(store: Store, workspace: Workspace, deliveries: Iterable[str]) -> Counter[str]:
    """Count the quarantined rows, and refused files, of some deliveries that nothing closed."""
    names = ", ".join(f"'{name}'" for name in sorted(deliveries))
    if not names:
        return Counter()
    condition = f"t.severity <> 'finding' and t.settled is null and t.delivery_id in ({names})"
    return Counter(name for (name,) in rows_of(store, workspace, "quarantine", ("delivery_id",), condition))
