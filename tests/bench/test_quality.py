"""Pairs are compared with the truth, and what is wrong or missing shows."""

from importlib import import_module
from pathlib import Path

import duckdb
import pytest

from tieout.bench.pairs import make_pairs
from tieout.bench.peers import PEERS, is_installed
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


@pytest.mark.parametrize("name", PEERS)
def test_what_a_peer_finds_makes_sense(pairs: Path, tmp_path: Path, name: str) -> None:
    if not is_installed(name):
        pytest.skip(f"{name} is not installed: pip install {name}")
    import_module(PEERS[name]).match(pairs, tmp_path)
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


def test_peers_find_the_same(pairs: Path, tmp_path: Path) -> None:
    here = [name for name in PEERS if is_installed(name)]
    if len(here) < 2:
        pytest.skip("one peer alone agrees with itself: `uv sync --group bench` brings others")
    for name in here:
        (tmp_path / name).mkdir()
        import_module(PEERS[name]).match(pairs, tmp_path / name)
    for file, columns in (("items", "doc, txn, rule"), ("payouts", "payout, line, rule"), ("open", "id")):
        query = f"select {columns} from '{tmp_path}/{{}}/{file}.parquet' order by all"
        rows = [duckdb.execute(query.format(name)).fetchall() for name in here]
        assert all(each == rows[0] for each in rows), file


def test_what_is_decidable_is_counted_where_the_truth_says_it(pairs: Path, tmp_path: Path) -> None:
    """Without the truth's word nobody says how many are."""
    write_found(pairs, tmp_path, TRUE_ITEMS, f"{TRUE_PAYOUTS} where decidable")
    for found in judged(found_by_peer(tmp_path), pairs).values():
        assert found.decidable is not None
        assert 0.9 * found.expected < found.decidable <= found.expected
        assert found.decided == found.decidable
    older = tmp_path / "older"
    older.mkdir()
    for name in ("truth_pe", "truth_pb"):
        duckdb.sql(f"copy (select * exclude (decidable) from '{pairs}/{name}.parquet') to '{older}/{name}.parquet'")
    for found in judged(found_by_peer(tmp_path), older).values():
        assert (found.decidable, found.recall_decidable) == (None, None)
