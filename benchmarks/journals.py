"""
How fast matched facts become balanced journals, with the floor in the same run.

    .venv/bin/python -m benchmarks.journals [--charges 1000000] [--foreign 5]

Ours: everything from records and matches to sorted, proven draft journals. The floor: as many lines as DuckDB can
project from the same charges with fixed accounts and sort, without matches, rules, rates or proof.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import duckdb
import pyarrow as pa

from tests.accounting.facts import Facts, rates_of
from tieout.accounting.drafting import draft_journals
from tieout.accounting.reading import read_postings
from tieout.store.engine import open_engine
from tieout.store.tables import RESULTS, table_schema
from tieout.store.views import sql_types

RATES = "date,base,quote,rate\n" + "".join(
    f"2026-{day},EUR,USD,1.08{n}\n" for n, day in enumerate(("09-25", "10-01", "10-07", "10-14", "10-21", "10-28"))
)

# Of a hundred charges, 90 are matched to an invoice, one of them with a difference; a thousand make a payout.
CHARGE = """
    select i, 'ch_' || i as external_id, 'charge' as kind, unhex(left(sha256('ch' || i), 32)) as record_id,
        (hash(i) % 50000)::bigint + 100 as amount, (hash(i) % 500)::bigint + 1 as fee, (hash(i) % 80)::bigint as fee_tax,
        case when i % 100 < {foreign} then 'USD' else 'EUR' end as currency, date '2026-10-01' + (i % 30)::int as day
    from range({charges}) t(i)
"""
RECORDS = """
    select record_id, hash(record_id)::hugeint::varchar::hugeint % 9000000000000000000 as record_key, 'psp' as source_id,
        'psp-' || lower(currency) as account_id, kind, amount, fee, fee_tax, currency, external_id, day
    from charge
    union all
    select unhex(left(sha256('inv' || i), 32)), i, 'shop', 'shop/' || currency, 'invoice',
        amount + case when i % 100 = 50 then 2 else 0 end, null, null, currency, 'inv_' || i, day - 3
    from charge where i % 100 < 90
    union all
    select unhex(left(sha256('po' || i // 1000), 32)), i // 1000, 'psp', 'psp-' || lower(currency), 'payout',
        -sum(amount - fee - fee_tax), null, null, currency, 'po_' || i // 1000, max(day) from charge group by i // 1000, currency
"""
MATCHES = """
    select unhex(left(sha256('m' || i), 32)) as match_id, unnest([('left', 'document', 'inv'), ('right', 'payment', 'ch')],
        recursive := false) as s, i, currency, amount from charge where i % 100 < 90
"""


COMPLETED = """
    select * exclude (day), 1 as version, 'booked' as status, 'acme' as entity_id, day as booked_on, 2 as exponent,
        amount - coalesce(fee, 0) - coalesce(fee_tax, 0) as net from ({records})
"""
CLAIMED = """
    select m.match_id, 'confirmed' as status, s[1] as side, s[2] as claim, r.record_id, r.record_key, r.amount,
        r.amount as allocated, r.currency, r.exponent
    from ({matches}) m join records r on r.external_id = s[3] || '_' || m.i
"""
ADJUSTED = """
    select unhex(left(sha256('m' || i), 32)) as match_id, 'discount' as reason, 2 as amount, currency, 2 as exponent
    from charge where i % 100 = 50
"""


def make(folder: Path, charges: int, foreign: int) -> None:
    """Write the facts as the lake keeps them: files of Parquet."""
    con = duckdb.connect(config={"memory_limit": "4GB", "threads": 2})
    con.execute(f"create temp table charge as {CHARGE.format(charges=charges, foreign=foreign)}")
    fill(con, folder, "records", table_schema("records"), COMPLETED.format(records=RECORDS))
    fill(con, folder, "matches", RESULTS["matches"], CLAIMED.format(matches=MATCHES))
    fill(con, folder, "adjustments", RESULTS["adjustments"], ADJUSTED)


def fill(con: duckdb.DuckDBPyConnection, folder: Path, name: str, schema: pa.Schema, query: str) -> None:
    columns = ", ".join(f'"{column}" {kind}' for column, kind in sql_types(schema).items())
    con.execute(f"create temp table {name} ({columns})")
    con.execute(f"insert into {name} by name ({query})")
    con.execute(f"copy {name} to '{folder}/{name}.parquet' (format parquet)")


def floor(con: duckdb.DuckDBPyConnection) -> tuple[float, int]:
    begin = time.perf_counter()
    con.execute("""
        create or replace temp table floored as
        select record_id as journal_id, entity_id, booked_on, l.place, l.account, l.side * amount as amount, currency,
            external_id
        from records join (values (1, '1361', 1), (2, '1400', -1), (3, '6855', 1), (4, '1406', 1), (5, '1361', -1))
            l(place, account, side) on kind = 'charge'
        order by entity_id, booked_on, journal_id, place
    """)
    taken = time.perf_counter() - begin
    rows = con.execute("select count(*) from floored").fetchall()[0][0]
    con.execute("drop table floored")
    return taken, rows


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--charges", type=int, default=1_000_000)
    options.add_argument("--foreign", type=int, default=5, help="of a hundred charges, so many are in USD")
    asked = options.parse_args()
    facts = Facts()
    with tempfile.TemporaryDirectory(prefix="tieout-bench-") as folder:
        make(Path(folder), asked.charges, asked.foreign)
        con = open_engine(Path(folder))
        for name in ("records", "matches", "adjustments"):
            con.execute(f"create view {name} as select * from read_parquet('{folder}/{name}.parquet')")  # noqa: S608 - our file
        postings = read_postings(facts.texts, facts.workspace)
        before = floor(con)
        begin, begin_cpu = time.perf_counter(), time.process_time()
        drafts = draft_journals(con, postings, facts.workspace, rates_of(RATES))
        ours, processor = time.perf_counter() - begin, time.process_time() - begin_cpu
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        after = floor(con)
    lowest = min(before[0], after[0])
    per_second, floor_per_second = drafts.counts["lines"] / ours, before[1] / lowest
    print(
        f"journals from {asked.charges:,} charges: {drafts.counts['journals']:,} journals, {drafts.counts['lines']:,}"
        f" lines in {ours:.1f} s: {per_second:,.0f} lines/s ({processor:.1f} s of processor, peak"
        f" {peak_mb} MB);"
        f" floor {floor_per_second:,.0f} lines/s: {floor_per_second / per_second:.1f}x; {drafts.counts}"
    )
    assert drafts.counts["refused"] == 0, drafts.findings.slice(0, 3).to_pylist()


if __name__ == "__main__":
    main()
