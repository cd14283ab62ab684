"""
What stands in the books of money in another currency: it leaves an account at what it was put there for.

Three things are put somewhere at the rate of their day and taken off later: documents and payouts, by the matches that
settle them; a payment on account, by the one that completes its match; what is disputed or held as a reserve, by what
brings it back. A part takes its share of the whole, to the last minor unit: what holds nothing of a currency any more
holds nothing in the currency of the books. The difference is the gain or loss of the rates, once.
"""

from __future__ import annotations

from tieout.accounting._matches import quoted, whole
from tieout.model.kinds import PAID_OUT

__all__ = ["CARRIED"]


def _worth(amount: str, rate: str = "v") -> str:
    """Write what an amount is worth at a rate, without its sign."""
    return f"(2 * abs({amount})::hugeint * {rate}.multiplier + {rate}.divisor) // (2 * {rate}.divisor)"


def _share(worth: str, until: str, amount: str) -> str:
    """Write what the first ``until`` of an amount stand at, of what the whole does."""
    return f"sign({until}) * ((2 * {worth} * abs({until}) + {amount}) // (2 * {amount}))"


_RATE = """left join draft_rate v on v.entity_id = {0}.entity_id and v.currency = {0}.currency and v.exponent = {0}.{1}
            and v.day = {0}.booked_on"""

# A document stands at what its ERP says, else at the rate of its day; a payout at the rate of the day on which it left,
# and so does what arrives of the lines that it consists of.
_VALUED = f"""
create or replace temp table draft_valued as
with payout as (
    select r.entity_id, r.account_id, r.settlement_id, r.currency, min(r.exponent) as exponent,
        max(r.exponent) as other_exponent, -sum(r.amount)::hugeint as amount,
        case when count(*) = count(v.divisor) then sum(-sign(r.amount) * {_worth("r.amount")}) end as worth
    from records r join draft_books b using (entity_id) {_RATE.format("r", "exponent")}
    where r.kind in ({quoted(PAID_OUT)}) and r.status = 'booked' and r.settlement_id is not null
        and r.currency <> b.currency
    group by all having sum(r.amount) <> 0
)
select c.match_id, c.clears, c.other_account_id, c.exponent, c.clears as record_id, c.allocated::hugeint as allocated,
    c.clears as item, c.amount::hugeint as amount,
    case when c.base_amount is not null and c.base_currency = b.currency
            and coalesce(c.base_exponent, b.exponent) = b.exponent then sign(c.amount) * abs(c.base_amount)::hugeint
        else sign(c.amount) * {_worth("c.amount")} end as worth
from draft_counter c join draft_books b on b.entity_id = c.entity_id {_RATE.format("c", "own_exponent")}
where c.matched = 'document' and c.currency <> b.currency and c.amount <> 0 and c.exponent = c.own_exponent
union all
select f.match_id, null, f.account_id, f.exponent, f.record_id, f.allocated, f.record_id, f.amount,
    sign(f.amount) * {_worth("f.amount")}
from draft_from_platform f join draft_books b on b.entity_id = f.entity_id {_RATE.format("f", "own_exponent")}
where f.currency <> b.currency and f.amount <> 0 and f.exponent = f.own_exponent and (f.is_payout or not f.reported)
union all
select f.match_id, null, f.account_id, f.exponent, f.record_id, f.allocated,
    encode(concat_ws(chr(31), p.account_id, p.settlement_id, p.currency)), p.amount, p.worth
from draft_from_platform f join payout p
    on p.entity_id = f.entity_id and p.account_id = f.account_id and p.settlement_id = f.settlement_id
        and p.currency = f.currency and p.exponent = f.exponent and p.other_exponent = f.exponent
where f.reported and not f.is_payout
"""

# In the order of the payments, so that all parts sum to the whole. unvalued: a record for whose day there is no rate.
_CARRIED = f"""
create or replace temp table draft_carried as
with ordered as (
    select k.*, sign(k.amount) * k.allocated as taken, abs(k.amount) as size, abs(k.worth) as stands_at,
        sum(sign(k.amount) * k.allocated) over (partition by k.item order by p.booked_on, k.match_id, k.record_id
            rows between unbounded preceding and current row) as until
    from draft_valued k join draft_match m using (match_id)
        join draft_money p on p.match_id = k.match_id and p.record_id = m.completed_by
)
select match_id, clears, other_account_id, exponent, count(*) as records,
    min(case when worth is null then record_id end) as unvalued,
    sum(sign(worth) * ({_share("stands_at", "until", "size")}
        - {_share("stands_at", "(until - taken)", "size")}))::bigint as carried
from ordered group by match_id, clears, other_account_id, exponent
"""

# Payments before the last one of a match. What arrives of a payout takes its share of what that stands at (part); what
# waits on account was put there at the rate of its own day, and leaves it at that (back).
_PARTS = f"""
create or replace temp table draft_part as
with counter as (
    select c.match_id, sum({whole("m.way * c.allocated", "c.exponent")}) as amount,
        case when count(*) = count(k.carried) then sum(m.way * k.carried)::hugeint end as carried
    from draft_counter c join draft_match m using (match_id)
        left join draft_carried k on k.match_id = c.match_id and k.other_account_id = c.other_account_id
            and k.exponent = c.exponent and k.records = c.records and k.clears is null
    where m.matched = 'payout' and not m.crossed group by c.match_id
), part as (
    select p.*, m.completed_by, c.carried, abs(c.amount) as size,
        sign(c.amount) * {whole("p.allocated", "p.exponent")} as taken, v.divisor is null as unrated,
        sign(p.allocated) * {_worth("p.allocated")} as worth
    from draft_money p join draft_match m using (match_id) join draft_books b on b.entity_id = p.entity_id
        left join counter c on c.match_id = p.match_id and c.carried is not null and c.amount <> 0
        {_RATE.format("p", "exponent")}
    where m.payments > 1 and m.problem is null and p.currency <> b.currency and p.record_id <> m.completed_by
), ordered as (
    select *, sum(taken) over (partition by match_id order by booked_on, record_id
        rows between unbounded preceding and current row) as until from part
), shared as (
    select match_id, record_id, worth, unrated, (sign(carried) * ({_share("abs(carried)", "until", "size")}
        - {_share("abs(carried)", "(until - taken)", "size")}))::bigint as part from ordered
)
select match_id, record_id, part, coalesce(part, worth)::bigint as back,
    case when part is null and unrated then record_id end as unvalued
from shared
"""

#: The statements that make ``draft_carried`` and ``draft_part``, in order.
CARRIED = (_VALUED, _CARRIED, _PARTS)
