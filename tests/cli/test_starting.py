"""Starting: what no command needs is not loaded."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.office import Office


def test_pandas_that_is_installed_for_other_work_is_not_imported(tmp_path: Path) -> None:
    (tmp_path / "pandas.py").write_text("from pathlib import Path\nPath(__file__).with_name('imported').touch()\n")
    office = Office(tmp_path / "office")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "tieout", "--workspace", str(office.folder), "exceptions", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / "imported").exists()


def shell(office: Office, command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of the shell in the workspace's folder; ``tieout`` is this one."""
    return subprocess.run(
        ["sh", "-c", command.replace("tieout", f"{sys.executable} -m tieout")],
        cwd=office.folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        errors="backslashreplace",
        check=False,
    )


@pytest.mark.parametrize(
    "command",
    [
        "tieout deliveries >&-",
        "tieout --json deliveries >&-",
        "tieout deliveries <&- >&- 2>&-",
        "tieout nonsense 2>&-",
        "tieout export deliveries --to out.csv <&- >&- 2>&-",
    ],
)
def test_a_channel_that_is_closed_is_no_fault(command: str, tmp_path: Path) -> None:
    office = Office(tmp_path)
    done = shell(office, command)
    assert (done.returncode, done.stderr) == (2 if "nonsense" in command else 0, "")
    if "--to" in command:
        assert (office.folder / "out.csv").read_text().startswith("delivery_id,")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize("command", ["tieout deliveries >/dev/full", "tieout --json deliveries >/dev/full"])
def test_an_answer_that_cannot_be_written_is_said_in_one_sentence(command: str, tmp_path: Path) -> None:
    done = shell(Office(tmp_path), command)
    assert done.returncode == 3
    assert {line.partition(": ")[0] for line in done.stderr.splitlines()} == {"tieout"}
    assert "No space left on device" in done.stderr


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl", "xlsx"])
def test_a_table_is_exported_to_a_file_whose_name_is_no_text(ending: str, tmp_path: Path) -> None:
    office = Office(tmp_path)
    target = office.files / os.fsdecode(b"M\xe4rz." + ending.encode())
    try:
        target.touch()
    except OSError:
        pytest.skip("this file system takes names in UTF-8 only")
    assert office.run("export", "deliveries", "--to", target).status == 0
    assert target.stat().st_size > 0 or ending == "jsonl"  # which has a line for each row, and no other
    assert [path.name for path in office.files.iterdir()] == [target.name]


def test_a_name_is_written_as_it_was_typed_where_the_locale_knows_only_ascii(tmp_path: Path) -> None:
    office = Office(tmp_path)
    done = shell(
        office, "tieout export deliveries --to d\u00e9.csv", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (office.folder / "d\u00e9.csv").read_text().startswith("delivery_id,")
