"""
The stores of one workspace, opened together.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tieout.errors import WrongUse
from tieout.store import schema
from tieout.store.book import Book, open_book
from tieout.store.lake import Lake, LakeFile
from tieout.store.landing import Landing, Vault

if TYPE_CHECKING:
    import datetime as dt

    from tieout.clock import Clock, Entropy
    from tieout.config import Workspace

__all__ = ["Store", "files_at", "files_of_delivery", "moment", "open_store"]


@dataclass(frozen=True, slots=True)
class Store:
    """
    Landing, lake and book of one workspace, and what they need from outside.

    :ivar actor: who is working: goes into every audit entry.
    :ivar spill: a folder for what a query cannot hold in memory.
    """

    book: Book
    lake: Lake
    landing: Landing
    vault: Vault
    clock: Clock
    entropy: Entropy
    actor: str
    spill: Path

    def now_us(self) -> int:
        """Give the moment in microseconds since 1970."""
        return moment(self.clock.now())

    def close(self) -> None:
        """Give back the book's connections."""
        self.book.close()


def moment(at: dt.datetime) -> int:
    """Turn a moment into microseconds since 1970, exactly."""
    import datetime as dt

    return (at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


def open_store(workspace: Workspace, clock: Clock, entropy: Entropy, actor: str) -> Store:
    """
    Open the stores that tieout.toml names, making what is not there yet.

    :raises WrongUse: a store is somewhere that this version cannot write.
    """
    for name, place in (("lake", workspace.lake), ("landing", workspace.landing)):
        if "://" in place:
            message = f"[workspace] {name} = {place!r}: this version keeps the {name} in a local folder"
            raise WrongUse(message)
    landing = Path(workspace.landing)
    book = open_book(workspace.book)
    return Store(
        book=book,
        lake=Lake(Path(workspace.lake), entropy.token_bytes),
        landing=Landing(landing, entropy.token_bytes),
        vault=Vault(landing.parent / "key", entropy.token_bytes),
        clock=clock,
        entropy=entropy,
        actor=actor,
        spill=landing.parent / "spill",
    )


def files_at(
    connection: sa.Connection, names: tuple[str, ...], version: int | None = None
) -> dict[str, list[LakeFile]]:
    """
    List the live files of lake tables, oldest first.

    :param version: as the lake stood after that commit; by default now.
    """
    table = schema.lake_file
    query = sa.select(table).where(table.c.table_name.in_(names)).order_by(table.c.version, table.c.path)
    if version is None:
        query = query.where(table.c.removed_version.is_(None))
    else:
        live = sa.or_(table.c.removed_version.is_(None), table.c.removed_version > version)
        query = query.where(table.c.version <= version, live)
    found: dict[str, list[LakeFile]] = {name: [] for name in names}
    for file in _files(connection, query):
        found[file.table_name].append(file)
    return found


def files_of_delivery(connection: sa.Connection, delivery_id: str) -> list[LakeFile]:
    """List the live files that a delivery brought."""
    table = schema.lake_file
    live = sa.select(table).where(table.c.delivery_id == delivery_id, table.c.removed_version.is_(None))
    return _files(connection, live.order_by(table.c.version, table.c.path))


def _files(connection: sa.Connection, query: sa.Select[Any]) -> list[LakeFile]:
    fields = LakeFile.__dataclass_fields__.keys()
    return [LakeFile(**{name: row[name] for name in fields}) for row in connection.execute(query).mappings()]
