"""
What matching has to say of a record, in lines for people: its matches, where the rest stands, and why.
"""

from __future__ import annotations

from typing import Any

from tieout.cli._output import say

__all__ = ["show_matching"]

_WHY_NOT = {
    "ambiguous": "fits as well as others",
    "fits": "has its number and amount, and no rule put the two together",
    "taken": "is matched with something else",
    "amount_difference": "has another amount",
    "currency_mismatch": "is in another currency",
    "same_amount": "has the same amount, and nothing else in common",
    "same_name": "has the same amount and name, which may be chance",
    "other_name": "has the same amount, and another name",
    "apart": "shares its number, and a person took the two apart",
    "other_way": "shares its number, and its money runs the other way",
    "other_company": "shares its number, and is another company's",
    "other_number": "has the amount, or nearly, and one of the two names another number",
    "near_amount": "bears the same name and has nearly the amount",
    "near_on_day": "is the only one near the amount on that day",
    "near_currency": "bears the same name and has nearly the amount in another currency",
    "other_amount": "bears the same name, and has another amount",
    "other_day": "has the same amount, many days apart",
    "selection": "fits only in a sum of several, and not for certain",
    "duplicate": "says the same, and is matched",
    "twin": "says the same",
    "nets": "is of the same side, shares an identifier and could settle with it",
}
_STATES = {
    "open": "open",
    "in_transit": "on its way",
    "on_account": "on account",
    "exception": "needs a person",
    "excluded": "left out",
}


def show_matching(one: dict[str, Any]) -> None:
    """Say what a record is matched with, where the rest of it stands, and what needs a person."""
    for match in one.get("matches", []):
        _show_match(match)
    for match in one.get("past", []):
        _show_past(match)
    for position in one.get("positions", []):
        _show_position(position)
    for exception in one.get("run_exceptions", []):
        _show_exception(exception)


def _show_past(match: dict[str, Any]) -> None:
    """Say what a record was matched with once, and how that ended."""
    who = f"rule {match['rule']!r}" if match["decided_by"] == "rule" else match["decided_by"]
    what = "proposed" if match["status"] == "proposed" else "matched"
    named = ", ".join(p["external_id"] or p["record_id"] for p in match["partners"])
    more = match["partners_count"] - len(match["partners"])
    others = f" with {named}{f' and {more} more' if more else ''}" if named else ""
    used = f"{match['allocated']} {match['currency']} ({match['claim']})"
    said = f": {match['said']}" if match["said"] else ""
    say(f"  {what} once: {used}{others}, by {who} on {match['known_at']}{said}")
    ended = match["ended"]
    say(f"    {ended['state'].replace('_', ' ')} by {ended['by']} on {ended['at']}: {ended['because']}")
    if allowed := ended["allowed"]:
        say(f"    allowed again by {allowed['by']} on {allowed['at']}: {allowed['because']}, run {allowed['run_id']}")
    say(
        f"    match {match['match_id']}, {match['reconciliation']}, run {match['run_id']}, ended by run {ended['run_id']}"
    )


def _show_match(match: dict[str, Any]) -> None:
    """Say what a record is matched with, by whom, and what the difference is."""
    who = "by rule" if match["decided_by"] == "rule" else f"by {match['decided_by']}"
    final = "provisional" if match["provisional"] else "final"
    state = "proposed" if match["status"] == "proposed" else f"matched, {final}"
    say(
        f"  {state}: {match['allocated']} of {match['amount']} {match['currency']} ({match['claim']}), {who} {match['rule']!r}"
    )
    for partner in match["partners"]:
        named = partner["external_id"] or partner["record_id"]
        what = f"{partner['kind'] or 'record'} {named}, {partner['source'] or '-'}, {partner['booked_on'] or '-'}"
        together = "together with" if partner["side"] == match["side"] else "with"
        say(f"    {together} {what}: {partner['allocated']} {partner['currency']} ({partner['claim']})")
    more = match["partners_count"] - len(match["partners"])
    if more:
        say(f"    and {more} more records")
    if match["why"] is not None:
        say(f"    {match['why']}")
    if match["adjustments"]:
        told = ", ".join(f"{a['reason'].replace('_', ' ')} {a['amount']}" for a in match["adjustments"])
        say(f"    difference {match['difference']} {match['difference_currency']}: {told}")
    say(f"    match {match['match_id']}, {match['reconciliation']}, run {match['run_id']} of {match['known_at']}")


def _show_position(position: dict[str, Any]) -> None:
    """Say where a part of a record stands that nothing has used up."""
    state = _STATES.get(position["state"], position["state"])
    due = f", expected by {position['expected_on']}" if position["expected_on"] else ""
    why = f": {position['reason']}" if position["reason"] else ""
    amount = f"{position['amount']} {position['currency']}"
    say(f"  not matched: {amount} ({position['claim']}, {position['reconciliation']}) {state}{due}{why}")


def _show_exception(row: dict[str, Any]) -> None:
    """Say what a run could not decide, what came nearest, and why it was not taken."""
    say(f"  exception {row['exception_id']}, {row['reason']}: {row['note']}")
    for nth, candidate in enumerate(row["candidates"]):
        named = candidate["external_id"] or candidate["record_id"]
        why = _WHY_NOT.get(candidate["why"], str(candidate["why"]).replace("_", " "))
        place = "nearest" if nth == 0 else "then"
        say(f"    {place}: {named} of {candidate['source']}, {candidate['amount']}, {why}")
        if candidate.get("missed"):
            say(f"      {candidate['missed']}")
