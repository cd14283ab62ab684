"""
What a run costs when nearly everything was matched before: new lines over a long history, and over none.

    .venv/bin/python -m benchmarks.incremental [--new 100000] [--history 20000000] [--folder DIR] [--times 3]

The history is documents and payments that name each other, read in and matched a million at a time (kept in DIR, if it
is named, for the next time). The same new lines are then read into a copy of it and into an empty workspace; both match
them, by turns. The reach is twice the time of the empty one. Both must find the same.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from tieout.bench.pairs import make_pairs
from tieout.bench.places import copy_place, make_place
from tieout.bench.processes import measured

#: Documents that come in and are matched together.
_AT_ONCE = 500_000
_LIMIT = 2.0


def history(folder: Path, rows: int) -> None:
    """Make so many matched rows, half of them documents and half payments, in as many steps as it takes."""
    import duckdb

    data = folder.parent / "history-data"
    data.mkdir(parents=True, exist_ok=True)
    for first in range(0, rows // 2, _AT_ONCE):
        last = min(first + _AT_ONCE, rows // 2)
        with duckdb.connect() as con:
            told = f"""'OLD-' || lpad(n::varchar, 9, '0') as ref, (100 + hash(n) % 500000)::bigint as amount,
                20454 + (n * 200 // {max(rows // 2, 1)})::integer as day from range({first}, {last}) t(n)"""
            con.execute(
                f"""copy (select 'pay-' || ref as txn_id, 'charge' as type, 'EUR' as ccy, amount as gross, 0::bigint as fee,
                    amount as net, day, null::varchar as payout_id, ref as order_ref, null::varchar as customer
                    from (select {told})) to '{data}/psp.parquet'"""  # noqa: S608 - our own words
            )
            con.execute(
                f"""copy (select 'doc-' || ref as doc_no, ref as reference, null::varchar as customer, amount, 'EUR' as ccy,
                    day from (select {told})) to '{data}/erp.parquet'"""  # noqa: S608 - as above
            )
        bring(folder, data)
        found = measured("ours", folder)["counts"]["items"]
        print(f"matched {2 * last:,} rows of history; {found}", file=sys.stderr)


def bring(place: Path, data: Path) -> None:
    """Read documents and payments in."""
    measured("ingest", place, data, "erp", "psp")


def only_items(place: Path) -> None:
    """Leave documents and payments: payouts stay provisional, and are no history."""
    text = (place / "tieout.toml").read_text(encoding="utf-8")
    (place / "tieout.toml").write_text(text[: text.index('[[reconciliation]]\nid = "payouts"')], encoding="utf-8")


def main() -> None:
    """Build what is missing, measure both by turns, and say whether the reach holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--new", type=int, default=100_000)
    parser.add_argument("--history", type=int, default=20_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--seed", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.folder or Path(scratch)
        new = folder / f"new-{asked.new}"
        if not new.exists():
            make_pairs(new, asked.new, asked.seed)
        old = folder / f"history-{asked.history}"
        if not old.exists():
            make_place(folder / "building", new)
            only_items(folder / "building")
            history(folder / "building", asked.history)
            (folder / "building").rename(old)
        over = {"empty": folder / "over-empty", "history": folder / "over-history"}
        for place in over.values():
            shutil.rmtree(place, ignore_errors=True)
        make_place(over["empty"], new)
        only_items(over["empty"])
        copy_place(old, over["history"])
        for place in over.values():
            bring(place, new)
        turns = []
        for _ in range(asked.times):
            turn = {}
            for name, place in over.items():
                copy_place(place, folder / "turn")
                turn[name] = measured("ours", folder / "turn")
                shutil.rmtree(folder / "turn")
            turns.append(turn)
    finals = {name: turns[-1][name]["counts"]["items"]["final"] for name in over}
    for name in over:
        seconds, processor = (statistics.median(t[name][of] for t in turns) for of in ("seconds", "processor"))
        peak = max(t[name]["peak_mb"] for t in turns)
        print(
            f"{asked.new:,} new lines over {name}: {seconds:.2f} s, {processor:.2f} s of processor, peak {peak:.0f} MB"
        )
    ratios = [statistics.median(t["history"][of] / t["empty"][of] for t in turns) for of in ("seconds", "processor")]
    print(
        f"over {asked.history:,} matched rows: {ratios[0]:.2f}x the time, {ratios[1]:.2f}x in processor time; reach {_LIMIT}x"
    )
    if finals["empty"] != finals["history"]:
        message = f"expected the same final matches over both, got {finals}"
        raise SystemExit(message)


if __name__ == "__main__":
    main()
