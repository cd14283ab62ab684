"""
Names and numbers that speak against what a rule found, or, where it settles what competes, against each pair beforehand.

The only candidate is none if it is somebody else's, and what is left out of a result makes nothing else the only one. But
where equal things are put in order, or all that compete are settled together, an impossible pair takes the place of a
possible one. So there each pair is asked before anything is settled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.matching.comparing.numbers import leave_out_other_numbers, note_other_numbers
from tieout.matching.comparing.parties import leave_out_other_names, note_other_names
from tieout.matching.performing.families import rests_on_names

if TYPE_CHECKING:
    from tieout.matching.grammar.rules import Rule
    from tieout.matching.performing.perform import Performance

__all__ = ["leave_out_impossible", "leave_out_spoken_against"]


def leave_out_spoken_against(work: Performance, rule: Rule, found: str) -> None:
    """
    Leave out of what a rule found what is two parties', or two numbers'.

    :param found: ``paired`` or ``summed``.
    """
    if _hears_names(rule):
        leave_out_other_names(work, rule, found)
    if _hears_numbers(rule):
        leave_out_other_numbers(work, found)


def leave_out_impossible(work: Performance, rule: Rule, pairs: str) -> None:
    """
    Leave out of what competes each pair that is two parties', or two numbers'.

    :param pairs: the name of a relation (l, r, ...).
    """
    engine = work.engine
    counted = (
        f"select l, r, count(*) over (partition by l) as of_l, count(*) over (partition by r) as of_r from {pairs}"
    )
    engine.number("asked", f"select l, r from ({counted}) where of_l > 1 or of_r > 1")
    if _hears_names(rule):
        note_other_names(work, rule, "select p.thing as bundle, p.l, p.r from asked p")
        _leave_out_asked(work, pairs)
    if _hears_numbers(rule):
        note_other_numbers(work, "select p.thing as bundle, p.l as thing, p.r as other from asked p")
        _leave_out_asked(work, pairs)


def _leave_out_asked(work: Performance, pairs: str) -> None:
    engine = work.engine
    if engine.count("of_two"):
        engine.create("of_others", "select a.l, a.r from asked a semi join of_two t on t.bundle = a.thing")
        engine.create("rest", f"select p.* from {pairs} p anti join of_others o on o.l = p.l and o.r = p.r")
        engine.rename("rest", pairs)


def _hears_names(rule: Rule) -> bool:
    """Say whether names speak against what a rule finds: it compared none, and no identifier."""
    return (
        not rule.keys
        and not rule.consecutive
        and not any("counterparty" in (one.left, one.right) for one in rule.learn)
    )


def _hears_numbers(rule: Rule) -> bool:
    return rests_on_names(rule) and not rule.consecutive
