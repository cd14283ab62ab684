"""`tieout bench` measures, beside the floor and the peers that are here, and touches no workspace."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tieout.bench.matching import growth, lines_of
from tieout.bench.peers import PEERS, is_installed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_it_measures_ours_the_floor_and_the_peers_in_one_run(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tieout", "bench", "--size", "3000", "--json"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["lines"] == 3000
    here = {name for name in PEERS if is_installed(name)}
    assert set(found["absent"]) == set(PEERS) - here
    assert set(found["ratios"]) == {"floor"} | here
    for name in {"ours", "floor"} | here:
        assert min(found[name].values()) > 0
    for name in ("items", "payouts"):
        assert set(found["phases"][name]) == {"read", "match", "write"}
    for name in ("items", "payouts"):
        ours = found["quality"]["ours"][name]
        assert ours["precision"] == 1.0
        assert ours["recall"] > 0.95
    text = "\n".join(lines_of(found))
    assert "floor:" in text
    assert "1.00000" in text
    assert growth(found, found)["ours"] == {"seconds": 1.0, "processor": 1.0}
    assert list(tmp_path.iterdir()) == []


def test_a_size_that_nobody_could_measure_is_wrong_use(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tieout", "bench", "--size", "0"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "1000" in done.stderr
