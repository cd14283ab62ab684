"""
The accounts of a workspace: what the outside says they hold, and how much of each is open.
"""

from __future__ import annotations

import datetime as dt
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tieout.model.kinds import KINDS
from tieout.observe.snapshot import day_of, statements_that_stand, told_once
from tieout.store import schema
from tieout.store.engine import connect
from tieout.store.views import current_records
from tieout.store.workplace import files_at

if TYPE_CHECKING:
    from tieout.config import Workspace
    from tieout.observe.scope import Scope
    from tieout.store.workplace import Store

__all__ = ["AccountState", "StatementRow", "accounts", "statements_of"]

STATEMENTS_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """
    One account.

    :ivar kind: as declared: platform, bank, ledger, ...; the ledger's own are the other side of a proof, and have none.
    :ivar balance: the closing balance of its newest statement, minor units; None where no statement has one.
    :ivar open_items: what needs a person there.
    :ivar closes: whether every statement of it closes; None without statements.
    """

    account_id: str
    entity_id: str | None
    source_id: str | None
    currency: str | None
    kind: str | None = None
    ledger_account: str | None = None
    balance: int | None = None
    exponent: int = 2
    balance_on: dt.date | None = None
    statements: int = 0
    closes: bool | None = None
    open_items: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementRow:
    """One statement of an account, amounts in minor units."""

    delivery_id: str
    number: str | None
    from_on: dt.date | None
    to_on: dt.date | None
    currency: str | None
    exponent: int
    opening: int | None
    closing: int | None
    entries: int
    closes: bool | None


def accounts(store: Store, workspace: Workspace, scope: Scope | None = None) -> list[AccountState]:
    """
    List the accounts that are declared, and those that lines of money or statements name.

    :param scope: its entity and its last day narrow what is shown.
    """
    entities = {source.id: source.entity for source in workspace.sources}
    found: dict[str, dict[str, object]] = {
        account.id: {
            "entity_id": account.entity,
            "source_id": account.source,
            "currency": account.currency,
            "kind": account.kind,
            "ledger_account": account.ledger_account,
        }
        for account in workspace.accounts
    }
    for account_id, known in _with_lines(store).items():
        found.setdefault(account_id, known)
    until = scope.until if scope else None
    item = schema.worklist
    with store.book.reading() as connection:
        for row in told_once(connection.execute(statements_that_stand())):
            day = day_of(row.to_day)
            if not row.final or (until and day and day > until):
                continue
            fresh = {"entity_id": entities.get(row.source_id), "source_id": row.source_id, "currency": row.currency}
            state = found.setdefault(row.account_id, fresh)
            state["statements"] = int(str(state.get("statements", 0))) + 1
            state["closes"] = row.closes if state.get("closes") in (None, True) else False
            newest = state.get("balance_on")
            if row.closing is not None and day and (newest is None or day >= newest):  # type: ignore[operator]  # a date
                state |= {"balance": row.closing, "exponent": row.exponent, "balance_on": day}
        counted = sa.select(item.c.account_id, sa.func.count()).where(
            item.c.state == "open", item.c.account_id.is_not(None)
        )
        for account_id, count in connection.execute(counted.group_by(item.c.account_id)):
            if account_id in found:
                found[account_id]["open_items"] = count
    rows = [AccountState(account_id=name, **state) for name, state in found.items()]  # type: ignore[arg-type]  # as written above
    wanted = scope.entity if scope else None
    return sorted((r for r in rows if wanted in (None, r.entity_id)), key=lambda row: row.account_id)


#: Kinds of record that move the balance of an account, rather than say what is owed.
_MOVING = tuple(name for name, kind in KINDS.items() if {"settlement", "bank"} & set(kind.claims))


def _with_lines(store: Store) -> dict[str, dict[str, object]]:
    """Find the accounts that platforms and banks report lines of."""
    with store.book.reading() as connection:
        files = files_at(connection, ("records", "superseded"))
    kinds = ", ".join(f"'{kind}'" for kind in _MOVING)
    relation = current_records(store.lake, files["records"], files["superseded"])
    store.spill.mkdir(parents=True, exist_ok=True)
    with closing(connect(store.spill)) as con:
        rows = con.execute(f"""
            select account_id, min(entity_id), min(source_id),
                case when count(distinct currency) = 1 then min(currency) end
            from {relation} where status = 'booked' and kind in ({kinds}) and account_id is not null group by 1
        """).fetchall()
    names = ("entity_id", "source_id", "currency")
    return {account_id: dict(zip(names, rest, strict=True)) for account_id, *rest in rows}


def statements_of(store: Store, account_id: str) -> list[StatementRow]:
    """List the newest statements of an account, the newest first."""
    statement = schema.statement
    query = statements_that_stand().where(statement.c.account_id == account_id, statement.c.final)
    with store.book.reading() as connection:
        rows = list(told_once(connection.execute(query)))
    rows = sorted(rows, key=lambda row: (row.to_day or 0, row.version, row.position), reverse=True)[:STATEMENTS_MAX]
    return [
        StatementRow(
            delivery_id=row.delivery_id,
            number=row.number or row.statement_id,
            from_on=day_of(row.from_day),
            to_on=day_of(row.to_day),
            currency=row.currency,
            exponent=row.exponent,
            opening=row.opening,
            closing=row.closing,
            entries=row.entries,
            closes=row.closes,
        )
        for row in rows
    ]
