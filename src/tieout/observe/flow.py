"""
Where the money is: every charge of a period, followed line by line until the bank and the books.

A platform's line counts by what became of its settlement: not paid out yet, paid out and on its way, found at the
bank, found in the books too, or unexplained. The parts add up to what was charged, exactly:

    charged = refunds and disputes + fees + other + on its way + at the bank + unexplained + not compared

Amounts of one currency; nothing is converted.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tieout.model.kinds import KINDS
from tieout.observe.results import positions_relation, prepare_results
from tieout.observe.snapshot import take_snapshot
from tieout.observe.writing import literal
from tieout.store.engine import connect, prepare_macros
from tieout.store.views import current_records

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    import duckdb

    from tieout.observe.scope import Scope
    from tieout.store.workplace import Store

__all__ = ["MADE_OF", "PARTS", "Flow", "Line", "Lines", "Part", "Tied", "lines", "money", "reconciled"]

#: The parts that what was charged falls into, in the order in which they are shown.
PARTS = ("bank", "on_its_way", "not_compared", "refunds", "fees", "other", "unexplained")
_RETURNED = ("refund", "refund_reversal", "dispute", "dispute_reversal")
_COST = ("fee", "application_fee", "application_fee_refund", "dispute_fee", "bank_charge", "tax_withheld")
#: What ends a settlement, and is therefore not one of its lines.
_PAID_OUT = ("payout", "payout_reversal", "top_up")
_PLATFORM = tuple(name for name, kind in KINDS.items() if "settlement" in kind.claims)


PAGE_ROWS = 50


def _names(kinds: tuple[str, ...]) -> str:
    return ", ".join(literal(kind) for kind in kinds)


#: What each figure of the flow sums, of which lines. What is left of a line after its fees counts where its money is:
#: lines that are no charge lessen what arrives.
MADE_OF = {
    "charged": ("amount", "kind = 'charge'"),
    "refunds": ("-amount", f"kind in ({_names(_RETURNED)})"),
    "fees": (
        f"case when kind in ({_names(_COST)}) then cost - amount else cost end",
        f"(cost <> 0 or kind in ({_names(_COST)}))",
    ),
    "other": ("-amount", f"kind not in ({_names(('charge', *_RETURNED, *_COST))})"),
    **{place: ("net", f"place = '{place}'") for place in ("bank", "on_its_way", "not_compared", "unexplained")},
    "books": ("net", "place = 'bank' and in_books"),
}


@dataclass(frozen=True, slots=True)
class Part:
    """
    One part of the flow.

    :ivar amount: minor units.
    :ivar count: lines of platforms; for what reached the bank, payouts.
    """

    amount: int = 0
    count: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """
    One line of a platform, with what it adds to the figure that was asked for.

    :ivar record_id: hexadecimal.
    """

    record_id: str
    kind: str
    account_id: str | None
    settlement_id: str | None
    external_id: str | None
    counterparty: str | None
    booked_on: dt.date | None
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """
    A page of the lines that a figure is made of.

    :ivar kinds: all of them, by kind; they add up to the figure.
    """

    exponent: int
    kinds: dict[str, Part]
    rows: list[Line]

    @property
    def total(self) -> Part:
        """The figure."""
        parts = self.kinds.values()
        return Part(sum(part.amount for part in parts), sum(part.count for part in parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """
    What was charged, and what became of it.

    :ivar parts: by the names of :data:`PARTS`; they add up to ``charged``.
    :ivar books: of what is at the bank, what was found in the books.
    """

    currency: str
    exponent: int
    charged: Part
    parts: dict[str, Part]
    books: Part

    @property
    def residual(self) -> int:
        """What the parts leave over: 0, always."""
        return self.charged.amount - sum(part.amount for part in self.parts.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Tied:
    """
    How much of what was compared is explained, both sides of every reconciliation, minor units without sign.

    :ivar reconciliation: None: all of them.
    :ivar matched: used up by matches.
    :ivar on_its_way: not matched, and not late.
    :ivar open: neither matched nor on its way.
    """

    currency: str
    exponent: int
    reconciliation: str | None = None
    matched: int = 0
    on_its_way: int = 0
    open: int = 0
    runs: int = 0

    @property
    def compared(self) -> int:
        """Everything that a run looked at."""
        return self.matched + self.on_its_way + self.open

    @property
    def hundredths(self) -> int | None:
        """What is explained, in hundredths of a percent, never rounded up; None before anything was compared."""
        return (self.matched + self.on_its_way) * 10_000 // self.compared if self.compared else None


def money(store: Store, scope: Scope) -> tuple[Flow, Tied, dt.date | None]:
    """
    Follow the money of one currency.

    :return: the flow, how much of it ties, and the last day that the facts speak of.
    """
    with _opened(store, scope) as view:
        return _flow(view), _tied(view, None), view.latest


def reconciled(store: Store, scope: Scope) -> list[Tied]:
    """Say of each reconciliation how much of it is explained, the least first."""
    with _opened(store, scope) as view:
        query = "select distinct reconciliation from position order by 1"
        names = [name for (name,) in view.con.execute(query).fetchall()]
        found = [_tied(view, name) for name in names]
    return sorted(found, key=lambda row: (row.hundredths or 0, row.reconciliation or ""))


def lines(store: Store, scope: Scope, part: str, number: int = 1) -> Lines:
    """
    List what a figure of the flow is the sum of, a page at a time, the largest first.

    :param part: one of :data:`MADE_OF`; ``number``: of the page, from 1.
    """
    measure, condition = MADE_OF[part]
    with _opened(store, scope) as view:
        _follow(view)
        rows = view.con.execute(f"""
            select record_id, kind, account_id, settlement_id, external_id, counterparty, booked_on, ({measure})::varchar
            from followed where {condition} order by abs({measure}) desc, record_id
            limit {PAGE_ROWS} offset {(number - 1) * PAGE_ROWS}
        """).fetchall()
        sums = view.con.execute(
            f"select kind, sum({measure})::varchar, count(*) from followed where {condition} group by 1 order by 1"
        ).fetchall()
    kinds = {kind: Part(int(amount), int(count)) for kind, amount, count in sums}
    names = ("kind", "account_id", "settlement_id", "external_id", "counterparty", "booked_on")
    listed = [
        Line(record_id=bytes(row[0]).hex(), amount=int(row[-1]), **dict(zip(names, row[1:-1], strict=True)))
        for row in rows
    ]
    return Lines(exponent=view.exponent, kinds=kinds, rows=listed)


@dataclass(frozen=True, slots=True)
class _View:
    """The records of a scope, loaded."""

    con: duckdb.DuckDBPyConnection
    scope: Scope
    exponent: int
    runs: int
    latest: dt.date | None


@contextmanager
def _opened(store: Store, scope: Scope) -> Iterator[_View]:
    """Make the tables ``line`` (records of the scope), ``matched`` (what matches use up) and ``position``."""
    snapshot = take_snapshot(store, known_at=scope.known_at)
    lake, files = store.lake, snapshot.files
    records = current_records(lake, files["records"], files["superseded"])
    conditions = [f"currency = {literal(scope.currency)}", "status = 'booked'", "amount is not null"]
    conditions += [f"entity_id = {literal(scope.entity)}"] if scope.entity else []
    conditions += [f"booked_on <= date {literal(scope.as_of.isoformat())}"] if scope.as_of else []
    store.spill.mkdir(parents=True, exist_ok=True)
    with closing(connect(store.spill)) as con:
        prepare_macros(con)
        prepare_results(con, lake, snapshot, ("matches", "positions"))
        con.execute(f"""
            create temp table line as select record_id, record_key, kind, account_id, settlement_id, booked_on, amount,
                external_id, counterparty, coalesce(fee, 0) + coalesce(fee_tax, 0) as cost,
                coalesce(exponent, own_exponent(currency)) as exponent, {_within(scope)} as within
            from {records} where {" and ".join(conditions)}
        """)
        own = "semi join line l on l.record_key = x.record_key and l.record_id = x.record_id"
        con.execute(f"""
            create temp table matched as select x.match_id, x.record_id, x.claim
            from result_matches x {own} where x.status = 'confirmed'
        """)
        con.execute(f"""
            create temp table position as select x.record_id, x.reconciliation, x.claim, x.state, x.amount,
                coalesce(x.exponent, own_exponent(x.currency)) as exponent
            from {positions_relation(lake, snapshot)} x {own}
        """)
        digits = "select coalesce(max(exponent), own_exponent(?)) from (from line select exponent union all from position select exponent)"
        exponent = int(con.execute(digits, [scope.currency]).fetchall()[0][0])
        yield _View(con, scope, exponent, len(snapshot.results.runs), snapshot.latest)


def _within(scope: Scope) -> str:
    """Write whether a line is of the period."""
    first = f"booked_on >= date {literal(scope.first.isoformat())}" if scope.first else "true"
    last = f"booked_on <= date {literal(scope.last.isoformat())}" if scope.last else "true"
    return f"({first} and {last})"


def _follow(view: _View) -> None:
    """Make the table ``followed``: every line of a platform in the period, and the place where its money is."""
    view.con.execute(f"""
        create temp table settlement as
        with found as (  -- matches that have a line of the bank, and whether that line stands in the books too
            select match_id, bool_or(record_id in (select record_id from matched where claim = 'booking')) as booked
            from matched where claim = 'bank' group by match_id
        ), settled as (select record_id, bool_or(booked) as booked from matched join found using (match_id)
            where claim = 'settlement' group by record_id
        )
        select l.account_id, l.settlement_id, count(*) filter (where l.kind in ({_names(_PAID_OUT)})) as payouts,
            bool_or(s.record_id is not null) as at_bank, coalesce(bool_or(s.booked), false) as in_books,
            bool_or(p.state = 'exception') as unexplained
        from line l left join settled s on s.record_id = l.record_id
        left join (select distinct record_id, state from position where claim = 'settlement' and state = 'exception') p
            on p.record_id = l.record_id
        where l.settlement_id is not null and l.kind in ({_names(_PLATFORM)}) group by all
    """)
    compared = "true" if view.runs else "s.payouts is null or s.payouts = 0"
    digits = f"power_of_ten({view.exponent} - l.exponent)"
    view.con.execute(f"""
        create temp table followed as
        select l.kind, l.amount::hugeint * {digits} as amount, l.cost::hugeint * {digits} as cost,
            (l.amount - l.cost)::hugeint * {digits} as net, l.record_id, l.account_id, l.settlement_id, l.external_id,
            l.counterparty, l.booked_on, coalesce(s.in_books, false) as in_books,
            case when s.at_bank then 'bank' when s.unexplained then 'unexplained' when {compared} then 'on_its_way'
                else 'not_compared' end as place
        from line l left join settlement s on s.account_id = l.account_id and s.settlement_id = l.settlement_id
        where l.within and l.kind in ({_names(_PLATFORM)}) and l.kind not in ({_names(_PAID_OUT)})
    """)


def _flow(view: _View) -> Flow:
    _follow(view)
    found = {part: _one(view.con, *MADE_OF[part]) for part in MADE_OF}
    payouts = "select count(*) from (select distinct account_id, settlement_id from followed where place = 'bank')"
    count = int(view.con.execute(payouts).fetchall()[0][0])
    parts = {name: found[name] for name in PARTS} | {"bank": Part(found["bank"].amount, count)}
    return Flow(
        currency=view.scope.currency,
        exponent=view.exponent,
        charged=found["charged"],
        parts=parts,
        books=found["books"],
    )


def _one(con: duckdb.DuckDBPyConnection, measure: str, condition: str) -> Part:
    query = f"select coalesce(sum({measure}), 0)::varchar, count(*) from followed where {condition}"
    amount, count = con.execute(query).fetchall()[0]
    return Part(int(amount), int(count))


def _tied(view: _View, reconciliation: str | None) -> Tied:
    con, scaled = view.con, f"::hugeint * power_of_ten({view.exponent} - exponent)"
    within = "record_id in (select record_id from line where within)"
    if reconciliation is not None:
        within += f" and reconciliation = {literal(reconciliation)}"
    sums = con.execute(f"""
        select case when state in ('matched', 'provisional') then 'matched'
            when state in ('in_transit', 'on_account') then 'on_its_way' else 'open' end,
            sum(abs(amount{scaled}))::varchar
        from position where {within} and state <> 'excluded' group by 1
    """).fetchall()
    found = {name: int(amount) for name, amount in sums}
    return Tied(
        currency=view.scope.currency,
        exponent=view.exponent,
        reconciliation=reconciliation,
        matched=found.get("matched", 0),
        on_its_way=found.get("on_its_way", 0),
        open=found.get("open", 0),
        runs=view.runs,
    )
