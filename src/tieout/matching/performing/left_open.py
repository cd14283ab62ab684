"""
What stronger rules left open between several: no weaker rule settles it that compares no more, whatever its days.

Such a rule sees what was left open all the same, because it still competes: that one of two candidates is in doubt makes
the other no better. Only what it finds there is not taken. A rule that compares an identifier may settle what was left
open where none was compared, or only another; and so may a rule that compares names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.matching.comparing.parties import leave_out_other_parties
from tieout.matching.performing.twins import with_twins

if TYPE_CHECKING:
    from tieout.matching.backends.engine import Engine
    from tieout.matching.grammar.rules import Key, Rule
    from tieout.matching.performing.perform import Performance
    from tieout.matching.planning.building import Query

__all__ = ["knows_no_more", "leave_left_open", "make_left_open", "note_tied", "note_undecided"]

#: As what identifiers agree that agree in one way: what is equal is so in its normal form, too, and stands in the other.
_LOOSER = {
    "exact": ("exact", "normalised", "token", "prefix"),
    "normalised": ("normalised", "token", "prefix"),
    "token": ("token",),
    "prefix": ("prefix",),
}


def make_left_open(engine: Engine) -> None:
    """
    Make what rules add to: ``held`` (things that fit several answers), ``undecided`` (whose search hit its bound), and
    ``in_doubt`` (what a weaker rule would have taken).

    And ``beyond`` (thing, bound, had, most): what is undecided, and what else is where nothing is known of it, by which bound
    (``unmatched.bounds``), how many there were, where that is known, and how many are looked at.
    """
    for name in ("held", "undecided", "in_doubt"):
        engine.create(name, "select 0::bigint as thing where false")
    nothing = "select 0::bigint as thing, '' as bound, 0::bigint as had, 0::bigint as most where false"
    engine.create("beyond", nothing)


def note_undecided(engine: Engine, things: str) -> None:
    """
    Add to ``undecided`` and ``beyond`` what a query names: its search hit the bound.

    :param things: (thing, bound, had, most).
    """
    engine.create("undecided_now", things)
    engine.add("beyond", "select thing, bound, had, most from undecided_now")
    engine.add("undecided", "select distinct thing from undecided_now")


def knows_no_more(rule: Rule) -> bool:
    """Say whether a rule looks at nothing but amounts, days and names."""
    return not any(key.how != "name" for key in rule.keys) and not rule.consecutive


def note_tied(work: Performance, number: int, rule: Rule, tied: Query | None) -> None:
    """
    Keep what a rule could not choose among, if a weaker one might: ``tied_N`` (l, r), of which both are open.

    :param tied: pairs that competed, as the plan names them.
    """
    engine = work.engine
    if tied is None or not any(_asks(later, rule) for later in work.rules.rules[number + 1 :]):
        return
    engine.create("competed", tied)
    engine.create(
        "competing_yet",
        f"""select c.l, c.r from {with_twins(engine, "competed")} c semi join "left" a on a.thing = c.l semi join "right" b on b.thing = c.r""",
    )
    if not rule.keys:
        leave_out_other_parties(work, "l", "competing_yet")
    several = "count(*) over (partition by c.l) > 1 or count(*) over (partition by c.r) > 1"
    engine.create(f"tied_{number}", f"select c.l, c.r from competing_yet c qualify {several}")
    engine.drop("competed", "competing_yet")
    if engine.count(f"tied_{number}"):
        work.tied.append((rule, f"tied_{number}"))


def leave_left_open(work: Performance, rule: Rule, found: str, held: str) -> None:
    """
    Leave out of what a rule found what a stronger one left open between several.

    :param found: ``paired`` or ``summed``.
    :param held: the relation of what this rule may not take since it fits several answers.
    """
    engine = work.engine
    tied = [name for earlier, name in work.tied if _asks(rule, earlier)]
    open_to_it = ("undecided", held) if knows_no_more(rule) else ()
    if not tied and not any(engine.count(name) for name in open_to_it):
        return
    chosen = "select bundle, side, thing, null::integer as margin from summed"
    if found == "paired":
        chosen = """select l as bundle, 'left' as side, l as thing, margin from paired
            union all select l, 'right', r, margin from paired"""
    engine.create("chosen", chosen)
    for name in open_to_it:
        blocked = f"select distinct c.bundle from chosen c semi join {name} h on h.thing = c.thing"
        if not _leave_out(engine, found, blocked):
            continue
        # What fits nothing else than that is not settled either.
        if name == held:
            engine.add("held", "select thing from left_open")
        else:
            note_undecided(
                engine, "select thing, 'others' as bound, null::bigint as had, null::bigint as most from left_open"
            )
        if rule.subset:
            one = "right" if rule.shape == "n:1" else "left"
            both = f"""select a.thing as one, b.thing, 'shared' as how from left_open a join left_open b on b.bundle = a.bundle
                where a.side = '{one}' and b.side <> '{one}'"""
            engine.add("unsure", both)
    for name in tied:
        if _leave_out(engine, found, _tied_sql(name)):
            engine.add("in_doubt", "select thing from left_open")


def _asks(later: Rule, earlier: Rule) -> bool:
    """Say whether a rule compares nothing that an earlier one did not."""
    if later.learn or later.consecutive or (later.within and not knows_no_more(later)):
        return False
    return all(any(_follows(key, known) for known in earlier.keys) for key in later.keys)


def _follows(key: Key, known: Key) -> bool:
    """Say whether a key agrees wherever a known one does, so that it tells nothing new."""
    if key == known:
        return True
    wider = {*known.left} <= {*key.left} and {*known.right} <= {*key.right}
    return wider and not known.rewritten and key.how in _LOOSER.get(known.how, ())


def _tied_sql(tied: str) -> str:
    """Write the query for what has a part that could be another's as well, which is open and not in it."""
    rivals = [
        f"""select c.bundle, t.{theirs} as rival from chosen c join {tied} t on t.{mine} = c.thing
            semi join "{beside}" o on o.thing = t.{theirs}
            where c.side = '{side}' and coalesce(c.margin, 1) > 0"""  # a margin of 0: settled in order, as the rule says
        for mine, theirs, side, beside in (("l", "r", "left", "right"), ("r", "l", "right", "left"))
    ]
    return f"""select distinct v.bundle from ({" union all ".join(rivals)}) v
        anti join chosen d on d.bundle = v.bundle and d.thing = v.rival"""


def _leave_out(engine: Engine, found: str, blocked: str) -> bool:
    """Leave out of what was found some bundles; keeps what was in them as ``left_open`` (bundle, side, thing)."""
    engine.create("not_taken", blocked)
    if not engine.count("not_taken"):
        return False
    engine.create("left_open", "select c.* from chosen c semi join not_taken b on b.bundle = c.bundle")
    engine.create("rest", "select c.* from chosen c anti join not_taken b on b.bundle = c.bundle")
    engine.rename("rest", "chosen")
    bundle = "l" if found == "paired" else "bundle"
    engine.create("rest", f"select f.* from {found} f anti join not_taken b on b.bundle = f.{bundle}")
    engine.rename("rest", found)
    return True
