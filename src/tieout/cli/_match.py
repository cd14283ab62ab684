"""
``tieout match``: what was expected is paired with what arrived.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli._asked import JsonOption, WorkspaceOption, asked
from tieout.cli._export import day_given
from tieout.cli._opening import opened
from tieout.cli._output import measured, progress, say, say_json, say_table

if TYPE_CHECKING:
    from tieout.matching.run import RunOutcome

__all__ = ["match"]

_Names = Annotated[
    list[str] | None, typer.Argument(metavar="[RECONCILIATION...]", help="Which to run (default: all, in order).")
]
_Through = Annotated[
    str | None, typer.Option(metavar="DATE", help="Nothing later than this day (default: the last day of the facts).")
]
_Engine = Annotated[str | None, typer.Option(metavar="ENGINE", help="duckdb, spark or spark://HOST:PORT.")]
_COLUMNS = ("matches", "proposed", "exceptions", "in_transit", "open", "excluded")


def match(
    context: typer.Context,
    reconciliations: _Names = None,
    through: _Through = None,
    engine: _Engine = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer calls it so
) -> None:
    """
    Pair what was expected with what arrived, by the rules of each reconciliation; never guess.

    A run over the same facts, decisions and rules gives the same result; if nothing has changed since the last one,
    it says so and that one stands.

    Exit status: 0 everything ties out; 1 something needs a person.
    """
    from tieout import pipeline

    wanted = asked(context, workspace, as_json=as_json)
    with opened(wanted) as (place, store), progress("matching ...", quiet=wanted.as_json) as heard:
        outcomes = list(
            pipeline.match(
                store, place, reconciliations or None, day_given("--through", through), engine=engine, progress=heard
            )
        )
    if wanted.as_json:
        seconds = {phase: sum(o.seconds.get(phase, 0.0) for o in outcomes) for phase in ("read", "match", "write")}
        say_json({"runs": [_as_json(outcome) for outcome in outcomes], **measured(seconds)})
    else:
        _show(outcomes, declared=bool(place.reconciliations))
    raise typer.Exit(int(any(o.counts.get("exceptions") or o.counts.get("proposed") for o in outcomes)))


def _as_json(outcome: RunOutcome) -> dict[str, object]:
    through = None if outcome.through is None else outcome.through.isoformat()
    return {
        "reconciliation": outcome.reconciliation,
        "run_id": outcome.run_id,
        "digest": outcome.digest,
        "through": through,
        "unchanged": outcome.unchanged,
        **outcome.counts,
        "seconds": {phase: round(taken, 3) for phase, taken in outcome.seconds.items()},
    }


def _show(outcomes: list[RunOutcome], *, declared: bool) -> None:
    if not outcomes:
        none = "no reconciliation is declared: add [[reconciliation]] to tieout.toml"
        say("nothing to match: no fact is there yet; `tieout ingest` brings them in" if declared else none)
        return
    headings = ("reconciliation", *(name.replace("_", " ") for name in _COLUMNS), "run")
    rows = [
        (
            o.reconciliation,
            *(str(o.counts.get(name, 0)) for name in _COLUMNS),
            o.run_id + (" (stands)" if o.unchanged else ""),
        )
        for o in outcomes
    ]
    say_table(headings, rows, frozenset(headings[1:-1]))
    say(f"through {outcomes[0].through}; what needs a person: `tieout exceptions`; why: `tieout explain ID`")
