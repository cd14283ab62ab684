"""
Taking off both sides what a rule found: no weaker rule sees it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.matching.results.found import SIDES

if TYPE_CHECKING:
    from tieout.matching.grammar.rules import Rule
    from tieout.matching.performing.perform import Performance

__all__ = ["take_found"]


def take_found(work: Performance, number: int, rule: Rule, shape: str) -> None:
    """Keep what a rule found and take it off both sides."""
    engine = work.engine
    if not engine.count(shape):
        return
    name = f"found_{number}"
    if shape == "paired":
        engine.create(name, _taken_of_pairs(rule))
        bundle, taken = "l", f"select l as thing, l as bundle from {name} union all select r, l from {name}"
        parts = {side: f"select {side[0]} as thing, {side[0]}_taken as allocated from {name}" for side in SIDES}
    else:
        taken = "select p.* from summed p"
        if not rule.within:
            taken = """select p.* replace (coalesce(p.taken, lt.amount, rt.amount) as taken) from summed p
                left join l lt on p.side = 'left' and lt.thing = p.thing
                left join r rt on p.side = 'right' and rt.thing = p.thing"""
        engine.create(name, taken)
        bundle, taken = "bundle", f"select thing, bundle from {name}"
        parts = {side: f"select thing, taken as allocated from {name} where side = '{side}'" for side in SIDES}
    families = engine.count("family") > 0
    if families:
        _leave_out_entries(work, name, bundle, taken)
    for side in SIDES:
        engine.view("taken", parts[side])
        _take_off(work, side, partial=rule.partial)
    if families:
        _take_families(work, taken)
    if engine.count(name):
        work.found.append((number, shape, name))


def _taken_of_pairs(rule: Rule) -> str:
    """Write the query for what each pair takes of both its halves."""
    if rule.amount is not None and rule.amount.exact and not rule.amount.base and not rule.partial:  # they are equal
        return "select p.*, t.amount as l_taken, t.amount as r_taken from paired p join l t on t.thing = p.l"
    left, right = "lt.amount", "rt.amount"
    if rule.partial:
        left = right = "case when abs(lt.amount) <= abs(rt.amount) then lt.amount else rt.amount end"
    return f"""select p.*, {left} as l_taken, {right} as r_taken from paired p
        join l lt on lt.thing = p.l join r rt on rt.thing = p.r"""


def _leave_out_entries(work: Performance, name: str, bundle: str, taken: str) -> None:
    """Where one rule takes a bank's entry and a transaction inside it, leave out what has the entry: the part says more."""
    work.engine.leave_out(
        name,
        f"""{bundle} in (
            with t as ({taken})
            select p.bundle from t p join family f on f.parent = p.thing join t c on c.thing = f.child)""",
    )


def _take_families(work: Performance, taken: str) -> None:
    """Take an entry off with its transactions, and the other way round."""
    engine = work.engine
    engine.create(
        "kin",
        f"""select f.child as thing from family f join ({taken}) t on t.thing = f.parent
            union select f.parent from family f join ({taken}) t on t.thing = f.child""",
    )
    for side in SIDES:
        engine.create("rest", f'select s.* from "{side}" s anti join kin k on k.thing = s.thing')
        engine.rename("rest", side)


def _take_off(work: Performance, side: str, *, partial: bool) -> None:
    """Leave what is still open of a side."""
    engine = work.engine
    if not partial:
        rest = f'select s.* from "{side}" s anti join taken t on t.thing = s.thing'
    else:
        rest = (
            f'select s.* replace (s.amount - coalesce(t.allocated, 0) as amount) from "{side}" s'
            " left join taken t on t.thing = s.thing where s.amount <> coalesce(t.allocated, 0)"
        )
    engine.create("rest", rest)
    engine.rename("rest", side)
