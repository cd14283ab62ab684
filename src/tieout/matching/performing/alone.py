"""
What a selection of one thing would have been, had its amount and name not been common.

A name that agrees speaks for a pair, not against it: what the rule for the only amount would take without any name, it
takes with one. So a pair that a selection left open by chance alone is open to that rule, and to it as that pair only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tieout.matching.backends.engine import Engine
    from tieout.matching.grammar.rules import Rule
    from tieout.matching.performing.perform import Performance

__all__ = ["held_from", "leave_out_other_halves", "make_alone", "note_alone"]

_ALONE = """select u.one, u.thing from unsure_now u
    semi join (select one from unsure_now group by one having count(*) = 1) a on a.one = u.one
    semi join (select thing from unsure_now group by thing having count(*) = 1) b on b.thing = u.thing
    semi join chance_now c on c.thing = u.one semi join chance_now d on d.thing = u.thing
    where u.how = 'chance'"""


def make_alone(engine: Engine) -> None:
    """Make ``alone`` (one, thing): nothing, before the first rule."""
    engine.create("alone", "select 0::bigint as one, 0::bigint as thing where false")


def note_alone(engine: Engine) -> None:
    """Add to ``alone`` what a rule's selections left open so."""
    engine.add("alone", _ALONE)


def held_from(work: Performance, rule: Rule) -> str:
    """Name the relation of what a rule may not take, since stronger ones left it open (thing)."""
    if not _may_take_alone(rule):
        return "held"
    alone = "select one from alone union select thing from alone"
    held = f"select thing from held group by thing having count(*) > 1 or thing not in ({alone})"
    work.engine.create("held_but_alone", held)
    return "held_but_alone"


def leave_out_other_halves(work: Performance, rule: Rule) -> None:
    """Leave out of ``paired`` what pairs a half of ``alone`` with anything but its other half."""
    if not _may_take_alone(rule) or not work.engine.count("alone"):
        return
    both = "select one, thing from alone union select thing, one from alone"
    work.engine.create(
        "rest",
        f"""select p.* from paired p left join ({both}) a on a.one = p.l left join ({both}) b on b.one = p.r
            where coalesce(a.thing, p.r) = p.r and coalesce(b.thing, p.l) = p.l""",
    )
    work.engine.rename("rest", "paired")


def _may_take_alone(rule: Rule) -> bool:
    """Say whether a rule asks for less than a name: for the only amount, which a name that agrees does not speak against."""
    return not rule.keys and rule.shape == "1:1" and rule.score is None and not rule.learn and rule.equal_amounts
