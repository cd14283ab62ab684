"""
Open items: what customers owe us and what we owe, document by document, with how long it has been due.

Beside them stand payments on account: what is left of a bank's line of which documents took a part. A customer's is owed by
us until a document takes it, as the books have it among the deposits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.model.money import format_minor
from tieout.observe.exporting.columns import Column, ExportedTable, amounts_of, same
from tieout.observe.money.by_day import DOCUMENT_KINDS, left_of_claim
from tieout.observe.proofs.lines import named
from tieout.observe.results import run_exceptions
from tieout.store.views import current_records

if TYPE_CHECKING:
    from tieout.config import Workspace
    from tieout.observe.exporting.exports import Filters
    from tieout.observe.snapshot import Snapshot
    from tieout.store.lake import Lake
    from tieout.store.workplace import Store

__all__ = ["OPEN_ITEMS", "ageing", "open_items_relation"]

#: How long something has been due.
_AGES = {
    "not due": "days = 0",
    "1-30": "days between 1 and 30",
    "31-60": "days between 31 and 60",
    "61-90": "days between 61 and 90",
    "over 90": "days > 90",
}


def open_items_relation(lake: Lake, snapshot: Snapshot) -> str:
    """
    Give every document that is not paid in full by ``as_of_day()``: its amount, what is paid, and what is open.

    Amounts are owed to us (+) or by us (-). A document is overdue from the day after it was due; without a due date it
    is never overdue. Money on account is owed the other way round: what came is owed by us.
    """
    files = snapshot.files
    records = current_records(lake, files["records"], files["superseded"])
    return f"""(
        with x as (
            select record_key, record_id, any_value(exception_id) as exception_id, any_value(reason) as reason
            from {run_exceptions(lake, snapshot)} where claim = 'document' group by all
        ), document as (
            select r.*, coalesce(r.exponent, own_exponent(r.currency)) as own
            from {records} r where r.kind in ({named(DOCUMENT_KINDS)}) and r.status = 'booked' and r.amount is not null
                and r.booked_on <= as_of_day()
        ), begun as (
            select r.*, coalesce(r.exponent, own_exponent(r.currency)) as own
            from {records} r semi join (
                select m.record_key, m.record_id from result_matches m
                semi join (select match_id from result_matches where claim = 'document') d on d.match_id = m.match_id
                where m.claim = 'bank' and m.status = 'confirmed' and m.allocated <> m.amount
            ) p on p.record_key = r.record_key and p.record_id = r.record_id
            where r.status = 'booked' and r.booked_on <= as_of_day()
        ), owed as (
            select d.*, 1 as way, coalesce(u.used, 0) as used, decimals_for(coalesce(u.used, 0), d.own) as decimals
            from document d left join {left_of_claim(lake, snapshot, "document")} u using (record_key, record_id)
            union all
            select b.*, -1, u.used, decimals_for(u.used, b.own)
            from begun b join {left_of_claim(lake, snapshot, "bank")} u using (record_key, record_id) where u.used <> 0
        )
        select o.* replace (way * from_nine(nine(amount, own), decimals) as amount), way * from_nine(used, decimals) as paid,
            way * from_nine(nine(amount, own) - used, decimals) as still_open,
            greatest(0, as_of_day() - o.due_on) as days_overdue, x.exception_id, x.reason,
            case when way < 0 then 'on_account' when o.due_on < as_of_day() then 'overdue' else 'open' end as how
        from owed o left join x using (record_key, record_id) where nine(amount, own) <> used
    )"""


def ageing(store: Store, workspace: Workspace, filters: Filters) -> list[dict[str, str]]:
    """
    Sum what is open by how long it has been due, per currency, as decimal text.

    :raises WrongUse: a filter names what does not exist.
    """
    from tieout.observe.exporting.exports import opened

    sums = ", ".join(f"coalesce(sum(whole) filter (where {condition}), 0)" for condition in _AGES.values())
    with opened(store, workspace, "open_items", filters) as view:
        rows = view.con.execute(f"""
            select currency, max(decimals), {sums}, sum(whole) from (select t.*, coalesce(t.days_overdue, 0) as days,
                nine(t.still_open, t.decimals) as whole from {view.relation}) group by 1 order by 1
        """).fetchall()
    return [
        {
            "currency": currency,
            **{
                n: format_minor(int(a) // 10 ** (9 - decimals), decimals)
                for n, a in zip((*_AGES, "total"), amounts, strict=True)
            },
        }
        for currency, decimals, *amounts in rows
    ]


#: The exported table.
OPEN_ITEMS = ExportedTable(
    name="open_items",
    columns=(
        Column("source", "word", "t.source_id"),
        Column("entity", "word", "t.entity_id"),
        Column("account", "text", "t.account_id"),
        *same("text", "external_id"),
        Column("record_id", "word", "lower(hex(t.record_id))"),
        *same("word", "kind"),
        *same("text", "counterparty"),
        *same("day", "booked_on", "due_on"),
        *same("integer", "days_overdue"),
        *amounts_of("t.decimals", "amount", "paid"),
        Column("open", "amount", "t.still_open", "t.decimals"),
        *same("word", "currency"),
        Column("state", "word", "t.how"),
        *same("word", "reason", "exception_id"),
    ),
    relation=open_items_relation,
    order="t.entity_id, t.currency, t.due_on nulls last, t.record_id",
    needs=("matches", "exceptions"),
)
