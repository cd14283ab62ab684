"""The benchmark of what links bank transactions runs, on payments made here, and prints what it promises."""

import datetime as dt
import json
import random
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.link_transactions import main

PAYMENTS = 600
FIRST = dt.date(2026, 1, 5)


def write_sides(into: Path) -> None:
    """Write two files as splink's public ones are: the payee's text is cut, a day or two later, and little is charged."""
    drawn = random.Random(7)
    sides: dict[str, list[dict[str, object]]] = {"origin": [], "destination": []}
    for n in range(PAYMENTS):
        memo = f"{drawn.choice(('RENT', 'INVOICE', 'SALARY', 'GOODS'))} {drawn.choice('ABCDEFGH')}{drawn.randrange(10**6):06d} {drawn.choice(('NORTH', 'SOUTH'))}"
        amount, day = drawn.randrange(1_000, 900_000) / 100, FIRST + dt.timedelta(days=drawn.randrange(300))
        paid = {"memo": memo, "transaction_date": day, "amount": amount}
        arrived = {
            "memo": memo[:14],
            "transaction_date": day + dt.timedelta(days=drawn.randrange(1, 4)),
            "amount": amount,
        }
        for side, row in (("origin", paid), ("destination", arrived)):
            sides[side].append({"ground_truth": n, **row})
    for side, rows in sides.items():
        pq.write_table(pa.Table.from_pylist(rows), into / f"splink_transactions_{side}.parquet")


def test_it_prints_a_line_for_each_engine_and_share(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_sides(tmp_path)
    main(["--data", str(tmp_path), "--removed", "0.1"])
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["engine"] for line in printed} == {"tieout", *(["splink"] if find_spec("splink") else [])}
    for line in printed:
        assert line.keys() == {"engine", "removed", "precision", "recall", "f1", "seconds", "matches"}
        assert line["removed"] == 0.1
    best = max(line["recall"] for line in printed if line["engine"] == "tieout")
    assert best > 0.5  # it found matches, and they were read back
