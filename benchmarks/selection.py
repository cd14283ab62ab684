"""
One bank line against 1,000 open items: which of them come to it, and how long it takes to know.

    .venv/bin/python -m benchmarks.selection [--items 1000] [--seed 7] [--times 3] [--json]

For lines of 5,000.00, 500,000.00 and 50,000,000.00: pools that are made so that exactly one selection has the sum, or
several have, or none has, with and without credit notes; and one that is too hard, of which nothing is known. ``tieout``
is the search that a run calls, up to its own bound; the verdict must be the known one, or *undecided* at the bound. The
peer is what one writes at first in plain Python: a dictionary of all sums up to the line's that can be made, each with
whether there is more than one way, which is stopped after ``STEPS_MAX`` steps. The floor is to sort the amounts once.

Then five such lines, each with 1,000 items of its own currency, go through a whole run: files, ingest, one
reconciliation, what is told of each. With ``--json`` the last line is one object.
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
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.workspaces import two_sources
from tieout import pipeline
from tieout.clock import system_clock, system_entropy
from tieout.config import load_workspace
from tieout.matching.pools.subset import OPERATIONS_MAX, subset_sum
from tieout.observe.exporting.exports import export
from tieout.store.workplace import open_store

LINES = (5_000_00, 500_000_00, 50_000_000_00)
STEPS_MAX = 5_000_000

RULES = """[rules]
id = "own"
claims = { left = "document", right = "bank" }

[[rule]]
name = "the only selection with that sum"
shape = "n:1"
subset = true
days = { from = 0, to = 30 }
"""
MAPPING = """[mapping]
id = "{id}"
format = "parquet"
identify = ["id", "amount"]

[fields]
external_id = "id"
kind = "{kind}"
amount = "minor(amount)"
currency = "ccy"
booked_on = "date '2026-01-01' + day"
"""
KINDS = {"erp": "case when amount < 0 then 'credit_note' else 'invoice' end", "bank": "'bank_entry'"}
#: What goes through a whole run: currency -> (which line, which pool).
WHOLE = {
    "EUR": (5_000_00, "one selection of few"),
    "USD": (500_000_00, "one selection of few, with credit notes"),
    "CHF": (50_000_000_00, "all are too large"),
    "GBP": (500_000_00, "usual amounts"),
    "SEK": (50_000_000_00, "thirds and quarters"),
}

Amounts = npt.NDArray[np.int64]


def pools(line: int, items: int, seed: int) -> dict[str, tuple[Amounts, int, str | None]]:
    """Make the pools of a line: amounts, the sum that is looked for, and what is known to be true."""
    rng = np.random.default_rng(seed)
    usual = rng.lognormal(np.log(line / 20), 1.0, items).astype(np.int64) + 1
    larger = rng.integers(line + 1, 3 * line, items - 10)
    few = rng.integers(line // 10, line // 3, 10)
    # Credit notes that together bring none of the large items down to the line.
    back = -rng.integers(line // 200, line // 50, 5)
    some = np.concatenate([3 * larger, few[:5], back])
    halves = rng.permutation(line // 2 + 1 + np.arange(items, dtype=np.int64) * (line // (2 * items + 1)))
    hard = rng.integers(line // 4, line // 3, items)
    return {
        "one selection of few": (np.concatenate([larger, few]), int(few[[1, 5, 9]].sum()), "unique"),
        "one selection of few, with credit notes": (some, int(few[[1, 4]].sum() + back[2]), "unique"),
        "one item alone": (np.append(halves[1:], line), line, "unique"),
        "usual amounts": (usual, line, "ambiguous"),
        "usual amounts, with credit notes": (np.where(np.arange(items) % 16, usual, -usual), line, "ambiguous"),
        "all are too large": (halves, line, "infeasible"),
        "whole amounts, with credit notes": (
            np.where(np.arange(items) % 16, 1, -1) * (usual // 100 * 100 + 100), line + 37, "infeasible",
        ),
        "thirds and quarters": (hard, line, None),
    }  # fmt: skip


def plainly(amounts: Amounts, target: int) -> str:
    """Decide it by a dictionary of all sums, credit notes first: how many ways there are to each, at most two."""
    values, copies = np.unique(amounts, return_counts=True)
    ways, steps = {0: 1}, 0
    for value, several in zip(values.tolist(), copies.tolist(), strict=True):
        more = dict(ways)
        for total, known in ways.items():
            for count in range(1, several + 1):
                made = total + count * value
                if value > 0 and made > target:  # all that follow are more
                    break
                more[made] = min(2, more.get(made, 0) + known)
            steps += several
            if steps > STEPS_MAX:
                return f"stopped after {STEPS_MAX:,} steps"
        ways = more
    return ("infeasible", "unique", "ambiguous")[ways.get(target, 0)]


def timed(function: Callable[[], Any], times: int = 1) -> tuple[Any, float]:
    """Call it; gives what it gave, and the least seconds of processor of so many calls."""
    least, given = float("inf"), None
    for _ in range(times):
        begun = time.process_time()
        given = function()
        least = min(least, time.process_time() - begun)
    return given, least


def decided(line: int, how: str, asked: argparse.Namespace) -> dict[str, Any]:
    """Decide one pool by both, and hold the verdicts against what is known."""
    amounts, target, known = pools(line, asked.items, asked.seed)[how]
    verdict, ours = timed(lambda: subset_sum(amounts, target), asked.times)
    peer, theirs = timed(lambda: plainly(amounts, target))
    _, floor = timed(lambda: np.sort(amounts), 5)
    assert verdict.operations <= OPERATIONS_MAX
    assert all(int(amounts[list(chosen)].sum()) == target for chosen in verdict.solutions)
    assert known is None or verdict.outcome in {known, "undecided"}
    assert peer in {known, verdict.outcome} or peer.startswith("stopped") or known is None
    return {
        "line": line, "pool": how, "items": len(amounts), "known": known, "verdict": verdict.outcome,
        "lambda_micro": verdict.lambda_micro, "operations": verdict.operations, "seconds": round(ours, 4),
        "floor_seconds": round(floor, 6), "plain": peer, "plain_seconds": round(theirs, 3),
    }  # fmt: skip


def lay_out(folder: Path, asked: argparse.Namespace) -> None:
    """Lay out a workspace with the lines that go through a whole run, and the items of each."""
    rows: dict[str, dict[str, list[Any]]] = {name: {"id": [], "amount": [], "ccy": [], "day": []} for name in KINDS}
    for ccy, (line, how) in WHOLE.items():
        amounts, target, _ = pools(line, asked.items, asked.seed)[how]
        items = [(f"{ccy}-{n:05}", amount, ccy, n % 20) for n, amount in enumerate(amounts.tolist())]
        for name, said in (("erp", items), ("bank", [(f"{ccy}-line", target, ccy, 25)])):
            for column, values in zip(rows[name].values(), zip(*said, strict=True), strict=True):
                column.extend(values)
    for part in ("data", "mappings", "rules"):
        (folder / part).mkdir(parents=True)
    (folder / "tieout.toml").write_text(two_sources("items", "erp"))
    (folder / "rules" / "own.toml").write_text(RULES)
    for name, kind in KINDS.items():
        (folder / "mappings" / f"{name}.toml").write_text(MAPPING.format(id=name, kind=kind))
        day = pa.array(rows[name].pop("day"), pa.int32())
        pq.write_table(pa.table({**rows[name], "day": day}), folder / "data" / f"{name}.parquet")


def in_a_run(asked: argparse.Namespace) -> dict[str, Any]:
    """Let the lines go through a whole run; gives its seconds, and what is told of each line."""
    folder = Path(tempfile.mkdtemp(prefix="tieout-selection-"))
    try:
        lay_out(folder / "place", asked)
        workspace = load_workspace(folder / "place")
        store = open_store(workspace, system_clock, system_entropy, "benchmark")
        for source in KINDS:
            list(pipeline.ingest(store, workspace, [folder / "place" / "data" / f"{source}.parquet"], source))
        outcomes, seconds = timed(lambda: list(pipeline.match(store, workspace)))
        for name in ("matches", "exceptions"):
            export(store, workspace, name, folder / f"{name}.parquet")
        store.close()
        matches, exceptions = (
            pq.read_table(folder / f"{name}.parquet").to_pylist() for name in ("matches", "exceptions")
        )
    finally:
        shutil.rmtree(folder)
    parts = {row["external_id"]: row["match_id"] for row in matches}
    told = {row["external_id"]: f"{row['reason']}: {row['note']}" for row in exceptions}
    lines = {}
    for ccy, (line, how) in WHOLE.items():
        name = f"{ccy}-line"
        several = sum(row["match_id"] == parts.get(name) for row in matches) - 1
        lines[ccy] = {
            "line": line,
            "pool": how,
            "told": f"matched with {several} items" if name in parts else told[name],
        }
    return {"seconds": round(seconds, 2), "phases": outcomes[0].seconds, "lines": lines}


def main(arguments: list[str] | None = None) -> None:
    options = argparse.ArgumentParser()
    for name, usual in (("items", 1_000), ("seed", 7), ("times", 3)):
        options.add_argument(f"--{name}", type=int, default=usual)
    options.add_argument("--json", action="store_true")
    asked = options.parse_args(arguments)
    found = []
    for line in LINES:
        print(f"a line of {line / 100:,.2f}, {asked.items:,} items; seconds of processor")
        for how in pools(line, asked.items, asked.seed):
            own = decided(line, how, asked)
            found.append(own)
            print(
                f"  {how}: {own['verdict']} ({own['known'] or 'nothing is known'}) in {own['seconds']:.3f} s,"
                f" {own['operations']:,} operations; floor {own['floor_seconds']:.6f} s;"
                f" plainly {own['plain']} in {own['plain_seconds']:.2f} s",
                flush=True,
            )
    whole = in_a_run(asked)
    print(f"five lines and their items in a whole run: {whole['seconds']:.2f} s")
    for ccy, own in whole["lines"].items():
        print(f"  {ccy}, {own['line'] / 100:,.2f}, {own['pool']}: {own['told']}")
    if asked.json:
        print(json.dumps({"seed": asked.seed, "bound": OPERATIONS_MAX, "cases": found, "whole": whole}))


if __name__ == "__main__":
    main()
