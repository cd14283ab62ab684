"""
What could not be drafted, in words: what was expected, what came, and what to write so that it can be.

What many journals wait for is one finding with their number, however many they are: a ledger account, a rate, a period.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from tieout.accounting._elsewhere import UNHELD
from tieout.config.rates import RATE_AGE_MAX_DAYS
from tieout.store.views import sql_types

if TYPE_CHECKING:
    import duckdb

__all__ = ["FINDINGS", "findings"]

#: What could not be drafted: one row per journal that is missing, with what to do; of what many lack, one row per thing,
#: which is ``external_id``: the name of a ledger account, a pair of currencies, a ledger.
FINDINGS = pa.schema(
    {
        "reason": pa.string(),
        "entity_id": pa.string(),
        "source_id": pa.string(),
        "account_id": pa.string(),
        "kind": pa.string(),
        "external_id": pa.string(),
        "record_id": pa.binary(16),
        "record_key": pa.int64(),
        "match_id": pa.binary(16),
        "amount": pa.int64(),
        "currency": pa.string(),
        "exponent": pa.int32(),
        "booked_on": pa.date32(),
        "note": pa.string(),
    },
)

# What to write is told once for each name, however many journals wait for it: "60,000 x" is one omission.
_LACKING = """
    select 'unknown_account' as reason, entity_id, case when count(distinct account_id) = 1 then min(account_id) end as account_id,
        name as external_id, 'expected a ledger account ''' || name || ''' of ' || entity_id || ', found none: '
            || format('{:,} ', count(distinct journal_id)) || case count(distinct journal_id) when 1 then 'journal' else 'journals' end
            || ' in ' || list_aggregate(list_sort(list(distinct currency)), 'string_agg', ', ')
            || case count(distinct journal_id) when 1 then ' waits' else ' wait' end || ' for it; '
            || coalesce('give [[account]] ' || list_aggregate(
                list_sort(list(distinct '''' || account_id || '''')), 'string_agg', ', ')
                || ' its ledger_account in tieout.toml, or ', '')
            || 'write ' || name || ' = "..." under [accounts] in postings/accounts.toml' as note
    from draft_lacking where journal_id in (select journal_id from draft_refused where reason = 'unknown_account')
    group by entity_id, name
"""


def _waiting(more: str) -> str:
    """Write whose day it is, how many days there are, and how many journals wait."""
    return f"""'the day of ' || arg_min(named, (day, named)) || {more} || case count(distinct day) when 1 then ''
            else ' (and for other days until ' || max(day) || ')' end
            || ', found none: ' || format('{{:,}} ', count(distinct journal_id))
            || case count(distinct journal_id) when 1 then 'journal waits' else 'journals wait' end || ' for it; '"""


_UNRATED = f"""
    select 'master_data' as reason, entity_id, b.currency || '/' || u.currency as external_id,
        'expected a rate ' || b.currency || '/' || u.currency || ' for ' || min(day) || ', '
            || {_waiting(f"', or at most {RATE_AGE_MAX_DAYS} days before'")} || 'add it to rates/*.csv' as note
    from draft_unrated u join draft_books b using (entity_id) group by entity_id, u.currency, b.currency
"""
_UNDATED = f"""
    select 'master_data' as reason, entity_id, ledger as external_id, 'expected a period of the ledger ' || ledger || ' for '
            || min(day) || ', ' || {_waiting("''")} || 'read the periods of its ERP again' as note
    from draft_undated group by entity_id, ledger
"""


def findings(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """Say what could not be drafted: a row per journal, per match that cannot be booked, per thing that is missing."""
    columns = ", ".join(f"{name}::{kind} as {name}" for name, kind in sql_types(FINDINGS).items())
    return (
        con.sql(f"""
        with refused as (
            select f.reason, p.entity_id, p.source_id, p.account_id, p.kind, p.external_id, p.record_id, p.record_key,
                p.match_id, r.amount, r.currency, r.exponent, r.booked_on, f.note
            from draft_refused f join draft_piece p using (journal_id)
                join records r on r.record_key = p.record_key and r.record_id = p.record_id
            where f.note is not null
            qualify row_number() over (partition by p.journal_id order by p.part) = 1
            union all
            select 'conflict', r.entity_id, r.source_id, r.account_id, r.kind, r.external_id, r.record_id, r.record_key,
                m.match_id, r.amount, r.currency, r.exponent, r.booked_on,
                'expected a match that a journal can be made of, found ' || m.problem
                    || ': undo it, or match the records again'
            from draft_match m join draft_money y using (match_id)
                join records r on r.record_key = y.record_key and r.record_id = y.record_id
            where m.problem is not null
            union all by name {_LACKING}
            union all by name {_UNRATED}
            union all by name {_UNDATED}
            union all by name {UNHELD}
        )
        select {columns} from refused order by entity_id, booked_on, record_id, match_id nulls first, external_id, note
    """)
        .to_arrow_table()
        .cast(FINDINGS)
    )
