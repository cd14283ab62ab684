"""
Destroying a delivery: its key goes, a tombstone stays.

Only where the law demands it, or where a full card number came in; then a redacted copy takes its place first, and what
the lake holds of it is masked with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from tieout.intake.lake_redaction import swap, swapped
from tieout.intake.receive import receive
from tieout.intake.redaction import redact
from tieout.store import schema
from tieout.store.book import append_audit

if TYPE_CHECKING:
    from collections.abc import Collection

    from tieout.intake.work import Work

__all__ = ["erase", "redacted_copy"]


def redacted_copy(work: Work, numbers: set[str]) -> str | None:
    """
    Land a copy of a delivery with its card numbers masked.

    :return: the copy's delivery; None where a number stands nowhere in the file as one.
    """
    row, store = work.row, work.store
    with store.landing.open(row.path, store.vault.unwrap(row.wrapped_key), row.bytes) as stream:
        copy = redact(stream, row.name, numbers, work.reader.encoding)
    if copy is None:
        return None
    with copy:
        return receive(store, row.source_id, copy, row.name, redacts=row.delivery_id).delivery_id


def erase(work: Work, reason: str, numbers: Collection[str] = ()) -> None:
    """
    Destroy the key of a delivery, then its bytes; fingerprint, reason and who remain. Doing it twice is no error.

    :param numbers: card numbers that may stand in what the lake holds of it, since it was read before.
    """
    store, table = work.store, schema.delivery
    # The number stands in them, too. First, since nobody comes back for them once the delivery is erased.
    store.lake.remove_drafts(work.row.delivery_id)
    swaps = swapped(store, work.con, work.row.delivery_id, numbers) if numbers else []
    with store.book.writing() as connection:
        mine = table.c.delivery_id == work.row.delivery_id
        if connection.scalar(sa.select(table.c.state).where(mine)) == "erased":
            for one in swaps:
                store.lake.remove(one.file.path)
            return
        connection.execute(sa.update(table).where(mine).values(state="erased", wrapped_key=None, reason=reason))
        swap(connection, swaps)
        append_audit(
            connection,
            at=store.now_us(),
            actor=store.actor,
            action="erase",
            subject=f"delivery {work.row.delivery_id}",
            reason=reason,
            body={"fingerprint": work.row.fingerprint} | ({"redacted": [one.said() for one in swaps]} if swaps else {}),
        )
    store.landing.remove(work.row.path)
    for one in swaps:
        store.lake.remove(one.path)
