"""
Withdrawing a delivery that should not have come, or came under a wrong source: laws 1, 2 and 11.

It is read again as if nothing stood in it: what it alone told is withdrawn, what others told as well stays theirs, its
statements, balances and quarantined rows stand no more. Its bytes stay in the landing, and a replay brings it back.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tieout.errors import WrongUse
from tieout.intake.accept import settled
from tieout.intake.indexes import Gathered
from tieout.intake.kept_texts import kept_texts, workspace_of
from tieout.intake.reader import reader_for
from tieout.intake.stage import Staged
from tieout.intake.work import Outcome, Work
from tieout.store import schema
from tieout.store.engine import connect

if TYPE_CHECKING:
    from tieout.config import Source, Workspace
    from tieout.intake.reader import Reader
    from tieout.store.workplace import Store

__all__ = ["withdraw"]


def withdraw(store: Store, workspace: Workspace, delivery_id: str, reason: str) -> Outcome | None:
    """
    Take back everything that a delivery told, in one commit; who did it and why is kept.

    :return: what became of it; None: it was withdrawn already.
    :raises WrongUse: it was not read yet, or its content was destroyed.
    """
    table = schema.delivery
    with store.book.reading() as connection:
        row = connection.execute(sa.select(table).where(table.c.delivery_id == delivery_id)).one()
        _check(connection, row)
        if row.state == "withdrawn":
            return None
        source, reader = _read_with(connection, workspace, row)
    store.spill.mkdir(parents=True, exist_ok=True)
    with closing(connect(store.spill)) as con, Gathered(store.spill) as references:
        work = Work(store, workspace, source, reader, row, con, reason, {}, references, withdraws=True)
        return settled(work, Staged(references))


def _check(connection: sa.Connection, row: Any) -> None:
    named = f"delivery {row.delivery_id} ({row.name})"
    if row.state == "landed":
        message = f"{named} was not read yet, so nothing of it counts: `tieout ingest` reads it; withdraw it then"
        raise WrongUse(message)
    if row.state == "erased":
        redacts, name = schema.delivery.c.redacts, schema.delivery.c.delivery_id
        copy = connection.scalar(sa.select(name).where(redacts == row.delivery_id))
        instead = f": withdraw its copy, delivery {copy}" if copy else ", and nothing of it was kept"
        message = f"expected a delivery whose content is kept, got {named}, which was destroyed ({row.reason}){instead}"
        raise WrongUse(message)


def _read_with(connection: sa.Connection, workspace: Workspace, row: Any) -> tuple[Source, Reader]:
    """Give source and reader as they were when it was last read: in tieout.toml of today the source may be gone."""
    commit = schema.ledger_commit
    mine = sa.select(commit).where(commit.c.delivery_id == row.delivery_id).order_by(commit.c.version.desc()).limit(1)
    last, texts = connection.execute(mine).one(), kept_texts(connection)
    past = workspace_of(last, texts, workspace.folder)
    source = past.source(row.source_id)
    return source, reader_for(past, source, texts[last.reader_digest] if last.reader_digest else None)
