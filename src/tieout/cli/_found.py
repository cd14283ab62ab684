"""
What a workspace's facts say in a few lines: what came in, what closes, what needs a person.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tieout.config import Workspace
    from tieout.observe.snapshot import Snapshot
    from tieout.store.workplace import Store

__all__ = ["Found", "SourceFound", "found_in"]

#: The most rows of quarantine that are read one by one.
_QUARANTINE_MAX = 1_000


@dataclass(slots=True)
class SourceFound:
    """What one source delivered; rows = new + known already + quarantined + skipped."""

    source: str
    files: int = 0
    rows: int = 0
    new: int = 0
    known: int = 0
    quarantined: int = 0
    skipped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """
    What was found.

    :ivar statements: booked statements of banks; ``statements_closing``: those that close.
    :ivar settlements: batches with a payout; ``settlements_closing``: those that add up to it.
    :ivar exceptions, quarantined: one sentence each.
    """

    company: str
    sources: list[SourceFound] = field(default_factory=list)
    statements: int = 0
    statements_closing: int = 0
    settlements: int = 0
    settlements_closing: int = 0
    exceptions: list[str] = field(default_factory=list)
    quarantined: list[str] = field(default_factory=list)

    @property
    def files(self) -> int:
        """How many files came in and could be read."""
        return sum(source.files for source in self.sources)

    @property
    def repeats(self) -> int:
        """How many rows told of something that was known already."""
        return sum(source.known for source in self.sources)

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON values."""
        return asdict(self) | {"files": self.files, "repeats": self.repeats}


def found_in(store: Store, workspace: Workspace) -> Found:
    """Gather what the facts say now, in one reading of the book."""
    from tieout.observe.snapshot import take_snapshot

    snapshot = take_snapshot(store, workspace, wanted=("deliveries", "statements", "exceptions", "settled"))
    booked = [row for row in snapshot.statements.to_pylist() if row["final"]]
    exceptions = [row for row in snapshot.exceptions.to_pylist() if row["state"] == "open"]
    names = {row["delivery_id"]: row["name"] for row in snapshot.deliveries.to_pylist()}
    settlements, quarantined = _in_the_lake(store, snapshot)
    open_batches = {row["scope"] for row in exceptions if row["reason"] == "balance_difference"}
    return Found(
        company=workspace.name,
        sources=_sources(workspace, snapshot),
        statements=len(booked),
        statements_closing=sum(row["closes"] is True for row in booked),
        settlements=settlements,
        settlements_closing=settlements - sum(scope.startswith("settlement ") for scope in open_batches),
        exceptions=[row["note"] for row in exceptions],
        quarantined=[f"{names[delivery]}: {message}" for delivery, message in quarantined],
    )


def _sources(workspace: Workspace, snapshot: Snapshot) -> list[SourceFound]:
    found = {source.id: SourceFound(source.id) for source in workspace.sources}
    for row in snapshot.deliveries.to_pylist():
        if row["state"] == "accepted":
            source = found.setdefault(row["source_id"], SourceFound(row["source_id"]))
            source.files += 1
            source.rows += row["rows_in"]
            source.new += row["rows_new"]
            source.known += row["rows_repeated"]
            source.quarantined += row["rows_quarantined"]
            source.skipped += row["rows_skipped"]
    return list(found.values())


def _in_the_lake(store: Store, snapshot: Snapshot) -> tuple[int, list[tuple[str, str]]]:
    """Count the settlements that have a payout, and list the rows in quarantine as (delivery, sentence)."""
    from tieout.observe.exporting.exports import prepare
    from tieout.observe.exporting.relations import quarantine_relation
    from tieout.store.engine import connect
    from tieout.store.views import current_records

    lake, files = store.lake, snapshot.files
    records = current_records(lake, files["records"], files["superseded"])
    rows = quarantine_relation(lake, snapshot)
    store.spill.mkdir(parents=True, exist_ok=True)
    with closing(connect(store.spill)) as con:
        prepare(con, snapshot)
        ((settlements,),) = con.execute(
            f"select count(distinct (account_id, settlement_id)) from {records} where kind = 'payout'"  # noqa: S608 - relations of our own
            " and settlement_id is not null"
        ).fetchall()
        quarantined = con.execute(
            f"select delivery_id, message from {rows} where severity = 'row' and settled is null"  # noqa: S608 - relations of our own
            f' order by sequence, line, "column" limit {_QUARANTINE_MAX}'
        ).fetchall()
    return settlements, quarantined
