"""
What is only as sure as something else: found in what a provisional match left of it, or left over beside it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tieout.matching.facts.sides import FIELDS, identifiers_sql, listed
from tieout.matching.results.found import SIDES
from tieout.store.runs import standing_matches

if TYPE_CHECKING:
    from collections.abc import Callable

    from tieout.matching.backends.engine import Engine
    from tieout.matching.grammar.rules import RuleSet
    from tieout.store.lake import Lake
    from tieout.store.runs import Results

__all__ = ["exact_after_others", "rest_on_others", "rest_on_own"]

_NONE = "select 0::bigint as thing where false"


def rest_on_others(
    engine: Engine,
    lake: Lake,
    results: Results,
    own: str,
    claims: set[str],
    rules: RuleSet,
    whole: Callable[[str, str], str],
) -> None:
    """
    Make ``resting`` (thing): of what provisional matches of other reconciliations use some, or all of what was as good.

    Whatever an exact rule finds of these is as provisional as they are: without them it would be another answer, or two.
    Reads ``stale`` (match_id).

    :param claims: that may be used up at all.
    :param whole: writes the rows of a side, nothing being used up, of those records that stand in a relation
        (record_key, record_id).
    """
    loose = replace(results, files=tuple(f for f in results.files if f.provisional and f.reconciliation != own))
    if not claims or not loose.of("matches"):
        engine.create("resting", _NONE)
        return
    standing = standing_matches(engine, lake, loose)
    engine.create(
        "loosely_used",
        f"""select distinct m.record_key, m.record_id, m.claim from {standing} m
            anti join stale t on t.match_id = m.match_id
            where m.status = 'confirmed' and m.claim in ({listed(sorted(claims))})""",
    )
    if not engine.count("loosely_used"):
        engine.create("resting", _NONE)
        return
    parts = []
    for side in SIDES:
        engine.number(f"rivals_{side}", whole(side, "loosely_used"), 0)
        parts.append(
            f"""select b.thing from "{side}_all" b join loosely_used m on m.record_key = b.record_key
                and m.record_id = b.record_id and m.claim = b.claim where b.amount <> b.measure * b.sign"""
        )
        parts.append(_beside(side, rules, f'"rivals_{side}"'))
    engine.create("resting", " union ".join(parts))


def rest_on_own(engine: Engine, rules: RuleSet) -> None:
    """
    Add to ``resting`` what stands on provisional matches of this run in the same way.

    Reads ``loosely_taken`` (thing): rows that they use.
    """
    parts = ["select thing from resting", "select thing from loosely_taken"]
    for side in SIDES:
        taken = f'(select * from "{side}_all" where thing in (select thing from loosely_taken))'
        parts.append(_beside(side, rules, taken))
    engine.create("resting_now", " union ".join(parts))
    engine.rename("resting_now", "resting")


def exact_after_others(rules: RuleSet) -> bool:
    """Say whether an exact rule comes after one that is not: only then may what it finds rest on what that one found."""
    loosely = False
    for rule in rules.rules:
        if rule.exact and loosely:
            return True
        loosely = loosely or (rule.confirm and not rule.exact)
    return False


def _beside(side: str, rules: RuleSet, rivals: str) -> str:
    """Write the query for what shares an identifier that exact rules read, and what is open of it, with a rival."""
    keys = [key for rule in rules.rules if rule.exact for key in rule.keys]
    names = dict.fromkeys(name for key in keys for name in (key.left if side == "left" else key.right))
    fields = [name for name in names if FIELDS[name].key]
    if not fields:
        return _NONE
    mine, others = (" union all ".join(identifiers_sql(rows, f) for f in fields) for rows in (f'"{side}_all"', rivals))
    return f"""select a.thing from ({mine}) i join "{side}_all" a on a.thing = i.thing
        join ({others}) j on j.key = i.key
        join {rivals} r on r.thing = j.thing and r.ccy = a.ccy and r.claim = a.claim and r.amount = a.amount
        where r.record_id <> a.record_id"""
