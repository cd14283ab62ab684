"""Pairs are compared with the truth, and what is wrong or missing shows."""

from pathlib import Path

import duckdb
import pytest

from tieout.bench.pairs import make_pairs
from tieout.bench.peers import is_installed
from tieout.bench.quality import found_by_peer, judged


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("pairs")
    make_pairs(folder, 10_000, 8)
    return folder


def write_found(pairs: Path, into: Path, items: str, payouts: str) -> None:
    con = duckdb.connect()
    for name, query in (("items", items), ("payouts", payouts)):
        con.execute(f"copy ({query.format(pairs=pairs)}) to '{into}/{name}.parquet'")


TRUE_ITEMS = "select doc_no as doc, txn_id as txn, 'truth' as rule from read_parquet('{pairs}/truth_pe.parquet') where not dup and how < 6"
TRUE_PAYOUTS = (
    "select payout_id as payout, line_id as line, 'truth' as rule from read_parquet('{pairs}/truth_pb.parquet')"
)


def test_the_truth_itself_is_perfect(pairs: Path, tmp_path: Path) -> None:
    write_found(pairs, tmp_path, TRUE_ITEMS, TRUE_PAYOUTS)
    for found in judged(found_by_peer(tmp_path), pairs).values():
        assert (found.precision, found.recall, found.missed) == (1.0, 1.0, {})
        assert found.expected > 0


def test_wrong_and_missing_pairs_are_counted_by_rule(pairs: Path, tmp_path: Path) -> None:
    shifted = f"select doc, lead(txn, 1, 'none') over (order by txn) as txn, 'shifted' as rule from ({TRUE_ITEMS})"
    write_found(pairs, tmp_path, shifted, f"{TRUE_PAYOUTS} limit 50")
    found = judged(found_by_peer(tmp_path), pairs)
    assert found["items"].precision == 0.0
    assert found["items"].recall == 0.0
    assert found["items"].rules == {"shifted": (found["items"].found, 0)}
    assert found["payouts"].precision == 1.0
    assert found["payouts"].hit == 50
    assert sum(found["payouts"].missed.values()) == found["payouts"].expected - 50


@pytest.mark.skipif(not is_installed("pandas"), reason="pandas is not installed: pip install pandas")
def test_what_pandas_finds_makes_sense(pairs: Path, tmp_path: Path) -> None:
    from tieout.bench.peers.pandas_match import match

    match(pairs, tmp_path)
    found = judged(found_by_peer(tmp_path), pairs)
    for own in found.values():
        assert own.precision is not None
        assert own.recall is not None
        assert own.precision > 0.999
        assert own.recall > 0.98
    assert set(found["items"].rules) == {
        "exact", "spelled otherwise", "a small difference", "another currency", "name, day and amount",
    }  # fmt: skip
    assert set(found["payouts"].rules) == {"number and amount", "number and sum", "the only one of that amount"}
