"""
The first tie-out: documents with payments and payouts with bank lines, against the floor and the peers.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import statistics
from contextlib import closing
from typing import TYPE_CHECKING, Any

from tieout.bench.peers import PEERS, is_installed
from tieout.bench.places import copy_place, make_place
from tieout.bench.processes import measured

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tieout.bench.quality import Quality

__all__ = ["growth", "lines_of", "measure"]

#: The floor is the median of so many.
_FLOORS = 5


def measure(folder: Path, data: Path, *, times: int = 1, peers: Sequence[str] = tuple(PEERS)) -> dict[str, Any]:
    """
    Read the pairs of a folder into a workspace and match them, beside the floor and the peers.

    What is measured runs by turns, ``times`` times; every figure is the median of its own, every ratio that of the
    ratios within one turn, because what slows one of them slows the others.

    :param folder: a scratch folder.
    :param data: a folder of pairs (``bench.pairs``).
    :return: one object for JSON.
    """
    place = folder / "place"
    make_place(place, data)
    came_in = {"floor": measured("copy", data, folder), "ours": measured("ingest", place, data)}
    came_in["keys"] = measured("keys", place)
    here = [name for name in peers if is_installed(name)]
    turns: list[dict[str, Any]] = []
    target = folder / "matched"
    for _ in range(times):
        turn: dict[str, Any] = {"load": os.getloadavg()[0], "floor": measured("floor", place, _FLOORS)}
        copy_place(place, target)
        turn["ours"] = measured("ours", target)
        for name in here:
            (folder / name).mkdir(exist_ok=True)
            turn[name] = measured("peer", PEERS[name], data, folder / name)
        turns.append(turn)
    quality = {"ours": _ours_judged(target, data)}
    quality |= {name: _peer_judged(folder / name, data) for name in here}
    shutil.rmtree(target)
    return {
        "lines": _rows(data),
        "ingest": came_in,
        **_medians(turns, ["floor", "ours", *here]),
        "quality": quality,
        "absent": [name for name in peers if name not in here],
    }


def _medians(turns: list[dict[str, Any]], names: list[str]) -> dict[str, Any]:
    """Give the median of each figure, and of each ratio of ours to the others."""
    found: dict[str, Any] = {"load": [round(turn["load"], 1) for turn in turns]}
    for name in names:
        found[name] = {
            of: round(statistics.median(turn[name][of] for turn in turns), 3)
            for of in ("seconds", "processor", "peak_mb")
        }
    found["floors"] = turns[-1]["floor"]["each"]
    last = turns[-1]["ours"]
    found["phases"] = {
        reconciliation: {
            phase: round(statistics.median(turn["ours"]["phases"][reconciliation][phase] for turn in turns), 3)
            for phase in ("read", "match", "write")
        }
        for reconciliation in last["phases"]
    }
    found["whole"] = round(statistics.median(turn["ours"]["whole"] for turn in turns), 3)
    found["counts"] = last["counts"]
    found["ratios"] = {
        name: {
            of: round(statistics.median(turn["ours"][of] / turn[name][of] for turn in turns), 3)
            for of in ("seconds", "processor")
        }
        for name in names
        if name != "ours"
    }
    return found


def _rows(data: Path) -> int:
    import pyarrow.parquet as pq

    rows: int = pq.read_metadata(data / "psp.parquet").num_rows
    return rows


def _ours_judged(place: Path, data: Path) -> dict[str, Any]:
    from tieout.bench.quality import found_by_us, judged
    from tieout.clock import system_clock, system_entropy
    from tieout.config import load_workspace
    from tieout.store.workplace import open_store

    store = open_store(load_workspace(place), system_clock, system_entropy, "benchmark")
    with closing(store), closing(found_by_us(store)) as con:
        return _told(judged(con, data))


def _peer_judged(into: Path, data: Path) -> dict[str, Any]:
    from tieout.bench.quality import found_by_peer, judged

    with closing(found_by_peer(into)) as con:
        return _told(judged(con, data))


def _told(found: dict[str, Quality]) -> dict[str, Any]:
    return {
        name: {
            **dataclasses.asdict(quality),
            "precision": quality.precision,
            "recall": quality.recall,
            "recall_decidable": quality.recall_decidable,
        }
        for name, quality in found.items()
    }


def growth(smaller: dict[str, Any], larger: dict[str, Any]) -> dict[str, Any]:
    """Say how much more the larger size takes than the smaller one: rows, and time of each."""
    names = [name for name in ("floor", "ours", *PEERS) if name in smaller and name in larger]
    return {
        "lines": round(larger["lines"] / smaller["lines"], 2),
        **{
            name: {of: round(larger[name][of] / smaller[name][of], 2) for of in ("seconds", "processor")}
            for name in names
        },
    }


def lines_of(found: dict[str, Any]) -> Iterator[str]:
    """Tell people what was measured, line by line."""
    yield f"{found['lines']:,} platform lines; load of the machine {', '.join(map(str, found['load']))}"
    for name in ("floor", "ours", *PEERS):
        if name in found:
            own = found[name]
            ratio = found["ratios"].get(name)
            beside = (
                f"; ours takes {ratio['seconds']:.2f}x, {ratio['processor']:.2f}x in processor time" if ratio else ""
            )
            yield (
                f"  {name}: {own['seconds']:.2f} s, {own['processor']:.2f} s of processor time,"
                f" peak {own['peak_mb']:,.0f} MB{beside}"
            )
    for name in found["absent"]:
        yield f"  {name}: not installed, so not measured (pip install {name})"
    came_in = {
        what: f"{own['seconds']:.2f} s, {own['processor']:.2f} s of processor time"
        for what, own in found["ingest"].items()
    }
    yield f"  before it, at intake: keys and normal texts of all records {came_in['keys']} (computed again, by themselves)"
    yield f"  the whole intake {came_in['ours']}; its floor, a copy of the files, {came_in['floor']}"
    for reconciliation, phases in found["phases"].items():
        yield f"  {reconciliation}: " + ", ".join(f"{phase} {taken:.2f} s" for phase, taken in phases.items())
    every = {phase: sum(own[phase] for own in found["phases"].values()) for phase in ("read", "match", "write")}
    yield "  in sum: " + ", ".join(f"{phase} {taken:.2f} s" for phase, taken in every.items())
    yield f"  with the list of exceptions for people {found['whole']:.2f} s"
    for who, judged in found["quality"].items():
        for reconciliation, own in judged.items():
            yield (
                f"  {who}, {reconciliation}: precision {_share(own['precision'])}, recall {_share(own['recall'])},"
                f" of what is decidable {_share(own['recall_decidable'])} ({own['found']:,} found,"
                f" {own['found'] - own['right']:,} wrong, {own['expected']:,} expected, {_counted(own['decidable'])} decidable)"
            )
            for rule, (count, right) in own["rules"].items():
                wrong = f", {count - right:,} wrong" if count > right else ""
                yield f"      {count:>9,}  {rule}{wrong}"


def _share(of: float | None) -> str:
    return "none" if of is None else f"{of:.5f}"


def _counted(of: int | None) -> str:
    return "nobody says how many" if of is None else f"{of:,}"
