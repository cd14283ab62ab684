"""
Things of one side that settle among themselves: all that one identifier names and nets to zero, and what is taken back.

Never a part of what an identifier names: which of it settles would be a guess. Where a part nets and the whole does not,
where two identifiers say two things, and where a reversal could take back either of two, it stays open, and it is said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tieout.matching.comparing.evidence import said_by
from tieout.matching.facts.sides import listed
from tieout.matching.planning import operators as op
from tieout.matching.planning.building import Query, select

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tieout.matching.backends.engine import Engine
    from tieout.matching.grammar.rules import Key, Rule
    from tieout.matching.performing.perform import Performance
    from tieout.matching.planning.plan import Plan

__all__ = ["make_own_keys", "make_turning", "net_steps", "note_unsettled", "prepare_unsettled", "reversal_steps"]

#: Of more things of one identifier only two that are opposite are looked for, where all of them do not net.
_PART_MAX = 12
#: So many of one identifier are set side by side for a person.
_BESIDE_MAX = 20
#: What tells groups apart, and that a thing is in one.
_GROUPED = ("key", "raw", "ccy", "owner", "span")
_OF_GROUP = " and ".join(f"p.{name} = g.{name}" for name in _GROUPED)
_PARTS = pa.schema({"number": pa.int64(), "thing": pa.int64()})


def net_steps(plan: Plan, rule: Rule, currencies: Sequence[tuple[int, str, int]]) -> None:
    """
    All that shares an identifier and a currency, within days from one to the next, where together it comes to zero.

    Leaves ``every`` (bundle, side, thing, difference, taken), to be verified, then ``torn`` (bundle) and ``summed``; and
    ``off`` (number, total, allowed, several, thing, net): what runs both ways and does not come to zero.
    """
    _own(plan, rule)
    plan.add("named", _named(0, raw=rule.keys[0].how == "exact"))
    if rule.days is not None:
        placed = _in_spans(plan)
    else:
        placed = plan.add("placed", select("n.*", "cast(0 as bigint) as span").from_("named as n"))
    _groups(plan, rule, placed, currencies)
    difference = "case when g.lefts = 0 then -g.total else g.total end" if len(rule.within) > 1 else "g.total"
    plan.add(
        "every",
        select("g.number as bundle", "p.side", "p.thing", f"cast({difference} as bigint) as difference")
        .select("p.amount as taken")
        .from_("groups as g")
        .join("whole as w", on="w.number = g.number", join_type="semi")
        .join(f"{placed} as p", on=_OF_GROUP),
    )
    twice = select("thing").from_("every").group_by("thing").having("count(*) > 1").subquery("t")
    plan.add("torn", select("e.bundle").distinct().from_("every as e").join(twice, on="t.thing = e.thing"))
    apart = select("a.bundle").distinct().from_("every as a").join("forbidden as f", on="f.l = a.thing")
    spoilt = ["torn", plan.add("taken_apart", apart.join("every as b", on="b.bundle = a.bundle and b.thing = f.r"))]
    whole = select("e.*").from_("every as e")
    for name in spoilt:  # one after the other: Spark cannot put relations together that were made of one another
        whole = whole.join(name, on=f"{name}.bundle = e.bundle", join_type="anti")
    plan.add("summed", whole)
    plan.add(
        "off",
        select("g.number", "g.total", "g.allowed", "g.several", "p.thing", "p.net")
        .from_("groups as g")
        .join(f"{placed} as p", on=_OF_GROUP)
        .where("abs(g.total) > g.allowed", "g.several > 2"),
    )
    plan.result = "summed"


def _in_spans(plan: Plan) -> str:
    """Cut what an identifier names where more than the days lie between one thing and the next: ``placed``."""
    by = "partition by key, raw, ccy, owner order by day, thing"
    plan.add("in_turn", select("n.*", f"lag(day) over ({by}) as before").from_("named as n"))
    begins = "case when t.before is null or t.before = t.day or w.l_day is not null then 0 else 1 end as begins"
    on = "w.calendar = t.calendar and w.l_day = t.before and w.r_day = t.day"
    plan.add("begun", select("t.*", begins).from_("in_turn as t").join("window as w", on=on, join_type="left"))
    span = f"cast(sum(begins) over ({by} rows between unbounded preceding and current row) as bigint) as span"
    return plan.add("placed", select("b.*", span).from_("begun as b"))


def _groups(plan: Plan, rule: Rule, placed: str, currencies: Sequence[tuple[int, str, int]]) -> None:
    """
    Add ``groups`` (number, key, raw, ccy, span, total, allowed, several, lefts) of what runs both ways, and ``whole``
    (number): those that net, each once, whichever of its identifiers say so.
    """
    groups = select(*_GROUPED, "cast(sum(net) as bigint) as total", "count(*) as several").from_(placed)
    groups = groups.select("sum(case when side = 'left' then 1 else 0 end) as lefts").group_by(*_GROUPED)
    groups = groups.having("min(net) < 0", "max(net) > 0")
    allowed = "cast(0 as bigint)" if rule.amount is None else op.tolerance_sql(rule.amount, "g", currencies)
    number = f"row_number() over (order by {', '.join(f'g.{name}' for name in _GROUPED)}) as number"
    plan.add("groups", select("g.*", f"cast({allowed} as bigint) as allowed", number).from_(groups.subquery("g")))
    netting = select("g.number", "p.thing").from_("groups as g").join(f"{placed} as p", on=_OF_GROUP)
    plan.add("netting", netting.where("abs(g.total) <= g.allowed"))
    things = select("number", "array_agg(thing order by thing) as things").from_("netting").group_by("number")
    plan.add("whole", select("min(number) as number").from_(things.subquery("t")).group_by("things"))


def reversal_steps(plan: Plan, rule: Rule) -> None:
    """
    Two of one side with opposite amounts that share every identifier, the second in the days after the first.

    Leaves ``pairs`` (l, r), each once, to be verified, then ``summed`` of those whose halves have no other.
    """
    _own(plan, rule)
    side, known = rule.within[0], bool(rule.reversal.kinds or rule.reversal.bank_codes)
    parts = []
    for number, key in enumerate(rule.keys):
        plan.add(f"named_{number}", _named(number, raw=key.how == "exact"))
        counted = select("key", "count(distinct thing) as n").from_(f"named_{number}").group_by("key")
        plan.add(f"carried_{number}", counted)
        on = "b.key = a.key and b.raw = a.raw" if key.how == "exact" else "b.key = a.key"
        words = ["a.word = 0 or b.word = 0"] if key.how == "token" else []
        pairs = (
            select("a.thing as l", "b.thing as r")
            .distinct()
            .from_(f"named_{number} as a")
            .join(f"named_{number} as b", on=f"{on} and b.ccy = a.ccy and b.amount = -a.amount")
            .join(f"carried_{number} as c", on=f"c.key = a.key and c.n <= {op.CARRIED_MAX}")
        )
        parts.append(plan.add(f"opposite_{number}", pairs.where(*words) if words else pairs))
    met = select("p.l", "p.r").from_(f"{parts[0]} as p")
    for number, part in enumerate(parts[1:], 1):
        met = met.join(f"{part} as q{number}", on=f"q{number}.l = p.l and q{number}.r = p.r")
    met = met.join("own as f", on="f.thing = p.l").join("own as s", on="s.thing = p.r")
    met = met.join("window as w", on="w.calendar = s.calendar and w.l_day = f.day and w.r_day = s.day")
    if known:
        met = met.join("turning as n", on="n.thing = p.l", join_type="anti")
        met = met.join("turning as m", on="m.thing = p.r", join_type="semi")
    if plan.by_entity:
        met = met.join(f"{side}_all as le", on="le.thing = p.l").join(f"{side}_all as re", on="re.thing = p.r")
        met = met.where("coalesce(le.entity_id = re.entity_id, true)")
    met = met.join("forbidden as d", on="d.l = p.l and d.r = p.r", join_type="anti")
    plan.add("taken_back", met)
    # Of one day either may be the first.
    plan.add("pairs", select("least(l, r) as l", "greatest(l, r) as r").distinct().from_("taken_back"))
    ends = select("l as thing").from_("pairs").union(select("r as thing").from_("pairs"), distinct=False)
    plan.add("busy", select("thing").from_(ends.subquery("e")).group_by("thing").having("count(*) > 1"))
    sure = select("p.l", "p.r").from_("pairs as p").join("busy as b", on="b.thing = p.l", join_type="anti")
    plan.add("sure", sure.join("busy as c", on="c.thing = p.r", join_type="anti"))
    halves = [
        select("s.l as bundle", f"'{side}' as side", "o.thing", "cast(0 as bigint) as difference", "o.amount as taken")
        .from_("sure as s")
        .join("own as o", on=f"o.thing = s.{half}")
        for half in ("l", "r")
    ]
    plan.add("summed", halves[0].union(halves[1], distinct=False))
    plan.result = "summed"


def _own(plan: Plan, rule: Rule) -> None:
    """
    Add ``own``: what the rule looks at; ``net`` counts the right against the left where both are looked at, and ``owner``
    is the entity where two are two.
    """
    both = len(rule.within) > 1
    parts = []
    for side in rule.within:
        net = "-s.amount" if both and side == "right" else "s.amount"
        owner = "a.entity_id" if plan.by_entity else "''"
        columns = ("s.thing", f"'{side}' as side", "s.ccy", "s.amount", f"{net} as net", f"s.{side[0]}_day as day")
        mine = select(*columns, "s.calendar", f"{owner} as owner").from_(f"{side[0]} as s")
        parts.append(mine.join(f"{side}_all as a", on="a.thing = s.thing") if plan.by_entity else mine)
    plan.add("own", parts[0].union(parts[1], distinct=False) if both else parts[0])


def _named(number: int, *, raw: bool) -> Query:
    """Give each thing with each of its identifiers once; ``word``: it is only a word of a text."""
    spelled = "k.raw" if raw else "cast(0 as bigint) as raw"
    word = "case when k.raw = 0 then 1 else 0 end as word"
    return (
        select(
            "o.thing", "k.key", spelled, word, "o.side", "o.ccy", "o.owner", "o.amount", "o.net", "o.day", "o.calendar"
        )
        .distinct()
        .from_(f"own_keys_{number} as k")
        .join("own as o", on="o.thing = k.thing")
    )


def make_own_keys(work: Performance, place: int, key: Key, sides: Sequence[str]) -> None:
    """Make ``own_keys_N`` (thing, key, raw): what things of some sides say, whatever the other side does."""
    names = [name for side in sides for name in said_by(work, side, key)]
    work.engine.view(f"own_keys_{place}", " union all ".join(f'select thing, key, raw from "{name}"' for name in names))


def make_turning(work: Performance, rule: Rule) -> None:
    """Make ``turning`` (thing): what is known to take something back, by its kind or its bank code."""
    known = rule.reversal
    if not known.kinds and not known.bank_codes:
        return
    told = [f"kind in ({listed(known.kinds)})"] if known.kinds else []
    if known.bank_codes:
        told.append("(" + " or ".join(f"starts_with(bank_code, {listed((code,))})" for code in known.bank_codes) + ")")
    work.engine.create("turning", f"select thing from {rule.within[0]}_all where {' and '.join(told)}")


def prepare_unsettled(engine: Engine) -> None:
    """Make ``unsettled`` (thing, other, why, total): what could settle with what of its side, and is not settled."""
    engine.create(
        "unsettled", "select 0::bigint as thing, 0::bigint as other, '' as why, 0::bigint as total where false"
    )


def note_unsettled(work: Performance, rule: Rule) -> None:
    """Add to ``unsettled`` what a rule leaves because there is more than one answer."""
    engine = work.engine
    if rule.shape == "reversal":
        left = "select p.* from pairs p anti join sure s on s.l = p.l and s.r = p.r"
        engine.add(
            "unsettled",
            f"""select l, r, 'reversal', 0::bigint from ({left}) a union all select r, l, 'reversal', 0::bigint from ({left}) b""",
        )
        for number in range(len(rule.keys)):
            _note_crowd(engine, number)
        return
    if engine.count("torn"):
        some = f"""(select * from every where bundle in (select bundle from torn)
            and bundle in (select bundle from every group by bundle having count(*) <= {_BESIDE_MAX}))"""
        engine.add(
            "unsettled",
            f"""select distinct a.thing, b.thing, 'two groups', 0::bigint from {some} a
                join {some} b on b.bundle = a.bundle and b.thing <> a.thing""",
        )
    if engine.count("off"):
        _note_parts(engine)


def _note_crowd(engine: Engine, number: int) -> None:
    """Add to ``beyond`` what shares an identifier with more than may be looked at, one of which is opposite to it."""
    crowd = f"(select key from carried_{number} where n > {op.CARRIED_MAX})"
    named = f"(select k.* from named_{number} k semi join {crowd} c on c.key = k.key)"
    engine.add(
        "beyond",
        f"""select a.thing, 'words' as bound, max(c.n)::bigint as had, {op.CARRIED_MAX}::bigint as most from {named} a
            join carried_{number} c on c.key = a.key
            join (select key, raw, ccy, abs(amount) as size from {named} n group by all
                having min(amount) < 0 and max(amount) > 0 and min(word) = 0) s
            on s.key = a.key and s.raw = a.raw and s.ccy = a.ccy and s.size = abs(a.amount) group by a.thing""",
    )


def _note_parts(engine: Engine) -> None:
    """Look for parts that net of groups that do not."""
    engine.group(
        "parts_of_few",
        f"select number, thing, net, allowed from off where several <= {_PART_MAX}",
        "number",
        _parts_that_net,
        _PARTS,
    )
    engine.create(
        "parts",
        f"""select number, thing from parts_of_few
            union select a.number, a.thing from off a
                join (select distinct number, net from off where several > {_PART_MAX}) b on b.number = a.number and b.net = -a.net""",
    )
    engine.add(
        "unsettled",
        f"""select distinct a.thing, b.thing, 'part', o.total from parts a join parts b on b.number = a.number and b.thing <> a.thing
            join (select number, min(total) as total from off group by number) o on o.number = a.number
            where a.number in (select number from parts group by number having count(*) <= {_BESIDE_MAX})""",
    )


def _parts_that_net(rows: pa.Table) -> pa.Table:
    """Keep the things of one group of which a part with them comes to zero."""
    nets, allowed = rows["net"].to_numpy(), int(rows["allowed"][0].as_py())
    sums, ways = np.zeros(1, np.int64), np.zeros(1, np.int8)
    for net in nets.tolist():
        sums = np.concatenate([sums, sums + net])
        ways = np.concatenate([ways, ways | (1 if net > 0 else 2)])
    found = np.flatnonzero((np.abs(sums) <= allowed) & (ways == 3))
    inside = int(np.bitwise_or.reduce(found)) if len(found) else 0
    keep = [bool(inside >> place & 1) for place in range(len(nets))]
    return rows.select(["number", "thing"]).filter(pa.array(keep, pa.bool_()))
