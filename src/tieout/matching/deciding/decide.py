"""
What a person decides about matches: to make one, to approve or reject a proposed one, to take some back.

Each is a small run on the same heads as the rules', so that no decision can use up what another has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tieout.errors import WrongUse
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
from tieout.matching.deciding.committing import Moment, Now, committed, new_run
from tieout.matching.deciding.exchanging import rates_of
from tieout.matching.deciding.refusing import check_by_hand, check_reason
from tieout.matching.deciding.splitting import parts_of
from tieout.matching.facts.records import kin_sql, records_of
from tieout.matching.grammar.reading import rule_set
from tieout.store.decisions import decision_row
from tieout.store.past import apart_since
from tieout.store.runs import results_at, standing_matches
from tieout.store.tables import table_schema
from tieout.store.views import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from tieout.config import Workspace
    from tieout.config.workspace import Reconciliation
    from tieout.store.lake import LakeFile
    from tieout.store.runs import NewRun, Results
    from tieout.store.workplace import Store

__all__ = ["HandMatch", "allow_again", "approve", "match_by_hand", "reject", "repeat_decision", "take_back"]


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

    def attempt(con: duckdb.DuckDBPyConnection, now: Now) -> tuple[NewRun, str]:
        shares = shares_of(con, store, reconciliation, rules, wanted, now.results, now.files)
        displaced = _displaced(con, store, now.results, reconciliation.id, shares)
        difference, currency = allocate(shares, wanted, workspace)
        exponent = exponent_for(shares, currency)
        said = [] if wanted.difference is None else parts_of(wanted.difference, difference, currency, exponent)
        if again is None:  # what was decided before stays as it was
            check_by_hand(con, store, now.results, shares, wanted, said, {match_id for match_id, _ in displaced})
        match_id = match_name(reconciliation.id, shares, now.results.sequence)
        rests_on = {"decision": asked, "rules": rules.text} | rates_of(shares, workspace)
        run = new_run("hand", workspace, reconciliation.id, now, reason, rests_on)
        run.voids = {match_id: ("a person matched one of its records", False) for match_id, _ in displaced}
        run.heads = {c: now.results.heads.get(c, 0) for c in {s.claim for s in shares} | {c for _, c in displaced}}
        rows = [match_row(match_id, reconciliation.id, share, difference, store.actor, exponent) for share in shares]
        run.files.append((_write(store, "matches", rows), False))
        adjusted = [
            adjustment_row(match_id, reconciliation.id, shares, (amount, currency), (kind, reason), exponent)
            for kind, amount in said
        ]
        if adjusted:
            run.files.append((_write(store, "adjustments", adjusted), False))
        run.counts = {"final": 1}
        body = {"match_id": match_id.hex(), "resolution": "matched"}
        run.decisions = [decision_row(store, "match", match_id.hex(), reason, body)]
        if subject is not None:
            run.decisions.append(decision_row(store, "resolve", subject, reason, body))
        return run, match_id.hex()

    return committed(store, attempt, again)


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

    def attempt(con: duckdb.DuckDBPyConnection, now: Now) -> tuple[NewRun, list[str]]:
        found = _standing(con, store, now.results, matches, ("confirmed", "proposed"))
        names = sorted({row["reconciliation"] for row in found})
        run = new_run("undo", workspace, names[0], now, reason, {"decision": asked})
        run.heads = {row["claim"]: now.results.heads.get(row["claim"], 0) for row in found}
        run.voids = dict.fromkeys(matches, (reason, True))
        run.counts = {"final": -len({row["match_id"] for row in found if not row["provisional"]})}
        run.decisions = [decision_row(store, "undo", subject, reason, {"matches": [m.hex() for m in matches]})]
        return run, names

    asked = {"do": "undo", "matches": [m.hex() for m in matches], "subject": subject}
    return committed(store, attempt, again)


def approve(
    store: Store, workspace: Workspace, matches: Sequence[bytes], reason: str | None, again: Moment | None = None
) -> list[str]:
    """
    Confirm proposed matches: from now on they use up what they name.

    :return: the reconciliations to run again.
    :raises WrongUse: one is not proposed, or its records were used up or corrected meanwhile.
    """

    def attempt(con: duckdb.DuckDBPyConnection, now: Now) -> tuple[NewRun, list[str]]:
        found = _standing(con, store, now.results, matches, ("proposed",))
        names = sorted({row["reconciliation"] for row in found})
        _check_stands(con, store, now, found)
        _check_available(con, store, now, found)
        run = new_run("hand", workspace, names[0], now, reason, {"decision": asked})
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
    return committed(store, attempt, again)


def reject(
    store: Store, workspace: Workspace, matches: Sequence[bytes], reason: str, again: Moment | None = None
) -> list[str]:
    """
    Say that proposed matches are none: no rule proposes them again.

    :return: the reconciliations to run again.
    :raises WrongUse: one is not proposed.
    """

    def attempt(con: duckdb.DuckDBPyConnection, now: Now) -> tuple[NewRun, list[str]]:
        found = _standing(con, store, now.results, matches, ("proposed",))
        names = sorted({row["reconciliation"] for row in found})
        run = new_run("undo", workspace, names[0], now, reason, {"decision": asked})
        run.heads = {row["claim"]: now.results.heads.get(row["claim"], 0) for row in found}
        run.voids = dict.fromkeys(matches, (reason, True))
        run.decisions = [decision_row(store, "reject", m.hex(), reason) for m in matches]
        return run, names

    asked = {"do": "reject", "matches": [m.hex() for m in matches]}
    return committed(store, attempt, again)


def allow_again(
    store: Store, workspace: Workspace, run_id: str, rule: str | None, reason: str, again: Moment | None = None
) -> list[str]:
    """
    Take back that a person took matches apart: rules may make them again, where they still find them.

    :param run_id: of the undo or the rejection.
    :param rule: only what this rule had matched.
    :return: the reconciliations to run again.
    :raises WrongUse: nothing is apart because of that run.
    """

    def attempt(con: duckdb.DuckDBPyConnection, now: Now) -> tuple[NewRun, list[str]]:
        sequence = now.results.runs[run_id]["sequence"]
        with store.book.reading() as connection:
            before = results_at(connection, sequence - 1)
        apart = [match_id for match_id, since in apart_since(now.results).items() if since == sequence]
        found = [row for row in _rows_of(con, store, before, apart) if rule in (None, row["rule"])]
        if not found:
            message = f"expected a run that keeps apart what a person took back, got {run_id}: {_why_none(now, sequence, apart)}"
            raise WrongUse(message)
        matches = sorted({row["match_id"] for row in found})
        names = sorted({row["reconciliation"] for row in found})
        run = new_run("undo", workspace, names[0], now, reason, {"decision": asked})
        run.heads = {row["claim"]: now.results.heads.get(row["claim"], 0) for row in found}
        run.voids = dict.fromkeys(matches, (reason, False))
        run.decisions = [decision_row(store, "allow", run_id, reason, {"matches": [m.hex() for m in matches]})]
        return run, names

    asked = {"do": "allow", "run": run_id, "rule": rule}
    return committed(store, attempt, again)


def _why_none(now: Now, sequence: int, apart: list[bytes]) -> str:
    if apart:
        return "it took back nothing that this rule had matched"
    if any(at == sequence and blocks for _, at, blocks in now.results.voids):
        return "what it took back was decided anew since, `tieout explain` tells how"
    return "it let rules match again, so undo the match that they made since, which `tieout explain` names"


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
    if asked["do"] == "allow":
        allow_again(store, workspace, asked["run"], asked["rule"], reason or "", again)
        return
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


def _check_stands(con: duckdb.DuckDBPyConnection, store: Store, now: Now, rows: list[dict[str, Any]]) -> None:
    """Refuse to confirm what rests on a record that was corrected since it was proposed."""
    if not now.files["superseded"]:
        return
    con.register("asked_rows", pa.Table.from_pylist(rows))
    gone = table(store.lake, "superseded", now.files["superseded"])
    found = con.execute(
        f"""select lower(hex(a.record_id)) from asked_rows a join {gone} s
            on s.record_key = a.record_key and s.record_id = a.record_id and s.version = a.version limit 1"""
    ).fetchall()
    if found:
        message = f"expected records that stand as they were proposed, got {found[0][0]}, which was corrected since: run `tieout match` again"
        raise WrongUse(message)


def _check_available(con: duckdb.DuckDBPyConnection, store: Store, now: Now, rows: list[dict[str, Any]]) -> None:
    """Refuse to confirm what other matches have used up since it was proposed."""
    standing = standing_matches(con, store.lake, now.results)
    con.register("asked_rows", pa.Table.from_pylist(rows))
    # Runs count in different minor units: nine decimals fit all.
    nine = "{0}::hugeint * (10 ** (9 - exponent))::hugeint"
    kin = kin_sql(
        records_of(store.lake, now.files),
        f"(select record_key, record_id from {standing} u where u.status = 'confirmed' and u.claim = 'bank')",
    )
    over = con.execute(
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
