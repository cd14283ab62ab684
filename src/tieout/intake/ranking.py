"""
Whom to believe where several reports tell of one record, as SQL for ``fold``.

Built on ``said``, one row per report; ``refold`` names the records in question.
"""

from __future__ import annotations

__all__ = ["FEES", "MONEY", "NAMES_PAYMENT", "RANKED", "REFERENCES", "SEEN", "VALUE_DAY"]

#: What moved is one statement: its currency, its amounts, and the decimals that they are counted in.
MONEY = ("currency", "exponent", "amount", "tax", "net")

# Whether a report names the payment. One that knows only the charge, or what it belongs to, calls the payment so for want
# of better: that neither corrects nor contradicts who names it.
NAMES_PAYMENT = (
    "(payment_id is distinct from external_id and payment_id is distinct from parent_external_id"
    " and payment_id is not null)"
)

# When a payout arrives its object knows; a report, or its balance transaction, only when the money was there to be paid out.
# Of all else whoever says what arrives (net) says when.
VALUE_DAY = "(booked, kind = 'payout' and net is null, settles, net is not null, place)"

# What an object says in another currency than its money moved in is what the customer saw: the balance transaction that
# comes by itself does not say it.
SEEN = """
    update folded set original_amount = seen.said.amount, original_currency = seen.said.currency,
        original_exponent = seen.said.exponent
    from (
        select target, arg_max({'amount': amount, 'currency': currency, 'exponent': exponent}, (booked, place)) as said
        from ranked where not settles and net is null and amount is not null group by target
    ) seen where folded.record_id = seen.target and folded.original_amount is null and folded.net is not null
"""

# A fee and the tax in it are one statement: one channel tells them apart, another gives their sum. What they add up to is
# believed of the highest rank; that sum told apart, wherever somebody does. What somebody says in another currency than the
# money moved in is no fee of it.
FEES = """
    update folded set fee = chosen.said.fee, fee_tax = chosen.said.fee_tax from (
        with fees as (
            select target, money_place as place, fee, fee_tax, coalesce(fee, 0) + coalesce(fee_tax, 0) as total
            from ranked where settles and (fee is not null or fee_tax is not null)
        ), believed as (
            select target, arg_max(total, place) as total from fees group by target
        )
        select f.target, arg_max({'fee': f.fee, 'fee_tax': f.fee_tax}, (f.fee_tax is not null, f.place)) as said
        from fees f join believed b on b.target = f.target and b.total = f.total group by f.target
    ) chosen where folded.record_id = chosen.target
"""

# A charge knows its order, its balance transaction does not, a report names both otherwise: what a thing is known by adds
# up over the channels that tell of it. Within one channel a later report corrects an earlier one. A channel is a source,
# and in it those who say what arrives (net) apart from those who do not.
REFERENCES = """
    update folded set "references" = chosen.said from (
        with stated as (
            select target, source_id, net is null as grossly, "references" as said from ranked
            where len("references") > 0
            qualify booked = max(booked) over (partition by target)
                and place = max(place) over (partition by target, source_id, net is null)
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
RANKED = """
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
        select * replace ({rescaled}, common_exponent as exponent),
            row_number() over (partition by target order by booked, basis,
                case when told_by is not null then content end, sequence desc, member desc, line desc) as place,
            dense_rank() over (partition by target order by source_id desc) as source_rank
        from based
    ), weighed as (
        select *, row_number() over (partition by target order by booked, net is not null, place) as money_place
        from ranked
    )
    select *, currency is not distinct from arg_max(currency, money_place) over (partition by target) as settles
    from weighed
"""
