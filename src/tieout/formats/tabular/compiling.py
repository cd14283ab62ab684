"""
What every field of a mapping says: its expression compiled for the columns of one file, at one width of decimals.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlglot import exp

from tieout.errors import WrongUse
from tieout.formats.tabular.expressions import Compiler
from tieout.formats.tabular.functions import HANDLERS
from tieout.formats.tabular.names import Names
from tieout.formats.tabular.parsing import ExpressionFault, parse
from tieout.formats.tabular.plain_amounts import IN_DOUBT
from tieout.formats.tabular.typed import FAST, Atom, Digits, Kind, NumberText, Typed, exactly, quoted

if TYPE_CHECKING:
    from collections.abc import Callable

    from tieout.formats.reading import ReadOptions
    from tieout.formats.tabular.mapping import Mapping

__all__ = [
    "AMOUNTS",
    "CURRENCY_OF",
    "FIELD_KINDS",
    "FIRST_DAY",
    "LAST_DAY",
    "TRUSTED_FIELDS",
    "Meaning",
    "Said",
    "meaning_of",
    "optional_columns",
]

#: Amount fields, and the field that names the currency of each.
CURRENCY_OF = {
    "amount": "currency",
    "fee": "currency",
    "fee_tax": "currency",
    "tax": "currency",
    "net": "currency",
    "original_amount": "original_currency",
    "base_amount": "base_currency",
}
#: The amounts that share ``currency`` and ``exponent``.
AMOUNTS = tuple(name for name, currency in CURRENCY_OF.items() if currency == "currency")

_TEXTS = (
    *("external_id", "payment_id", "settlement_id", "parent_external_id", "kind", "status", "bank_code", "text"),
    *("currency", "original_currency", "base_currency", "counterparty", "counterparty_account"),
    *("account", "account_number", "sub_account"),
)

#: Every field that a mapping may give, and what its expression must become.
FIELD_KINDS: dict[str, Kind] = {
    **dict.fromkeys(_TEXTS, Kind.TEXT),
    **dict.fromkeys(CURRENCY_OF, Kind.NUMBER),
    **dict.fromkeys(("booked_on", "value_on", "due_on"), Kind.DATE),
    "occurred_at": Kind.MOMENT,
    "rate": Kind.TEXT,
    "references": Kind.LIST,
}
#: The fields that only mappings of our own code may give.
TRUSTED_FIELDS: dict[str, Kind] = {
    "namespace": Kind.TEXT,
    "identity": Kind.TEXT,
    "aliases": Kind.LIST,
    "counted": Kind.BOOLEAN,
    "revision": Kind.INTEGER,
    "details": Kind.TEXT,
}
#: Fields that others depend on: they are computed first.
_FIRST = ("where", "currency", "original_currency", "base_currency", "kind")
# Fields without which a row says nothing.
_REQUIRED = frozenset({"where", "kind", "external_id", "identity", "amount", "currency", "booked_on"})
#: Days outside are not days of business: a year of two digits that was read as one of four, or more than Python holds.
FIRST_DAY, LAST_DAY = "1900-01-01", "9999-12-30"
#: SQL that is about the value of one field, or asks whether there is one.
_OF_ONE = re.compile(r"\(?s_(?P<name>\w+)(?P<asks> is null\))?")
#: A value that is a column as it stands, and a list of one such column.
_DIRECT = re.compile(r"(?P<text>c\d+)|case when (?P<only>c\d+) is null then \[\] else \[(?P=only)\] end")
_DECIMALS_NAME = {"currency": "e", "original_currency": "oe", "base_currency": "be"}


@dataclass(frozen=True, slots=True)
class Said:
    """
    What one field says.

    :ivar sql: its SQL; of a fallible one a struct with the value as ``v``, NULL where a conversion failed.
    :ivar columns: positions of the columns that it reads.
    :ivar plain: an amount that was read before the run, and is ``IN_DOUBT`` where it could not be.
    """

    sql: str
    fallible: bool
    columns: tuple[int, ...]
    plain: bool = False


@dataclass(slots=True)
class Meaning:
    """
    What all fields say.

    :ivar header: the columns of the file.
    :ivar first, rest: by field; the first ones are computed before the others.
    :ivar mentioned: positions of the columns that a field reads; ``used``: that anything reads.
    :ivar amounts: positions of the columns that are read as amounts before the run, and known to it as ``n0, n1, ...``.
    :ivar atoms: every conversion, and ``atom_fields``: the field that it stands in.
    """

    header: tuple[str, ...] = ()
    first: dict[str, Said] = field(default_factory=dict)
    rest: dict[str, Said] = field(default_factory=dict)
    mentioned: set[int] = field(default_factory=set)
    used: set[int] = field(default_factory=set)
    amounts: set[int] = field(default_factory=set)
    atoms: list[Atom] = field(default_factory=list)
    atom_fields: list[str] = field(default_factory=list)

    @property
    def all(self) -> dict[str, Said]:
        """Every field's."""
        return self.first | self.rest

    @property
    def kept(self) -> str | None:
        """The SQL of whether a row goes on: only one that the filter is surely false for is skipped; an unknown one is a fault."""
        return f"coalesce({self.value('where')}, true)" if "where" in self.first else None

    def direct(self, sql: str) -> str | None:
        """The column that a value simply is (``c7``), lists (``[c7]``) or asks for (``c7 is null``), if that is all."""
        value = _OF_ONE.fullmatch(sql)
        said = self.all.get(value["name"]) if value else None
        found = _DIRECT.fullmatch(said.sql) if said else None
        if value is None or found is None:
            return None
        if value["asks"]:
            return f"{found['text']} is null" if found["text"] else None
        return found["text"] or f"[{found['only']}]"

    def value(self, name: str) -> str:
        """The SQL of a field's value."""
        return f"s_{name}.v" if self.all[name].fallible else f"s_{name}"

    def failed(self, name: str) -> str | None:
        """The SQL of whether a field could not be computed, or is no day that can be kept; None where it always can."""
        said = self.all[name]
        tests = [f"s_{name} is null"] if said.fallible else []
        if said.plain:
            tests.append(f"{self.value(name)} = {IN_DOUBT}")
        if FIELD_KINDS.get(name) in {Kind.DATE, Kind.MOMENT}:
            tests += [f"{self.value(name)} < date '{FIRST_DAY}'", f"{self.value(name)} > date '{LAST_DAY}'"]
        return " or ".join(tests) or None


def meaning_of(
    mapping: Mapping,
    header: tuple[str, ...] | None,
    options: ReadOptions,
    digits: Digits,
    kinds: tuple[Kind, ...] | None = None,
) -> Meaning:
    """
    Compile every field; without a header any column is taken to exist (to check a mapping before there is a file).

    :raises WrongUse: the mapping is at fault. BadInput: the file lacks a column.
    """
    meaning = Meaning(header or ())
    column = _columns_of(header, kinds, digits)
    number = NumberText(mapping.dialect.decimal, mapping.dialect.thousands, digits)
    expressions = _expressions(mapping, options)
    for name in (*_FIRST, *(f for f in expressions if f not in _FIRST)):
        if name not in expressions:
            continue
        compiler = Compiler(HANDLERS, column, number, options.timezone, mapping.trusted, _factor(name, expressions))
        try:
            typed = _compiled(compiler, name, expressions[name], number)
        except ExpressionFault as fault:
            raise _misuse(mapping, name, str(fault)) from None
        plain = _plain_amount(name, expressions[name], compiler, digits)
        if plain:
            meaning.amounts |= set(plain.columns)
        _note(meaning, name, plain or typed, compiler.atoms, plain=plain is not None)
    _add_details(mapping, header, meaning)
    return meaning


def optional_columns(mapping: Mapping, header: tuple[str, ...]) -> tuple[str, ...]:
    """
    Name the columns that a file lacks and that only optional fields read, or required ones that can do without.

    A required field none of whose columns is there is not helped by any: that refuses the file.
    """
    names, found = Names(header), dict.fromkeys(mapping.details or ())
    for name, text in ({**mapping.fields} | ({"where": mapping.where} if mapping.where else {})).items():
        try:
            read = [column.name for column in parse(text).find_all(exp.Column)]
        except ExpressionFault:
            continue  # said when it is compiled
        if name not in _REQUIRED or any(names.has(column) for column in read):
            found |= dict.fromkeys(read)
    return tuple(column for column in found if not names.has(column))


def _columns_of(
    header: tuple[str, ...] | None, kinds: tuple[Kind, ...] | None, digits: Digits
) -> Callable[[str], Typed]:
    if header is None:
        seen: dict[str, int] = {}
        return lambda name: _column(seen.setdefault(name, len(seen)), Kind.TEXT, digits)
    names = Names(header)

    def known(name: str) -> Typed:
        place = names.place(name)
        return _column(place, kinds[place] if kinds else Kind.TEXT, digits)

    return known


def _column(place: int, kind: Kind, digits: Digits) -> Typed:
    if kind is Kind.NUMBER:
        # A typed decimal may carry more digits than the run computes with.
        return Typed(exactly(f"c{place}", digits.sql), kind, (place,), fallible=True)
    return Typed(f"c{place}", kind, (place,))


def _expressions(mapping: Mapping, options: ReadOptions) -> dict[str, str | Typed]:
    """Every field's expression, with the filter, the currency and the account where they are not fields."""
    found: dict[str, str | Typed] = {
        "account_number" if name == "account" else name: text for name, text in mapping.fields.items()
    }
    if mapping.where is not None:
        found["where"] = mapping.where
    if mapping.account is not None:
        found["account_number"] = Typed(quoted(mapping.account), Kind.TEXT, literal=mapping.account)
    if "currency" not in found:
        if options.currency is None:
            raise _misuse(
                mapping,
                "currency",
                "expected a field currency, or `currency` of its source or account in tieout.toml, got none",
            )
        found["currency"] = Typed(quoted(options.currency), Kind.TEXT, literal=options.currency)
    if "kind" not in found:
        raise _misuse(mapping, "kind", "expected a field kind, such as kind = \"'charge'\", got none")
    for name, text in (("original_amount", "original_currency"), ("base_amount", "base_currency")):
        if name in found and text not in found:
            raise _misuse(mapping, name, f"expected a field {text} beside it, got none")
    return found


def _factor(name: str, expressions: dict[str, str | Typed]) -> str | None:
    currency = CURRENCY_OF.get(name)
    return _DECIMALS_NAME[currency] if currency in expressions else None


def _compiled(compiler: Compiler, name: str, text: str | Typed, number: NumberText) -> Typed:
    typed = text if isinstance(text, Typed) else compiler.compile(parse(text))
    kind = Kind.BOOLEAN if name == "where" else (FIELD_KINDS | TRUSTED_FIELDS)[name]
    plain = typed.kind is Kind.TEXT and len(typed.sql) <= len("c9999") and typed.columns
    if name == "rate":
        return _rate(compiler, typed, number)
    typed = compiler.as_kind(typed, kind)
    if kind is Kind.TEXT and not plain and typed.literal is None:
        return Typed(f"nullif({typed.sql}, '')", kind, typed.columns, typed.fallible)
    if kind is Kind.LIST and not typed.sql.startswith("case when"):
        kept = f"list_filter(coalesce({typed.sql}, []), lambda x: x is not null and x <> '')"
        return Typed(kept, kind, typed.columns, typed.fallible)
    return _unscaled(typed, number.digits) if kind is Kind.NUMBER else typed


def _unscaled(amount: Typed, digits: Digits) -> Typed:
    """Amounts leave as whole numbers at the scale of the run: what follows is integer arithmetic."""
    whole = "bigint" if digits is FAST else "hugeint"
    sql = f"cast(({amount.sql}) * cast({10**digits.scale} as decimal({digits.scale + 1}, 0)) as {whole})"
    return Typed(sql, Kind.NUMBER, amount.columns, fallible=True)


def _plain_amount(name: str, text: str | Typed, compiler: Compiler, digits: Digits) -> Typed | None:
    """
    Take a plain column of text as the amount that was read of it before the fast run.

    Reading whole columns is several times as fast as a regular expression and a cast in the engine.
    """
    signs = compiler.number.decimal + compiler.number.thousands
    if digits is not FAST or name not in CURRENCY_OF or isinstance(text, Typed) or " " in signs or not signs.isascii():
        return None
    column = compiler.compile(parse(text))
    if column.kind is not Kind.TEXT or column.sql not in {f"c{n}" for n in column.columns}:
        return None
    return Typed(column.sql.replace("c", "n"), Kind.NUMBER, column.columns)


def _rate(compiler: Compiler, typed: Typed, number: NumberText) -> Typed:
    """A rate stays text, as the source wrote it, but with a decimal point and only if it is a decimal."""
    if typed.kind is not Kind.TEXT:
        return compiler.as_kind(typed, Kind.TEXT)
    wide = NumberText(number.decimal, number.thousands, Digits(29, 20, 38))
    good = f"regexp_full_match({typed.sql}, {quoted(wide.pattern)})"
    bad = f"cast(cast('?' || {typed.sql} as integer) as varchar)"
    sql = f"case when {good} then {wide.plain(typed.sql)} else {bad} end"
    compiler.atoms.append(Atom(typed.sql, sql, number.expected, typed.columns))
    return Typed(sql, Kind.TEXT, typed.columns, fallible=True)


def _note(meaning: Meaning, name: str, typed: Typed, atoms: list[Atom], *, plain: bool) -> None:
    sql = f"try(struct_pack(v := {typed.sql}))" if typed.fallible else typed.sql
    place = meaning.first if name in _FIRST else meaning.rest
    place[name] = Said(sql, typed.fallible, typed.columns, plain)
    meaning.used |= set(typed.columns)
    if name != "where":
        meaning.mentioned |= set(typed.columns)
    meaning.atoms += atoms
    meaning.atom_fields += [name] * len(atoms)


def _add_details(mapping: Mapping, header: tuple[str, ...] | None, meaning: Meaning) -> None:
    if header is None or "details" in meaning.rest:
        return
    if mapping.details is None:
        meaning.used |= set(range(len(header)))
    else:
        meaning.used |= {Names(header).place(name) for name in mapping.details}


def _misuse(mapping: Mapping, name: str, fault: str) -> WrongUse:
    table = "mapping" if name == "where" else "fields"
    line = mapping.lines.get(f"{table}.{name}") or mapping.lines.get("fields.account" if "account" in name else table)
    place = f"{mapping.origin} line {line}" if line else mapping.origin
    return WrongUse(f"{place}: [{table}] {name}: {fault}")
