"""A copied workspace verifies; one changed byte in it is found and named; a lost lake is no loss; laws 1, 16, 18."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.crash.papers import errors_told, make_workspace
from tests.crash.zygote import Zygote
from tests.depth import examples


@pytest.fixture(scope="module")
def original(zygote: Zygote, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_workspace(tmp_path_factory.mktemp("original"))
    assert errors_told(zygote.run(folder, "ingest").output) == []
    return folder


#: The lake, and where a test moves it.
LAKES = ("lake", "lake-moved-away")


@pytest.fixture
def copy(original: Path, quick_path: Path) -> Path:
    return shutil.copytree(original, quick_path / "copy")


def flip(path: Path, at: int) -> None:
    """Change one bit of a file."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def lake_file(copy: Path) -> Path:
    return min((copy / ".tieout/lake/records").glob("*.parquet"))


def landed_file(copy: Path) -> Path:
    return min(path for path in (copy / ".tieout/landing").glob("??/*") if path.is_file())


def change_lake_file(copy: Path) -> str:
    flip(lake_file(copy), lake_file(copy).stat().st_size // 2)
    return lake_file(copy).name


def remove_lake_file(copy: Path) -> str:
    gone = lake_file(copy)
    gone.unlink()
    return gone.name


def change_landed_file(copy: Path) -> str:
    flip(landed_file(copy), landed_file(copy).stat().st_size - 20)
    return landed_file(copy).name


def change_first_landed_byte(copy: Path) -> str:
    flip(landed_file(copy), 0)
    return landed_file(copy).name


def cut_landed_file(copy: Path) -> str:
    landed_file(copy).write_bytes(landed_file(copy).read_bytes()[:-1])
    return landed_file(copy).name


def remove_landed_file(copy: Path) -> str:
    gone = landed_file(copy)
    gone.unlink()
    return gone.name


def in_book(copy: Path, statement: str) -> None:
    with closing(sqlite3.connect(copy / ".tieout/book.db")) as book, book:
        assert book.execute(statement).rowcount == 1


def change_audit(copy: Path) -> str:
    in_book(copy, "update audit set actor = actor || 'x' where sequence = 3")
    return "audit log was changed at entry 3"


def remove_audit(copy: Path) -> str:
    in_book(copy, "delete from audit where sequence = 3")
    return "audit log was changed at entry 4"


def change_commit(copy: Path) -> str:
    in_book(copy, "update ledger_commit set digest = 'f' || substr(digest, 2) || 'x' where version = 2")
    return "commit 2"


def change_row_count(copy: Path) -> str:
    in_book(copy, "update lake_file set sha256 = 'x' || sha256 where path = (select min(path) from lake_file)")
    return "lake file"


def change_key(copy: Path) -> str:
    flip(copy / ".tieout/key", 5)
    return "key is not the key file"


CHANGES: list[Callable[[Path], str]] = [
    change_lake_file,
    remove_lake_file,
    change_landed_file,
    change_first_landed_byte,
    cut_landed_file,
    remove_landed_file,
    change_audit,
    remove_audit,
    change_commit,
    change_row_count,
    change_key,
]


def test_a_copied_workspace_verifies(zygote: Zygote, copy: Path) -> None:
    ended = zygote.run(copy, "verify", "--json")
    assert ended.status == 0, ended
    said = ended.said()
    assert (said["faults"], len(said["erased"])) == ([], 1)
    assert said["commits"] == said["deliveries"] > 8


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_one_change_is_found_and_named(zygote: Zygote, copy: Path, change: Callable[[Path], str]) -> None:
    name = change(copy)
    ended = zygote.run(copy, "verify")
    assert ended.status == 3, ended
    complaints = [line for line in ended.output.splitlines() if line.startswith("tieout: ")]
    assert any(name in line for line in complaints), ended
    assert "fault of tieout" not in ended.output, ended


def test_without_its_lake_a_workspace_is_performed_again_from_landing(zygote: Zygote, copy: Path) -> None:
    (copy / ".tieout/lake").rename(copy / ".tieout/lake-moved-away")
    ended = zygote.run(copy, "verify", "--json")
    assert ended.status == 3, ended
    said = ended.said()
    assert (said["commits"] > 8, said["files"]) == (True, 0)
    assert ["tieout verify --rebuild" in fault for fault in said["faults"]] == [True]
    assert zygote.run(copy, "verify", "--rebuild").status == 0
    assert zygote.run(copy, "verify").status == 0
    found = [sorted(p.read_bytes() for p in (copy / ".tieout" / lake).rglob("*.parquet")) for lake in LAKES]
    assert found[0] == found[1] != []


@pytest.mark.slow
def test_any_changed_byte_of_a_landed_file_is_found(zygote: Zygote, copy: Path) -> None:
    target = landed_file(copy)
    content = target.read_bytes()
    for at in range(0, len(content), max(1, len(content) // examples(2))):
        flip(target, at)
        ended = zygote.run(copy, "verify", "--audit")
        assert ended.status == 3, (at, ended)
        assert target.name in ended.output, (at, ended)
        target.write_bytes(content)
