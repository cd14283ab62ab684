"""
``tieout ingest`` and ``tieout replay``: files become facts, and are read again after a fix.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli._asked import JsonOption, WorkspaceOption, asked, reason_given
from tieout.cli._faults import complain, complain_of
from tieout.cli._opening import opened
from tieout.cli._output import measured, progress, say, say_json, say_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tieout.config import Workspace
    from tieout.intake.work import Outcome

__all__ = ["complain_of_unread", "ingest", "names_of", "replay", "rows_read", "say_unclaimed", "status_of"]

_Files = Annotated[list[Path] | None, typer.Argument(metavar="[FILE...]", help="Files (default: each source's path).")]
_Source = Annotated[str | None, typer.Option("--source", metavar="ID", help="Whose files they are.")]


def ingest(
    context: typer.Context,
    files: _Files = None,
    source: _Source = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer calls it so
) -> None:
    """Keep files unaltered and turn them into facts; what came before is recognised, bad rows are quarantined."""
    from tieout import pipeline
    from tieout.clock import system_clock
    from tieout.errors import TieoutError
    from tieout.observe.work.remaining import remaining

    wanted = asked(context, workspace, as_json=as_json)
    begin = system_clock.monotonic()
    outcomes: list[Outcome] = []
    errors: list[TieoutError] = []
    failed: TieoutError | None = None
    with opened(wanted) as (place, store), rows_read(quiet=wanted.as_json) as heard:
        unclaimed = [] if files or source is not None else pipeline.unclaimed_files(place)
        paths = {one.id: one.path for one in place.sources}
        try:
            for result in pipeline.ingest(store, place, files or None, source, heard):
                if isinstance(result, TieoutError):
                    errors.append(result)
                    complain_of(result, debug=wanted.debug)
                    continue
                outcomes.append(result)
                if result.state == "refused" and not result.repeat:
                    complain(f"{result.name}: {result.reason}")
        except TieoutError as error:  # what came in before it is told all the same
            if not outcomes:
                raise
            failed = error
        outcomes = remaining(store, place, outcomes)
    complain_of_unread([outcome for outcome in outcomes if outcome.repeat])
    seconds = {"ingest": system_clock.monotonic() - begin}
    left = names_of(place, unclaimed)
    if wanted.as_json:
        told = [outcome.as_json() for outcome in outcomes]
        faults = [str(error) for error in errors]
        say_json({"deliveries": told, "errors": faults, "unclaimed": left, **measured(seconds)})
    else:
        if outcomes or not errors:
            _show(outcomes)
        _show_refused(outcomes, paths)
        say_unclaimed(left)
    if failed is not None:
        raise failed
    raise typer.Exit(status_of(outcomes, errors))


def replay(
    context: typer.Context,
    delivery: Annotated[str, typer.Argument(metavar="DELIVERY", help="The delivery's id, or how it begins.")],
    reason: Annotated[str, typer.Option("--reason", help="Why it is read again; stands in the audit log.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer calls it so
) -> None:
    """Read a delivery again with today's formats and mappings, and withdraw what it no longer yields."""
    from tieout import pipeline
    from tieout.clock import system_clock
    from tieout.intake.receive import delivery_named
    from tieout.observe.work.remaining import remaining

    wanted = asked(context, workspace, as_json=as_json)
    begin = system_clock.monotonic()
    with opened(wanted) as (place, store), rows_read(quiet=wanted.as_json) as heard:
        named = delivery_named(store, delivery)
        outcome = pipeline.replay(store, place, named, reason_given(reason), partial(heard, delivery))
        outcomes = remaining(store, place, [outcome] if outcome is not None else [])
    if wanted.as_json:
        told = [outcome.as_json() for outcome in outcomes]
        say_json({"deliveries": told, **measured({"replay": system_clock.monotonic() - begin})})
    else:
        _show(outcomes)
    raise typer.Exit(status_of(outcomes, []))


def names_of(workspace: Workspace, files: Sequence[Path]) -> list[str]:
    """Name files of a workspace, as a terminal can show them."""
    from tieout.intake.receive import kept_name

    return [kept_name(str(path.relative_to(workspace.folder))) for path in files]


def complain_of_unread(outcomes: Sequence[Outcome]) -> None:
    """Say why files could not be read, where nobody settled that."""
    for outcome in filter(_is_unread, outcomes):
        complain(f"{outcome.name}: {outcome.reason}")


def _is_unread(outcome: Outcome) -> bool:
    """Whether nothing of it could be read, and nobody settled that."""
    return outcome.state == "refused" and outcome.rows_waiting > 0


def status_of(outcomes: Sequence[Outcome], errors: Sequence[Exception]) -> int:
    """Say 3 where a file could not be read at all, 1 where something that came needs a person still."""
    if errors or any(map(_is_unread, outcomes)):
        return 3
    # Of one that was withdrawn, or that nobody could read and was settled, a person has decided.
    rest = [outcome for outcome in outcomes if outcome.state not in {"withdrawn", "refused"}]
    return int(
        any(outcome.findings for outcome in outcomes)
        or any(outcome.rows_waiting or outcome.reason or outcome.state != "accepted" for outcome in rest)
    )


def _show(outcomes: list[Outcome]) -> None:
    if not outcomes:
        say("nothing new: no file waits at the sources' paths")
        return
    headings = ["file", "source", "what", "rows in", "new", "known", "changed", "quarantined"]
    skipped = any(outcome.rows_skipped for outcome in outcomes)
    headings += ["skipped"] * skipped
    rows = [
        (
            outcome.name,
            outcome.source_id,
            _what(outcome),
            str(outcome.rows_in),
            str(outcome.rows_new),
            str(outcome.rows_repeated),
            str(outcome.versions),
            str(outcome.rows_quarantined),
            *([str(outcome.rows_skipped)] * skipped),
        )
        for outcome in outcomes
    ]
    say_table(headings, rows, frozenset(headings[3:]))
    for outcome in outcomes:
        if outcome.state == "withdrawn":
            say(
                f"{outcome.name}: {outcome.reason}; it counts no more, and"
                f' `tieout replay {outcome.delivery_id[:12]} --reason "..."` brings it back'
            )
        elif outcome.reason and outcome.state != "refused":
            say(f"{outcome.name}: {outcome.reason}")
        if outcome.also_under:
            named = ", ".join(outcome.also_under)
            say(
                f"{outcome.name}: the same bytes stand under source {named} too, and what is new counts twice; if"
                f' {outcome.source_id} is wrong: `tieout deliveries --withdraw {outcome.delivery_id[:12]} --reason "..."`'
            )
        if outcome.mapping_changed or outcome.encoding_changed:
            what = "mapping" if outcome.mapping_changed else "encoding"
            say(
                f"{outcome.name}: the {what} of {outcome.source_id} changed; what came before stands as it was read, and"
                " what both tell may count twice: `tieout replay DELIVERY --reason ...` reads it as this one"
            )
        if outcome.withdrawn:
            say(f"{outcome.name}: {outcome.withdrawn} record(s) withdrawn: nothing says them any more")
    findings = sum(outcome.findings for outcome in outcomes)
    if findings:
        say(f"{findings} finding(s) need a person: see `tieout exceptions`")
    if any(outcome.rows_waiting for outcome in outcomes if outcome.state != "refused"):
        say(
            "rows that could not be read wait in `tieout quarantine`; after a fix: `tieout replay DELIVERY --reason ...`"
        )


def say_unclaimed(names: list[str]) -> None:
    """Name files that lie in the inbox and that nobody counts."""
    if names:
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        say(
            f"no source looks for {', '.join(names[:5])}{more}: move what should count to a source's path, or change that"
            " path"
        )


def _show_refused(outcomes: list[Outcome], paths: dict[str, str | None]) -> None:
    """Say what to do next about each file that could not be read at all."""
    for outcome in outcomes:
        if not _is_unread(outcome):
            continue
        name, begin = outcome.name, outcome.delivery_id[:12]
        if outcome.taken_by:
            taker = outcome.taken_by[0]
            place = f"move it to {paths[taker]}" if paths.get(taker) else f"bring it with --source {taker}"
            say(
                f"{name} looks like a file of {taker}: {place}, then `tieout ingest` again and"
                f' `tieout quarantine --settle {begin} --reason "wrong folder"`'
            )
            continue
        since = " when it came first" if outcome.repeat else ""
        say(
            f"{name} could not be read{since}. If its mapping was wrong and is mended: `tieout replay {begin} --reason"
            f' "..."`; if the file is: bring a better one, then `tieout quarantine --settle {begin} --reason "..."`'
        )


def _what(outcome: Outcome) -> str:
    if outcome.repeat and not outcome.rows_in:
        return "known already" if outcome.state == "accepted" else f"known already, {outcome.state}"
    return outcome.format or outcome.state if outcome.state == "accepted" else outcome.state


@contextmanager
def rows_read(*, quiet: bool) -> Iterator[Callable[[str, int], None]]:
    """Give what hears how many rows of a file are read, and shows it as :func:`progress` does."""
    with progress("reading ...", quiet=quiet) as heard:
        yield lambda name, rows: heard(f"{name}: {rows:,} rows")
