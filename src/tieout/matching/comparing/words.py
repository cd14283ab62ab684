"""
Words of texts as keys, and which of them name nothing: what is only a part of a longer number that is known itself.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tieout.matching.comparing.columns import token_places
from tieout.matching.facts.sides import FIELDS, cut_fields
from tieout.matching.results.found import SIDES
from tieout.model.normal import keys_of

if TYPE_CHECKING:
    from tieout.matching.backends.engine import Function
    from tieout.matching.performing.perform import Performance

__all__ = ["cut_into_words", "make_words", "said_by_open"]

_PLACES = pa.schema(
    {
        "thing": pa.int64(),
        "key": pa.int64(),
        "text": pa.int64(),
        "first": pa.int32(),
        "last": pa.int32(),
        "is_part": pa.bool_(),
        "is_own": pa.bool_(),
    }
)


def make_words(work: Performance, side: str, name: str, fields: tuple[str, ...]) -> None:
    """
    Make a relation of the words that texts of open things have: (thing, key, raw, is_part, is_half), raw being 0.

    ``is_part``: wherever it stands, it is written as a part of a longer number. ``is_half``: wherever it stands, letters
    belong to it.
    """
    engine = work.engine
    engine.derive(f"{name}_tokens", _tokens(side, fields), _PLACES, once=True)
    _leave_out_parts_of_known(work, side, f"{name}_tokens")
    engine.create(
        name,
        f"""select thing, key, 0::ubigint as raw, bool_and(is_part) as is_part,
            bool_and(first % 2 = 1) as is_half from "{name}_tokens" group by thing, key""",
    )


def cut_into_words(work: Performance, side: str) -> str:
    """
    Cut what texts and references of open things of a side say into words, once per run.

    :return: the relation (thing, key, raw, is_part, is_half).
    """
    columns = work.columns[side]
    fields = tuple(name for name in ("references", "text") if name in columns)
    name = f"words_{side}_{'_'.join(fields)}"
    if name not in work.keys_ready[side] and name not in work.made:
        make_words(work, side, name, fields)
        work.made.add(name)
    return name


def _leave_out_parts_of_known(work: Performance, side: str, tokens: str) -> None:
    """
    Leave out of words what is only a part of a longer number that is known itself, open or not.

    In ``RE-4711-1`` the text names RE-4711-1 if there is such a document, and RE-4711 not. And if there is an RE-4711,
    whoever says so does not mean RE-4711-1 by a part of its number.
    """
    engine, other = work.engine, SIDES[side == "left"]
    for one in SIDES:
        if f"whole_{one}" not in work.made:
            engine.create(f"whole_{one}", _whole_sql(work, one))
            work.made.add(f"whole_{one}")
    engine.create("told_words", f'select t.* from "{tokens}" t semi join whole_{other} w on w.key = t.key')
    if not engine.count("told_words"):
        return
    engine.create(
        "around",
        f"""select s.*, l.key as longer from told_words s join "{tokens}" l on l.thing = s.thing and l.text = s.text
            where not s.is_own and l.first <= s.first and l.last >= s.last and l.key <> s.key""",
    )
    parts = []
    for condition, asked, known, of in (
        ("is_own", "told_words", "key", side),
        ("not is_own", "around", "longer", other),
    ):
        engine.create("asked_whole", f"select distinct {known} as key from {asked} where {condition}")
        named = _known_whole(work, "asked_whole", of)
        parts.append(f"select thing, key, text, first from {asked} where {condition} and {known} in ({named})")
    engine.create("parts_of_known", " union ".join(parts))
    if engine.count("parts_of_known"):
        engine.create(
            "rest",
            f"""select t.* from "{tokens}" t anti join parts_of_known p
                on p.thing = t.thing and p.key = t.key and p.text = t.text and p.first = t.first""",
        )
        engine.rename("rest", tokens)


def _known_whole(work: Performance, asked: str, side: str) -> str:
    """Write the query for those of the keys in a relation that are whole identifiers of a side, open or used up: (key)."""
    engine = work.engine
    engine.create(f"{asked}_{side}", f"select a.key from {asked} a semi join whole_{side} w on w.key = a.key")
    if engine.count(asked) and work.used_keys.find_known(engine, asked, side):
        engine.add(f"{asked}_{side}", f"select n.key from named n semi join {asked} a on a.key = n.key")
    return f"select key from {asked}_{side}"


def _whole_sql(work: Performance, side: str) -> str:
    """Write the query for the keys of all whole identifiers of a side: (key)."""
    columns = work.columns[side]
    single = [name for name in ("external_key", "payment_key", "settlement_key") if name in columns]
    parts = [f'select {name} as key from "{side}_all" where {name} is not null' for name in single]
    if "reference_keys" in columns:
        parts.append(f'select unnest(reference_keys) as key from "{side}_all" where reference_keys is not null')
    return f"select distinct key from ({' union all '.join(parts)}) where key is not null"


def _tokens(side: str, fields: tuple[str, ...]) -> list[tuple[str, Function]]:
    """Say how the texts of a side are cut into words; only of things that are still open."""
    return [(said_by_open(side, name), partial(_words, is_own=name == "external_id")) for name in cut_fields(fields)]


def said_by_open(side: str, name: str) -> str:
    """Write the query for what a field says of things that are still open: (thing, said)."""
    shown = f'unnest("{name}")' if FIELDS[name].many else f'"{name}"'
    return f'select a.thing, {shown} as said from "{side}_all" a semi join "{side}" s on s.thing = a.thing'


def _words(rows: pa.Table, *, is_own: bool) -> pa.Table:
    """Give the keys of words, where each stands in which text (by its key), and whether it is a thing's own number."""
    said = rows["said"].combine_chunks()
    found = token_places(rows["thing"].combine_chunks(), said)
    texts = keys_of(said).take(found["text"].combine_chunks())
    told = {name: found[name] for name in ("first", "last", "is_part")}
    own = pa.array(np.full(len(texts), is_own))
    table = pa.table(
        {"thing": found["thing"], "key": keys_of(found["word"].combine_chunks()), "text": texts, **told, "is_own": own}
    )
    return table.filter(pc.is_valid(table["key"]))
