"""
``tieout verify``: everything is performed again from the landed bytes, and compared.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli._asked import JsonOption, WorkspaceOption, asked
from tieout.cli._opening import opened
from tieout.cli._output import clean, measured, progress, say, say_json
from tieout.errors import WrongUse

if TYPE_CHECKING:
    from tieout.intake.verify import Verdict

__all__ = ["verify"]

_FAULTS_MAX = 50
_Run = Annotated[
    str | None,
    typer.Argument(metavar="[RUN]", help="The last run to perform again, or how its id begins (default: all)."),
]
_Audit = Annotated[bool, typer.Option("--audit", help="Only check files and the audit log; perform nothing again.")]


_Rebuild = Annotated[
    bool, typer.Option("--rebuild", help="Write lake files that are missing or differ again, proven by their digests.")
]


def verify(
    context: typer.Context,
    run: _Run = None,
    audit: _Audit = False,  # noqa: FBT002 - typer calls it so
    rebuild: _Rebuild = False,  # noqa: FBT002 - typer calls it so
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer calls it so
) -> None:
    """
    Check every file against its digest, then perform every run again from landing and compare the results.

    Each run is performed with the texts of its own time: tieout.toml, mappings and calendars of today may be gone.

    Exit status: 0 everything agrees, and what was erased has its tombstone; 1 nothing is damaged, and this version of
    tieout reads something otherwise than the one that read it; 3 something differs or is missing.
    """
    from tieout import pipeline
    from tieout.clock import system_clock
    from tieout.intake.verify import Verdict, check_files

    if audit and rebuild:
        message = "expected --audit or --rebuild, got both: files are written again by performing everything"
        raise WrongUse(message)
    wanted = asked(context, workspace, as_json=as_json)
    begin = system_clock.monotonic()
    with (
        opened(wanted, kept=True, making=False) as (place, store),
        progress("verifying ...", quiet=wanted.as_json) as heard,
    ):

        def counted(what: str, done: int, of: int) -> None:
            heard(f"{what}: {done:,} of {of:,}")

        if audit:
            verdict = Verdict()
            check_files(store, verdict, counted)
        else:
            verdict = pipeline.verify(store, place, run, counted, rebuild=rebuild)
    if wanted.as_json:
        told = {name: getattr(verdict, name) for name in verdict.__dataclass_fields__}
        say_json({**told, **measured({"verify": system_clock.monotonic() - begin})})
    else:
        _show(verdict, performed=not audit)
    raise typer.Exit(3 if verdict.faults else int(bool(verdict.to_do)))


def _show(verdict: Verdict, *, performed: bool) -> None:
    for fault in verdict.faults[:_FAULTS_MAX]:
        print(f"tieout: {clean(fault)}", file=sys.stderr)  # noqa: T201 - one sentence for each
    if len(verdict.faults) > _FAULTS_MAX:
        print(f"tieout: ... and {len(verdict.faults) - _FAULTS_MAX} more faults: --json has all", file=sys.stderr)  # noqa: T201 - as above
    agree = "agree" if not verdict.faults else "were checked"
    say(f"{verdict.deliveries} deliveries, {verdict.files} lake files, {verdict.audit_entries} audit entries {agree}")
    if performed:
        copies = f", {verdict.from_copies} of them from redacted copies" if verdict.from_copies else ""
        same = "" if verdict.otherwise else ", same digests"
        say(f"{verdict.commits} commits and {verdict.runs} runs performed again from landing{same}{copies}")
    if verdict.rebuilt:
        say(f"{verdict.rebuilt} lake files were written again, with the digests that the book names")
    for sentence in [*verdict.unnamed, *verdict.not_performed, *verdict.otherwise, *verdict.to_do]:
        say(sentence)
    if verdict.not_performed:
        say("the commits after these were performed on the rows that the book holds of them, bound by the audit log")
    for sentence in verdict.tombstones:
        say(f"tombstone of {sentence}")
