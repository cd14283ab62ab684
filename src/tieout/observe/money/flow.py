"""
Where the money is: every charge of a period, followed line by line until the bank and the books.

A platform's line counts by what became of its settlement: not paid out yet, paid out and on its way, found at the
bank, found in the books too, or unexplained. What a payout brought to the bank and its lines do not say, or the other
way round, is a line of its own, so that "at the bank" is what came there. The parts add up to what was charged, exactly:

    charged = refunds and disputes + fees + other + on its way + at the bank + unexplained + not compared

Amounts of one currency; nothing is converted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tieout.model.kinds import KINDS, PAID_OUT
from tieout.observe.exporting.writing import literal
from tieout.observe.money.money_view import PAGE_ROWS, money_view
from tieout.observe.money.tying import tied_of

if TYPE_CHECKING:
    import datetime as dt

    import duckdb

    from tieout.observe.money.money_view import MoneyView
    from tieout.observe.money.tying import Tied
    from tieout.observe.scope import Scope
    from tieout.store.workplace import Store

__all__ = ["MADE_OF", "PARTS", "Flow", "Line", "Lines", "Part", "lines", "money"]

#: The parts that what was charged falls into, in the order in which they are shown.
PARTS = ("bank", "on_its_way", "not_compared", "refunds", "fees", "other", "unexplained")
_RETURNED = ("refund", "refund_reversal", "dispute", "dispute_reversal")
_COST = ("fee", "application_fee", "application_fee_refund", "dispute_fee", "bank_charge", "tax_withheld")
#: Reasons of differences that are costs.
_CHARGED = ("fee", "fee_tax", "bank_charge")
_PLATFORM = tuple(name for name, kind in KINDS.items() if "settlement" in kind.claims)


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
    "other": ("-amount", f"kind not in ({_names(('charge', *_RETURNED, *_COST, *PAID_OUT))})"),
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
    :ivar compared: whether any run compared something with the books.
    """

    currency: str
    exponent: int
    charged: Part
    parts: dict[str, Part]
    books: Part
    compared: bool = True

    @property
    def residual(self) -> int:
        """What the parts leave over: 0, always."""
        return self.charged.amount - sum(part.amount for part in self.parts.values())


def money(store: Store, scope: Scope) -> tuple[Flow, Tied, dt.date | None]:
    """
    Follow the money of one currency.

    :return: the flow, how much of it ties, and the last day that the facts speak of.
    """
    with money_view(store, scope) as view:
        return _flow(view), tied_of(view), view.latest


def lines(store: Store, scope: Scope, part: str, number: int = 1, kind: str | None = None) -> Lines:
    """
    List what a figure of the flow is the sum of, a page at a time, the largest first.

    :param part: one of :data:`MADE_OF`; ``number``: of the page, from 1; ``kind``: only lines of that kind.
    """
    measure, condition = MADE_OF[part]
    condition = condition if kind is None else f"({condition}) and kind = {literal(kind)}"
    with money_view(store, scope) as view:
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


def _follow(view: MoneyView) -> None:
    """Make the table ``followed``: every line of a platform in the period, and the place where its money is."""
    digits = f"power_of_ten({view.exponent} - {{}}.exponent)"
    away = f"l.kind in ({_names(PAID_OUT)})"
    view.con.execute(f"""
        create temp table brought as
        with found as (  -- matches that have a line of the bank, and whether that line stands in the books too
            select match_id, bool_or(record_id in (select record_id from matched where claim = 'booking')) as booked
            from matched where claim = 'bank' group by match_id
        )
        select m.match_id, m.claim, m.record_id, f.booked, m.allocated::hugeint * {digits.format("m")}
            * case when m.claim = 'settlement' and {away} then -1 else 1 end as came
        from matched m join found f using (match_id) join line l using (record_id) where m.claim in ('bank', 'settlement')
    """)
    view.con.execute(f"""
        create temp table settlement as
        with settled as (
            select record_id, bool_or(booked) as booked, sum(came) as came from brought where claim = 'settlement' group by 1
        )
        select l.account_id, coalesce(l.settlement_id, l.external_id) as settlement_id, count(*) filter (where {away}) as payouts,
            bool_or(s.record_id is not null) as at_bank, coalesce(bool_or(s.booked), false) as in_books,
            bool_or(p.state = 'exception') as unexplained, count(*) filter (where not {away}) as lines,
            coalesce(sum((l.amount - l.cost)::hugeint * {digits.format("l")}) filter (where not {away}), 0) as earned,
            coalesce(-sum((l.amount - l.cost)::hugeint * {digits.format("l")}) filter (where {away}), 0) as paid,
            coalesce(sum(s.came), 0) as came, arg_max(l.record_id, ({away}, l.booked_on, l.record_id)) as record_id
        from line l left join settled s on s.record_id = l.record_id
        left join (select distinct record_id, state from position where claim = 'settlement' and state = 'exception') p
            on p.record_id = l.record_id
        where (l.settlement_id is not null or {away}) and l.kind in ({_names(_PLATFORM)}) group by 1, 2
    """)
    compared = "true" if view.runs else "s.payouts is null or s.payouts = 0"
    view.con.execute(f"""
        create temp table followed as
        select l.kind, l.amount::hugeint * {digits.format("l")} as amount, l.cost::hugeint * {digits.format("l")} as cost,
            (l.amount - l.cost)::hugeint * {digits.format("l")} as net, l.record_id, l.account_id, l.settlement_id, l.external_id,
            l.counterparty, l.booked_on, coalesce(s.in_books, false) as in_books,
            case when s.at_bank then 'bank' when s.unexplained then 'unexplained' when {compared} then 'on_its_way'
                else 'not_compared' end as place
        from line l left join settlement s on s.account_id = l.account_id and s.settlement_id = l.settlement_id
        where l.within and l.kind in ({_names(_PLATFORM)}) and not {away}
    """)
    view.con.execute(f"""
        insert into followed
        with rest as ({_REST})
        select r.kind, r.amount, 0, r.net, r.record_id, l.account_id, l.settlement_id, l.external_id, l.counterparty,
            l.booked_on, r.in_books, r.place
        from rest r join line l using (record_id) where l.within and r.net <> 0
    """)


#: What is at the bank of a settlement beside its lines, and where it is missing: what its lines say and no payout paid is
#: unexplained, what was paid and has not come is on its way, and a payout that names no lines took from those that none
#: has. What a match explains between the two is a cost, or moved.
_REST = f"""
    select 'payout' as kind, 0 as amount, came - earned as net, record_id, in_books, 'bank' as place from settlement where at_bank
    union all
    select 'payout', 0, earned - paid, record_id, in_books, case when lines > 0 then 'unexplained' else 'on_its_way' end
    from settlement where at_bank and payouts > 0
    union all
    select 'payout', 0, case when payouts > 0 then paid else earned end - came, record_id, in_books,
        case when unexplained and lines > 0 then 'unexplained' else 'on_its_way' end from settlement where at_bank
    union all
    select case when a.costs then 'bank_charge' else 'adjustment' end, m.less, m.less, m.record_id, m.booked, 'bank' from (
        select match_id, coalesce(sum(came) filter (where claim = 'bank'), 0) - sum(came) filter (where claim = 'settlement') as less,
            min(record_id) filter (where claim = 'settlement') as record_id, bool_or(booked) as booked
        from brought group by match_id having bool_or(claim = 'settlement')
    ) m left join (select match_id, bool_and(reason in ({_names(_CHARGED)})) as costs from result_adjustments group by 1) a
        using (match_id)
"""


def _flow(view: MoneyView) -> Flow:
    _follow(view)
    found = {part: _one(view.con, *MADE_OF[part]) for part in MADE_OF}
    payouts = "select count(*) from (select distinct account_id, coalesce(settlement_id, external_id) from followed where place = 'bank')"
    count = int(view.con.execute(payouts).fetchall()[0][0])
    parts = {name: found[name] for name in PARTS} | {"bank": Part(found["bank"].amount, count)}
    booking = (
        "select 1 from (select claim from matched union all select claim from position) where claim = 'booking' limit 1"
    )
    compared = bool(view.con.execute(booking).fetchall())
    return Flow(
        currency=view.scope.currency,
        exponent=view.exponent,
        charged=found["charged"],
        parts=parts,
        books=found["books"],
        compared=compared,
    )


def _one(con: duckdb.DuckDBPyConnection, measure: str, condition: str) -> Part:
    query = f"select coalesce(sum({measure}), 0)::varchar, count(*) from followed where {condition}"
    amount, count = con.execute(query).fetchall()[0]
    return Part(int(amount), int(count))
