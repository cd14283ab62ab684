"""
Fields of few words, computed once per word: the day, the currency, the kind, whatever a file says in few ways.

A piece of a file has 90,000 rows and thirty days, three currencies, five kinds: of the columns that hold few words the
combinations are numbered, the fields that read only these are computed for each combination, and the rest of the fast
run is told of each row which combination it has. What is computed is the same SQL, of fewer rows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tieout.formats.tabular import checks, stated
from tieout.formats.tabular.compiling import CURRENCY_OF
from tieout.formats.tabular.typed import FAST

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    import numpy.typing as npt

    from tieout.formats.tabular.compiling import Meaning
    from tieout.formats.tabular.mapping import Mapping

__all__ = ["Split", "Words", "shareable", "split", "whole", "words_of"]

# A piece with fewer rows is computed at once: two runs of the engine take longer than they save.
_ROWS_MIN = 8_192
# Combinations of words, at most; and how many could be if every word stood beside every other.
_WORDS_MAX, _PRODUCT_MAX = 4_096, 1 << 18
# Looked at first: a column of which more than a tenth of these differ does not hold few words.
_SAMPLE = 1_000
_LITERAL = re.compile(r"'(?:[^']|'')*'")
# What the SQL of fields, checks and final columns is made of, beside functions.
_NAME = re.compile(r"\b(?:[smpx]_\w+|[cn]\d+|kind|e|oe|be)\b")


@dataclass(frozen=True, slots=True)
class Split:
    """
    The fast run in two.

    :ivar words: SQL over the combinations (``batch``: ``word`` and the columns of few words): ``word``, ``unfit`` (a
        row that has it is at fault), the columns of ``finals`` and of ``passed``.
    :ivar rows: SQL over the rows, which have the columns of ``passed`` and ``unfit`` beside their own.
    :ivar finals: canonical columns that the combination decides.
    """

    words: str
    rows: str
    finals: tuple[str, ...]
    passed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """
    The combinations of words of a piece.

    :ivar places: positions of the columns.
    :ivar table: ``word``, counted from 0, and the columns.
    :ivar codes: the combination of each row.
    """

    places: frozenset[int]
    table: pa.Table
    codes: npt.NDArray[np.int64]


def shareable(mapping: Mapping, meaning: Meaning, direct: Collection[str]) -> tuple[int, ...]:
    """Positions of the columns that the engine reads for something else than amounts."""
    finals = [sql for name, sql in stated.final_columns(mapping, meaning).items() if name not in direct]
    texts = [*finals, *(test.fast for test in checks.checks_of(mapping, meaning))]
    fields = {f"s_{name}": said for name, said in meaning.all.items() if name not in CURRENCY_OF}
    read = {name for text in texts for name in _names(text)} | {"s_kind", "s_currency", "s_where"}
    found = {int(name[1:]) for name in read if name[0] == "c" and name[1:].isdigit()}
    return tuple(sorted(found.union(*(said.columns for name, said in fields.items() if name in read))))


def split(mapping: Mapping, meaning: Meaning, direct: Collection[str], few: frozenset[int]) -> Split:
    """Part the fast run: what reads only columns of ``few``, and the rest."""
    fields = {name for name, said in meaning.all.items() if name not in CURRENCY_OF and few.issuperset(said.columns)}
    decimals = {name: column for name, column in stated.DECIMALS.items() if name in meaning.first}
    provided = {f"s_{name}" for name in fields} | {f"c{place}" for place in few}
    provided |= {column for name, column in decimals.items() if name in fields} | ({"kind"} & fields)

    def of_words(sql: str) -> bool:
        return _names(sql) <= provided

    finals = {n: sql for n, sql in stated.final_columns(mapping, meaning, FAST).items() if n not in direct}
    tests = [bad for test in checks.checks_of(mapping, meaning) if (bad := test.bad(FAST)) != "false"]
    shared = {name: sql for name, sql in finals.items() if of_words(sql)}
    unfit = [f"coalesce({bad}, false)" for bad in tests if of_words(bad)]

    faults = ["unfit", *(bad for bad in tests if not of_words(bad))]
    ends = [f"cast(case {' '.join(f'when {bad} then 1' for bad in faults)} else 0 end as smallint) as fault"]
    ends += [f'{sql} as "{name}"' for name, sql in finals.items() if name not in shared]
    weighed, scales = _weighing(meaning, provided)
    said = _said(mapping, meaning, decimals, set(meaning.all) - fields)
    kept = meaning.kept if "where" not in fields else None
    opened = [f"{meaning.first[name].sql} as s_{name}" for name in meaning.first if name not in fields]
    told = _names(" ".join([*ends, *weighed, *said, *opened, kept or ""]))
    passed = sorted(name for name in told & (provided | scales.keys()) if not name[1:].isdigit())
    given = ["line", *(f"c{n}" for n in sorted(meaning.used)), *(f"n{n}" for n in sorted(meaning.amounts))]
    rows = f"select {', '.join([*given, 'unfit', *passed, *opened])} from batch"  # noqa: S608 - made of checked trees
    rows = _over(rows, ["*", *said], kept)
    rows = _over(_over(rows, ["*", *weighed]), ["line", *ends])

    opened = [f"{meaning.first[name].sql} as s_{name}" for name in meaning.first if name in fields]
    words = f"select {', '.join(['word', *(f'c{n}' for n in sorted(few)), *opened])} from batch"  # noqa: S608 - as above
    words = _over(words, ["*", *_said(mapping, meaning, decimals, fields)], meaning.kept if "where" in fields else None)
    words = _over(words, ["*", *scales.values()])
    results = [f"{' or '.join(unfit) or 'false'} as unfit", *passed]
    results += [f'{sql} as "f_{name}"' for name, sql in shared.items()]
    return Split(_over(words, ["word", *results]), rows, tuple(shared), tuple(passed))


def _weighing(meaning: Meaning, provided: set[str]) -> tuple[list[str], dict[str, str]]:
    """Part what turns amounts into minor units: what rows need, and (by name) what the words' currency decides."""
    rows, scales = [], {}
    for column in stated.weighing(meaning, FAST):
        sql, _, name = column.rpartition(" as ")
        if _names(sql) <= provided:
            scales[name] = column
        else:
            rows.append(column)
    return rows, scales


def _said(mapping: Mapping, meaning: Meaning, decimals: dict[str, str], fields: set[str]) -> list[str]:
    """The second step of a projection for some of the fields."""
    found = [f"{stated.decimals_of(meaning.value(n))} as {column}" for n, column in decimals.items() if n in fields]
    found += [f"{stated.kind_of(mapping, meaning)} as kind"] if "kind" in fields else []
    return found + [f"{said.sql} as s_{name}" for name, said in meaning.rest.items() if name in fields]


def _over(source: str, columns: list[str], kept: str | None = None) -> str:
    return f"select {', '.join(columns)} from ({source})" + (f" where {kept}" if kept else "")  # noqa: S608 - as above


def _names(sql: str) -> set[str]:
    """The columns that an SQL expression of ours reads."""
    return set(_NAME.findall(_LITERAL.sub("''", sql)))


def words_of(raw: pa.Table, places: Iterable[int]) -> Words | None:
    """Number the combinations of words of those columns that hold few; None where that is not worth it."""
    if raw.num_rows < _ROWS_MIN:
        return None
    product, codes = 1, np.zeros(raw.num_rows, np.int64)
    coded: dict[int, tuple[int, pa.Array]] = {}
    for place in places:
        words = _few(whole(raw.column(f"c{place}")))
        if words is None or product * len(words.dictionary) > _PRODUCT_MAX:
            continue
        coded[place] = (product, words.dictionary)
        if len(words.dictionary) > 1:
            codes += words.indices.to_numpy().astype(np.int64) * product
            product *= len(words.dictionary)
    present = np.flatnonzero(np.bincount(codes, minlength=product))
    if not coded or len(present) > _WORDS_MAX:
        return None
    numbers = np.zeros(product, np.int64)
    numbers[present] = np.arange(len(present))
    columns = {f"c{n}": d.take(pa.array(present // step % len(d))) for n, (step, d) in coded.items()}
    table = pa.table({"word": pa.array(np.arange(len(present))), **columns})
    return Words(frozenset(coded), table, numbers[codes])


def whole(column: pa.ChunkedArray) -> pa.Array:
    """Join the pieces of a column; one piece is given as it is."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _few(column: pa.Array) -> pa.DictionaryArray | None:
    """Number the words of a column, absence among them; None where they are many."""
    if pa.types.is_floating(column.type):
        return None
    sample = column.slice(0, _SAMPLE).dictionary_encode("encode")
    if len(sample.dictionary) * 10 > len(sample):
        return None
    if len(sample.dictionary) == 1 and not column.null_count and pc.all(pc.equal(column, column[0])).as_py():
        return sample
    coded = column.dictionary_encode("encode")
    return coded if len(coded.dictionary) <= _WORDS_MAX else None
