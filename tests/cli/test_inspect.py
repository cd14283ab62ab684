"""``tieout inspect`` as a user types it: what it prints, and the exit status."""

import gzip
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tieout.cli import _asked, _faults, _inspect, main
from tieout.config import FILE_NAME
from tieout.errors import Broken, Transient, WrongUse
from tieout.formats import _inflating, inspection

CASES = Path(__file__).parent.parent / "formats" / "cases" / "inspection"
CLOSES, OPEN, SWIFT, TABLE = (CASES / name for name in ("closes.xml", "open.xml", "closes.sta", "table.csv"))
TIEOUT = str(Path(sys.executable).parent / "tieout")

Printed = tuple[int, str, str]
Run = Callable[..., Printed]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Type a command in an empty folder: (exit status, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)

    def typed(*arguments: object) -> Printed:
        status = main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return status, said.out, said.err

    return typed


def one_sentence(printed: Printed, status: int) -> str:
    """Hold that a command failed with one line on standard error and nothing else; give the line."""
    assert (printed[0], printed[1]) == (status, "")
    assert printed[2].startswith("tieout: ")
    assert printed[2].count("\n") == 1
    return printed[2]


def test_json_is_one_object_a_line_for_each_file(run: Run) -> None:
    status, out, err = run("inspect", "--json", CLOSES, SWIFT)
    assert (status, err, out.count("\n")) == (0, "", 2)
    first, second = map(json.loads, out.splitlines())
    keys = ["file", "format", "verdict", "records", "statements", "totals", "problems", "seconds", "peak_mb"]
    assert list(first) == list(second) == keys
    assert (first["file"], first["format"], first["verdict"]) == (str(CLOSES), "camt.053.001.08", "ok")
    assert (second["format"], second["totals"][0]["net"]) == ("mt940", "-40.25")
    assert first["seconds"]["read"] >= 0
    assert first["peak_mb"] > 1


def test_a_person_reads_what_it_is_and_whether_it_closes(run: Run) -> None:
    status, out, err = run("inspect", OPEN)
    assert (status, err) == (1, "")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[:5] == [
        f"{OPEN}: camt.053.001.08, 2 records, problems",
        "account currency opening credits debits closing entries closes",
        "DE89370400440532013000 EUR 10.00 2.00 0.50 11.49 2 NO",
        "total count credits debits net",
        "EUR 2 2.00 0.50 1.50",
    ]
    assert lines[5].startswith("line 5, column Bal: expected statement S1 to close")
    assert len(lines) == 6


@pytest.mark.parametrize(
    ("files", "status"),
    [((CLOSES,), 0), ((OPEN,), 1), ((CLOSES, OPEN), 1), ((TABLE, OPEN), 3), ((OPEN, TABLE, CLOSES), 3)],
)
def test_the_exit_status_is_that_of_the_worst_file(run: Run, files: tuple[Path, ...], status: int) -> None:
    got, out, _ = run("inspect", "--json", *files)
    assert got == status
    assert [json.loads(line)["file"] for line in out.splitlines()] == [str(file) for file in files]


def test_a_folder_is_every_file_in_it(run: Run, tmp_path: Path) -> None:
    for name in ("b/x.xml", "a.xml", ".hidden.xml", ".git/y.xml"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(CLOSES.read_bytes())
    status, out, _ = run("inspect", "--json", "in")
    assert status == 0
    assert [json.loads(line)["file"] for line in out.splitlines()] == ["in/a.xml", "in/b/x.xml"]


def test_standard_input_is_a_file_too() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.xml", CLOSES.read_bytes())
    for data in (CLOSES.read_bytes(), gzip.compress(CLOSES.read_bytes()), out.getvalue()):
        done = subprocess.run([TIEOUT, "inspect", "--json", "-"], input=data, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
        assert json.loads(done.stdout)["records"] == 2


def bomb(head: str, size: int) -> str:
    names = "abcdefghij"
    entities = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in pairwise(names))
    return f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "{"x" * size}">{entities}]>{head}'


def zip_of(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


CAMT_HEAD = (
    '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt><Stmt><Id>&j;</Id></Stmt>'
    "</BkToCstmrStmt></Document>"
)
BAD: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "empty": ("empty.xml", bytes, "got an empty file"),
    "a PDF": ("pdf.xml", lambda: b"%PDF-1.7\n1 0 obj", "got a PDF document"),
    "truncated": ("cut.xml", lambda: CLOSES.read_bytes()[:-40], "expected well-formed XML"),
    "truncated gzip": ("cut.gz", lambda: gzip.compress(CLOSES.read_bytes())[:-20], "ends too early"),
    "truncated zip": ("cut.zip", lambda: zip_of(a=CLOSES.read_bytes())[:-20], "expected a whole ZIP file"),
    "stated encoding": (
        "utf16.xml",
        lambda: CLOSES.read_bytes().replace(b"UTF-8", b"UTF-16"),
        "states the encoding UTF-16",
    ),
    "wrong encoding": ("latin.xml", lambda: CLOSES.read_bytes().replace(b"M1", b"\xe9"), "expected well-formed XML"),
    "entity bomb": ("bomb.xml", lambda: bomb(CAMT_HEAD, 10_000).encode(), "expected"),
    "other entity bomb": ("lol.xml", lambda: bomb("<lolz>&j;</lolz>", 10_000).encode(), "XML with the root <lolz>"),
    "zip bomb": ("bomb.sta.gz", lambda: gzip.compress(SWIFT.read_bytes() + bytes(100 << 20), 9), "expected"),
    "many zip bombs": (
        "bombs.zip",
        lambda: zip_of(**{str(n): SWIFT.read_bytes() + b":61:2610311031D0,00NTRFX\r\n" * 20_000 for n in range(4)}),
        "a decompression bomb",
    ),
    "path trick": ("trick.zip", lambda: zip_of(**{"../../x": b"x"}), "got one that leads out"),
    "unknown table": ("mine.csv", TABLE.read_bytes, "'Day', 'What', 'Value'; to read it write a mapping"),
    "binary": ("x.dat", lambda: bytes(range(256)) * 400, "got a binary file"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_a_clear_sentence_and_never_a_crash(
    run: Run, tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_inflating, "RATIO_FREE_BYTES", 1 << 18)  # a bomb of this size is read in a moment
    name, content, says = BAD[case]
    (tmp_path / name).write_bytes(content())
    status, out, err = run("inspect", "--json", name)
    said = json.loads(out)
    assert (status, err, said["verdict"]) == (3, "", "unreadable")
    assert (said["records"], said["statements"], said["totals"]) == (0, [], [])
    assert says in said["problems"][0]["message"]
    assert run("inspect", name)[0] == 3


def test_a_bomb_does_not_fill_memory(tmp_path: Path) -> None:
    name, content, _ = BAD["zip bomb"]
    (tmp_path / name).write_bytes(content())
    done = subprocess.run([TIEOUT, "inspect", "--json", name], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 3
    assert json.loads(done.stdout)["peak_mb"] < 300


def test_wrong_use_is_one_sentence_and_status_2(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "expected a file, got no such file: nope" in one_sentence(run("inspect", CLOSES, "nope"), 2)
    assert "expected files, got none in empty" in one_sentence(run("inspect", "empty"), 2)
    assert "missing argument 'FILE...'" in one_sentence(run("inspect"), 2)
    assert "no such option: --jsn" in one_sentence(run("inspect", "--jsn", CLOSES), 2)
    assert "no such command 'inspct'" in one_sentence(run("inspct", CLOSES), 2)
    assert "--currency: expected an ISO 4217 currency" in one_sentence(run("inspect", "--currency", "XX", CLOSES), 2)
    assert "--encoding: expected a code page that" in one_sentence(run("inspect", "--encoding", "cp1", CLOSES), 2)
    assert "--encoding: expected a code page that" in one_sentence(run("inspect", "--encoding", "utf-16", CLOSES), 2)
    assert "got a folder without tieout.toml" in one_sentence(run("inspect", "--workspace", "empty", CLOSES), 2)


def test_too_many_files_are_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_inspect, "_FILES_MAX", 2)
    assert "expected at most 2 files, got more" in one_sentence(run("inspect", CASES), 2)


def test_a_file_that_cannot_be_opened_is_unreadable(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    status, out, _ = run("inspect", "--json", CLOSES)
    assert status == 3
    assert json.loads(out)["problems"][0]["message"] == "expected a file that can be read, got: Permission denied"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "ws"
    (folder / "mappings").mkdir(parents=True)
    (folder / FILE_NAME).write_text('[workspace]\nname = "x"\n')
    (folder / "mappings" / "table.toml").write_bytes((CASES / "table.toml").read_bytes())
    return folder


def test_a_workspace_s_mappings_apply_when_named_or_above(
    run: Run, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("inspect", TABLE)[0] == 3
    for arguments in (("inspect", "--workspace", workspace), ("--workspace", workspace, "inspect")):
        assert "tea-shop, 2 records, ok" in run(*arguments, TABLE)[1]
    (workspace / "inbox").mkdir()
    monkeypatch.chdir(workspace / "inbox")
    assert run("inspect", TABLE)[0] == 0


FAULTS = {
    "mappings/bad.toml line 3": b'[mapping]\nid = "x"\nfromat = "csv"\n',
    "expected a mapping in UTF-8, got the byte 0xff": b"# \xff\n",
    "expected a mapping of at most": b"#" * (1 << 21),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_mapping_at_fault_is_named_and_stops_no_file_that_another_format_takes(
    run: Run, workspace: Path, fault: str
) -> None:
    (workspace / "mappings" / "bad.toml").write_bytes(FAULTS[fault])
    for path in (TABLE, CLOSES):
        status, out, err = run("inspect", "--workspace", workspace, path)
        assert (status, out.endswith("ok\n") or "ok" in out.splitlines()[0]) == (0, True)
        assert fault in one_sentence((status, "", err), 0)
    assert run("inspect", "--workspace", workspace, OPEN)[0] == 1


@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_that_may_need_the_mapping_at_fault_is_told_as_far_as_it_is_known(
    run: Run, workspace: Path, fault: str, tmp_path: Path
) -> None:
    (workspace / "mappings" / "bad.toml").write_bytes(FAULTS[fault])
    mine, letter = tmp_path / "mine.csv", tmp_path / "letter.pdf"
    mine.write_text("when,amount\n2026-10-01,1.00\n")
    letter.write_bytes(b"%PDF-1.7")
    status, out, err = run("inspect", "--json", "--workspace", workspace, CLOSES, mine)
    told = [json.loads(line) for line in out.splitlines()]
    assert (status, [one["verdict"] for one in told]) == (2, ["ok", "unreadable"])
    assert "'when', 'amount'" in told[1]["problems"][0]["message"]
    assert fault in one_sentence((status, "", err), 2)
    assert run("inspect", "--workspace", workspace, letter)[0] == 3  # no mapping reads it


def test_a_mapping_that_cannot_be_opened_is_named(run: Run, workspace: Path) -> None:
    (workspace / "mappings" / "bad.toml").mkdir()
    status, _, err = run("inspect", "--workspace", workspace, TABLE)
    assert "expected a mapping that can be read, got Is a directory" in one_sentence((status, "", err), 0)


def test_a_mapping_at_fault_where_it_reads_stops_no_other_file(run: Run, workspace: Path) -> None:
    text = (workspace / "mappings" / "table.toml").read_text()
    (workspace / "mappings" / "table.toml").write_text(text.replace('"What"', "sqrt(What)"))
    status, out, err = run("inspect", "--json", "--workspace", workspace, TABLE, CLOSES)
    assert (status, json.loads(out.splitlines()[-1])["verdict"]) == (2, "ok")
    assert "mappings/table.toml" in err


def test_a_broken_workspace_does_not_stand_in_the_way(run: Run, workspace: Path) -> None:
    (workspace / FILE_NAME).write_text("this is no TOML")
    assert run("inspect", "--workspace", workspace, CLOSES)[0] == 0


def test_the_name_of_the_workspace_s_file_is_the_same_everywhere() -> None:
    assert _asked._FILE_NAME == FILE_NAME


def test_options_stand_before_or_behind_the_command(run: Run) -> None:
    assert json.loads(run("--json", "inspect", CLOSES)[1])["verdict"] == "ok"
    assert json.loads(run("inspect", CLOSES, "--json")[1])["verdict"] == "ok"


def test_a_failure_of_our_own_is_told_and_shown_on_request(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(inspection, "identify", fail)
    status, out, err = run("inspect", CLOSES)
    assert (status, err) == (3, "")
    assert "got a fault of tieout itself (ZeroDivisionError at test_inspect.py" in out
    assert "Traceback" in run("inspect", "--debug", CLOSES)[2]


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (WrongUse("expected a, got b"), 2, "tieout: expected a, got b\n"),
        (Broken("expected c, got\nd"), 3, "tieout: expected c, got d\n"),
        (Transient("busy"), 3, "tieout: busy\n"),
        (KeyboardInterrupt(), 130, ""),
        (BrokenPipeError(), 0, ""),
        (SystemExit(4), 4, ""),
        (OSError(28, "No space left on device", "x"), 3, "got No space left on device: x\n"),
        (ZeroDivisionError("private"), 3, "a fault of tieout itself (ZeroDivisionError)"),
    ],
)
def test_every_error_becomes_a_sentence_and_a_status(
    capsys: pytest.CaptureFixture[str], error: BaseException, status: int, says: str
) -> None:
    assert _faults.told(error, debug=False) == status
    said = capsys.readouterr().err
    assert said.endswith(says) or says in said
    assert said.count("\n") == bool(says)
    assert "private" not in said


def test_what_a_file_says_cannot_command_a_terminal(run: Run, tmp_path: Path) -> None:
    evil = SWIFT.read_bytes().replace(b"NL91ABNA0417164300", b"\x1b]0;evil\x07NL91")
    (tmp_path / "evil\x1b[2J.sta").write_bytes(evil)
    _, out, _ = run("inspect", "evil\x1b[2J.sta")
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "evil\\x1b[2J.sta" in out


def test_a_reader_that_goes_away_is_no_fault() -> None:
    files = " ".join([str(CLOSES)] * 200)
    done = subprocess.run(
        ["bash", "-c", f"{TIEOUT} inspect {files} | head -1"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 1)


def test_a_terminal_without_letters_gets_what_it_can_show(tmp_path: Path) -> None:
    (tmp_path / "Größe.csv").write_text("Größe;b\n1;2\n")
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [TIEOUT, "inspect", "Größe.csv"], cwd=tmp_path, env=environment, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (3, b"")
    assert b"Gr\\xf6\\xdfe" in done.stdout


def test_on_a_terminal_tables_are_drawn_and_texts_stay_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    from tieout.cli._output import say_table

    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    say_table(["account", "closing"], [["[red]x[/red]", "1.00"]], frozenset({"closing"}))
    assert "[red]x[/red]" in terminal.getvalue()
    assert "─" in terminal.getvalue()


def test_the_version_and_help_come_without_a_command(run: Run) -> None:
    from tieout import __version__

    assert run("--version") == (0, f"tieout {__version__}\n", "")
    assert "Usage: tieout" in run()[1]
    assert "inspect" in run("--help")[1]
    assert "Usage: tieout inspect" in run("inspect", "--help")[1]


def test_it_runs_as_a_module_too() -> None:
    command = [sys.executable, "-m", "tieout", "inspect", str(OPEN)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1


def test_an_inspection_of_a_statement_loads_nothing_heavy() -> None:
    command = [sys.executable, "-X", "importtime", TIEOUT, "inspect", str(CLOSES)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    loaded = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in done.stderr.splitlines() if "|" in line}
    assert "lxml" in loaded
    heavy = {"duckdb", "pyarrow", "sqlglot", "sqlalchemy", "numpy", "openpyxl", "pydantic", "rich", "holidays"}
    assert loaded & heavy == set()
