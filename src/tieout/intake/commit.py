"""
The one transaction that makes a change of the facts true.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tieout.errors import Broken
from tieout.intake.findings import Scopes, to_write
from tieout.store import schema
from tieout.store.beforehand import ROWS_AT_ONCE, remove_beforehand, shown, write_beforehand
from tieout.store.book import append_audit
from tieout.store.runs import program

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tieout.config import Workspace
    from tieout.intake.reader import Reader
    from tieout.store.lake import LakeFile
    from tieout.store.workplace import Store

__all__ = ["AlreadyDoneError", "Change", "MovedError", "commit", "digest_of", "facts_version", "standing_digest"]


class MovedError(Exception):
    """Somebody else committed since the facts were read: decide again on the newer ones."""


class AlreadyDoneError(Exception):
    """Somebody else accepted this delivery meanwhile: nothing is left to do."""


@dataclass(slots=True, kw_only=True)
class Change:
    """
    Everything that one commit writes.

    :ivar kind: accept, refuse, either of a replay, or withdraw.
    :ivar expected: the version of the facts that it was decided on.
    :ivar workspace, reader: whose texts it rests on.
    :ivar replaced: paths of lake files that this change takes out.
    :ivar delivery: new values of the delivery's row.
    """

    kind: str
    delivery_id: str
    expected: int
    workspace: Workspace
    reader: Reader
    files: list[LakeFile] = field(default_factory=list)
    statements: list[dict[str, Any]] = field(default_factory=list)
    scopes: Scopes = field(default_factory=Scopes)
    delivery: dict[str, Any] = field(default_factory=dict)
    replaced: list[str] = field(default_factory=list)
    from_states: tuple[str, ...] = ("landed",)
    reason: str | None = None


def facts_version(connection: sa.Connection) -> int:
    """Give the version of the facts: how many commits there are."""
    head = schema.head
    return connection.scalar(sa.select(head.c.version).where(head.c.name == "facts")) or 0


def commit(store: Store, change: Change) -> int:
    """
    Make a change true, or leave everything as it was.

    :return: the new version of the facts.
    :raises MovedError: the facts are not those that the change was decided on.
    :raises AlreadyDoneError: the delivery is not in a state that the change starts from.
    """
    token = store.entropy.token_bytes(12).hex()
    texts = change.workspace.named_texts()
    with store.book.reading() as connection:
        exceptions = to_write(connection, change.scopes, token, store.now_us())
    statements = [{**row, "token": token, "position": i} for i, row in enumerate(change.statements)]
    early = len(exceptions) + len(statements) > ROWS_AT_ONCE
    if early:
        write_beforehand(
            store.book, token, store.now_us(), {schema.exception: exceptions, schema.statement: statements}
        )
    try:
        with store.book.writing() as connection:
            _check(connection, change)
            if early:
                shown(connection, token)
            else:
                _insert(connection, schema.exception, exceptions)
                _insert(connection, schema.statement, statements)
            return _write(store, connection, change, token, exceptions, texts)
    except (AlreadyDoneError, MovedError):
        if early:
            remove_beforehand(store.book, token)
        raise


def _check(connection: sa.Connection, change: Change) -> None:
    table = schema.delivery
    state = connection.scalar(sa.select(table.c.state).where(table.c.delivery_id == change.delivery_id))
    if state not in change.from_states:
        raise AlreadyDoneError
    last = connection.scalar(sa.select(sa.func.max(schema.ledger_commit.c.version))) or 0
    if (version := facts_version(connection)) != last:
        message = (
            f"the head of the facts says {version}, and the last commit is {last}: `tieout verify` says what is missing"
        )
        raise Broken(message)
    if version != change.expected:
        raise MovedError


def _write(
    store: Store,
    connection: sa.Connection,
    change: Change,
    token: str,
    exceptions: list[dict[str, Any]],
    texts: dict[str, str],
) -> int:
    version = change.expected + 1
    brought = ((file.table_name, file.rows, file.digest) for file in change.files)
    digest = _digest(brought, change.statements, exceptions, change.delivery)
    files = [{**asdict(file), "version": version} for file in change.files]
    _insert(connection, schema.lake_file, files)
    lake_file = schema.lake_file
    for path in change.replaced:
        connection.execute(sa.update(lake_file).where(lake_file.c.path == path).values(removed_version=version))
    row: dict[str, Any] = {
        "version": version,
        "token": token,
        "kind": change.kind,
        "delivery_id": change.delivery_id,
        "at": store.now_us(),
        "actor": store.actor,
        "reason": change.reason,
        "config_digest": _keep_text(connection, "tieout.toml", change.workspace.text),
        "reader_digest": _keep_text(connection, "mapping", change.reader.text),
        "program": program(),
        "digest": digest,
        "texts_digest": _keep_texts(connection, change.workspace, texts),
    }
    connection.execute(sa.insert(schema.ledger_commit).values(row))
    table = schema.delivery
    mine = sa.update(table).where(table.c.delivery_id == change.delivery_id)
    connection.execute(mine.values(**change.delivery, version=version))
    _advance(connection, change.expected)
    body = {
        "version": version,
        "config": row["config_digest"],
        "reader": row["reader_digest"],
        "texts": row["texts_digest"],
        "digest": digest,
        "token": token,
        "program": row["program"],
        "delivery": {**change.delivery, "version": version},
        "files": [{k: f[k] for k in ("table_name", "path", "rows", "sha256", "digest")} for f in files],
    }
    append_audit(
        connection,
        at=row["at"],
        actor=store.actor,
        action=change.kind,
        subject=f"delivery {change.delivery_id}",
        reason=change.reason,
        body=body,
    )
    return version


def _advance(connection: sa.Connection, expected: int) -> None:
    """Compare and swap the head; the write lock makes it certain, this makes it provable."""
    head = schema.head
    if expected == 0 and connection.scalar(sa.select(head.c.version).where(head.c.name == "facts")) is None:
        connection.execute(sa.insert(head).values(name="facts", version=1))
        return
    swapped = sa.update(head).where(head.c.name == "facts", head.c.version == expected).values(version=expected + 1)
    if connection.execute(swapped).rowcount != 1:
        message = f"the head of the facts moved from {expected} inside a write transaction"
        raise Broken(message)


def _keep_text(connection: sa.Connection, kind: str, text: str | None) -> str | None:
    """Keep the exact text that a result rests on, once."""
    if text is None:
        return None
    digest = digest_of(text)
    if not _is_kept(connection, digest):
        connection.execute(sa.insert(schema.text_version).values(digest=digest, kind=kind, body=text))
    return digest


def _keep_texts(connection: sa.Connection, workspace: Workspace, texts: dict[str, str]) -> str:
    """Keep the texts of all files that tieout.toml names, and one that lists them; nothing where that stands already."""
    listed = {"files": {path: digest_of(text) for path, text in texts.items()}, "environment": workspace.overrides}
    body = json.dumps(listed, sort_keys=True, ensure_ascii=False)
    digest = digest_of(body)
    if not _is_kept(connection, digest):
        for path, text in sorted(texts.items()):
            _keep_text(connection, Path(path).parent.name or "file", text)
        _keep_text(connection, "workspace", body)
    return digest


def _is_kept(connection: sa.Connection, digest: str) -> bool:
    table = schema.text_version
    return connection.scalar(sa.select(table.c.digest).where(table.c.digest == digest)) is not None


def digest_of(text: str) -> str:
    """Name a text by its content."""
    return hashlib.sha256(text.encode()).hexdigest()


def standing_digest(connection: sa.Connection, commit: Any, delivery: Mapping[str, Any]) -> str:
    """
    Digest what the book holds of a commit: the commit's own digest, where nothing of it was changed since.

    :param commit: its row.
    :param delivery: what it said of its delivery, as the audit log has it.
    """
    file = schema.lake_file
    files = connection.execute(
        sa.select(file.c.table_name, file.c.rows, file.c.digest).where(file.c.version == commit.version)
    )

    def rows(table: sa.Table, *order: sa.ColumnElement[Any]) -> list[dict[str, Any]]:
        mine = sa.select(table).where(table.c.token == commit.token).order_by(*order)
        return [dict(row) for row in connection.execute(mine).mappings()]

    statements = rows(schema.statement, schema.statement.c.position)
    return _digest((tuple(row) for row in files), statements, rows(schema.exception), delivery)


def _digest(
    files: Iterable[tuple[str, int, str]],
    statements: Iterable[Mapping[str, Any]],
    exceptions: Iterable[Mapping[str, Any]],
    delivery: Mapping[str, Any],
) -> str:
    """
    Digest what a commit brings, without names of files, tokens and times of this machine.

    :param files: table, rows and digest of each.
    """
    said = {
        "files": sorted(files),
        "statements": [{k: v for k, v in s.items() if k not in {"token", "position"}} for s in statements],
        "exceptions": [
            {k: v for k, v in e.items() if k not in {"token", "opened_at"}}
            for e in sorted(exceptions, key=lambda e: (e["exception_id"], e["state"]))
        ],
        # What its files are known by follows from its bytes.
        "delivery": {k: v for k, v in delivery.items() if not isinstance(v, bytes) and k != "member_fingerprints"},
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


def _insert(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(sa.insert(table), rows)
