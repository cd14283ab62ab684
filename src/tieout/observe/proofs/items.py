"""
The reconciling items of a proof, in words that a reader of it understands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.observe.proofs.lines import ARRIVED
from tieout.observe.proofs.proof import ProofItem

if TYPE_CHECKING:
    import datetime as dt

    import duckdb

    from tieout.observe.proofs.lines import Sides

__all__ = ["ITEMS_MAX", "compared_of", "items_of", "same_in_sum"]

#: So many items of one sort are named one by one; more of them stand as one sum (the table ``proof_items`` has all).
ITEMS_MAX = 50
_THERE = {"bank": "at the bank", "platform": "on the platform", "reserve": "in the reserve"}
_REASONS = {
    "amount_difference": "the other side has another amount",
    "currency_mismatch": "the other side has another currency",
    "ambiguous": "several answers fit",
    "undecided": "too many answers to decide",
    "duplicate": "looks like a repeat",
    "late": "late",
}


def items_of(con: duckdb.DuckDBPyConnection, place: str, account_kind: str | None) -> list[ProofItem]:
    """Name the items of a side; many alike, and what nobody compared, stand as one sum."""
    groups = con.execute(f"""
        select state, reason, kind, count(*), sum(amount)::varchar from item where place = '{place}'
        group by all order by state, reason nulls first, kind nulls first
    """).fetchall()
    found = []
    for state, reason, kind, count, amount in groups:
        there = _there(account_kind, kind)
        if count == 1 or (count <= ITEMS_MAX and state != "not compared"):
            found += _singly(con, place, there, (state, reason, kind))
        else:
            label = _label(place, there, state, reason, None)
            found.append(ProofItem(label=label, amount=int(amount), state=state, count=count, kind=kind, reason=reason))
    return found


def _there(account_kind: str | None, kind: str | None) -> str:
    """Say where the outside is; of what was on its way, where it left or where it arrived."""
    if account_kind == "in_transit" and kind not in {None, "journal_line"}:
        return "at the bank" if kind == ARRIVED else "on its way"
    return _THERE.get(account_kind or "", "outside")


def compared_of(con: duckdb.DuckDBPyConnection, sides: Sides) -> int:
    """Count the lines of both sides that were held against the other side."""
    query = f"""
        select count(*) from own semi join (
            {" union all ".join(f"select record_key, record_id from {table}" for table in sides.compared)}
        ) looked_at using (record_key, record_id) where booked_on <= date '{sides.as_of}'
    """
    return int(con.execute(query).fetchall()[0][0])


def same_in_sum(con: duckdb.DuckDBPyConnection) -> bool:
    """
    Say whether what nobody compared is the same sum on both sides in every month, with lines on either side in each.

    A ledger that is fed by summary journals has no line for each line of a platform; what it books for a month is what the
    platform did in it, or it is not the same.
    """
    query = """
        select bool_and(apart = 0 and here > 0 and there > 0) from (
            select date_trunc('month', booked_on), sum(case place when 'ledger' then amount else -amount end) as apart,
                count(*) filter (where place = 'ledger') as here, count(*) filter (where place = 'outside') as there
            from item where state = 'not compared' group by 1
        )
    """
    return bool(con.execute(query).fetchall()[0][0])


def _singly(
    con: duckdb.DuckDBPyConnection, place: str, there: str, sort: tuple[str, str | None, str | None]
) -> list[ProofItem]:
    state, reason, kind = sort
    rows = con.execute(
        """
        select amount::varchar, record_id, external_id, booked_on, match_id, exception_id, other_on from item
        where place = $1 and state = $2 and reason is not distinct from $3 and kind is not distinct from $4
        order by booked_on, record_id, match_id
        """,
        [place, state, reason, kind],
    ).fetchall()
    return [
        ProofItem(
            label=_label(place, there, state, reason, other_on), amount=int(amount), state=state, kind=kind, reason=reason,
            reference=external_id or record_id or match_id, booked_on=booked_on, record_id=record_id, match_id=match_id,
            exception_id=exception_id,
        )
        for amount, record_id, external_id, booked_on, match_id, exception_id, other_on in rows
    ]  # fmt: skip


def _label(place: str, there: str, state: str, reason: str | None, other_on: dt.date | None) -> str:
    """Say in words what an item is."""
    if state == "difference":
        return f"matched, differs: {(reason or 'unexplained').replace('_', ' ')}"
    if state == "timing":
        where = "in the ledger" if place == "ledger" else there
        if reason == "elsewhere":
            return "matched with a line of another account"
        return f"{where} on {other_on:%d %b %Y}" if other_on else f"{where} later"
    words = f"{there}, not in the ledger" if place == "ledger" else f"in the ledger, not {there}"
    if state == "not compared":
        words = f"{there}, not compared with the ledger" if place == "ledger" else "in the ledger, not compared"
    return f"{words}: {_REASONS[reason]}" if reason in _REASONS else words
