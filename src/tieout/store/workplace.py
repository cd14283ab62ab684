"""
The stores of one workspace, opened together.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tieout.errors import Broken, TieoutError, WrongUse
from tieout.store import schema
from tieout.store.binding import Binding, refuse_new_book
from tieout.store.book import Book, book_exists, open_book
from tieout.store.fingerprints import open_fingerprints
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
    :ivar binding: what proves that these belong together; None where nothing may be written.
    """

    book: Book
    lake: Lake
    landing: Landing
    vault: Vault
    clock: Clock
    entropy: Entropy
    actor: str
    spill: Path
    binding: Binding | None = None

    def now_us(self) -> int:
        """Give the moment in microseconds since 1970."""
        return moment(self.clock.now())

    def close(self) -> None:
        """Give back the book's connections, and remember how far the book went."""
        if self.binding is not None:
            with suppress(OSError, TieoutError):  # the next one to open it does so
                self.binding.advance()
        self.book.close()


def moment(at: dt.datetime) -> int:
    """Turn a moment into microseconds since 1970, exactly."""
    import datetime as dt

    return (at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


def open_store(workspace: Workspace, clock: Clock, entropy: Entropy, actor: str, *, making: bool = True) -> Store:
    """
    Open the stores that tieout.toml names, making what is not there yet.

    :param making: False makes neither a book nor a key file, and binds nothing.
    :raises Broken: the book, or the key file, is not the one that what lies there belongs to, or is missing.
    :raises WrongUse: a store is somewhere that this version cannot write.
    """
    for name, place in (("lake", workspace.lake), ("landing", workspace.landing)):
        if "://" in place:
            message = f"[workspace] {name} = {place!r}: this version keeps the {name} in a local folder"
            raise WrongUse(message)
    landing, lake = Path(workspace.landing), Path(workspace.lake)
    if not book_exists(workspace.book):
        shown = sa.make_url(workspace.book).render_as_string(hide_password=True)
        refuse_new_book(None, landing, lake, shown)
        if not making:
            message = (
                f"expected the book {shown}, got none, and nothing was ever landed beside it: `tieout ingest` begins"
            )
            raise Broken(message)
    book = open_book(workspace.book)
    binding = Binding(book, landing, lake, entropy.token_bytes)
    try:
        mark = binding.bind(moment(clock.now()), actor) if making else binding.check()
        vault = Vault(landing.parent / "key", entropy.token_bytes, make=making and not _has_deliveries(book))
        fingerprints = open_fingerprints(book, vault, entropy.token_bytes, moment(clock.now()), actor)
    except BaseException:
        book.close()
        raise
    return Store(
        book=book,
        lake=Lake(lake, entropy.token_bytes, mark or ""),
        landing=Landing(landing, entropy.token_bytes, fingerprints),
        vault=vault,
        clock=clock,
        entropy=entropy,
        actor=actor,
        spill=landing.parent / "spill",
        binding=binding if making else None,
    )


def _has_deliveries(book: Book) -> bool:
    """Whether something stands in the book that only the key file opens: keys of deliveries, and what they are known by."""
    with book.reading() as connection:
        return connection.execute(sa.select(schema.delivery.c.delivery_id).limit(1)).first() is not None


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
