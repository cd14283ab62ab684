"""
From pieces to the lines of journals: amounts, what they are worth in the books' currency, differences with a name.

Most journals are one piece in the books' own currency: their lines are written at once. All others are merged (one
line per account and document), valued at the rate of the day, and get a line for what rounding and rates leave over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

__all__ = ["lines", "refuse_unvalued"]

_FOREIGN = "(p.currency <> b.currency or p.exponent <> b.exponent)"
_ABROAD = "(p.currency <> p.base_currency or p.exponent <> p.base_exponent)"
_VALUE = "l.side * (p.amount * l.c_amount + p.fee * l.c_fee + p.fee_tax * l.c_fee_tax + p.tax * l.c_tax)"
_RATE_JOIN = """draft_rate v on v.entity_id = p.entity_id and v.currency = p.currency and v.exponent = p.exponent
            and (v.day = p.posting_date or v.day is null)"""
_FINER = f"[{', '.join(str(10**n) for n in range(10))}][greatest(exponent - base_exponent, 0) + 1]"
_DESCRIPTION = "concat_ws(' ', replace(p.kind, '_', ' '), p.external_id)"
_KEPT = "p.journal_id not in (select journal_id from draft_refused)"

_MERGED = f"""
create or replace temp table draft_merged as
select p.journal_id, p.entity_id, p.posting_date, l.name, l.account, l.account_id, p.currency, p.exponent,
    case when l.clears then p.clears end as clears, l.tax_code, l.dimensions, sum({_VALUE})::bigint as value,
    sum(case when l.carries then l.side * l.c_amount * p.carried end)::bigint as carried,
    bool_or(p.crossed is not null and p.crossed = 'money') as of_money,
    bool_or(p.crossed is not null) as crossed, min(l.place) as place,
    min(case when l.clears then p.counterparty end) as counterparty, min(p.match_id) as match_id,
    min(p.record_id) as record_id, min({_DESCRIPTION}) as description,
    min(case when p.adjustment is null and p.matched is distinct from 'part' then l.posting end) as main_posting,
    min(l.posting) as posting, min(l.ledger) as ledger, min(l.base_currency) as base_currency,
    min(l.base_exponent) as base_exponent
from draft_piece p join draft_plan l using (shape)
where not p.direct and {_KEPT}
group by p.journal_id, p.entity_id, p.posting_date, l.name, l.account, l.account_id, p.currency, p.exponent,
    case when l.clears then p.clears end, l.tax_code, l.dimensions, l.carries and p.carried is not null,
    case when l.carries and p.matched = 'part' then sign(p.carried) end
having sum({_VALUE}) <> 0
"""

_NOMINAL = f"""
create or replace temp table draft_nominal as
select p.*, v.rate, v.rate_on,
    case when not {_ABROAD} then p.value else
        try((sign(p.value) * ((2 * abs(p.value::hugeint) * v.multiplier + v.divisor) // (2 * v.divisor)))::bigint)
        end as nominal
from draft_merged p left join {_RATE_JOIN}
"""

# What a line really is worth in the books: a document leaves them at what it stood there for, and what passes through
# FX clearing comes out at what it went in for. The rest of the difference is the gain or loss of the rates. An amount in
# the currency of the books is what it is worth there: so is that difference, where it is one of the books' currency.
_ACTUAL = f"""
create or replace temp table draft_actual as
with went_in as (
    select journal_id, sum(nominal)::bigint as nominal from draft_nominal
    where name = 'fx_clearing' and of_money group by journal_id
), fx as (
    select distinct entity_id, books_fx from draft_named
), valued as (
    select n.*, case
    when x.books_fx and n.name = 'fx_clearing' and n.crossed and not n.of_money then -w.nominal
    when x.books_fx and n.carried is not null then n.carried
    else n.nominal end::bigint as actual,
    x.books_fx and (n.carried is not null or (n.name = 'fx_clearing' and n.crossed and not n.of_money)) as not_at_rate
from draft_nominal n join fx x using (entity_id) left join went_in w using (journal_id)
)
select * replace (case when not_at_rate and currency = base_currency
    then actual * {_FINER} else value end::bigint as value) from valued
"""

_LEFT_OVER = f"""
create or replace temp table draft_left_over as
with summed as (
    select journal_id, currency, any_value(exponent) as exponent, any_value(entity_id) as entity_id,
        any_value(posting_date) as posting_date, any_value(ledger) as ledger,
        any_value(base_currency) as base_currency, any_value(base_exponent) as base_exponent,
        min(main_posting) as main_posting, min(posting) as posting, min(match_id) as match_id, min(record_id) as record_id,
        min(description) as description, (-sum(nominal))::bigint as rounding,
        (sum(nominal) - sum(actual))::bigint as rates
    from draft_actual group by journal_id, currency
)
select s.*, t.name, t.base, t.place, a.account,
    case when t.place = 900 and s.currency = s.base_currency then t.base * {_FINER} else 0 end::bigint as value
from summed s cross join lateral (
    select * from (values ('rounding', s.rounding, 901),
        (case when s.rates > 0 then 'fx_loss' else 'fx_gain' end, s.rates, 900)) as t(name, base, place)
    where base <> 0
) t left join draft_named a on a.entity_id = s.entity_id and a.currency = s.currency and a.name = t.name
"""

# Words of the plans, of which there are few: coded, a line of twenty texts is a third as wide, and sorting and keeping
# it costs by its width. They are coded in their order, so that they sort as they are written.
_CODED = ("name", "account", "account_id", "tax_code", "dimensions", "posting", "ledger", "base_currency")
_WORDS = f"""
create or replace temp type draft_word as enum (
    select distinct word from (
        select unnest([{", ".join(_CODED)}]) as word from draft_plan
        union all select unnest([name, account]) from draft_named
        union all select unnest([entity_id, ledger, currency]) from draft_books
        union all select period from draft_period
    ) where word is not null order by word
)
"""


def _as_words(*columns: str) -> str:
    """Write columns as words, for ``* replace``."""
    return ", ".join(f"{column}::draft_word as {column}" for column in columns)


_SORTED = f"""
create or replace temp table draft_line as
with plan as (select * replace ({_as_words(*_CODED)}) from draft_plan
), direct as (
    select p.journal_id, p.entity_id::draft_word as entity_id, l.ledger, l.posting, p.posting_date, l.place as line_no,
        l.account, l.name, l.account_id, {_VALUE} as value, p.currency, p.exponent, {_VALUE} as base, l.base_currency,
        l.base_exponent, null::varchar as rate, null::date as rate_on, l.tax_code, p.counterparty,
        case when l.clears then p.clears end as clears, {_DESCRIPTION} as description, l.dimensions, p.record_id,
        p.match_id
    from draft_piece p join plan l using (shape)
    where p.direct and {_KEPT} and {_VALUE} <> 0
), merged as (
    select journal_id, entity_id, ledger, main_posting, posting, posting_date, place, account, name, account_id, value, currency,
        exponent, actual as base, base_currency, base_exponent, case when not not_at_rate then rate end as rate, case when not not_at_rate then rate_on end as rate_on, tax_code, counterparty, clears, description, dimensions, record_id, match_id, not_at_rate
    from draft_actual p where (value <> 0 or actual <> 0) and {_KEPT}
    union all
    select journal_id, entity_id, ledger, main_posting, posting, posting_date, place, account, name, null, value, currency, exponent,
        base, base_currency, base_exponent, null, null, null, null, null, description, null, record_id, match_id, false
    from draft_left_over p where {_KEPT}
), numbered as (
    select * exclude (posting, main_posting), coalesce(min(main_posting) over (partition by journal_id),
        min(posting) over (partition by journal_id)) as posting, (row_number() over (partition by journal_id
        order by place >= 900, value < 0, place, currency, name, account, clears nulls first, tax_code, dimensions, not_at_rate, value))::integer
        as line_no
    from merged
), every as (
    select * from direct
    union all by name select * exclude (place, not_at_rate) replace ({_as_words("entity_id", *_CODED)}) from numbered
)
select e.*, d.period
from every e join (select day, {_as_words("of_ledger", "period")} from draft_period) d
    on d.of_ledger = e.ledger and d.day = e.posting_date
order by e.entity_id, e.posting_date, e.journal_id, e.line_no
"""

# What can be made of other columns is made when it is read.
_COLUMNS = (
    "journal_id, entity_id::varchar as entity_id, ledger::varchar as ledger, period::varchar as period,"
    " posting::varchar as posting, posting_date as document_date, posting_date, line_no, account::varchar as account,"
    " name::varchar as name, account_id::varchar as account_id, greatest(value, 0) as debit,"
    " greatest(-value, 0) as credit, currency, exponent, greatest(base, 0) as base_debit,"
    " greatest(-base, 0) as base_credit, base_currency::varchar as base_currency, base_exponent, rate, rate_on,"
    " tax_code::varchar as tax_code, null::bigint as tax_base, counterparty, null::varchar as partner_entity, clears,"
    " description, dimensions::varchar as dimensions,"
    " case when clears is null then [record_id] else [record_id, clears] end as record_ids, match_id,"
    " null::blob as reverses, null::date as reverse_on, 'draft' as state"
)


def refuse_unvalued(con: duckdb.DuckDBPyConnection) -> None:
    """Add to ``draft_refused``, and to ``draft_unrated``, the journals for whose day there is no rate."""
    con.execute(f"""
        insert into draft_unrated
        select distinct p.journal_id, p.entity_id, p.currency, p.posting_date,
            coalesce(p.external_id, lower(hex(p.record_id)))
        from draft_piece p join draft_shape s using (shape) join draft_books b using (entity_id)
            left join {_RATE_JOIN}
        where s.state = 'drafted' and {_FOREIGN} and v.multiplier is null and {_KEPT}
    """)
    con.execute(f"""
        insert into draft_refused select distinct journal_id, 'master_data', null from draft_unrated p where {_KEPT}
    """)


def lines(con: duckdb.DuckDBPyConnection) -> None:
    """Make ``draft_journal``; journals whose differences have no account join ``draft_refused``."""
    for statement in (_MERGED, _NOMINAL):
        con.execute(statement)
    con.execute(f"""
        insert into draft_refused
        select journal_id, 'master_data', 'expected an amount that fits 64 bits in the currency of the books, got more:'
            || ' look at the rate' from draft_nominal p where nominal is null and {_KEPT} group by journal_id
    """)
    con.execute(_ACTUAL)
    con.execute(_LEFT_OVER)
    con.execute(f"""
        insert into draft_lacking select journal_id, entity_id, currency, name::varchar, null
        from draft_left_over p where account is null and {_KEPT}
    """)
    con.execute(f"""
        insert into draft_refused
        select distinct journal_id, 'unknown_account', null from draft_left_over p where account is null and {_KEPT}
    """)
    con.execute(_WORDS)
    con.execute(_SORTED)
    con.execute(f"create or replace temp view draft_journal as select {_COLUMNS} from draft_line")
