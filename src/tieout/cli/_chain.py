"""
The chain of one thing, and the journals drafted of it, in lines for people.
"""

from __future__ import annotations

from typing import Any

from tieout.cli._output import say

__all__ = ["show_chain"]


def show_chain(chain: list[dict[str, Any]], journals: list[dict[str, Any]]) -> None:
    """Say what hangs together, from the document to the ledger, and how it is booked."""
    tied = any(one["tied_by"] for one in chain)
    if tied:
        say("chain, from the document to the bank and the ledger:")
    for one in chain if tied else []:
        _show_link(one)
    for journal in journals:
        _show_journal(journal)
    if journals:
        from tieout.observe.things.drafted import JOURNALS_MAX

        if len(journals) == JOURNALS_MAX:
            say(f"The first {JOURNALS_MAX} journals are shown; `tieout export journals --to FILE` has all.")


def _show_link(one: dict[str, Any]) -> None:
    named = one["external_id"] or one["record_id"]
    amount = f"{one['amount'] or '-'} {one['currency']}"
    here = "  <- asked for" if one["asked"] else ""
    say(f"  {one['kind']} {named}, {one['source']}, {one['booked_on'] or '-'}: {amount}{here}")
    for tie in one["tied_by"]:
        others = tie["beside"] + tie["more"]
        beside = f", with {others:,} other record{'s' if others > 1 else ''}" if others else ""
        final = "provisional" if tie["provisional"] else "final"
        say(f"    by '{tie['rule']}' ({tie['reconciliation']}, {final}){beside}")


def _show_journal(journal: dict[str, Any]) -> None:
    about = f"{journal['posting']}: {journal['description']}"
    say(
        f"journal {journal['journal_id']} ({journal['state']}), {journal['ledger']}, {journal['posting_date']}, {about}"
    )
    if journal["state"] == "outdated":
        say("  its match does not stand any more, and neither do its lines: `tieout journal` drafts what follows now")
    for line in journal["lines"]:
        side = "credit" if line["debit"].strip("0.") == "" and line["base_debit"].strip("0.") == "" else "debit"
        foreign = line["base_currency"] != line["currency"]
        base = f" ({line['base_' + side]} {line['base_currency']})" if foreign else ""
        say(f"  {side:6} {line['account']} {line['name']} {line[side]} {line['currency']}{base}")
