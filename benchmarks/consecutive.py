"""
Payouts that nothing names: each a run of consecutive lines of a platform's account, among a bank's other lines.

    .venv/bin/python -m benchmarks.consecutive [--lines 1000000] [--payouts 2000] [--others 2000] [--missing 0] [--seed 11]

Makes the lines of an account (a third of them at six prices, some of them refunds), their payouts, other people's money
between them, and takes some lines away; reads both files and matches them by a rule with ``consecutive = true``. Prints
one JSON object: seconds in the pool, in the rule and in all, and how many payouts were found, wrong, or left.
"""

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.workspaces import two_sources
from tieout import pipeline
from tieout.clock import system_clock, system_entropy
from tieout.config import load_workspace
from tieout.matching.performing import consecutive, perform
from tieout.observe.exporting.exports import export
from tieout.store.workplace import open_store

RULES = """[rules]
id = "own"
claims = { left = "settlement", right = "bank" }
polarity = "by kind"

[[rule]]
name = "lines in a row"
shape = "n:1"
consecutive = true
days = { from = 0, to = 5 }
"""
MAPPING = """[mapping]
id = "{id}"
format = "parquet"
identify = ["id", "amount"]

[fields]
external_id = "id"
kind = "{kind}"
amount = "minor(amount)"
currency = "'EUR'"
booked_on = "date '2020-01-01' + day"
"""
KINDS = {"psp": "case when amount < 0 then 'refund' else 'charge' end", "bank": "'bank_entry'"}


def make(folder: Path, asked: argparse.Namespace) -> dict[str, str]:
    """Lay out a workspace; gives the line that begins each payout, and its bank line."""
    rng = np.random.default_rng(asked.seed)
    lines = asked.lines
    amounts = np.exp(rng.normal(8.3, 1.1, lines)).astype(np.int64) + 50
    prices = np.array([999, 1999, 2900, 4900, 9900, 14900])
    amounts = np.where(rng.random(lines) < 0.35, prices[rng.integers(0, 6, lines)], amounts)
    amounts = np.where(rng.random(lines) < 0.06, -amounts, amounts)
    bounds = np.sort(rng.choice(np.arange(1, lines), asked.payouts - 1, replace=False))
    bounds = np.concatenate(([0], bounds, [lines]))
    # A payout's lines are of one day; some days have no payout, and take their lines to the next.
    day = np.searchsorted(bounds, np.arange(lines), "right") - 1
    sums = np.concatenate(([0], np.cumsum(amounts)))
    kept = np.ones(lines, np.bool_)
    kept[rng.choice(lines, asked.missing, replace=False)] = False
    numbers = [f"L{number:09}" for number in range(lines)]
    table = pa.table({"id": numbers, "amount": amounts, "day": day.astype(np.int32)}).filter(pa.array(kept))
    others = np.exp(rng.normal(11, 1.5, asked.others)).astype(np.int64) * rng.choice([-1, 1], asked.others)
    bank = {
        "id": [f"B{n}" for n in range(asked.payouts)] + [f"X{n}" for n in range(asked.others)],
        "amount": np.concatenate((sums[bounds[1:]] - sums[bounds[:-1]], others)),
        "day": np.concatenate((np.arange(asked.payouts) + 1, rng.integers(0, asked.payouts, asked.others))).astype(
            np.int32
        ),
    }
    for part in ("data", "mappings", "rules"):
        (folder / part).mkdir(parents=True)
    pq.write_table(table.take(rng.permutation(len(table))), folder / "data" / "psp.parquet")
    pq.write_table(pa.table(bank), folder / "data" / "bank.parquet")
    (folder / "tieout.toml").write_text(two_sources("payouts", "psp"))
    (folder / "rules" / "own.toml").write_text(RULES)
    for name, kind in KINDS.items():
        (folder / "mappings" / f"{name}.toml").write_text(MAPPING.format(id=name, kind=kind))
    return {numbers[line]: f"B{payout}" for line, payout in enumerate(day.tolist())}


def timed(module: Any, name: str, took: dict[str, float]) -> None:
    """Add the processor time of a function to ``took``."""
    function: Callable[..., Any] = getattr(module, name)

    def wrapped(*given: Any, **more: Any) -> Any:
        begun = time.process_time()
        try:
            return function(*given, **more)
        finally:
            took[name] = took.get(name, 0.0) + time.process_time() - begun

    setattr(module, name, wrapped)


def main() -> None:
    options = argparse.ArgumentParser()
    for name, usual in (("lines", 1_000_000), ("payouts", 2_000), ("others", 2_000), ("missing", 0), ("seed", 11)):
        options.add_argument(f"--{name}", type=int, default=usual)
    asked = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tieout-consecutive-"))
    took: dict[str, float] = {}
    timed(consecutive, "prefix_windows", took)
    timed(perform, "find_consecutive", took)
    try:
        truth = make(folder / "place", asked)
        workspace = load_workspace(folder / "place")
        store = open_store(workspace, system_clock, system_entropy, "benchmark")
        for source in KINDS:
            list(pipeline.ingest(store, workspace, [folder / "place" / "data" / f"{source}.parquet"], source))
        begun, processor = time.monotonic(), time.process_time()
        list(pipeline.match(store, workspace))
        told = {"clock_s": time.monotonic() - begun, "processor_s": time.process_time() - processor}
        export(store, workspace, "matches", folder / "matches.parquet")
        store.close()
        found = pq.read_table(folder / "matches.parquet", columns=["match_id", "side", "external_id"]).to_pandas()
        right = wrong = 0
        bank = dict(found[found.side == "right"][["match_id", "external_id"]].to_numpy().tolist())
        lines = found[found.side == "left"]
        agreed = lines.external_id.map(truth) == lines.match_id.map(bank)
        for is_right in agreed.groupby(lines.match_id).all():
            right, wrong = right + bool(is_right), wrong + (not is_right)
        pool, rule = took["prefix_windows"], took["find_consecutive"]
        print(
            json.dumps(
                {
                    **{name: getattr(asked, name) for name in ("lines", "payouts", "others", "missing", "seed")},
                    "pool_processor_s": round(pool, 2), "rule_processor_s": round(rule, 2),
                    **{name: round(value, 2) for name, value in told.items()},
                    "right": right, "wrong": wrong, "left": asked.payouts - right,
                }
            )
        )  # fmt: skip
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
