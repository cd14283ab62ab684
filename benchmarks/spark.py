"""
The same pairs matched with DuckDB and with Spark: the same digests, and what each takes.

    .venv/bin/python -m benchmarks.spark [--size 100000] [--engine spark] [--seed 11] [--folder DIR]

``--engine spark://HOST:7077`` takes a cluster, which must see ``--folder`` under the same path. Settings of Spark
(memory, cores, shuffle partitions) come from spark-defaults.conf in ``SPARK_CONF_DIR``. Every engine is a process of its
own, started as a user starts it; processor time of Spark is not counted, as most of it is that of other processes.
Prints one line for each engine and reconciliation, and fails if they find different things.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tieout.bench.places import copy_place, make_place
from tieout.bench.processes import measured


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--size", type=int, default=100_000, help="platform lines")
    options.add_argument("--engine", default="spark", help="spark, or spark://HOST:PORT")
    options.add_argument("--seed", type=int, default=11)
    options.add_argument("--folder", type=Path)
    asked = options.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="tieout-spark-"))
    data, place = folder / "data", folder / "place"
    measured("pairs", data, asked.size, asked.seed)
    make_place(place, data)
    measured("ingest", place, data)
    found = {engine: matched(place, folder / "matched", engine) for engine in ("duckdb", asked.engine)}
    for ours, theirs in zip(*found.values(), strict=True):
        for engine, run in (("duckdb", ours), (asked.engine, theirs)):
            seconds = sum(run["seconds"].values())
            print(
                f"{run['reconciliation']}: {run['matches']} matches, {seconds:.1f} s with {engine}, {run['digest'][:16]}"
            )
        assert {**ours, "seconds": None} == {**theirs, "seconds": None}, (ours, theirs)
    if asked.folder is None:
        shutil.rmtree(folder)


def matched(place: Path, target: Path, engine: str) -> list[dict[str, object]]:
    """Match a copy of a workspace, and give what is said of each run."""
    copy_place(place, target)
    command = [sys.executable, "-m", "tieout", "match", "--engine", engine, "--workspace", str(target), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in {0, 1}:
        sys.exit(done.stderr)
    shutil.rmtree(target)
    runs: list[dict[str, object]] = json.loads(done.stdout)["runs"]
    return runs


if __name__ == "__main__":
    main()
