"""
The lines that one figure of a proof is the sum of: a movement, items that stand together, what was booked since.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tieout.observe.exporting.writing import literal
from tieout.observe.money.money_view import PAGE_ROWS
from tieout.observe.proofs.accounts import ledger_accounts_of, ledger_ids_of, money_accounts, sharing
from tieout.observe.proofs.facts import facts_opened
from tieout.observe.proofs.proving import CARRIED_OVER, proofs_of
from tieout.observe.proofs.rolling import parts, roll, since_of
from tieout.observe.proofs.stated import (
    LINES,
    begin,
    lay_lines_of,
    lay_opening,
    lay_rest,
    lay_row,
    lay_stated,
    lay_transit_list,
)

if TYPE_CHECKING:
    import datetime as dt

    import duckdb

    from tieout.config import Workspace
    from tieout.config.workspace import Account
    from tieout.observe.exporting.columns import Opened
    from tieout.observe.proofs.proof import AccountProof
    from tieout.observe.proofs.rolling import Roll
    from tieout.store.workplace import Store

__all__ = ["PARTS", "PartAsked", "PartLine", "ProofPart", "proof_part"]


#: The figures of a proof that open what they are the sum of.
PARTS = (
    *("movement", "since", "opening", "closing", "reported", "ledger", "outside", "inside"),
    *("adjusted-outside", "adjusted-inside"),
)
_SIDES = {"outside": "outside", "inside": "ledger"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PartAsked:
    """
    Which figure of a proof is meant.

    :ivar part: ``movement`` (of a kind), ``since`` (booked since the balance), ``opening`` or ``closing`` of the roll-forward,
        ``reported`` or ``ledger`` (the balances of the two sides), the side on which reconciling items stand, ``outside``
        or ``inside`` (the ledger), or ``adjusted-`` with a side.
    :ivar kind, state, reason: of the movement, or of the items; None: any, or none.
    """

    part: str
    kind: str | None = None
    state: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartLine:
    """
    One line; ``record_id`` and ``match_id`` are hexadecimal.

    What arrived at the bank of a settlement has neither: it bears the name of the settlement. What is no line, as a
    balance that somebody states, says in words what it is, and which delivery says so.
    """

    record_id: str | None
    match_id: str | None
    external_id: str | None
    kind: str | None
    booked_on: dt.date | None
    amount: int
    label: str | None = None
    delivery_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofPart:
    """
    A page of the lines of a figure, the largest first.

    :ivar count, amount: of all of them.
    """

    currency: str
    exponent: int
    as_of: dt.date
    count: int
    amount: int
    rows: list[PartLine]


def proof_part(
    store: Store, workspace: Workspace, account_id: str, asked: PartAsked, as_of: dt.date | None = None,
    known_at: dt.datetime | None = None, number: int = 1,
) -> ProofPart | None:  # fmt: skip
    """
    List what a figure of an account's proof is the sum of.

    :param as_of, known_at: as in ``proving.prove``.
    :param number: of the page, from 1.
    :return: None where the account has no proof, or several.
    """
    with facts_opened(store, workspace, as_of, known_at) as opened:
        con = opened.con
        accounts = [a for a in money_accounts(con, store, workspace, opened.snapshot) if a.id == account_id]
        if len(accounts) != 1:
            return None
        proof = next(proofs_of(opened, only=account_id))
        _lay(opened, accounts[0], proof, asked)
        count, amount = con.execute("select count(*), coalesce(sum(amount), 0)::varchar from part_row").fetchall()[0]
        rows = con.execute(f"""
            select record_id, match_id, external_id, kind, booked_on, label, delivery_id, amount::varchar from part_row
            order by label is null, abs(amount) desc, booked_on, record_id, match_id
            limit {PAGE_ROWS} offset {(number - 1) * PAGE_ROWS}
        """).fetchall()
    names = ("record_id", "match_id", "external_id", "kind", "booked_on", "label", "delivery_id")
    listed = [PartLine(**dict(zip(names, row[:-1], strict=True)), amount=int(row[-1])) for row in rows]
    return ProofPart(
        currency=proof.currency,
        exponent=proof.exponent,
        as_of=proof.as_of,
        count=int(count),
        amount=int(amount),
        rows=listed,
    )


def _lay(opened: Opened, account: Account, proof: AccountProof, asked: PartAsked) -> None:
    """Make ``part_row``: of the table ``item``, which the proof in hand left, and of roll-forwards made again."""
    con, part = opened.con, asked.part
    begin(con)
    if part in _SIDES:
        same = [
            f"{name} is not distinct from {'null' if value is None else literal(value)}"
            for name, value in (("kind", asked.kind), ("state", asked.state), ("reason", asked.reason))
        ]
        _lay_items(con, _SIDES[part], " and ".join(same))
    elif part in {"movement", "since"}:
        found = _rolled(con, account, proof)
        movement = f"select * from ({parts(proof.exponent)}) where label = {literal(asked.kind or '')}"
        lay_lines_of(con, movement if part == "movement" else f"{LINES} where {since_of(found)}")
    elif part == "opening":
        lay_opening(con, (account.id,), proof, _rolled(con, account, proof), account.opening)
    elif part == "closing":
        _lay_closing(con, account, proof)
    elif part in {"ledger", "adjusted-inside"}:
        _lay_ledger(opened, account, proof)
    else:
        _lay_outside(opened, account, proof, since=part == "adjusted-outside")
    if part.startswith("adjusted-"):
        _lay_items(con, _SIDES[part.removeprefix("adjusted-")], "true")


def _rolled(con: duckdb.DuckDBPyConnection, account: Account, proof: AccountProof) -> Roll:
    return roll(con, (account.id,), account.currency, proof.exponent, proof.as_of, account.opening)


def _lay_items(con: duckdb.DuckDBPyConnection, side: str, condition: str) -> None:
    con.execute(f"""
        insert into part_row by name select record_id, match_id, external_id, kind, booked_on, amount from item
        where place = '{side}' and {condition}
    """)


def _lay_closing(con: duckdb.DuckDBPyConnection, account: Account, proof: AccountProof) -> None:
    """What is reported and the lines since; else what it opened with and all lines."""
    found = _rolled(con, account, proof)
    if proof.reported is None:
        lay_opening(con, (account.id,), proof, found, account.opening)
        lay_lines_of(con, LINES)
        return
    _lay_reported(con, account, proof, found)
    lay_rest(con, proof.reported, proof.outside.source, proof.reported_on)
    lay_lines_of(con, f"{LINES} where {since_of(found)}")


def _lay_reported(con: duckdb.DuckDBPyConnection, account: Account, proof: AccountProof, found: Roll) -> None:
    if account.kind == "in_transit":
        lay_transit_list(con, account.id, proof.exponent)
        if found.opening:
            lay_opening(con, (account.id,), proof, found, account.opening)
    elif found.reported is not None:
        lay_stated(con, (account.id,), proof, found)


def _lay_outside(opened: Opened, account: Account, proof: AccountProof, *, since: bool) -> None:
    """What the outside says of every account that the ledger account stands for, and on demand the lines since."""
    con = opened.con
    together = [a for a in sharing(opened.workspace, account) if a.opening is None or a.opening.on <= proof.as_of]
    for one in together:
        _lay_reported(con, one, proof, _rolled(con, one, proof))
    lay_rest(con, proof.outside.balance, proof.outside.source, proof.reported_on)
    if since:
        for one in together:
            lay_lines_of(con, f"{LINES} where {since_of(_rolled(con, one, proof))}")
        for item in proof.outside.items:
            if item.label == CARRIED_OVER:
                lay_row(con, item.label, None, item.amount)


def _lay_ledger(opened: Opened, account: Account, proof: AccountProof) -> None:
    """What the ledger reports and its lines since; else what it opened with and all of its lines."""
    con, ids = opened.con, ledger_ids_of(opened.workspace, account)
    openings = [a.opening for a in ledger_accounts_of(opened.workspace, account) if a.opening is not None]
    opening = openings[0] if openings else account.opening
    if opening is not None and opening.amount.currency != account.currency:
        opening = None
    found = roll(con, ids, account.currency, proof.exponent, proof.as_of, opening)
    if found.reported is None:
        lay_opening(con, ids, proof, found, opening)
        lay_lines_of(con, LINES)
    else:
        lay_stated(con, ids, proof, found)
        lay_lines_of(con, f"{LINES} where {since_of(found)}")
