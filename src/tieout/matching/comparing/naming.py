"""
What names something in full: whoever says a number that another one bears is not meant for this one.

A line that says "RE-4711" pays no other document, whatever its amount, and whatever its number would be without its last
digit. What is named may be open, matched in this run, or used up by an earlier one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.matching.comparing.evidence import named_rows, together
from tieout.matching.comparing.words import cut_into_words
from tieout.matching.facts.sides import FIELDS, identifiers_sql, listed, speaking_sql
from tieout.matching.results.found import SIDES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tieout.matching.performing.perform import Performance

__all__ = ["FEW", "leave_out_named_in_full", "made_in_full", "make_spoken_for", "make_telling"]

#: An identifier that more things carry (a customer's number) names none of them.
FEW = 5
#: What a thing is called.
_OWN = ("external_id", "payment_id", "settlement_id")
#: A bank numbers its own lines: nobody else calls them so.
_BANK = ("bank_entry", "bank_detail")


def make_spoken_for(work: Performance) -> None:
    """
    Make ``spoken_for`` (thing): what names something of the other side by an identifier that few share.

    A rule that looks at amounts, days and names alone must not pair it with something else. What is named may be used
    up: by an earlier rule of this run (its keys are still there), or by an earlier run (``used_keys_left``,
    ``used_keys_right``: record_id, key, sign, entity_id). A rule that only proposes leaves out ``spoken_for_here`` alone:
    without what none but another company's record names.
    """
    now = (len(work.found), sum(map(len, work.keys_ready.values())))
    if work.spoken_for_after == now:
        return
    work.spoken_for_after = now
    if not all(work.keys_ready.values()):
        for name in ("spoken_for", "spoken_for_here"):
            work.engine.create(name, "select 0::bigint as thing where false")
        return
    _make_named(work, "spoken_for", work.keys_ready)
    work.engine.create("spoken_for_here", "select thing from spoken_for")
    if work.by_entity:
        _leave_out_named_over_there(work, "spoken_for_here", work.keys_ready)


def _leave_out_named_over_there(work: Performance, name: str, says: Mapping[str, Sequence[str]]) -> None:
    """
    Leave out of a relation (thing) of what names something what has a number that none but another company's records state.

    A line of another company may name our payout by mistake, or have come in at the wrong account: what our own line fits
    by amount is no certain answer then, but one for a person to see.
    """
    engine = work.engine
    over_there, here = [], []
    for side, other in (SIDES, SIDES[::-1]):
        over_there.append(
            f"""select k.thing from known_{side} k join rare_{other} q on q.key = k.key and q.sign = k.sign where k.whole"""
        )
        said = f"""select k.key, o.entity_id from ({together(says[other])}) k
            join {other}_all o on o.thing = k.thing union all select key, entity_id from used_keys_{other}"""
        here.append(
            f"""select k.thing from known_{side} k join {side}_all a on a.thing = k.thing
                join ({said}) q on q.key = k.key and coalesce(q.entity_id = a.entity_id, true)
                semi join rare_{other} r on r.key = k.key"""
        )
    engine.create("named_over_there", " union ".join(over_there))
    engine.create("named_here", " union ".join(here))
    engine.create(
        "rest",
        f"""select thing from {name}
            where thing not in (select thing from named_over_there) or thing in (select thing from named_here)""",
    )
    engine.rename("rest", name)


def leave_out_named_in_full(work: Performance, pairs: str, *, also_named: bool, confirm: bool) -> None:
    """
    Leave out of a relation (l, r, ...) what names something of the other side in full, and not the other half.

    Whatever rules compare: a line that says the number of a document is no other one's.

    :param also_named: also what is named in full by something that is not the other half.
    :param confirm: a rule that only proposes may take what none but another company's record names.
    """
    engine = work.engine
    nothing = not engine.count(pairs)
    if nothing and any(work.keys_ready.values()):
        return
    # Where rules compare no identifiers, exceptions are told by it, whether or not anything was brought together.
    says = {side: _said_of(work, side) for side in SIDES}
    if nothing:
        return
    speaks = says if also_named else {side: _spoken(work, side) for side in SIDES}
    for side, half in zip(SIDES, ("l", "r"), strict=True):
        engine.create(f"halves_{side}", f"select distinct {half} as thing from {pairs}")
    _make_naming(work, says, speaks, confirm=confirm)
    engine.create(
        "of_one",
        f"select p.l, p.r from {pairs} p where p.l in (select thing from naming) or p.r in (select thing from naming)",
    )
    engine.create(
        "of_another",
        """select distinct p.l, p.r from of_one p anti join (
                select o.l, o.r from of_one o join known_left a on a.thing = o.l
                join known_right b on b.thing = o.r and b.key = a.key where a.whole or b.whole
            ) s on s.l = p.l and s.r = p.r""",
    )
    if engine.count("of_another"):
        engine.create("rest", f"select p.* from {pairs} p anti join of_another a on a.l = p.l and a.r = p.r")
        engine.rename("rest", pairs)


def make_telling(work: Performance, *, confirm: bool) -> None:
    """
    Make ``telling`` (thing, names, said): by what :func:`leave_out_named_in_full` tells things of one side apart.

    ``names``: it names something in full; ``said``: of what both sides say, what it says. Two alike in both are left out
    of the same pairs, or of none. Nothing is told of what neither names anything nor says what the other side does.
    Reads ``halves_left`` and ``halves_right`` (thing).
    """
    says = {side: _said_of(work, side) for side in SIDES}
    _make_naming(work, says, says, confirm=confirm)
    both = " join ".join(
        f"(select key, bool_or(whole) as whole from known_{side} group by key) {side[0]}" for side in SIDES
    )
    engine = work.engine
    engine.create("said_by_both", f"select l.key from {both} on r.key = l.key where l.whole or r.whole")
    words = " union ".join(
        f"""select k.thing, case when k.whole then 'whole ' else '' end || k.key::varchar as word
            from known_{side} k semi join said_by_both b on b.key = k.key"""
        for side in SIDES
    )
    engine.create(
        "telling",
        f"""select t.thing, n.thing is not null as names, w.said
            from (select thing from naming union select thing from ({words})) t
            left join (select distinct thing from naming) n on n.thing = t.thing
            left join (select thing, array_agg(word order by word) as said from ({words}) group by thing) w
                on w.thing = t.thing""",
    )


def _make_naming(
    work: Performance, says: Mapping[str, Sequence[str]], speaks: Mapping[str, Sequence[str]], *, confirm: bool
) -> None:
    """Make ``naming`` (thing): of ``halves_left`` and ``halves_right`` (thing) what names something in full."""
    _make_named(work, "naming", says, speaks, among="halves")
    if work.by_entity and not confirm:
        _leave_out_named_over_there(work, "naming", says)


def made_in_full(work: Performance) -> dict[str, tuple[str, str]]:
    """Give of each side the relations (thing, key, raw) of what it is called and says, if a rule asked for them."""
    return {side: _said_of(work, side) for side in SIDES} if f"called_{SIDES[0]}" in work.made else {}


def _said_of(work: Performance, side: str) -> tuple[str, str]:
    """Make what a side is called and says: relations (thing, key, raw)."""
    name = f"called_{side}"
    if name not in work.made:
        columns = work.columns[side]
        known = [field for field in (*_OWN, "references") if field in columns and FIELDS[field].key in columns]
        rows = f"(select * from {named_rows(work, side)} where kind not in ({listed(_BANK)}))"
        parts = [identifiers_sql(named_rows(work, side) if field != "external_id" else rows, field) for field in known]
        nothing = "select 0::bigint as thing, 0::bigint as key, 0::ubigint as raw where false"
        work.engine.create(name, " union all ".join(parts) or nothing)
        work.made.add(name)
    return name, _whole_words(work, side)


def _whole_words(work: Performance, side: str) -> str:
    """
    Make the words of a side that are written in full (thing, key, raw).

    The digits of U26100200002 may be what a short number means, but they are not the number 26100200002.
    """
    name = f"whole_words_{side}"
    words = cut_into_words(work, side)
    if name not in work.made:
        work.engine.create(name, f'select thing, key, raw from "{words}" where not is_half')
        work.made.add(name)
    return name


def _spoken(work: Performance, side: str) -> tuple[str, str]:
    """Make what a side says of others: not what documents are called (thing, key, raw)."""
    name = f"spoken_{side}"
    if name not in work.made:
        documents = f"select thing from \"{side}_all\" where claim = 'document'"
        work.engine.create(name, f"select * from called_{side} where thing not in ({documents})")
        work.made.add(name)
    return name, _whole_words(work, side)


def _make_named(
    work: Performance,
    name: str,
    says: Mapping[str, Sequence[str]],
    speaks: Mapping[str, Sequence[str]] | None = None,
    *,
    among: str = "",
) -> None:
    """
    Make a relation (thing) of what names something of the other side, open, matched or used up before, that few do.

    Leaves ``known_left`` and ``known_right`` (thing, key, sign, whole): what open things say.

    :param says: of each side relations (thing, key, raw); ``speaks``: those by which it names others, if not all of them.
    :param among: ``AMONG_left``, ``AMONG_right`` (thing) say of what it is asked; empty: of all that is open.
    """
    engine = work.engine
    # An invoice speaks for no refund that names its order: what is named has the same sign.
    for side, names in says.items():
        engine.create(f"known_{side}", _known_sql(side, names, among))
    for grouped, side, other in zip(work.grouped, SIDES, reversed(SIDES), strict=True):
        work.used_keys.look_up(engine, side, f"known_{other}")
        # How many know a key is counted before it is met: a word that many texts have would meet every one of them.
        engine.create(
            f"rare_{side}",
            f"""select key, sign, bool_or(whole) as whole from (
                    select a.thing::varchar as named, k.key, a.sign, max(k.raw) <> 0 as whole
                    from ({together(says[side])}) k semi join known_{other} o on o.key = k.key
                    join ({speaking_sql(side, grouped=grouped)}) a on a.row = k.thing
                    where k.raw <> 0 or a.thing in (select thing from "{side}") group by all
                    union all select hex(record_id), key, sign, true from used_keys_{side}
                ) group by key, sign having count(*) <= {FEW}""",
        )
    parts = []
    for side, other in (("left", "right"), ("right", "left")):
        speaking = f"known_{side}" if speaks is None or speaks is says else f"({_known_sql(side, speaks[side], among)})"
        parts.append(
            f"""select distinct k.thing from {speaking} k
                join rare_{other} q on q.key = k.key and q.sign = k.sign where k.whole or q.whole"""
        )
    engine.create(name, " union all ".join(parts))


def _known_sql(side: str, names: Sequence[str], among: str) -> str:
    asked = f"{among}_{side}" if among else f'"{side}"'
    return f"""select k.thing, k.key, sign(s.amount)::tinyint as sign, max(k.raw) <> 0 as whole from ({together(names)}) k
        join "{side}" s on s.thing = k.thing semi join {asked} a on a.thing = k.thing group by all"""
