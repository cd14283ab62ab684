"""What is gathered for an index comes out the same, whether it waited in memory or in a file."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tieout.clock import system_entropy
from tieout.intake import indexes
from tieout.intake.indexes import Gathered, write_index
from tieout.store.lake import Lake

COUNT = 20_000


def entries(gathered: Gathered) -> Gathered:
    """Keys of which many are the same, or the same but for their lower bits, in pieces of odd sizes."""
    random = np.random.default_rng(5)
    keys = random.integers(-(2**63), 2**63 - 1, COUNT)
    keys[random.random(COUNT) < 0.2] = 77
    near = random.random(COUNT) < 0.2
    keys[near] = -(2**62) + random.integers(0, 9, int(near.sum()))
    rows = np.arange(COUNT, dtype=np.int32)
    for part in np.array_split(np.arange(COUNT), 37):
        gathered.add(keys[part], rows[part])
    return gathered


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake", system_entropy.token_bytes)


def test_waiting_in_a_file_changes_no_byte(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexes, "_PART", 4096)
    plain = write_index(lake, "references", entries(Gathered()), "d" * 32)
    monkeypatch.setattr(indexes, "_WAITING_MAX", 3000)
    with Gathered(tmp_path) as waiting:
        aside = write_index(lake, "references", entries(waiting), "d" * 32)
        waiting.clear()
        assert len(waiting) == 0
        again = write_index(lake, "references", entries(waiting), "d" * 32)
        assert len(list(waiting.parts())) > 1
    assert plain is not None
    assert aside is not None
    assert again is not None
    assert (plain.digest, plain.sha256) == (aside.digest, aside.sha256) == (again.digest, again.sha256)
    assert not [path for path in tmp_path.iterdir() if path.is_file()]


def test_entries_stand_in_the_order_of_their_keys(lake: Lake) -> None:
    gathered = entries(Gathered())
    file = write_index(lake, "references", gathered, "d" * 32)
    assert file is not None
    table = pq.read_table(lake.full(file.path))
    written = list(zip(table["key"].to_pylist(), table["row"].to_pylist(), strict=True))
    ((keys, rows),) = gathered.parts()
    bits = (COUNT - 1).bit_length()
    expected = sorted(zip(keys.tolist(), rows.tolist(), strict=True), key=lambda entry: (entry[0] >> bits, entry[1]))
    assert written == expected


def test_rows_that_are_kept_take_their_entries_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep = np.random.default_rng(6).random(COUNT) < 0.5
    moved = np.cumsum(keep) - 1
    ((keys, rows),) = entries(Gathered()).parts()
    expected = {(key, moved[row]) for key, row in zip(keys.tolist(), rows.tolist(), strict=True) if keep[row]}
    monkeypatch.setattr(indexes, "_WAITING_MAX", 3000)
    with entries(Gathered(tmp_path)) as waiting, waiting.only(keep) as chosen:
        found = [pair for part in chosen.parts() for pair in zip(*(column.tolist() for column in part), strict=True)]
        assert len(found) == len(chosen) == keep.sum()
        assert set(found) == expected


def test_nothing_gathered_is_no_file(lake: Lake) -> None:
    assert write_index(lake, "references", Gathered(), "d" * 32) is None
