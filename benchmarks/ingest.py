"""
How fast facts come in, with the floor in the same run.

    .venv/bin/python -m benchmarks.ingest [--rows 5000000] [--times 1] [--entries 100000] [--only NAME]

Prints one line per measurement: rows per second, the floor's, the ratio, the most memory. Every measurement of ours is
a process of its own; the floor runs right before and right after it, and the faster of the two counts. With ``--times``
the bulk measurements are repeated and their medians given. Beside the time on the clock stands the processor time of
all threads, which other work on the machine moves less.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

TOML = """
[workspace]
name = "Benchmark"
base_currency = "EUR"

[[entity]]
id = "acme"
name = "Acme"
currency = "EUR"

[[source]]
id = "psp"
mapping = "psp.toml"

[[source]]
id = "bank"
format = "camt.053"
"""

MAPPING = """
[mapping]
id = "psp"
format = "{format}"
where = "status <> 'failed'"

[fields]
external_id = "txn_id"
kind = "type"
amount = "gross"
fee = "fee"
currency = "upper(ccy)"
booked_on = "strptime(day, '%d.%m.%Y')::date"
settlement_id = "payout_id"
references = "[order_ref]"
counterparty = "customer"
payment_id = "intent"
text = "description"
"""

ROWS = """
    select 'txn_' || lpad(i::varchar, 12, '0') as txn_id, 'charge' as "type",
        printf('%d.%02d', (hash(i) % 50000)::int, (hash(i + 1) % 100)::int) as gross,
        printf('%d.%02d', (hash(i) % 5)::int, (hash(i + 1) % 100)::int) as fee, 'EUR' as ccy,
        strftime(date '2026-10-01' + (i % 30)::int, '%d.%m.%Y') as day,
        'po_' || lpad((i // 1000)::varchar, 8, '0') as payout_id, 'INV-' || (100000000 + i)::varchar as order_ref,
        'Customer ' || (hash(i) % 100000)::varchar as customer, 'ok' as status, 'pi_' || hash(i)::varchar as intent,
        'some text for ' || i as description
    from range({start}, {stop}) t(i)
"""

KEYED = """
    select txn_id, "type", (gross::decimal(18, 2) * 100)::bigint as amount, (fee::decimal(18, 2) * 100)::bigint as fee,
        upper(ccy) as currency, strptime(day, '%d.%m.%Y')::date as booked_on, payout_id, [order_ref] as refs, customer,
        intent, description, unhex(left(sha256('acme' || txn_id), 32)) as record_id,
        ('0x' || left(sha256(order_ref), 15))::bigint as k1, ('0x' || left(sha256(payout_id), 15))::bigint as k2,
        ('0x' || left(sha256(intent), 15))::bigint as k3
    from {source} where status <> 'failed'
"""


def make_rows(folder: Path, start: int, stop: int, kind: str) -> Path:
    path = folder / f"rows-{start}-{stop}.{kind}"
    if not path.exists():
        options = "format csv, header" if kind == "csv" else "format parquet"
        duckdb.connect(config={"memory_limit": "4GB"}).execute(
            f"copy ({ROWS.format(start=start, stop=stop)}) to '{path}' ({options})"
        )
    return path


def floor(source: str, target: Path, *, keyed: bool) -> tuple[float, float]:
    """DuckDB alone: seconds on the clock, and of processor time."""
    con = duckdb.connect(config={"threads": 2, "memory_limit": "1GB", "temp_directory": str(target.parent)})
    query = KEYED.format(source=source) if keyed else f"select * from {source}"  # noqa: S608 - ours
    begin, busy = time.perf_counter(), time.process_time()
    con.execute(f"copy ({query}) to '{target}' (format parquet, compression snappy)")
    taken = time.perf_counter() - begin, time.process_time() - busy
    target.unlink()
    return taken


def workspace(folder: Path, kind: str = "csv") -> Path:
    place = folder / "workspace"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    (place / "tieout.toml").write_text(TOML)
    (place / "psp.toml").write_text(MAPPING.format(format=kind))
    return place


def ingest(place: Path, file: Path, source: str) -> dict[str, object]:
    command = [sys.executable, "-m", "tieout", "ingest", "--json", "--workspace", str(place), "--source", source]
    done = subprocess.run([*command, str(file)], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"ingest failed: {done.stderr or done.stdout}")
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def busy_children() -> float:
    """Processor seconds of all processes that ended, user and system."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def bulk(folder: Path, rows: int, kind: str, times: int) -> None:
    """A file through a mapping to committed records, against two floors."""
    file = make_rows(folder, 0, rows, kind)
    source = f"read_csv('{file}', all_varchar = true, header = true)" if kind == "csv" else f"read_parquet('{file}')"
    target = folder / "floor.parquet"
    ours: list[tuple[float, float, float]] = []
    floors: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    for _ in range(times):
        before = {keyed: floor(source, target, keyed=keyed) for keyed in floors}
        busy = busy_children()
        answer = ingest(workspace(folder, kind), file, "psp")
        busy = busy_children() - busy
        after = {keyed: floor(source, target, keyed=keyed) for keyed in floors}
        seconds = float(answer["seconds"]["ingest"])  # type: ignore[index]  # an answer of JSON
        ours.append((seconds, busy, float(answer["peak_mb"])))  # type: ignore[arg-type]  # as above
        for keyed, found in floors.items():
            found.append(min(before[keyed], after[keyed]))
    seconds, busy, peak = (statistics.median(column) for column in zip(*ours, strict=True))
    # Ratios are made run by run: what slowed one of the two slowed the other.
    ratios = {
        keyed: [statistics.median(a[n] / b[n] for a, b in zip(ours, found, strict=True)) for n in (0, 1)]
        for keyed, found in floors.items()
    }
    fastest = {keyed: statistics.median(rows / found[0] for found in runs) for keyed, runs in floors.items()}
    print(
        f"{kind}: {rows / seconds:,.0f} rows/s ({seconds:.1f} s, {busy / rows * 1e6:.2f} us of processor time a row,"
        f" peak {peak:,.0f} MB, {times} runs);"
        f" plain {kind} to parquet {fastest[False]:,.0f} rows/s: {ratios[False][0]:.2f}x of it,"
        f" {ratios[False][1]:.2f}x in processor time;"
        f" with SHA-256 id and three keys {fastest[True]:,.0f} rows/s: {ratios[True][0]:.2f}x of it,"
        f" {ratios[True][1]:.2f}x in processor time"
    )


def small(folder: Path) -> None:
    """Ten rows, in process, after the first one has paid for the imports."""
    from tieout import pipeline
    from tieout.clock import system_clock, system_entropy
    from tieout.config import load_workspace
    from tieout.intake import accept
    from tieout.store.workplace import open_store

    place = load_workspace(workspace(folder), {})
    store = open_store(place, system_clock, system_entropy, "benchmark")
    commits: list[float] = []
    real = vars(accept)["commit"]

    def timed(*arguments: object) -> int:
        begin = time.perf_counter()
        version: int = real(*arguments)
        commits.append(time.perf_counter() - begin)
        return version

    vars(accept)["commit"] = timed
    taken = []
    for number in range(21):
        file = make_rows(folder, 10**9 + 10 * number, 10**9 + 10 * number + 10, "csv")
        begin = time.perf_counter()
        list(pipeline.ingest(store, place, [file], "psp"))
        taken.append(time.perf_counter() - begin)
        file.unlink()
    vars(accept)["commit"] = real
    probe = folder / "probe"
    with probe.open("wb") as out:
        syncs = []
        for _ in range(20):
            out.write(b"x" * 4096)
            out.flush()
            begin = time.perf_counter()
            os.fsync(out.fileno())
            syncs.append(time.perf_counter() - begin)
    print(
        f"10 rows: median {statistics.median(taken[1:]) * 1000:.0f} ms, of it the commit"
        f" {statistics.median(commits[1:]) * 1000:.0f} ms; an fsync here takes {statistics.median(syncs) * 1000:.2f} ms"
    )
    store.close()


def repeat_check(folder: Path, rows: int) -> None:
    """100,000 identities against those of a large lake (four files): all but 1,000 of them new, and all of them known."""
    import numpy as np
    import pyarrow as pa

    from tieout.clock import system_entropy
    from tieout.intake.indexes import Gathered, write_index
    from tieout.intake.resolve import known_keys
    from tieout.store.engine import connect
    from tieout.store.lake import Lake

    lake = Lake(folder / "index", system_entropy.token_bytes)
    random = np.random.default_rng(7)
    every = random.integers(-(2**63), 2**63 - 1, rows)
    files = []
    for part in np.array_split(every, 4):
        entries = Gathered()
        entries.add(part, np.arange(len(part), dtype=np.int32))
        file = write_index(lake, "identities", entries, "d" * 32)
        assert file is not None
        files.append(type(file)(**{n: getattr(file, n) for n in file.__dataclass_fields__} | {"sibling": file.path}))
    con = connect()
    new, step = random.integers(-(2**63), 2**63 - 1, 99_000), rows // 100_000
    for hits, probe in (
        (1_000, np.concatenate([new, every[:: 100 * step][:1_000]])),
        (100_000, every[::step][:100_000]),
    ):
        taken = []
        for _ in range(5):
            begin = time.perf_counter()
            found = known_keys(con, lake, files, pa.array(probe))
            taken.append(time.perf_counter() - begin)
            assert found.num_rows == hits
        print(
            f"repeat check of 100,000 rows, {hits:,} of them known, against {rows:,}:"
            f" median {statistics.median(taken):.2f} s, best {min(taken):.2f} s"
        )


def known(folder: Path, rows: int) -> None:
    """What is known comes again: with one row more, and with every amount corrected; at a quarter of the size, too."""
    for count in (rows // 4, rows):
        place, first = workspace(folder), make_rows(folder, 0, count, "csv")
        corrected = folder / "corrected.csv"
        everything = f"read_csv('{first}', all_varchar = true, header = true)"
        query = f"select * replace (replace(gross, '.', '1.') as gross) from {everything}"  # noqa: S608 - ours
        duckdb.execute(f"copy ({query}) to '{corrected}'")
        for what, file in (
            ("new", first),
            ("again, with one more", make_rows(folder, 0, count + 1, "csv")),
            ("corrected", corrected),
        ):
            answer = ingest(place, file, "psp")
            seconds = float(answer["seconds"]["ingest"])  # type: ignore[index]  # an answer of JSON
            print(f"{count:,} rows {what}: {seconds:.1f} s, peak {answer['peak_mb']} MB")


# What the fields cost whoever only collects them: each entry's texts by path, and nothing made of them.
COLLECT = """
from lxml import etree
n = 0
for _, entry in etree.iterparse({file!r}, tag="{{*}}Ntry", remove_blank_text=True):
    fields, path = {{}}, []
    for event, node in etree.iterwalk(entry, events=("start", "end")):
        if event == "end":
            path.pop()
            continue
        path.append(node.tag.rpartition("}}")[2])
        if node.text:
            fields.setdefault("/".join(path), []).append(node.text)
    n += bool(fields)
    entry.clear()
    while entry.getprevious() is not None:
        del entry.getparent()[0]
assert n == {entries}, n
"""


def camt(folder: Path, entries: int) -> None:
    """A camt.053: our reader, PyPI camt053 and plain lxml alone; then to committed records, also of a file 4x as large."""
    file = statement(folder, entries)
    theirs, their_mb = alone(
        f"import camt053\n{BEGIN}n = len(camt053.parse_document(open({str(file)!r}).read()).statements[0].entries)\nassert n == {entries}, n\n{END}"
    )
    plain, plain_mb = alone(BEGIN + COLLECT.format(file=str(file), entries=entries) + END)
    ours, our_mb = alone(
        "import pyarrow\nfrom tieout.formats.camt.messages import CAMT_053\nfrom tieout.formats.reading import ReadOptions\n"
        f"{BEGIN}n = sum(len(c.records) or (c.table.num_rows if c.table else 0)"
        f" for c in CAMT_053.read(open({str(file)!r}, 'rb'), ReadOptions()))\nassert n == {entries}, n\n{END}"
    )
    before = processor_seconds()
    answer = ingest(workspace(folder), file, "bank")
    spent = processor_seconds() - before
    seconds = float(answer["seconds"]["ingest"])  # type: ignore[index]  # an answer of JSON
    print(
        f"camt.053: PyPI camt053 {entries / theirs:,.0f} entries/s (peak {their_mb} MB), plain lxml"
        f" {entries / plain:,.0f} (peak {plain_mb} MB); our reader {entries / ours:,.0f} (peak {our_mb} MB):"
        f" {theirs / ours:.1f}x; to committed records {entries / seconds:,.0f}: {theirs / seconds:.1f}x"
        f" (peak {answer['peak_mb']} MB; {entries / spent:,.0f} a second of processor time, start and landing included)"
    )
    larger = ingest(workspace(folder), statement(folder, 4 * entries), "bank")
    print(f"camt.053: peak {answer['peak_mb']} MB for {entries:,} entries, {larger['peak_mb']} MB for {4 * entries:,}")


def statement(folder: Path, entries: int) -> Path:
    from tests.formats.camt_documents import rich_statement

    file = folder / f"statement-{entries}.xml"
    if not file.exists():
        with file.open("w") as out:
            out.writelines(rich_statement(range(entries)))
    return file


def processor_seconds() -> float:
    """Give what all processes started so far have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


BEGIN = "import json, resource, time\nbegin = time.process_time()\n"
END = "print(json.dumps([time.process_time() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024]))"


def alone(program: str) -> tuple[float, int]:
    """Run a program in a process of its own: processor seconds of its work, and the most memory in MB."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"a benchmark failed: {done.stderr}")
    seconds, peak_mb = json.loads(done.stdout.splitlines()[-1])
    return seconds, peak_mb


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--rows", type=int, default=5_000_000)
    options.add_argument("--times", type=int, default=1)
    options.add_argument("--lake", type=int, default=20_000_000)
    options.add_argument("--known", type=int, default=80_000)
    options.add_argument("--entries", type=int, default=100_000)
    options.add_argument("--only", default="csv,parquet,small,repeat,known,camt")
    options.add_argument("--folder", type=Path)
    asked = options.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="tieout-bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    parts = {
        "csv": lambda: bulk(folder, asked.rows, "csv", asked.times),
        "parquet": lambda: bulk(folder, asked.rows, "parquet", asked.times),
        "small": lambda: small(folder),
        "repeat": lambda: repeat_check(folder, asked.lake),
        "known": lambda: known(folder, asked.known),
        "camt": lambda: camt(folder, asked.entries),
    }
    for name in asked.only.split(","):
        parts[name]()
    if asked.folder is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
