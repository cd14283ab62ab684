"""
Performing everything again, from the landed bytes, and comparing: what an auditor calls re-performance.

Needs the book and the landing only: the lake and every file of the workspace may be gone. A scratch workspace repeats
every commit in its order, each with the texts that it was made with, and each must give the digest that the book holds.

What rests on a delivery that was erased is performed from its redacted copy, what others carried on of it included. Where that gives something else, as it must
where masked digits stand in the facts, or there is no copy, the commit is named with its tombstone, and the rows that
the book holds of it are taken over, so that all later commits are still performed.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import tempfile
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tieout.errors import Broken, TieoutError
from tieout.intake.commit import digest_of, standing_digest
from tieout.intake.comparing import differences, figures_of
from tieout.intake.kept_texts import KeptTexts, kept_texts, workspace_of
from tieout.intake.performing import Scratch
from tieout.intake.rebuild import rebuild_files
from tieout.store import schema
from tieout.store.binding import unnamed
from tieout.store.book import check_audit
from tieout.store.bound import check_bound, is_commit
from tieout.store.runs import check_runs, program

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tieout.config import Workspace
    from tieout.store.workplace import Store

__all__ = ["Verdict", "check_files", "verify"]


@dataclass(slots=True)
class Verdict:
    """
    What a verification found.

    :ivar commits: how many commits were performed again and gave the same; ``from_copies`` of them from the redacted
        copy of a delivery that was erased. ``files``: how many lake files were held against their digest.
        ``runs``: how many runs of matching were performed again and gave the same.
    :ivar otherwise: one sentence for each commit or run that another version of the program made, that stands as it was
        made, and that this version gives otherwise: no damage. ``to_do``: what a person may do about those that count.
    :ivar not_performed: one sentence for each commit that rests on what was erased and cannot be performed again.
    :ivar erased: deliveries whose key was destroyed on purpose; ``tombstones``: a sentence for each.
    :ivar rebuilt: how many lake files were written again. ``unnamed``: a sentence about what lies there, and no row of the
        book names: the rest of a crash, or what a newer copy of the book names; it is kept.
    :ivar faults: one sentence for everything that does not agree.
    """

    commits: int = 0
    from_copies: int = 0
    runs: int = 0
    files: int = 0
    deliveries: int = 0
    audit_entries: int = 0
    rebuilt: int = 0
    unnamed: list[str] = field(default_factory=list)
    otherwise: list[str] = field(default_factory=list)
    to_do: list[str] = field(default_factory=list)
    not_performed: list[str] = field(default_factory=list)
    erased: list[str] = field(default_factory=list)
    tombstones: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def _unheard(_what: str, _done: int, _of: int) -> None:
    """Hear of progress, and tell nobody."""


def check_files(store: Store, verdict: Verdict, progress: Callable[[str, int, int], None] = _unheard) -> None:
    """
    Hold landed deliveries, files of the lake, kept texts and the audit log against what the book says.

    :param progress: hears how many deliveries and lake files are done: (what, done, of how many).
    """
    _check_kept(store, verdict, progress)
    verdict.faults += _about_lake(store, _check_lake(store, verdict, progress))


def _check_lake(store: Store, verdict: Verdict, progress: Callable[[str, int, int], None]) -> dict[str, str]:
    """Hold every file of the lake against its digest: {path: a sentence} of those that are not there or differ."""
    wrong = {}
    with store.book.reading() as connection:
        files = [
            row
            for table in (schema.lake_file, schema.run_file)
            for row in connection.execute(sa.select(table.c.path, table.c.sha256).order_by(table.c.path)).all()
        ]
    for done, (path, sha256) in enumerate(files, 1):
        try:
            store.lake.check(path, sha256)
            verdict.files += 1
        except TieoutError as error:
            wrong[path] = str(error)
        progress("lake files", done, len(files))
    return wrong


def _about_lake(store: Store, wrong: Mapping[str, str]) -> list[str]:
    """Tell of a lake that is gone in one sentence, else of each file."""
    if not wrong or store.lake.root.is_dir():
        return list(wrong.values())
    message = (
        f"the lake {store.lake.root} is missing: expected {len(wrong)} files there; restore it, or write it again from"
        " landing: `tieout verify --rebuild`"
    )
    return [message]


def _check_kept(store: Store, verdict: Verdict, progress: Callable[[str, int, int], None]) -> None:
    """Check everything but the lake."""
    text = schema.text_version
    with store.book.reading() as connection:
        deliveries = _deliveries(connection)
        verdict.faults += check_runs(connection)
        verdict.faults += check_bound(connection, store.landing.fingerprints)
        changed = [row.digest for row in connection.execute(sa.select(text)) if digest_of(row.body) != row.digest]
        try:
            verdict.audit_entries = check_audit(connection)
        except Broken as error:
            verdict.faults.append(str(error))
        graves = _graves(connection)
    verdict.faults += [f"the text {digest[:16]} that the book keeps was changed" for digest in sorted(changed)]
    for done, row in enumerate(deliveries.values(), 1):
        if row["wrapped_key"] is not None:
            verdict.deliveries += 1
            _note(verdict, partial(_check_landed, store, row))
        elif row["delivery_id"] in graves:
            verdict.erased.append(row["delivery_id"])
            verdict.tombstones.append(_tombstone(row, graves[row["delivery_id"]], _copy_of(row, deliveries)))
        else:
            named = f"delivery {row['delivery_id']} ({row['name']})"
            verdict.faults.append(f"{named} has no key, and no entry of the audit log says who destroyed it and why")
        progress("deliveries", done, len(deliveries))
    if found := unnamed(store.book, store.landing.root, store.lake.root):
        some = ", ".join([*found.landing, *found.lake][:3])
        verdict.unnamed.append(
            f"{len(found.landing)} landed deliveries and {len(found.lake)} lake files are not named by this book, and are"
            f" kept: the rest of a command that was killed, or what another copy of the book names ({some})"
        )


def _deliveries(connection: sa.Connection) -> dict[str, Mapping[str, Any]]:
    query = sa.select(schema.delivery).order_by(schema.delivery.c.sequence)
    return {row["delivery_id"]: dict(row) for row in connection.execute(query).mappings()}


def _graves(connection: sa.Connection) -> dict[str, str]:
    """Say when, by whom and why deliveries were erased, as the audit log has it."""
    log = schema.audit
    rows = connection.execute(sa.select(log).where(log.c.action == "erase").order_by(log.c.sequence)).all()
    return {
        row.subject.removeprefix("delivery "): f"erased on {_day(row.at)} by {row.actor} because {row.reason}"
        for row in rows
    }


def _said(connection: sa.Connection) -> dict[int, Mapping[str, Any]]:
    """Give what each commit said of its delivery, by its version, as the audit log has it; early entries do not."""
    log = schema.audit
    found: dict[int, Mapping[str, Any]] = {}
    for row in connection.execute(sa.select(log.c.action, log.c.body).order_by(log.c.sequence)):
        if is_commit(row.action) and "delivery" in (body := json.loads(row.body)):
            found[body["version"]] = {name: value for name, value in body["delivery"].items() if name != "version"}
    return found


def _masked(connection: sa.Connection) -> dict[int, str]:
    """Name the commits of which files were masked when a delivery was erased, their own or another, and that delivery."""
    log, file = schema.audit, schema.lake_file
    versions = {row.path: row.version for row in connection.execute(sa.select(file.c.path, file.c.version))}
    found: dict[int, str] = {}
    for row in connection.execute(sa.select(log.c.subject, log.c.body).where(log.c.action == "erase")):
        for swap in json.loads(row.body).get("redacted", []):
            if (version := versions.get(swap["path"])) is not None:
                found[version] = row.subject.removeprefix("delivery ")
    return found


def _day(at: int) -> dt.date:
    return (dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=at)).date()


def _copy_of(row: Mapping[str, Any], deliveries: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Find the redacted copy of an erased delivery, or the copy of that one; None where there is none to read."""
    for other in deliveries.values():
        if other["redacts"] == row["delivery_id"]:
            return other if other["wrapped_key"] is not None else _copy_of(other, deliveries)
    return None


def _tombstone(row: Mapping[str, Any], grave: str, copy: Mapping[str, Any] | None) -> str:
    kept = f"its redacted copy is delivery {copy['delivery_id']}" if copy else "there is no redacted copy"
    return f"delivery {row['delivery_id']} ({row['name']}, fingerprint {row['fingerprint']}): {grave}; {kept}"


def _note(verdict: Verdict, check: Callable[[], None]) -> None:
    try:
        check()
    except TieoutError as error:
        verdict.faults.append(str(error))


def _check_landed(store: Store, row: Mapping[str, Any]) -> None:
    with store.landing.open(row["path"], store.vault.unwrap(row["wrapped_key"]), row["bytes"]) as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type] # a BinaryIO has readinto
    found, expected = store.landing.fingerprints.of(sha256), row["fingerprint"]
    if found != expected:
        message = f"delivery {row['delivery_id']} ({row['name']}): expected the fingerprint {expected}, got {found}"
        raise Broken(message)


def verify(
    store: Store,
    workspace: Workspace,
    progress: Callable[[str, int, int], None] = _unheard,
    afterwards: Callable[[Store, Path, Verdict], None] = lambda _scratch, _folder, _verdict: None,
    *,
    rebuild: bool = False,
) -> Verdict:
    """
    Check every file, then perform every commit again in a scratch workspace and compare the digests.

    :param workspace: only where it lies is asked of it: what stood in it then, the book kept.
    :param progress: hears how many deliveries, lake files and commits are done: (what, done, of how many).
    :param afterwards: goes on with the scratch stores and their folder, once every commit agrees.
    :param rebuild: write lake files that are missing or differ anew, where performing again gave their very bytes.
    """
    verdict = Verdict()
    _check_kept(store, verdict, progress)
    wrong = lake = _check_lake(store, verdict, progress)
    commit = schema.ledger_commit
    with store.book.reading() as connection:
        commits = connection.execute(sa.select(commit).order_by(commit.c.version)).all()
        texts = kept_texts(connection)
        deliveries, graves, masked = _deliveries(connection), _graves(connection), _masked(connection)
        said = _said(connection)
    with (
        tempfile.TemporaryDirectory(prefix="tieout-verify-") as folder,
        closing(Scratch(store, Path(folder))) as scratch,
    ):
        again = _Again(store, scratch, verdict, texts, deliveries, graves, masked, said, workspace.folder)
        performed = True
        for done, row in enumerate(commits, 1):
            performed = again.do(row)
            if not performed:
                left = f"{len(commits) - done} later commits were not performed: they rest on it"
                verdict.faults += [left] if done < len(commits) else []
                break
            progress("commits", done, len(commits))
        if not verdict.faults:
            verdict.faults += differences(store, scratch.store)
        if performed:
            afterwards(scratch.store, Path(folder), verdict)
        if rebuild and lake:
            lake = rebuild_files(store, scratch.store, lake)
            verdict.rebuilt = sum(path not in lake for path in wrong)
            verdict.files += verdict.rebuilt
    verdict.faults += _about_lake(store, lake)
    return verdict


@dataclass(frozen=True, slots=True)
class _Again:
    """What performing commits again needs."""

    store: Store
    scratch: Scratch
    verdict: Verdict
    texts: KeptTexts
    deliveries: dict[str, Mapping[str, Any]]
    graves: dict[str, str]
    masked: dict[int, str]
    said: dict[int, Mapping[str, Any]]
    folder: Path

    def do(self, commit: Any) -> bool:
        """Perform a commit, or take over what the book holds of it; False: neither can be done."""
        delivery = self.deliveries.get(commit.delivery_id)
        if delivery is None:
            self.verdict.faults.append(
                f"commit {commit.version}: its delivery {commit.delivery_id} is missing in the book"
            )
            return False
        erased = delivery["wrapped_key"] is None
        copy = _copy_of(delivery, self.deliveries) if erased else None
        named = f"commit {commit.version} ({commit.kind} of delivery {commit.delivery_id}, {delivery['name']})"
        grave = self.graves.get(commit.delivery_id, "its key is gone")
        try:
            if erased and copy is None:
                raise Broken(grave)
            past = workspace_of(commit, self.texts, self.folder)
            text = self.texts[commit.reader_digest] if commit.reader_digest else None
            self.scratch.perform(commit, past, text, copy)
        except TieoutError as error:
            if erased:
                seen = "" if copy is None else f"; {self._figures(commit, copy)}"
                self.verdict.not_performed.append(f"{named} cannot be performed again: {grave}{seen}")
            elif (other := self.masked.get(commit.version)) is not None:
                rests = f"it carries on what delivery {other} said: {self.graves[other]}"
                self.verdict.not_performed.append(f"{named} cannot be performed again: {rests}")
            else:
                self._judge(commit, delivery, f"{named}: {error}")
            return self._taken_over(commit, named)
        self.verdict.commits += 1
        self.verdict.from_copies += erased
        return True

    def _judge(self, commit: Any, delivery: Mapping[str, Any], told: str) -> None:
        """Tell what another version of the program read otherwise from what was changed since."""
        with self.store.book.reading() as connection:
            said = self.said.get(commit.version)
            stands = said is not None and standing_digest(connection, commit, said) == commit.digest
        if not stands:
            self.verdict.faults.append(f"{told}; and what the book holds of it is not what was written then")
        elif commit.program == (now := program()):
            self.verdict.faults.append(
                f"{told}; what the book holds of it is what was written then, so that the program differs"
            )
        else:
            stands_as = (
                f"it stands as tieout {commit.program} read it, unchanged; this is {now}, which reads it otherwise"
            )
            self.verdict.otherwise.append(f"{told}; {stands_as}")
            if delivery["version"] == commit.version:
                self.verdict.to_do.append(
                    f"delivery {commit.delivery_id} ({delivery['name']}): `tieout replay {commit.delivery_id[:12]} --reason"
                    f' "..."` brings it up to {now}'
                )

    def _taken_over(self, commit: Any, named: str) -> bool:
        try:
            self.scratch.take_over(commit)
        except TieoutError as error:
            self.verdict.faults.append(f"{named}: the lake cannot stand in for it either: {error}")
            return False
        return True

    def _figures(self, commit: Any, copy: Mapping[str, Any]) -> str:
        """Compare the figures that the lake holds of a commit with those that a redacted copy gives."""
        try:
            real, found = (figures_of(store, commit.version) for store in (self.store, self.scratch.store))
        except TieoutError:
            return f"its redacted copy {copy['delivery_id']} is kept"
        same = "the same figures" if real == found else "OTHER FIGURES than stand in the lake"
        return f"its redacted copy {copy['delivery_id']} gives {same}"
