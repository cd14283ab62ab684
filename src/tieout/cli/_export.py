"""
``tieout export``: a table of the facts as a file.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from tieout.cli._asked import JsonOption, WorkspaceOption, asked
from tieout.cli._opening import opened
from tieout.cli._output import measured, progress, say, say_json
from tieout.errors import WrongUse

__all__ = ["AccountOption", "AsOfOption", "EntityOption", "PeriodOption", "day_given", "export"]

EntityOption = Annotated[str | None, typer.Option(metavar="ID", help="Only this entity's.")]
AccountOption = Annotated[str | None, typer.Option(metavar="ID", help="Only this account's.")]
PeriodOption = Annotated[
    str | None, typer.Option(metavar="PERIOD", help="Only a month (2026-10), a ledger's 2026-P10 or a year (2026).")
]
AsOfOption = Annotated[str | None, typer.Option(metavar="DATE", help="Nothing later than this day.")]

_Table = Annotated[
    str,
    typer.Argument(
        metavar="TABLE",
        help="records, balances, witnesses, deliveries, references, parties, statements, quarantine, exceptions,"
        " matches, adjustments, positions, proofs, proof_items, open_items, in_transit, payouts, fees, journals or"
        " trial_balance.",
    ),
]
_To = Annotated[Path, typer.Option("--to", metavar="FILE", help="Ends in .csv, .parquet, .jsonl or .xlsx.")]
_Run = Annotated[str | None, typer.Option(metavar="ID", help="Only this run's results.")]
_History = Annotated[bool, typer.Option("--history", help="Everything that was ever true, and what stands of it.")]

_OF_DRAFTS = ("journals", "trial_balance")


def export(
    context: typer.Context,
    table: _Table,
    to: _To,
    entity: EntityOption = None,
    account: AccountOption = None,
    period: PeriodOption = None,
    as_of: AsOfOption = None,
    run: _Run = None,
    history: _History = False,  # noqa: FBT002 - typer calls it so
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - as above
) -> None:
    """
    Write a table of the facts to a file: CSV, Parquet, JSON Lines or a workbook, by its ending.

    Amounts are exact decimals, lists and objects are JSON; a file that was there before is replaced.
    """
    from tieout.accounting.run import drafts_are_outdated
    from tieout.clock import system_clock
    from tieout.observe.exporting.exports import Filters
    from tieout.observe.exporting.exports import export as write

    wanted = asked(context, workspace, as_json=as_json)
    began = system_clock.monotonic()
    filters = Filters(
        entity=entity, account=account, period=period, as_of=day_given("--as-of", as_of), run=run, history=history
    )
    with opened(wanted) as (known, store), progress(f"{table}: exporting ...", quiet=wanted.as_json) as heard:

        def counted(rows: int, of: int) -> None:
            heard(f"{table}: {rows:,} of {of:,} rows")

        done = write(store, known, table, to, filters, counted)
        outdated = done.table in _OF_DRAFTS and drafts_are_outdated(store)
    if wanted.as_json:
        content = {"table": done.table, "file": str(done.path), "rows": done.rows, "version": done.version}
        content |= {"outdated": outdated} if done.table in _OF_DRAFTS else {}
        say_json(content | measured({"export": system_clock.monotonic() - began}))
        return
    say(f"{done.path}: {done.rows} row{'' if done.rows == 1 else 's'} of {done.table}")
    if outdated:
        say("Facts or matches changed since these drafts were made: `tieout journal` drafts them anew.")


def day_given(option: str, text: str | None) -> dt.date | None:
    """
    Read a day that was typed.

    :raises WrongUse: it is none.
    """
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        message = f"{option}: expected a day such as 2026-10-31, got {text!r}"
        raise WrongUse(message) from None
