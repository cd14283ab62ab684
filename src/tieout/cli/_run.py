"""
``tieout run``: the whole job on what waits, from files to the proof of every account.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tieout.cli._asked import JsonOption, WorkspaceOption, asked
from tieout.cli._faults import complain_of
from tieout.cli._ingest import complain_of_unread, names_of, rows_read, say_unclaimed, status_of
from tieout.cli._opening import opened
from tieout.cli._output import measured, say, say_json, say_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tieout.accounting.run import JournalOutcome
    from tieout.config import Workspace
    from tieout.errors import TieoutError
    from tieout.intake.work import Outcome
    from tieout.matching.run import RunOutcome
    from tieout.observe.proofs.proof import AccountProof
    from tieout.store.workplace import Store

__all__ = ["Worked", "run", "say_results", "work_left", "work_through"]

_Files = Annotated[list[Path] | None, typer.Argument(metavar="[FILE...]", help="Files (default: each source's path).")]
_COUNTED = ("in", "new", "repeated", "quarantined")


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """
    What one passage through all stages left.

    :ivar outcomes, errors: of files: what became of each, and those that no source takes or that could not be kept.
    """

    outcomes: list[Outcome]
    errors: list[TieoutError]
    runs: list[RunOutcome]
    journals: JournalOutcome

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON values."""
        return {
            "errors": [str(error) for error in self.errors],
            "runs": [{"reconciliation": run.reconciliation, **run.counts} for run in self.runs],
            "journals": self.journals.counts,
        }


def run(
    context: typer.Context,
    files: _Files = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer calls it so
) -> None:
    """
    Do the whole job on what waits: ingest, match, journal, and the proof of every account.

    Each stage is a command of its own, which says more: 'tieout ingest', 'match', 'journal', 'proof ACCOUNT'.

    Exit status: 0 everything ties out; 1 something needs a person, or an account does not close; 3 a file could not be read.
    """
    from tieout import pipeline
    from tieout.clock import system_clock
    from tieout.observe.proofs.proving import prove_all
    from tieout.observe.work.remaining import remaining

    wanted = asked(context, workspace, as_json=as_json)
    began = system_clock.monotonic()
    with opened(wanted) as (place, store):
        unclaimed = [] if files else pipeline.unclaimed_files(place)
        worked = work_through(store, place, files or None, quiet=wanted.as_json)
        for error in worked.errors:
            complain_of(error, debug=wanted.debug)
        outcomes = remaining(store, place, worked.outcomes)
        complain_of_unread(outcomes)
        proofs = prove_all(store, place)
        work = work_left(store, place)
    counted = {name: sum(getattr(o, f"rows_{name}") for o in outcomes) for name in _COUNTED}
    found = {"files": len(outcomes), "rows": counted, **worked.as_json(), "work": work}
    if wanted.as_json:
        seconds = {"run": system_clock.monotonic() - began}
        say_json({**found, "proofs": [proof.as_json() for proof in proofs], **measured(seconds)})
    else:
        known = sum(outcome.repeat for outcome in outcomes)
        say(
            f"{len(outcomes)} files, {known} of them known already; {counted['in']} rows: {counted['new']} new,"
            f" {counted['repeated']} told before, {counted['quarantined']} could not be read"
        )
        say_results(found)
        _show_proofs(proofs)
        say_unclaimed(names_of(place, unclaimed))
        say(
            "why: `tieout explain ID`, `tieout proof ACCOUNT`; what needs a person: `tieout exceptions`; to look: `tieout serve`"
        )
    needs = work["count"] > 0 or not all(proof.closes for proof in proofs if proof.reported is not None)
    raise typer.Exit(status_of(outcomes, worked.errors) or int(needs))


def work_through(store: Store, workspace: Workspace, files: Sequence[Path] | None, *, quiet: bool) -> Worked:
    """
    Let facts flow through every stage: files, matches, journals.

    :param files: None: what waits at the sources' paths.
    :raises TieoutError: nothing more could be done; what came before it stands.
    """
    from tieout import pipeline
    from tieout.errors import TieoutError

    outcomes: list[Outcome] = []
    errors: list[TieoutError] = []
    if not quiet:
        say("reading files ...")
    with rows_read(quiet=quiet) as heard:
        for result in pipeline.ingest(store, workspace, files, progress=heard):
            if isinstance(result, TieoutError):
                errors.append(result)
            else:
                outcomes.append(result)
    if not quiet:
        say("matching what was expected with what arrived ...")
    runs = list(pipeline.match(store, workspace))
    return Worked(outcomes=outcomes, errors=errors, runs=runs, journals=pipeline.journal(store, workspace))


def work_left(store: Store, workspace: Workspace) -> dict[str, Any]:
    """Say how much needs a person, by reason, with its value in the workspace's currency."""
    import sqlalchemy as sa

    from tieout.model.money import exponent_of, format_minor
    from tieout.store import schema

    table = schema.worklist
    value = sa.func.sum(table.c.weight)
    query = (
        sa.select(table.c.reason, sa.func.count(), value).where(table.c.state != "resolved").group_by(table.c.reason)
    )
    with store.book.reading() as connection:
        rows = connection.execute(query.order_by(sa.func.count().desc(), table.c.reason)).all()
    exponent = exponent_of(workspace.base_currency)
    reasons = [
        {"reason": reason, "count": count, "value": format_minor(int(worth or 0), exponent)}
        for reason, count, worth in rows
    ]
    return {"currency": workspace.base_currency, "count": sum(row[1] for row in rows), "reasons": reasons}


def say_results(found: Mapping[str, Any]) -> None:
    """
    Tell a controller what was matched and drafted, and what is left to a person.

    :param found: ``runs`` and ``journals`` of :meth:`Worked.as_json`, and ``work`` of :func:`work_left`.
    """
    headings = ("reconciliation", "matches", "exceptions", "in transit", "open")
    keys = ("matches", "exceptions", "in_transit", "open")
    table = [[run["reconciliation"], *(str(run.get(key, 0)) for key in keys)] for run in found["runs"]]
    if table:
        say_table(headings, table, frozenset(headings[1:]))
    else:
        say("Nothing is matched: no [[reconciliation]] in tieout.toml, or no fact yet")
    journals, work = found["journals"], found["work"]
    say(
        f"Books: {journals['journals']} journals of {journals['lines']} lines drafted, each balanced; nothing is posted"
    )
    first = ", ".join(
        f"{row['count']} {row['reason'].replace('_', ' ')} ({row['value']} {work['currency']})"
        for row in work["reasons"][:3]
    )
    say(f"Needs a person: {work['count']}, first {first}" if work["count"] else "Needs a person: nothing")


def _show_proofs(proofs: Sequence[AccountProof]) -> None:
    headings = ("account", "as of", "balance", "currency", "proof")
    rows = [
        (
            proof.account_id,
            proof.as_of.isoformat(),
            proof.written(proof.closing) or "-",
            proof.currency,
            "proven" if proof.is_proven else f"not proven: {proof.lacking}",
        )
        for proof in proofs
    ]
    if rows:
        say_table(headings, rows, frozenset({"balance"}))
