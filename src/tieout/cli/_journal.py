"""
``tieout journal``: draft journals from what is matched.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tieout.cli._asked import JsonOption, WorkspaceOption, asked
from tieout.cli._opening import opened
from tieout.cli._output import measured, say, say_json, say_table

__all__ = ["journal"]

_Hledger = Annotated[
    Path | None, typer.Option("--hledger", metavar="FILE", help="Also write the drafts as a journal for hledger.")
]


def journal(
    context: typer.Context,
    hledger: _Hledger = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer calls it so
) -> None:
    """
    Draft the journals of what is matched, and show the trial balance that they make.

    Drafts only: nothing is posted. `tieout export journals --to FILE` writes them, line by line.

    Exit status: 0 everything is drafted; 1 something could not be, and needs a person, or matching to run again; or it is
    left to the ERP (`books`), and no reconciliation looks whether it was booked.
    """
    from tieout import pipeline
    from tieout.clock import system_clock
    from tieout.observe.money.books import balances_of_trial, write_hledger_file

    wanted = asked(context, workspace, as_json=as_json)
    began = system_clock.monotonic()
    with opened(wanted) as (place, store):
        outcome = pipeline.journal(store, place)
        balances = balances_of_trial(store, place)
        if hledger is not None:
            write_hledger_file(store, place, hledger)
    headings = ["entity", "account", "currency", "debit", "credit", "balance"]
    if wanted.as_json:
        told = {"run_id": outcome.run_id, "digest": outcome.digest, "unchanged": outcome.unchanged, **outcome.counts}
        say_json({**told, "trial_balance": balances, **measured({"journal": system_clock.monotonic() - began})})
    else:
        rows = [[str(row[name]) for name in headings] for row in balances]
        if any(row["currency"] != row["base_currency"] for row in balances):
            # Several currencies add up in the books' only.
            headings.append("in the books")
            for cells, row in zip(rows, balances, strict=True):
                cells.append(f"{row['base_balance']} {row['base_currency']}")
        say_table(headings, rows, frozenset(headings[3:]))
        counts = outcome.counts
        say(f"{counts['journals']} journals of {counts['lines']} lines drafted; nothing is posted")
        if counts.get("reopened"):
            one = counts["reopened"] == 1
            say(
                f"{counts['reopened']} {'match rests' if one else 'matches rest'} on a record that was corrected since, and"
                f" {'is' if one else 'are'} not booked: `tieout match` looks again"
            )
        if counts.get("waiting"):
            one = counts["waiting"] == 1
            say(
                f"{counts['waiting']} bank {'entry waits' if one else 'entries wait'} until something explains {'it' if one else 'them'}:"
            )
            say(
                "  `tieout exceptions` and `tieout in-transit` show most; `tieout export positions --to FILE` has all (claim bank)"
            )
        if counts.get("unheld"):
            one = counts["unheld"] == 1
            say(
                f"{counts['unheld']} {'piece is' if one else 'pieces are'} left to the ERP, and nothing looks whether it booked"
                f" {'it' if one else 'them'}: `tieout exceptions` says what to add"
            )
        if counts.get("refused"):
            say(f"{counts['refused']} could not be drafted: see `tieout exceptions`")
        if hledger is not None:
            say(f"{hledger}: read it with `hledger -f {hledger} balance`")
    wanting = any(outcome.counts.get(name) for name in ("refused", "reopened", "unheld"))
    raise typer.Exit(1 if wanting else 0)
