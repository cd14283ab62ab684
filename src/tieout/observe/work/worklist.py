"""
The work list: everything that needs a person, filtered, sorted and a page at a time, from indexed rows of the book.

A page is found by its first row, not by counting the rows before it, so that the thousandth page costs what the
first one does. Rows without a value come last where the largest come first.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tieout.observe.snapshot import EPOCH, day_of, moment_of
from tieout.store import schema
from tieout.store.workplace import moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tieout.store.book import Book

__all__ = [
    "PAGE_ROWS",
    "SORTS",
    "STATES",
    "Cursor",
    "Item",
    "Page",
    "ReasonTotal",
    "Total",
    "Wanted",
    "by_reason",
    "choices",
    "item",
    "items",
    "open_records",
    "page",
    "total",
    "version",
]

STATES = ("open", "assigned", "resolved")
PAGE_ROWS = 50
#: What the list can be sorted by, and the column behind it.
SORTS = {"value": "weight", "booked": "booked_day"}
#: More rows than this are not looked up one by one.
ITEMS_MAX = 500
#: The filters that a person chooses from what there is.
_CHOSEN = ("reconciliation", "source_id", "account_id", "entity_id", "currency")
#: So many different mixtures of them are looked at.
_CHOICES_MAX = 10_000
_WIDE = "ix_worklist_filter"
_ORDERED = {"weight": "ix_worklist_weight", "booked_day": "ix_worklist_booked"}
#: Of so many wanted rows a page is looked for among so many rows behind its place; fewer are found as quickly by
#: reading the whole list.
_MANY, _NEAR_ROWS = 4_000, 1_000
_LIST = schema.worklist


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """
    Which items: what is None does not narrow.

    :ivar text: part of an identifier or of a name, in any case.
    :ivar first, last: days on which the item was booked.
    :ivar known_at: items that came up later are left out; what was decided since cannot be taken back here.
    """

    state: str = "open"
    reason: str | None = None
    reconciliation: str | None = None
    source_id: str | None = None
    account_id: str | None = None
    entity_id: str | None = None
    currency: str | None = None
    text: str | None = None
    first: dt.date | None = None
    last: dt.date | None = None
    known_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """
    A place in the list: behind an item, or (``backwards``) before it.

    :ivar value: the item's weight or day, as stored.
    """

    value: int | None
    exception_id: str
    backwards: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """
    One thing that needs a person.

    :ivar weight: its value in minor units of the base currency, without sign.
    :ivar candidates: the nearest answers and why they were not taken.
    :ivar place: what the list was sorted by, for a cursor.
    """

    exception_id: str
    state: str
    reason: str
    reconciliation: str | None
    run_id: str | None
    source_id: str | None
    entity_id: str | None
    account_id: str | None
    record_id: str | None
    external_id: str | None
    kind: str | None
    amount: int | None
    currency: str | None
    exponent: int | None
    weight: int | None
    booked_on: dt.date | None
    due_on: dt.date | None
    counterparty: str | None
    settlement_id: str | None
    opened_at: dt.datetime
    assignee: str | None
    note: str
    candidates: list[dict[str, Any]]
    place: int | None = None

    def age_days(self, as_of: dt.date | None) -> int | None:
        """Count the days since it was booked, else since it came up."""
        since = self.booked_on or self.opened_at.date()
        return None if as_of is None else max(0, (as_of - since).days)


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of the list, and whether there are more on either side."""

    rows: list[Item]
    more_before: bool
    more_behind: bool


@dataclass(frozen=True, slots=True)
class Total:
    """How many items, and what they are worth in minor units of the base currency."""

    count: int
    weight: int


@dataclass(frozen=True, slots=True)
class ReasonTotal:
    """The items of one reason."""

    reason: str
    count: int
    weight: int
    oldest: dt.date | None


def version(book: Book) -> tuple[int, int, int]:
    """Tell states of the results apart: (changes of the facts, runs, changes of this list)."""
    head, run = schema.head, schema.run
    heads = sa.select(head.c.name, head.c.version).where(head.c.name.in_(("facts", "worklist")))
    with book.reading() as connection:
        found = {row.name: row.version for row in connection.execute(heads)}
        runs = connection.scalar(sa.select(sa.func.max(run.c.sequence)))
    return found.get("facts", 0), runs or 0, found.get("worklist", 0)


def page(
    book: Book,
    wanted: Wanted,
    sort: str = "value",
    *,
    descending: bool = True,
    cursor: Cursor | None = None,
    count: int = 0,
) -> Page:
    """
    Give the rows behind a place (or before it), at most :data:`PAGE_ROWS`.

    :param sort: one of :data:`SORTS`.
    :param count: how many are known to be wanted: of many, a page is found without reading all.
    """
    column = _LIST.c[SORTS[sort]]
    backwards = cursor is not None and cursor.backwards
    falling = descending != backwards
    tries: list[Iterable[sa.Select[Any]]]
    if _is_narrow(wanted):
        tries = [_by_parts(wanted, column, cursor, falling=falling)]
    else:
        near = [[_near(wanted, column, cursor, falling=falling)]] if count >= _MANY else []
        tries = [*near, [_at_once(wanted, column, cursor, falling=falling)]]
    found: list[tuple[str, int | None]] = []
    with book.reading() as connection:
        for queries in tries:
            if len(found) <= PAGE_ROWS:
                found = _first(connection, queries)
        more, found = len(found) > PAGE_ROWS, found[:PAGE_ROWS]
        if backwards:
            found.reverse()
        read = _items(connection, dict(found))
    behind, before = (cursor is not None, more) if backwards else (more, cursor is not None)
    return Page([read[exception_id] for exception_id, _ in found if exception_id in read], before, behind)


def _first(connection: sa.Connection, queries: Iterable[sa.Select[Any]]) -> list[tuple[str, int | None]]:
    """Ask one after the other until there is one row more than a page holds: its id, and what the list is sorted by."""
    found: list[tuple[str, int | None]] = []
    for query in queries:
        rows = connection.execute(query.limit(PAGE_ROWS + 1 - len(found)))
        found += [(row.exception_id, row[0]) for row in rows]
        if len(found) > PAGE_ROWS:
            break
    return found


def _by_parts(
    wanted: Wanted, column: sa.Column[Any], cursor: Cursor | None, *, falling: bool, columns: Sequence[Any] = ()
) -> Iterator[sa.Select[Any]]:
    """
    Ask for rows with a value and rows without, in their order: each is one stretch of a narrow index.

    :param columns: more columns to give.
    """
    parts = [True, False] if falling else [False, True]
    if cursor is not None:
        parts = parts[parts.index(cursor.value is not None) :]
    for valued in parts:
        query = _narrowed(wanted, column, _LIST.c.exception_id, *columns)
        query = query.where(column.is_not(None) if valued else column.is_(None))
        if cursor is not None and valued == (cursor.value is not None):
            query = query.where(_behind(column, cursor, falling=falling))
        order = [column, _LIST.c.exception_id] if valued else [_LIST.c.exception_id]
        yield query.order_by(*(c.desc() if falling else c.asc() for c in order))


def _near(wanted: Wanted, column: sa.Column[Any], cursor: Cursor | None, *, falling: bool) -> sa.Select[Any]:
    """Ask for what fits among the next rows of the stretch that a place is in; what it finds is in order and whole."""
    others = [_LIST.c[name] for name in schema.WORKLIST_FILTERED if name not in {column.name, "exception_id"}]
    stretch = next(_by_parts(Wanted(state=wanted.state), column, cursor, falling=falling, columns=others))
    stretch = stretch.with_hint(_LIST, f"INDEXED BY {_ORDERED[column.name]}", "sqlite")
    near = stretch.limit(_NEAR_ROWS).subquery("near")
    query = sa.select(near.c[column.name], near.c.exception_id).where(*_conditions(wanted, near))
    return query.order_by(*(c.desc() if falling else c.asc() for c in (near.c[column.name], near.c.exception_id)))


def _at_once(wanted: Wanted, column: sa.Column[Any], cursor: Cursor | None, *, falling: bool) -> sa.Select[Any]:
    """Ask for both kinds of row in one reading of the wide index, which is sorted afterwards."""
    query = _narrowed(wanted, column, _LIST.c.exception_id)
    if cursor is not None:
        other = column.is_(None) if falling else column.is_not(None)
        crosses = (cursor.value is not None) == falling
        behind = _behind(column, cursor, falling=falling)
        query = query.where(sa.or_(behind, other) if crosses else behind)
    if falling:
        return query.order_by(column.desc().nulls_last(), _LIST.c.exception_id.desc())
    return query.order_by(column.asc().nulls_first(), _LIST.c.exception_id.asc())


def _behind(column: sa.Column[Any], cursor: Cursor, *, falling: bool) -> sa.ColumnElement[bool]:
    """Say what is behind a place, among the rows that have a value as it has, or have none as it has none."""
    if cursor.value is not None:
        left, right = sa.tuple_(column, _LIST.c.exception_id), sa.tuple_(cursor.value, cursor.exception_id)
        return left < right if falling else left > right
    own = _LIST.c.exception_id
    return sa.and_(column.is_(None), own < cursor.exception_id if falling else own > cursor.exception_id)


def total(book: Book, wanted: Wanted) -> Total:
    """Count and sum what a filter leaves."""
    query = _narrowed(wanted, sa.func.count(), sa.func.sum(_LIST.c.weight), wide=True)
    with book.reading() as connection:
        count, weight = connection.execute(query).one()
    return Total(count, int(weight or 0))


def by_reason(book: Book, wanted: Wanted) -> list[ReasonTotal]:
    """Count and sum by reason, the most valuable first."""
    columns = (_LIST.c.reason, sa.func.count(), sa.func.sum(_LIST.c.weight), sa.func.min(_LIST.c.booked_day))
    query = _narrowed(wanted, *columns, wide=True).group_by(_LIST.c.reason)
    with book.reading() as connection:
        rows = connection.execute(query).all()
    found = [ReasonTotal(reason, count, int(weight or 0), day_of(day)) for reason, count, weight, day in rows]
    return sorted(found, key=lambda row: (-row.weight, -row.count, row.reason))


def choices(book: Book, state: str = "open", most: int = 200) -> dict[str, list[str]]:
    """List what there is to filter by: the values of each column that occur."""
    names = ("reason", *_CHOSEN)
    found: dict[str, set[str]] = {name: set() for name in names}
    columns = [_LIST.c[name] for name in names]
    query = _narrowed(Wanted(state=state), *columns, wide=True).distinct().limit(_CHOICES_MAX)
    with book.reading() as connection:
        for row in connection.execute(query):
            for name, value in zip(names, row, strict=True):
                if value is not None:
                    found[name].add(value)
    return {name: sorted(values)[:most] for name, values in found.items()}


def item(book: Book, exception_id: str) -> Item | None:
    """Give one item by its id."""
    return items(book, [exception_id]).get(exception_id)


def items(book: Book, exception_ids: list[str]) -> dict[str, Item]:
    """Give some items by their ids, at most :data:`ITEMS_MAX`."""
    with book.reading() as connection:
        return _items(connection, dict.fromkeys(exception_ids[:ITEMS_MAX]))


def open_records(book: Book, record_ids: list[str]) -> list[Item]:
    """Give the items about some records, also those that were resolved."""
    query = sa.select(_LIST.c.exception_id).where(_LIST.c.record_id.in_(record_ids[:ITEMS_MAX])).limit(ITEMS_MAX)
    with book.reading() as connection:
        ids = list(connection.scalars(query))
        return list(_items(connection, dict.fromkeys(ids)).values())


def _is_narrow(wanted: Wanted) -> bool:
    """Whether the indexes by state and reason alone answer this."""
    return wanted == Wanted(state=wanted.state, reason=wanted.reason)


def _narrowed(wanted: Wanted, *columns: Any, wide: bool = False) -> sa.Select[Any]:
    """Write the filter; what no narrow index answers is read from the wide one, which holds every column it needs."""
    query = sa.select(*columns).where(*_conditions(wanted, _LIST))
    if not wide and _is_narrow(wanted):
        return query
    # SQLite keeps no statistics by itself and must be told; PostgreSQL knows.
    return query.with_hint(_LIST, f"INDEXED BY {_WIDE}", "sqlite")


def _conditions(wanted: Wanted, listed: sa.FromClause) -> list[sa.ColumnElement[bool]]:
    """Say what is wanted of the columns of the list, or of a part of it."""
    conditions: list[sa.ColumnElement[bool]] = [listed.c.state == wanted.state]
    conditions += [listed.c[n] == v for n in ("reason", *_CHOSEN) if (v := getattr(wanted, n)) is not None]
    day = listed.c.booked_day
    # what has no day is of no period, and must not fall out of every one
    if wanted.first is not None:
        conditions.append(sa.or_(day >= (wanted.first - EPOCH).days, day.is_(None)))
    if wanted.last is not None:
        conditions.append(sa.or_(day <= (wanted.last - EPOCH).days, day.is_(None)))
    if wanted.known_at is not None:
        conditions.append(listed.c.opened_at <= moment(wanted.known_at))
    if wanted.text:
        conditions.append(_contains(listed.c.found_by, wanted.text))
    return conditions


def _contains(found_by: sa.ColumnElement[str], text: str) -> sa.ColumnElement[bool]:
    """Find a part in any case; databases fold ASCII alone, so that other letters are tried in both cases."""
    small = text.strip().lower()
    mixed = "".join(sign if sign.isascii() else sign.upper() for sign in small)
    if small == mixed:
        return found_by.contains(small, autoescape=True)
    either = sa.or_(found_by.contains(small, autoescape=True), found_by.contains(mixed, autoescape=True))
    if len(small) != len(mixed):  # a letter that is two when it is large
        return either
    # Asked first, whatever stands in these places: most rows are spared the other two questions.
    outline = "".join(f"/{sign}" if sign in "%_/" else sign if sign.isascii() else "_" for sign in small)
    return sa.and_(found_by.like(f"%{outline}%", escape="/"), either)


def _items(connection: sa.Connection, places: dict[str, int | None]) -> dict[str, Item]:
    rows = connection.execute(
        sa.select(*schema.stored_columns(_LIST)).where(_LIST.c.exception_id.in_(list(places)))
    ).mappings()
    return {row["exception_id"]: _item(row, places[row["exception_id"]]) for row in rows}


def _item(row: sa.RowMapping, place: int | None) -> Item:
    named = {name: row[name] for name in Item.__dataclass_fields__ if name in row}
    opened = moment_of(row["opened_at"])
    assert opened is not None  # noqa: S101 - the column holds no null
    named |= {"booked_on": day_of(row["booked_day"]), "due_on": day_of(row["due_day"]), "opened_at": opened}
    return Item(**named | {"candidates": _read(row["candidates"]), "place": place})


def _read(text: str) -> list[dict[str, Any]]:
    found = json.loads(text or "[]")
    return [entry if isinstance(entry, dict) else {"why": str(entry)} for entry in found]
