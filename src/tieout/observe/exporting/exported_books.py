"""
The exported tables of the books: draft journals line by line, and the trial balance that they make.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from tieout.accounting.daily_rates import written_rate
from tieout.accounting.proving import trial_balance
from tieout.observe.exporting.columns import Column, ExportedTable, amounts_of, same

if TYPE_CHECKING:
    from tieout.observe.exporting.columns import Opened

__all__ = ["BOOKS"]


def _lay_trial_balance(opened: Opened) -> None:
    opened.con.register("trial_given", trial_balance(opened.con, "result_journals"))


def _lay_rates(opened: Opened) -> None:
    """Write each rate that drafts are valued at as a decimal: there are as many as days and pairs of currencies."""
    rows = opened.con.execute("select distinct rate from result_journals where rate is not null").fetchall()
    stated = [text for (text,) in rows]
    texts = {"stated": stated, "written": [written_rate(text) for text in stated]}
    opened.con.register("rate_given", pa.table({name: pa.array(each, pa.string()) for name, each in texts.items()}))


def _id(name: str) -> Column:
    return Column(name, "word", f't."{name}"')


_JOURNALS = ExportedTable(
    name="journals",
    columns=(
        _id("journal_id"),
        Column("entity", "word", "t.entity_id"),
        *same("word", "ledger", "period"),
        *same("day", "document_date", "posting_date"),
        *same("integer", "line_no"),
        *same("text", "account"),
        *amounts_of("t.exponent", "debit", "credit"),
        *same("word", "currency"),
        *amounts_of("t.base_exponent", "base_debit", "base_credit"),
        *(*same("rate", "rate"), *same("day", "rate_on"), *same("text", "tax_code")),
        *amounts_of("t.exponent", "tax_base"),
        *same("text", "counterparty", "partner_entity"),
        _id("clears"),
        *same("text", "description"),
        *same("json", "dimensions", "record_ids"),
        *(_id("match_id"), _id("reverses")),
        *same("day", "reverse_on"),
        *same("word", "state"),
        # Nothing is posted yet: these say where a line went once it is.
        *(Column("posting_id", "word", "null::varchar"), Column("document_no", "text", "null::varchar")),
        *same("word", "base_currency"),
        *same("text", "posting", "name", "account_id"),
        *same("word", "run_id", "rate_stated"),
    ),
    relation=lambda _lake, _snapshot: (
        """(
        select j.* replace (lower(hex(journal_id)) as journal_id, lower(hex(clears)) as clears,
            lower(hex(match_id)) as match_id, lower(hex(reverses)) as reverses,
            to_json(list_transform(coalesce(record_ids, []), lambda i: lower(hex(i))))::varchar as record_ids,
            w.written as rate), j.rate as rate_stated
        from result_journals j left join rate_given w on w.stated = j.rate
    )"""
    ),
    order="t.entity_id, t.posting_date, t.journal_id, t.line_no",
    day="t.posting_date",
    needs=("journals",),
    run="t.run_id",
    ready=_lay_rates,
)
_TRIAL_BALANCE = ExportedTable(
    name="trial_balance",
    columns=(
        Column("entity", "word", "t.entity_id"),
        *same("word", "ledger"),
        *same("text", "account"),
        *same("word", "currency"),
        *amounts_of("t.exponent", "debit", "credit", "balance"),
        *same("word", "base_currency"),
        *amounts_of("t.base_exponent", "base_debit", "base_credit", "base_balance"),
    ),
    relation=lambda _lake, _snapshot: "trial_given",
    order="t.entity_id, t.ledger, t.account, t.currency",
    account="",
    day="",
    needs=("journals",),
    ready=_lay_trial_balance,
)

#: The tables of the books.
BOOKS = (_JOURNALS, _TRIAL_BALANCE)
