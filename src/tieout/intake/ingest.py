"""
What `tieout ingest` does: finds each file's source, lands it, and makes its facts true.
"""

from __future__ import annotations

import tomllib
from contextlib import suppress
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tieout.errors import BadInput, Broken, Rejected, TieoutError, WrongUse
from tieout.intake.accept import accept
from tieout.intake.reader import HEAD_BYTES, reader_for
from tieout.intake.receive import kept_name, landed, receive
from tieout.intake.work import Outcome
from tieout.store import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tieout.config import Source, Workspace
    from tieout.formats.reading import Head
    from tieout.store.workplace import Store

__all__ = [
    "check_before",
    "expected_files",
    "ingest_file",
    "ingest_landed",
    "known",
    "source_for",
    "unclaimed_files",
    "with_takers",
]


def expected_files(workspace: Workspace) -> list[tuple[Source, Path]]:
    """
    List the files that wait at the sources' paths, by source and name; no file there is not an error.

    A path that is a folder means the files in it. Hidden files, and those in hidden folders (a leading dot), are nobody's,
    unless the path itself names them so.

    :raises WrongUse: a path is no pattern.
    """
    found = []
    for source in workspace.sources:
        if source.path is None:
            continue
        pattern = Path(source.path)
        if (workspace.folder / pattern).is_dir():
            pattern /= "*"
        folder = Path(pattern.anchor) if pattern.is_absolute() else workspace.folder
        relative = str(pattern.relative_to(pattern.anchor)) if pattern.is_absolute() else str(pattern)
        try:
            files = [path for path in sorted(folder.glob(relative)) if path.is_file()]
        except (ValueError, OSError) as error:
            message = (
                f"tieout.toml, source {source.id!r}: expected a path such as inbox/*.csv, got {source.path!r}: {error}"
            )
            raise WrongUse(message) from None
        found += [(source, path) for path in files if not _is_hidden(path.relative_to(folder), Path(relative))]
    return found


def _is_hidden(path: Path, pattern: Path | None = None) -> bool:
    """Whether a file, or a folder that it lies in, is hidden and no pattern names it so."""
    asked = [part for part in pattern.parts if part.startswith(".")] if pattern else []
    hidden = (part for part in path.parts if part.startswith("."))
    return any(not any(fnmatchcase(part, one) for one in asked) for part in hidden)


def source_for(workspace: Workspace, path: Path) -> Source:
    """
    Find the source that a file belongs to: by the sources' paths, else by what the file is.

    :raises WrongUse: there is no such file, or it is a pipe that no source's path names.
    :raises BadInput: none takes it, or several do.
    """
    _check_file(path)
    resolved = path.resolve()
    by_path = [source for source, file in expected_files(workspace) if file.resolve() == resolved]
    if len(by_path) == 1:
        return by_path[0]
    fitting = by_path or [source for source in workspace.sources if source.connector is None]
    if not path.is_file():
        message = f"{_named(path)}: expected --source ID, since a pipe can be read only once, got none"
        raise WrongUse(message)
    taking = [source for source in fitting if _takes(workspace, source, path)]
    if len(taking) == 1:
        return taking[0]
    known = ", ".join(source.id for source in taking or fitting) or "none"
    how = "several sources take it" if taking else f"{_looks(path)}, and no source of tieout.toml takes it"
    message = f"{_named(path)}: {how} ({known}): say which with --source"
    raise BadInput(message)


def check_before(workspace: Workspace, waiting: Sequence[tuple[Source | None, Path]]) -> None:
    """
    Refuse what is wrong with the files' names or with a mapping, before any of the files is kept.

    :raises WrongUse: a file is not there, or a source that may take one has a fault and no other takes it.
    """
    for source in {source.id: source for source, _ in waiting if source is not None}.values():
        reader_for(workspace, source)
    for _, path in waiting:
        _check_file(path)
    unnamed = [path for source, path in waiting if source is None]
    if unnamed and (faults := _faults(workspace)):
        others = [s for s in workspace.sources if s.connector is None]
        if not all(path.is_file() and any(_takes(workspace, s, path) for s in others) for path in unnamed):
            raise faults[0]
    for named, path in waiting:
        if not path.is_file():  # a pipe can be read but once
            continue
        for one in workspace.sources:
            if one.mapping is not None and (named == one or (named is None and _takes(workspace, one, path))):
                _check_columns(workspace, one, path)


def _check_columns(workspace: Workspace, source: Source, path: Path) -> None:
    """Refuse what only the columns of a file show to be wrong with a source's mapping."""
    from tieout.formats.tabular import MappingFormat, check_columns

    with suppress(BadInput):  # said when the file is read
        reader = reader_for(workspace, source).format
        if isinstance(reader, MappingFormat):
            check_columns(reader.mapping, _heads(path))


def _faults(workspace: Workspace) -> list[WrongUse]:
    """List what is wrong with the mappings of sources."""
    found = []
    for source in workspace.sources:
        if source.connector is None:
            try:
                reader_for(workspace, source)
            except WrongUse as error:
                found.append(error)
    return found


def _named(path: Path) -> str:
    return kept_name(str(path))


def _check_file(path: Path) -> None:
    try:
        is_file, is_folder = path.is_file(), path.is_dir()
    except OSError as error:  # a name that is too long, a folder that may not be looked into
        message = f"{_named(path)}: expected a file that can be read, got {error.strerror}"
        raise WrongUse(message) from None
    if is_folder:
        message = f"{_named(path)}: expected a file, got a folder: name its files, such as {_named(path / '*')}"
        raise WrongUse(message)
    if not is_file and not path.exists():
        message = f"{_named(path)}: expected a file that can be read, got no such file"
        raise WrongUse(message)


def with_takers(workspace: Workspace, outcome: Outcome, path: Path) -> Outcome:
    """Say of a refused file which other sources would take it: it may only lie in the wrong folder."""
    if not path.is_file():  # a pipe is empty now, and would be waited for
        return outcome
    others = [s for s in workspace.sources if s.connector is None and s.id != outcome.source_id]
    return replace(outcome, taken_by=tuple(s.id for s in others if _takes(workspace, s, path)))


def unclaimed_files(workspace: Workspace) -> list[Path]:
    """List the files in inbox/ that no source looks for: nobody would count them; hidden ones are nobody's."""
    looked_for = {path.resolve() for _, path in expected_files(workspace)}
    inbox = workspace.folder / "inbox"
    return [
        path
        for path in sorted(inbox.rglob("*"))
        if path.is_file() and path.resolve() not in looked_for and not _is_hidden(path.relative_to(inbox))
    ]


def _looks(path: Path) -> str:
    """Say what a file is, or why it cannot be told."""
    from tieout.formats._appearance import appearance

    try:
        return next((f"it is {appearance(head)}" for head in _heads(path)), "it holds no file")
    except BadInput as error:
        return str(error)


def _takes(workspace: Workspace, source: Source, path: Path) -> bool:
    """Say whether a source's format knows a file; one whose mapping has a fault takes none."""
    try:
        reader = reader_for(workspace, source)
        return any(reader.format.identify(head) is not None for head in _heads(path))
    except (BadInput, WrongUse):
        return False


def _heads(path: Path) -> Iterator[Head]:
    """Give the beginning of a file, or of each file in it."""
    from tieout.formats.containers import open_members
    from tieout.formats.reading import Head

    with path.open("rb") as file:
        name = kept_name(path.name)
        for member, stream in open_members(file, name):
            yield Head(member or name, stream.read(HEAD_BYTES))


def ingest_landed(
    store: Store, workspace: Workspace, progress: Callable[[str, int], None] = lambda _name, _rows: None
) -> Iterator[Outcome | TieoutError]:
    """Finish what an earlier run kept and could not read to its end; what still cannot be read stays kept."""
    for delivery_id in landed(store):
        try:
            outcome = accept(store, workspace, delivery_id, lambda rows: progress("what an earlier run left", rows))
        except (Rejected, Broken) as error:
            yield error
            continue
        if outcome is not None:
            yield outcome


def ingest_file(
    store: Store,
    workspace: Workspace,
    source: Source,
    path: Path,
    progress: Callable[[str, int], None] = lambda _name, _rows: None,
) -> Outcome:
    """
    Land one file and make its facts true; the same bytes again change nothing.

    :raises WrongUse: there is no such file, or the source's format or mapping has a fault; nothing was landed.
    """
    reader_for(workspace, source)
    try:
        file = path.open("rb")
    except OSError as error:
        message = f"{_named(path)}: expected a file that can be read, got {error.strerror}"
        raise WrongUse(message) from None
    with file:
        received = receive(store, source.id, file, path.name)
    name = kept_name(path.name)
    if received.state == "landed":
        outcome = accept(store, workspace, received.delivery_id, lambda rows: progress(name, rows))
        if outcome is not None:
            others = _accepted_under(store, outcome) if outcome.state == "accepted" and outcome.rows_new else ()
            return replace(
                outcome,
                repeat=received.repeat,
                also_under=others,
                mapping_changed=_mapping_changed(store, outcome),
                encoding_changed=_encoding_changed(store, outcome),
            )
    return replace(known(store, received.delivery_id), name=name)


def _accepted_under(store: Store, outcome: Outcome) -> tuple[str, ...]:
    """Name the other sources that the same bytes were accepted for: a person may have named the wrong one, or renamed it."""
    one, other = schema.delivery.alias(), schema.delivery.alias()
    with store.book.reading() as connection:
        every = connection.scalars(sa.select(one.c.source_id).distinct()).all()  # as the index is sorted
        same = (
            sa.select(other.c.source_id)
            .join_from(one, other, one.c.fingerprint == other.c.fingerprint)
            .where(one.c.delivery_id == outcome.delivery_id, other.c.source_id.in_({*every} - {outcome.source_id}))
            .where(other.c.state == "accepted")
            .order_by(other.c.source_id)
        )
        return tuple(connection.scalars(same))


def _mapping_changed(store: Store, outcome: Outcome) -> bool:
    """Say whether the delivery that its source brought before was last read with another mapping."""
    commit, delivery = schema.ledger_commit, schema.delivery
    read = (
        sa.select(commit.c.reader_digest)
        .join(delivery, delivery.c.delivery_id == commit.c.delivery_id)
        .where(delivery.c.source_id == outcome.source_id, commit.c.reader_digest.is_not(None))
        .order_by(commit.c.version.desc())
        .limit(2)
    )
    with store.book.reading() as connection:
        return len(set(connection.scalars(read))) > 1


def _encoding_changed(store: Store, outcome: Outcome) -> bool:
    """Say whether tieout.toml named another code page when what its source brought before was last read."""
    commit, delivery, kept = schema.ledger_commit, schema.delivery, schema.text_version
    read = (
        sa.select(kept.c.body)
        .join_from(commit, delivery, delivery.c.delivery_id == commit.c.delivery_id)
        .join(kept, kept.c.digest == commit.c.config_digest)
        .where(delivery.c.source_id == outcome.source_id)
        .order_by(commit.c.version.desc())
        .limit(2)
    )
    with store.book.reading() as connection:
        texts = set(connection.scalars(read))
    named = {
        source.get("encoding")
        for text in texts
        for source in tomllib.loads(text).get("source", ())
        if source.get("id") == outcome.source_id
    }
    return len(named) > 1


def known(store: Store, delivery_id: str) -> Outcome:
    """Describe a delivery that came before (or that another process just accepted)."""
    table = schema.delivery
    with store.book.reading() as connection:
        row = connection.execute(sa.select(table).where(table.c.delivery_id == delivery_id)).one()
    return Outcome(
        delivery_id=delivery_id,
        name=row.name,
        source_id=row.source_id,
        state=row.state,
        format=row.format,
        reason=row.reason,
        repeat=True,
    )
