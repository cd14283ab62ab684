"""
How much of what was compared is explained, and the records that each of these figures is the sum of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tieout.observe.exporting.writing import literal
from tieout.observe.money.money_view import PAGE_ROWS, money_view

if TYPE_CHECKING:
    import datetime as dt

    from tieout.observe.money.money_view import MoneyView
    from tieout.observe.scope import Scope
    from tieout.store.workplace import Store

__all__ = ["PARTS", "Compared", "ComparedRecord", "Tied", "compared", "reconciled", "tied_of"]

#: What everything that was compared falls into.
PARTS = ("matched", "waiting", "open")
_PART = """case when state in ('matched', 'provisional') then 'matched'
    when state in ('in_transit', 'on_account') then 'waiting' else 'open' end"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tied:
    """
    How much of what was compared is explained, both sides of every reconciliation, minor units without sign.

    :ivar reconciliation: None: all of them.
    :ivar matched: used up by matches.
    :ivar waiting: not matched, and not late: expected to arrive later, held back, or kept on account.
    :ivar open: neither matched nor waiting.
    """

    currency: str
    exponent: int
    reconciliation: str | None = None
    matched: int = 0
    waiting: int = 0
    open: int = 0
    runs: int = 0

    @property
    def compared(self) -> int:
        """Everything that a run looked at."""
        return self.matched + self.waiting + self.open

    @property
    def hundredths(self) -> int | None:
        """What is explained, in hundredths of a percent, never rounded up; None before anything was compared."""
        return (self.matched + self.waiting) * 10_000 // self.compared if self.compared else None


@dataclass(frozen=True, slots=True)
class ComparedRecord:
    """
    What one record adds to a figure, without sign.

    :ivar record_id: hexadecimal. ``state``: where that part of it stands.
    """

    record_id: str
    kind: str
    account_id: str | None
    external_id: str | None
    counterparty: str | None
    booked_on: dt.date | None
    reconciliation: str
    state: str
    amount: int


@dataclass(frozen=True, slots=True)
class Compared:
    """
    A page of the records that a figure is the sum of, and the whole sum.

    :ivar states: {state: (records, amount)}; they add up to the figure.
    """

    exponent: int
    states: dict[str, tuple[int, int]]
    rows: list[ComparedRecord]

    @property
    def count(self) -> int:
        """How many positions there are."""
        return sum(count for count, _ in self.states.values())

    @property
    def amount(self) -> int:
        """The figure."""
        return sum(amount for _, amount in self.states.values())


def reconciled(store: Store, scope: Scope) -> list[Tied]:
    """Say of each reconciliation how much of it is explained, the least first."""
    with money_view(store, scope) as view:
        query = "select distinct reconciliation from position order by 1"
        names = [name for (name,) in view.con.execute(query).fetchall()]
        found = [tied_of(view, name) for name in names]
    return sorted(found, key=lambda row: (row.hundredths or 0, row.reconciliation or ""))


def compared(
    store: Store, scope: Scope, reconciliation: str | None, part: str | None, number: int = 1, state: str | None = None
) -> Compared:
    """
    List what a figure is the sum of, a page at a time, the largest first.

    :param reconciliation: None: all of them. ``part``: one of :data:`PARTS`; None: everything that was compared.
        ``state``: only what stands there; None: anywhere.
    """
    condition = _within(reconciliation) + (f" and {_PART} = {literal(part)}" if part else "")
    condition += f" and state = {literal(state)}" if state else ""
    with money_view(store, scope) as view:
        size = f"abs(amount::hugeint * power_of_ten({view.exponent} - exponent))"
        sums = view.con.execute(
            f"select state, count(*), sum({size})::varchar from position where {condition} group by 1 order by 1"
        ).fetchall()
        rows = view.con.execute(f"""
            select lower(hex(p.record_id)), l.kind, l.account_id, l.external_id, l.counterparty, l.booked_on,
                p.reconciliation, p.state, p.size::varchar
            from (select *, {size} as size from position where {condition}) p join line l on l.record_id = p.record_id
            order by p.size desc, p.record_id, p.reconciliation, p.state
            limit {PAGE_ROWS} offset {(number - 1) * PAGE_ROWS}
        """).fetchall()
    states = {state: (int(count), int(amount)) for state, count, amount in sums}
    names = ("record_id", "kind", "account_id", "external_id", "counterparty", "booked_on", "reconciliation", "state")
    listed = [ComparedRecord(amount=int(row[-1]), **dict(zip(names, row[:-1], strict=True))) for row in rows]
    return Compared(view.exponent, states, listed)


def _within(reconciliation: str | None) -> str:
    """Write which positions count: of the period, of one reconciliation or of all, and not left out by a rule."""
    within = "state <> 'excluded' and record_id in (select record_id from line where within)"
    return within if reconciliation is None else f"{within} and reconciliation = {literal(reconciliation)}"


def tied_of(view: MoneyView, reconciliation: str | None = None) -> Tied:
    """Sum what was compared, of one reconciliation or of all."""
    con, scaled = view.con, f"::hugeint * power_of_ten({view.exponent} - exponent)"
    sums = con.execute(f"""
        select {_PART}, sum(abs(amount{scaled}))::varchar
        from position where {_within(reconciliation)} group by 1
    """).fetchall()
    found = {name: int(amount) for name, amount in sums}
    return Tied(
        currency=view.scope.currency,
        exponent=view.exponent,
        reconciliation=reconciliation,
        matched=found.get("matched", 0),
        waiting=found.get("waiting", 0),
        open=found.get("open", 0),
        runs=view.runs,
    )
