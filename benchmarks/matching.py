"""
How fast and how well two sides are brought together, with the floor, pandas and Polars in the same run.

    .venv/bin/python -m benchmarks.matching [--size 100000,1000000] [--deep] [--seed 11] [--times 1] [--data DIR] [--json]

Documents with payments and payouts with bank lines, from facts that have been read in (that is not measured) to
committed matches and exceptions. The floor is DuckDB, which reads the columns that the rules read from the same files
and joins the two sides once; pandas and Polars are ``tieout.bench.peers``, from the raw files, where they are installed.
What intake prepares for matching, keys and normal texts, is computed once more by itself, and told beside it. Of each
reconciliation precision and recall are told, and the recall of what is decidable (``tieout.bench.pairs`` says what is).
Every measurement is a process of its own. ``--deep`` adds 10M lines; ``--data`` takes a folder of pairs (psp, erp, bank,
truth_pe and truth_pb as Parquet) that is there already. With ``--json`` the last line is one object.
"""

import argparse
import json
import shutil
import tempfile
from itertools import pairwise
from pathlib import Path

from tieout.bench.matching import growth, lines_of, measure
from tieout.bench.peers import PEERS
from tieout.bench.processes import measured


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--size", default="100000,1000000", help="platform lines, separated by commas")
    options.add_argument("--deep", action="store_true", help="10,000,000 lines, too")
    options.add_argument("--seed", type=int, default=11)
    options.add_argument("--times", type=int, default=1)
    options.add_argument("--data", type=Path, help="pairs that are there already, instead of made ones")
    options.add_argument("--peers", default=",".join(PEERS))
    options.add_argument("--folder", type=Path)
    options.add_argument("--json", action="store_true")
    asked = options.parse_args()
    sizes = [int(size) for size in asked.size.split(",")] + ([10_000_000] if asked.deep else [])
    peers = [name for name in asked.peers.split(",") if name]
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="tieout-bench-"))
    found = []
    for size in [None] if asked.data else sizes:
        scratch = folder / str(size or "given")
        data = asked.data or scratch / "data"
        if size is not None:
            measured("pairs", data, size, asked.seed)
        found.append(measure(scratch, data.resolve(), times=asked.times, peers=peers))
        print("\n".join(lines_of(found[-1])), flush=True)
        shutil.rmtree(scratch)
    grown = [growth(smaller, larger) for smaller, larger in pairwise(found)]
    for each in grown:
        more = ", ".join(
            f"{name} {own['seconds']}x ({own['processor']}x in processor time)"
            for name, own in each.items()
            if name != "lines"
        )
        print(f"{each['lines']}x the lines take {more}")
    if asked.json:
        print(json.dumps({"seed": asked.seed, "sizes": found, "growth": grown}))
    if asked.folder is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
