"""
What was brought together, against the truth: how much of it is right, and how much of what could be found was found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from tieout.store.runs import results_at, standing_matches
from tieout.store.views import table
from tieout.store.workplace import files_at

if TYPE_CHECKING:
    from pathlib import Path

    from tieout.store.workplace import Store

__all__ = ["Quality", "found_by_peer", "found_by_us", "judged"]

_MEMORY = "4GB"
#: Documents from here on differ by more than a rule may allow (``pairs.HOW``).
_TOO_FAR = 6


@dataclass(frozen=True, slots=True)
class Quality:
    """
    How good the pairs of one reconciliation are.

    :ivar expected: pairs that can be found: none with a large difference, and none of a document that came twice, which
        is nobody's to choose.
    :ivar decidable: of those, the ones that the files tell from every other (``bench.pairs``); None: the truth does not say.
    :ivar right: of what was found; ``hit``: of what was expected; ``decided``: of what is decidable.
    :ivar rules: rule -> (pairs, right ones).
    :ivar missed: what the missed ones are (``pairs.HOW``, or of bank lines how they name their payout) -> how many.
    """

    expected: int
    decidable: int | None
    found: int
    right: int
    hit: int
    decided: int
    rules: dict[str, tuple[int, int]]
    missed: dict[str, int]

    @property
    def precision(self) -> float | None:
        """Of what was found, how much is right."""
        return self.right / self.found if self.found else None

    @property
    def recall(self) -> float | None:
        """Of what could be found, how much was found."""
        return self.hit / self.expected if self.expected else None

    @property
    def recall_decidable(self) -> float | None:
        """Of what is decidable, how much was found."""
        return self.decided / self.decidable if self.decidable else None


def _opened(spill: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 2, "memory_limit": _MEMORY, "temp_directory": str(spill)})


def found_by_us(store: Store) -> duckdb.DuckDBPyConnection:
    """Lay out what stands in a workspace: ``items`` (doc, txn, rule) and ``payouts`` (payout, line, rule)."""
    with store.book.reading() as connection:
        records = files_at(connection, ("records",))["records"]
        results = results_at(connection)
    con = _opened(store.spill)
    con.execute(f"""
        create table part as
        select m.reconciliation, m.match_id, m.rule, r.source_id, r.external_id, r.settlement_id
        from {standing_matches(con, store.lake, results)} m
        join {table(store.lake, "records", records)} r using (record_key, record_id, version) where m.status = 'confirmed'
    """)
    con.execute("""
        create view items as select a.external_id as doc, b.external_id as txn, a.rule
        from part a join part b using (match_id)
        where a.reconciliation = 'items' and a.source_id = 'erp' and b.source_id = 'psp'
    """)
    con.execute("""
        create view payouts as select a.settlement_id as payout, b.external_id as line, a.rule
        from (select distinct match_id, settlement_id, rule from part where reconciliation = 'payouts' and source_id = 'psp') a
            join part b using (match_id) where b.source_id = 'bank'
    """)
    return con


def found_by_peer(into: Path) -> duckdb.DuckDBPyConnection:
    """Lay out what a peer wrote: ``items`` (doc, txn, rule) and ``payouts`` (payout, line, rule)."""
    con = _opened(into)
    for name in ("items", "payouts"):
        con.execute(f"create view {name} as select * from read_parquet('{into}/{name}.parquet')")
    return con


def judged(con: duckdb.DuckDBPyConnection, data: Path) -> dict[str, Quality]:
    """Compare ``items`` and ``payouts`` of a connection with the truth of a folder of pairs."""
    pairs, payouts = (_truth(con, data / f"{name}.parquet") for name in ("truth_pe", "truth_pb"))
    return {
        "items": _quality(
            con,
            "select doc as a, txn as b, rule from items",
            f"select doc_no as a, txn_id as b, how, decidable,"
            f" not dup and how < {_TOO_FAR} and count(*) over (partition by txn_id) = 1 as expected from {pairs}",
        ),
        "payouts": _quality(
            con,
            "select payout as a, line as b, rule from payouts",
            "select payout_id as a, line_id as b, how + case when parts > 1 then 100 else 0 end as how, decidable,"
            f" true as expected from {payouts}",
        ),
    }


def _truth(con: duckdb.DuckDBPyConnection, file: Path) -> str:
    """Name the relation of a truth, with ``decidable`` (null) where it does not say."""
    says = any(row[0] == "decidable" for row in con.execute(f"describe from read_parquet('{file}')").fetchall())
    return f"(select *{'' if says else ', null::boolean as decidable'} from read_parquet('{file}'))"


def _quality(con: duckdb.DuckDBPyConnection, found: str, truth: str) -> Quality:
    con.execute(f"create or replace temp table found as {found}")
    con.execute(f"create or replace temp table truth as {truth}")
    rules = con.execute("""
        select rule, count(*), count(t.a) from found f left join truth t on t.a = f.a and t.b = f.b group by 1 order by 2 desc, 1
    """).fetchall()
    missed = con.execute("""
        select how, count(*), count(*) filter (where decidable) from truth t anti join found f on t.a = f.a and t.b = f.b
        where expected group by 1 order by 1
    """).fetchall()
    expected, decidable, says = con.execute(
        "select count(*), count(*) filter (where decidable), count(decidable) from truth where expected"
    ).fetchall()[0]
    return Quality(
        expected=expected,
        decidable=decidable if says else None,
        found=sum(n for _, n, _ in rules),
        right=sum(n for _, _, n in rules),
        hit=expected - sum(n for _, n, _ in missed),
        decided=decidable - sum(n for _, _, n in missed),
        rules={rule: (n, right) for rule, n, right in rules},
        missed={str(how): n for how, n, _ in missed},
    )
