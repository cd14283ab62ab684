"""
Exporting: the facts as tables in a file, for people and for other programs.

What is exported is the state of one moment; amounts are decimal text with their own number of decimals (in Parquet
``decimal(38, 9)``), lists and objects are JSON.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tieout.accounting.periods import days_of_period
from tieout.errors import WrongUse
from tieout.observe.exporting.columns import Opened
from tieout.observe.exporting.exported import TABLES
from tieout.observe.exporting.writing import ending_of, literal, write_query
from tieout.observe.results import prepare_results
from tieout.observe.snapshot import take_snapshot
from tieout.store.engine import connect, open_engine
from tieout.store.tables import RESULTS
from tieout.store.views import table as lake_table

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    import duckdb

    from tieout.config import Workspace
    from tieout.observe.exporting.exported import Column, ExportedTable
    from tieout.observe.snapshot import Snapshot
    from tieout.store.workplace import Store

__all__ = [
    "Exported",
    "Filters",
    "View",
    "columns_of",
    "export",
    "opened",
    "period_days",
    "prepare",
    "rows_of",
    "table_named",
]

_PERIOD = re.compile(r"(\d{4})(?:-(\d{2}))?", re.ASCII)
_OF_WEEKS = re.compile(r"\d{4}-P\d{2}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """
    What part of a table to export; everything by default.

    :ivar period: a month (``2026-10``), a period of weeks as ledgers have it (``2026-P10``) or a year, by booking day.
    :ivar as_of: nothing that was booked later; ages are counted to this day.
    :ivar known_at: nothing that was learned later: neither facts nor runs.
    :ivar run: one run's results, as it said them; of matches with what became of them since.
    :ivar history: every version and state that ever was, with a column that says which stands.
    """

    entity: str | None = None
    account: str | None = None
    period: str | None = None
    as_of: dt.date | None = None
    known_at: dt.datetime | None = None
    run: str | None = None
    history: bool = False


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: which table, where to, how many rows, and the version of the facts that it shows."""

    table: str
    path: Path
    rows: int
    version: int


def table_named(name: str) -> ExportedTable:
    """
    Give the table of a name.

    :raises WrongUse: there is none; the message names those that there are.
    """
    if name not in TABLES:
        message = f"expected a table that can be exported ({', '.join(sorted(TABLES))}), got {name!r}"
        raise WrongUse(message)
    return TABLES[name]


def period_days(period: str, kinds: Collection[str] = ()) -> tuple[dt.date, dt.date]:
    """
    Give the first and the last day of a month, of a period of weeks or of a year.

    :param kinds: the periods that ledgers have (``4-4-5``, ...).
    :raises WrongUse: it is none of them, or ledgers do not agree which days it has.
    """
    if _OF_WEEKS.fullmatch(period):
        spans = {span for kind in kinds if (span := days_of_period(kind, period)) is not None}
        if len(spans) == 1:
            return spans.pop()
        named = "of which ledgers say different days" if spans else "which no ledger in tieout.toml has"
        message = f'expected a period of a ledger, got {period!r}, {named}: `periods = "4-4-5"` of a [[ledger]] says so'
        raise WrongUse(message)
    found = _PERIOD.fullmatch(period)
    year, month = (int(found[1]), int(found[2] or 0)) if found else (0, 0)
    if not found or year < 1 or (found[2] and not 1 <= month <= 12):
        message = f"expected a period such as 2026-10, 2026-P10 or 2026, got {period!r}"
        raise WrongUse(message)
    if not month:
        return dt.date(year, 1, 1), dt.date(year, 12, 31)
    return dt.date(year, month, 1), dt.date(year, month, calendar.monthrange(year, month)[1])


def columns_of(table: ExportedTable, *, history: bool = False) -> tuple[Column, ...]:
    """Give a table's columns; a history adds those that say what stands."""
    return (*table.columns, *(table.history if history else ()))


def export(
    store: Store,
    workspace: Workspace,
    name: str,
    to: Path,
    filters: Filters | None = None,
    progress: Callable[[int, int], None] = lambda _rows, _of: None,
) -> Exported:
    """
    Write a table of the facts to a file.

    :param to: ends in .csv, .parquet, .jsonl or .xlsx.
    :param progress: hears how many rows of a workbook are written, of how many; other files are written at once.
    :raises WrongUse: no such table, ending, entity, account, period or run; a filter that the table cannot have; more
        rows than a workbook holds.
    """
    ending_of(to)
    with opened(store, workspace, name, filters or Filters()) as view:
        rows = write_query(view.con, view.columns, view.relation, view.table.order, to, progress)
    return Exported(name, to, rows, view.snapshot.version)


@dataclass(frozen=True, slots=True)
class View:
    """
    A table, filtered, ready to be read.

    :ivar relation: what stands behind ``from``, with alias ``t`` and its conditions.
    """

    con: duckdb.DuckDBPyConnection
    table: ExportedTable
    columns: tuple[Column, ...]
    relation: str
    snapshot: Snapshot


@contextmanager
def opened(store: Store, workspace: Workspace, name: str, filters: Filters) -> Iterator[View]:
    """
    Open a table of the facts as they stand.

    :raises WrongUse: as :func:`export`.
    """
    table = table_named(name)
    _check(table, workspace, filters)
    snapshot = _snapshot(store, workspace, table, filters)
    whole = table.past and (filters.history or filters.run is not None)
    store.spill.mkdir(parents=True, exist_ok=True)
    # What a table makes ready may be a function, and no function is temporary: then in an engine of its own.
    begin = connect if table.ready is None else open_engine
    with closing(begin(store.spill)) as con:
        prepare(con, snapshot, filters.as_of)
        prepare_results(con, store.lake, snapshot, [n for n in table.needs if n in RESULTS], past=whole)
        if filters.account is not None:
            _check_account(con, store, workspace, snapshot, filters.account)
        if table.ready is not None:
            day = filters.as_of or snapshot.latest or dt.date(1970, 1, 1)
            table.ready(
                Opened(
                    con=con,
                    store=store,
                    workspace=workspace,
                    snapshot=snapshot,
                    as_of=day,
                    known_at=filters.known_at,
                    open_end=filters.as_of is None,
                )
            )
        relation = f"{table.relation(store.lake, snapshot)} t{_conditions(table, filters, snapshot, workspace)}"
        yield View(con, table, columns_of(table, history=filters.history or whole), relation, snapshot)


def _snapshot(store: Store, workspace: Workspace, table: ExportedTable, filters: Filters) -> Snapshot:
    """Read the book: as it is, or for what only the last run says as it was after the run that is asked for."""
    after = None if table.past else filters.run
    snapshot = take_snapshot(
        store, workspace, wanted=table.needs, history=filters.history, known_at=filters.known_at, run=after
    )
    if filters.run is not None and filters.run not in snapshot.results.runs:
        take_snapshot(store, workspace, known_at=filters.known_at, run=filters.run)  # says which runs there are
    return snapshot


def rows_of(
    store: Store, workspace: Workspace, name: str, columns: tuple[str, ...], condition: str
) -> list[tuple[Any, ...]]:
    """
    Read some columns of all rows of a table that meet a condition (SQL over the alias ``t``, of our own making).
    """
    with opened(store, workspace, name, Filters()) as view:
        wanted = ", ".join(f't."{column}"' for column in columns)
        return view.con.execute(f"select {wanted} from {view.relation} where {condition}").fetchall()


def prepare(con: duckdb.DuckDBPyConnection, snapshot: Snapshot, as_of: dt.date | None = None) -> None:
    """Give a connection what the relations of exported tables build on."""
    con.register("book_deliveries", snapshot.deliveries)
    con.register("book_statements", snapshot.statements)
    con.register("book_exceptions", snapshot.exceptions)
    con.register("book_settled", snapshot.settled)
    day = as_of or snapshot.latest or dt.date(1970, 1, 1)
    con.execute(f"create temp macro as_of_day() as date '{day}'")


def _check(table: ExportedTable, workspace: Workspace, filters: Filters) -> None:
    """Refuse what cannot be asked of a table, before anything is read."""
    if filters.run is not None and not table.run:
        message = (
            f"expected a run whose results {table.name} shows, got {filters.run!r}: {table.name} are facts of no run"
        )
        raise WrongUse(message)
    if filters.entity is not None:
        workspace.entity(filters.entity)
    asked = {"--account": (filters.account, table.account), "--period": (filters.period, table.day)}
    for option, (wanted, column) in asked.items():
        if wanted is not None and not column:
            message = f"expected no {option} for the table {table.name}, which has no such column; got {wanted!r}"
            raise WrongUse(message)
    if filters.period is not None:
        period_days(filters.period, _kinds(workspace))


def _kinds(workspace: Workspace) -> set[str]:
    """Give the kinds of periods that ledgers have."""
    return {ledger.periods for ledger in workspace.ledgers}


def _check_account(
    con: duckdb.DuckDBPyConnection, store: Store, workspace: Workspace, snapshot: Snapshot, account: str
) -> None:
    """
    Refuse an account that neither tieout.toml nor the facts know: an empty file would look like an answer.
    """
    if any(declared.id == account for declared in workspace.accounts):
        return
    parts = [
        f"select distinct account_id from {lake_table(store.lake, name, snapshot.files[name])}"
        for name in ("records", "balances")
    ]
    known = sorted({row[0] for row in con.execute(" union ".join(parts)).fetchall()})
    if account not in known:
        listed = ", ".join(known[:10]) + (", ..." if len(known) > 10 else "") or "none yet"
        message = f"expected an account of this workspace, got {account!r}; the facts have {listed}"
        raise WrongUse(message)


def _conditions(table: ExportedTable, filters: Filters, snapshot: Snapshot, workspace: Workspace) -> str:
    """Write the filters as SQL."""
    conditions = []
    if filters.entity is not None:
        conditions.append(f"{table.entity} = {literal(filters.entity)}")
    if filters.account is not None:
        conditions.append(f"{table.account} = {literal(filters.account)}")
    if filters.period is not None:
        first, last = period_days(filters.period, _kinds(workspace))
        conditions.append(f"{table.day} between date '{first}' and date '{last}'")
    if filters.run is not None:
        run = literal(filters.run)
        took = table.past and snapshot.results.runs[filters.run]["kind"] == "undo"
        conditions.append(f"({table.run} = {run} or t.ended_in = {run})" if took else f"{table.run} = {run}")
    elif filters.history and table.past:
        conditions.append("t.state <> 'found_again'")  # the later run has it
    if filters.as_of is not None and table.day:
        conditions.append(f"{table.day} <= date '{filters.as_of}'")
    return f" where {' and '.join(conditions)}" if conditions else ""
