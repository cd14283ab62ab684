"""
The sections of tieout.toml, one function each: from tables to the nouns of ``workspace.py``.

Sections are read in the order in which they refer to each other: entities, sources, accounts, ledgers,
reconciliations.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from tieout.config import checks as check
from tieout.config.accounts import ASIDE, clean_number, is_iban
from tieout.config.tables import Fault, Table
from tieout.config.workspace import (
    ACCOUNT_KINDS,
    EXPECTS,
    LEGS,
    PERIODS,
    Account,
    Entity,
    Ledger,
    Opening,
    Reconciliation,
    Side,
    Source,
)
from tieout.model.kinds import CLAIMS, KINDS

__all__ = ["SECTIONS", "Sections", "read_sections"]

#: What one file may declare of each.
_MOST = 10_000

#: The arrays of tables of tieout.toml with their keys.
SECTIONS = {
    "entity": ("id", "name", "currency", "books"),
    "source": (
        *("id", "entity", "format", "mapping", "connector", "settings", "path", "owner"),
        *("timezone", "currency", "calendar", "accounts_of", "expects", "encoding"),
    ),
    "account": (
        *("id", "entity", "source", "kind", "number", "numbers", "currency", "timezone", "calendar"),
        *("settles_after", "ledger_account", "servicer", "opening"),
    ),
    "ledger": ("id", "entity", "system", "company", "periods", "settings"),
    "reconciliation": ("id", "left", "right", "rules", "claims"),
}
_READERS = ("format", "mapping", "connector")
_SIDE = ("source", "account", "entity", "ledger", "kinds")


@dataclass(slots=True)
class Sections:
    """What was read so far, by id; a later section looks up what an earlier one declared."""

    files: check.Files
    base_currency: str
    entities: dict[str, Entity]
    sources: dict[str, Source]
    accounts: dict[str, Account]
    ledgers: dict[str, Ledger]
    reconciliations: dict[str, Reconciliation]


def read_sections(content: dict[str, Any], files: check.Files, base_currency: str) -> Sections:
    """
    Read every section of a file.

    :param content: the file as tomllib gives it.
    :raises Fault: something is wrong; the first found.
    """
    read = Sections(files, base_currency, {}, {}, {}, {}, {})
    read.entities = _section(content, "entity", lambda table: _entity(table, read))
    read.sources = _section(content, "source", lambda table: _source(table, read))
    _check_homes(read.sources)
    read.accounts = _section(content, "account", lambda table: _account(table, read))
    _refuse_twins(read.accounts)
    read.ledgers = _section(content, "ledger", lambda table: _ledger(table, read))
    read.reconciliations = _section(content, "reconciliation", lambda table: _reconciliation(table, read))
    return read


class _Named(Protocol):
    @property
    def id(self) -> str: ...


_Thing = TypeVar("_Thing", bound=_Named)


def _section(content: dict[str, Any], section: str, one: Callable[[Table], _Thing]) -> dict[str, _Thing]:
    """Read an array of tables whose ids differ."""
    tables = content.get(section, [])
    name = f"[[{section}]]"
    if not isinstance(tables, list) or not all(isinstance(values, dict) for values in tables):
        written = f"[{section}]" if isinstance(tables, dict) else "something else"
        raise Fault((section,), f"expected {name} with two brackets, got {written}")
    if len(tables) > _MOST:
        raise Fault((section,), f"expected at most {_MOST} {name}, got {len(tables)}")
    read: dict[str, _Thing] = {}
    places: dict[str, int] = {}
    for number, values in enumerate(tables):
        table = Table(values, (section, number), name)
        table.only(SECTIONS[section])
        key = check.identifier(table, slash=section == "account")
        if key in read:
            first = (section, places[key], "id")
            raise Fault(table.at("id"), f"expected a new 'id' in {name}, got {key!r} again", first)
        read[key] = one(Table(values, (section, number), f"{name} {key!r}"))
        places[key] = number
    return read


def _quoted(keys: tuple[str, ...]) -> str:
    return ", ".join(repr(key) for key in keys)


def _entity(table: Table, read: Sections) -> Entity:
    key = table.required("id")
    books = table.table("books", LEGS)
    return Entity(
        id=key,
        name=table.text("name") or key,
        currency=check.currency(table, "currency") or read.base_currency,
        books=dict.fromkeys(LEGS, "tieout") | _books(books),
    )


def _books(books: Table | None) -> dict[str, str]:
    if books is None:
        return {}
    return {leg: books.choice(leg, ("tieout", "erp")) or "tieout" for leg in books.values}


def _entity_of(table: Table, read: Sections) -> str:
    """Read the entity of something; where only one is declared, it need not be named."""
    only = next(iter(read.entities)) if len(read.entities) == 1 else None
    return table.given("entity", table.declared("entity", read.entities, "entity") or only)


def _source(table: Table, read: Sections) -> Source:
    given = [key for key in _READERS if key in table.values]
    if len(given) != 1:
        found = " and ".join(repr(key) for key in given) or "none"
        raise table.fault(
            given[1] if given else None, f"expected one of {_quoted(_READERS)} in {table.name}, found {found}"
        )
    settings = table.table("settings", None)
    if settings is not None and given != ["connector"]:
        raise Fault(settings.place, f"expected 'settings' only beside 'connector' in {table.name}")
    if "encoding" in table.values and given != ["format"]:
        own = ": the mapping says it itself, csv = { encoding = ... }" if given == ["mapping"] else ""
        key = "encoding"
        raise table.fault(key, f"expected 'encoding' only beside 'format' in {table.name}{own}")
    return Source(
        id=table.required("id"),
        entity=_entity_of(table, read),
        format=check.format_id(table, "format", read.files),
        mapping=check.workspace_file(table, "mapping", read.files),
        connector=table.text("connector"),
        path=table.text("path"),
        owner=table.text("owner"),
        timezone=check.timezone(table, "timezone") or "UTC",
        currency=check.currency(table, "currency"),
        calendar=check.calendar(table, "calendar", read.files),
        accounts_of=table.text("accounts_of"),
        expects=table.choice("expects", EXPECTS),
        encoding=check.encoding(table, "encoding"),
        settings=settings.values if settings else {},
    )


def _check_homes(sources: dict[str, Source]) -> None:
    """Refuse a source that tells of the accounts of none, or of one that tells of another's itself."""
    for place, source in enumerate(sources.values()):
        if source.accounts_of is None:
            continue
        home = sources.get(source.accounts_of)
        if home is None or home.accounts_of is not None:
            wanted = "a declared source" if home is None else f"the source that has the accounts, {home.accounts_of!r},"
            sentence = f"expected {wanted} for 'accounts_of' in [[source]] {source.id!r}, got {source.accounts_of!r}"
            raise Fault(("source", place, "accounts_of"), sentence)


def _account(table: Table, read: Sections) -> Account:
    source = read.sources.get(table.declared("source", read.sources, "source") or "")
    entity = table.declared("entity", read.entities, "entity")
    currency = table.given("currency", check.currency(table, "currency") or (source.currency if source else None))
    return Account(
        id=table.required("id"),
        entity=entity or (source.entity if source else _entity_of(table, read)),
        currency=currency,
        source=source.id if source else None,
        kind=table.choice("kind", ACCOUNT_KINDS),
        number=table.text("number"),
        numbers=_numbers(table),
        timezone=check.timezone(table, "timezone") or (source.timezone if source else "UTC"),
        calendar=check.calendar(table, "calendar", read.files) or (source.calendar if source else None),
        settles_after=check.delay(table, "settles_after"),
        ledger_account=table.text("ledger_account"),
        servicer=table.text("servicer"),
        opening=_opening(table, currency),
    )


def _numbers(table: Table) -> tuple[str, ...]:
    """Read what else files call an account: each another way to write it."""
    key, own = "numbers", table.text("number")
    numbers = table.texts(key)
    if numbers and own is None:
        raise table.fault(key, f"expected 'number' beside {key!r} in {table.name}: the one that it goes by")
    seen = {clean_number(own or "")}
    for number in numbers:
        if clean_number(number) in seen:
            raise table.fault(key, f"expected each number once in {table.name}, got {number!r} again in {key!r}")
        seen.add(clean_number(number))
    return numbers


def _opening(table: Table, currency: str) -> Opening | None:
    opening = table.table("opening", ("on", "amount"))
    return Opening(opening.date("on"), check.money(opening, "amount", currency)) if opening else None


def _refuse_twins(accounts: dict[str, Account]) -> None:
    """
    Refuse two accounts that one line could mean.

    An IBAN is one account, whichever source carries it; so is what ``numbers`` says, but for the accounts that a source
    has itself.
    """
    seen: dict[tuple[str | None, str, str, bool], tuple[int, str]] = {}
    for place, account in enumerate(accounts.values()):
        named = [("number", account.number)] if account.number is not None else []
        for key, written in [*named, *(("numbers", number) for number in account.numbers)]:
            number = clean_number(written)
            source = None if is_iban(number) or key == "numbers" else account.source
            first, where = seen.setdefault((source, number, account.currency, account.kind in ASIDE), (place, key))
            if first != place:
                sentence = f"expected one [[account]] for {account.currency} of a number, got a second, {account.id!r}"
                raise Fault(("account", place, key), sentence, ("account", first, where))


def _ledger(table: Table, read: Sections) -> Ledger:
    settings = table.table("settings", None)
    return Ledger(
        id=table.required("id"),
        entity=_entity_of(table, read),
        system=table.required("system"),
        company=table.text("company"),
        periods=table.choice("periods", PERIODS) or "monthly",
        settings=settings.values if settings else {},
    )


def _reconciliation(table: Table, read: Sections) -> Reconciliation:
    claims = table.table("claims", ("left", "right"))
    return Reconciliation(
        id=table.required("id"),
        left=_side(table, "left", claims, read),
        right=_side(table, "right", claims, read),
        rules=check.rule_set(table, "rules", read.files),
    )


def _side(table: Table, which: str, claims: Table | None, read: Sections) -> Side:
    side = table.table(which, _SIDE)
    if side is None or not side.values:
        raise table.fault(
            which if side else None, f"expected {which!r} in {table.name} to name one of {_quoted(_SIDE)}"
        )
    return Side(
        sources=_all_declared(side, "source", read.sources),
        accounts=_accounts(side, read),
        entities=_all_declared(side, "entity", read.entities),
        ledgers=_all_declared(side, "ledger", read.ledgers),
        kinds=_all_declared(side, "kinds", KINDS, "kind of record"),
        claim=claims.choice(which, CLAIMS) if claims else None,
    )


def _all_declared(side: Table, key: str, known: dict[str, Any], what: str | None = None) -> tuple[str, ...]:
    found = side.texts(key)
    for value in found:
        if value not in known:
            raise side.undeclared(key, value, known, what or key)
    return found


def _accounts(side: Table, read: Sections) -> tuple[str, ...]:
    """Read accounts; one that files bring in without being declared can be named where a source may do that."""
    closed = {account.source for account in read.accounts.values()}
    if all(source in closed for source in read.sources):
        return _all_declared(side, "account", read.accounts)
    return side.texts("account")
