"""
Statements as the book keeps them: for chains, for coverage, for counting.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tieout.config import clean_number
from tieout.config.accounts import called, is_iban
from tieout.intake.derive import Owner
from tieout.intake.places import StatementPlace
from tieout.store import schema
from tieout.store.workplace import moment

if TYPE_CHECKING:
    from tieout.config import Account, Workspace
    from tieout.intake.stage import Staged
    from tieout.intake.work import Work
    from tieout.model.statements import Statement, StatementPage

__all__ = [
    "account_now",
    "created_at",
    "names_of",
    "places_of",
    "rows_of",
    "series_of",
    "standing_statements",
    "statement_row",
    "statements_of",
]

_EPOCH = dt.date(1970, 1, 1)


def statement_row(work: Work, staged: Staged, member: str | None, s: Statement) -> dict[str, Any]:
    """Give the row of the table ``statement`` for a statement of a delivery."""
    currency = s.currency or work.source.currency
    owner = work.owner(s.account_number, currency) if currency else Owner(work.source.entity, s.account_number or "")
    ends = [s.opening, s.closing, *(m for page in s.pages for m in (page.opening, page.closing))]
    exponent = max(s.exponent, *(m.exponent for m in ends if m is not None), 0)
    return {
        "delivery_id": work.row.delivery_id,
        "source_id": work.source.id,
        "account_id": owner.account_id,
        "line": s.line,
        "place": s.place,
        "member": member,
        "statement_id": s.statement_id,
        "number": s.number,
        "currency": currency,
        "final": s.final,
        "from_day": _day(s.from_on),
        "to_day": _day(s.to_on),
        "covered_from": _day(_covered_from(staged, member, s)),
        "created_at": None if s.created_at is None else moment(s.created_at),
        "exponent": exponent,
        "opening": None if s.opening is None else s.opening.scaled(exponent),
        "closing": None if s.closing is None else s.closing.scaled(exponent),
        "entries": s.entries,
        "credits": str(s.credits * 10 ** (exponent - s.exponent)),
        "debits": str(s.debits * 10 ** (exponent - s.exponent)),
        "closes": s.closes,
        "pages": json.dumps([_page(page, exponent, 10 ** (exponent - s.exponent)) for page in s.pages]),
        "begins": s.begins,
        "ends": s.ends,
    }


def _covered_from(staged: Staged, member: str | None, s: Statement) -> dt.date | None:
    """
    Give the first day of which a statement holds everything that was booked.

    The day of the balance that it opens with belongs to it where its own entries begin there; else that may be the evening
    after which it begins. Without a balance or a period it is known to hold what it begins with, and what comes after.
    """
    if s.whole_from is not None or s.to_on is None:
        return s.whole_from
    places = [s.place, *(page.place for page in s.pages)]
    days = [staged.first_days[member, place] for place in places if (member, place) in staged.first_days]
    first = min([*days, s.to_on])
    if s.from_on is None:
        return first
    begins = first <= s.from_on or s.from_on >= s.to_on
    return s.from_on if begins else s.from_on + dt.timedelta(days=1)


def _page(page: StatementPage, exponent: int, scale: int) -> list[int | None]:
    """Give a page as the book keeps it: see store.schema."""
    opening, closing = (None if m is None else m.scaled(exponent) for m in (page.opening, page.closing))
    return [page.place, page.number, opening, closing, page.credits * scale, page.debits * scale]


def _day(on: dt.date | None) -> int | None:
    return None if on is None else (on - _EPOCH).days


def places_of(workspace: Workspace, row: Any, *, sequence: int, sound: bool) -> list[StatementPlace]:
    """
    Say where a statement's pages stand in its delivery; a statement without pages is one place.

    :param row: of the table ``statement``.
    :param sequence, sound: of its delivery: when it landed, and whether every row of it could be read.
    """
    whole = {name: row[name] for name in StatementPlace.__dataclass_fields__ if name in row}
    whole["entity_id"] = _entity(workspace, row["source_id"], row["account_id"])
    whole["structured"] = _is_structured(workspace, row["source_id"])
    whole |= {"sequence": sequence, "sound": sound, "page": None, "net": int(row["credits"]) - int(row["debits"])}
    pages = json.loads(row["pages"])
    if row["number"] is None and not (row["begins"] and row["ends"]):
        # Pages without a number are held together by the name that the bank gives to all of them.
        whole["number"] = (row["statement_id"] or "").partition(" page ")[0] or None
    if not pages:
        return [StatementPlace(**whole)]
    found = []
    for index, (place, number, opening, closing, credits_, debits) in enumerate(pages):
        own = {"place": place, "page": number, "opening": opening, "closing": closing, "net": credits_ - debits}
        own |= {"begins": row["begins"] and index == 0, "ends": row["ends"] and index == len(pages) - 1}
        found.append(StatementPlace(**whole | own))
    return found


def statements_of(
    connection: sa.Connection, workspace: Workspace, names: dict[str, set[str]], but_of: str
) -> list[dict[str, Any]]:
    """
    Read the statements that stand for some accounts, in the order of landing, but those of one delivery.

    With each comes when its delivery landed (``sequence``), and whether every row of it could be read (``sound``).

    :param names: for each account the names that its statements may stand under: its own, and its number from the
        time before tieout.toml declared it. The rows carry its own.
    """
    delivery = schema.delivery
    query = standing_statements().add_columns(delivery.c.sequence, (delivery.c.rows_quarantined == 0).label("sound"))
    query = query.where(schema.statement.c.delivery_id != but_of)
    rows: list[dict[str, Any]] = []
    for account, known_as in sorted(names.items()):
        found = connection.execute(query.where(schema.statement.c.account_id.in_(sorted(known_as)))).mappings()
        rows += [
            {**row, "account_id": account}
            for row in found
            if account_now(workspace, row["account_id"], row["currency"]) == account
        ]
    return rows


def _is_structured(workspace: Workspace, source_id: str) -> bool:
    return any(s.id == source_id and (s.format or "").startswith("camt.") for s in workspace.sources)


def _entity(workspace: Workspace, source_id: str, account_id: str) -> str:
    """Name the entity that tells accounts of one number apart; empty where the number alone does."""
    if is_iban(account_id) or any(account.id == account_id for account in workspace.accounts):
        return ""
    return next((source.entity for source in workspace.sources if source.id == source_id), "")


def rows_of(connection: sa.Connection, workspace: Workspace, delivery_id: str) -> list[dict[str, Any]]:
    """Read the statements that a delivery had when it was read last."""
    query = standing_statements().where(schema.statement.c.delivery_id == delivery_id)
    return [
        {**row, "account_id": account_now(workspace, row["account_id"], row["currency"])}
        for row in connection.execute(query).mappings()
    ]


def account_now(workspace: Workspace, account_id: str, currency: str | None) -> str:
    """Give an account's id of today: before tieout.toml declared it, its number was its id."""
    declared = workspace.accounts
    if any(account.id == account_id for account in declared):
        return account_id
    return next((a.id for a in declared if a.currency == currency and account_id in _numbers_of(a)), account_id)


def _numbers_of(account: Account) -> set[str]:
    bare = called(account)
    written = {number for number in (account.number, *account.numbers) if number}
    return {*written, *bare, *(number + account.currency for number in bare)}


def names_of(workspace: Workspace, accounts: set[str]) -> dict[str, set[str]]:
    """
    Give the names that accounts had or have: an id, and the number from before it was declared.

    With them those of the same number in other currencies: some banks number the statements of all in one series.
    """
    series = {series_of(workspace, account) for account in accounts}
    siblings = {account.id for account in workspace.accounts if series_of(workspace, account.id) in series}
    names = {account: {account} for account in accounts | siblings}
    for account in workspace.accounts:
        if account.id in names:
            names[account.id] |= _numbers_of(account)
    return names


def series_of(workspace: Workspace, account_id: str) -> str:
    """Name what an account shares with those of the same number in other currencies."""
    numbers = (a.number for a in workspace.accounts if a.id == account_id and a.number)
    return clean_number(next(numbers, account_id))


def standing_statements() -> sa.Select[Any]:
    """Select the statements that stand: those of the last reading of each delivery."""
    table, done, delivery = schema.statement, schema.ledger_commit, schema.delivery
    return (
        sa.select(table)
        .join(done, done.c.token == table.c.token)
        .join(delivery, sa.and_(delivery.c.delivery_id == table.c.delivery_id, delivery.c.version == done.c.version))
        .order_by(done.c.version, table.c.position)
    )


def created_at(staged: Staged) -> int | None:
    """Give when the source made the delivery, where it says so."""
    moments = [s.created_at for _, s in staged.statements if s.created_at is not None]
    return moment(max(moments)) if moments else None
