"""
Whom to believe where several reports tell of one record, as SQL for ``fold``.

Built on ``said``, one row per report; ``refold`` names the records in question.
"""

from __future__ import annotations

from tieout.model.money import MINOR_MAX
from tieout.model.records import ONLY_NET

__all__ = [
    "ALIASES",
    "BELIEVED_MONEY",
    "DETAILS",
    "KIND_TOLD",
    "MERE_ADJUSTMENT",
    "NAMED",
    "NAMES_PAYMENT",
    "RANKED",
    "REFERENCES",
    "SEEN",
    "VALUE_DAY",
]

# Whether a report names the payment. One that knows only the charge, or what it belongs to, calls the payment so for want
# of better: that neither corrects nor contradicts who names it.
NAMES_PAYMENT = (
    "(payment_id is distinct from external_id and payment_id is distinct from parent_external_id"
    " and payment_id is not null)"
)

# Whether a report says of what kind a thing is. Stripe's adjustment is what a balance export, or an object of before there
# were categories, calls a dispute, a fee or a refund that failed: that neither corrects nor contradicts who has a category.
# Nor does who calls it a transfer for its name: until 2017 payouts had such names, and only the object says where it went.
MERE_ADJUSTMENT = "(kind = 'adjustment' and system is not distinct from 'stripe')"
KIND_TOLD = f"""(not {MERE_ADJUSTMENT} and not (kind = 'internal_transfer' and system is not distinct from 'stripe'
    and external_id is not null and starts_with(external_id, 'tr_')))"""

# How well a report knows what the thing is called: one that has another name for it says which of both is its own. One
# that calls it by its own identity, or by its payment, may do so for want of better, and more so one without an identity;
# least of all one that was taken for it (intake.taken). Who does not know the kind may name the charge instead of its dispute.
NAMED = f"""case when len(aliases) > 0 then 3 when identity is null and not counted then -1 when {MERE_ADJUSTMENT} then 1
    when external_id is distinct from identity and external_id is distinct from payment_id then 2
    when identity is not null then 1 else 0 end"""

# Every name by which anybody tells of a record finds it, whoever came first. Where all call it the same, that is no other.
ALIASES = """
    update folded set aliases = found.said from (
        with called as (
            select target, namespace || ':' || identity as own, aliases from ranked
        ), named as (
            select target, own as name, true as is_own from called where own is not null
            union all select target, unnest(aliases), false from called
        )
        select target, list_sort(list(distinct name) filter (not is_own or several)) as said from (
            select *, count(distinct name) filter (is_own) over (partition by target) > 1 as several from named
        ) group by target
    ) found where folded.record_id = found.target
"""

# When a payout arrives its object knows; a report, or its balance transaction, only when the money was there to be paid out.
# Of all else whoever says what arrives (net) says when.
VALUE_DAY = "(booked, kind = 'payout' and net is null, settles, net is not null, place)"

# What an object says in another currency than its money moved in is what the customer saw: the balance transaction that
# comes by itself does not say it.
SEEN = """
    update folded set original_amount = seen.said.amount, original_currency = seen.said.currency,
        original_exponent = seen.said.exponent
    from (
        select target, arg_max({'amount': (amount // (10::hugeint ** (exponent - own_exponent))::hugeint)::bigint, 'currency': currency,
            'exponent': own_exponent}, (booked, place)) as said
        from ranked where not settles and net is null and amount is not null group by target
    ) seen where folded.record_id = seen.target and folded.original_amount is null and folded.net is not null
"""

# Amount, fee, its tax and net are one statement and come from one report. What arrives is believed of the highest-ranked
# report that tells it; how that came about, of the highest-ranked one that comes to the same and leaves least open.
# Whoever states an amount and no costs (``only_gross``) confirms a report that tells more, and corrects it by another
# amount; what somebody says who does not say what arrives counts where nobody says more. A fee and the tax in it: one
# channel tells them apart, another gives their sum, and of equal sums the one that is told apart is taken.
#
# Amounts are counted in the finest decimals that anybody states, unless what is believed has no room for them.
BELIEVED_MONEY = f"""
    create or replace temp table believed_money as
    with stated as (
        select *, not only_net and not (costed and net is not null) as only_gross
        from ranked where settles and amount is not null
    ), arriving as (
        select target, arg_max(net, place) as net, max(place) as place, max(booked) as booked
        from stated where not only_gross group by target
    ), told as (
        select s.* from stated s join arriving a on a.target = s.target and a.net = s.net
        where not s.only_gross
        qualify row_number() over (partition by s.target order by s.only_net, s.costed desc, s.place desc) = 1
    ), grossly as (
        select s.* from stated s
        left join arriving a on a.target = s.target left join told t on t.target = s.target
        where s.only_gross and (a.target is null or s.booked > a.booked
            or (s.place > a.place and s.net is not null and not t.only_net))
        qualify row_number() over (partition by s.target order by s.money_place desc) = 1
    ), chosen as (
        select t.* from told t left join grossly g on g.target = t.target
        where g.target is null or g.amount = t.amount
        union all by name
        select g.* from grossly g left join told t on t.target = g.target
        where t.target is null or g.amount <> t.amount
    ), apart as (
        select c.target, arg_max({{'fee': s.fee, 'fee_tax': s.fee_tax}}, s.money_place) as said
        from chosen c join stated s on s.target = c.target and s.fee_tax is not null
            and coalesce(s.fee, 0) + s.fee_tax = coalesce(c.fee, 0) + coalesce(c.fee_tax, 0)
        where c.costed group by c.target
    ), taxes as (
        select target, arg_max(tax, money_place) as tax from ranked where settles and tax is not null group by target
    ), found as (
        select c.target, c.only_net, c.exponent, c.own_exponent, c.amount, c.net, c.tax as own_tax, c.fee as own_fee,
            c.fee_tax as own_fee_tax, case when a.target is null then c.fee else a.said.fee end as fee,
            case when a.target is null then c.fee_tax else a.said.fee_tax end as fee_tax, t.tax,
            greatest(abs(amount), abs(coalesce(net, 0)), abs(coalesce(a.said.fee, c.fee, 0)),
                abs(coalesce(a.said.fee_tax, c.fee_tax, 0)), abs(coalesce(t.tax, 0))) <= {MINOR_MAX} as fits,
            (10::hugeint ** (c.exponent - c.own_exponent))::hugeint as beyond
        from chosen c left join apart a on a.target = c.target left join taxes t on t.target = c.target
    )
    select target, only_net, case when fits then exponent else own_exponent end as exponent,
        (case when fits then amount else amount // beyond end)::bigint as amount,
        (case when fits then fee else own_fee // beyond end)::bigint as fee,
        (case when fits then fee_tax else own_fee_tax // beyond end)::bigint as fee_tax,
        (case when fits then tax else own_tax // beyond end)::bigint as tax,
        (case when fits then net else net // beyond end)::bigint as net
    from found
"""

# Details tell of costs that were left out only where the money that is believed leaves them out.
DETAILS = """
    update folded set details = chosen.said from (
        select r.target, arg_max(r.details, r.place) filter (r.only_net = m.only_net) as said
        from ranked r join believed_money m on m.target = r.target group by r.target having bool_or(r.only_net)
    ) chosen where folded.record_id = chosen.target
"""

# A charge knows its order, its balance transaction does not, a report names both otherwise: what a thing is known by adds
# up over the channels that tell of it. Within one channel a later report corrects an earlier one, unless it only tells less
# of the same: somebody chose fewer columns. A channel is a source,
# and in it those who say what arrives (net) apart from those who do not.
REFERENCES = """
    update folded set "references" = chosen.said from (
        with listed as (
            select target, source_id, net is null as grossly, "references" as said, place from ranked
            where len("references") > 0
            qualify booked = max(booked) over (partition by target)
        ), stated as (
            select * from listed l
            anti join listed m on m.target = l.target and m.source_id = l.source_id and m.grossly = l.grossly
                and len(m.said) > len(l.said) and list_has_all(m.said, l.said)
            qualify place = max(place) over (partition by target, source_id, grossly)
        ), told as (
            select target, source_id, grossly, unnest(said) as word, generate_subscripts(said, 1) as nth from stated
        ), first as (
            select target, word, min({'source': source_id, 'grossly': grossly, 'nth': nth}) as place
            from told group by target, word
        )
        select target, list(word order by place) as said from first group by target
    ) chosen where folded.record_id = chosen.target
"""

# Whoever says what arrives (net) says what moved, in the currency of the account. Who does not may only say what the
# customer saw, however late it comes: that counts where nobody says more, and completes what is said in its currency.
#
# Reports with a revision beside reports without one: the former keep their turns of landing, and take these turns in the
# order of their revisions, or a webhook that is late would win over a newer one as soon as a report has come too. So do
# reports of deliveries that say when they were made.
RANKED = f"""
    create or replace temp table ranked as
    with timed as (
        select s.*, h.sequence, (s.status = 'booked')::int as booked, coalesce(s.revision, h.created_at) as told,
            case when s.revision is not null then 'revision' when h.created_at is not null then 'creation' end as told_by,
            max(s.exponent) over (partition by s.target, s.currency) as common_exponent
        from said s semi join refold r on r.target = s.target
        left join history h on h.delivery_id = s.delivery_id
    ), turns as (
        select target, told_by, sequence as turn,
            row_number() over (partition by target, told_by order by sequence) as nth
        from timed where told_by is not null
    ), numbered as (
        select *, row_number() over (partition by target, told_by order by told, sequence) as nth from timed
    ), turned as (
        select n.* exclude (nth),
            coalesce(max(t.turn) over (partition by n.target, n.told_by, n.told), n.sequence) as turn
        from numbered n left join turns t on t.target = n.target and t.told_by = n.told_by and t.nth = n.nth
    ), based as (
        select * exclude (turn),
            dense_rank() over (partition by target order by turn, told_by nulls first, told nulls first) as basis
        from turned
    ), ranked as (
        select * replace ({{rescaled}}, common_exponent as exponent), exponent as own_exponent,
            row_number() over (partition by target order by booked, basis,
                case when told_by is not null then content end, sequence desc, member desc, line desc) as place,
            dense_rank() over (partition by target order by source_id desc) as source_rank
        from based
    ), weighed as (
        select *, row_number() over (partition by target order by booked, net is not null, place) as money_place,
            fee is not null or fee_tax is not null as costed,
            coalesce(json_valid(details) and json_extract(details, '$.{ONLY_NET}')::varchar = 'true', false) as only_net
        from ranked
    )
    select *, currency is not distinct from arg_max(currency, money_place) over (partition by target) as settles
    from weighed
"""
