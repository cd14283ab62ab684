"""
Two identifiers of one key are compared as texts before anything rests on it: a key has 64 bits, and can be forged.

Only what rules brought together is looked at. Most of it is written alike on both sides, which a query says; of the
rest the normal forms are made once more.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from tieout.matching.comparing.columns import token_words
from tieout.matching.comparing.evidence import named_rows
from tieout.matching.comparing.spelling import rewritten_forms
from tieout.matching.facts.sides import FIELDS, cut_fields
from tieout.matching.results.found import SIDES
from tieout.model.normal import normal_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tieout.matching.grammar.rules import Key, Rule
    from tieout.matching.performing.perform import Performance

__all__ = ["leave_out_unlike"]

_PAIRS = pa.schema({"l": pa.int64(), "r": pa.int64()})
#: Names are compared as they are written, and so is what is cut off.
_COMPARED = ("name", "prefix")


def leave_out_unlike(work: Performance, rule: Rule, found: str) -> None:
    """
    Leave out what shares the key of an identifier, and no identifier.

    :param found: ``pairs`` (l, r), or ``every`` (bundle, side, thing): there whole bundles.
    """
    engine = work.engine
    if not engine.count(found):
        return
    if rule.within and found == "every":
        _leave_out_groups(work, rule)
        return
    if found == "every":
        _leave_out_bundles(work, rule.keys[0])
        return
    for key in rule.keys:
        sides = (rule.within[0], rule.within[0]) if rule.within else SIDES
        if key.how not in _COMPARED and _find_unlike(work, key.between(*sides), "pairs", sides):
            engine.create("alike", "select p.* from pairs p anti join unlike u on u.l = p.l and u.r = p.r")
            engine.rename("alike", "pairs")


def _leave_out_bundles(work: Performance, key: Key) -> None:
    """Hold each thing against the first one of the other side: they must share an identifier."""
    engine = work.engine
    first = "select bundle, side, min(thing) as thing from every group by bundle, side"
    engine.create(
        "beside",
        f"""select distinct e.bundle, case when e.side = 'left' then e.thing else f.thing end as l,
                case when e.side = 'left' then f.thing else e.thing end as r
            from every e join ({first}) f on f.bundle = e.bundle and f.side <> e.side""",
    )
    if _find_unlike(work, key, "beside"):
        engine.leave_out("every", "bundle in (select b.bundle from beside b join unlike u on u.l = b.l and u.r = b.r)")


def _leave_out_groups(work: Performance, rule: Rule) -> None:
    """Hold each thing against the first one of its side, and the first ones of both sides against each other."""
    engine, key = work.engine, rule.keys[0]
    engine.create("firsts", "select bundle, side, min(thing) as thing from every group by bundle, side")
    for sides in {(one, other) for one in rule.within for other in rule.within if one <= other}:
        one, other = sides
        held = "every" if one == other else "firsts"
        engine.create(
            "beside",
            f"""select e.bundle, e.thing as l, f.thing as r from {held} e join firsts f on f.bundle = e.bundle
                where e.side = '{one}' and f.side = '{other}' and e.thing <> f.thing""",
        )
        if _find_unlike(work, key.between(one, other), "beside", sides):
            engine.leave_out(
                "every", "bundle in (select b.bundle from beside b join unlike u on u.l = b.l and u.r = b.r)"
            )


def _find_unlike(work: Performance, key: Key, pairs: str, sides: tuple[str, str] = ("left", "right")) -> int:
    """
    Make ``unlike`` (l, r): pairs of a relation whose identifiers differ; gives how many there are.

    :param sides: of which side ``l`` and ``r`` are; of the key as :meth:`Key.between` gives it.
    """
    engine = work.engine
    told = [
        f"coalesce({_written_alike(left, right)}, false)"
        for left in key.left
        for right in key.right
        if not key.rewritten
    ]
    both = " ".join(
        f"join {named_rows(work, side)} {alias} on {alias}.thing = p.{short}"
        for side, alias, short in zip(sides, "ab", "lr", strict=True)
    )
    engine.create("unlike", f"select p.l, p.r from {pairs} p {both} where not ({' or '.join(told) or 'false'})")
    if key.how == "exact" or not engine.count("unlike"):
        return engine.count("unlike")
    said = ", ".join(
        f"{_listed(fields, alias)} as {alias}_{number}"
        for alias, names in (("a", key.left), ("b", key.right))
        for number, fields in enumerate(_as_said(names, words=key.how == "token"))
    )
    query = f"select p.l, p.r, {said} from unlike p {both}"
    engine.derive("unlike_forms", [(query, partial(_of_two_forms, key=key))], _PAIRS)
    engine.rename("unlike_forms", "unlike")
    return engine.count("unlike")


def _written_alike(left: str, right: str) -> str:
    """Write that two fields hold one identifier, written alike."""
    one, other = f'a."{left}"', f'b."{right}"'
    if FIELDS[left].many and FIELDS[right].many:
        return f"list_has_any({one}, {other})"
    if FIELDS[right].many:
        return f"list_contains({other}, {one})"
    return f"list_contains({one}, {other})" if FIELDS[left].many else f"{one} = {other}"


def _as_said(fields: Sequence[str], *, words: bool) -> tuple[Sequence[str], Sequence[str]]:
    """Say which fields speak as whole identifiers, and which by their words."""
    if not words:
        return fields, ()
    return [name for name in fields if FIELDS[name].key is not None], cut_fields(fields)


def _listed(fields: Sequence[str], alias: str) -> str:
    """Write all that fields say as one list."""
    single = ", ".join(f'{alias}."{name}"' for name in fields if not FIELDS[name].many)
    lists = [f'coalesce({alias}."{name}", cast([] as varchar[]))' for name in fields if FIELDS[name].many]
    first = f"cast([{single}] as varchar[])"
    return f"list_concat({first}, {lists[0]})" if lists else first


def _of_two_forms(rows: pa.Table, key: Key) -> pa.Table:
    """Keep the pairs of which no identifier has the form of another: (l, r)."""
    sides = []
    for alias, drop in zip("ab", key.drop, strict=True):
        places, said = _exploded(rows[f"{alias}_0"])
        form = rewritten_forms(said, drop, key.letters) if key.rewritten else normal_column(said)
        worded = token_words(*_exploded(rows[f"{alias}_1"])) if key.how == "token" else (places[:0], said[:0])
        sides.append((_placed(places, form), _placed(worded[0], normal_column(worded[1]))))
    (ours, our_words), (theirs, their_words) = sides
    agreed = [(ours, theirs), (ours, their_words), (our_words, theirs)]
    alike = pa.concat_arrays([_met(one, other) for one, other in agreed])
    places = pa.array(range(rows.num_rows), pa.int64())
    return rows.select(["l", "r"]).filter(pc.invert(pc.is_in(places, value_set=alike)))


def _exploded(lists: pa.ChunkedArray) -> tuple[pa.Array, pa.Array]:
    """Give the values of lists, each with the place of its row."""
    column = lists.combine_chunks()
    return pc.list_parent_indices(column).cast(pa.int64()), pc.list_flatten(column).cast(pa.string())


def _placed(places: pa.Array, form: pa.Array) -> pa.Table:
    table = pa.table({"place": places, "form": form})
    return table.filter(pc.is_valid(table["form"]))


def _met(one: pa.Table, other: pa.Table) -> pa.Array:
    """Give the places at which two have a form in common."""
    met = one.join(other, ["place", "form"], join_type="left semi")
    return met["place"].combine_chunks()
