"""A full disk: one sentence, exit status 3, nothing half done; with space again the same command finishes; law 18."""

import gzip
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.facts import facts, faults, opened
from tests.crash.papers import errors_told, make_workspace, psp_rows
from tests.crash.zygote import Ended, Zygote
from tests.depth import some_of


def check_failed(ended: Ended) -> None:
    """Hold a failure against the rule: exit status 3, one sentence, no fault of tieout's own."""
    assert ended.status == 3, ended
    complaints = [line for line in ended.output.splitlines() if line.startswith("tieout: ")]
    assert len(complaints) == 1, ended
    assert "fault of tieout" not in ended.output, ended
    assert "Traceback" not in ended.output, ended


def check_finishes(zygote: Zygote, folder: Path, expected: Path) -> None:
    """Run the command again with space, and compare with a run that never lacked it."""
    again = zygote.run(folder, "ingest")
    assert again.status in {0, 1, 3}, again
    assert errors_told(again.output) == [], again
    with opened(folder) as store, opened(expected) as other:
        assert faults(store) == []
        assert facts(store) == facts(other)
    verified = zygote.run(folder, "verify")
    assert verified.status == 0, verified


@pytest.fixture(scope="module")
def expected(zygote: Zygote, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_workspace(tmp_path_factory.mktemp("expected"), "corrected")
    zygote.run(folder, "ingest")
    return folder


# The book is 4 KiB after its first page and some 140 KiB with all tables; lake files here have 2 to 20 KiB.
@pytest.mark.slow
@pytest.mark.parametrize("limit", some_of([100, 1_000, 4_096, 12_000, 60_000, 150_000, 250_000], 3))
def test_a_file_that_may_not_grow_stops_with_a_sentence_and_goes_on_later(
    zygote: Zygote, expected: Path, quick_path: Path, limit: int
) -> None:
    folder = make_workspace(quick_path, "corrected")
    ended = zygote.run(folder, "ingest", file_bytes=limit)
    check_failed(ended)
    assert list((folder / ".tieout").rglob("*.partial")) == []
    check_finishes(zygote, folder, expected)


# A book that stands already needs little; the delivery has 700 KB as a file and as landed, less in the lake: it is landed
# packed there, so that the lake is what has no room.
@pytest.mark.slow
@pytest.mark.parametrize(("limit", "what"), [(500_000, "landing"), (350_000, "lake")])
def test_a_large_delivery_that_has_no_room_stops_with_a_sentence_and_goes_on_later(
    zygote: Zygote, quick_path: Path, limit: int, what: str
) -> None:
    folders = [make_workspace(quick_path / name, "till") for name in ("full", "expected")]
    for folder in folders:
        assert zygote.run(folder, "ingest").status in {0, 1}
        rows = psp_rows(100_000, 110_000).encode()
        (folder / "inbox/psp").mkdir(parents=True, exist_ok=True)
        (folder / "inbox/psp/large.csv").write_bytes(gzip.compress(rows, mtime=0) if what == "lake" else rows)
    full, expected = folders
    before = {path for path in (full / ".tieout" / what).rglob("*") if path.is_file()}
    check_failed(zygote.run(full, "ingest", file_bytes=limit))
    assert {path for path in (full / ".tieout" / what).rglob("*") if path.is_file()} == before
    assert zygote.run(expected, "ingest").status in {0, 1}
    check_finishes(zygote, full, expected)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 1 MiB, where we may."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root: run this test as root")
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"mounting a small disk is not allowed here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", place], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("free", some_of([0, 8_192, 100_000, 200_000, 300_000, 400_000, 500_000], 3))
def test_a_full_disk_stops_with_a_sentence_and_goes_on_with_space(
    zygote: Zygote, expected: Path, small_disk: Path, free: int
) -> None:
    folder = make_workspace(small_disk / "workspace", "corrected")
    ballast = small_disk / "ballast"
    space = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
    ballast.write_bytes(bytes(space - free))
    check_failed(zygote.run(folder, "ingest"))
    assert list((folder / ".tieout").rglob("*.partial")) == []
    ballast.unlink()
    check_finishes(zygote, folder, expected)
