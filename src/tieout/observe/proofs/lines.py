"""
What proofs are made from, laid out in the engine: the lines of the accounts and of their ledger accounts, the balances
that the outside reported, and what matches have paired of the two.

Whatever is summed has one currency and is first brought to one exponent; a line of another currency is never added.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tieout.model.kinds import KINDS, PAID_OUT
from tieout.observe.exporting.writing import literal
from tieout.observe.money.by_day import lay_arrivals, left_of_claim
from tieout.observe.results import prepare_results, run_exceptions
from tieout.store.views import current_records, table

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    import duckdb

    from tieout.observe.snapshot import Snapshot
    from tieout.store.lake import Lake

__all__ = [
    "ARRIVED",
    "HELD",
    "MOVING",
    "PROOF_NEEDS",
    "REPORTS",
    "SECOND",
    "Sides",
    "lay_items",
    "lay_lines",
    "named",
    "scaled",
]

#: What a snapshot must hold for proofs.
PROOF_NEEDS = ("matches", "adjustments", "positions", "exceptions")
#: Kinds that move the balance of the account that they stand in; a bank's details repeat their entry.
MOVING = (*(k.name for k in KINDS.values() if "settlement" in k.claims), "bank_entry", "journal_line")
#: What a platform holds back, and gives back.
HELD = ("reserve_hold", "reserve_release")
#: The second in which a line was booked, as SQL: a balance has no finer moment.
SECOND = "date_trunc('second', occurred_at)"
#: Balances that say what an account comes to; a platform's ``available`` does with what is ``pending`` beside it.
REPORTS = ("closing", "ledger", "available")
#: The movement of what the bank has of lines that no payout is reported for.
ARRIVED = "arrived at the bank"
#: Lines whose amount is the whole effect; of a platform's line it is what is left after its fee.
_GROSS = ("bank_entry", "journal_line")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """
    What is held against what.

    :ivar outside: the accounts that one ledger account stands for; ``ledger``: its ids in the facts.
    :ivar after: of each account the day of its opening, where one is declared.
    :ivar level: both sides opened on one day with the same amount: what is older differs in neither, such as the entry by
        which a ledger says its opening.
    :ivar compared: the tables of what has been paired of the two, and of what was looked for on the other side in vain.
    :ivar moved: the table of the lines of both.
    """

    outside: tuple[str, ...]
    ledger: tuple[str, ...]
    entity: str
    currency: str
    exponent: int
    as_of: dt.date
    after: dict[str, dt.date]
    level: bool = False
    compared: tuple[str, str] = ("paired", "left_open")
    moved: str = "moved"


def named(words: Iterable[str]) -> str:
    """Write texts as a SQL list."""
    return ", ".join(literal(word) for word in words) or "null"


def scaled(column: str, exponent: int) -> str:
    """Bring an amount to an exponent, exactly; its own stands in ``exponent`` beside it."""
    alias = column.rpartition(".")[0]
    own = f"{alias}.exponent" if alias else "exponent"
    return f"(nine({column}, {own}) // power_of_ten(9 - {exponent}))"


def lay_lines(con: duckdb.DuckDBPyConnection, lake: Lake, snapshot: Snapshot, accounts: Iterable[str]) -> None:
    """
    Make the tables ``moved``, ``reported``, ``undated``, ``paired`` and ``left_open`` for some accounts.

    :param accounts: also those of the ledger.
    """
    prepare_results(con, lake, snapshot, PROOF_NEEDS)
    files = snapshot.files
    chosen = f"account_id in ({named(accounts)})"
    net = "coalesce(net, amount - coalesce(fee, 0) - coalesce(fee_tax, 0))"
    con.execute(f"""
        create temp table moved as
        select account_id, entity_id, source_id, kind, currency, coalesce(exponent, own_exponent(currency)) as exponent,
            record_key, record_id, booked_on, occurred_at, amount, coalesce(fee, 0) as fee, coalesce(fee_tax, 0) as fee_tax,
            case when kind in ({named(_GROSS)}) then amount else {net} end as effect, external_id, settlement_id
        from {current_records(lake, files["records"], files["superseded"])}
        where status = 'booked' and amount is not null and booked_on is not null and kind in ({named(MOVING)}) and {chosen}
    """)
    # Beside a statement, what is available is counted by value date: it is no balance of what was booked.
    con.execute(f"""
        create temp table told_balance as
        select b.account_id, b.source_id, b.currency, coalesce(b.exponent, own_exponent(b.currency)) as exponent,
            case when b.kind in ('available', 'pending') and b.statement_id is not null then 'information' else b.kind end as kind,
            b.sub_account, b.booked_on, b.told_at, b.amount, b.statement_id, b.delivery_id, coalesce(d.sequence, 0) as sequence, b.line
        from {table(lake, "balances", files["balances"])} b left join book_deliveries d using (delivery_id)
        where b.{chosen} and b.amount is not null
    """)
    con.execute("create temp view reported as select * from told_balance where booked_on is not null")
    con.execute(f"""
        create temp table undated as
        select account_id, currency, source_id, count(*) as times from told_balance
        where booked_on is null and kind in ({named(REPORTS)}) group by all
    """)
    _mark_carried(con)
    _lay_arrived(con, lake, snapshot)
    con.execute("""
        create temp table paired as select match_id, side, record_key, record_id, allocated, currency, exponent,
            shortest(allocated, exponent, own_exponent(currency)) as needed
        from result_matches where claim = 'booking' and status = 'confirmed'
    """)
    con.execute(f"""
        create temp table left_open as
        with x as (select * from {run_exceptions(lake, snapshot)} where claim = 'booking')
        select p.record_key, p.record_id, any_value(x.exception_id) as exception_id, any_value(x.reason) as reason
        from result_positions p left join x on x.record_key = p.record_key and x.record_id = p.record_id
            and x.reconciliation = p.reconciliation  -- what a draft journal lacks is another matter
        where p.claim = 'booking' group by all
    """)


def _mark_carried(con: duckdb.DuckDBPyConnection) -> None:
    """
    Mark what one settlement carries over into the next one of the same account: it never leaves the platform.

    Only where the platform reports no balances: these lines are what it states instead. What is matched with a line of
    another account has left.
    """
    con.execute(f"""
        create temp table carried as
        with moves as (
            select record_key, record_id, account_id from moved where kind = 'balance_transfer' and settlement_id is not null
                and account_id not in (select account_id from reported where kind in ({named(REPORTS)}))
        ), away as (
            select m.record_key, m.record_id from result_matches m join result_matches o using (match_id)
            semi join moves v on v.record_key = m.record_key and v.record_id = m.record_id
            left join moves w on w.record_key = o.record_key and w.record_id = o.record_id
            where m.claim = 'transfer' and m.status = 'confirmed' and w.record_id is null
        )
        select record_key, record_id from moves anti join away using (record_key, record_id)
    """)
    con.execute("""
        create or replace temp table moved as select v.*, c.record_id is not null as carried
        from moved v left join carried c using (record_key, record_id)
    """)


def _lay_arrived(con: duckdb.DuckDBPyConnection, lake: Lake, snapshot: Snapshot) -> None:
    """
    Take out of a platform's account what the bank has of its lines, where no payout says so: it leaves on the bank's date.

    Of no record of its own, such a movement bears the name of its settlement. Once a payout is reported after all, it is
    the payout that left, and what the bank has is what arrived of it.
    """
    lay_arrivals(con, lake, snapshot)
    used = left_of_claim(lake, snapshot, "settlement", "select match_id from arrival where direct")
    con.execute(f"""
        insert into moved by name
        select account_id, entity_id, source_id, {literal(ARRIVED)} as kind, currency, needed as exponent, other_on as booked_on,
            null as occurred_at, -from_nine(came, needed) as amount, 0 as fee, 0 as fee_tax, amount as effect,
            settlement_id as external_id, settlement_id, false as carried
        from (
            select account_id, any_value(entity_id) as entity_id, any_value(source_id) as source_id, currency, other_on,
                settlement_id, sum(used) as came, decimals_for(came, max(exponent)) as needed
            from moved join {used} u using (record_key, record_id)
            where used <> 0 and not exists (
                select 1 from moved p where p.kind in ({named(PAID_OUT)}) and p.account_id = moved.account_id
                    and p.currency = moved.currency and p.settlement_id = moved.settlement_id and p.booked_on <= as_of_day())
            group by account_id, currency, settlement_id, other_on
        )
    """)


def lay_items(con: duckdb.DuckDBPyConnection, sides: Sides) -> None:
    """
    Make the table ``item``: everything by which the balances of both sides differ on a day.

    A match counts if all its lines were booked by that day; before, each is an item of its own. What is on the
    outside and not in the ledger stands on the ledger's side, and the other way round.
    """
    day, e = f"date '{sides.as_of}'", sides.exponent
    pairs, looked_for = sides.compared
    opened = " ".join(f"when {literal(name)} then date '{on}'" for name, on in sides.after.items())
    before = f"booked_on <= case account_id {opened} end" if opened else "false"
    con.execute(f"""
        create or replace temp table own as
        select *, {scaled("effect", e)} as measured, coalesce({before}, false) as before,
            case when account_id in ({named(sides.outside)}) then 'outside' else 'ledger' end as place
        from {sides.moved} where not carried and currency = {literal(sides.currency)} and (account_id in ({named(sides.outside)})
            or (account_id in ({named(sides.ledger)}) and entity_id = {literal(sides.entity)}))
    """)
    con.execute(f"""
        create or replace temp table meeting as
        select b.match_id, bool_and(coalesce(o.booked_on <= {day}, false)) as whole,
            bool_and(o.record_id is not null) as ours, max(b.side) filter (where o.place = 'outside') as outside_side,
            max(o.booked_on) filter (where o.place = 'ledger') as ledger_on,
            max(o.booked_on) filter (where o.place = 'outside') as outside_on,
            coalesce(sum({scaled("b.allocated", e)}) filter (where o.place = 'outside'), 0)
                - coalesce(sum({scaled("b.allocated", e)}) filter (where o.place = 'ledger'), 0) as apart
        from {pairs} b left join own o using (record_key, record_id)
        semi join (select match_id from {pairs} semi join own using (record_key, record_id)) mine on mine.match_id = b.match_id
        group by b.match_id
    """)
    con.execute(f"""
        create or replace temp table item as
        with taken as (
            select p.record_key, p.record_id,
                coalesce(sum({scaled("p.allocated", e)}) filter (where m.whole), 0) as used,
                min(m.match_id) filter (where not m.whole) as match_id, bool_and(m.ours) filter (where not m.whole) as ours,
                max(m.ledger_on) filter (where not m.whole) as ledger_on,
                max(m.outside_on) filter (where not m.whole) as outside_on
            from {pairs} p join meeting m using (match_id) group by all
        ), left_over as (
            select o.*, o.measured - coalesce(t.used, 0) as amount_left, t.match_id, t.ours, x.exception_id, x.reason,
                case o.place when 'outside' then t.ledger_on else t.outside_on end as other_on,
                t.record_id is not null or x.record_id is not null as compared
            from own o left join taken t using (record_key, record_id) left join {looked_for} x using (record_key, record_id)
            where o.booked_on <= {day} and o.measured <> coalesce(t.used, 0)
        )
        select case place when 'outside' then 'ledger' else 'outside' end as place, amount_left as amount,
            case when match_id is not null then 'timing' when exception_id is not null then 'exception'
                when compared then 'open' else 'not compared' end as state,
            case when match_id is not null and not ours then 'elsewhere' when match_id is null then reason end as reason,
            kind, lower(hex(record_id)) as record_id, external_id, booked_on, lower(hex(match_id)) as match_id,
            exception_id, other_on
        from left_over where not before or match_id is not null or (compared and not {sides.level})
        union all
        select 'ledger', a.amount, 'difference', a.reason, null, null, null, greatest(m.ledger_on, m.outside_on),
            lower(hex(m.match_id)), null, null
        from meeting m join ({_adjusted(e)}) a using (match_id) where m.whole and m.apart <> 0 and a.amount <> 0
    """)


def _adjusted(exponent: int) -> str:
    """
    Write the query for what the difference of each match is made of; what no adjustment explains is a rest.

    Adjustments say left - right; the proof asks what the ledger lacks of the outside.
    """
    said = f"{scaled('a.amount', exponent)} * case outside_side when 'left' then 1 else -1 end"
    return f"""
        select match_id, a.reason, {said} as amount from result_adjustments a join meeting using (match_id)
        union all
        select match_id, 'unexplained', apart - coalesce(sum(said), 0) from (
            select match_id, apart, {said} as said from meeting left join result_adjustments a using (match_id)
        ) group by match_id, apart
    """
