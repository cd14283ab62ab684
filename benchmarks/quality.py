"""
How well the files of companies that do not exist tie out, position by position, against the truth about them.

    .venv/bin/python -m benchmarks.quality [--seeds 1-10] [--size demo] [--misses 15] [--json]

Makes the company of each seed, reads its files, matches, and prints how many matches there are and how many are wrong,
how many positions are as expected, and what the others are; then of how many accounts the proof is off by nothing: held
against what the outside reports, against the ledger, and against the truth's balance. With ``--json`` each seed is one
object on a line.
"""

import argparse
import dataclasses
import json
import shutil
import tempfile
from pathlib import Path

from tieout import pipeline
from tieout.bench.judging import Judgement, judge
from tieout.bench.proving import JudgedProof, judge_proofs
from tieout.clock import system_clock, system_entropy
from tieout.config import load_workspace
from tieout.simulation.company import make_company
from tieout.store.workplace import open_store


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--seeds", default="1-10", help="such as 4, 1-10 or 3,7-9")
    options.add_argument("--size", default="demo", help="demo, or about how many platform rows")
    options.add_argument("--month", default="2026-10")
    options.add_argument("--misses", type=int, default=15, help="so many lines of them, the most frequent first")
    options.add_argument("--folder", type=Path, help="keep the workspaces there")
    options.add_argument("--json", action="store_true")
    asked = options.parse_args()
    size = int(asked.size) if asked.size.isdigit() else asked.size
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="tieout-quality-"))
    for seed in seeds(asked.seeds):
        place = folder / str(seed)
        shutil.rmtree(place, ignore_errors=True)
        found, proofs = tie_out(place, seed, size, asked.month)
        if asked.json:
            proven = [dataclasses.asdict(proof) for proof in proofs]
            print(json.dumps({"seed": seed, **dataclasses.asdict(found), "proofs": proven}, default=str), flush=True)
        else:
            say(seed, found, asked.misses)
            say_proofs(proofs)
        if asked.folder is None:
            shutil.rmtree(place)
    if asked.folder is None:
        shutil.rmtree(folder)


def seeds(text: str) -> list[int]:
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def tie_out(place: Path, seed: int, size: str | int, month: str) -> tuple[Judgement, tuple[JudgedProof, ...]]:
    made = make_company(place, seed=seed, size=size, month=month)
    workspace = load_workspace(place)
    store = open_store(workspace, system_clock, system_entropy, "benchmark")
    for outcome in pipeline.ingest(store, workspace):
        if isinstance(outcome, Exception):
            raise outcome
    list(pipeline.match(store, workspace))
    found = judge(store, workspace, made.truth), judge_proofs(store, workspace, made.truth)
    store.close()
    return found


def say(seed: int, found: Judgement, most: int) -> None:
    print(
        f"seed {seed}: {found.matches:,} matches, {len(found.wrong)} wrong; {found.right:,} of {found.positions:,} positions"
        f" as expected ({found.right / found.positions:.2%}), {found.unknown} without a record,"
        f" {sum(miss.count for miss in found.gone)} shown to nobody"
    )
    for wrong in found.wrong:
        print(f"    WRONG {wrong.reconciliation}, {wrong.rule}: {wrong.records} {wrong.groups} {wrong.troubles}")
    for miss in found.misses[:most]:
        told = "" if miss.is_shown else " SHOWN TO NOBODY"
        print(
            f"  {miss.count:>6,}  {miss.trouble} ({miss.reconciliation}, {miss.claim}): expected {miss.expected},"
            f" is {miss.state}{told}; such as {miss.example}"
        )
    if len(found.misses) > most:
        print(f"  {sum(m.count for m in found.misses[most:]):>6,}  others")


def say_proofs(proofs: tuple[JudgedProof, ...]) -> None:
    told = (
        f"{sum(getattr(proof, name) == 0 for proof in proofs)} of {sum(getattr(proof, name) is not None for proof in proofs)} {words}"
        for name, words in (
            ("rolled", "lead to the balance reported"),
            ("residual", "meet the ledger"),
            ("apart", "are the truth's"),
        )
    )
    print(f"    {len(proofs)} accounts' proofs, off by 0.00: {', '.join(told)}")
    for proof in proofs:
        if not proof.is_right:
            off = f"truth: {proof.apart}, first day off: {proof.breaks_on or 'none'}"
            print(f"    OFF {proof.account_id} {proof.currency}: {proof.verdict} ({off})", flush=True)


if __name__ == "__main__":
    main()
