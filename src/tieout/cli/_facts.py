"""
What came in and what became of it: ``tieout deliveries``, ``quarantine``, ``exceptions`` and ``completeness``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tieout.cli._asked import JsonOption, WorkspaceOption, asked
from tieout.cli._export import AccountOption, AsOfOption, EntityOption, day_given
from tieout.cli._opening import opened
from tieout.cli._output import measured, say, say_json, say_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tieout.cli._asked import Asked
    from tieout.observe.exporting.exports import Filters

__all__ = ["completeness", "deliveries", "exceptions", "quarantine"]

_SHOWN = 50
_NAMED = 5  # of what waits to be read
# What a person has settled needs nobody any more.
_UNSETTLED = "coalesce(t.decided, 'open') <> 'resolved'"
_RIGHT = frozenset({"rows", "new", "repeated", "quarantined", "skipped", "line", "amount", "age"})
# A last column that is shown only where a row has something in it.
_SOMETIMES = {"skipped"}

_Limit = Annotated[
    int, typer.Option(metavar="N", min=1, max=10_000, help="Show so many rows (JSON: all, up to 10000).")
]
_Settled = Annotated[bool, typer.Option("--all", help="Also what is closed, and by what.")]
_Settle = Annotated[
    str | None,
    typer.Option("--settle", metavar="DELIVERY[:LINE]", help="Close the open entries of a delivery, or of its line."),
]
_Reopen = Annotated[
    str | None, typer.Option("--reopen", metavar="DELIVERY[:LINE]", help="Open again what a person closed.")
]
_Reason = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why; stands in the audit log.")]
_Withdraw = Annotated[
    str | None,
    typer.Option("--withdraw", metavar="DELIVERY", help="Take back what a delivery told: its id, or how it begins."),
]
_Whole = Annotated[bool, typer.Option("--all", help="Also what was received.")]


def deliveries(
    context: typer.Context,
    entity: EntityOption = None,
    limit: _Limit = _SHOWN,
    withdraw: _Withdraw = None,
    reason: _Reason = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer calls it so
) -> None:
    """
    Show what came in, the newest first, and what became of its rows; or withdraw a delivery.

    One that came under a wrong source, or is somebody else's: --withdraw with a --reason, which stands in the audit log.
    What it alone told counts no more, what others told as well stays; its bytes are kept, and `tieout replay` brings it back.

    Exit status: 0 done; 1 of --withdraw: something needs a person now.
    """
    from tieout.cli._withdraw import withdrawn
    from tieout.observe.exporting.exports import Filters

    wanted = asked(context, workspace, as_json=as_json)
    if withdraw is not None or reason is not None:
        raise typer.Exit(withdrawn(wanted, withdraw, reason))
    headings = ["received", "delivery", "source", "file", "format", "state", "rows", "new", "repeated"]
    headings += ["quarantined", "skipped"]

    def cells(row: dict[str, Any]) -> list[object]:
        shown = [row["received_at"][:16].replace("T", " "), row["delivery_id"][:12], row["source_id"], row["name"]]
        counts = [row[f"rows_{name}"] for name in ("in", "new", "repeated", "quarantined", "skipped")]
        copy = f", a copy without card numbers of {row['redacts'][:12]}" if row["redacts"] else ""
        state = row["reason"] if row["state"] == "withdrawn" else row["state"]  # which names who, and why
        return [*shown, row["format"], f"{state}{copy}", *counts]

    _listed(
        wanted, "deliveries", Filters(entity=entity), headings, cells, limit, newest=True, waiting="state = 'landed'"
    )


def quarantine(
    context: typer.Context,
    entity: EntityOption = None,
    limit: _Limit = _SHOWN,
    whole: _Settled = False,  # noqa: FBT002 - typer calls it so
    settle: _Settle = None,
    reopen: _Reopen = None,
    reason: _Reason = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - as above
) -> None:
    """
    Show the rows and files that could not be read and are still open, with place and reason; or close them.

    An entry is closed by a replay that reads it, by a later delivery of its source that states the same identifier
    readably, or by a person: --settle with a --reason, which stands in the audit log; --reopen takes that back.

    Exit status: 0 nothing is open; 1 something waits for a correction.
    """
    from tieout.cli._settling import UNREAD, decide, how_many_open
    from tieout.observe.exporting.exports import Filters

    wanted = asked(context, workspace, as_json=as_json)
    if settle is not None or reopen is not None or reason is not None:
        raise typer.Exit(decide(wanted, settle, reopen, reason))
    headings = ["delivery", "source", "file", "line", "column", "message"] + ["closed by"] * whole

    def cells(row: dict[str, Any]) -> list[object]:
        file = row["file"] if row["member"] is None else f"{row['file']}/{row['member']}"
        told = [row["delivery_id"][:12], row["source_id"], file, row["line"], row["column"], row["message"]]
        return told + [_closed(row)] * whole

    condition = UNREAD if whole else f"{UNREAD} and t.settled is null"
    count = _listed(wanted, "quarantine", Filters(entity=entity), headings, cells, limit, condition=condition)
    if whole and count:
        count = how_many_open(wanted, entity)
    raise typer.Exit(1 if count else 0)


def _closed(row: dict[str, Any]) -> str | None:
    if row["settled"] is None:
        return None
    by = f"{row['settled_by']}: " if row["settled"] == "decision" else ""
    return f"{by}{row['settled_because']}"


def exceptions(
    context: typer.Context,
    entity: EntityOption = None,
    account: AccountOption = None,
    as_of: AsOfOption = None,
    limit: _Limit = _SHOWN,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer calls it so
) -> None:
    """
    Show what needs a person, the oldest first.

    Exit status: 0 nothing; 1 something is open.
    """
    from tieout.observe.exporting.exports import Filters

    headings = ["exception", "reason", "source", "account", "booked", "amount", "currency", "age", "note"]

    def cells(row: dict[str, Any]) -> list[object]:
        where = [row["source"], row["account"], row["booked_on"]]
        money = [row["amount"], row["currency"]]
        return [row["exception_id"], row["reason"], *where, *money, row["age_days"], row["note"]]

    wanted = asked(context, workspace, as_json=as_json)
    filters = Filters(entity=entity, account=account, as_of=day_given("--as-of", as_of))
    raise typer.Exit(1 if _listed(wanted, "exceptions", filters, headings, cells, limit, condition=_UNSETTLED) else 0)


def completeness(
    context: typer.Context,
    as_of: AsOfOption = None,
    whole: _Whole = False,  # noqa: FBT002 - typer calls it so
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - as above
) -> None:
    """
    Show which files should have come by a day, and did not.

    The day is the last one that the facts speak of, unless --as-of says another. What a file covers is judged by what
    is in it; one that was refused was not received.

    Exit status: 0 complete; 1 something is missing.
    """
    from tieout.clock import system_clock
    from tieout.observe.arrivals.completeness import completeness as completed

    wanted = asked(context, workspace, as_json=as_json)
    began = system_clock.monotonic()
    with opened(wanted) as (known, store):
        found = completed(store, known, day_given("--as-of", as_of))
    received = len(found.rows) - len(found.outstanding)
    day = None if found.as_of is None else found.as_of.isoformat()
    if wanted.as_json:
        counts = {"as_of": day, "received": received, "outstanding": len(found.outstanding)}
        rows = [row.as_json() for row in found.rows]
        say_json(counts | {"completeness": rows} | measured({"read": system_clock.monotonic() - began}))
    else:
        headings = ["source", "owner", "account", "expected", "day", "state", "evidence"]
        shown = [row.as_json() for row in (found.rows if whole else found.outstanding)]
        _table(headings, [[row[heading] for heading in headings] for row in shown])
        told = f"of what is expected, {received} received, {len(found.outstanding)} missing or late"
        if not found.rows:
            told = "nothing is missing, and nothing was asked for: no source in tieout.toml says what it `expects`"
        say(f"as of {day or 'no day yet'}: {told}")
    raise typer.Exit(1 if found.outstanding else 0)


def _listed(
    wanted: Asked,
    name: str,
    filters: Filters,
    headings: Sequence[str],
    cells: Callable[[dict[str, Any]], list[object]],
    limit: int,
    *,
    condition: str = "true",
    newest: bool = False,
    waiting: str | None = None,
) -> int:
    """Show the first rows of a table, and of deliveries those that wait to be read; gives how many there are."""
    from tieout.clock import system_clock
    from tieout.model.problems import without_place
    from tieout.observe.exporting.overview import ROWS_MAX, overview

    began = system_clock.monotonic()
    most = ROWS_MAX if wanted.as_json else limit
    with opened(wanted) as (known, store):
        found = overview(store, known, name, filters, condition, most, newest=newest)
        landed = overview(store, known, name, filters, waiting, _NAMED) if waiting else None
    for row in found.rows:
        if "message" in row:  # its line and column are told beside it
            row["message"] = without_place(row["message"], row["line"], row["column"])
    if wanted.as_json:
        day = None if found.as_of is None else found.as_of.isoformat()
        content = {"count": found.count, "as_of": day, name: found.rows}
        say_json(content | measured({"read": system_clock.monotonic() - began}))
        return found.count
    shown = [cells(row) for row in found.rows]
    if headings[-1] in _SOMETIMES and not any(row[-1] for row in shown):
        headings, shown = headings[:-1], [row[:-1] for row in shown]
    _table(headings, shown)
    if found.count > len(found.rows):
        say(f"... and {found.count - len(found.rows)} more: --limit shows more, 'tieout export {name}' has all")
    elif not found.count:
        say(f"no {name}")
    if landed is not None and landed.count:
        named = ", ".join(f"{row['name']} ({row['delivery_id'][:12]})" for row in landed.rows)
        more = f" and {landed.count - len(landed.rows)} more" if landed.count > len(landed.rows) else ""
        say(f"kept and not read yet: {named}{more}: `tieout ingest` reads what waits, or says what is in its way")
    return found.count


def _table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    if rows:
        say_table(headings, [["-" if value is None else str(value) for value in row] for row in rows], _RIGHT)
