"""
What a run found in the files of a simulated company, position by position, against the truth beside them.

A match is wrong if no single group of the truth explains all its records. A position is right if its state is the
expected one, or another that the truth names beside it. What is neither matched nor shown to anybody is gone.
"""

from __future__ import annotations

import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tieout.observe.exporting.exports import export
from tieout.store.engine import open_engine

if TYPE_CHECKING:
    import duckdb

    from tieout.config import Workspace
    from tieout.store.workplace import Store

__all__ = ["Judgement", "Miss", "WrongMatch", "judge"]

#: Where what is not matched must be shown.
_SHOWN = {"exception", "open", "in_transit", "on_account"}


@dataclass(frozen=True, slots=True)
class WrongMatch:
    """
    A confirmed match of records that do not belong together.

    :ivar records: source and identifier of each.
    :ivar groups: what the truth says of them.
    """

    reconciliation: str
    rule: str
    match_id: str
    records: tuple[str, ...]
    groups: tuple[str, ...]
    troubles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Miss:
    """
    Positions that are not what the truth expects, all alike.

    :ivar expected: the state, and the reason of an exception behind a colon.
    :ivar state: what it is instead, states joined by ``+``; ``none``: it is gone.
    :ivar also: what would have been right, too.
    """

    reconciliation: str
    claim: str
    trouble: str
    expected: str
    state: str
    also: str
    decidable: bool
    count: int
    example: str

    @property
    def is_shown(self) -> bool:
        """Whether somebody is told of it, wholly or in part."""
        return bool(_SHOWN & {state.split(":")[0] for state in self.state.split("+")})


@dataclass(frozen=True, slots=True)
class Judgement:
    """
    All positions of a company.

    :ivar unknown: positions whose record is not there at all.
    :ivar matches: confirmed ones.
    """

    positions: int
    right: int
    unknown: int
    matches: int
    wrong: tuple[WrongMatch, ...]
    misses: tuple[Miss, ...]

    @property
    def gone(self) -> tuple[Miss, ...]:
        """Give the misses that nobody is told of."""
        return tuple(miss for miss in self.misses if not miss.is_shown)


def judge(store: Store, workspace: Workspace, truth: Path) -> Judgement:
    """
    Compare what stands in a workspace with the truth about its files.

    :param truth: the folder that ``make_company`` wrote.
    """
    with tempfile.TemporaryDirectory() as scratch, closing(open_engine(store.spill)) as con:
        for name in ("records", "positions", "matches", "exceptions"):
            to = Path(scratch) / f"{name}.parquet"
            export(store, workspace, name, to)
            con.execute(f"create table {name} as select * from read_parquet('{to}')")
        _lay_truth(con, truth)
        positions, unknown = con.execute("select count(*), count(*) - count(record_id) from told").fetchall()[0]
        matches = con.execute("select count(distinct match_id) from matches where status = 'confirmed'").fetchall()[0][
            0
        ]
        misses = _misses(con)
        return Judgement(
            positions=positions, right=positions - sum(miss.count for miss in misses), unknown=unknown,
            matches=matches, wrong=_wrong(con), misses=misses,
        )  # fmt: skip


def _lay_truth(con: duckdb.DuckDBPyConnection, truth: Path) -> None:
    """
    Find the record of each position: ``told``, one to one, and ``fitting``, every record that looks like it.

    Records that look alike in everything that the truth tells are each other's equals: any of them may stand for any.
    """
    named = "case when external_id is null then 'in ' || coalesce(settlement_id, '') else 'id ' || external_id end"
    con.execute(f"""
        create table told_of as
        select *, row_number() over (partition by reconciliation, claim, source, named, kind, booked_on, amount, currency
            order by nth) as rank
        from (
            select *, row_number() over () as nth, {named} as named,
                case claim when 'settlement' then 'net' else 'gross' end as measure
            from read_parquet('{truth}/positions*.parquet')
        )
    """)
    con.execute(f"""
        create table seen as
        select *, row_number() over (partition by measure, source, named, kind, booked_on, amount, currency
            order by record_id) as rank
        from (
            select record_id, source_id as source, {named} as named, kind, booked_on, currency, measure,
                ((case measure when 'net' then coalesce(net, amount) else amount end) * power(10, own_exponent(currency)))::bigint as amount
            from records, (values ('net'), ('gross')) m(measure)
        )
    """)
    same = "measure, source, named, kind, booked_on, amount, currency"
    con.execute(f"create table told as select t.*, s.record_id from told_of t left join seen s using ({same}, rank)")
    con.execute(f"create table fitting as select t.*, s.record_id from told_of t join seen s using ({same})")


def _wrong(con: duckdb.DuckDBPyConnection) -> tuple[WrongMatch, ...]:
    """
    List the confirmed matches that no one group explains.

    A record of no group may be in any match if the truth says that matching it is not wrong.
    """
    con.execute("""
        create table part as
        select m.match_id, m.reconciliation, m.rule, m.record_id, m.claim,
            coalesce(m.source || ' ' || m.external_id, m.source || ' ' || m.record_id) as record,
            exists (select 1 from fitting f where f.record_id = m.record_id and f.claim = m.claim
                and f.group_id is null and contains(coalesce(f.also, ''), 'matched')) as is_free
        from matches m where m.status = 'confirmed'
    """)
    rows = con.execute("""
        with bound as (select match_id, count(distinct (record_id, claim)) as n from part where not is_free group by 1),
        shared as (
            select match_id, max(n) as n from (
                select p.match_id, f.group_id, count(distinct (p.record_id, p.claim)) as n
                from part p join fitting f using (record_id, claim)
                where not p.is_free and f.group_id is not null group by all
            ) group by 1
        )
        select p.reconciliation, p.rule, p.match_id, list(distinct p.record order by p.record),
            list(distinct coalesce(f.group_id, 'none') order by 1), list(distinct coalesce(f.trouble, 'unknown') order by 1)
        from bound b left join shared s using (match_id) join part p using (match_id)
            left join fitting f on f.record_id = p.record_id and f.claim = p.claim
        where b.n > coalesce(s.n, 0) group by 1, 2, 3 order by 1, 2, 3
    """).fetchall()
    return tuple(WrongMatch(*row[:3], *map(tuple, row[3:])) for row in rows)


def _misses(con: duckdb.DuckDBPyConnection) -> tuple[Miss, ...]:
    """List what is not as expected, alike ones together, the most frequent first."""
    con.execute("""
        create table state as
        select p.record_id, p.claim, case when p.state = 'provisional' then 'matched' when p.state = 'exception'
            then 'exception:' || coalesce(x.reason, '') else p.state end as state
        from positions p left join exceptions x on p.state = 'exception' and x.record_id = p.record_id
            and x.reconciliation = p.reconciliation
    """)
    rows = con.execute("""
        with found as (
            select t.*, coalesce(s.state, 'none') as state, case when t.expected = 'exception'
                then 'exception:' || t.reason else t.expected end as wanted
            from told t left join (
                select record_id, claim, string_agg(distinct state, '+' order by state) as state from state group by all
            ) s using (record_id, claim)
        )
        select reconciliation, claim, trouble, wanted, state, coalesce(also, ''), decidable, count(*),
            min(source || ' ' || coalesce(external_id, settlement_id, kind || ' of ' || booked_on))
        from found
        where state <> wanted and not list_contains(string_split(coalesce(also, ''), ';'), state)
            and not (state = 'matched+open' and wanted = 'matched' and allocated <> amount)
        group by all order by 8 desc, 1, 2, 3, 4, 5
    """).fetchall()
    return tuple(Miss(*row) for row in rows)
