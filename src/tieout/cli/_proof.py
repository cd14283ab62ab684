"""
``tieout proof``: what an account holds, how it came there, and whether outside and ledger agree on it.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli._asked import JsonOption, WorkspaceOption, asked
from tieout.cli._export import AsOfOption, day_given
from tieout.cli._opening import opened
from tieout.cli._output import measured, say, say_json, say_table
from tieout.errors import WrongUse

if TYPE_CHECKING:
    from tieout.observe.proofs.proof import AccountProof, ProofSide

__all__ = ["KnownAtOption", "moment_given", "proof", "statement"]

_RIGHT = frozenset({"amount", "lines"})
_Account = Annotated[str, typer.Argument(metavar="ACCOUNT", help="As tieout.toml or the files name it.")]
KnownAtOption = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="As known then: a day (its end) or a moment such as 2026-11-02T09:00, UTC."),
]


def moment_given(option: str, text: str | None) -> dt.datetime | None:
    """
    Read a moment that was typed; a day means its end, and without a time zone it is UTC.

    :raises WrongUse: it is none.
    """
    if text is None:
        return None
    try:
        if "T" not in text and " " not in text:
            day = dt.date.fromisoformat(text)
            return dt.datetime.combine(day, dt.time.max, dt.UTC)
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        message = f"{option}: expected a day or a moment such as 2026-11-02T09:00, got {text!r}"
        raise WrongUse(message) from None
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)


def proof(
    context: typer.Context,
    account: _Account,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer calls it so
) -> None:
    """
    Prove an account: opening and movements lead to its balance, and outside and ledger agree on it.

    What separates the two sides is named line by line; what is left is the residual. The day is the last one that the
    facts speak of, unless --as-of says another.

    Exit status: 0 it is proven: it closes, and every line was compared with the ledger (of a platform, at least the sums of
    every month); 1 it is not: also where only the platform's own balance proves it, and the ledger says something else.
    """
    from tieout.clock import system_clock
    from tieout.observe.proofs.proving import prove

    wanted = asked(context, workspace, as_json=as_json)
    began = system_clock.monotonic()
    with opened(wanted) as (known, store):
        found = prove(store, known, account, day_given("--as-of", as_of), moment_given("--known-at", known_at))
    if wanted.as_json:
        say_json(found.as_json() | measured({"read": system_clock.monotonic() - began}))
    else:
        _show(found)
    raise typer.Exit(0 if found.is_proven else 1)


def statement(
    context: typer.Context,
    account: _Account,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - as above
) -> None:
    """Prove an account: another name of 'tieout proof'."""
    proof(context, account, as_of, known_at, workspace, as_json)


def _show(found: AccountProof) -> None:
    say(found.verdict)
    entity = f", {found.entity_id}" if found.entity_id else ""
    say(
        f"{found.account_id} ({found.currency}{entity}) as of {found.as_of}, as known at {found.known_at:%Y-%m-%d %H:%M} UTC"
    )
    say()
    _show_roll(found)
    _show_side(found, f"By the outside: {found.outside.source}", found.outside)
    if found.ledger_account is not None:
        _show_side(found, f"By the ledger: {found.ledger.source}", found.ledger)
        say(f"Residual {_cell(found.written(found.residual))} {found.currency}")
    if found.reserve_said is not None:
        say(found.reserve_said)
    for fault in found.faults:
        say(f"Missing: {fault}")
    for note in found.notes:
        say(f"Note: {note}")


def _show_roll(found: AccountProof) -> None:
    since = "" if found.opened_on is None else f", end of {found.opened_on}"
    rows = [[f"opening{since}", "", _cell(found.written(found.opening))]]
    rows += [[m.kind.replace("_", " "), str(m.count), _cell(found.written(m.amount))] for m in found.movements]
    rows.append([f"closing, end of {found.as_of}", "", _cell(found.written(found.closing))])
    if found.reported is not None:
        said = found.reported + found.since
        when = found.reported_on if found.reported_at is None else f"{found.reported_at:%Y-%m-%d %H:%M:%S} UTC"
        rows.append([f"reported ({when}), with what was booked since", "", _cell(found.written(said))])
    rows.append(["difference", "", _cell(found.written(found.rolled))])
    say_table(["roll-forward", "lines", "amount"], rows, _RIGHT)
    if found.breaks_on is not None:
        say(f"  the opening and the movements do not lead to the balance of {found.breaks_on}, the first that differs")
    say()


def _show_side(found: AccountProof, title: str, side: ProofSide) -> None:
    say(title)
    rows = [["balance", "", "", "", _cell(found.written(side.balance))]]
    for item in side.items:
        count = "" if item.count == 1 else str(item.count)
        named = item.reference or (item.kind or "").replace("_", " ")
        rows.append([item.label, named, _cell(item.booked_on), count, _cell(found.written(item.amount))])
    rows.append(["adjusted", "", "", "", _cell(found.written(side.adjusted))])
    say_table(["item", "reference", "booked", "lines", "amount"], rows, _RIGHT)
    say()


def _cell(value: object) -> str:
    return "-" if value is None else str(value)
