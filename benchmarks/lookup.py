"""
How long it takes to find everything about one identifier among many records, beside what reading them all costs.

    .venv/bin/python -m benchmarks.lookup [--records 20000000] [--files 20] [--folder DIR] [--times 40]

Builds a lake of synthetic records with their two indexes (kept in DIR, if it is named, for the next time), then looks
identifiers up in process, after imports: the first one, the median and the slowest tenth. The floor is the same question
asked of the columns themselves. Last comes the command line, from its start to its end.
"""

import argparse
import datetime as dt
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path

TOML = """\
[workspace]
name = "Benchmark"
base_currency = "EUR"

[[entity]]
id = "acme"
name = "Acme"
currency = "EUR"

[[source]]
id = "psp"
format = "camt.053"
"""
#: Records that share a settlement.
_BATCH = 50
_PER_ORDER = 2


def build(folder: Path, records: int, files: int) -> None:
    """Write the lake, file by file, with a book that names it."""
    import sqlalchemy as sa

    from tieout.clock import system_clock, system_entropy
    from tieout.config import load_workspace
    from tieout.store import schema
    from tieout.store.workplace import open_store

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tieout.toml").write_text(TOML, encoding="utf-8")
    store = open_store(load_workspace(folder, {}), system_clock, system_entropy, "benchmark")
    each = records // files
    for number in range(files):
        delivery = f"{number:032x}"
        written = _one_file(store, delivery, number * each, each)
        row = {
            **dict.fromkeys(("bytes", "times_seen", "rows_changed", "rows_repeated", "rows_quarantined"), 0),
            "delivery_id": delivery,
            "sequence": number + 1,
            "source_id": "psp",
            "sha256": delivery,
            "name": f"{number}.csv",
            "received_at": store.now_us(),
            "received_by": "benchmark",
            "state": "accepted",
            "path": "none",
            "key_id": "none",
            "version": number + 1,
            "rows_in": each,
            "rows_new": each,
        }
        commit = {
            "version": number + 1,
            "token": delivery,
            "kind": "accept",
            "delivery_id": delivery,
            "actor": "benchmark",
            "at": store.now_us(),
            "config_digest": "none",
            "program": "none",
            "digest": "none",
        }
        with store.book.writing() as connection:
            connection.execute(sa.insert(schema.delivery).values(row))
            connection.execute(sa.insert(schema.ledger_commit).values(commit))
            connection.execute(
                sa.insert(schema.lake_file), [asdict(file) | {"version": number + 1} for file in written]
            )
            connection.execute(sa.delete(schema.head))
            connection.execute(sa.insert(schema.head).values(name="facts", version=number + 1))
        print(f"built {(number + 1) * each:,} records", file=sys.stderr)
    store.close()


def _one_file(store, delivery: str, first: int, count: int) -> list:  # type: ignore[no-untyped-def,type-arg]  # a benchmark, run by hand
    """Write one records file and its indexes, as intake does."""
    from contextlib import closing

    import numpy as np
    import pyarrow as pa

    from tieout.intake.derive import Owner, Provenance, derive, reference_rows
    from tieout.intake.indexes import Gathered, write_index
    from tieout.model.records import record_schema
    from tieout.store.engine import connect

    origin = Provenance(
        system="psp",
        source_id="psp",
        delivery_id=delivery,
        seen_at=dt.datetime(2026, 11, 1, tzinfo=dt.UTC),
        owner_of=lambda _number, _currency: Owner("acme", "psp/EUR"),
    )
    writer = store.lake.writer("records", record_schema(), delivery)
    identities, references = Gathered(), Gathered()
    with closing(connect()) as con, writer:
        for begin in range(0, count, 100_000):
            rows = derive(con, _stated(first + begin, min(100_000, count - begin)), origin)
            writer.write(rows)
            numbers = np.arange(begin, begin + rows.num_rows, dtype=np.int32)
            identities.add(rows["record_key"].combine_chunks().to_numpy(), numbers)
            references.add(*reference_rows(rows, begin))
    file = writer.file
    known = write_index(store.lake, "identities", identities, delivery)
    named = write_index(store.lake, "references", references, delivery)
    assert pa is not None
    assert known is not None
    assert named is not None
    return [file, replace(known, sibling=file.path), replace(named, sibling=file.path)]


def _stated(first: int, count: int):  # type: ignore[no-untyped-def]  # as above
    """Make rows of a payment platform: identifiers, amounts, names."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    from tieout.model.records import stated_schema

    numbers = np.arange(first, first + count, dtype=np.int64)

    def named(prefix: str, values: object) -> pa.Array:
        return pc.binary_join_element_wise(prefix, pc.cast(pa.array(values), pa.string()), "")

    orders = named("order-", numbers // _PER_ORDER)
    given = {
        "line": numbers - first + 2,
        "kind": pa.array(["charge"] * count),
        "currency": pa.array(["EUR"] * count),
        "namespace": pa.array(["entry"] * count),
        "identity": named("txn_", numbers),
        "counted": pa.array(np.zeros(count, np.bool_)),
        "aliases": pa.array([[]] * count, pa.list_(pa.string())),
        "status": pa.array(["booked"] * count),
        "booked_on": pa.array((20_700 + numbers // 100_000 % 60).astype(np.int32)).cast(pa.date32()),
        "amount": numbers % 100_000 + 1,
        "net": numbers % 100_000 + 1,
        "external_id": named("txn_", numbers),
        "payment_id": named("pi_", numbers),
        "settlement_id": named("po_", numbers // _BATCH),
        "references": pa.ListArray.from_arrays(np.arange(count + 1, dtype=np.int32), orders),
        "text": named("Payment of order ", numbers),
        "counterparty": named("Customer ", numbers % 10_000),
    }
    columns = [pa.array(given[f.name], f.type) if f.name in given else pa.nulls(count, f.type) for f in stated_schema()]
    return pa.Table.from_arrays(columns, schema=stated_schema())


def look_up(folder: Path, records: int, times: int) -> None:
    """Explain identifiers of every kind, in this process."""
    from tieout.clock import system_clock, system_entropy
    from tieout.config import load_workspace
    from tieout.observe.things.explain import explain
    from tieout.store.workplace import open_store

    store = open_store(load_workspace(folder, {}), system_clock, system_entropy, "benchmark")
    asked = {
        "an external id": lambda n: (f"txn_{n}", 1),
        "a payment, spelt otherwise": lambda n: (f"PI-{n}", 1),
        "an order of two records": lambda n: (f"order-{n // _PER_ORDER}", _PER_ORDER),
        "a settlement of 50 records": lambda n: (f"po_{n // _BATCH}", _BATCH),
        "an id that nothing has": lambda n: (f"nothing_{n}", 0),
    }
    for what, name in asked.items():
        taken, used = [], []
        for step in range(times + 1):
            wanted, count = name((step * 7_919_993) % records)
            begin, busy = time.perf_counter(), time.process_time()
            found = explain(store, wanted)
            taken.append(time.perf_counter() - begin)
            used.append(time.process_time() - busy)
            assert found.count == count, (wanted, found.count)
        slowest = sorted(taken[1:])[int(times * 0.9)]
        print(
            f"{what}: first {taken[0] * 1000:.0f} ms, median {statistics.median(taken[1:]) * 1000:.0f} ms,"
            f" nine of ten under {slowest * 1000:.0f} ms; processor {statistics.median(used[1:]) * 1000:.0f} ms"
        )
    store.close()


def scan(folder: Path, records: int) -> None:
    """Ask the columns themselves, without indexes: what a look-up would cost."""
    from tieout.model.normal import key_of
    from tieout.store.engine import connect, paths

    files = sorted(str(path) for path in (folder / ".tieout" / "lake" / "records").glob("*.parquet"))
    con, taken = connect(), []
    for step in range(3):
        key = key_of(f"txn_{(step * 7_919_993) % records}")
        named = " or ".join(
            f"{name} = {key}" for name in ("external_key", "payment_key", "settlement_key", "parent_key")
        )
        begin = time.perf_counter()
        rows = con.execute(
            f"select record_id from read_parquet({paths(files)}) where {named} or list_contains(reference_keys, {key})"  # noqa: S608 - of our own making
        ).fetchall()
        taken.append(time.perf_counter() - begin)
        assert len(rows) == 1
    print(f"the same by reading the key columns of all records: {min(taken) * 1000:,.0f} ms")


def command_line(folder: Path, records: int) -> None:
    """Start the command and wait for its answer."""
    from resource import RUSAGE_CHILDREN, getrusage

    for what, line in {
        "tieout explain": ["-m", "tieout", "--workspace", str(folder), "explain", f"txn_{records // 3}"],
        "python alone": ["-c", "pass"],
    }.items():
        taken, used = [], []
        for _ in range(7):
            begin, busy = time.perf_counter(), getrusage(RUSAGE_CHILDREN)
            subprocess.run([sys.executable, *line], check=True, stdout=subprocess.DEVNULL)
            taken.append(time.perf_counter() - begin)
            after = getrusage(RUSAGE_CHILDREN)
            used.append(after.ru_utime + after.ru_stime - busy.ru_utime - busy.ru_stime)
        print(f"{what}, from the command line: best {min(taken) * 1000:.0f} ms, processor {min(used) * 1000:.0f} ms")


def main() -> None:
    """Measure everything."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--records", type=int, default=20_000_000)
    options.add_argument("--files", type=int, default=20)
    options.add_argument("--times", type=int, default=40)
    options.add_argument("--folder", type=Path)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary) / "lake"
        if not (folder / "tieout.toml").exists():
            build(folder, asked.records, asked.files)
        print(f"{asked.records:,} records in {asked.files} files")
        look_up(folder, asked.records, asked.times)
        scan(folder, asked.records)
        command_line(folder, asked.records)


if __name__ == "__main__":
    main()
