"""
What a person decides: ``tieout resolve``, ``undo``, ``approve`` and ``reject``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli._asked import JsonOption, WorkspaceOption, asked, reason_given
from tieout.cli._opening import opened
from tieout.cli._output import say, say_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tieout.matching.run import RunOutcome

__all__ = ["approve", "reject", "resolve", "undo"]

_Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of matches, or how they begin.")]
_Why = Annotated[str, typer.Option("--reason", help="Why; stands in the audit log.")]
_WhyPerhaps = Annotated[str | None, typer.Option("--reason", help="Why; stands in the audit log.")]


def resolve(
    context: typer.Context,
    exception: Annotated[str, typer.Argument(metavar="EXCEPTION", help="Its id, or how it begins.")],
    reason: _WhyPerhaps = None,
    match: Annotated[
        list[str] | None,
        typer.Option("--match", metavar="ID", help="A record that it belongs to; may stand several times."),
    ] = None,
    difference: Annotated[
        list[str] | None,
        typer.Option(
            "--as",
            metavar="REASON[=AMOUNT]",
            help="What a difference is: discount, bank_charge, fx, ...; of several kinds, each with its amount.",
        ),
    ] = None,
    part: Annotated[bool, typer.Option("--part", help="Match only as much as both have; the rest stays open.")] = False,  # noqa: FBT002 - typer calls it so
    assign: Annotated[str | None, typer.Option("--assign", metavar="WHO", help="Only say who looks after it.")] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer calls it so
) -> None:
    """
    Settle an exception: match it with what it belongs to, or say with --reason why it needs nothing more.

    With --match the records are put together, and the reconciliation is run again on what is left. Between two
    currencies, --as fx says that one was exchanged into the other: the difference is counted by the rates of their days.
    A difference that is two things is said as both: --as discount=18.00 --as bank_charge (the one without an amount is the rest).
    """
    from tieout import pipeline
    from tieout.model.texts import storable

    wanted = asked(context, workspace, as_json=as_json)
    assignee = None if assign is None else storable(assign)
    said = ",".join(difference) if difference else None
    how = pipeline.Resolution(others=tuple(match or ()), difference=said, part=part, assignee=assignee)
    why = None if reason is None else reason_given(reason)
    with opened(wanted) as (place, store):
        done, runs = pipeline.resolve(store, place, exception, how, why)
    _tell(done, runs, as_json=wanted.as_json)


def undo(
    context: typer.Context,
    named: Annotated[
        str,
        typer.Argument(metavar="ID", help="A match, a run (all its matches; of an undo: that undo), or an exception."),
    ],
    reason: _Why,
    rule: Annotated[str | None, typer.Option(metavar="NAME", help="Of a run: only what this rule matched.")] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer calls it so
) -> None:
    """
    Take back a match, everything that a run matched, that an exception was settled, or an undo.

    No rule puts together again what a person took apart, until the run that took it apart is undone; history keeps both.
    """
    from tieout import pipeline

    wanted = asked(context, workspace, as_json=as_json)
    with opened(wanted) as (place, store):
        done, runs = pipeline.undo(store, place, named, reason_given(reason), rule)
    _tell(done, runs, as_json=wanted.as_json)


def approve(
    context: typer.Context,
    ids: _Ids,
    reason: _WhyPerhaps = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer calls it so
) -> None:
    """Confirm proposed matches: from now on they use up what they name."""
    from tieout import pipeline

    wanted = asked(context, workspace, as_json=as_json)
    with opened(wanted) as (place, store):
        runs = pipeline.judge(store, place, ids, None if reason is None else reason_given(reason), approved=True)
    _tell(f"{len(ids)} approved", runs, as_json=wanted.as_json)


def reject(
    context: typer.Context,
    ids: _Ids,
    reason: _WhyPerhaps = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer calls it so
) -> None:
    """Say that proposed matches are none: no rule proposes them again."""
    from tieout import pipeline

    wanted = asked(context, workspace, as_json=as_json)
    with opened(wanted) as (place, store):
        runs = pipeline.judge(store, place, ids, None if reason is None else reason_given(reason), approved=False)
    _tell(f"{len(ids)} rejected", runs, as_json=wanted.as_json)


def _tell(done: str, runs: Sequence[RunOutcome], *, as_json: bool) -> None:
    if as_json:
        say_json({"done": done, "runs": [run.run_id for run in runs]})
        return
    say(done)
    for run in runs:
        say(
            f"{run.reconciliation} was run again: {run.counts['matches']} matches, {run.counts['exceptions']} exceptions"
        )
