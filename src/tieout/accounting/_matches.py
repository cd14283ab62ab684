"""
What the matches say, in the words of accounting: money, what it is for, what differs, and which way it runs.
"""

from __future__ import annotations

from tieout.accounting.reading import LINE_KINDS
from tieout.model.kinds import PAID_OUT
from tieout.store.views import measured_sql

__all__ = ["MATCHES", "from_whole", "quoted", "scaled", "whole"]

#: The most decimals that an amount can have; sums of amounts with different decimals are made at this many.
_DECIMALS = 9
_POWERS = ", ".join(str(10**n) for n in range(_DECIMALS + 1))


def quoted(words: tuple[str, ...]) -> str:
    """Write words as a SQL list."""
    return ", ".join(f"'{word}'" for word in words)


def scaled(amount: str, of: str, to: str) -> str:
    """Write an amount in units of another exponent; the other is never smaller."""
    return f"case when {to} = {of} then {amount} else {amount} * [{_POWERS}][{to} - {of} + 1] end"


def from_whole(amount: str, exponent: str) -> str:
    """Turn such a sum back into units of an exponent that it has no more decimals than."""
    return f"(({amount}) // [{_POWERS}][{_DECIMALS} - {exponent} + 1])::bigint"


def whole(amount: str, exponent: str) -> str:
    """Write an amount so that amounts of any exponent may be summed."""
    return f"({amount})::hugeint * [{_POWERS}][{_DECIMALS} - {exponent} + 1]"


def _narrowed(exponent: str, own: str, **amounts: str) -> str:
    """
    Write amounts, under the names given, and ``exponent`` at the decimals of the record, if no digit of any is lost by it.

    A run of matching counts a currency in the finest decimals that any of its facts has.
    """
    power = f"[{_POWERS}][greatest({exponent} - {own}, 0) + 1]"
    fits = " and ".join(f"{amount} % {power} = 0" for amount in amounts.values())
    narrow = [
        f"case when {fits} then {amount} // {power} else {amount} end as {name}" for name, amount in amounts.items()
    ]
    return ", ".join([*narrow, f"case when {fits} then least({exponent}, {own}) else {exponent} end as exponent"])


_SIGN = "case when {0} < 0 then -abs(m.allocated) else abs(m.allocated) end"

_MONEY = f"""
create or replace temp table draft_money as
select * exclude (taken, decimals, own), {_narrowed("decimals", "own", allocated="taken")} from (
    select m.match_id, r.record_id, r.record_key, r.entity_id, r.booked_on, m.currency, m.claim,
        {_SIGN.format("r.amount")} as taken, m.exponent as decimals, r.exponent as own
    from matches m join records r on r.record_key = m.record_key and r.record_id = m.record_id
    where m.status = 'confirmed' and m.claim in ('payment', 'bank') and r.status = 'booked'
        and r.kind in ({quoted(LINE_KINDS)})
)
"""

_TAKEN = f"""
    select m.match_id, m.claim, m.side, r.record_id, r.kind, r.entity_id, r.account_id, r.booked_on, r.counterparty,
        r.settlement_id, m.currency, m.exponent as decimals, r.amount, r.exponent as own,
        r.base_amount, r.base_currency, r.base_exponent,
        {_SIGN.format(f"({measured_sql('m.claim', 'r')})")} as taken
    from matches m join records r on r.record_key = m.record_key and r.record_id = m.record_id
    where m.status = 'confirmed' and m.claim in ({{claims}}) and m.match_id in (select match_id from draft_money)
"""

# What came from a platform. What arrives of lines whose payout was reported after they were matched has left with that
# payout.
_FROM_PLATFORM = f"""
create or replace temp table draft_from_platform as
with taken as ({_TAKEN.format(claims="'settlement', 'transfer'")}), reported as (
    select distinct account_id, settlement_id, currency from records
    where kind in ({quoted(PAID_OUT)}) and status = 'booked' and settlement_id is not null
)
select t.match_id, t.side, t.record_id, t.kind, t.entity_id, t.account_id, t.booked_on, t.settlement_id, t.currency,
    t.amount, t.own as own_exponent, t.kind in ({quoted(PAID_OUT)}) as is_payout, p.settlement_id is not null as reported,
    {_narrowed("t.decimals", "t.own", allocated="t.taken")}
from taken t left join reported p on t.claim = 'settlement' and p.account_id = t.account_id
    and p.settlement_id = t.settlement_id and p.currency = t.currency
"""

# Documents one by one; what came from a platform summed per account, since a settlement has any number of lines.
_COUNTER = f"""
create or replace temp table draft_counter as
select match_id, side, 'document' as matched, record_id as clears, kind as document, entity_id, null as other_account_id,
    booked_on, counterparty, currency, amount, own as own_exponent, base_amount, base_currency,
    base_exponent, 1 as records, {_narrowed("decimals", "own", allocated="taken")}
from ({_TAKEN.format(claims="'document'")})
union all by name
select match_id, min(side) as side,
    case when bool_or(is_payout or reported)
        or bool_and(kind in ('internal_transfer', 'balance_transfer', 'sweep')) then 'payout' else 'settlement' end as matched,
    any_value(entity_id) as entity_id, account_id as other_account_id, currency, exponent,
    sum(allocated)::bigint as allocated, count(*) as records
from draft_from_platform group by match_id, account_id, currency, exponent
"""

_DIFFERENCE = f"""
create or replace temp table draft_difference as
with summed as (
    select match_id, reason, currency, exponent as decimals, sum(amount)::bigint as taken,
        sum(coalesce(tax_amount, 0))::bigint as tax_taken
    from adjustments where match_id in (select match_id from draft_money) group by all
), narrowed as (
    select s.*, {_narrowed("decimals", "c.exponent", amount="taken", tax="tax_taken")}
    from summed s join draft_currency c using (currency)
)
select match_id, reason, currency, exponent, amount, tax from narrowed
"""

# Differences are booked as those of the documents that run the way of all: of an invoice and a bill, of the larger one.
_LEADING = """case when sum(allocated) < 0 then arg_min(document, (allocated, document))
            else arg_max(document, (allocated, document)) end"""

# One row per match: its sums, which way it runs, which payment completes it, and what is wrong with it.
# way: +1 where documents and money have one sign (a payout is the other sign of what the bank books).
# turn: +1 where the adjustments sum to documents - money, -1 where to money - documents.
_MATCH = f"""
create or replace temp table draft_match as
with money as (
    select match_id, count(*) as payments, min(record_id) as first_id,
        min(record_key) as first_key, sum({whole("allocated", "exponent")}) as total,
        min(currency) as currency, max(currency) as other, max(exponent) as exponent,
        min(entity_id) as entity_id, max(entity_id) as other_entity
    from draft_money group by match_id
), counter as (
    select match_id, count(*) as things, min(side) as side, sum({whole("allocated", "exponent")}) as total, min(currency) as currency,
        max(currency) as other, max(exponent) as exponent, min(entity_id) as entity_id,
        max(entity_id) as other_entity, {_LEADING} as document, min(matched) as matched, max(matched) as other_matched,
        case when count(*) = 1 then any_value(other_account_id) end as other_account_id
    from draft_counter group by match_id
), difference as (
    select d.match_id, sum(case when d.currency = m.currency then {whole("d.amount", "d.exponent")} end) as total,
        max(case when d.currency = m.currency then d.exponent end) as exponent,
        max(case when d.currency <> m.currency and d.currency = c.currency then d.exponent end) as other_exponent,
        bool_and(d.currency = m.currency or d.currency = c.currency or d.reason = 'fx') as known
    from draft_difference d join money m using (match_id) join counter c using (match_id) group by d.match_id
), last as (
    select match_id, record_id, record_key from draft_money
    where match_id in (select match_id from money where payments > 1)
    qualify row_number() over (partition by match_id order by booked_on desc, record_id desc) = 1
), joined as (
    select m.match_id, m.payments, coalesce(l.record_id, m.first_id) as completed_by,
        coalesce(l.record_key, m.first_key) as completed_key, m.total as money,
        m.currency as money_currency, c.currency as counter_currency, c.total as counter, c.things,
        coalesce(d.total, 0) as difference, d.match_id is not null as differs,
        c.document, c.matched, c.other_account_id, c.side,
        m.currency <> c.currency as crossed, case when sign(m.total) * sign(c.total) < 0 then -1 else 1 end as way,
        case when m.currency = c.currency then greatest(m.exponent, c.exponent, coalesce(d.exponent, 0))
            else greatest(m.exponent, coalesce(d.exponent, 0)) end as money_exponent,
        case when m.currency = c.currency then greatest(m.exponent, c.exponent, coalesce(d.exponent, 0))
            else greatest(c.exponent, coalesce(d.other_exponent, 0)) end as counter_exponent,
        case when m.currency <> m.other then 'money in two currencies'
            when c.currency is null then 'nothing that the money is for'
            when c.currency <> c.other then 'documents in two currencies'
            when m.entity_id <> m.other_entity or c.entity_id <> m.entity_id or c.other_entity <> m.entity_id
                then 'records of two entities'
            when c.matched <> c.other_matched then 'documents beside payouts'
            when not coalesce(d.known, true) then 'a difference in a third currency' end as wrong
    from money m left join counter c using (match_id) left join difference d using (match_id)
        left join last l using (match_id)
)
select *, case when not differs then 1
        when crossed and side = 'right' then -1 when crossed then way
        when difference <> 0 and way * counter - money = -difference then -1 else 1 end as turn,
    coalesce(wrong, case when not crossed and abs(way * counter - money) <> abs(difference)
        then 'a difference that its adjustments do not explain' end) as problem
from joined
"""

# Differences as what the documents are larger by than the money. Between two currencies no sum tells which way they are
# meant, but what they are does: a charge takes from the money that comes and adds to the money that goes; a discount
# makes either smaller. What rates explain there is not asked of the match: it is what FX clearing has left over.
_TURNED = f"""
create or replace temp table draft_turned as
select d.match_id, d.reason, d.currency, d.currency <> m.money_currency as of_documents, x.exponent,
    x.turn * {scaled("d.amount", "d.exponent", "x.exponent")} as amount,
    x.turn * {scaled("d.tax", "d.exponent", "x.exponent")} as tax
from draft_difference d join draft_match m using (match_id) cross join lateral (
    select case when d.currency = m.money_currency then m.money_exponent else m.counter_exponent end as exponent,
        case when not m.crossed or d.reason = 'rounding' then m.turn
            when d.reason in ('bank_charge', 'fee', 'fee_tax') then sign(d.amount)
            when d.reason = 'over_payment' then -sign(d.amount) * sign(m.money)
            else sign(d.amount) * sign(m.money) end::bigint as turn
) x
where m.problem is null and not (m.crossed and d.reason = 'fx')
"""

#: The statements that make ``draft_money``, ``draft_counter``, ``draft_match`` and ``draft_turned``, in order.
MATCHES = (_MONEY, _FROM_PLATFORM, _COUNTER, _DIFFERENCE, _MATCH, _TURNED)
