"""
``tieout verify``: everything is performed again from the landed bytes, and compared.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli._asked import JsonOption, WorkspaceOption, asked
from tieout.cli._opening import opened
from tieout.cli._output import clean, measured, say, say_json

if TYPE_CHECKING:
    from tieout.intake.verify import Verdict

__all__ = ["verify"]

_Audit = Annotated[bool, typer.Option("--audit", help="Only check files and the audit log; perform nothing again.")]


def verify(
    context: typer.Context,
    audit: _Audit = False,  # noqa: FBT002 - typer calls it so
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer calls it so
) -> None:
    """Check every file against its digest, then perform every run again from landing and compare the results."""
    from tieout import pipeline
    from tieout.clock import system_clock
    from tieout.intake.verify import Verdict, check_files

    wanted = asked(context, workspace, as_json=as_json)
    begin = system_clock.monotonic()
    with opened(wanted) as (place, store):
        if audit:
            verdict = Verdict()
            check_files(store, verdict, lake=True)
        else:
            verdict = pipeline.verify(store, place)
    if wanted.as_json:
        told = {name: getattr(verdict, name) for name in verdict.__dataclass_fields__}
        say_json({**told, **measured({"verify": system_clock.monotonic() - begin})})
    else:
        _show(verdict, performed=not audit)
    raise typer.Exit(3 if verdict.faults else 0)


def _show(verdict: Verdict, *, performed: bool) -> None:
    for fault in verdict.faults:
        print(f"tieout: {clean(fault)}", file=sys.stderr)  # noqa: T201 - one sentence for each
    agree = "agree" if not verdict.faults else "were checked"
    say(f"{verdict.deliveries} deliveries, {verdict.files} lake files, {verdict.audit_entries} audit entries {agree}")
    if performed:
        say(f"{verdict.commits} commits performed again from landing, same digests")
    if verdict.erased:
        say(
            f"{len(verdict.erased)} deliveries were destroyed on purpose; their tombstones: {', '.join(verdict.erased)}"
        )
