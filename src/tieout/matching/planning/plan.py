"""
From a rule to the steps that perform it: a list of named relations, the last of which are its matches.

Every rule ends in one of two shapes: ``paired`` (l, r, difference, score, margin, coincidence), one thing with one;
or ``summed`` (bundle, side, thing, difference), several things that are one match.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from tieout.matching.comparing.beginnings import prefix_pairs
from tieout.matching.performing.netting import net_steps, reversal_steps
from tieout.matching.planning import operators as op
from tieout.matching.planning.amounts import amount_conditions, near_amounts, sum_fits, with_difference
from tieout.matching.planning.building import Query, select
from tieout.matching.planning.points import ALIKE, candidate_points, near_rivals, ranked, with_rivals
from tieout.matching.planning.sums import (
    anchored_sums,
    as_summed,
    came_before,
    came_before_others,
    came_first,
    torn_anchors,
    touching,
    uncontested,
    within_reach,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tieout.matching.grammar.rules import Key, Rule

__all__ = ["Plan", "Step", "plan_of"]


@dataclass(frozen=True, slots=True)
class Step:
    """
    One relation, as SQL, and the name under which later steps read it.

    :ivar kept: it is computed once; else where it is read, which only one step does.
    """

    name: str
    query: str
    kept: bool = True


@dataclass(slots=True)
class Plan:
    """
    How one rule is performed.

    :ivar left_fields, right_fields: for each key, the identifiers that the engine must have ready as ``l_keys_N``,
        ``r_keys_N`` (thing, key, raw).
    :ivar steps: in order.
    :ivar met: the relation of what the rule brings together: without a row in it, later steps find nothing; None: there
        is none.
    :ivar result: ``paired`` or ``summed``; ``pools``: ``candidates`` are searched outside the engine; ``learned``: what
        is alike is learned and weighed there; ``consecutive``: both sides are laid end to end there; ``together``:
        ``competing`` (l, r, score, coincidence, rival) are settled there.
    :ivar by_entity: records of two entities are never paired.
    :ivar doubtful: a bare number in a text is not enough by itself: ``doubtful`` (l, r) says where nothing else
        speaks for it, and is made from the keys before the steps are performed.
    :ivar tied: the query for pairs that compete (l, r), where it is not for the identifier alone to choose among them.
    :ivar fitting: the relation (l, r) of what meets all that the rule asks of two things, one of several or not; of a rule
        over several things, of what it would take if nothing were another's as well; None: there is none.
    :ivar crowds: numbers of keys for which ``met_N`` (key, pairs) says how many each brings together.
    """

    keys: tuple[Key, ...]
    dialect: str
    by_entity: bool = False
    doubtful: bool = False
    steps: list[Step] = field(default_factory=list)
    met: str | None = None
    result: str = "paired"
    crowds: list[int] = field(default_factory=list)
    tied: Query | None = None
    fitting: str | None = None

    def allowed(self, pairs: Query) -> Query:
        """Leave out the pairs that are none whatever agrees."""
        return op.allowed(pairs, by_entity=self.by_entity, doubtful=self.doubtful)

    def add(self, name: str, query: Query, *, kept: bool = True) -> str:
        """Add a step, and give its name."""
        self.steps.append(Step(name, query.sql(self.dialect), kept))
        return name


@lru_cache(maxsize=1_000)
def plan_of(rule: Rule, currencies: tuple[tuple[int, str, int], ...], dialect: str, *, by_entity: bool = False) -> Plan:
    """
    Compile a rule; the same one is not compiled twice, and its plan must not be changed.

    Reads ``l`` and ``r`` (thing, ccy, amount, base, l_day or r_day, calendar), the keys, and ``window`` if the rule
    has days.

    :param currencies: (code, currency, exponent) of this run.
    :param dialect: of the engine.
    :param by_entity: records of two entities are never paired.
    """
    plan = Plan(tuple(key for key in rule.keys if key.how != "name"), dialect, by_entity, rule.doubtful)
    if rule.learn:
        plan.result = "learned"
    elif rule.consecutive:
        plan.result = "consecutive"
    elif rule.score is not None:
        _scored(plan, rule, currencies)
    elif rule.subset:
        _candidates(plan, rule, currencies)
    elif rule.shape == "net":
        net_steps(plan, rule, currencies)
    elif rule.shape == "reversal":
        reversal_steps(plan, rule)
    elif rule.shape == "1:1":
        _one_to_one(plan, rule, currencies)
    elif rule.shape == "n:m":
        _whole_keys(plan, rule)
    else:
        _several_to_one(plan, rule, currencies)
    return plan


def _one_to_one(plan: Plan, rule: Rule, currencies: Sequence[tuple[int, str, int]]) -> None:
    exact = rule.amount is not None and rule.amount.exact and not rule.amount.base
    simple = exact and rule.days is None and len(rule.keys) == 1 and rule.keys[0].how in {"exact", "normalised"}
    # What is left out of a number may make it another's: then every candidate counts, and not each identifier by itself.
    simple = simple and not rule.interchangeable and not rule.keys[0].rewritten
    begins = any(key.how == "prefix" for key in rule.keys)
    met, beside = None, list[Query]()
    if simple:
        _with_columns(plan, 0, ("ccy", "amount"), kept=False)
        by = ("key", "ccy", "amount", *_apart(plan, rule))
        for side in ("l", "r"):
            plan.add(f"{side}_once", op.named_once(_owned(plan, side), mine=side, by=by))
        said = plan.add("said", op.identified("l_once", "r_once", by=by), kept=False)
        pairs = plan.add("pairs", plan.allowed(select("l", "r").from_(said)))
    elif plan.keys and rule.amount is not None and not (exact and begins):
        met = _pairs(plan, _loose(rule), currencies, sums=True)
        pairs = plan.add("near", op.near(met, amount_conditions(rule, currencies)))
    else:
        pairs = _pairs(plan, rule, currencies)

    def chosen(name: str, query: Query) -> str:
        found = plan.add(name, query)
        return found if met is None else uncontested(plan, rule, found, met, beside)

    plan.met = pairs
    only = chosen("only", op.the_only_ones(pairs))
    paired = with_difference(only, rule)
    if rule.interchangeable:
        possible = plan.add("possible", select("l", "r").from_(pairs))
        first = chosen("first", op.first_in_first_out(possible))
        # The margin over its equals is none, and the match says so.
        paired = paired.union(with_difference(first, rule, margin="0"), distinct=False)
    plan.add("paired", paired, kept=rule.interchangeable or not exact)
    # What an identifier names once is not asked here what else it fits: what came nearest tells that.
    if not simple:
        fits = select("l", "r").from_(pairs)
        for query in beside:
            fits = fits.union(query)
        plan.fitting = plan.add("fits", fits)
        plan.tied = select("l", "r").from_(plan.fitting)


def _pairs(plan: Plan, rule: Rule, currencies: Sequence[tuple[int, str, int]], *, sums: bool = False) -> str:
    """
    Bring together what the keys, the window and the tolerance allow: (l, r), distinct.

    :param sums: amounts are compared later, as sums.
    """
    conditions = amount_conditions(rule, currencies, sums=sums)
    if not rule.keys:
        exact = rule.amount is not None and rule.amount.exact and not rule.amount.base
        met = op.pairs_by_amount("l", "r", "window" if rule.days else None, ()) if exact else near_amounts(conditions)
        return plan.add("pairs", plan.allowed(met))
    if not plan.keys:
        alike = _name_pairs(plan, rule, currencies, sums=sums).subquery("named")
        return plan.add("pairs", select("l", "r").distinct().from_(alike).where("alike > 0"))
    parts = []
    for number, key in enumerate(plan.keys):
        if key.how == "prefix":
            parts.append(plan.add(f"pairs_{number}", prefix_pairs(plan, number, rule)))
            continue
        _with_columns(plan, number, ())
        shared = plan.add(f"met_{number}", op.keys_met(f"lk_{number}", f"rk_{number}"))
        plan.crowds.append(number)
        used = plan.add(f"used_{number}", op.keys_in_use(f"lk_{number}", shared))
        query = op.pairs_by_key(used, f"rk_{number}", raw=key.how == "exact", words=key.how == "token")
        parts.append(plan.add(f"pairs_{number}", query))
    joined = select("p.l", "p.r").from_(f"{parts[0]} as p")
    for number, part in enumerate(parts[1:], 1):
        joined = joined.join(f"{part} as q{number}", on=f"q{number}.l = p.l and q{number}.r = p.r")
    named = any(key.how == "name" for key in rule.keys)
    left, right = ("l_party", "r_party") if named else ("l", "r")
    joined = joined.join(f"{left} as lt", on="lt.thing = p.l").join(f"{right} as rt", on="rt.thing = p.r")
    if rule.days is not None:
        joined = joined.join("window as w", on="w.calendar = rt.calendar and w.l_day = lt.l_day and w.r_day = rt.r_day")
    if named:
        conditions += ["lt.block = rt.block", f"{ALIKE} > 0"]
        joined = joined.distinct()
    return plan.add("pairs", plan.allowed(joined.where(*conditions)))


def _with_columns(plan: Plan, number: int, columns: Sequence[str], *, kept: bool = True) -> None:
    """Join the keys of both sides with columns of what is still open: lk_N, rk_N."""
    plan.add(f"lk_{number}", op.open_keys(f"l_keys_{number}", "l", columns), kept=kept)
    plan.add(f"rk_{number}", op.open_keys(f"r_keys_{number}", "r", columns), kept=kept)


def _several_to_one(plan: Plan, rule: Rule, currencies: Sequence[tuple[int, str, int]]) -> None:
    """One thing of a side, and all that point to it by a key: ``1:n`` sums the right, ``n:1`` the left."""
    every = pairs = _pairs(plan, _loose(rule), currencies, sums=True)
    anchor, anchors, others = ("l", "l", "r") if rule.shape == "1:n" else ("r", "r", "l")
    # A fee that names the invoice, too, is no second payment of it, so the invoice has one all the same.
    pairs = plan.met = plan.add("reached", within_reach(pairs, anchors, others, anchor=anchor))
    exact = rule.amount is None or rule.amount.exact
    conditions = [op.same_sign("s.total", "a.amount")]
    base = rule.amount is not None and rule.amount.base
    if rule.partial:
        # Money that came and money that went are no part together: one may be what the other was sent back with.
        conditions += ["abs(s.total) <= abs(a.amount)", "s.signs = 1"]
    else:
        conditions += sum_fits(rule, currencies, anchor)
    least = 2 if exact and not rule.partial else 1
    # Less than the invoice by the credit note that is named, too, is no part of it.
    torn = plan.add("torn", torn_anchors(every if rule.partial else pairs, anchor))

    fits: dict[str, Any] = {"anchor": anchor, "least": least, "conditions": conditions, "base": base}
    fitting = partial(anchored_sums, sides=(anchors, others), **fits)
    sums = plan.add("sums", fitting(met=(pairs, torn)))
    torn_sums = plan.add("torn_sums", fitting(met=(pairs, torn), is_torn=True))
    if anchor == "r" and not rule.partial and not base:
        before = came_before_others(torn_sums, pairs)
        sums = plan.add("sums_in_time", select("w.*").from_(f"{sums} as w").union(before, distinct=False))
    if anchor == "l" and (rule.partial or (exact and not base)):
        first = plan.add("first", (came_before if rule.partial else came_first)(every))
        beside = select("t.*").from_(fitting(met=(first, None)).subquery("t"))
        beside = beside.join(f"{sums} as w", on="w.anchor = t.anchor", join_type="anti")
        sums = plan.add("sums_in_time", select("w.*").from_(f"{sums} as w").union(beside, distinct=False))
    halves = ("anchor as l", "other as r") if anchor == "l" else ("other as l", "anchor as r")
    plan.fitting = plan.add("sums_of_torn", select(*halves).from_(torn_sums))
    if not rule.partial:
        plan.tied = touching(pairs, plan.fitting, "r" if anchor == "l" else "l")
    plan.add("summed", as_summed(sums, anchor, partial=rule.partial))
    plan.result = "summed"


def _candidates(plan: Plan, rule: Rule, currencies: Sequence[tuple[int, str, int]]) -> None:
    """Bring together what could be meant, whatever its amount: the pools are searched outside the engine."""
    loose = _loose(rule)
    if plan.keys:
        plan.add("candidates", select("l", "r").from_(_pairs(plan, loose, currencies, sums=True)))
    elif any(key.how == "name" for key in rule.keys):
        named = _name_pairs(plan, loose, currencies, sums=True).subquery("n")
        plan.add("candidates", select("n.l", "n.r").distinct().from_(named).where("n.alike > 0"))
    else:
        query = select("lt.thing as l", "rt.thing as r").from_("l as lt").join("r as rt", on="rt.ccy = lt.ccy")
        if rule.days is not None:
            query = query.join("window as w", on=op.in_window("lt", "rt"))
        plan.add("candidates", plan.allowed(query))
    plan.met, plan.result = "candidates", "pools"


def _loose(rule: Rule) -> Rule:
    """Bring together whatever the keys and days allow: the sum is compared afterwards."""
    amount = rule.amount if rule.amount is not None and rule.amount.base else None
    return replace(rule, amount=amount, shape="1:1")


def _whole_keys(plan: Plan, rule: Rule) -> None:
    """Everything of both sides that shares one key, where both sides sum to the same."""
    _with_columns(plan, 0, ("ccy", "amount"))
    by = ("key", "ccy", *_apart(plan, rule))
    lefts, rights = _owned(plan, "l"), _owned(plan, "r")
    agreed = plan.add("agreed", op.key_sums(lefts, rights, by=by))
    parts = [
        select("g.bundle", f"'{side}' as side", "k.thing", "cast(0 as bigint) as difference")
        .select("cast(null as bigint) as taken")
        .distinct()
        .from_(f"{keys} as k")
        .join(f"{agreed} as g", on=" and ".join(f"g.{name} = k.{name}" for name in by))
        for side, keys in (("left", lefts), ("right", rights))
    ]
    named = plan.add("named", parts[0].union(parts[1], distinct=False))
    every = plan.met = plan.add("every", op.each_once(named))
    torn = select("side", "thing").from_(every).group_by("side", "thing").having("count(*) > 1").subquery("t")
    shared = select("e.bundle").distinct().from_(f"{every} as e").join(torn, on="t.side = e.side and t.thing = e.thing")
    apart = select("a.bundle").from_(f"{every} as a").join(f"{every} as b", on="b.bundle = a.bundle")
    apart = apart.join("forbidden as f", on="f.l = a.thing and f.r = b.thing")
    apart = apart.where("a.side = 'left'", "b.side = 'right'")
    spoilt = shared.union(apart).subquery("s")
    plan.add("summed", select("e.*").from_(f"{every} as e").join(spoilt, on="s.bundle = e.bundle", join_type="anti"))
    plan.result = "summed"


def _apart(plan: Plan, rule: Rule) -> list[str]:
    """Say what tells apart what has one key: its spelling, where that must agree, and whose it is."""
    return [*(["raw"] if rule.keys[0].how == "exact" else []), *(["entity_id"] if plan.by_entity else [])]


def _owned(plan: Plan, side: str) -> str:
    """Give the first key's ``lk_0`` or ``rk_0``; with ``entity_id`` where a record of another entity is no rival."""
    if not plan.by_entity:
        return f"{side}k_0"
    query = select("k.*", "a.entity_id").from_(f"{side}k_0 as k")
    whole = "left_all" if side == "l" else "right_all"
    return plan.add(f"{side}k_owned", query.join(f"{whole} as a", on="a.thing = k.thing"))


def _scored(plan: Plan, rule: Rule, currencies: Sequence[tuple[int, str, int]]) -> None:
    """Give points to every candidate, and keep the best of both sides, without ties, ahead by the margin."""
    score = rule.score
    if score is None:
        return
    by_name = any(key.how == "name" for key in rule.keys)
    plan.met = _met(plan, rule, currencies)
    points = plan.add("points", candidate_points(plan.met, rule, currencies, named=by_name))
    # ``weighed`` is made of them: the same with the accidents that are to be expected.
    if rule.together:
        plan.fitting = plan.add("competing", with_rivals("weighed", score.at_least))
        plan.tied = select("l", "r").from_(plan.fitting)
        plan.result = "together"
        return
    best_first = plan.fitting = plan.add("ranked", ranked("weighed", score.at_least))
    plan.tied = near_rivals(points, best_first, max(score.margin, 1))
    best = select("l", "r", "score", "margin", "coincidence").from_(best_first)
    best = best.where("place_l = 1", "place_r = 1", f"margin >= {max(score.margin, 1)}")
    if score.coincidence_micro is not None:
        best = best.where(f"coincidence <= {score.coincidence_micro}")
    only = plan.add("best", best)
    plan.add(
        "paired",
        select("p.l", "p.r")
        .select(
            "cast(case when lt.ccy = rt.ccy then lt.amount - rt.amount else lt.base - rt.base end as bigint) as difference"
        )
        .select("p.score", "p.margin", "p.coincidence")
        .from_(f"{only} as p")
        .join("l as lt", on="lt.thing = p.l")
        .join("r as rt", on="rt.thing = p.r"),
    )


def _met(plan: Plan, rule: Rule, currencies: Sequence[tuple[int, str, int]]) -> str:
    """
    Bring together what any key of a scored rule does: (l, r, alike, same).

    ``alike`` is how much the names agree, ``same`` whether an identifier does, both of 100.
    """
    parts = []
    if plan.keys or not rule.keys:
        identified = replace(rule, keys=plan.keys)
        pairs = _pairs(plan, identified, currencies)
        parts.append(select("l", "r", "0 as alike", f"{100 if plan.keys else 0} as same").from_(pairs))
    if any(key.how == "name" for key in rule.keys):
        named = _name_pairs(plan, rule, currencies).subquery("named")
        parts.append(select("l", "r", "alike", "0 as same").from_(named).where("alike > 0"))
    every = parts[0] if len(parts) == 1 else parts[0].union(parts[1], distinct=False)
    best = select("l", "r", "max(alike) as alike", "max(same) as same").from_(every.subquery("every"))
    return plan.add("met", best.group_by("l", "r"))


def _name_pairs(plan: Plan, rule: Rule, currencies: Sequence[tuple[int, str, int]], *, sums: bool = False) -> Query:
    """
    Bring together names that begin alike (l_party, r_party: things with block, form, plain, words).

    A name and the days that go with it are one key: few share both.
    """
    days = rule.days is not None
    lefts = select("lt.*", "w.r_day as on_day", "w.calendar as by") if days else select("lt.*")
    lefts = lefts.from_("l_party as lt")
    if days:
        lefts = lefts.join("window as w", on="w.l_day = lt.l_day")
    plan.add("l_placed", lefts)
    on = "rt.block = lt.block" + (" and rt.r_day = lt.on_day and rt.calendar = lt.by" if days else "")
    query = (
        select("lt.thing as l", "rt.thing as r", f"{ALIKE} as alike")
        .from_("l_placed as lt")
        .join("r_party as rt", on=on)
        .where(*amount_conditions(rule, currencies, sums=sums))
    )
    return plan.allowed(query)
