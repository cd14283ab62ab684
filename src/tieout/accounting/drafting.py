"""
Matched facts become balanced draft journals, all at once.

``draft_journals`` is a pure function of what it is handed: records, matches, adjustments, rates and postings. What
decides how a piece of a fact is booked (its *shape*: entity, account, kind, what it was matched with, ...) takes few
values, so postings are chosen in plain Python, once per shape; SQL does the arithmetic for every piece.

A journal that cannot be completed (no account, no rate, no posting) is not drafted: it becomes a finding that says
what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa

from tieout.accounting._carrying import CARRIED
from tieout.accounting._converting import carry_conversions
from tieout.accounting._elsewhere import is_unheld
from tieout.accounting._findings import FINDINGS, findings
from tieout.accounting._lines import lines, refuse_unvalued
from tieout.accounting._matches import MATCHES
from tieout.accounting._pieces import ONLY_IN_SHAPES, SHAPE, pieces, shape_of
from tieout.accounting._plans import Chart, plan_of
from tieout.accounting._returning import carry_back
from tieout.accounting.daily_rates import rate_of
from tieout.accounting.periods import LedgerPeriod, period_of
from tieout.accounting.proving import prove_balanced
from tieout.errors import Broken
from tieout.model.money import exponent_of, exponents
from tieout.store.tables import RESULTS

if TYPE_CHECKING:
    import duckdb

    from tieout.accounting._elsewhere import Compared
    from tieout.accounting.postings import Postings
    from tieout.config import Workspace
    from tieout.config.rates import Rates

__all__ = ["FINDINGS", "JournalDrafts", "draft_journals"]


@dataclass(frozen=True, slots=True)
class JournalDrafts:
    """
    What came of it.

    :ivar relation: the name of the relation of draft journals in the connection, one row per line, in total order
        (entity, day, journal, line), with the columns of ``RESULTS["journals"]``. It holds until the next call.
    :ivar findings: rows of :data:`FINDINGS`, sorted: journals that could not be drafted.
    :ivar counts: ``journals`` and ``lines`` drafted, ``refused`` journals and matches, pieces left to the ``erp``, those of
        them that nothing holds against its records (``unheld``), records that
        are ``waiting`` for a match (entries of a bank that nothing explains yet).
    """

    relation: str
    findings: pa.Table
    counts: dict[str, int] = field(default_factory=dict)

    def table(self, con: duckdb.DuckDBPyConnection) -> pa.Table:
        """Give the drafts as a table of the lake's types."""
        return con.sql(f"select * from {self.relation}").to_arrow_table().cast(RESULTS["journals"])


def draft_journals(
    con: duckdb.DuckDBPyConnection,
    postings: Postings,
    workspace: Workspace,
    rates: Rates,
    *,
    periods: Sequence[LedgerPeriod] = (),
    compared: Sequence[Compared] | None = None,
) -> JournalDrafts:
    """
    Draft the journals of every booked record that moved money, and of every confirmed match.

    :param con: has the relations ``records`` (current ones, the lake's schema), ``matches`` and ``adjustments`` (that
        stand, the lake's schemas), and may have ``outcomes`` (record_id, outcome
        ``won`` or ``lost``, decided_on) of disputes and ``reversals`` (record_id, dispute). Temporary tables ``draft_*`` are made in it.
    :param postings: what fits what (``reading.read_postings``).
    :param workspace: its entities (who books which leg), accounts (which ledger account each is) and ledgers.
    :param rates: of the workspace (``config.rates``).
    :param periods: of ledgers whose periods are their ERP's.
    :param compared: the sides of reconciliations that hold records against what an ERP booked; None: it is not asked.
    :raises Broken: a journal does not balance, or is rounded by more than half a minor unit per line: never a matter
        of facts, always of our own.
    """
    _books(con, workspace)
    asks = any("method" in posting.when for posting in postings.postings)
    outcomes = _has_rows(con, "outcomes")
    for statement in MATCHES:
        con.execute(statement)
    _rates(con, rates, workspace.base_currency, outcomes=outcomes)
    for statement in CARRIED:
        con.execute(statement)
    for statement in pieces(methods=asks, outcomes=outcomes, reversals=_has_rows(con, "reversals")):
        con.execute(statement)
    carry_back(con)
    carry_conversions(con)
    waiting, erp, unheld = _plan(con, postings, workspace, compared)
    _periods(con, workspace, periods)
    refuse_unvalued(con)
    lines(con)
    prove_balanced(con, "draft_journal")
    counts = _counts(con) | {"waiting": waiting, "erp": erp} | ({} if compared is None else {"unheld": unheld})
    return JournalDrafts("draft_journal", findings(con), counts)


def _has_rows(con: duckdb.DuckDBPyConnection, name: str) -> bool:
    found = con.execute("select count(*) from information_schema.tables where table_name = ?", [name]).fetchall()
    return bool(found[0][0]) and bool(con.execute(f"select count(*) from {name}").fetchall()[0][0])


def _books(con: duckdb.DuckDBPyConnection, workspace: Workspace) -> None:
    """Make ``draft_books``: each entity's ledger and currency. An entity without a ledger books into one of its name."""
    ledgers = {ledger.entity: ledger.id for ledger in reversed(workspace.ledgers)}
    rows = [(e.id, ledgers.get(e.id, e.id), e.currency, exponent_of(e.currency)) for e in workspace.entities]
    text = pa.string()
    _take(con, "draft_books", ("entity_id", "ledger", "currency", "exponent"), (text, text, text, pa.int32()), rows)
    decimals = list(exponents().items())
    _take(con, "draft_currency", ("currency", "exponent"), (text, pa.int32()), decimals)


def _rates(con: duckdb.DuckDBPyConnection, rates: Rates, pivot: str, *, outcomes: bool) -> None:
    """
    Make ``draft_rate``: how to turn an amount of a currency, day and exponent into the books' currency, exactly.

    An amount is worth amount * multiplier / divisor. Amounts of the books' own currency with other decimals have a row
    without a day.
    """
    decided = (
        "union select r.entity_id, r.currency, o.decided_on from outcomes o join records r using (record_id)"
        if outcomes
        else ""
    )
    asked = con.execute(f"""
        select distinct a.entity_id, a.currency, a.day, b.currency, b.exponent from (
            select entity_id, currency, booked_on as day from records
            union select y.entity_id, m.counter_currency, y.booked_on from draft_match m
                join draft_money y on y.match_id = m.match_id and y.record_id = m.completed_by where m.crossed
            {decided}
        ) a join draft_books b using (entity_id) where a.day is not null
    """).fetchall()
    finest = con.execute("""
        select distinct currency, exponent from records union select currency, exponent from matches
        union select currency, exponent from adjustments
    """).fetchall()
    decimals: dict[str, list[int]] = {}
    for currency, exponent in finest:
        decimals.setdefault(currency, []).append(exponent)
    rows: list[tuple[object, ...]] = []
    for entity, currency, day, base, base_exponent in asked:
        found = rate_of(rates, currency, base, day, pivot) if currency != base else None
        if found is not None:
            said = (day, found.text, found.day)
            each = decimals[currency]
            rows += [(entity, currency, e, *said, *_multiple(found.fraction, e, base_exponent)) for e in each]
    books = con.execute("select entity_id, currency, exponent from draft_books").fetchall()
    for entity, currency, base_exponent in books:
        others = [e for e in decimals.get(currency, ()) if e != base_exponent]
        rows += [(entity, currency, e, None, None, None, *_multiple((1, 1), e, base_exponent)) for e in others]
    names = ("entity_id", "currency", "exponent", "day", "rate", "rate_on", "multiplier", "divisor")
    wide = pa.decimal128(38, 0)
    kinds = (pa.string(), pa.string(), pa.int32(), pa.date32(), pa.string(), pa.date32(), wide, wide)
    _take(
        con,
        "draft_rate",
        names,
        kinds,
        rows,
        "* replace (multiplier::hugeint as multiplier, divisor::hugeint as divisor)",
    )


def _multiple(fraction: tuple[int, int], exponent: int, base_exponent: int) -> tuple[Decimal, Decimal]:
    """Turn a rate of major units into one of minor units."""
    up, down = 10 ** max(base_exponent - exponent, 0), 10 ** max(exponent - base_exponent, 0)
    return Decimal(fraction[0] * up), Decimal(fraction[1] * down)


def _take(
    con: duckdb.DuckDBPyConnection,
    name: str,
    columns: Sequence[str],
    kinds: Sequence[pa.DataType],
    rows: Sequence[tuple[object, ...]],
    select: str = "*",
) -> None:
    """Make a temporary table of rows that Python made."""
    values = list(zip(*rows, strict=True)) or [()] * len(columns)
    arrays = [pa.array(value, kind) for value, kind in zip(values, kinds, strict=True)]
    con.register("draft_given", pa.Table.from_arrays(arrays, names=list(columns)))
    con.execute(f"create or replace temp table {name} as select {select} from draft_given")
    con.unregister("draft_given")


def _plan(
    con: duckdb.DuckDBPyConnection, postings: Postings, workspace: Workspace, compared: Sequence[Compared] | None
) -> tuple[int, int, int]:
    """
    Choose a posting for every shape: ``draft_plan`` (lines), ``draft_shape`` (all, with what came of it).

    And ``draft_unheld`` (shape, leg): what is left to the ERP and looked for by nothing.

    :return: how many pieces wait, are left to the ERP, and are left to it unheld.
    """
    found = con.execute(f"select shape, {shape_of()}, count(*) from draft_piece group by all").fetchall()
    if len({row[0] for row in found}) != len(found):
        message = "expected different shapes to have different hashes, got two alike"
        raise Broken(message)
    for column in ONLY_IN_SHAPES:  # gives their memory back, of which there is little
        con.execute(f"alter table draft_piece drop column {column}")
    books = {row[0]: row[1:] for row in con.execute("select * from draft_books").fetchall()}
    chart = Chart(postings, workspace)
    planned, shapes, lacking, unheld = [], [], [], []
    waiting = erp = alone = 0
    for shape, *values, count in found:
        plan = plan_of(dict(zip(SHAPE, values, strict=True)), chart)
        waiting += count if plan.state == "waiting" else 0
        erp += count if plan.state == "erp" else 0
        if compared is not None and is_unheld(dict(zip(SHAPE, values, strict=True)), plan, compared):
            unheld.append((shape, plan.leg))
            alone += count
        lacking += [(shape, *lacks) for lacks in plan.lacking]
        shapes.append((shape, plan.state, plan.reason, plan.note, plan.posting, plan.books_fee))
        book = books.get(values[0])
        planned += [(shape, place, *line, plan.posting, *(book or ())) for place, line in enumerate(plan.lines, 1)]
    text, flag, small = pa.string(), pa.bool_(), pa.int32()
    said = ("shape", "state", "reason", "note", "posting", "books_fee")
    _take(con, "draft_shape", said, (pa.uint64(), text, text, text, text, flag), shapes)
    _take(con, "draft_unheld", ("shape", "leg"), (pa.uint64(), text), unheld)
    _take(con, "draft_lacks", ("shape", "name", "account_id"), (pa.uint64(), text, text), lacking)
    measures = ("c_amount", "c_fee", "c_fee_tax", "c_tax")
    columns = (
        "shape",
        "place",
        "name",
        "account",
        "account_id",
        "side",
        *measures,
        "clears",
        "carries",
        "tax_code",
        "dimensions",
        "posting",
        "ledger",
        "base_currency",
        "base_exponent",
    )
    kinds = (pa.uint64(), small, text, text, text, *[pa.int64()] * 5, flag, flag)
    _take(con, "draft_plan", columns, (*kinds, *[text] * 5, small), planned)
    if any(plan[5] for plan in shapes):
        con.execute("""
            delete from draft_piece where event = 'fee' and record_id in (
                select p.record_id from draft_piece p join draft_shape s using (shape) where p.whole and s.books_fee)
        """)
    _refuse(con)
    _named(con, chart, workspace)
    return waiting, erp, alone


def _refuse(con: duckdb.DuckDBPyConnection) -> None:
    """
    Make ``draft_refused``: journals with a piece that nobody can book, the reason of the first of its pieces.

    Without a note, something that many journals wait for is missing: ``draft_lacking`` (journal_id, entity_id, currency,
    name, account_id): the names that have no ledger account; ``draft_unrated`` (journal_id, entity_id, currency, day,
    named): the days without a rate, and whose they are.
    """
    con.execute("""
        create or replace temp table draft_lacking as
        select p.journal_id, p.entity_id, p.currency, l.name, l.account_id
        from draft_piece p join draft_lacks l using (shape)
    """)
    con.execute("""
        create or replace temp table draft_refused as
        select p.journal_id, min(s.reason) as reason, min(s.note) as note
        from draft_piece p join draft_shape s using (shape) where s.state = 'refused' group by p.journal_id
    """)
    con.execute("""
        create or replace temp table draft_unrated as
        select p.journal_id, p.entity_id, p.currency, d.booked_on as day,
            coalesce(d.external_id, lower(hex(d.record_id))) as named
        from draft_piece p join records d on d.record_id = p.unvalued
        where p.journal_id not in (select journal_id from draft_refused)
    """)
    con.execute("insert into draft_refused select distinct journal_id, 'master_data', null from draft_unrated")


def _named(con: duckdb.DuckDBPyConnection, chart: Chart, workspace: Workspace) -> None:
    """Make ``draft_named``: where differences of rates and of rounding go, per entity and currency."""
    currencies = [row[0] for row in con.execute("select distinct currency from draft_piece").fetchall()]
    rows: list[tuple[object, ...]] = [
        (entity.id, currency, name, chart.postings.account(name, entity.id, currency), entity.books["fx"] == "tieout")
        for entity in workspace.entities
        for currency in currencies
        for name in ("fx_gain", "fx_loss", "rounding")
    ]
    text = pa.string()
    columns = ("entity_id", "currency", "name", "account", "books_fx")
    _take(con, "draft_named", columns, (text, text, text, text, pa.bool_()), rows)


def _periods(con: duckdb.DuckDBPyConnection, workspace: Workspace, own: Sequence[LedgerPeriod]) -> None:
    """
    Make ``draft_period``: the period of every ledger and day; a day without one refuses its journals.

    ``draft_undated`` (journal_id, entity_id, ledger, day, named): those, and whose day it is.
    """
    ledgers = {ledger.id: ledger for ledger in workspace.ledgers}
    days = con.execute(
        "select distinct b.ledger, p.posting_date from draft_piece p join draft_books b using (entity_id)"
    )
    rows = []
    for name, day in days.fetchall():
        kind = ledgers[name].periods if name in ledgers else "monthly"
        rows.append((name, day, period_of(kind, day, [period for period in own if period.ledger == name])))
    _take(con, "draft_period", ("of_ledger", "day", "period"), (pa.string(), pa.date32(), pa.string()), rows)
    con.execute("""
        create or replace temp table draft_undated as
        select p.journal_id, p.entity_id, b.ledger, d.day, coalesce(p.external_id, lower(hex(p.record_id))) as named
        from draft_piece p join draft_books b using (entity_id)
            join draft_period d on d.of_ledger = b.ledger and d.day = p.posting_date
        where d.period is null and p.journal_id not in (select journal_id from draft_refused)
    """)
    con.execute("insert into draft_refused select distinct journal_id, 'master_data', null from draft_undated")


def _counts(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    journals, rows = con.execute("select count(distinct journal_id), count(*) from draft_journal").fetchall()[0]
    refused = con.execute("""
        select (select count(*) from draft_refused) + (select count(*) from draft_match where problem is not null)
    """).fetchall()[0][0]
    return {"journals": journals, "lines": rows, "refused": refused}
