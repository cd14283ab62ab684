"""
The SQL of a mapping: one projection from the columns of a file to the columns of the canonical record.

It is made thrice. ``fast`` computes amounts in 64 bits; a row that it does not find faultless in one number, ``fault``,
is computed again by ``exact`` in 128 bits; and what is at fault then is asked of ``explain``, to say why. All three
are made of the same three steps: the currency and the filter (``opened``), every field (``said``), and the
checks and final columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tieout.formats.tabular import checks, stated
from tieout.formats.tabular.compiling import Meaning, meaning_of
from tieout.formats.tabular.typed import EXACT, FAST, Digits
from tieout.formats.tabular.words import Split, shareable, split

if TYPE_CHECKING:
    import collections.abc as cabc

    from tieout.formats.reading import ReadOptions
    from tieout.formats.tabular.mapping import Mapping
    from tieout.formats.tabular.typed import Atom, Kind

__all__ = ["Compiled", "compile_mapping"]


@dataclass(frozen=True, slots=True)
class Compiled:
    """
    A mapping compiled for the header of one file.

    :ivar fast, exact, explain: SQL over the Arrow table ``batch`` (``line``, ``c0``, ``c1``, ...).
    :ivar skipped: SQL that counts, as ``n``, the rows that the filter is false for.
    :ivar columns: the canonical columns that ``exact`` gives, behind ``line`` and ``fault``.
    :ivar direct: those that ``fast`` leaves out, because a column is all that it takes (``c7``, ``[c7]``, ``c7 is null``).
    :ivar amounts: positions of the columns that ``fast`` wants as amounts beside their text, named ``n0, n1, ...``.
    :ivar shareable: positions of the columns that more than amounts are computed of: those with few words are split off.
    :ivar constants: canonical columns that are the same in every row.
    :ivar used: positions of the columns that are read; ``beside``: of all others, which are only looked through, as a
        card number may stand in them.
    :ivar unseen: of those that stand in no text of a record, nor among its details, by position: the identifier that is
        computed of it, else the column's name; ``seen``: of the others, where they stand.
    :ivar checks: what the numbers in ``fault`` mean, from 1.
    :ivar atoms: every conversion with its field, in the order of ``explain``'s columns ``a0, a1, ...``.
    :ivar read_by: the columns that each field reads, in the order in which it mentions them.
    :ivar meaning: what ``fast`` is made of.
    """

    mapping: Mapping
    header: tuple[str, ...]
    fast: str
    exact: str
    explain: str
    skipped: str
    columns: tuple[str, ...]
    direct: cabc.Mapping[str, str]
    amounts: frozenset[int]
    shareable: tuple[int, ...]
    constants: cabc.Mapping[str, object]
    used: frozenset[int]
    beside: frozenset[int]
    unseen: cabc.Mapping[int, str]
    seen: cabc.Mapping[int, str]
    checks: tuple[checks.Check, ...]
    atoms: tuple[tuple[str, Atom], ...]
    read_by: cabc.Mapping[str, tuple[int, ...]]
    meaning: Meaning

    def split(self, few: frozenset[int]) -> Split:
        """Give ``fast`` in two, for a piece in which these columns hold few words."""
        return split(self.mapping, self.meaning, self.direct, few)


def compile_mapping(
    mapping: Mapping,
    header: tuple[str, ...],
    options: ReadOptions,
    kinds: tuple[Kind, ...] | None = None,
) -> Compiled:
    """
    Compile a mapping for a file's columns.

    ``kinds`` are the types of the columns (of Parquet); by default all are text.

    A source's files have the same columns from month to month: what was compiled for one is kept for the next.

    :raises WrongUse: the mapping is at fault. BadInput: the file lacks a column.
    """
    key = (repr(mapping), header, repr(options), kinds)
    if key not in _COMPILED:
        if len(_COMPILED) >= _KEPT_MAX:
            _COMPILED.clear()
        _COMPILED[key] = _compile(mapping, header, options, kinds)
    return _COMPILED[key]


_IDENTIFIERS = frozenset(
    {"external_id", "payment_id", "settlement_id", "parent_external_id", "references", "counterparty_account"}
)
_ACCOUNTS = frozenset({"account", "account_number", "sub_account"})
_TEXTS = _IDENTIFIERS | {"text", "counterparty"}
_COMPILED: dict[tuple[object, ...], Compiled] = {}
_KEPT_MAX = 64


def _compile(
    mapping: Mapping, header: tuple[str, ...], options: ReadOptions, kinds: tuple[Kind, ...] | None
) -> Compiled:
    meanings = {digits: meaning_of(mapping, header, options, digits, kinds) for digits in (FAST, EXACT)}
    fast, exact = meanings[FAST], meanings[EXACT]
    columns = stated.final_columns(mapping, exact)
    direct = _direct(mapping, fast)
    tests = checks.checks_of(mapping, exact)
    every = frozenset(range(len(header)))
    seen = {int(source.strip("[]")[1:]): name for name, source in direct.items() if name in _TEXTS}
    seen |= dict.fromkeys(stated.detail_places(mapping, exact), "details")
    computed = {n: name for name in sorted(_IDENTIFIERS & exact.all.keys()) for n in exact.all[name].columns}
    # What a file calls its account is left alone: accounts rest on it, and masked they could become one.
    accounts = {n for name in _ACCOUNTS & exact.all.keys() for n in exact.all[name].columns}
    return Compiled(
        mapping=mapping,
        header=header,
        fast=_projection(mapping, fast, FAST),
        exact=_projection(mapping, exact, EXACT),
        explain=_explanation(mapping, exact),
        skipped=_skipping(exact),
        columns=tuple(columns),
        direct=direct,
        amounts=frozenset(fast.amounts),
        shareable=shareable(mapping, fast, direct),
        constants=stated.constants(exact),
        used=frozenset(exact.used),
        beside=every - exact.used,
        unseen={n: computed.get(n, header[n]) for n in sorted(every - seen.keys() - accounts)},
        seen=seen,
        checks=tests,
        atoms=tuple(zip(exact.atom_fields, exact.atoms, strict=True)),
        read_by={name: said.columns for name, said in exact.all.items()},
        meaning=fast,
    )


def _opened(meaning: Meaning) -> str:
    """The first step: the file's columns, and what other fields depend on: filter, currencies, kind's word."""
    said = [f"{said.sql} as s_{name}" for name, said in meaning.first.items()]
    given = [f"c{i}" for i in sorted(meaning.used)] + [f"n{i}" for i in sorted(meaning.amounts)]
    columns = ", ".join(["line", *given, *said])
    return f"select {columns} from batch"  # noqa: S608 - made of checked trees, see above


def _said(mapping: Mapping, meaning: Meaning) -> str:
    """The second step: every other field, and the decimals of the currencies."""
    decimals = [
        f"{stated.decimals_of(meaning.value(field))} as {name}"
        for field, name in stated.DECIMALS.items()
        if field in meaning.first
    ]
    kind = f"{stated.kind_of(mapping, meaning)} as kind"
    fields = [f"{said.sql} as s_{name}" for name, said in meaning.rest.items()]
    # A field with minor() needs the decimals of its currency, which DuckDB lets later columns of one select name.
    columns = ", ".join(["*", *decimals, kind, *fields])
    kept = meaning.kept
    return f"select {columns} from ({_opened(meaning)})" + (f" where {kept}" if kept else "")  # noqa: S608 - as above


def _projection(mapping: Mapping, meaning: Meaning, digits: Digits) -> str:
    weighed = stated.weighing(meaning, digits)
    source = _said(mapping, meaning)
    if weighed:
        source = f"select *, {', '.join(weighed)} from ({source})"  # noqa: S608 - as above
    tests = checks.checks_of(mapping, meaning)
    fault = "".join(f" when {bad} then {n}" for n, test in enumerate(tests, 1) if (bad := test.bad(digits)) != "false")
    fault = f"case{fault} else 0 end" if fault else "0"
    direct = _direct(mapping, meaning) if digits is FAST else {}
    given = stated.final_columns(mapping, meaning, digits).items()
    finals = [f"{sql} as {_quoted_name(name)}" for name, sql in given if name not in direct]
    return f"select {', '.join(['line', f'cast({fault} as smallint) as fault', *finals])} from ({source})"  # noqa: S608 - as above


def _direct(mapping: Mapping, meaning: Meaning) -> dict[str, str]:
    """The canonical columns that need no SQL."""
    given = stated.final_columns(mapping, meaning)
    return {name: column for name, sql in given.items() if (column := meaning.direct(sql))}


def _explanation(mapping: Mapping, meaning: Meaning) -> str:
    """The SQL that says, for rows at fault: every column as text, every word, and every failed conversion."""
    raw = [f"cast(c{i} as varchar) as c{i}" for i in sorted(meaning.used)]
    words = [f"cast({meaning.value(name)} as varchar) as s_{name}" for name in meaning.all]
    failed = [
        f"case when try(struct_pack(v := {atom.result})) is null then try(cast({atom.argument} as varchar)) end as a{n}"
        for n, atom in enumerate(meaning.atoms)
    ]
    return f"select {', '.join(['line', 'kind', *raw, *words, *failed])} from ({_said(mapping, meaning)})"  # noqa: S608 - as above


def _skipping(meaning: Meaning) -> str:
    """The SQL that counts what the filter leaves out, to hold against the rows that are missing after it."""
    if meaning.kept is None:
        return "select 0 as n"
    where = f"select {meaning.first['where'].sql} as s_where from batch"  # noqa: S608 - as above
    return f"select count(*) as n from ({where}) where not {meaning.kept}"  # noqa: S608 - as above


def _quoted_name(name: str) -> str:
    """A column of ours as an SQL name."""
    return '"' + name + '"'
