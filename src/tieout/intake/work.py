"""
One delivery on its way, and what became of it.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tieout.config import account_for, clean_number
from tieout.config.accounts import called
from tieout.intake.reader import owner_of

if TYPE_CHECKING:
    import duckdb

    from tieout.config import Source, Workspace
    from tieout.intake.derive import Owner
    from tieout.intake.indexes import Gathered
    from tieout.intake.reader import Reader
    from tieout.store.workplace import Store

__all__ = ["Outcome", "Work", "fault_of_ours"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """
    What became of a delivery. Rows in = rows new + repeated + quarantined + skipped; of the
    repeated ones, ``versions`` say something else than before.

    :ivar state: accepted, refused or withdrawn.
    :ivar rows_waiting: of the quarantined ones, and of files that were refused, those that nothing closed yet; also of a
        delivery that came again.
    :ivar findings: what needs a person because of it, beside quarantined rows.
    :ivar found: the ids of these exceptions.
    :ivar again: it was read before: this is another reading.
    :ivar taken_by: other sources that would take a file that was refused.
    :ivar also_under: other sources under which the same bytes were accepted: they count for each.
    :ivar mapping_changed: what its source brought before was read with another mapping, and stands as it was read.
    :ivar encoding_changed: it was read in another code page, and stands so.
    """

    delivery_id: str
    name: str
    source_id: str
    state: str
    format: str | None
    rows_in: int = 0
    rows_new: int = 0
    rows_repeated: int = 0
    rows_quarantined: int = 0
    rows_waiting: int = 0
    rows_skipped: int = 0
    versions: int = 0
    withdrawn: int = 0
    findings: int = 0
    found: tuple[str, ...] = ()
    reason: str | None = None
    repeat: bool = False
    again: bool = False
    taken_by: tuple[str, ...] = ()
    also_under: tuple[str, ...] = ()
    mapping_changed: bool = False
    encoding_changed: bool = False

    def as_json(self) -> dict[str, object]:
        """Give it as JSON values; ids of exceptions are left out."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "found"}


@dataclass(slots=True)
class Work:
    """
    One delivery on its way: what all steps need.

    :ivar row: its row in the book.
    :ivar replay: why it is read again; None when it is read for the first time.
    :ivar unknown: accounts that its files name and tieout.toml does not declare.
    :ivar references: where the entries of its look-up index are gathered.
    :ivar withdraws: what it told is taken back: ``replay`` says why, and nothing is read.
    """

    store: Store
    workspace: Workspace
    source: Source
    reader: Reader
    row: Any
    con: duckdb.DuckDBPyConnection
    replay: str | None
    unknown: dict[tuple[str | None, str], None]
    references: Gathered
    withdraws: bool = False

    @property
    def system(self) -> str:
        """The platform or bank whose identifiers its rows carry."""
        return self.reader.format.system or str(self.row.source_id)

    def number(self, account_number: str | None, currency: str | None) -> str | None:
        """Give the number that an account goes by, where a file calls it by one of its others."""
        account = account_for(self.workspace, self.source.id, account_number, currency)
        others = called(account)[1:] if account else ()
        bare = clean_number(account_number or "")
        return (
            called(account)[0] if account and {bare, bare.removesuffix(currency or "")} & {*others} else account_number
        )

    def owner(self, number: str | None, currency: str) -> Owner:
        """Find whose a line is, remembering accounts that nobody declared."""
        found, known = owner_of(self.workspace, self.source, number, currency)
        if not known:
            self.unknown[number, currency] = None
        return found


def fault_of_ours(row: Any, error: Exception) -> str:
    """Name the delivery and the place; what the error says itself may hold what is in the file."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{type(error).__name__} at {Path(frame.filename).name} line {frame.lineno}"
    waits = "it is kept, waits as landed in `tieout deliveries`, and the next `tieout ingest` tries it again"
    stands = "what it brought before stands"
    return (
        f"{row.name} (delivery {row.delivery_id[:12]}): a fault of tieout itself while it was read ({place}):"
        f" {waits if row.state == 'landed' else stands}; run it again with --debug to see more, and report it"
    )
