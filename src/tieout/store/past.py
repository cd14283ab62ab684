"""
What runs said once and what became of it: matches that were taken back, approved, voided by a correction, or replaced.

Result files are kept for good, and so is every void: this reads both together. What stands is told by ``runs``.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import sqlalchemy as sa

from tieout.store import schema
from tieout.store.engine import paths
from tieout.store.lake import LakeFile
from tieout.store.runs import ResultFile
from tieout.store.tables import table_schema
from tieout.store.views import sql_types

if TYPE_CHECKING:
    from tieout.store.lake import Lake
    from tieout.store.runs import Results
    from tieout.store.views import Registers

__all__ = ["Ended", "Past", "apart_since", "past_rows", "read_past"]

_SAYS_ALL = "a later run found otherwise"


@dataclass(frozen=True, slots=True)
class Ended:
    """
    How a match ended: by which run, when, by whom and why.

    :ivar state: ``taken_back``, ``rejected``, ``approved`` (a proposal that is confirmed since) or ``voided``; of
        ``allowed``: ``allowed``.
    :ivar at: microseconds since 1970.
    :ivar allowed: of one that a person took back or rejected: who let rules make it again since, and why.
    """

    state: str
    run_id: str
    at: int
    by: str
    because: str
    allowed: Ended | None = None


@dataclass(frozen=True, slots=True)
class Past:
    """
    Everything that runs said of matches, up to a moment.

    :ivar files: of matches and adjustments, whether they count or not, oldest first.
    :ivar voids: {match_id: (sequence, whether a person took it back, why)}, oldest first.
    :ivar runs: {sequence: the run's row}.
    """

    results: Results
    files: tuple[ResultFile, ...]
    voids: dict[bytes, list[tuple[int, bool, str]]]
    runs: dict[int, dict[str, Any]]

    def replaced_at(self, file: ResultFile) -> int | None:
        """Give the run that says anew what a provisional file says; None: none does, or the file is final."""
        if not file.provisional:
            return None
        later = (
            sequence
            for sequence, run in self.runs.items()
            if sequence > file.sequence and run["kind"] == "rules" and run["reconciliation"] == file.reconciliation
        )
        return min(later, default=None)

    def ended(self, match_id: bytes, status: str, file: ResultFile) -> Ended | None:
        """Say how a match ended that a file tells; None: it stands, or a later run said it anew."""
        replaced = self.replaced_at(file)
        ends = self.voids.get(match_id, [])
        for place, (sequence, blocks, reason) in enumerate(ends):
            if file.sequence < sequence <= (replaced or sequence):
                run = self.runs[sequence]
                state = ("rejected" if status == "proposed" else "taken_back") if blocks else _unblocked(run, reason)
                allowed = self._allowed(ends[place + 1 :]) if blocks else None
                return Ended(state, run["run_id"], run["at"], run["actor"], reason, allowed)
        return None

    def _allowed(self, later: list[tuple[int, bool, str]]) -> Ended | None:
        """Say who let rules make a match again: what is apart stands nowhere, so that the next void cannot but allow it."""
        for sequence, blocks, reason in later[:1]:
            if not blocks:
                run = self.runs[sequence]
                return Ended("allowed", run["run_id"], run["at"], run["actor"], reason)
        return None

    def everything(self) -> Results:
        """Give results in which all counts that was said before the last void."""
        last = max((sequence for ends in self.voids.values() for sequence, _, _ in ends), default=0)
        return replace(self.results, files=tuple(f for f in self.files if f.sequence < last), voids=())


def apart_since(results: Results) -> dict[bytes, int]:
    """
    Give the matches that no rule makes again: those of which the last void says so.

    :return: {match_id: the sequence of the run that took it back}, in order.
    """
    last = {match_id: (sequence, blocks) for match_id, sequence, blocks in sorted(results.voids, key=lambda v: v[1])}
    return {match_id: sequence for match_id, (sequence, blocks) in sorted(last.items()) if blocks}


def _unblocked(run: dict[str, Any], reason: str) -> str:
    """Say how a match ended that nobody took apart: a proposal makes way for itself when it is approved."""
    return "approved" if run["kind"] == "hand" and reason == "approved" else "voided"


def read_past(connection: sa.Connection, results: Results) -> Past:
    """Read what became of everything that the runs of some results said."""
    file, void = schema.run_file, schema.void
    files = []
    said = sa.select(file).where(file.c.table_name.in_(("matches", "adjustments")))
    for row in map(dict, connection.execute(said).mappings()):
        run = results.runs.get(row["run_id"])
        if run is not None:
            kept = {name: row[name] for name in LakeFile.__dataclass_fields__ if name in row}
            known = LakeFile(**kept, delivery_id=row["run_id"])
            files.append(ResultFile(known, row["run_id"], run["sequence"], run["reconciliation"], row["provisional"]))
    voids: defaultdict[bytes, list[tuple[int, bool, str]]] = defaultdict(list)
    for one in connection.execute(sa.select(void)) if results.voids else ():
        if one.run_id in results.runs:
            voids[bytes.fromhex(one.match_id)].append((results.runs[one.run_id]["sequence"], one.blocks, one.reason))
    return Past(
        results,
        tuple(sorted(files, key=lambda f: (f.sequence, f.file.table_name, f.file.path))),
        {match_id: sorted(ends) for match_id, ends in voids.items()},
        {run["sequence"]: run for run in results.runs.values()},
    )


def past_rows(con: Registers, lake: Lake, past: Past, table_name: str = "matches") -> str:
    """
    Give everything that was ever said of matches as a relation, with what became of it.

    As ``standing_matches``, and with ``state``, ``ended_at``, ``ended_by``, ``ended_because`` and ``ended_in`` (a run).
    ``state`` is ``current``, one of :class:`Ended`'s, ``superseded`` (a later run found otherwise) or ``found_again`` (a
    later run said it anew, and is to be asked what became of it).
    """
    files = [f for f in past.files if f.file.table_name == table_name]
    ends = ("state", "ended_by", "ended_because", "ended_in")
    if not files:
        columns = [f'null::{kind} as "{name}"' for name, kind in sql_types(table_schema(table_name)).items()]
        columns += ["null::varchar as run_id", "null::bigint as run_sequence", "null::boolean as provisional"]
        columns += ["null::timestamptz as ended_at", *(f"null::varchar as {name}" for name in ends)]
        return f"(select {', '.join(columns)} where false)"
    _register(con, lake, past, files, table_name)
    # What a proposal's adjustments were proposed with is not written beside them.
    proposed = "said.status = 'proposed'" if table_name == "matches" else "false"
    return f"""(
        with said as (
            select m.* exclude (filename), o.run_id, o.run_sequence, o.provisional, o.replaced
            from read_parquet({paths([lake.full(f.file.path) for f in files])}, filename = true) m
            join past_origins_of_{table_name} o on o.path = m.filename
        ), first_end as (
            select s.match_id, s.run_sequence, min(e.sequence) as sequence
            from (select distinct match_id, run_sequence, replaced from said) s
            join past_ends e on e.match_id = s.match_id and e.sequence > s.run_sequence
                and e.sequence <= coalesce(s.replaced, e.sequence)
            group by all
        ), again as (select distinct match_id, run_sequence from said)
        select said.* exclude (replaced),
            case when e.match_id is not null then
                    case when e.blocks then case when {proposed} then 'rejected' else 'taken_back' end
                        when u.kind = 'hand' and e.reason = 'approved' then 'approved' else 'voided' end
                when said.replaced is null then 'current'
                when a.match_id is not null then 'found_again' else 'superseded' end as state,
            u.at as ended_at, u.actor as ended_by,
            case when e.match_id is null and a.match_id is null and said.replaced is not null then '{_SAYS_ALL}'
                else e.reason end as ended_because,
            u.run_id as ended_in
        from said
        left join first_end f on f.match_id = said.match_id and f.run_sequence = said.run_sequence
        left join past_ends e on e.match_id = f.match_id and e.sequence = f.sequence
        left join again a on a.match_id = said.match_id and a.run_sequence = said.replaced
        left join past_runs u on u.sequence = coalesce(f.sequence, said.replaced)
    )"""


def _register(con: Registers, lake: Lake, past: Past, files: list[ResultFile], table_name: str) -> None:
    """Let queries read where each row comes from, which voids there are, and which runs."""
    con.register(
        f"past_origins_of_{table_name}",
        pa.table(
            {
                "path": pa.array([lake.full(f.file.path) for f in files], pa.string()),
                "run_id": pa.array([f.run_id for f in files], pa.string()),
                "run_sequence": pa.array([f.sequence for f in files], pa.int64()),
                "provisional": pa.array([f.provisional for f in files], pa.bool_()),
                "replaced": pa.array([past.replaced_at(f) for f in files], pa.int64()),
            },
        ),
    )
    ends = [(match_id, *end) for match_id, told in past.voids.items() for end in told]
    kinds = {"match_id": pa.binary(16), "sequence": pa.int64(), "blocks": pa.bool_(), "reason": pa.string()}
    con.register(
        "past_ends",
        pa.table({name: pa.array([end[i] for end in ends], kind) for i, (name, kind) in enumerate(kinds.items())}),
    )
    runs = list(past.runs.values())
    texts = {name: pa.array([run[name] for run in runs], pa.string()) for name in ("run_id", "kind", "actor")}
    at = pa.array([run["at"] for run in runs], pa.int64()).cast(pa.timestamp("us", tz="UTC"))
    sequences = pa.array([run["sequence"] for run in runs], pa.int64())
    con.register("past_runs", pa.table({**texts, "sequence": sequences, "at": at}))
