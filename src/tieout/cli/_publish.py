"""
``tieout publish``: the lake as Apache Iceberg tables, for other engines.
"""

from __future__ import annotations

import sys
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tieout.cli._asked import JsonOption, WorkspaceOption, asked
from tieout.cli._opening import opened
from tieout.cli._output import clean, measured, say, say_json, say_table
from tieout.errors import Transient

if TYPE_CHECKING:
    from tieout.store.publisher import Publication

__all__ = ["publish"]

_Follow = Annotated[
    bool, typer.Option("--follow", help="Stay, and publish what is new at most a minute later, until Ctrl-C.")
]


def publish(
    context: typer.Context,
    follow: _Follow = False,  # noqa: FBT002 - typer calls it so
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer calls it so
) -> None:
    """
    Show what stands to other engines, as Apache Iceberg tables: records, balances, matches, adjustments, journals.

    Files of the lake are named, not copied, except those of which some rows do not stand any more. The tables can be
    deleted at any time: publishing makes them again from the book. Needs `pip install 'tieout[iceberg]'`.
    """
    from tieout.clock import system_clock
    from tieout.store.publisher import EVERY_S
    from tieout.store.publisher import publish as publish_now

    wanted = asked(context, workspace, as_json=as_json)
    with opened(wanted, kept=True, making=False) as (place, store):
        first = True
        while True:
            began = system_clock.monotonic()
            try:
                done = publish_now(store, place.catalog, trusting=not first)
            except Transient as fault:
                if not follow:
                    raise
                print(f"tieout: {clean(str(fault))}", file=sys.stderr)  # noqa: T201 - it goes on, and says why it waits
            else:
                if first or done.changed:
                    _tell(
                        done, place.catalog, system_clock.monotonic() - began, as_json=wanted.as_json, at_length=first
                    )
                first = False
            if not follow:
                return
            Event().wait(EVERY_S)


def _tell(done: Publication, catalog: str, seconds: float, *, as_json: bool, at_length: bool) -> None:
    import sqlalchemy as sa

    shown = sa.make_url(catalog).render_as_string(hide_password=True)
    if as_json:
        tables = [{name: getattr(one, name) for name in one.__dataclass_fields__} for one in done.tables]
        told: dict[str, Any] = {"catalog": shown, "facts": done.facts, "runs": done.runs, "tables": tables}
        say_json({**told, **measured({"publish": seconds})})
        return
    if at_length:
        headings = ("table", "rows", "files", "added", "removed")
        rows = [[str(getattr(one, name)) for name in headings] for one in done.tables]
        say_table(headings, rows, frozenset(headings[1:]))
        say(f"as the book stands after {done.facts} commits of facts and {done.runs} runs; the catalog is {shown}")
    else:
        changes = ", ".join(f"{one.table} {one.rows}" for one in done.tables if one.added or one.removed)
        say(f"after {done.facts} commits of facts and {done.runs} runs: {changes or 'the same rows'}")
    sys.stdout.flush()
