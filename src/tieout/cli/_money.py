"""
Where the money is: ``tieout open-items``, ``in-transit``, ``cash`` and ``fees``.
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
    from tieout.config import Workspace
    from tieout.observe.exporting.exports import Filters
    from tieout.store.workplace import Store

__all__ = ["cash", "fees", "in_transit", "open_items"]

_SHOWN = 50
_Limit = Annotated[
    int, typer.Option("--limit", metavar="N", min=1, max=10_000, help="Show so many rows (JSON: all, up to 10000).")
]
_RIGHT = frozenset(
    {"amount", "paid", "open", "days", "outstanding", "late", "balance", "reserve", "in transit", "total", "count"}
    | {"actual", "expected", "lines", "not due", "1-30", "31-60", "61-90", "over 90"}
)


def open_items(
    context: typer.Context,
    as_of: AsOfOption = None,
    entity: EntityOption = None,
    account: AccountOption = None,
    limit: _Limit = _SHOWN,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer calls it so
) -> None:
    """Show what is owed to us (+) and by us (-), document by document, and payments on account; the longest due first."""
    headings = ["document", "kind", "who", "booked", "due", "days", "amount", "paid", "open", "currency", "why"]

    def cells(row: dict[str, Any]) -> list[object]:
        who = [row["external_id"] or row["record_id"], row["kind"], row["counterparty"]]
        days = [row["booked_on"], row["due_on"], row["days_overdue"] or ""]
        return [*who, *days, row["amount"], row["paid"], row["open"], row["currency"], row["reason"] or row["state"]]

    wanted = asked(context, workspace, as_json=as_json)
    filters = _filters(entity, account, as_of)
    _listed(wanted, "open_items", filters, headings, cells, limit, also=_ages)


def _ages(store: Store, workspace: Workspace, filters: Filters) -> dict[str, Any]:
    from tieout.observe.money.owed import ageing

    return {"ageing": ageing(store, workspace, filters)}


def in_transit(
    context: typer.Context,
    as_of: AsOfOption = None,
    entity: EntityOption = None,
    account: AccountOption = None,
    limit: _Limit = _SHOWN,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer calls it so
) -> None:
    """
    Show what left a platform and has not arrived, and when it should; and sweeps whose other half is not found.

    Exit status: 0 nothing is late; 1 something should have arrived.
    """
    headings = ["payout", "account", "paid", "expected", "late", "outstanding", "currency", "why"]

    def cells(row: dict[str, Any]) -> list[object]:
        where = [row["external_id"] or row["settlement_id"], row["account"], row["paid_on"], row["expected_on"]]
        why = row["reason"] if row["state"] == "late" and row["reason"] else row["state"]
        return [*where, row["days_late"] or "", row["outstanding"], row["currency"], why]

    wanted = asked(context, workspace, as_json=as_json)
    said = _listed(wanted, "in_transit", _filters(entity, account, as_of), headings, cells, limit, also=_late)
    raise typer.Exit(1 if said["late"] else 0)


def _late(store: Store, workspace: Workspace, filters: Filters) -> dict[str, Any]:
    from tieout.observe.money.cash import late_and_expected

    late, expected = late_and_expected(store, workspace, filters)
    return {"late": late, "without_payout": expected}


def fees(
    context: typer.Context,
    as_of: AsOfOption = None,
    entity: EntityOption = None,
    account: AccountOption = None,
    limit: _Limit = _SHOWN,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer calls it so
) -> None:
    """Show what platforms and banks kept, per settlement; expected stays empty: nothing declares yet what they should."""
    headings = ["account", "settlement", "kind", "what", "lines", "actual", "expected", "currency"]

    def cells(row: dict[str, Any]) -> list[object]:
        where = [row["account"], row["settlement_id"], row["kind"], row["what"]]
        return [*where, row["lines"], row["actual"], row["expected"], row["currency"]]

    wanted = asked(context, workspace, as_json=as_json)
    _listed(wanted, "fees", _filters(entity, account, as_of), headings, cells, limit)


def cash(
    context: typer.Context,
    as_of: AsOfOption = None,
    entity: EntityOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer calls it so
) -> None:
    """
    Show what every account holds, what is held back, and what is on its way; sums by currency.

    Exit status: 0 every account closes; 1 one does not.
    """
    from tieout.clock import system_clock
    from tieout.observe.money.cash import cash as position

    wanted = asked(context, workspace, as_json=as_json)
    began = system_clock.monotonic()
    with opened(wanted) as (known, store):
        found = position(store, known, day_given("--as-of", as_of), entity)
    rows = [holding.as_json() for holding in found.holdings]
    day = None if found.as_of is None else found.as_of.isoformat()
    if wanted.as_json:
        answer = {"as_of": day, "cash": rows, "totals": found.totals}
        say_json(answer | measured({"read": system_clock.monotonic() - began}))
    else:
        _show_cash(rows, found.totals)
        say(f"as of {day or 'no day yet'}")
    raise typer.Exit(0 if all(holding.closes for holding in found.holdings) else 1)


def _show_cash(rows: Sequence[dict[str, Any]], totals: Sequence[dict[str, Any]]) -> None:
    amounts = ("balance", "reserve", "in_transit", "total")
    headings = ["account", "kind", "currency", "reported", "balance", "reserve", "in transit", "total", ""]
    table = [
        [r["account"], r["kind"], r["currency"], r["reported_on"], *(r[n] for n in amounts), "" if r["closes"] else "does not close"]
        for r in rows
    ]  # fmt: skip
    table += [["all", "", r["currency"], "", *(r[n] for n in amounts), ""] for r in totals]
    if rows:
        say_table(headings, [["-" if cell is None else str(cell) for cell in row] for row in table], _RIGHT)


def _listed(
    wanted: Asked,
    name: str,
    filters: Filters,
    headings: Sequence[str],
    cells: Callable[[dict[str, Any]], list[object]],
    limit: int,
    *,
    also: Callable[[Store, Workspace, Filters], dict[str, Any]] = lambda _store, _workspace, _filters: {},
) -> dict[str, Any]:
    """
    Show the first rows of a table.

    :param also: what is said of all rows, beside them; it is given back.
    """
    from tieout.clock import system_clock
    from tieout.observe.exporting.overview import ROWS_MAX, overview

    began = system_clock.monotonic()
    with opened(wanted) as (known, store):
        found = overview(store, known, name, filters, most=ROWS_MAX if wanted.as_json else limit)
        said = also(store, known, filters)
    day = None if found.as_of is None else found.as_of.isoformat()
    if wanted.as_json:
        content = {"count": found.count, "as_of": day, **said, name: found.rows}
        say_json(content | measured({"read": system_clock.monotonic() - began}))
        return said
    if found.rows:
        rows = [["-" if cell is None else str(cell) for cell in cells(row)] for row in found.rows]
        say_table(headings, rows, _RIGHT)
    if found.count > len(found.rows):
        say(f"... and {found.count - len(found.rows)} more: --limit shows more, 'tieout export {name}' has all")
    if said.get("ageing"):
        say("Open, by how long it has been due:")
        say_table(list(said["ageing"][0]), [list(row.values()) for row in said["ageing"]], _RIGHT)
    what = name.replace("_", " ")
    late = f", {said['late']} late" if said.get("late") else ""
    say(f"as of {day or 'no day yet'}: {found.count or 'no'} {what}{late}")
    if said.get("without_payout"):
        say(
            f"{said['without_payout']} of them without a reported payout: in the platform's balance until the bank has them,"
            " and not in what `tieout cash` has in transit"
        )
    return said


def _filters(entity: str | None, account: str | None, as_of: str | None) -> Filters:
    from tieout.observe.exporting.exports import Filters

    return Filters(entity=entity, account=account, as_of=day_given("--as-of", as_of))
