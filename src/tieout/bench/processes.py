"""
One measurement, in a process of its own: ``python -m tieout.bench.processes WHAT ARGUMENT...``, answered in JSON.

The time begins after the imports. ``seconds`` are on the clock, ``processor`` those of all threads, ``peak_mb`` the
most memory that the process had.
"""

from __future__ import annotations

import datetime as dt
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from tieout.errors import Broken

__all__ = ["measured"]

_KEYED_AT_ONCE = 65_536


def measured(what: str, *arguments: object) -> dict[str, Any]:
    """
    Measure something in a new process.

    :raises Broken: it failed.
    """
    command = [sys.executable, "-m", "tieout.bench.processes", what, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ourselves
    if done.returncode:
        message = f"the measurement {' '.join(command[3:])} failed: {done.stderr.strip() or done.stdout}"
        raise Broken(message)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _pairs(folder: str, rows: str, seed: str) -> dict[str, Any]:
    from tieout.bench.pairs import make_pairs

    make_pairs(Path(folder), int(rows), int(seed))
    return {}


def _ingest(place: str, data: str, *sources: str) -> dict[str, Any]:
    """Read the pairs in, or some of them, as ``tieout ingest`` does."""
    from tieout import pipeline
    from tieout.bench.places import SOURCES
    from tieout.clock import system_clock, system_entropy
    from tieout.config import load_workspace
    from tieout.store.workplace import open_store

    workspace = load_workspace(Path(place))
    store = open_store(workspace, system_clock, system_entropy, "benchmark")
    began = _now()
    for source in sources or SOURCES:
        for outcome in pipeline.ingest(store, workspace, [Path(data) / f"{source}.parquet"], source):
            if isinstance(outcome, Exception):
                raise outcome
            if outcome.state != "accepted" or outcome.rows_new != outcome.rows_in:
                message = f"expected every row of {outcome.name} to come in as new, got {outcome}"
                raise Broken(message)
    return _since(began)


def _copy(data: str, into: str) -> dict[str, Any]:
    """Copy the pairs from Parquet to Parquet: the floor of reading them in."""
    from tieout.bench.floor import open_floor
    from tieout.bench.places import SOURCES

    target = Path(into) / "copy.parquet"
    with open_floor(Path(into)) as con:
        began = _now()
        for source in SOURCES:
            con.execute(f"copy (from '{data}/{source}.parquet') to '{target}' (format parquet, compression snappy)")
        taken = _since(began)
    target.unlink()
    return taken


def _keys(place: str) -> dict[str, Any]:
    """Compute again what intake prepares for matching: keys and normal texts of all records, one batch at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from tieout.clock import system_clock, system_entropy
    from tieout.config import load_workspace
    from tieout.intake.derive import rekey
    from tieout.model.cross_references import IDENTIFIERS
    from tieout.store.workplace import files_at, open_store

    store = open_store(load_workspace(Path(place)), system_clock, system_entropy, "benchmark")
    with store.book.reading() as connection:
        files = files_at(connection, ("records",))["records"]
    read = [*dict.fromkeys((*IDENTIFIERS, "references", "kind", "text", "record_id", "record_key", "text_normal"))]
    taken = {"seconds": 0.0, "processor": 0.0}
    for file in files:
        with pq.ParquetFile(store.lake.full(file.path)) as rows:
            for batch in rows.iter_batches(_KEYED_AT_ONCE, columns=read):
                table = pa.Table.from_batches([batch])
                began = _now()
                rekey(table)
                taken = {what: taken[what] + more for what, more in _since(began).items()}
    return taken


def _ours(place: str) -> dict[str, Any]:
    """
    Match, as ``tieout match`` does.

    What is compared are the runs: read, match, write, commit. The list of exceptions for people, which follows, is
    ``whole`` with them.
    """
    import holidays  # noqa: F401 - what is imported late otherwise
    import pyarrow.compute
    import pyarrow.parquet  # noqa: F401 - as above

    with suppress(ImportError):  # a peer's: DuckDB looks for it where it is installed
        import pandas as pd  # noqa: F401 - as above

    from tieout import pipeline
    from tieout.clock import system_clock, system_entropy
    from tieout.config import load_workspace
    from tieout.store.workplace import open_store

    workspace = load_workspace(Path(place))
    store = open_store(workspace, system_clock, system_entropy, "benchmark")
    began = _now()
    outcomes, taken = [], _since(began)
    for outcome in pipeline.match(store, workspace):
        outcomes.append(outcome)
        taken = _since(began)
    whole = _since(began)
    phases = {outcome.reconciliation: outcome.seconds for outcome in outcomes}
    return {
        **taken,
        "whole": whole["seconds"],
        "phases": phases,
        "counts": {o.reconciliation: o.counts for o in outcomes},
    }


def _floor(place: str, times: str) -> dict[str, Any]:
    """Run the floor of every reconciliation, again and again; the median of each."""
    from statistics import median

    from tieout.bench.floor import floor_queries, open_floor
    from tieout.clock import system_clock, system_entropy
    from tieout.config import load_workspace
    from tieout.store.workplace import open_store

    workspace = load_workspace(Path(place))
    store = open_store(workspace, system_clock, system_entropy, "benchmark")
    runs: dict[str, list[dict[str, float]]] = {}
    with open_floor(store.spill) as con:
        for _ in range(int(times)):
            for name, query in floor_queries(store, workspace).items():
                began = _now()
                con.execute(query).fetchall()
                runs.setdefault(name, []).append(_since(began))
    own = {name: {of: median(run[of] for run in found) for of in found[0]} for name, found in runs.items()}
    return {**{of: sum(each[of] for each in own.values()) for of in ("seconds", "processor")}, "each": own}


def _peer(module: str, data: str, into: str) -> dict[str, Any]:
    match = import_module(module).match
    began = _now()
    match(Path(data), Path(into))
    return _since(began)


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _since(began: tuple[float, float]) -> dict[str, float]:
    seconds, processor = _now()
    return {"seconds": seconds - began[0], "processor": processor - began[1]}


def _peak_mb() -> int:
    """Give the most memory of this process; what getrusage says on Linux may be that of whoever started it."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) // 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most >> (20 if sys.platform == "darwin" else 10)


_WHAT: dict[str, Callable[..., dict[str, Any]]] = {
    "pairs": _pairs, "ingest": _ingest, "keys": _keys, "copy": _copy, "ours": _ours, "floor": _floor, "peer": _peer,
}  # fmt: skip

if __name__ == "__main__":
    answer = _WHAT[sys.argv[1]](*sys.argv[2:])
    sys.stdout.write(json.dumps({**answer, "peak_mb": _peak_mb(), "at": dt.datetime.now(dt.UTC).isoformat()}) + "\n")  # noqa: TID251 - when it was measured
