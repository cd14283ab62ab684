"""
What a rule could have taken and did not, since something else fits as well: each answer is as good as the other.

Only kept, for what is said of them afterwards: ``unmatched`` asks which of them are still open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.matching.performing.twins import with_twins

if TYPE_CHECKING:
    from tieout.matching.backends.engine import Engine
    from tieout.matching.grammar.rules import Rule

__all__ = ["TIED_MAX", "note_ties", "prepare_ties"]

#: So many that fit one thing are told one by one; of more it is only said that there are several.
TIED_MAX = 20


def prepare_ties(engine: Engine) -> None:
    """Make ``tied`` (l, r, anchor): nothing, before the first rule."""
    engine.create("tied", "select 0::bigint as l, 0::bigint as r, '' as anchor where false")


def note_ties(engine: Engine, rule: Rule, fitting: str | None) -> None:
    """
    Add to ``tied`` what of a rule fits one thing, where it is two or more.

    ``anchor``: ``l`` or ``r`` has the sum of all others of its pairs, which are one answer together; '': each pair is one.

    :param fitting: the rule's relation (l, r), of what it meant to take as well (``Plan.fitting``).
    """
    if fitting is None:
        return
    anchor = {"1:n": "l", "n:1": "r"}.get(rule.shape, "")
    few = f"having count(*) between 2 and {TIED_MAX}"
    fitted = with_twins(engine, fitting)
    engine.add(
        "tied",
        " union ".join(
            f"select p.l, p.r, '{anchor}' as anchor from {fitted} p semi join (select {one} from {fitted} group by {one} {few}) s on s.{one} = p.{one}"
            for one in ("l", "r")
        ),
    )
