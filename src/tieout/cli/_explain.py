"""
``tieout explain``: everything about one thing, by any identifier that any system used for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tieout.cli._asked import JsonOption, WorkspaceOption, asked
from tieout.cli._chain import show_chain
from tieout.cli._matched import show_matching
from tieout.cli._opening import opened
from tieout.cli._output import measured, say, say_json, say_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from tieout.observe.things.explain import Explanation

__all__ = ["explain"]

_RIGHT = frozenset({"count", "amount", "net", "line"})
_FIELDS = (
    "kind", "status", "source_id", "entity_id", "account_id", "sub_account", "booked_on", "value_on", "occurred_at", "due_on",
    "fee", "fee_tax", "tax", "net", "original_amount", "original_currency", "rate", "external_id", "payment_id",
    "settlement_id", "parent_external_id", "text", "counterparty", "counterparty_account", "bank_code",
)  # fmt: skip

_Id = Annotated[
    str, typer.Argument(metavar="ID", help="As any system writes it; or the beginning of an id of tieout's.")
]


def explain(
    context: typer.Context,
    identifier: _Id,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer calls it so
) -> None:
    """
    Show everything about one thing, by any identifier that any system used for it.

    A charge, payout, order or bank reference in any spelling; the id of a record, a match, a journal, a delivery or an
    exception, or its first six digits; the name of a file; the id of a statement.

    Says what the thing hangs together with, from its document to the bank line, and the journals drafted of it.

    Exit status: 0 found; 1 not found, or the beginning of several ids.
    """
    from tieout.clock import system_clock
    from tieout.errors import WrongUse
    from tieout.observe.things.explain import explain as explained

    wanted = asked(context, workspace, as_json=as_json)
    began = system_clock.monotonic()
    if not identifier.strip():
        message = "expected an identifier to explain, got an empty one"
        raise WrongUse(message)
    with opened(wanted, kept=True) as (_, store):
        found = explained(store, identifier)
    if wanted.as_json:
        say_json(found.as_json() | measured({"read": system_clock.monotonic() - began}))
    else:
        _show(found)
    raise typer.Exit(0 if found.found else 1)


def _show(found: Explanation) -> None:
    from tieout.observe.things.explain import WHOLE_MAX

    if found.ambiguous:
        say(f"{found.asked!r} is the beginning of several records; give more of it:")
        for record_id in found.ambiguous:
            say(f"  {record_id}")
    elif not found.found:
        say(
            f"nothing is known of {found.asked!r}: looked among all identifiers and references of records (in any"
            " spelling), ids of records, matches, journals, deliveries, exceptions and statements, names of files (in archives, too), and"
            " rows in quarantine"
        )
    if found.count > WHOLE_MAX:
        _show_many(found)
    for record in found.records:
        if "matches" in record:
            _show_record(record)
    show_chain(found.chain, found.journals)
    shown: tuple[tuple[list[dict[str, Any]], Callable[[dict[str, Any]], None]], ...] = (
        (found.quarantined, _show_quarantined),
        (found.deliveries, _show_delivery),
        (found.statements, _show_statement),
        (found.exceptions, _show_exception),
    )
    for rows, show in shown:
        for row in rows:
            show(row)


def _show_quarantined(row: dict[str, Any]) -> None:
    member = f" in {row['member']}" if row["member"] else ""
    column = f", column {row['column']}" if row["column"] else ""
    place = f"{row['file']}{member} line {_cell(row['line'])}{column}"
    say(f"quarantined: {place}, {row['source_id']}, delivery {row['delivery_id'][:12]}: {row['message']}")


def _show_many(found: Explanation) -> None:
    say(f"{found.asked}: {found.count} records")
    headings = ["kind", "status", "currency", "count", "amount", "net"]
    say_table(headings, [[_cell(total[heading]) for heading in headings] for total in found.totals], _RIGHT)
    headings = ["record_id", "kind", "source_id", "account_id", "booked_on", "amount", "currency", "external_id"]
    rows = [[_cell(one["record"][heading]) for heading in headings] for one in found.records]
    say(f"The first {len(rows)}:")
    say_table(headings, rows, _RIGHT)


def _show_record(one: dict[str, Any]) -> None:
    record = one["record"]
    gone = "" if one["state"] == "current" else f", superseded ({one['versions'][-1]['superseded_by']})"
    named = f", asked for by its {' and '.join(one['named_as'])}" if one["named_as"] else ""
    say(f"record {record['record_id']}: {record['kind']} {_cell(record['amount'])} {record['currency']}{gone}{named}")
    for name in _FIELDS:
        if record[name] is not None:
            say(f"  {name}: {record[name]}")
    if record["references"]:
        say(f"  references: {', '.join(record['references'])}")
    for version in one["versions"] if len(one["versions"]) > 1 else []:
        _show_version(version)
    for witness in one["witnesses"]:
        member = f" in {witness['member']}" if witness["member"] else ""
        gone = ", withdrawn" if witness["withdrawn"] else ""
        place = f"{witness['file']}{member} line {_cell(witness['line'])}"
        say(f"  seen: {place}, {witness['source']}, {witness['seen_at']}, delivery {witness['delivery_id'][:12]}{gone}")
    for raw in one.get("raw", []):
        say(f"  raw: {raw['place']}{': ' + raw['note'] if raw['note'] else ''}")
        for line in raw["lines"]:
            say(f"    {line}")
    if one["statement"]:
        _show_statement(one["statement"])
    show_matching(one)
    for exception in one["exceptions"]:
        _show_exception(exception)


def _show_version(version: dict[str, Any]) -> None:
    told = {name: change for name, change in version["changed"].items() if name != "details"}
    changes = [f"{name} {_cell(change['from'])} -> {_cell(change['to'])}" for name, change in told.items()]
    changed = f": {', '.join(changes)}" if changes else ""
    state = "stands" if version["state"] == "current" else f"superseded ({version['superseded_by']})"
    say(f"  version {version['version']}, by delivery {version['delivery_id'][:12]}, {state}{changed}")


def _show_delivery(row: dict[str, Any]) -> None:
    say(f"delivery {row['delivery_id']}: {row['name']} of {row['source']}, {row['state']}, {row['received_at']}")
    counts = ", ".join(
        f"{name.removeprefix('rows_')} {value}" for name, value in row.items() if name.startswith("rows_")
    )
    say(f"  rows: {counts}; {row['bytes']} bytes, fingerprint {row['fingerprint']}, format {_cell(row['format'])}")
    if row["redacts"]:
        say(f"  a copy without card numbers of delivery {row['redacts']}")
    if row["reason"]:
        say(f"  reason: {row['reason']}")
    for exception in row["exceptions"]:
        _show_exception(exception)


def _show_statement(row: dict[str, Any]) -> None:
    closes = {True: "closes", False: "DOES NOT CLOSE", None: "cannot be said to close"}[row["closes"]]
    name = row["number"] or row["statement_id"] or "without a name"
    span = f"{_cell(row['from_on'])} to {_cell(row['to_on'])}"
    say(f"  statement {name} of {row['account']}, {span}: {_cell(row['opening'])} to {_cell(row['closing'])}, {closes}")


def _show_exception(row: dict[str, Any]) -> None:
    say(f"  exception {row['exception_id']} ({row['state']}), {row['reason']}: {row['note']}")


def _cell(value: object) -> str:
    return "-" if value is None else str(value)
