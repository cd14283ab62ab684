"""
What a person decides about matches: to make one, to approve or reject a proposed one, to take some back.

Each is a small run on the same heads as the rules', so that no decision can use up what another has.
"""

from __future__ import annotations

import hashlib
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from tieout.errors import Transient, WrongUse
from tieout.matching.by_hand import HandMatch, Share, adjustment_row, allocate, match_name, match_row, shares_of
from tieout.matching.rules import REASONS
from tieout.store.decisions import decision_row
from tieout.store.engine import connect
from tieout.store.runs import HeadMovedError, NewRun, commit_run, results_at, standing_matches
from tieout.store.tables import table_schema
from tieout.store.workplace import files_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import duckdb

    from tieout.config import Workspace
    from tieout.config.workspace import Reconciliation
    from tieout.store.lake import LakeFile
    from tieout.store.runs import Results
    from tieout.store.workplace import Store

__all__ = ["HandMatch", "approve", "match_by_hand", "reject", "take_back"]

_TRIES = 20
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class _Now:
    """What the book says when a decision is made."""

    results: Results
    files: dict[str, list[LakeFile]]


def match_by_hand(
    store: Store,
    workspace: Workspace,
    reconciliation: Reconciliation,
    wanted: HandMatch,
    reason: str,
    subject: str | None = None,
) -> str:
    """
    Put records together.

    :param subject: the exception that this resolves.
    :return: the match's id.
    :raises WrongUse: a record is used up already or is of no such side; the sums differ and nobody says why.
    """
    if wanted.difference is not None and wanted.difference not in REASONS:
        message = f"expected a reason for the difference ({', '.join(REASONS)}), got {wanted.difference!r}"
        raise WrongUse(message)

    def attempt(con: duckdb.DuckDBPyConnection, now: _Now) -> tuple[NewRun, str]:
        shares = shares_of(con, store, workspace, reconciliation, wanted, now.results, now.files)
        displaced = _displaced(con, store, now.results, reconciliation.id, shares)
        difference = allocate(shares, wanted)
        match_id = match_name(reconciliation.id, shares, now.results.sequence)
        run = _new_run("hand", workspace, reconciliation.id, now.results, reason)
        run.heads = {s.claim: now.results.heads.get(s.claim, 0) for s in shares}
        run.voids = dict.fromkeys(displaced, ("a person matched one of its records", False))
        rows = [match_row(match_id, reconciliation.id, share, difference, store.actor) for share in shares]
        run.files.append((_write(store, "matches", rows), False))
        if difference:
            adjustment = adjustment_row(match_id, reconciliation.id, shares[0], difference, wanted, reason)
            run.files.append((_write(store, "adjustments", [adjustment]), False))
        run.counts = {"final": 1}
        body = {"match_id": match_id.hex(), "resolution": "matched"}
        run.decisions = [decision_row(store, "match", match_id.hex(), reason, body)]
        if subject is not None:
            run.decisions.append(decision_row(store, "resolve", subject, reason, body))
        return run, match_id.hex()

    return _committed(store, attempt)


def take_back(store: Store, workspace: Workspace, matches: Sequence[bytes], reason: str, subject: str) -> list[str]:
    """
    Take matches back: their records are open again, and no rule puts them together again.

    :return: the reconciliations to run again.
    :raises WrongUse: one of them does not stand.
    """

    def attempt(con: duckdb.DuckDBPyConnection, now: _Now) -> tuple[NewRun, list[str]]:
        found = _standing(con, store, now.results, matches)
        names = sorted({row["reconciliation"] for row in found})
        run = _new_run("undo", workspace, names[0], now.results, reason)
        run.heads = {row["claim"]: now.results.heads.get(row["claim"], 0) for row in found}
        run.voids = dict.fromkeys(matches, (reason, True))
        run.counts = {"final": -len({row["match_id"] for row in found if not row["provisional"]})}
        run.decisions = [decision_row(store, "undo", subject, reason, {"matches": [m.hex() for m in matches]})]
        return run, names

    return _committed(store, attempt)


def approve(store: Store, workspace: Workspace, matches: Sequence[bytes], reason: str | None) -> list[str]:
    """
    Confirm proposed matches: from now on they use up what they name.

    :return: the reconciliations to run again.
    :raises WrongUse: one is not proposed, or its records were used up meanwhile.
    """

    def attempt(con: duckdb.DuckDBPyConnection, now: _Now) -> tuple[NewRun, list[str]]:
        found = _standing(con, store, now.results, matches, proposed=True)
        names = sorted({row["reconciliation"] for row in found})
        _check_available(con, store, now.results, found)
        run = _new_run("hand", workspace, names[0], now.results, reason)
        run.heads = {row["claim"]: now.results.heads.get(row["claim"], 0) for row in found}
        columns = table_schema("matches").names
        rows = [{n: row[n] for n in columns} | {"status": "confirmed", "decided_by": store.actor} for row in found]
        run.files.append((_write(store, "matches", rows), False))
        # The proposal makes way for what is confirmed: a void takes back only what stood before this run.
        run.voids = dict.fromkeys(matches, ("approved", False))
        run.counts = {"final": len(matches)}
        run.decisions = [decision_row(store, "approve", m.hex(), reason) for m in matches]
        return run, names

    return _committed(store, attempt)


def reject(store: Store, workspace: Workspace, matches: Sequence[bytes], reason: str) -> list[str]:
    """
    Say that proposed matches are none: no rule proposes them again.

    :return: the reconciliations to run again.
    :raises WrongUse: one is not proposed.
    """

    def attempt(con: duckdb.DuckDBPyConnection, now: _Now) -> tuple[NewRun, list[str]]:
        found = _standing(con, store, now.results, matches, proposed=True)
        names = sorted({row["reconciliation"] for row in found})
        run = _new_run("undo", workspace, names[0], now.results, reason)
        run.heads = {row["claim"]: now.results.heads.get(row["claim"], 0) for row in found}
        run.voids = dict.fromkeys(matches, (reason, True))
        run.decisions = [decision_row(store, "reject", m.hex(), reason) for m in matches]
        return run, names

    return _committed(store, attempt)


def _committed(store: Store, attempt: Callable[[duckdb.DuckDBPyConnection, _Now], tuple[NewRun, _Answer]]) -> _Answer:
    """Read, decide, commit; once more from the start where another run came first."""
    for _ in range(_TRIES):
        with store.book.reading() as connection:
            now = _Now(results_at(connection), files_at(connection, ("records", "superseded")))
        with closing(connect()) as con:
            run, answer = attempt(con, now)
        try:
            commit_run(store, run)
        except HeadMovedError:
            continue
        return answer
    message = "other runs kept coming first: nothing was decided, try again"
    raise Transient(message)


def _new_run(
    kind: str,
    workspace: Workspace,
    reconciliation: str,
    results: Results,
    reason: str | None,
) -> NewRun:
    last = results.last.get(reconciliation)
    text = workspace.path.read_text(encoding="utf-8")
    digest = hashlib.sha256(text.encode()).hexdigest()
    return NewRun(
        kind=kind,
        reconciliation=reconciliation,
        through_day=None,
        facts_version=last["facts_version"] if last else 0,
        heads={},
        inputs={"tieout.toml": digest, "after": str(results.sequence)},
        texts={digest: ("tieout.toml", text)},
        reason=reason,
    )


def _write(store: Store, name: str, rows: list[dict[str, Any]]) -> LakeFile:
    """Write a small result file, its rows in total order."""
    schema = table_schema(name)
    order = ("record_key", "match_id", "side", "claim") if name == "matches" else ("match_id", "reason")
    rows = sorted(rows, key=lambda row: tuple(row[column] for column in order))
    with store.lake.writer(name, schema, store.entropy.token_bytes(6).hex()) as writer:
        writer.write(pa.Table.from_pylist(rows, schema=schema))
    return writer.file


def _displaced(
    con: duckdb.DuckDBPyConnection, store: Store, results: Results, reconciliation: str, shares: list[Share]
) -> list[bytes]:
    """Find the provisional matches of this reconciliation that a person's match of their records pushes out."""
    keys = [(s.claim, s.record["record_id"]) for s in shares]
    con.register(
        "claimed",
        pa.table({"claim": [c for c, _ in keys], "record_id": pa.array([r for _, r in keys], pa.binary(16))}),
    )
    standing = standing_matches(con, store.lake, results)
    rows = con.execute(
        f"""select distinct m.match_id from {standing} m semi join claimed c on c.claim = m.claim and c.record_id = m.record_id
            where m.provisional and m.status = 'confirmed' and m.reconciliation = ?""",
        [reconciliation],
    ).fetchall()
    return sorted(row[0] for row in rows)


def _standing(
    con: duckdb.DuckDBPyConnection, store: Store, results: Results, matches: Sequence[bytes], *, proposed: bool = False
) -> list[dict[str, Any]]:
    """Look up matches that stand; of several reconciliations only one at a time may be decided on."""
    con.register("asked", pa.table({"match_id": pa.array(list(matches), pa.binary(16))}))
    standing = standing_matches(con, store.lake, results)
    rows = (
        con.sql(f"select m.* from {standing} m semi join asked a on a.match_id = m.match_id")
        .to_arrow_table()
        .to_pylist()
    )
    wanted = "proposed" if proposed else "confirmed"
    lacking = [m.hex() for m in matches if not any(r["match_id"] == m and r["status"] == wanted for r in rows)]
    if lacking:
        what = "proposed matches" if proposed else "matches that stand"
        message = f"expected {what}, got {', '.join(lacking[:3])}: `tieout export matches` lists them"
        raise WrongUse(message)
    return [dict(row) for row in rows]


def _check_available(
    con: duckdb.DuckDBPyConnection, store: Store, results: Results, rows: list[dict[str, Any]]
) -> None:
    """Refuse to confirm what other matches have used up since it was proposed."""
    standing = standing_matches(con, store.lake, results)
    con.register("asked_rows", pa.Table.from_pylist(rows))
    over = con.sql(
        f"""
        with wanted as (select claim, record_id, any_value(amount) as amount, sum(allocated) as wanted from asked_rows group by all),
        used as (
            select m.claim, m.record_id, sum(m.allocated) as used from {standing} m
            semi join asked_rows a on a.claim = m.claim and a.record_id = m.record_id
            where m.status = 'confirmed' group by all
        )
        select lower(hex(w.record_id)) from wanted w join used u using (claim, record_id)
        where abs(w.wanted + u.used) > abs(w.amount)
        """
    ).fetchall()
    if over:
        message = (
            f"expected records with as much open as was proposed, got {over[0][0]}, which was matched otherwise since"
        )
        raise WrongUse(message)
