"""
The lines that one figure of a proof is the sum of: a movement, items that stand together, what was booked since.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tieout.observe.exporting.writing import literal
from tieout.observe.money.money_view import PAGE_ROWS
from tieout.observe.proofs.accounts import ledger_accounts_of, ledger_ids_of, money_accounts
from tieout.observe.proofs.facts import facts_opened
from tieout.observe.proofs.proving import proofs_of
from tieout.observe.proofs.rolling import parts, roll, since_of

if TYPE_CHECKING:
    import datetime as dt

    from tieout.config import Workspace
    from tieout.config.workspace import Account
    from tieout.observe.exporting.columns import Opened
    from tieout.observe.proofs.proof import AccountProof
    from tieout.store.workplace import Store

__all__ = ["PARTS", "PartAsked", "PartLine", "ProofPart", "proof_part"]


#: What figures of a proof there are that are sums of lines.
PARTS = ("movement", "since", "ledger", "outside", "inside")


@dataclass(frozen=True, slots=True, kw_only=True)
class PartAsked:
    """
    Which figure of a proof is meant.

    :ivar part: ``movement`` (of a kind), ``since`` (booked since the balance), ``ledger`` (the ledger's lines), or the side on
        which reconciling items stand: ``outside`` or ``inside`` (the ledger).
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

    What arrived at the bank of a settlement has neither: it bears the name of the settlement.
    """

    record_id: str | None
    match_id: str | None
    external_id: str | None
    kind: str | None
    booked_on: dt.date | None
    amount: int


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
        relation = _relation(opened, accounts[0], proof, asked)
        count, amount = con.execute(f"select count(*), coalesce(sum(amount), 0)::varchar from ({relation})").fetchall()[
            0
        ]
        rows = con.execute(f"""
            select record_id, match_id, external_id, kind, booked_on, amount::varchar from ({relation})
            order by abs(amount) desc, booked_on, record_id, match_id limit {PAGE_ROWS} offset {(number - 1) * PAGE_ROWS}
        """).fetchall()
    listed = [
        PartLine(record_id=r, match_id=m, external_id=name, kind=kind, booked_on=on, amount=int(each))
        for r, m, name, kind, on, each in rows
    ]
    return ProofPart(
        currency=proof.currency,
        exponent=proof.exponent,
        as_of=proof.as_of,
        count=int(count),
        amount=int(amount),
        rows=listed,
    )


def _relation(opened: Opened, account: Account, proof: AccountProof, asked: PartAsked) -> str:
    """Write the query for the lines: of the table ``item``, which the proof in hand left, or of a roll-forward made again."""
    con, day, exponent = opened.con, proof.as_of, proof.exponent
    if asked.part in {"outside", "inside"}:
        side = "ledger" if asked.part == "inside" else "outside"
        same = [
            f"{name} is not distinct from {'null' if value is None else literal(value)}"
            for name, value in (("kind", asked.kind), ("state", asked.state), ("reason", asked.reason))
        ]
        return f"select * from item where place = '{side}' and {' and '.join(same)}"
    ids: tuple[str, ...] = (account.id,)
    opening = account.opening
    if asked.part == "ledger":
        ids = ledger_ids_of(opened.workspace, account)
        openings = [a.opening for a in ledger_accounts_of(opened.workspace, account) if a.opening is not None]
        opening = openings[0] if openings else account.opening
    found = roll(con, ids, account.currency, exponent, day, opening)
    lines = f"select *, null as match_id from ({parts(exponent)})"
    if asked.part == "movement":
        return f"{lines} where label = {literal(asked.kind or '')}"
    whole = "select lower(hex(record_id)) as record_id, null as match_id, external_id, kind, booked_on, measured as amount from line"
    return whole if asked.part == "ledger" else f"{whole} where {since_of(found)}"
