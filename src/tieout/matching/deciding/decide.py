"""
What a person decides about matches: to make one, to approve or reject a proposed one, to take some back.

Each is a small run on the same heads as the rules', so that no decision can use up what another has.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from tieout.errors import Transient, WrongUse
from tieout.matching.deciding.by_hand import (
    HandMatch,
    Share,
    adjustment_row,
    allocate,
    exponent_for,
    match_name,
    match_row,
    shares_of,
)
from tieout.matching.deciding.exchanging import rates_of
from tieout.matching.deciding.refusing import check_by_hand, check_reason
from tieout.matching.facts.records import kin_sql, records_of
from tieout.matching.grammar.reading import rule_set
from tieout.store.decisions import decision_row
from tieout.store.engine import connect
from tieout.store.runs import HeadMovedError, NewRun, commit_run, facts_version, results_at, standing_matches
from tieout.store.tables import table_schema
from tieout.store.views import table
from tieout.store.workplace import files_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import duckdb

    from tieout.config import Workspace
    from tieout.config.workspace import Reconciliation
    from tieout.matching.grammar.rules import RuleSet
    from tieout.store.lake import LakeFile
    from tieout.store.runs import Results
    from tieout.store.workplace import Store

__all__ = ["HandMatch", "Moment", "approve", "match_by_hand", "reject", "repeat_decision", "take_back"]

_TRIES = 20
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Moment:
    """
    What a decision was made on, when it is performed again.

    :ivar after: the run after which it was made.
    :ivar rules: the rules of the reconciliation as they were; None: a match by hand needs them, others do not.
    """

    facts_version: int
    after: int
    rules: RuleSet | None = None


@dataclass(frozen=True, slots=True)
class _Now:
    """What the book says when a decision is made."""

    facts_version: int
    results: Results
    files: dict[str, list[LakeFile]]


def match_by_hand(
    store: Store,
    workspace: Workspace,
    reconciliation: Reconciliation,
    wanted: HandMatch,
    reason: str,
    subject: str | None = None,
    again: Moment | None = None,
) -> str:
    """
    Put records together.

    :param subject: the exception that this resolves.
    :param again: perform an earlier decision again on what it was made on (so does each of the three below).
    :return: the match's id.
    :raises WrongUse: a record is used up already or is of no such side; the sums differ and nobody says why, or not by that.
    """
    check_reason(wanted)
    rules = again.rules if again is not None and again.rules is not None else rule_set(workspace, reconciliation)
    asked = {
        "do": "match",
        "left": [i.hex() for i in wanted.left],
        "right": [i.hex() for i in wanted.right],
        "difference": wanted.difference,
        "part": wanted.part,
        "subject": subject,
    }

    def attempt(con: duckdb.DuckDBPyConnection, now: _Now) -> tuple[NewRun, str]:
        shares = shares_of(con, store, reconciliation, rules, wanted, now.results, now.files)
        displaced = _displaced(con, store, now.results, reconciliation.id, shares)
        difference, currency = allocate(shares, wanted, workspace)
        if again is None:  # what was decided before stays as it was
            check_by_hand(con, store, now.results, shares, wanted, difference, {match_id for match_id, _ in displaced})
        match_id = match_name(reconciliation.id, shares, now.results.sequence)
        rests_on = {"decision": asked, "rules": rules.text} | rates_of(shares, workspace)
        run = _new_run("hand", workspace, reconciliation.id, now, reason, rests_on)
        run.voids = {match_id: ("a person matched one of its records", False) for match_id, _ in displaced}
        run.heads = {c: now.results.heads.get(c, 0) for c in {s.claim for s in shares} | {c for _, c in displaced}}
        exponent = exponent_for(shares, currency)
        rows = [match_row(match_id, reconciliation.id, share, difference, store.actor, exponent) for share in shares]
        run.files.append((_write(store, "matches", rows), False))
        if wanted.difference is not None and difference:
            told = ((difference, currency), (wanted.difference, reason), exponent)
            run.files.append(
                (_write(store, "adjustments", [adjustment_row(match_id, reconciliation.id, shares, *told)]), False)
            )
        run.counts = {"final": 1}
        body = {"match_id": match_id.hex(), "resolution": "matched"}
        run.decisions = [decision_row(store, "match", match_id.hex(), reason, body)]
        if subject is not None:
            run.decisions.append(decision_row(store, "resolve", subject, reason, body))
        return run, match_id.hex()

    return _committed(store, attempt, again)


def take_back(
    store: Store,
    workspace: Workspace,
    matches: Sequence[bytes],
    reason: str,
    subject: str,
    again: Moment | None = None,
) -> list[str]:
    """
    Take matches back, proposed ones too: their records are open again, and no rule puts them together again.

    :return: the reconciliations to run again.
    :raises WrongUse: one of them does not stand.
    """

    def attempt(con: duckdb.DuckDBPyConnection, now: _Now) -> tuple[NewRun, list[str]]:
        found = _standing(con, store, now.results, matches, ("confirmed", "proposed"))
        names = sorted({row["reconciliation"] for row in found})
        run = _new_run("undo", workspace, names[0], now, reason, {"decision": asked})
        run.heads = {row["claim"]: now.results.heads.get(row["claim"], 0) for row in found}
        run.voids = dict.fromkeys(matches, (reason, True))
        run.counts = {"final": -len({row["match_id"] for row in found if not row["provisional"]})}
        run.decisions = [decision_row(store, "undo", subject, reason, {"matches": [m.hex() for m in matches]})]
        return run, names

    asked = {"do": "undo", "matches": [m.hex() for m in matches], "subject": subject}
    return _committed(store, attempt, again)


def approve(
    store: Store, workspace: Workspace, matches: Sequence[bytes], reason: str | None, again: Moment | None = None
) -> list[str]:
    """
    Confirm proposed matches: from now on they use up what they name.

    :return: the reconciliations to run again.
    :raises WrongUse: one is not proposed, or its records were used up or corrected meanwhile.
    """

    def attempt(con: duckdb.DuckDBPyConnection, now: _Now) -> tuple[NewRun, list[str]]:
        found = _standing(con, store, now.results, matches, ("proposed",))
        names = sorted({row["reconciliation"] for row in found})
        _check_stands(con, store, now, found)
        _check_available(con, store, now, found)
        run = _new_run("hand", workspace, names[0], now, reason, {"decision": asked})
        run.heads = {row["claim"]: now.results.heads.get(row["claim"], 0) for row in found}
        confirmed = [row | {"status": "confirmed", "decided_by": store.actor} for row in found]
        run.files.append((_write(store, "matches", confirmed), False))
        # What the differences are was proposed with the match, and is confirmed with it.
        adjustments = _rows_of(con, store, now.results, matches, "adjustments")
        if adjustments:
            run.files.append((_write(store, "adjustments", adjustments), False))
        # The proposal makes way for what is confirmed: a void takes back only what stood before this run.
        run.voids = dict.fromkeys(matches, ("approved", False))
        run.counts = {"final": len(matches)}
        run.decisions = [decision_row(store, "approve", m.hex(), reason) for m in matches]
        return run, names

    asked = {"do": "approve", "matches": [m.hex() for m in matches]}
    return _committed(store, attempt, again)


def reject(
    store: Store, workspace: Workspace, matches: Sequence[bytes], reason: str, again: Moment | None = None
) -> list[str]:
    """
    Say that proposed matches are none: no rule proposes them again.

    :return: the reconciliations to run again.
    :raises WrongUse: one is not proposed.
    """

    def attempt(con: duckdb.DuckDBPyConnection, now: _Now) -> tuple[NewRun, list[str]]:
        found = _standing(con, store, now.results, matches, ("proposed",))
        names = sorted({row["reconciliation"] for row in found})
        run = _new_run("undo", workspace, names[0], now, reason, {"decision": asked})
        run.heads = {row["claim"]: now.results.heads.get(row["claim"], 0) for row in found}
        run.voids = dict.fromkeys(matches, (reason, True))
        run.decisions = [decision_row(store, "reject", m.hex(), reason) for m in matches]
        return run, names

    asked = {"do": "reject", "matches": [m.hex() for m in matches]}
    return _committed(store, attempt, again)


def repeat_decision(
    store: Store,
    workspace: Workspace,
    reconciliation: Reconciliation,
    asked: dict[str, Any],
    reason: str | None,
    again: Moment,
) -> None:
    """
    Perform a decision again.

    :param asked: what was decided, as the run's input ``decision`` says.
    """
    if asked["do"] == "match":
        left, right = (tuple(bytes.fromhex(i) for i in asked[side]) for side in ("left", "right"))
        wanted = HandMatch(left=left, right=right, difference=asked["difference"], part=asked["part"])
        match_by_hand(store, workspace, reconciliation, wanted, reason or "", asked["subject"], again)
        return
    matches = [bytes.fromhex(match_id) for match_id in asked["matches"]]
    if asked["do"] == "undo":
        take_back(store, workspace, matches, reason or "", asked["subject"], again)
    elif asked["do"] == "approve":
        approve(store, workspace, matches, reason, again)
    else:
        reject(store, workspace, matches, reason or "", again)


def _committed(
    store: Store,
    attempt: Callable[[duckdb.DuckDBPyConnection, _Now], tuple[NewRun, _Answer]],
    again: Moment | None,
) -> _Answer:
    """Read, decide, commit; once more from the start where another run came first."""
    for _ in range(_TRIES):
        with store.book.reading() as connection:
            version = facts_version(connection) if again is None else again.facts_version
            results = results_at(connection, None if again is None else again.after)
            now = _Now(version, results, files_at(connection, ("records", "superseded"), version))
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
    now: _Now,
    reason: str | None,
    rests_on: dict[str, Any],
) -> NewRun:
    """Describe a run by a person; ``rests_on`` is what was asked, and other texts that it can be repeated from."""
    texts = {"tieout.toml": workspace.path.read_text(encoding="utf-8")}
    for name, said in rests_on.items():
        texts[name] = said if isinstance(said, str) else json.dumps(said, sort_keys=True)
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
    return NewRun(
        kind=kind,
        reconciliation=reconciliation,
        through_day=None,
        facts_version=now.facts_version,
        heads={},
        inputs={**digests, "after": str(now.results.sequence)},
        texts={digests[name]: (name, text) for name, text in texts.items()},
        reason=reason,
    )


def _write(store: Store, name: str, rows: list[dict[str, Any]]) -> LakeFile:
    """Write a small result file of the table's columns, its rows in total order."""
    schema = table_schema(name)
    order = ("record_key", "match_id", "side", "claim") if name == "matches" else ("match_id", "reason")
    rows = sorted(rows, key=lambda row: tuple(row[column] for column in order))
    with store.lake.writer(name, schema, store.entropy.token_bytes(6).hex()) as writer:
        writer.write(pa.Table.from_pylist(rows, schema=schema))
    return writer.file


def _displaced(
    con: duckdb.DuckDBPyConnection, store: Store, results: Results, reconciliation: str, shares: list[Share]
) -> list[tuple[bytes, str]]:
    """Find the provisional matches of this reconciliation that a person's match pushes out, with the claims they hold."""
    keys = [(s.claim, s.record["record_id"]) for s in shares]
    con.register(
        "claimed",
        pa.table({"claim": [c for c, _ in keys], "record_id": pa.array([r for _, r in keys], pa.binary(16))}),
    )
    standing = standing_matches(con, store.lake, results)
    rows = con.execute(
        f"""with out as (
                select m.match_id from {standing} m semi join claimed c on c.claim = m.claim and c.record_id = m.record_id
                where m.provisional and m.status = 'confirmed' and m.reconciliation = ?)
            select distinct m.match_id, m.claim from {standing} m semi join out o on o.match_id = m.match_id""",
        [reconciliation],
    ).fetchall()
    return sorted((bytes(match_id), str(claim)) for match_id, claim in rows)


def _standing(
    con: duckdb.DuckDBPyConnection,
    store: Store,
    results: Results,
    matches: Sequence[bytes],
    states: tuple[str, ...],
) -> list[dict[str, Any]]:
    """Look up matches that stand, each in one of some states."""
    rows = _rows_of(con, store, results, matches)
    known = {row["match_id"] for row in rows if row["status"] in states}
    lacking = [m.hex() for m in matches if m not in known]
    if lacking:
        what = "matches that stand" if "confirmed" in states else "proposed matches"
        message = f"expected {what}, got {', '.join(lacking[:3])}: `tieout export matches` lists them"
        raise WrongUse(message)
    return rows


def _rows_of(
    con: duckdb.DuckDBPyConnection, store: Store, results: Results, matches: Sequence[bytes], name: str = "matches"
) -> list[dict[str, Any]]:
    """Read what stands of some matches: their rows, or their ``adjustments``."""
    con.register("asked", pa.table({"match_id": pa.array(list(matches), pa.binary(16))}))
    standing = standing_matches(con, store.lake, results, table_name=name)
    found = con.sql(f"select m.* from {standing} m semi join asked a on a.match_id = m.match_id")
    return [dict(row) for row in found.to_arrow_table().to_pylist()]


def _check_stands(con: duckdb.DuckDBPyConnection, store: Store, now: _Now, rows: list[dict[str, Any]]) -> None:
    """Refuse to confirm what rests on a record that was corrected since it was proposed."""
    if not now.files["superseded"]:
        return
    con.register("asked_rows", pa.Table.from_pylist(rows))
    gone = table(store.lake, "superseded", now.files["superseded"])
    found = con.sql(
        f"""select lower(hex(a.record_id)) from asked_rows a join {gone} s
            on s.record_key = a.record_key and s.record_id = a.record_id and s.version = a.version limit 1"""
    ).fetchall()
    if found:
        message = f"expected records that stand as they were proposed, got {found[0][0]}, which was corrected since: run `tieout match` again"
        raise WrongUse(message)


def _check_available(con: duckdb.DuckDBPyConnection, store: Store, now: _Now, rows: list[dict[str, Any]]) -> None:
    """Refuse to confirm what other matches have used up since it was proposed."""
    standing = standing_matches(con, store.lake, now.results)
    con.register("asked_rows", pa.Table.from_pylist(rows))
    # Runs count in different minor units: nine decimals fit all.
    nine = "{0}::hugeint * (10 ** (9 - exponent))::hugeint"
    kin = kin_sql(
        records_of(store.lake, now.files),
        f"(select record_key, record_id from {standing} u where u.status = 'confirmed' and u.claim = 'bank')",
    )
    over = con.sql(
        f"""
        with wanted as (
            select claim, record_id, any_value({nine.format("amount")}) as amount, sum({nine.format("allocated")}) as wanted
            from asked_rows group by claim, record_id
        ), used as (
            select m.claim, m.record_id, sum({nine.format("m.allocated")}) as used from {standing} m
            semi join asked_rows a on a.claim = m.claim and a.record_id = m.record_id
            where m.status = 'confirmed' group by m.claim, m.record_id
        )
        select lower(hex(w.record_id)) from wanted w left join used u using (claim, record_id)
        where abs(w.wanted + coalesce(u.used, 0)) > abs(w.amount)
        union all select lower(hex(k.record_id)) from ({kin}) k semi join asked_rows a on a.record_id = k.record_id
            and a.claim = 'bank'
        """
    ).fetchall()
    if over:
        message = (
            f"expected records with as much open as was proposed, got {over[0][0]}, which was matched otherwise since"
        )
        raise WrongUse(message)
