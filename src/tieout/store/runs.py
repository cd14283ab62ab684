"""
Runs and their results: which matches stand, and how a run's results become true.

A match stands if it is in a final result file of any run, or in the provisional file of the last rules run of its
reconciliation, and no void takes it back. Runs that use up the same claim queue at the claim's head: a run is committed
only if the heads are as it read them, so that nothing is allocated twice, whatever runs at the same time.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import sqlalchemy as sa

from tieout.errors import Broken
from tieout.store import schema
from tieout.store.book import append_audit
from tieout.store.engine import paths
from tieout.store.lake import LakeFile
from tieout.store.tables import table_schema
from tieout.store.views import sql_types

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tieout.store.lake import Lake
    from tieout.store.views import Registers
    from tieout.store.workplace import Store

__all__ = [
    "HeadMovedError",
    "NewRun",
    "ResultFile",
    "Results",
    "check_runs",
    "commit_run",
    "facts_version",
    "program",
    "results_at",
    "standing_matches",
]


#: Kinds of run that say everything anew: what an earlier one said, beside final matches, is gone.
_SAYING_ALL = ("rules", "journal")


class HeadMovedError(Exception):
    """Another run used up one of the claims since they were read: run again on what it left."""


@dataclass(frozen=True, slots=True)
class ResultFile:
    """
    A result file of a run.

    :ivar provisional: its matches stand only until the next rules run of the same reconciliation.
    """

    file: LakeFile
    run_id: str
    sequence: int
    reconciliation: str
    provisional: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """
    What runs have left standing at one moment.

    :ivar sequence: of the last run; 0 before the first.
    :ivar heads: {claim: how many runs used it up}; a claim that none did is absent.
    :ivar files: of every run that still counts, oldest first.
    :ivar voids: (match_id, sequence of the run that took it back, whether rules may not make it again).
    :ivar last: {reconciliation: the row of its last rules run}; ``runs``: every run by its id; ``written``: every file of
        matches that a reconciliation's runs ever wrote.
    """

    sequence: int
    heads: dict[str, int]
    files: tuple[ResultFile, ...]
    voids: tuple[tuple[bytes, int, bool], ...]
    last: dict[str, dict[str, Any]]
    runs: dict[str, dict[str, Any]]
    written: dict[str, list[LakeFile]]

    def all_matches(self, reconciliation: str) -> list[LakeFile]:
        """Give every file of matches that a reconciliation's runs ever wrote, also those that stand no more."""
        return list(self.written.get(reconciliation, ()))

    def of(self, table_name: str, reconciliation: str | None = None) -> list[ResultFile]:
        """Give the result files of a table, of all reconciliations or of one."""
        named = [f for f in self.files if f.file.table_name == table_name]
        return [f for f in named if reconciliation in (None, f.reconciliation)]


@dataclass(slots=True, kw_only=True)
class NewRun:
    """
    What one run writes.

    :ivar kind: rules (a reconciliation's rules), hand (a person's match) or undo (also of an undo).
    :ivar heads: the claims that it uses up, each with the version of its head that was read.
    :ivar inputs: what it rests on beside facts and heads, for the run's name: rules, calendars, rates by digest.
    :ivar texts: {digest: (kind, text)} of every text that it rests on, kept so that it can be repeated.
    :ivar files: (file, provisional).
    :ivar voids: {match_id: (reason, whether rules may not make it again)}.
    :ivar decisions: rows of the book's table, without their sequence.
    """

    kind: str
    reconciliation: str
    through_day: int | None
    facts_version: int
    heads: dict[str, int]
    inputs: dict[str, str]
    texts: dict[str, tuple[str, str]] = field(default_factory=dict)
    files: list[tuple[LakeFile, bool]] = field(default_factory=list)
    voids: dict[bytes, tuple[str, bool]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    reason: str | None = None

    @property
    def digest(self) -> str:
        """Digest what the run found: rows, not files; neither who ran it nor when, nor how facts were delivered."""
        found = sorted((f.table_name, provisional, f.rows, f.digest) for f, provisional in self.files)
        voids = sorted((match_id.hex(), *said) for match_id, said in self.voids.items())
        return _digest([self.kind, self.reconciliation, self.through_day, found, voids])

    @property
    def run_id(self) -> str:
        """Derive the run's name from what it rests on and what it found."""
        return _digest([self.digest, self.facts_version, sorted(self.heads.items()), self.inputs])[:16]


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def facts_version(connection: sa.Connection) -> int:
    """Give the version of the facts: how many commits there are."""
    head = schema.head
    return connection.scalar(sa.select(head.c.version).where(head.c.name == "facts")) or 0


def results_at(connection: sa.Connection, sequence: int | None = None) -> Results:
    """
    Read which results stand.

    :param sequence: as they stood after that run; by default now.
    """
    run, file, void = schema.run, schema.run_file, schema.void
    upto = sa.true() if sequence is None else run.c.sequence <= sequence
    rows = connection.execute(sa.select(run).where(upto).order_by(run.c.sequence)).mappings()
    runs = {row["run_id"]: dict(row) for row in rows}
    last = {row["reconciliation"]: row for row in runs.values() if row["kind"] in _SAYING_ALL}
    current = {row["run_id"] for row in last.values()}
    files: list[ResultFile] = []
    written: dict[str, list[LakeFile]] = {}
    for row in map(dict, connection.execute(sa.select(file)).mappings()):
        owner = runs.get(row["run_id"])
        # Final matches add up from run to run; everything else is said anew by each rules run.
        lasting = row["table_name"] in {"matches", "adjustments"} and not row["provisional"]
        if owner is None:
            continue
        kept = {name: row[name] for name in LakeFile.__dataclass_fields__ if name in row}
        found = LakeFile(**kept, delivery_id=row["run_id"])
        if row["table_name"] == "matches":
            written.setdefault(owner["reconciliation"], []).append(found)
        if lasting or row["run_id"] in current:
            files.append(
                ResultFile(found, row["run_id"], owner["sequence"], owner["reconciliation"], row["provisional"])
            )
    voids = connection.execute(sa.select(void)).all()
    heads: dict[str, int] = {}
    for row in runs.values():
        heads |= {claim: version + 1 for claim, version in json.loads(row["heads"]).items()}
    return Results(
        sequence=max((row["sequence"] for row in runs.values()), default=0),
        heads=heads,
        files=tuple(sorted(files, key=lambda f: (f.sequence, f.file.table_name, f.file.path))),
        voids=tuple(
            sorted((bytes.fromhex(v.match_id), runs[v.run_id]["sequence"], v.blocks) for v in voids if v.run_id in runs)
        ),
        last=last,
        runs=runs,
        written=written,
    )


def standing_matches(
    con: Registers,
    lake: Lake,
    results: Results,
    *,
    table_name: str = "matches",
    anew: str | None = None,
    among: Callable[[Sequence[str]], str] | None = None,
    origins: bool = True,
    ended: bool = False,
) -> str:
    """
    Give the matches that stand as a relation, with ``run_id``, ``run_sequence``, ``reconciliation``, ``provisional``.

    :param table_name: or their ``adjustments``.
    :param anew: a reconciliation that is being run again, whose provisional matches therefore do not count.
    :param among: gives, of files, the rows that are asked for, with ``filename``; None: all.
    :param origins: whether it is asked which run each is of; if not, ``run_id`` and its like may be absent.
    :param ended: those that a void took back instead, with ``ended_by``, the sequence of the last run that did.
    """
    files = [f for f in results.of(table_name) if not (f.provisional and f.reconciliation == anew)]
    if not files or (ended and not results.voids):
        columns = [f'null::{kind} as "{name}"' for name, kind in sql_types(table_schema(table_name)).items()]
        columns += ["null::varchar as run_id", "null::bigint as run_sequence", "null::boolean as provisional"]
        columns += ["null::bigint as ended_by"] if ended else []
        return f"(select {', '.join(columns)} where false)"
    listed = [lake.full(f.file.path) for f in files]
    rows = f"read_parquet({paths(listed)}, filename = true)" if among is None else among(listed)
    if not origins and not results.voids:
        return f"(select m.* exclude (filename) from {rows} m)"
    con.register(
        f"origins_of_{table_name}",
        pa.table(
            {
                "path": pa.array(listed, pa.string()),
                "run_id": pa.array([f.run_id for f in files], pa.string()),
                "run_sequence": pa.array([f.sequence for f in files], pa.int64()),
                "provisional": pa.array([f.provisional for f in files], pa.bool_()),
            },
        ),
    )
    relation = (
        "select m.* exclude (filename), o.run_id, o.run_sequence, o.provisional"
        f" from {rows} m join origins_of_{table_name} o on o.path = m.filename"
    )
    if not results.voids:
        return f"({relation})"
    kinds = pa.schema({"match_id": pa.binary(16), "sequence": pa.int64()})
    rows_of = [{"match_id": match_id, "sequence": sequence} for match_id, sequence, _ in results.voids]
    con.register("voided", pa.Table.from_pylist(rows_of, schema=kinds))
    if ended:
        last = "(select match_id, max(sequence) as ended_by from voided group by all) v using (match_id)"
        return f"(select s.*, v.ended_by from ({relation}) s join {last} where v.ended_by > s.run_sequence)"
    # A void takes back what stood when it was made; the same match may be made again later, by a person.
    return (
        f"(select s.* from ({relation}) s anti join voided v"
        " on v.match_id = s.match_id and v.sequence > s.run_sequence)"
    )


def commit_run(store: Store, run: NewRun) -> int:
    """
    Make a run's results true, or leave everything as it was.

    :return: the run's sequence.
    :raises HeadMovedError: another run used up one of its claims meanwhile.
    """
    head, table = schema.head, schema.run
    run_id = run.run_id
    with store.book.writing() as connection:
        _check_heads(connection, run.heads)
        sequence = (connection.scalar(sa.select(sa.func.max(table.c.sequence))) or 0) + 1
        for digest, (kind, text) in sorted(run.texts.items()):
            _keep_text(connection, digest, kind, text)
        row: dict[str, Any] = {
            "run_id": run_id,
            "sequence": sequence,
            "kind": run.kind,
            "reconciliation": run.reconciliation,
            "through_day": run.through_day,
            "facts_version": run.facts_version,
            "heads": json.dumps(run.heads, sort_keys=True),
            "inputs": json.dumps(run.inputs, sort_keys=True),
            "at": store.now_us(),
            "actor": store.actor,
            "reason": run.reason,
            "program": program(),
            "counts": json.dumps(run.counts, sort_keys=True),
            "digest": run.digest,
        }
        connection.execute(sa.insert(table).values(row))
        files = [_file_row(file, run_id, provisional) for file, provisional in run.files]
        _insert(connection, schema.run_file, files)
        voids = [
            {"match_id": match_id.hex(), "run_id": run_id, "blocks": blocks, "reason": reason}
            for match_id, (reason, blocks) in sorted(run.voids.items())
        ]
        _insert(connection, schema.void, voids)
        decisions = schema.decision
        first = (connection.scalar(sa.select(sa.func.max(decisions.c.sequence))) or 0) + 1
        decided = [{**d, "sequence": first + i} for i, d in enumerate(run.decisions)]
        _insert(connection, decisions, decided)
        for claim, version in sorted(run.heads.items()):
            name = f"claim:{claim}"
            if version:
                connection.execute(sa.update(head).where(head.c.name == name).values(version=version + 1))
            else:
                connection.execute(sa.insert(head).values(name=name, version=1))
        _audit(connection, row, _bound(row, files, voids) | {"decisions": decided})
    return sequence


def check_runs(connection: sa.Connection) -> list[str]:
    """
    Hold every run, its files and what it took back against the entry of the audit log that binds them.

    :return: one sentence for everything that does not agree.
    """
    audit, run, file, void = schema.audit, schema.run, schema.run_file, schema.void
    entries = {
        entry.subject: json.loads(entry.body)
        for entry in connection.execute(sa.select(audit.c.subject, audit.c.body).where(audit.c.action.like("run %")))
    }
    files: dict[str, list[dict[str, Any]]] = {}
    for one in connection.execute(sa.select(file)).mappings():
        files.setdefault(one["run_id"], []).append(dict(one))
    voids: dict[str, list[dict[str, Any]]] = {}
    for one in connection.execute(sa.select(void)).mappings():
        voids.setdefault(one["run_id"], []).append(dict(one))
    found = []
    rows = [dict(row) for row in connection.execute(sa.select(run).order_by(run.c.sequence)).mappings()]
    for row in rows:
        subject = f"run {row['run_id']} of {row['reconciliation']}"
        bound = entries.pop(subject, None)
        if bound is not None:
            bound.pop("decisions", None)  # store.bound compares them
        now = _bound(row, files.pop(row["run_id"], []), voids.pop(row["run_id"], []))
        if bound is None:
            found.append(f"{subject} is in the book, and no entry of the audit log tells of it")
        elif bound != now:
            parts = ", ".join(name for name in now if now[name] != bound.get(name))
            found.append(f"{subject} was changed: its {parts} are not those that the audit log binds")
    found += [f"{subject} is in the audit log, and was removed from the book" for subject in sorted(entries)]
    left = sorted({*files, *voids})
    return [*found, *(f"the book has files or voids of a run {run_id!r} that it does not have" for run_id in left)]


def _bound(row: dict[str, Any], files: list[dict[str, Any]], voids: list[dict[str, Any]]) -> dict[str, Any]:
    """Give what the audit log binds of a run: all that its row says, its files, and what it took back and why."""
    body = {name: value for name, value in row.items() if name not in {"run_id", "reconciliation"}}
    kept = ("table_name", "path", "rows", "sha256", "digest", "provisional")
    body["files"] = sorted(({k: f[k] for k in kept} for f in files), key=lambda f: str(f["path"]))
    body["voids"] = sorted([v["match_id"], v["blocks"], v["reason"]] for v in voids)
    return body


def _check_heads(connection: sa.Connection, heads: dict[str, int]) -> None:
    """Compare before the swap; the write lock, held until the commit, makes both one step."""
    head = schema.head
    for claim, version in heads.items():
        found = connection.scalar(sa.select(head.c.version).where(head.c.name == f"claim:{claim}")) or 0
        if found < version:  # a head only ever grows
            message = (
                f"the head of the claim {claim!r} says {found}, and runs used it up {version} times: `tieout verify`"
            )
            raise Broken(message)
        if found != version:
            raise HeadMovedError


def _audit(connection: sa.Connection, row: dict[str, Any], body: dict[str, Any]) -> None:
    """Bind a run's inputs, every file's digest and what was decided with it in one entry of the audit log."""
    append_audit(
        connection,
        at=row["at"],
        actor=row["actor"],
        action=f"run {row['kind']}",
        subject=f"run {row['run_id']} of {row['reconciliation']}",
        reason=row["reason"],
        body=body,
    )


def _file_row(file: LakeFile, run_id: str, provisional: bool) -> dict[str, Any]:  # noqa: FBT001 - a column's value
    kept = {name: value for name, value in asdict(file).items() if name not in {"delivery_id", "sibling"}}
    return {**kept, "run_id": run_id, "provisional": provisional}


def _keep_text(connection: sa.Connection, digest: str, kind: str, text: str) -> None:
    table = schema.text_version
    if connection.scalar(sa.select(table.c.digest).where(table.c.digest == digest)) is None:
        connection.execute(sa.insert(table).values(digest=digest, kind=kind, body=text))


def _insert(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(sa.insert(table), rows)


def program() -> str:
    """Name this version of the program, as runs do."""
    from tieout import __version__

    return __version__
