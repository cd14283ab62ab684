"""
Performing everything again, from the landed bytes, and comparing: what an auditor calls re-performance.

Needs the book and the landing only: the lake may be gone. A scratch workspace repeats every commit in its order, each
with the tieout.toml and the mapping that it was made with, and each must give the digest that the book holds.
"""

from __future__ import annotations

import datetime as dt
import tempfile
import tomllib
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tieout.clock import FixedClock
from tieout.config import FILE_NAME, read_workspace
from tieout.errors import Broken, TieoutError
from tieout.intake.accept import accept
from tieout.store import schema
from tieout.store.book import check_audit, open_book
from tieout.store.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Callable

    from tieout.config import Workspace
    from tieout.store.workplace import Store

__all__ = ["Verdict", "check_files", "verify"]


@dataclass(slots=True)
class Verdict:
    """
    What a verification found.

    :ivar commits: how many commits were performed again; ``files``: how many lake files were held against their digest.
    :ivar faults: one sentence for everything that does not agree.
    :ivar erased: deliveries whose key was destroyed on purpose, which therefore cannot be performed again.
    """

    commits: int = 0
    files: int = 0
    deliveries: int = 0
    audit_entries: int = 0
    erased: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def check_files(store: Store, verdict: Verdict, *, lake: bool) -> None:
    """
    Hold every landed delivery, every file of the lake and the audit log against what the book says of them.

    :param lake: False leaves the lake out (it was moved away; performing again does not need it).
    """
    with store.book.reading() as connection:
        deliveries = connection.execute(sa.select(schema.delivery).order_by(schema.delivery.c.sequence)).all()
        files = connection.execute(
            sa.select(schema.lake_file.c.path, schema.lake_file.c.sha256).order_by(schema.lake_file.c.path)
        ).all()
        try:
            verdict.audit_entries = check_audit(connection)
        except Broken as error:
            verdict.faults.append(str(error))
    for row in deliveries:
        if row.wrapped_key is None:
            verdict.erased.append(row.delivery_id)
            continue
        verdict.deliveries += 1
        _note(verdict, partial(_check_landed, store, row))
    for path, sha256 in files if lake else ():
        verdict.files += 1
        _note(verdict, partial(store.lake.check, path, sha256))


def _note(verdict: Verdict, check: Callable[[], None]) -> None:
    try:
        check()
    except TieoutError as error:
        verdict.faults.append(str(error))


def _check_landed(store: Store, row: Any) -> None:
    import hashlib

    with store.landing.open(row.path, store.vault.unwrap(row.wrapped_key), row.bytes) as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type] # a BinaryIO has readinto
    if found != row.sha256:
        message = f"delivery {row.delivery_id} ({row.name}): expected sha256 {row.sha256}, got {found}"
        raise Broken(message)


def verify(
    store: Store, workspace: Workspace, progress: Callable[[int, int], None] = lambda _done, _of: None
) -> Verdict:
    """
    Check every file, then perform every commit again in a scratch workspace and compare the digests.

    :param progress: hears (commits done, of how many).
    """
    verdict = Verdict()
    check_files(store, verdict, lake=store.lake.root.is_dir())
    commit = schema.ledger_commit
    with store.book.reading() as connection:
        commits = connection.execute(sa.select(commit).order_by(commit.c.version)).all()
        texts = {row.digest: row.body for row in connection.execute(sa.select(schema.text_version))}
    with (
        tempfile.TemporaryDirectory(prefix="tieout-verify-") as folder,
        closing(_scratch(store, Path(folder))) as scratch,
    ):
        for done, row in enumerate(commits, 1):
            try:
                _repeat(store, scratch, workspace, row, texts, Path(folder))
                _compare(scratch, row)
            except TieoutError as error:
                verdict.faults.append(f"commit {row.version} ({row.kind} of delivery {row.delivery_id}): {error}")
                break  # what follows rests on it
            verdict.commits += 1
            progress(done, len(commits))
        if not verdict.faults:
            verdict.faults += _differences(store, scratch)
    return verdict


def _differences(store: Store, scratch: Store) -> list[str]:
    """Hold what the book says now against what performing everything again wrote."""
    found = []
    for table in (schema.lake_file, schema.statement, schema.exception):
        now, again = _content(store, table), _content(scratch, table)
        if now != again:
            gone, extra = len(again - now), len(now - again)
            found.append(
                f"the book's table {table.name} was changed: {gone} row(s) are missing or differ, {extra} too many"
            )
    return found


def _content(store: Store, table: sa.Table) -> set[tuple[object, ...]]:
    """Give the committed rows of a table, without what differs from one machine or moment to another."""
    commit = schema.ledger_commit
    query = sa.select(table)
    if "token" in table.c:
        query = sa.select(table, commit.c.version).join(commit, commit.c.token == table.c.token)
    beside = {"token", "path", "sha256", "bytes", "sibling", "opened_at"}
    with store.book.reading() as connection:
        rows = connection.execute(query).mappings().all()
    return {tuple(value for name, value in row.items() if name not in beside) for row in rows}


def _scratch(store: Store, folder: Path) -> Store:
    """Make empty stores beside the real landing."""
    return replace(
        store,
        book=open_book(f"sqlite:///{folder / 'book.db'}"),
        lake=Lake(folder / "lake", store.entropy.token_bytes),
        spill=folder / "spill",
    )


def _repeat(
    store: Store,
    scratch: Store,
    workspace: Workspace,
    row: Any,
    texts: dict[str, str],
    folder: Path,
) -> None:
    """Perform one commit again, as it was performed."""
    past = _workspace_of(row, texts, folder, workspace)
    with store.book.reading() as connection:
        table = schema.delivery
        delivery = connection.execute(sa.select(table).where(table.c.delivery_id == row.delivery_id)).mappings().one()
    if delivery["wrapped_key"] is None:
        message = "its key was destroyed: it cannot be performed again"
        raise Broken(message)
    at = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=row.at)
    then = replace(scratch, clock=FixedClock(at), actor=row.actor)
    with then.book.writing() as connection:
        known = sa.select(table.c.delivery_id).where(table.c.delivery_id == row.delivery_id)
        if connection.execute(known).first() is None:
            fresh = {
                name: value
                for name, value in delivery.items()
                if not name.startswith("rows_") and name not in {"version", "format", "created_at", "reason"}
            }
            connection.execute(sa.insert(table).values(**fresh | {"state": "landed"}))
    reason = row.reason if row.kind.startswith("replay") else None
    accept(then, past, row.delivery_id, replay=reason, reader_text=texts.get(row.reader_digest or ""))


def _workspace_of(row: Any, texts: dict[str, str], folder: Path, today: Workspace) -> Workspace:
    """Build the workspace as it was: the tieout.toml of that commit, with the mapping of that commit in its place."""
    text = texts[row.config_digest]
    place = folder / "workspaces" / f"{row.config_digest[:16]}-{(row.reader_digest or '')[:16]}"
    place.mkdir(parents=True, exist_ok=True)
    (place / FILE_NAME).write_text(text, encoding="utf-8")
    for source in tomllib.loads(text).get("source", []):
        # Only below the scratch folder: a path that leads elsewhere is the user's own file.
        mapping = (place / source.get("mapping", "/")).resolve()
        if mapping.is_relative_to(place.resolve()):
            mapping.parent.mkdir(parents=True, exist_ok=True)
            mapping.write_text(texts.get(row.reader_digest or "", ""), encoding="utf-8")
    for folder_name in ("calendars", "rules"):
        if (today.folder / folder_name).is_dir() and not (place / folder_name).exists():
            (place / folder_name).symlink_to(today.folder / folder_name)
    return read_workspace(text, place, {"TIEOUT_NAME": today.name, "TIEOUT_BASE_CURRENCY": today.base_currency})


def _compare(scratch: Store, row: Any) -> None:
    commit = schema.ledger_commit
    with scratch.book.reading() as connection:
        found = connection.scalar(sa.select(commit.c.digest).where(commit.c.version == row.version))
    if found != row.digest:
        got = "nothing" if found is None else f"digest {found[:16]}"
        message = f"expected digest {row.digest[:16]}, performing it again gave {got}"
        raise Broken(message)
