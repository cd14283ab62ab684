"""
What came nearest to what nothing matched: by an identifier, else by the amount, else by the name.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from tieout.matching.comparing.numbers import find_other_numbers
from tieout.matching.comparing.spelling import apart_by_name
from tieout.matching.facts.sides import listed
from tieout.matching.results.found import SIDES
from tieout.matching.unmatched.farther import find_farther
from tieout.matching.unmatched.met_by_key import known_keys, make_known, meet_by_key
from tieout.matching.unmatched.named_sums import sum_up_named
from tieout.matching.unmatched.nearest import find_nearest
from tieout.matching.unmatched.used_before import find_used_before
from tieout.model.kinds import PAID_OUT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tieout.matching.grammar.rules import Alias
    from tieout.matching.performing.perform import Performance

__all__ = ["ALIKE_MAX", "find_candidates"]

_CANDIDATES_MAX = 3
#: Of selections everything is shown that they have, so that a person can choose one.
_SELECTED_MAX = 12
#: What an identifier of each of the two brings together on the other's side, where it brings more than they are.
_TOLD_SUMS = ", ".join(
    f"case when n.by_key and not n.inside then {alias}.{column} end as {where}_{column}"
    for alias, where in (("s", "there"), ("o", "here"))
    for column in ("several", "total", "nearest")
)
#: So many open things of one amount are set side by side; of more it is only said that there are several.
ALIKE_MAX = 20


#: What met an exception, however it did, once; what a person took apart only where an identifier brings them together.
_MET = """select m.*, f.l is not null as is_apart from (
        select thing, other, inside, true as by_key, false as by_name, false as within, null as summed from met_by_key
        union all select thing, other, false, false, false, false, null
            from met_by_amount anti join met_by_key using (thing, other)
        union all select thing, other, inside, true, false, false, null from met_before
        union all select thing, other, false, false, true, false, null from met_by_name
        union all select thing, other, false, false, false, false, how from met_by_sum semi join unmatched using (thing)
            anti join met_by_key using (thing, other) anti join met_by_amount using (thing, other)
            anti join met_by_name using (thing, other)
        union all select thing, other, false, false, false, false, null from met_by_tie anti join met_by_key using (thing, other)
            anti join met_by_amount using (thing, other) anti join met_by_name using (thing, other)
            anti join met_by_sum using (thing, other)
        union all select distinct thing, other, false, false, false, false, null from met_last
        union all select distinct thing, other, true, true, false, true, null
            from unsettled semi join unmatched using (thing) anti join met_by_key using (thing, other)
    ) m left join (select l, r from forbidden union select r, l from forbidden) f on f.l = m.thing and f.r = m.other
    where f.l is null or m.by_key and not m.within"""

# All lines of a settlement that arrives as one are one answer. Of the two of a tie one has several answers.
_TIED = """select j.*, answers and (t.first_other <> t.last_other or f.first_family <> f.last_family) as is_tied
    from judged j join (
        select thing, min(other_family) filter (where answers) as first_other, max(other_family) filter (where answers) as last_other
        from judged group by thing
    ) t on t.thing = j.thing join (
        select other, min(family) filter (where answers) as first_family, max(family) filter (where answers) as last_family
        from judged group by other
    ) f on f.other = j.other"""


def find_candidates(work: Performance, note_used: Callable[[], None]) -> None:
    """
    Find what came nearest to each exception: ``near`` (thing, other, inside, why, apart, place).

    ``inside``: it is of the same side.

    :param note_used: makes ``asked_used`` of ``asked`` (``outcome.Found.leave_rests``).

    By identifier first: the other side's records, open or taken, in this run or before it, that share one. Then, for what
    has none, the open ones of the same amount, and what a selection has that was not taken; last, for what has none of
    these, those that bear its name and have nearly its amount.
    """
    engine = work.engine
    # Only what the exceptions name is looked for among all the rest.
    engine.create("unmatched", "select distinct thing from left_over where state = 'exception'")
    # What of it is still open, and what it could settle with as well.
    left = "semi join left_over a on a.thing = u.thing semi join left_over b on b.thing = u.other"
    engine.create("unsettled", f"select u.* from unsettled u {left}")
    if engine.count("unmatched"):
        make_known(work)
    _take_named(work)
    _sum_settlements(work)
    meet_by_key(work)
    find_used_before(work)
    engine.create(
        "met_by_amount",
        f"""
        select a.thing, b.thing as other
        from left_over a join left_over b on b.origin <> a.origin and b.ccy = a.ccy and b.whole = a.whole
        semi join (select ccy, whole from left_over group by all having count(distinct family) <= {ALIKE_MAX}) c
            on c.ccy = a.ccy and c.whole = a.whole
        where a.state = 'exception' and abs(b.booked - a.booked) <= 31 and b.why is distinct from 'not settled yet'
            and 'transfer' not in (a.claim, b.claim)  -- the same payout, asked what it is made of
            and {"coalesce(a.entity_id = b.entity_id, true)" if work.by_entity else "true"}
        """,
    )
    # What a selection could have that is not taken: of the one its things, of each thing the one.
    engine.create(
        "met_by_sum",
        """select one as thing, thing as other, max(how) as how from unsure group by all
            union all select thing, one, case max(how) when 'chance' then 'chance' when 'shared' then 'shared part' else 'part' end from unsure group by all""",
    )
    _meet_by_tie(work)
    _compare_names(work)
    find_nearest(work)
    near = ("met_by_key", "met_before", "met_by_amount", "met_by_name", "met_by_sum", "met_by_tie", "unsettled")
    find_farther(work, " union all ".join(f"select thing from {name}" for name in near))
    met = ("met_by_amount", "met_by_name", "met_by_tie", "met_last")
    find_other_numbers(work, " union ".join(f"select thing, other from {name}" for name in met))
    _take_asked(work, note_used)
    _rank_candidates(work)
    _judge_named(work)


def _meet_by_tie(work: Performance) -> None:
    """
    Make ``met_by_tie`` (thing, other, sums): what met all that a rule asks of the two, and others did as well.

    ``sums``: ``one`` has the sum of all others that it met so, which are one answer; the other is one of ``many`` then.

    Of both only what is still open, and nothing of it used: what was taken since is no answer any more.
    """
    engine = work.engine
    engine.create(
        "tied_rows",
        " union all ".join(
            f"""select '{side}' as side, {"coalesce(m.thing, o.thing)" if grouped else "o.thing"} as tied, o.thing
                from left_over o {f"left join members_of_{side} m on m.row = o.thing" if grouped else ""}
                where o.origin = '{side}' and o.claim <> 'transfer' and o.state <> 'excluded' and not o.begun"""
            for side, grouped in zip(SIDES, work.grouped, strict=True)
        ),
    )
    pairs = "select l, r, min(anchor) as anchor from tied group by l, r"
    engine.create(
        "met_by_tie",
        " union all ".join(
            f"""select a.thing, b.thing as other, case t.anchor when '' then '' when '{one[0]}' then 'one' else 'many' end as sums
                from ({pairs}) t
                join tied_rows a on a.side = '{one}' and a.tied = t.{one[0]}
                join tied_rows b on b.side = '{other}' and b.tied = t.{other[0]}
                semi join unmatched u on u.thing = a.thing"""
            for one, other in (SIDES, SIDES[::-1])
        ),
    )


def _compare_names(work: Performance) -> None:
    """
    Make ``compared_names`` (thing, other, apart): what met without an identifier and bears a name, which agrees or does not.
    """
    schema = pa.schema({"thing": pa.int64(), "other": pa.int64(), "apart": pa.bool_()})
    query = """select m.thing, m.other, case a.origin when 'left' then a.counterparty else b.counterparty end as one,
            case a.origin when 'left' then b.counterparty else a.counterparty end as other_name
        from (select thing, other from met_by_amount union select thing, other from met_by_tie) m
        join left_over a on a.thing = m.thing join left_over b on b.thing = m.other
        where a.counterparty is not null and b.counterparty is not null
            and a.claim <> 'transfer' and b.claim <> 'transfer'"""
    # The names of a settlement's lines are its customers'.
    parts = [] if any(work.grouped) else [(query, partial(_of_two, aliases=work.rules.aliases))]
    work.engine.derive("compared_names", parts, schema)


def _of_two(rows: pa.Table, aliases: Sequence[Alias]) -> pa.Table:
    names = pa.table(
        {"bundle": pa.array(range(rows.num_rows), pa.int64()), "one": rows["one"], "other": rows["other_name"]}
    )
    apart = set(apart_by_name(names, aliases)["bundle"].to_pylist())
    told = pa.array([number in apart for number in range(rows.num_rows)], pa.bool_())
    return rows.select(["thing", "other"]).append_column("apart", told)


def _take_named(work: Performance) -> None:
    """
    Make ``named_early``: documents that are not due, and that money which nothing explains names; they are looked at as well.
    """
    engine = work.engine
    engine.create("not_due", "select thing, origin from left_over where why = 'not due'")
    parts = []
    for side, other in (("left", "right"), ("right", "left")):
        documents = f"(select thing from not_due where origin = '{side}')"
        parts.append(
            f"""select distinct d.thing from ({known_keys(work, side)}) d semi join {documents} o on o.thing = d.thing
                join ({known_keys(work, other)}) k on k.key = d.key
                semi join (select thing from left_over where origin = '{other}' and state = 'exception') x
                    on x.thing = k.thing
                where d.whole + k.whole > 0"""
        )
    nothing = "select 0::bigint as thing where false"
    engine.create("named_early", " union ".join(parts) if engine.count("not_due") else nothing)
    engine.create("unmatched", "from unmatched union from named_early")


def _judge_named(work: Performance) -> None:
    """A document that is not due needs a person all the same, if money came that names it and is not matched."""
    work.engine.create(
        "left_over",
        """select o.* replace (
                case when c.thing is not null then 'exception' else o.state end as state,
                case when c.thing is not null or o.why = 'not due' then null else o.why end as why)
            from left_over o left join (
                select distinct n.thing from near n semi join named_early m on m.thing = n.thing
                semi join (select thing from left_over where state = 'exception') x on x.thing = n.other
                where n.by_key and not n.inside and not n.is_anothers and not n.is_apart
            ) c on c.thing = o.thing and o.why = 'not due'""",
    )


def _sum_settlements(work: Performance) -> None:
    """
    Make ``wholes`` (thing, whole, family): lines of settlements that have no payout, with what the settlement comes to.

    Such lines arrive together: what a bank's line is held against is their sum, and together they are one answer. What is
    left over gets the same two columns, of anything else its own amount and itself.
    """
    parts = [
        f"""select thing, sum(measure * sign) over one as whole, min(thing) over one as family
            from {side}_all semi join (
                select distinct account_id, settlement_id, ccy from {side}_all s semi join (
                    select thing from left_over where claim = 'settlement' and state in ('exception', 'in_transit')
                ) q on q.thing = s.thing
                where settlement_id is not null) using (account_id, settlement_id, ccy)
            where claim = 'settlement'
            window one as (partition by account_id, settlement_id, ccy)
            qualify count(*) over one > 1 and count(*) filter (where kind in ({listed(PAID_OUT)})) over one = 0"""
        for side, grouped in zip(("left", "right"), work.grouped, strict=True)
        if grouped
    ]
    nothing = "select 0::bigint as thing, 0::hugeint as whole, 0::bigint as family where false"
    work.engine.create("wholes", " union all ".join(parts) or nothing)
    work.engine.create(
        "left_over",
        """select o.*, coalesce(w.whole, o.amount) as whole, coalesce(w.family, o.thing) as family
            from left_over o left join wholes w on w.thing = o.thing and o.claim = 'settlement'""",
    )


def _take_asked(work: Performance, note_used: Callable[[], None]) -> None:
    """Make ``asked_rows``: what is set side by side, which is few, with the whole rows of it."""
    engine = work.engine
    engine.create(
        "asked",
        " union ".join(
            f"select {column} as thing from {name}"
            for name in (
                "met_by_key",
                "met_by_amount",
                "met_by_name",
                "met_by_sum",
                "met_by_tie",
                "met_last",
                "unsettled",
            )
            for column in ("thing", "other")
        )
        + " union select thing from met_before",
    )
    note_used()
    columns = "e.thing, e.entity_id, e.ccy, e.measure, e.sign, e.record_id, e.record_key, e.source_id, e.external_id, e.booked"
    engine.create(
        "asked_rows",
        " union all ".join(
            f"""select {columns}, u.used or e.amount = 0 as used, coalesce(w.whole, e.measure * e.sign) as whole,
                    coalesce(w.family, e.thing) as family, w.thing is not null as one_of_many
                from {side}_all e join asked_used u on u.thing = e.thing left join wholes w on w.thing = e.thing"""
            for side in ("left", "right")
        )
        + " union all from used_before",
    )


def _rank_candidates(work: Performance) -> None:
    """Make ``near``: of each thing the few that came nearest, why, and in which order."""
    engine = work.engine
    anothers = "coalesce(a.entity_id <> b.entity_id, false)" if work.by_entity else "false"
    engine.create(
        "near",
        f"""
        with met as ({_MET}), judged as (
            select m.*, e.why as farther, c.apart as of_two, x.number, x.is_said, {anothers} as is_anothers, b.entity_id as other_entity, a.ccy = b.ccy as same_currency, (a.whole - b.whole)::bigint as apart,
                (a.whole * a.sign)::bigint as own_whole, (b.whole * b.sign)::bigint as other_whole, a.one_of_many,
                a.family, b.family as other_family, a.sign <> b.sign as is_turned,
                sign(a.whole) * sign(b.whole) < 0 as is_other_way, coalesce(t.sums, '') as sums,
                b.record_id as other_id, b.record_key as other_key, b.source_id as other_source, b.external_id as other_external,
                b.ccy as other_ccy, b.measure as other_measure, b.used, b.booked as other_booked, b.whole as other_turned,
                t.thing is not null and x.number is null and not coalesce(c.apart, false) and not m.is_apart as answers
            from met m join asked_rows a on a.thing = m.thing join asked_rows b on b.thing = m.other
            left join met_last e on e.thing = m.thing and e.other = m.other
            left join compared_names c on not m.by_key and c.thing = m.thing and c.other = m.other
            left join other_numbers x on not m.by_key and x.thing = m.thing and x.other = m.other
            left join (select thing, other, min(sums) as sums from met_by_tie group by thing, other) t on t.thing = m.thing and t.other = m.other
        ), tied as ({_TIED})
        select *, case
            when within then 'nets'
            when inside and not is_apart then case when used then 'duplicate' else 'twin' end
            when is_anothers then 'other_company'
            when is_apart then 'apart'
            when is_tied and (by_key or not same_currency or apart <> 0) then 'ambiguous'
            when by_key and same_currency and apart = 0 and not used then 'ambiguous'
            when by_key and same_currency and apart = 0 then 'taken'
            when by_key and not used and is_other_way then 'other_way'
            when by_key and same_currency and not used then 'amount_difference'
            when by_key and not used then 'currency_mismatch'
            when by_key then 'taken'
            when number is not null then 'other_number'
            when farther is not null then farther
            when by_name and apart = 0 then 'same_name'
            when by_name then 'near_amount'
            when summed is not null then 'selection'
            when of_two then 'other_name'
            when not of_two then 'same_name'
            else 'same_amount' end as why,
            row_number() over (partition by thing order by is_anothers, is_tied desc, by_key desc, by_key and is_other_way, used or is_apart, not is_apart, inside,
                not same_currency, case when of_two then 2 when of_two is null then 1 else 0 end, by_name, abs(apart), other_key, other_id) as place
        from tied where not (inside and is_anothers) and (farther is null or number is null)
        """,
    )
    sum_up_named(work)
    _take_choices(work)
    engine.create(
        "near",
        f"""select n.*, {_TOLD_SUMS}
            from (
                select m.*, x.mismatched from near m join (
                    select thing, count(*) filter (where why = 'currency_mismatch' and other = other_family) as mismatched
                    from near group by thing
                ) x on x.thing = m.thing
            ) n left join named_sums s on s.thing = n.thing
            left join named_sums o on o.thing = n.other
            where n.place <= case when n.summed is null then {_CANDIDATES_MAX} else {_SELECTED_MAX} end""",
    )


def _take_choices(work: Performance) -> None:
    """Say in ``near`` of what an identifier names that it is a selection's, where several come to the sum; all are ``held``."""
    engine = work.engine
    if not engine.count("named_choices"):
        return
    engine.add("held", "select one from named_choices union select thing from named_choices")
    engine.create(
        "near",
        """select n.* replace (coalesce(c.how, n.summed) as summed, case when c.how is null then n.why else 'selection' end as why,
                row_number() over (partition by n.thing order by c.how is null, n.place) as place)
            from near n left join (
                select one as thing, thing as family, 'several' as how from named_choices
                union select thing, one, 'part' from named_choices
            ) c on n.by_key and c.thing = n.thing and c.family = n.other_family""",
    )
