"""``tieout init`` makes a workspace that loads as it is, and overwrites nothing."""

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tieout.cli import main
from tieout.cli._init import _FOLDERS
from tieout.config import load_workspace
from tieout.formats.tabular import parse_mapping

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)

    def typed(*arguments: str) -> tuple[int, str, str]:
        status = main(arguments)
        said = capsys.readouterr()
        return status, said.out, said.err

    return typed


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_new_workspace_loads_and_has_its_folders(run: Run, tmp_path: Path) -> None:
    status, out, err = run("init", "acme group")
    assert (status, err) == (0, "")
    assert "acme group is a workspace now" in out
    folder = tmp_path / "acme group"
    workspace = load_workspace(folder, {})
    assert (workspace.name, workspace.sources) == ("acme group", ())
    folders = {path.name for path in folder.iterdir() if path.is_dir()}
    assert folders == {"mappings", "rules", "postings", "policies", "calendars", "rates", "inbox"}
    assert ".tieout/" in (folder / ".gitignore").read_text().splitlines()


def test_the_name_can_be_given(run: Run, tmp_path: Path) -> None:
    assert run("init", "ws", "--name", 'Acme "Größe" AG')[0] == 0
    assert load_workspace(tmp_path / "ws", {}).name == 'Acme "Größe" AG'


def test_json_says_what_was_made(run: Run, tmp_path: Path) -> None:
    said = json.loads(run("init", "--json", "ws")[1])
    assert list(said.pop("seconds")) == ["init"]
    assert said.pop("peak_mb") > 0
    assert said["workspace"] == "ws"
    assert sorted(said["made"]) == sorted(everything(tmp_path / "ws"))


def test_here_is_a_folder_too(run: Run, tmp_path: Path) -> None:
    assert run("init", ".")[0] == 0
    assert load_workspace(tmp_path, {}).name == tmp_path.name


def test_a_workspace_is_left_as_it_is(run: Run, tmp_path: Path) -> None:
    run("init", "ws")
    (tmp_path / "ws" / "tieout.toml").write_text("# mine")
    before = everything(tmp_path)
    status, out, err = run("init", "ws")
    assert (status, out) == (2, "")
    assert err == "tieout: expected a folder without tieout.toml, got a workspace, which is left as it is: ws\n"
    assert everything(tmp_path) == before


def test_what_is_there_already_is_kept(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "ws"
    (folder / "rules").mkdir(parents=True)
    (folder / "rules" / "README.md").write_text("mine")
    (folder / ".gitignore").write_text("*.tmp\n")
    assert run("init", "ws")[0] == 0
    assert (folder / "rules" / "README.md").read_text() == "mine"
    ignored = (folder / ".gitignore").read_text().splitlines()
    assert ignored[0] == "*.tmp"
    assert ".tieout/" in ignored


def test_a_gitignore_that_has_it_is_not_touched(run: Run, tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("x\n.tieout/\n")
    assert run("init", ".")[0] == 0
    assert (tmp_path / ".gitignore").read_text() == "x\n.tieout/\n"


@pytest.mark.parametrize("name", ["ws", "ws/mappings", "ws/inbox"])
def test_a_file_where_a_folder_should_be_is_wrong_use(run: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("a file")
    status, out, err = run("init", "ws")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "got a file" in err
    assert list(everything(tmp_path)) == [name]


def test_a_folder_that_cannot_be_made_is_wrong_use(run: Run) -> None:
    status, _, err = run("init", "/dev/null/ws")
    assert status == 2
    assert err.startswith("tieout: expected a folder that can be written, got: ")


def test_what_the_folders_teach_is_right() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", "".join(_FOLDERS.values()), re.DOTALL)
    assert blocks
    assert [tomllib.loads(block)["mapping"]["id"] for block in blocks] == ["acme-psp"]
    assert parse_mapping(blocks[0], "README.md").identify == ("txn_id", "payout_id", "net")
