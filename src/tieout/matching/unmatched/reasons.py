"""
Why something is an exception, and what came nearest, in words.

What a reconciliation leaves to one that stands later in tieout.toml, it judges all the same: if the later one finds
nothing that explains it either, the earlier one's reason stands, because it looked where the answer should have been.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.matching.facts.sides import listed
from tieout.matching.planning.operators import PAIRS_MAX
from tieout.matching.pools.verdicts import LISTED_MAX
from tieout.matching.unmatched.bounds import tell_bounds
from tieout.matching.unmatched.candidates import ALIKE_MAX
from tieout.matching.unmatched.converted import convert, told_converted
from tieout.matching.unmatched.proposals import pass_proposals_on
from tieout.store.engine import paths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tieout.matching.performing.perform import Performance

__all__ = ["deferred_sql", "exceptions_sql", "give_reasons", "money_cases", "quoted", "take_earlier"]

#: What has a number and the amount in common, so many days apart, is late and not missing.
_LATE_DAYS = 14
# As a rule by amounts alone looks at no more pairs of one amount than this.
_LOOKED_AT_MAX = PAIRS_MAX * 100
#: So many records of one selection are named.
_NAMED_IN_CHOICE_MAX = 5
# Nothing answers to it, as far as this reconciliation can see.
_MISSING = ("missing_left", "missing_right")
# What nothing answers to is called so where it is a refund: it lacks the credit note that it should have.
_UNWRITTEN = (
    f"o.kind = 'refund' and o.claim = 'payment' and o.reason in ({listed(_MISSING)})"
    " and coalesce(o.told_why, '') not in ('fits', 'same_name')"
)
# What came nearest shares an identifier.
_BY_KEY = "coalesce(o.by_key, false)"
# Told by an identifier, whatever came nearest.
_NAMED = ("duplicate", "amount_difference", "currency_mismatch", "late", "proposed")

#: The only one that fits it has others that fit as well.
_RIVALS = """select distinct f.other as thing from first f join told t on t.thing = f.thing
    where t.alike > 1 and f.why in ('same_amount', 'same_name')"""
#: So many of one amount that they were not set side by side, one by one.
_CROWDS = f"""select ccy, whole, count(distinct family) filter (where origin = 'left') as lefts,
        count(distinct family) filter (where origin = 'right') as rights
    from o group by ccy, whole having count(distinct family) > {ALIKE_MAX}"""
#: How many accidents keep a thing from the one that would be its match.
_GATES = """select thing, other, min(rtrim(rtrim(decimal_text(coincidence, 6), '0'), '.') || ' are expected to be as good by accident, at most '
        || rtrim(rtrim(decimal_text(most, 6), '0'), '.') || ' may be') as said
    from (select l as thing, r as other, coincidence, most from by_gate union all select r, l, coincidence, most from by_gate)
    group by thing, other"""
# Why it is an exception: what is known for certain comes before what only looks so.
_REASON = f"""case
                when o.claim = 'transfer' then 'balance_difference'
                when o.proposal is not null then 'proposed'
                when t.twice then 'duplicate'
                when t.why in ('ambiguous', 'twin') or u.thing is not null
                    or t.is_tied and o.thing not in (select thing from undecided) then 'ambiguous'
                when t.crowded and o.thing in (select thing from crowded) then 'undecided'
                when t.why in ('amount_difference', 'currency_mismatch') then t.why
                when t.why = 'fits' and abs(t.other_booked - o.booked) > {_LATE_DAYS} then 'late'
                when o.thing in (select thing from returned) then 'returned'
                when o.by_chance then case o.origin when 'left' then 'missing_right' else 'missing_left' end
                when o.thing in (select thing from held) or o.thing in (select thing from in_doubt) then 'ambiguous'
                when o.thing in (select thing from beyond) then 'undecided'
                when t.alike > 1 or d.thing is not null then 'ambiguous'
                -- Of many that have its amount, one that alone bears its name is no matter of choosing.
                when t.why = 'same_name' then case o.origin when 'left' then 'missing_right' else 'missing_left' end
                when c.lefts * c.rights > {_LOOKED_AT_MAX} then 'undecided'
                when case o.origin when 'left' then c.rights else c.lefts end > 1 then 'ambiguous'
                when o.origin = 'left' then 'missing_right' else 'missing_left' end"""

_NEARLY = "case when o.apart = 0 then '' else 'nearly ' end"
# How long before or after it that was booked which came nearest.
_WHEN = """case when o.other_booked = o.booked then 'on the same day' else abs(o.other_booked - o.booked)
                            || case when abs(o.other_booked - o.booked) = 1 then ' day' else ' days' end
                            || case when o.other_booked > o.booked then ' later' else ' earlier' end end"""


def _note(amount: str, apart: str, earned: str, takes: str, total: str) -> str:
    """Write what is told beside the reason; amounts are SQL that writes them."""
    return f"""case when o.reason = 'ambiguous' and o.could is not null then case o.could
                    when 'part' then 'all that shares its identifier comes to ' || {total} || ' ' || o.currency
                        || ', and only a part of it nets to zero: choose which'
                    when 'two groups' then 'two identifiers put it into two groups that net to zero: choose one'
                    else 'more than one could be its reversal, or what it takes back: choose one' end
                when o.reason = 'ambiguous' and o.thing in (select thing from held_in_chains)
                    then 'fits a chain of consecutive lines, but where its run begins or ends is not certain: look at its neighbours'
                when o.reason in ({listed(_MISSING)}) and o.thing in (select thing from between_chains)
                    then 'the runs of lines before and after it are found; here a line is missing, or one too many'
                else case o.reason
                when 'duplicate' then 'looks like ' || coalesce(o.twin_external, 'another record') || ' a second time: same identifier and amount'
                when 'undecided' then coalesce(o.bound, 'so many could be meant that not all were looked at') || ': choose one'
                when 'ambiguous' then case o.summed
                    when 'several' then coalesce(o.choices, 'several selections of what could be meant come to the sum') || ': choose one'
                    when 'shared' then 'the selection that comes to the sum has something that another selection has, too: choose one'
                    when 'part' then 'may be part of ' || o.summed_external || ', to which more than one selection comes: choose one'
                    when 'shared part' then 'may be part of ' || o.summed_external || ', whose selection has something that another selection has, too: choose one'
                    else case when o.sums = 'one' then 'all that shares a number with it fits it together, and some of that shares one with something else: choose one'
                    when o.answers = 1 and o.sums = 'many' then 'fits ' || o.tied_external || ' together with all else that shares a number with that, and some of it shares one with something else: choose one'
                    else case case when o.is_tied then o.answers else coalesce(o.several, 0) end
                    when 0 then 'others of the same amount fit as well: choose one'
                    when 1 then 'the only one that it fits has others that fit as well: choose one'
                    else 'several answers fit equally well: choose one' end end end
                when 'late' then o.other_external || ' has its number and amount, and was booked ' || abs(o.other_booked - o.booked) || ' days apart'
                when 'amount_difference' then case when o.one_of_many then 'its settlement comes to ' || {amount} || ' ' || o.currency
                    else {amount} || ' ' || o.currency || ' here' end || ', ' || o.other_text || ' there'
                    || case when o.is_turned then ', which counts as ' || o.turned_text || ' here' else '' end || ': differs by '
                    || {apart} || ' ' || o.currency
                when 'currency_mismatch' then case when o.mismatched > 1 then {amount} || ' ' || o.currency || ' here, and ' || o.mismatched
                        || ' are named there in another currency' || coalesce(o.together, '')
                    else {amount} || ' ' || o.currency || ' here, ' || o.other_text || ' ' || o.other_currency || ' there'
                    || coalesce(': ' || o.converted, '') end
                when 'balance_difference' then 'the lines of its settlement add up to ' || {earned} || ' ' || o.currency
                    || coalesce(', and its payout takes ' || {takes} || ' ' || o.currency || ' with its fee', '')
                when 'proposed' then o.proposal
                when 'returned' then 'paid out, and back in the balance: the bank sent it back'
                else case when o.told_why = 'fits' then o.other_external || ' has its number and amount, and no rule put the two together'
                    when o.told_why = 'taken' then o.other_external || ' shares its number, and is matched with something else'
                    when o.told_why = 'apart' then o.other_external || ' shares its number, and a person took the two apart'
                    when o.told_why = 'other_way' then o.other_external || ' shares its number, and its money runs the other way'
                    when o.told_why = 'other_company' then o.other_external || ' shares its number, and is another company''s, ' || o.other_entity
                    when o.told_why = 'other_number' and o.is_said then 'names ' || o.number || ', and not ' || o.other_external || ', which has ' || {_NEARLY} || 'its amount'
                    when o.told_why = 'other_number' then o.other_external || ' has ' || {_NEARLY} || 'its amount, and names ' || o.number
                    when o.told_why in ('near_amount', 'other_amount') then o.other_external || ' bears its name: ' || {apart} || ' ' || o.currency
                        || case when o.less then ' less' else ' more' end || ', ' || {_WHEN} || coalesce('; ' || o.gate, '')
                    when o.told_why = 'near_on_day' then o.other_external || ' is the only one near its amount on that day: ' || {apart} || ' '
                        || o.currency || case when o.less then ' less' else ' more' end
                    when o.told_why = 'other_day' then o.other_external || ' has its amount, ' || {_WHEN}
                    when o.told_why = 'near_currency' then o.other_external || ' bears its name: ' || o.other_text || ' ' || o.other_currency
                        || ', ' || {_WHEN} || coalesce(': ' || o.converted, '')
                    when o.by_chance and coalesce(o.told_why, 'other_name') in ('other_name', 'selection') then 'one selection of what could be meant comes to the sum, which may be chance'
                    when o.told_why = 'same_name' then o.other_external || ' has its amount and name, which others may have by chance' || coalesce(': ' || o.gate, '')
                    when o.reason = 'missing_right' then 'nothing on the other side answers to it'
                    else 'nothing on the other side explains it' end end end"""


def take_earlier(work: Performance, earlier: Sequence[str]) -> None:
    """
    Make ``earlier``: what reconciliations that stand before this one said of what they left to it, the first of them first.

    A document that is not due needs a person as well, if one of them found money that names it and that nothing matched.

    :param earlier: their files, in the order of tieout.toml.
    """
    engine = work.engine
    columns = "reconciliation, side, claim, record_id, version, reason, named, note, candidates"
    files = [
        f"select {columns}, {place} as place from read_parquet({paths([path])})" for place, path in enumerate(earlier)
    ]
    nothing = """select '' as reconciliation, '' as side, '' as claim, ''::blob as record_id, 0::integer as version, '' as reason,
        false as named, '' as note, '' as candidates, 0 as place where false"""
    missing = listed(_MISSING)
    engine.create(
        "earlier",
        f"""select {columns} from (
                -- What nothing explains names at least what shares its number: any other reason says more.
                select *, row_number() over (
                    partition by claim, record_id, version order by reason in ({missing}), place) as turn
                from ({" union all ".join(files) or nothing}) e
            ) e where turn = 1""",
    )
    if not files:
        return
    engine.create(
        "left_over",
        """select o.* replace (
                case when e.record_id is not null then 'exception' else o.state end as state,
                case when e.record_id is not null then null else o.why end as why)
            from left_over o left join earlier e on e.record_id = o.record_id and e.claim = o.claim
                and e.version = o.version and e.named and o.why = 'not due'""",
    )
    engine.create("left_over", pass_proposals_on())


def give_reasons(work: Performance, reconciliation: str) -> None:
    """
    Make ``reasoned``: each exception with its reason, what is told beside it, and the reconciliation that says so.

    An earlier reconciliation's reason stands where this one finds nothing, or only what has the same amount; where neither
    finds anything that explains it, the one that names what shares its number.
    """
    engine = work.engine
    currency, exponent = money_cases(work)
    convert(work, currency)
    _tell_choices(work)
    tell_bounds(work)
    engine.create("reasoned_here", _reasoned_here(work, currency, exponent))
    written = "decimal_text({0}, {1})"
    note = _note(
        written.format("coalesce(o.own_whole, o.measure)", "o.exponent"),
        written.format("abs(o.apart)", "o.exponent"),
        written.format("o.earned::bigint", "o.exponent"),
        written.format("o.takes::bigint", "o.exponent"),
        written.format("o.could_total * o.sign", "o.exponent"),
    )
    by_amount = "o.reason in ('ambiguous', 'undecided') and (coalesce(o.told_why, 'same_amount') in ('same_amount', 'same_name', 'selection') or not o.by_key)"
    missing = f"o.reason in ({listed(_MISSING)}) and o.told_why is distinct from 'fits'"
    engine.create(
        "reasoned",
        f"""select o.* replace (coalesce(h.reason, e.reason, o.reason) as reason, coalesce(h.candidates, e.candidates, case when o.reason <> 'proposed' then o.candidates end, '[]') as candidates),
                coalesce(h.note, e.note, {note}) as note, coalesce(e.side, o.origin) as side,
                coalesce(e.reconciliation, '{quoted(reconciliation)}') as reconciliation,
                coalesce(e.named, o.reason in ({listed(_NAMED)}) or coalesce(o.told_why in ('ambiguous', 'twin') and o.by_key, false)) as named
            from reasoned_here o left join halves h on h.thing = o.thing and o.claim = 'transfer' left join earlier e on e.record_id = o.record_id and e.claim = o.claim
                and e.version = o.version and ({missing} and (e.reason not in ({listed(_MISSING)}) or not {_BY_KEY})
                    or ({by_amount}) and e.named)""",
    )


def _tell_choices(work: Performance) -> None:
    """Make ``told_choices`` (one, said): how many selections come to the sum of one thing, and what the first few have."""
    work.engine.create(
        "told_choices",
        f"""with each as (
                select c.one, c.nth, c.many, a.external_id,
                    row_number() over (partition by c.one, c.nth order by a.external_id, a.record_key, a.record_id) as place,
                    count(*) over (partition by c.one, c.nth) as several
                from choices c join asked_rows a on a.thing = c.thing
                -- Where something of them was taken since, they are no choices any more.
                anti join (select x.one from choices x join asked_rows y on y.thing = x.thing where y.used) g on g.one = c.one
            ), written as (
                select one, nth, max(many) as many,
                    array_to_string(list(coalesce(external_id, 'a record without an id') order by place), ' + ')
                        || case when max(several) > {_NAMED_IN_CHOICE_MAX} then ' + ' || (max(several) - {_NAMED_IN_CHOICE_MAX}) || ' more' else '' end as said
                from each where place <= {_NAMED_IN_CHOICE_MAX} group by one, nth
            )
            select one, case when max(many) = 0 then 'several selections come to the sum, such as '
                    when max(many) > {LISTED_MAX} then 'more than {LISTED_MAX} selections come to the sum, such as '
                    else max(many) || ' selections come to the sum: ' end
                || array_to_string(list(said order by nth), ', or ') as said
            from written group by one""",
    )


def _reasoned_here(work: Performance, currency: str, exponent: str) -> str:
    """Write the query for the exceptions, each with what came nearest and the reason that this run sees."""
    written = "decimal_text({0}, {1})"
    base = written.format("{0}", work.base_exponent)
    sums = [f"{where}_{of}" for where in ("here", "there") for of in ("total", "nearest")]
    told = {"other_text": "other_measure", "whole_text": "other_whole"} | {f"{name}_text": name for name in sums}
    texts = ", ".join(f"{written.format(f'n.{name}', 'n.other_exponent')} as {text}" for text, name in told.items())
    return f"""
        with o as (
            select *, case ccy {currency} end as currency, (case ccy {exponent} end)::integer as exponent,
                thing in (select thing from by_chance) as by_chance
            from left_over where state = 'exception'
        ), first as (
            select n.* replace (case when n.why = 'ambiguous' and alone and not is_tied then 'fits' else n.why end as why),
                {texts}, {written.format("-n.other_whole", "n.other_exponent")} as turned_text, case n.other_ccy {currency} end as other_currency,
                n.other in (select thing from crowded) as other_crowded,
                v.said as converted, v.here_text, v.there_text, v.here, case when n.other = n.other_family then v.there end as there
            from (
                -- All lines of a settlement that arrives as one are one answer.
                select m.*, (case m.other_ccy {exponent} end)::integer as other_exponent,
                    f.first_family is not distinct from f.last_family and t.first_other is not distinct from t.last_other as alone
                from near m join (
                    select thing, min(other_family) filter (where why = 'ambiguous') as first_other,
                        max(other_family) filter (where why = 'ambiguous') as last_other from near group by thing
                ) t on t.thing = m.thing join (
                    select other, min(family) filter (where why = 'ambiguous') as first_family,
                        max(family) filter (where why = 'ambiguous') as last_family from near group by other
                ) f on f.other = m.other
            ) n left join converted v on v.thing = n.thing and v.other = n.other
        ), told as (
            select thing, max(why) filter (where place = 1) as why, max(other) filter (where place = 1) as nearest, count(*) as several, bool_or(is_tied) as is_tied,
                count(distinct case when is_tied then other_family end) as answers, min(case when is_tied then sums end) as sums, max(other_external) filter (where is_tied) as tied_external,
                bool_or(is_turned) filter (where place = 1) as is_turned, max(turned_text) filter (where place = 1) as turned_text, bool_or(by_key) filter (where place = 1) as by_key,
                max(other_external) filter (where place = 1) as other_external, max(whole_text) filter (where place = 1) as other_text,
                max(own_whole) filter (where place = 1) as own_whole,
                bool_or(abs(other_whole) < abs(own_whole)) filter (where place = 1) as less, bool_or(one_of_many) as one_of_many,
                max(other_entity) filter (where place = 1) as other_entity, max(number) filter (where place = 1) as number, bool_or(is_said) filter (where place = 1) as is_said,
                max(other_currency) filter (where place = 1) as other_currency, max(abs(apart)) filter (where place = 1) as apart,
                max(converted) filter (where place = 1) as converted, max(other_booked) filter (where place = 1) as other_booked, bool_or(why = 'duplicate') as twice,
                bool_or(other_crowded and why = 'amount_difference') filter (where place = 1) as crowded, max(other_external) filter (where why = 'duplicate') as twin_external,
                count(*) filter (where why in ('same_amount', 'same_name')) as alike, max(mismatched) as mismatched,
                case when count(there) = max(mismatched) then ': together, by the rates, ' || {base.format("max(here)::bigint")} || ' against '
                    || {base.format("sum(there)::bigint")} || ' {work.base_currency}, differs by '
                    || {base.format("abs(abs(max(here)) - abs(sum(there)))::bigint")} || ' {work.base_currency}' end as together,
                max(summed) as summed, coalesce(max(other_external) filter (where why = 'selection' and summed = 'shared part'), max(other_external) filter (where why = 'selection')) as summed_external,
                '[' || array_to_string(list(candidate order by place), ',') || ']' as candidates
            from (
                -- Written row by row: lists of structures cost the engine ten times as much as lists of texts.
                select *, to_json({{'source': other_source, 'external_id': other_external, 'record_id': lower(hex(other_id)),
                    'amount': other_text, 'score': null, 'why': why, 'here': {_told_sum("here")}, 'there': {_told_sum("there")},
                    'exchanged': {told_converted(work.base_currency)}}})::varchar as candidate
                from first
            ) group by thing
        ), rivals as ({_RIVALS}), crowds as ({_CROWDS})
        select o.*, t.* exclude (thing, why, nearest), t.why as told_why, g.said as gate, u.why as could, u.total as could_total, h.said as choices, coalesce(k.said, case when c.lefts * c.rights > {_LOOKED_AT_MAX} then
            c.lefts * c.rights || ' pairs have its amount, and at most {_LOOKED_AT_MAX} are looked at' end) as bound, {_REASON} as reason
        from o left join told t on t.thing = o.thing left join ({_GATES}) g on g.thing = o.thing and g.other = t.nearest
        left join (select thing, min(why) as why, min(total) as total from unsettled group by thing) u on u.thing = o.thing
        left join rivals d on d.thing = o.thing left join told_choices h on h.one = o.thing
        left join crowds c on c.ccy = o.ccy and c.whole = o.whole
        left join told_bounds k on k.thing = o.thing
    """


def _told_sum(where: str) -> str:
    """Write what several things come to, as a part of a candidate; null where nothing is told of them."""
    told = f"{{'several': {where}_several, 'sum': {where}_total_text, 'nearest': {where}_nearest_text}}"
    return f"case when {where}_several is not null then {told} end"


def exceptions_sql(reconciliation: str) -> str:
    """Write the rows of the lake table ``exceptions``, in total order."""
    return f"""
        select substr(sha256(concat_ws(':', '{quoted(reconciliation)}', o.origin, o.claim, hex(o.record_id))), 1, 16) as exception_id,
            o.reconciliation, case when {_UNWRITTEN} then 'refund_without_credit_note' else o.reason end as reason,
            o.side, o.claim, o.record_id, o.record_key,
            o.source_id, o.entity_id, o.account_id, o.external_id, o.settlement_id, o.kind, o.counterparty,
            (o.amount * o.sign)::bigint as amount, o.currency, o.exponent, date '1970-01-01' + o.booked::integer as booked_on,
            date '1970-01-01' + o.expected_day::integer as due_on,
            case when {_UNWRITTEN} then 'no credit note answers to it' else o.note end as note, o.candidates
        from reasoned o where not o.deferred order by o.record_key, o.record_id, o.claim, o.origin
    """


def deferred_sql() -> str:
    """Write the rows of the lake table ``deferred``, in total order: what is said, in case nobody later knows better."""
    return f"""
        select reconciliation, side, claim, record_id, record_key, version, reason, named, note, candidates
        from reasoned o where deferred and (reason not in ({listed(_MISSING)}) or {_BY_KEY}) order by record_key, record_id, claim, origin
    """


def money_cases(work: Performance) -> tuple[str, str]:
    """Write the cases of a currency's code: what it is called, and how many decimals its amounts have."""
    codes = work.money.currencies
    currency = " ".join(f"when {code} then '{name}'" for code, name, _ in codes) or "when -1 then ''"
    exponent = " ".join(f"when {code} then {exponent}" for code, _, exponent in codes) or "when -1 then 0"
    return currency, exponent


def quoted(text: str) -> str:
    """Write a text inside quotes of SQL."""
    return text.replace("'", "''")
