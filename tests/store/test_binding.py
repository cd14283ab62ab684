"""A folder belongs to one book: another, a lost or an older one deletes nothing and is refused in words; laws 1, 18."""

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.cli.office import HEADER, Office, typed
from tieout.errors import Broken


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def bring(office: Office, name: str, *, status: int = 0) -> str:
    path = office.files / f"{name}.csv"
    path.write_text(f"{HEADER}\n{name},charge,1.00,EUR,01.10.2026,\n")
    answer = office.run("ingest", path, "--source", "psp")
    assert answer.status == status, answer
    return answer.err


def lying(office: Office) -> set[str]:
    """List what lies in landing and lake, made three days old."""
    state = office.folder / ".tieout"
    found = [p for part in ("landing", "lake") for p in (state / part).rglob("*") if p.is_file()]
    for path in found:
        os.utime(path, (path.stat().st_mtime - 3 * 86_400,) * 2)
    return {p.relative_to(state).as_posix() for p in found}


def filled(office: Office) -> Path:
    """Bring three files; gives a copy of the book after the first."""
    bring(office, "a")
    monday = office.folder / "monday.db"
    shutil.copy(office.folder / ".tieout/book.db", monday)
    bring(office, "b")
    bring(office, "c")
    return monday


def put(office: Office, book: Path) -> None:
    for path in (office.folder / ".tieout").glob("book.db*"):
        path.unlink()
    shutil.copy(book, office.folder / ".tieout/book.db")


def test_an_older_copy_of_the_book_is_refused_and_deletes_nothing(office: Office) -> None:
    monday = filled(office)
    tuesday = Path(shutil.copy(office.folder / ".tieout/book.db", office.folder / "tuesday.db"))
    put(office, monday)
    before = lying(office)
    told = bring(office, "d", status=3)
    assert "is an older copy" in told
    assert "2 landed deliveries" in told
    assert lying(office) == before
    verified = office.run("verify")
    assert (verified.status, "is an older copy" in verified.err) == (3, True)
    put(office, tuesday)
    bring(office, "d")
    assert office.run("verify").status == 0


def test_who_goes_on_with_an_older_copy_keeps_what_it_does_not_name(office: Office) -> None:
    monday = filled(office)
    tuesday = Path(shutil.copy(office.folder / ".tieout/book.db", office.folder / "tuesday.db"))
    put(office, monday)
    before = lying(office)
    (office.folder / ".tieout/landing.bound.json").unlink()
    bring(office, "d")
    assert before <= lying(office)
    verified = office.run("verify")
    assert verified.status == 0
    assert "2 landed deliveries" in verified.out
    put(office, tuesday)
    assert "has another past" in bring(office, "f", status=3)


@pytest.mark.parametrize("marked", [True, False])
def test_a_lost_book_is_refused_and_none_is_made(office: Office, *, marked: bool) -> None:
    filled(office)
    before = lying(office)
    for path in (office.folder / ".tieout").glob("book.db*"):
        path.unlink()
    if not marked:
        (office.folder / ".tieout/landing.bound.json").unlink()
    for command in ("verify", "ingest", "deliveries"):
        answer = office.run(command)
        assert answer.status == 3, answer
        assert "3 landed deliveries" in answer.err
        assert not (office.folder / ".tieout/book.db").exists()
    assert lying(office) == before


def test_another_book_is_refused(office: Office, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    filled(office)
    before = lying(office)
    monkeypatch.setenv("TIEOUT_BOOK", f"sqlite:///{tmp_path}/elsewhere.db")
    assert "3 landed deliveries" in bring(office, "d", status=3)
    assert not (tmp_path / "elsewhere.db").exists()
    monkeypatch.delenv("TIEOUT_BOOK")
    (tmp_path / "other").mkdir()
    other = Office(tmp_path / "other")
    bring(other, "x")
    put(office, other.folder / ".tieout/book.db")
    assert "another one" in bring(office, "d", status=3)
    assert lying(office) == before


def test_a_copied_workspace_and_a_moved_book_go_on(office: Office, tmp_path: Path) -> None:
    filled(office)
    shutil.copytree(office.folder, tmp_path / "copy")
    assert typed("--workspace", tmp_path / "copy", "verify").status == 0
    assert office.run("book", "move", f"sqlite:///{tmp_path}/moved.db").status == 0
    toml = office.folder / "tieout.toml"
    toml.write_text(toml.read_text().replace('"EUR"\n', f'"EUR"\nbook = "sqlite:///{tmp_path}/moved.db"\n', 1))
    bring(office, "d")
    assert office.run("verify").status == 0


def test_a_relative_path_of_a_moved_book_counts_from_the_workspace(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(office)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert office.run("book", "move", "sqlite:///.tieout/moved.db").status == 0
    toml = office.folder / "tieout.toml"
    toml.write_text(toml.read_text().replace('"EUR"\n', '"EUR"\nbook = "sqlite:///.tieout/moved.db"\n', 1))
    assert office.run("verify").status == 0


@pytest.mark.peers
def test_the_password_of_a_new_book_is_not_shown(office: Office, fresh_postgres: str) -> None:
    filled(office)
    with_password = fresh_postgres.replace("postgres@", "postgres:s3cret@")
    assert "s3cret" in with_password
    answer = office.run("book", "move", with_password)
    assert (answer.status, "s3cret" in answer.out + answer.err) == (0, False)
    assert "postgres:***@" in answer.out


def test_a_book_of_before_is_bound_when_it_is_used(office: Office) -> None:
    filled(office)
    store = office.store()
    with store.book.writing() as connection:
        connection.exec_driver_sql("delete from about where name in ('book_id', 'mark')")
    store.close()
    (office.folder / ".tieout/landing.bound.json").unlink()
    bring(office, "d")
    assert (office.folder / ".tieout/landing.bound.json").exists()
    assert office.run("verify").status == 0


def test_a_lost_key_file_is_not_made_anew(office: Office) -> None:
    filled(office)
    (office.folder / ".tieout/key").unlink()
    for command in ("verify", "ingest"):
        answer = office.run(command)
        assert (answer.status, "key file" in answer.err) == (3, True), answer
        assert not (office.folder / ".tieout/key").exists()


def test_a_changed_byte_of_the_binding_is_found_wherever_it_stands(office: Office, tmp_path: Path) -> None:
    bring(office, "a")
    path = office.folder / ".tieout/landing.bound.json"
    store = office.store()
    binding = store.binding
    assert binding is not None
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(Broken, match=r"landing\.bound\.json was changed"):
            binding.check()
    path.write_bytes(whole)
    assert binding.check() is not None
    store.close()
    shutil.copytree(office.folder, tmp_path / "copy")
    copied = tmp_path / "copy/.tieout/landing.bound.json"
    copied.write_bytes(whole.replace(b'"book": "', b'"book": "0', 1))
    verified = typed("--workspace", tmp_path / "copy", "verify")
    assert (verified.status, "was changed" in verified.err) == (3, True)
    copied.unlink()
    assert typed("--workspace", tmp_path / "copy", "verify").status == 0


def test_the_binding_of_an_earlier_version_is_read_and_its_book_cannot_be_renamed(office: Office) -> None:
    bring(office, "a")
    path = office.folder / ".tieout/landing.bound.json"
    said = json.loads(path.read_bytes())
    del said["sha256"]
    path.write_text(json.dumps(said) + "\n")
    assert office.run("verify").status == 0
    path.write_text(json.dumps(said | {"book": "0" * 32}) + "\n")
    verified = office.run("verify")
    assert (verified.status, "was changed" in verified.err) == (3, True)
