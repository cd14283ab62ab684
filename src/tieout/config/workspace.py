"""
The nouns of tieout.toml: what a company has, where its files come from, and what is to be tied out with what.

All of it is frozen. Everything is checked by the time it stands here: references exist, currencies, time zones
and calendars are known, paths of a book, lake and landing are whole.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from tieout.errors import WrongUse
from tieout.model.accounts import ACCOUNT_KINDS, LEGS, Account, Delay, Entity, Opening

__all__ = [
    "ACCOUNT_KINDS",
    "EXPECTS",
    "LEGS",
    "PERIODS",
    "RULE_SETS",
    "Account",
    "Delay",
    "Entity",
    "Ledger",
    "Opening",
    "Reconciliation",
    "Side",
    "Source",
    "Workspace",
]

#: How often a source's files should come.
EXPECTS = ("daily", "business-daily", "weekly", "monthly")
#: How a ledger cuts its year; ``erp``: read from it.
PERIODS = ("monthly", "4-4-5", "4-5-4", "5-4-4", "erp")
#: The rule sets that ship.
RULE_SETS = (
    "generic",
    "invoice-to-payment",
    "payout-to-bank",
    "open-items-to-bank",
    "bank-to-ledger",
    "payment-to-receipt",
    "intercompany",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """
    Where files or messages come from. Exactly one of format, mapping and connector is given.

    :ivar format: the id of a format that ships (``camt.053``).
    :ivar mapping: the path of a mapping, relative to the workspace.
    :ivar connector: the id of a connector; ``settings`` are its own.
    :ivar path: where ``tieout ingest`` looks: a pattern, relative to the workspace.
    :ivar owner: who looks after it.
    :ivar timezone, currency, calendar: what its accounts have unless they say otherwise.
    :ivar accounts_of: the source whose accounts it tells of as well, such as another report of one platform account.
    :ivar expects: one of :data:`EXPECTS`; None: nobody waits for its files.
    :ivar encoding: the code page of its files' text, where the format is a text that does not say it (``cp1250``).
    """

    id: str
    entity: str
    format: str | None = None
    mapping: str | None = None
    connector: str | None = None
    path: str | None = None
    owner: str | None = None
    timezone: str = "UTC"
    currency: str | None = None
    calendar: str | None = None
    accounts_of: str | None = None
    expects: str | None = None
    encoding: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """
    The books of an entity, where journals go.

    :ivar system: a connector that posts, or ``files``.
    :ivar company: the entity's name there (a company code).
    :ivar periods: one of :data:`PERIODS`.
    """

    id: str
    entity: str
    system: str
    company: str | None = None
    periods: str = "monthly"
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a reconciliation: records that pass every filter given; an empty filter lets everything pass."""

    sources: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    ledgers: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    claim: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """
    What is tied out with what.

    A side's ``claim`` is what a match uses up of its records; None: the rule set's.

    :ivar rules: a built-in rule set (:data:`RULE_SETS`), or the path of a rule file, relative to the workspace.
    """

    id: str
    left: Side
    right: Side
    rules: str

    @property
    def built_in(self) -> bool:
        """Whether the rules ship with tieout."""
        return self.rules in RULE_SETS


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """
    A whole tieout.toml, checked, with what the environment overrides.

    :ivar folder: where tieout.toml lies; every relative path starts here.
    :ivar path: tieout.toml itself.
    :ivar book: the URL of the book; a relative SQLite path is made absolute. May hold a password: not printed.
    :ivar lake, landing: an absolute path or a URL.
    :ivar catalog: the URL of the open view's catalog (store.publisher), made absolute like the book's.
    :ivar engine: ``duckdb``, ``spark`` or ``spark://host:port``.
    :ivar digest: SHA-256 (hex) of the content as canonical JSON, overrides included, so that a run can cite it.
        Where things are kept and which engine works (book, lake, landing, catalog, engine) is not part of it: neither
        changes a result.
    :ivar text: tieout.toml as it was read; ``overrides``: the variables of the environment that change a result.
    :ivar kept: the texts of the files that it names, by path, where it is read as it was once; None: they are files.
    """

    folder: Path
    path: Path
    name: str
    base_currency: str
    book: str = field(repr=False)
    lake: str
    landing: str
    catalog: str = field(repr=False)
    engine: str
    entities: tuple[Entity, ...]
    accounts: tuple[Account, ...]
    sources: tuple[Source, ...]
    ledgers: tuple[Ledger, ...]
    reconciliations: tuple[Reconciliation, ...]
    digest: str
    text: str = field(repr=False)
    overrides: Mapping[str, str] = field(hash=False)
    kept: Mapping[str, str] | None = field(hash=False, repr=False)

    def text_of(self, path: str) -> str:
        """
        Give the text of a file that tieout.toml names, relative to it: a mapping, a calendar, a rule file.

        :raises WrongUse: it cannot be read, or was not kept.
        """
        try:
            if self.kept is not None:
                return self.kept[path]
            return (self.folder / path).read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            message = f"{path}: expected UTF-8, got a byte that is none at byte {error.start + 1}: save it as UTF-8"
        except OSError as error:
            message = f"{path}: expected a text that can be read, got {error.strerror}"
        except KeyError:
            message = f"{path}: expected its text of that time in the book, found none"
        raise WrongUse(message)

    def named_texts(self) -> dict[str, str]:
        """Give the texts of all mappings, calendars and rule files that tieout.toml names and that can be read."""
        calendars = {source.calendar for source in self.sources} | {account.calendar for account in self.accounts}
        paths = {source.mapping for source in self.sources if source.mapping}
        paths |= {f"calendars/{name}.toml" for name in calendars if name}
        paths |= {one.rules for one in self.reconciliations if not one.built_in}
        found = {}
        for path in sorted(paths):
            with suppress(WrongUse):  # a calendar of the holidays library; a file that the result does not rest on
                found[path] = self.text_of(path)
        return found

    def entity(self, wanted: str) -> Entity:
        """
        Give the entity of an id.

        :raises WrongUse: none is declared (so do the four below).
        """
        return _find(self.entities, wanted, "entity")

    def account(self, wanted: str) -> Account:
        """Give the declared account of an id."""
        return _find(self.accounts, wanted, "account")

    def source(self, wanted: str) -> Source:
        """Give the source of an id."""
        return _find(self.sources, wanted, "source")

    def home(self, source_id: str) -> Source:
        """Give the source whose accounts a source tells of: itself, unless it says otherwise."""
        source = self.source(source_id)
        return source if source.accounts_of is None else self.source(source.accounts_of)

    def ledger(self, wanted: str) -> Ledger:
        """Give the ledger of an id."""
        return _find(self.ledgers, wanted, "ledger")

    def reconciliation(self, wanted: str) -> Reconciliation:
        """Give the reconciliation of an id."""
        return _find(self.reconciliations, wanted, "reconciliation")


class _Named(Protocol):
    @property
    def id(self) -> str: ...


_Thing = TypeVar("_Thing", bound=_Named)


def _find(things: tuple[_Thing, ...], wanted: str, what: str) -> _Thing:
    for thing in things:
        if thing.id == wanted:
            return thing
    message = f"expected a declared {what}, got {wanted!r}; tieout.toml declares {_listed(things)}"
    raise WrongUse(message)


def _listed(things: tuple[_Thing, ...], most: int = 10) -> str:
    names = [repr(thing.id) for thing in things[:most]]
    return ", ".join(names) + (", ..." if len(things) > most else "") if names else "none"
