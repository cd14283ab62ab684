"""
How well and how fast a rule that learns links splink's public bank transactions, with Splink 5 in the same run.

    .venv/bin/python -m benchmarks.link_transactions --data DIR [--removed 0.0,0.1,0.3] [--half judged]

DIR holds splink_transactions_origin.parquet and splink_transactions_destination.parquet (both sides of payments; see
github.com/moj-analytical-services/splink_datasets). Rows are shuffled and given new ids, the share ``removed`` is taken
off each side by itself, and what is left goes the product's own way: files, ingest, one reconciliation with the rules
below, export. Nobody's answers are used but to count what came out. They are counted over one half of the payments (by
a hash of the truth): everything that was looked at while this was written lies in the other (``--half looked-at``).

One JSON object a line: engine, removed, precision, recall, f1, seconds (of linking: reading files is left out for
both), and ``matches``, which says what is counted. Splink is in the dependency group ``bench`` (``uv sync --group
bench``); where it is not installed its lines are left out, and standard error says so.
"""

import argparse
import hashlib
import json
import logging
import shutil
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from tieout import pipeline
from tieout.clock import system_clock, system_entropy
from tieout.config import load_workspace
from tieout.observe.results import matches_relation, prepare_results
from tieout.observe.snapshot import take_snapshot
from tieout.store.engine import connect
from tieout.store.workplace import open_store

SIDES = ("origin", "destination")
HALVES = ("looked-at", "judged")
#: As Splink's own example has them: up to 30 days later, and between 0.7 and 1.3 of the amount.
RULE = """
[[rule]]
name = "{name}"
learn = [{{ left = "text", right = "text" }}]
amount = {{ pct = "30" }}
days = {{ from = 0, to = 30 }}
{more}
"""
RULES = (
    '[rules]\nid = "own"\nclaims = "by kind"\n'
    + RULE.format(name="sure", more='coincidence = "0.002"')
    + RULE.format(name="likely", more='coincidence = "0.5"\nconfirm = false')
)
WORKSPACE = """
[workspace]
name = "Links"
base_currency = "GBP"

[[entity]]
id = "own"

[[source]]
id = "origin"
mapping = "mappings/origin.toml"

[[source]]
id = "destination"
mapping = "mappings/destination.toml"

[[reconciliation]]
id = "links"
left = { source = "origin" }
right = { source = "destination" }
rules = "rules/own.toml"
"""
MAPPING = """
[mapping]
id = "{side}"
format = "csv"
identify = ["{side}", "memo"]

[fields]
kind = "'bank_entry'"
external_id = "{side}"
amount = "amount"
currency = "'GBP'"
booked_on = "day::date"
text = "memo"
"""


@dataclass(frozen=True)
class Payments:
    """One side after shuffling: ids mean nothing, ``truth`` is by id."""

    table: pa.Table
    truth: list[int]


def main(arguments: list[str] | None = None) -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--removed", default="0.0,0.1,0.3", help="shares taken off each side, separated by commas")
    options.add_argument("--half", choices=HALVES, default="judged", help="over which answers are counted")
    options.add_argument("--seed", type=int, default=1, help="of the shuffling and the removal")
    options.add_argument("--folder", type=Path, help="keep the workspaces there")
    asked = options.parse_args(arguments)
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="tieout-links-"))
    for text in asked.removed.split(","):
        removed = float(text)
        sides = {side: drawn(asked.data, side, removed, asked.seed) for side in SIDES}
        for found in (*with_tieout(folder / text, sides), *with_splink(sides)):
            told = judged(found, sides, asked.half)
            line = {"engine": found["engine"], "removed": removed, **told, "seconds": round(found["seconds"], 2)}
            print(json.dumps({**line, "matches": found["matches"]}), flush=True)
    if asked.folder is None:
        shutil.rmtree(folder)


def drawn(data: Path, side: str, removed: float, seed: int) -> Payments:
    """Shuffle a side, take a share off, and number what is left anew."""
    rows = (
        duckdb.read_parquet(str(data / f"splink_transactions_{side}.parquet"))
        .project("ground_truth, memo, transaction_date as day, amount::decimal(18, 2) as amount")
        .order("ground_truth")
        .to_arrow_table()
    )
    order = np.random.default_rng([seed, SIDES.index(side)]).permutation(rows.num_rows)
    rows = rows.take(order[: round(len(order) * (1 - removed))])
    truth = rows["ground_truth"].to_pylist()
    return Payments(rows.drop(["ground_truth"]).append_column("id", pa.array(range(len(truth)))), truth)


def judged(found: dict[str, Any], sides: dict[str, Payments], half: str) -> dict[str, float]:
    """Count over one half: wrong is a match of which either payment lies in it."""
    left, right = (sides[side].truth for side in SIDES)
    there = {truth for truth in set(left) & set(right) if half_of(truth) == half}
    of_half = [(a, b) for a, b in found["pairs"] if half in (half_of(left[a]), half_of(right[b]))]
    true = sum(left[a] == right[b] for a, b in of_half)
    precision, recall = true / max(len(of_half), 1), true / max(len(there), 1)
    f1 = 2 * precision * recall / (precision + recall) if true else 0.0
    return {"precision": round(precision, 5), "recall": round(recall, 5), "f1": round(f1, 5)}


def half_of(truth: int) -> str:
    return HALVES[int(hashlib.sha256(f"half {truth}".encode()).hexdigest(), 16) % 2]


def with_tieout(folder: Path, sides: dict[str, Payments]) -> list[dict[str, Any]]:
    """Read two files in, match, and read the matches back."""
    (folder / "mappings").mkdir(parents=True)
    (folder / "rules").mkdir()
    (folder / "tieout.toml").write_text(WORKSPACE)
    (folder / "rules/own.toml").write_text(RULES)
    for side in SIDES:
        (folder / f"mappings/{side}.toml").write_text(MAPPING.format(side=side))
        rows = duckdb.from_arrow(sides[side].table).project(f'id as "{side}", day, amount, memo')
        rows.write_csv(str(folder / f"{side}.csv"))
    workspace = load_workspace(folder)
    store = open_store(workspace, system_clock, system_entropy, "benchmark")
    for delivered in pipeline.ingest(store, workspace, [folder / f"{side}.csv" for side in SIDES]):
        if isinstance(delivered, Exception):
            raise delivered
    (outcome,) = list(pipeline.match(store, workspace))
    snapshot = take_snapshot(store, workspace)
    with closing(connect()) as con:
        prepare_results(con, store.lake, snapshot, ("adjustments", "matches"))
        found = con.sql(
            f"""select max(external_id) filter (side = 'left')::bigint, max(external_id) filter (side = 'right')::bigint,
                any_value(rule) from {matches_relation(store.lake, snapshot)} group by match_id"""  # noqa: S608 - its own relation
        ).fetchall()
    store.close()
    seconds = sum(outcome.seconds.values())
    return [
        {
            "engine": "tieout",
            "matches": told,
            "pairs": [(a, b) for a, b, rule in found if rule in rules],
            "seconds": seconds,
        }
        for told, rules in (("confirmed", ("sure",)), ("confirmed and proposed", ("sure", "likely")))
    ]


def with_splink(sides: dict[str, Payments]) -> list[dict[str, Any]]:
    try:
        import splink  # noqa: F401 - whether it is there
    except ImportError:
        print("Splink is left out: it is not installed (uv sync --group bench)", file=sys.stderr)
        return []
    logging.disable(logging.WARNING)  # it tells of every step
    return [
        {"engine": "splink", "matches": f"{told}; best of both sides", **linked(sides, *model())}
        for told, model in (("its published example", published), ("with comparisons as fine as ours", refined))
    ]


def linked(
    sides: dict[str, Payments], blocking: list[Any], comparisons: list[Any], trained_on: list[Any], least: float
) -> dict[str, Any]:
    """Train a model without labels, score its candidates, and keep the best of both sides that is no tie."""
    from splink import DuckDBAPI, Linker, SettingsCreator

    tables = {}
    for side in SIDES:
        rows = duckdb.from_arrow(sides[side].table).project(
            r"""id as unique_id, upper(trim(memo)) as memo, day as transaction_date, amount::double as amount,
                regexp_replace(upper(trim(memo)), ' [A-Z]{1,3}$', '') as stem, split_part(upper(memo), ' ', 1) as word"""
        )
        tables[side] = rows.to_arrow_table()
    began = time.perf_counter()
    con = duckdb.connect()
    database = DuckDBAPI(connection=con)
    settings = SettingsCreator(
        link_type="link_only",
        probability_two_random_records_match=1 / tables["origin"].num_rows,
        blocking_rules_to_generate_predictions=blocking,
        comparisons=comparisons,
        retain_intermediate_calculation_columns=False,
    )
    names = {"origin": "_a", "destination": "_b"}
    linker = Linker([database.register(tables[s], dataset_display_name=names[s]) for s in SIDES], settings)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for rule in trained_on:
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    found = linker.inference.predict(threshold_match_weight=least)
    pairs = con.execute(
        f"""with p as (select unique_id_l as l, unique_id_r as r, match_weight as w from {found.physical_name}),
            q as (select *, max(w) over (partition by l) as best_l, max(w) over (partition by r) as best_r from p),
            z as (select *, count(*) filter (w = best_l) over (partition by l) as ties_l,
                count(*) filter (w = best_r) over (partition by r) as ties_r from q)
            select l, r from z where w = best_l and w = best_r and ties_l = 1 and ties_r = 1"""  # noqa: S608 - its own name
    ).fetchall()
    return {"pairs": pairs, "seconds": time.perf_counter() - began}


def published() -> tuple[list[Any], list[Any], list[Any], float]:
    """Give Splink's own example for these data, without the rule that blocks on the truth."""
    import splink.comparison_level_library as levels
    import splink.comparison_library as library
    from splink import block_on

    near = "substr(l.memo, 1, 3) = substr(r.memo, 1, 3) and l.amount / r.amount > 0.7 and l.amount / r.amount < 1.3"
    month, week = "strftime({}, '%Y%m')", "yearweek({})"
    day, other = "l.transaction_date", "r.transaction_date"
    blocking = [
        f"{month.format(day)} = {month.format(other)} and {near}",
        f"{month.format(day + ' + 15')} = {month.format(other)} and {near}",
        block_on("substr(memo, 1, 9)"),
        f"round(l.amount / 2, 0) * 2 = round(r.amount / 2, 0) * 2 and {week.format(other)} = {week.format(day)}",
        f"round(l.amount / 2, 0) * 2 = round((r.amount + 1) / 2, 0) * 2 and {week.format(other)} = {week.format(day + ' + 4')}",
    ]
    amount = _amounts(0.01, 0.03, 0.1, 0.3)
    within = "transaction_date_r - transaction_date_l <= {0} and transaction_date_r >= transaction_date_l"
    days = {
        "output_column_name": "transaction_date",
        "comparison_levels": [
            levels.NullLevel("transaction_date"),
            *({"sql_condition": within.format(n), "label_for_charts": f"up to {n} days"} for n in (1, 4, 10, 30)),
            levels.ElseLevel(),
        ],
    }
    comparisons = [amount, library.LevenshteinAtThresholds("memo", [2, 6, 10]), days]
    return blocking, comparisons, [block_on("memo"), block_on("amount")], -10.0


def _amounts(*parts: float) -> dict[str, Any]:
    """Compare amounts: equal, or apart by at most these parts of one."""
    import splink.comparison_level_library as levels

    return {
        "output_column_name": "amount",
        "comparison_levels": [
            levels.NullLevel("amount"),
            levels.ExactMatchLevel("amount"),
            *(levels.PercentageDifferenceLevel("amount", part) for part in parts),
            levels.ElseLevel(),
        ],
    }


def refined() -> tuple[list[Any], list[Any], list[Any], float]:
    """Give Splink finer levels of days and amounts, and levels that know of texts which were cut off."""
    import splink.comparison_level_library as levels
    from splink import block_on

    def level(condition: str) -> dict[str, str]:
        return {"sql_condition": condition, "label_for_charts": condition}

    within = "r.transaction_date between l.transaction_date and l.transaction_date + 30"
    near = "r.amount between l.amount * 0.7 and l.amount * 1.3"
    blocking = [
        f"substr(l.memo, 1, 3) = substr(r.memo, 1, 3) and {within} and {near}",
        f"l.amount = r.amount and {within}",
    ]
    amount = _amounts(0.01, 0.02, 0.03, 0.04, 0.05, 0.07, 0.1, 0.15, 0.3)
    later = "transaction_date_r - transaction_date_l"
    days = {
        "output_column_name": "transaction_date",
        "comparison_levels": [
            levels.NullLevel("transaction_date"),
            *(level(f"{later} = {n}") for n in (1, 2, 3, 4, 5, 6)),
            *(level(f"{later} >= 1 and {later} <= {n}") for n in (9, 13, 17, 21)),
            levels.ElseLevel(),
        ],
    }
    memo = {
        "output_column_name": "memo",
        "comparison_levels": [
            levels.NullLevel("memo"),
            levels.ExactMatchLevel("memo", term_frequency_adjustments=True),
            level("length(memo_l) >= 12 and starts_with(memo_r, memo_l)"),
            level("length(memo_l) >= 5 and starts_with(memo_r, memo_l)"),
            level("length(memo_r) >= 5 and starts_with(memo_l, memo_r)"),
            level("length(stem_r) >= 4 and starts_with(memo_l, stem_r)"),
            level("length(stem_l) >= 4 and starts_with(memo_r, stem_l)"),
            level("jaro_winkler_similarity(memo_l, memo_r) >= 0.95"),
            level("jaro_winkler_similarity(memo_l, memo_r) >= 0.88"),
            level("word_l = word_r"),
            levels.ElseLevel(),
        ],
    }
    return blocking, [amount, memo, days], [block_on("memo"), block_on("amount")], -15.0


if __name__ == "__main__":
    main()
