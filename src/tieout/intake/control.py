"""
What can be wrong with a delivery although every row of it can be read: law 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tieout.intake import announced, drafts
from tieout.intake.chains import chain_findings, chain_scope
from tieout.intake.doubts import doubt_findings
from tieout.intake.findings import Finding, reason_of
from tieout.intake.issues import standing
from tieout.intake.joined import joined_findings
from tieout.intake.messages import message_findings
from tieout.intake.pages import account_statements
from tieout.intake.resolution import Resolution
from tieout.intake.settlements import find_open_batches
from tieout.intake.statements import series_of

if TYPE_CHECKING:
    from tieout.config import Workspace
    from tieout.intake.commit import Change
    from tieout.intake.reissued import Covered
    from tieout.intake.resolution import Conflict, Facts
    from tieout.intake.stage import Staged
    from tieout.intake.work import Work
    from tieout.model.problems import Problem

__all__ = ["find", "supersede_announced"]


def supersede_announced(
    work: Work, facts: Facts, change: Change, statements: list[Any], names: dict[str, set[str]]
) -> None:
    """
    Let booked statements, old and new, overtake what was only announced, old and new.

    :param statements: those of other deliveries; ``names``: what records may call their accounts.
    """
    if (work.reader.format.system or "") != "bank":
        return
    everything = [*statements, *change.statements]
    settled = announced.settle_announced(
        work.con,
        work.store.lake,
        facts,
        change.files,
        everything,
        names,
        work.row.delivery_id,
        anew=work.replay is not None,
    )
    change.files += drafts.write_changes(work.store.lake, Resolution(tables=settled), work.row.delivery_id)


def find(
    work: Work,
    facts: Facts,
    staged: Staged,
    resolution: Resolution,
    change: Change,
    covered: Covered,
    past: list[dict[str, Any]],
) -> None:
    """
    Collect what needs a person, scope by scope.

    :param past: the statements that the delivery had when it was read before.
    """
    row, scopes = work.row, change.scopes
    scope = f"delivery {row.delivery_id}"
    origin = {"source_id": row.source_id, "delivery_id": row.delivery_id}
    unfinished = {(p.member, p.line) for p in staged.problems if p.reason == "unfinished"}
    unfinished &= {(s["member"], s["line"]) for s in change.statements if s["final"] and s["closing"] is None}
    found = [
        Finding(
            scope=scope, reason=reason_of(p.reason), note=_placed(row.name, p), entity_id=work.source.entity, **origin
        )
        for p in staged.problems
        if p.severity != "row" and (p.member, p.line) not in unfinished
    ]
    if staged.problems_beyond:
        note = f"{row.name}: {staged.problems_beyond} more problems than are kept one by one: replay it after a fix"
        found.append(Finding(scope=scope, reason="unreadable", note=note, **origin))
    for number, currency in work.unknown:
        note = (
            f"expected an account that tieout.toml declares for {row.source_id}, got {number or 'none'} in {currency}"
        )
        found.append(Finding(scope=scope, reason="unknown_account", note=note, currency=currency, **origin))
    scopes.add(scope, found)
    with work.store.book.reading() as connection:
        for doubted, doubts in doubt_findings(
            connection,
            row.delivery_id,
            row.source_id,
            resolution.doubts,
            resolution.settled,
            anew=work.replay is not None,
        ).items():
            scopes.add(doubted, doubts)
        for name, twice in joined_findings(
            connection, row.delivery_id, row.source_id, resolution.joined, anew=work.replay is not None
        ).items():
            scopes.add(name, twice)
        brought = [statement for _, statement in staged.statements]
        for name, gaps in message_findings(
            connection, row.source_id, work.source.entity, row.delivery_id, brought, covered.statements
        ).items():
            scopes.add(name, gaps)
    for record_id in sorted(resolution.folded):
        record = f"record {record_id}"
        scopes.add(record, [_contradicted(record, c) for c in resolution.conflicts if c.record_id == record_id])
    for name in sorted(covered.scopes):
        scopes.add(name, [finding for finding in resolution.changes if finding.scope == name])
    _find_gaps(work.workspace, change, covered, past)
    find_open_batches(work, facts, resolution, change)


def _contradicted(scope: str, conflict: Conflict) -> Finding:
    """Say that reports of a record contradict each other; it stands under the first of them, whichever came last."""
    first = conflict.candidates[0]
    return Finding(
        scope=scope,
        reason="conflict",
        note=conflict.note,
        record_id=conflict.record_id,
        candidates=conflict.candidates,
        source_id=str(first["source"]),
        delivery_id=str(first["delivery_id"]),
    )


def _placed(name: str, problem: Problem) -> str:
    member = f" in {problem.member}" if problem.member else ""
    return f"{name}{member}: {problem.sentence}"


def _find_gaps(workspace: Workspace, change: Change, covered: Covered, past: list[dict[str, Any]]) -> None:
    """
    Look again at the chain of every account that the delivery has, or had, a booked statement of.

    Some banks number the statements of an account's currencies in one series: those of the others are not missing.
    """
    booked = standing(covered.statements, covered.found)
    touched = {series_of(workspace, s["account_id"]) for s in [*change.statements, *past] if s["final"]}
    chains = {(s["account_id"], s["currency"] or "") for s in past if s["final"]}
    chains |= {(s.account_id, s.currency or "") for s in booked if series_of(workspace, s.account_id) in touched}
    for account, currency in sorted(chains):
        scope, series = chain_scope(account, currency), series_of(workspace, account)
        mine = [s for s in booked if (s.account_id, s.currency or "") == (account, currency)]
        beside = [s for s in booked if series_of(workspace, s.account_id) == series and s.currency != currency]
        found = []
        for entity in sorted({s.entity_id for s in mine}):
            statements, missing = account_statements(scope, [s for s in mine if s.entity_id == entity])
            others, _ = account_statements(scope, [s for s in beside if s.entity_id == entity])
            found += [*missing, *chain_findings(statements, others)]
        change.scopes.add(scope, found)
