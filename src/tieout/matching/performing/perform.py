"""
Performing the rules of one reconciliation, strongest first, on what is open of both sides.

After each rule what it matched is taken off, so that a weaker rule never takes from a stronger one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tieout.matching.backends.spark import Spark
from tieout.matching.comparing.accidents import note_gated, prepare_gated, weigh_accidents
from tieout.matching.comparing.elsewhere import leave_out_rivalled, make_named_elsewhere
from tieout.matching.comparing.evidence import make_keys, make_names, make_rates, note_crowds
from tieout.matching.comparing.naming import leave_out_named_in_full, make_spoken_for
from tieout.matching.comparing.numbers import COLUMNS
from tieout.matching.comparing.parties import (
    leave_out_mixed,
    leave_out_other_parties,
    make_doubtful,
)
from tieout.matching.comparing.verifying import leave_out_unlike
from tieout.matching.facts.scales import in_base
from tieout.matching.facts.sides import FIELDS, listed, things_sql
from tieout.matching.performing.alone import held_from, leave_out_other_halves, make_alone, note_alone
from tieout.matching.performing.asked_pools import bounds_sql
from tieout.matching.performing.consecutive import find_consecutive
from tieout.matching.performing.families import make_families, rests_on_names
from tieout.matching.performing.learning import learn_matches
from tieout.matching.performing.left_open import (
    knows_no_more,
    leave_left_open,
    make_left_open,
    note_tied,
    note_undecided,
)
from tieout.matching.performing.left_out import leave_out_kin, leave_out_sweeps, make_forbidden
from tieout.matching.performing.netting import make_own_keys, make_turning, note_unsettled, prepare_unsettled
from tieout.matching.performing.runners_up import name_runners_up
from tieout.matching.performing.selections import select_from_pools
from tieout.matching.performing.spoken_against import leave_out_impossible, leave_out_spoken_against
from tieout.matching.performing.spread_pools import select_spread
from tieout.matching.performing.taking import take_found
from tieout.matching.performing.ties import note_ties, prepare_ties
from tieout.matching.performing.together import settle_together
from tieout.matching.performing.twins import leave_two_of_twins, make_order, make_twins
from tieout.matching.planning.days import EITHER_WAY, window
from tieout.matching.planning.plan import plan_of
from tieout.matching.results.found import SIDES
from tieout.model.kinds import PAID_OUT

if TYPE_CHECKING:
    from pathlib import Path

    from tieout.config.rates import Rates
    from tieout.matching.backends.engine import Engine
    from tieout.matching.facts.history import UsedKeys
    from tieout.matching.facts.scales import Money
    from tieout.matching.grammar.rules import Filter, Rule, RuleSet
    from tieout.matching.performing.learning import Weighed
    from tieout.matching.planning.plan import Plan

__all__ = ["Performance", "columns_wanted", "perform_rules"]

#: What every row carries, for what is said of it when nothing matches.
_ALWAYS = (
    "external_key",
    "parent_key",
    "account_id",
    "settlement_id",
    "external_id",
    "source_id",
    "entity_id",
    "counterparty",
    "bank_code",
    "due_on",
)


@dataclass(slots=True)
class Performance:
    """
    One performance of a rule set.

    :ivar grouped: (left, right): whether lines of a settlement are one thing.
    :ivar kinds: which kinds the records of (left, right) have.
    :ivar columns: which columns ``left_all`` and ``right_all`` have.
    :ivar used_keys: identifiers of what earlier matches use up.
    :ivar whole_right: all rows of the right, also what earlier matches use up, as a relation; None: ``right_all`` has them.
    :ivar by_entity: whether records of two entities are never paired.
    :ivar others: what other reconciliations look at (``followers.others_text``).
    :ivar words: of each source words by which a bank's line may call it.
    :ivar calendars: {code: name}.
    :ivar keys_ready: of each side the relations of what its fields say.
    :ivar keys_shared: for two sets of those the relations of what both say.
    :ivar made: relations that are made once per run, where a rule asks for them.
    :ivar learned: what rules have learned, by what they compare.
    :ivar tied: the relations (l, r) of what rules could not choose among, strongest first.
    :ivar found: the relations of matches: (number of the rule, ``paired`` or ``summed``, relation).
    """

    engine: Engine
    rules: RuleSet
    money: Money
    rates: Rates
    base_currency: str
    base_exponent: int
    folder: Path
    calendars: dict[int, str | None]
    grouped: tuple[bool, bool]
    kinds: tuple[set[str], set[str]]
    columns: dict[str, list[str]]
    used_keys: UsedKeys
    whole_right: str | None = None
    by_entity: bool = False
    others: str = ""
    words: dict[str, tuple[str, ...]] = field(default_factory=dict)
    found: list[tuple[int, str, str]] = field(default_factory=list)
    tied: list[tuple[Rule, str]] = field(default_factory=list)
    learned: dict[Rule, Weighed] = field(default_factory=dict)
    spoken_for_after: tuple[int, int] = (-1, -1)
    keys_ready: dict[str, list[str]] = field(default_factory=lambda: {"left": [], "right": []})
    elsewhere_ready: bool = False
    made: set[str] = field(default_factory=set)
    keys_shared: dict[tuple[tuple[str, ...], tuple[str, ...]], tuple[str, str]] = field(default_factory=dict)

    @property
    def currencies(self) -> tuple[tuple[int, str, int], ...]:
        """
        Give those of the run, and the entity's, in which amounts of two are compared: (code, currency, exponent).

        It is no currency of the sides, so its code is -1.
        """
        return (*self.money.currencies, (-1, self.base_currency, self.base_exponent))


def columns_wanted(rules: RuleSet, side: str) -> dict[str, None]:
    """Name the columns of records that the rules read of a side (``left`` or ``right``)."""
    wanted = dict.fromkeys(_ALWAYS)
    for rule in rules.rules:
        for key in rule.keys:
            for name in getattr(key, side):
                wanted[name] = None
                if FIELDS[name].key is not None:
                    wanted[str(FIELDS[name].key)] = None
        wanted |= dict.fromkeys(getattr(likeness, side) for likeness in rule.learn)
        # What is said may speak against what is found.
        if rests_on_names(rule) or rule.cut:
            wanted |= dict.fromkeys((*COLUMNS, "reference_keys", "payment_id", "payment_key", "settlement_key"))
        if rule.days is not None and getattr(rule.days, side) != "booked_on":
            wanted[getattr(rule.days, side)] = None
        if side in rule.within and rule.reversal.bank_codes:
            wanted["bank_code"] = None
        if rule.consecutive:
            wanted["occurred_at"] = None
        if getattr(rule, side).bank_codes:
            wanted["bank_code"] = None
    return wanted


def perform_rules(work: Performance) -> None:
    """Perform every rule; leaves ``left`` and ``right`` with what is open afterwards."""
    engine = work.engine
    for side, grouped in zip(("left", "right"), work.grouped, strict=True):
        engine.create(side, things_sql(f"{side}_all", grouped=grouped))
    make_forbidden(work)
    make_families(work)
    leave_out_sweeps(work)
    leave_out_kin(work)
    make_left_open(engine)
    for name in ("by_chance", "crowded", "held_in_chains", "between_chains"):
        engine.create(name, "select 0::bigint as thing where false")
    make_alone(engine)
    engine.create("unsure", "select 0::bigint as one, 0::bigint as thing, '' as how where false")
    engine.create(
        "choices", "select 0::bigint as one, 0::bigint as nth, 0::bigint as thing, 0::bigint as many where false"
    )
    prepare_unsettled(engine)
    prepare_ties(engine)
    prepare_gated(engine)
    for number, rule in enumerate(work.rules.rules):
        if _has_something(work, rule):
            _perform(work, number, rule)


def _has_something(work: Performance, rule: Rule) -> bool:
    """Say whether there is anything that a rule could match: on both sides, or on one where it looks at one."""
    kinds = dict(zip(SIDES, work.kinds, strict=True))
    found = (
        work.engine.count(side) > 0 and not ((wanted := getattr(rule, side).kinds) and not kinds[side] & {*wanted})
        for side in rule.within or SIDES
    )
    return any(found) if rule.within else all(found)


def _perform(work: Performance, number: int, rule: Rule) -> None:
    engine = work.engine
    if not any(key.how != "name" for key in rule.keys):
        make_spoken_for(work)
        make_named_elsewhere(work)
    whole = [side[0] for side in rule.within or SIDES if _look_at(work, rule, side[0], side)]
    plan = plan_of(rule, work.currencies, engine.dialect, by_entity=work.by_entity)
    if rule.days is not None:
        asked = " union ".join(f"select {side[0]}_day as day from {side[0]}" for side in rule.within or ("left",))
        days = engine.arrow(f"select distinct day from ({asked}) where day is not null order by day")
        asking = f"rule {rule.name!r} of the set {work.rules.id!r}"
        engine.take("window", window(rule.days, work.calendars, work.folder, days["day"].to_pylist(), asking))
    ready: set[str] = set()
    for place, key in enumerate(plan.keys):
        if rule.within:
            make_own_keys(work, place, key, rule.within)
            continue
        made = make_keys(work, place, key, whole)
        if made is None:  # nothing of one side names anything of the other
            return
        ready |= made
    _prepare(work, rule)
    some = _take_steps(work, rule, plan, ready)
    for place in plan.crowds:
        note_crowds(work, place)
    if rule.within:
        note_unsettled(work, rule)
    if some:
        _take_best(work, number, rule, plan)


def _take_steps(work: Performance, rule: Rule, plan: Plan, ready: set[str]) -> bool:
    """
    Perform the steps of a plan.

    :param ready: relations that are made already.
    :return: whether the rule brought anything together; where it did not, later steps are not performed.
    """
    engine = work.engine
    for step in plan.steps:
        if step.name not in ready:
            (engine.create if step.kept else engine.view)(step.name, step.query)
        if plan.keys and step.name in {"pairs", "every"}:
            leave_out_unlike(work, rule, step.name)
        _leave_out_others(work, rule, step.name)
        if step.name == "points" and rule.score is not None:
            weigh_accidents(work, rule, rule.score)
        if step.name == plan.met and not engine.count(step.name):
            return False
    return True


def _take_best(work: Performance, number: int, rule: Rule, plan: Plan) -> None:
    """Take of what a rule brought together what nothing speaks against, and note what it could not choose among."""
    note_ties(work.engine, rule, plan.fitting)
    if rule.score is not None:
        note_gated(work, rule, rule.score)
    result = _searched(work, rule, plan.result)
    _leave_out(work, rule, result)
    leave_left_open(work, rule, result, held_from(work, rule))
    leave_out_rivalled(work, rule, result)
    if rule.ranks:
        name_runners_up(work, rule)
    take_found(work, number, rule, result)
    note_tied(work, number, rule, plan.tied)


def _leave_out_others(work: Performance, rule: Rule, made: str) -> None:
    """
    Leave out of what a rule brings together by less than a whole identifier what names something else in full.

    :param made: a relation that was made now.
    """
    if rule.within or rule.consecutive or rule.learn:  # such lines are customers'; what is alike is weighed
        return
    together = "met" if rule.score is not None else "candidates" if rule.subset else "pairs"
    if made == together and (rule.cut or rests_on_names(rule)):
        leave_out_named_in_full(work, made, also_named=rests_on_names(rule), confirm=rule.confirm)
    if made == ("met" if rule.together else "possible"):
        leave_out_impossible(work, rule, made)


def _prepare(work: Performance, rule: Rule) -> None:
    """Make what a rule's plan reads beside the sides and their identifiers."""
    make_twins(work.engine)
    if rule.within:
        make_turning(work, rule)
        return
    if rule.doubtful:
        make_doubtful(work, rule)
    if any(key.how == "name" for key in rule.keys):
        make_names(work, rule)
    leave_two_of_twins(work, rule)
    if rule.interchangeable or rule.subset:
        make_order(work, rule)


def _leave_out(work: Performance, rule: Rule, result: str) -> None:
    """Leave out of what a rule found what is two parties', or two numbers', or not what it alone could be."""
    leave_out_other_halves(work, rule)
    if rule.consecutive and work.by_entity:
        leave_out_mixed(work)
    leave_out_spoken_against(work, rule, result)


def _searched(work: Performance, rule: Rule, result: str) -> str:
    """Search what no set operator can; gives what it ends in: ``paired`` or ``summed``."""
    if result == "pools":
        anchor = "l" if rule.shape == "1:n" else "r"
        if not rule.keys:
            leave_out_other_parties(work, anchor, "candidates")
        for name in ("held", "undecided"):
            work.engine.leave_out("candidates", f"{anchor} in (select thing from {name})")
        if isinstance(work.engine, Spark):
            select_spread(work.engine, rule, "candidates", anchor=anchor)
        else:
            select_from_pools(work.engine, rule, "candidates", anchor=anchor)
        work.engine.add("by_chance", "select c.thing from chance_now c anti join held h on h.thing = c.thing")
        work.engine.add("held", "select thing from held_now")
        note_undecided(work.engine, bounds_sql())
        work.engine.add("unsure", "select one, thing, how from unsure_now")
        note_alone(work.engine)
        work.engine.add("choices", "select one, nth, thing, many from choices_now")
        return "summed"
    if result == "consecutive":
        find_consecutive(work, rule)
        return "summed"
    if result == "together":
        settle_together(work, rule)
        return "paired"
    if result == "learned":
        learn_matches(work, rule)
        return "paired"
    return result


def _look_at(work: Performance, rule: Rule, short: str, side: str) -> bool:
    """
    Make ``l`` or ``r``: what a rule looks at of a side, with the day and, where asked for, the amount in base currency.

    :return: whether that is all that is open of it.
    """
    engine = work.engine
    own: Filter = getattr(rule, side)
    day = getattr(rule.days, side) if rule.days is not None else "booked_on"
    shown = {
        "booked_on": "s.booked",
    }.get(day, f"coalesce(m.{day} - date '1970-01-01', s.booked)")
    both_ways = side == "left" and rule.days is not None and bool(work.kinds[0] & {*rule.days.either})
    if rule.days is not None and both_ways:
        shown += f" + case when m.kind in ({listed(rule.days.either)}) then {EITHER_WAY} else 0 end"
    # What fits two answers equally well is not settled by a weaker rule; where it competes, see ``left_open``.
    left_out = [] if knows_no_more(rule) else ["held"]
    if not any(key.how != "name" for key in rule.keys):
        left_out += ["spoken_for" if rule.confirm else "spoken_for_here", "named_elsewhere"]
    if rests_on_names(rule):
        left_out.append("batches")
    conditions = [f"s.thing not in (select thing from {name})" for name in left_out if engine.count(name)]
    place = 0 if side == "left" else 1
    by_kind = bool(own.kinds) and not work.kinds[place] <= set(own.kinds)
    if by_kind:
        conditions.append(f"m.kind in ({listed(own.kinds)})")
    # A part of several lines would be a part of none of them in particular.
    single = rule.partial and work.grouped[place]
    if single:
        conditions.append(f"m.kind in ({listed(PAID_OUT)})")
    if own.bank_codes:
        conditions.append(" or ".join(f"starts_with(m.bank_code, {listed((code,))})" for code in own.bank_codes))
    needs_row = bool(both_ways or day != "booked_on" or by_kind or own.bank_codes or single)
    joined = f' join "{side}_all" m on m.thing = s.thing' if needs_row else ""
    base = "null::bigint"
    if rule.amount is not None and rule.amount.base:
        make_rates(work, side)
        joined += f' left join "base_of_{side}" b on b.ccy = s.ccy and b.day = s.booked'
        base = in_base("s.amount", "b")
    where = f" where ({') and ('.join(conditions)})" if conditions else ""
    query = (
        f"select s.thing, s.ccy, s.amount, ({shown})::integer as {short}_day, s.calendar, {base} as base"
        f' from "{side}" s{joined}{where}'
    )
    if joined or where:
        engine.create(short, query)
    else:  # a side as it is
        engine.view(short, query)
    return not conditions
