"""Long work says on a terminal how far it is; in a pipe and beside JSON it is quiet."""

import io
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from tests.cli.office import HEADER, Office
from tieout import pipeline
from tieout.cli import main
from tieout.config import load_workspace
from tieout.observe.exporting import exports, writing


class Terminal(io.StringIO):
    """A channel that takes itself for a terminal."""

    def isatty(self) -> bool:
        return True


Command = Callable[[Office], list[str]]
#: Commands that may take long, and what the last thing is that each says of itself.
LONG: dict[str, tuple[Command, str]] = {
    "ingest": (lambda office: ["ingest", str(more(office)), "--source", "psp"], "more.csv: 1 rows"),
    "replay": (lambda office: ["replay", delivery(office), "--reason", "again"], ": 2 rows"),
    "match": (lambda _: ["match"], "matching ..."),
    "verify": (lambda _: ["verify"], "commits: 1 of 1"),
    "verify --audit": (lambda _: ["verify", "--audit"], "lake files: "),
    "export": (lambda office: ["export", "records", "--to", str(office.files / "r.csv")], "records: exporting ..."),
    "a workbook": (lambda office: ["export", "records", "--to", str(office.files / "r.xlsx")], "records: 2 of 2 rows"),
}


def more(office: Office) -> Path:
    path = office.files / "more.csv"
    path.write_text(f"{HEADER}\nc,charge,3.00,EUR,01.10.2026,x\n", encoding="utf-8")
    return path


def delivery(office: Office) -> str:
    return str(office.deliveries()[0].delivery_id)


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setenv("TERM", "xterm")
    office = Office(tmp_path)
    office.table("a,charge,1.00,EUR,01.10.2026,x", "b,charge,2.00,EUR,01.10.2026,x")
    return office


def said(office: Office, channel: io.StringIO, *arguments: str) -> str:
    """Type a command that goes well; give what it said on standard error."""
    with redirect_stdout(io.StringIO()), redirect_stderr(channel):
        assert main(["--workspace", str(office.folder), *arguments]) == 0
    return channel.getvalue()


@pytest.mark.parametrize("name", LONG)
def test_long_work_says_on_a_terminal_how_far_it_is(office: Office, name: str) -> None:
    command, step = LONG[name]
    assert step in said(office, Terminal(), *command(office))


@pytest.mark.parametrize("name", LONG)
def test_long_work_is_quiet_in_a_pipe_and_beside_json(office: Office, name: str) -> None:
    command = LONG[name][0](office)
    assert said(office, Terminal(), "--json", *command) == ""
    assert said(office, io.StringIO(), *command) == ""


def test_verify_tells_of_each_step(office: Office) -> None:
    office.ingest("more.csv", more(office).read_bytes(), "psp")
    store = office.store()
    heard: list[tuple[str, int, int]] = []
    try:
        pipeline.verify(store, load_workspace(office.folder), progress=lambda *step: heard.append(step))
    finally:
        store.close()
    files = sum(what == "lake files" for what, _, _ in heard)
    assert files
    assert heard == [
        *(("deliveries", done, 2) for done in (1, 2)),
        *(("lake files", done, files) for done in range(1, files + 1)),
        *(("commits", done, 2) for done in (1, 2)),
    ]


def test_a_workbook_tells_of_its_rows(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "_AT_ONCE", 1)
    store = office.store()
    heard: list[tuple[int, int]] = []
    try:
        workbook = office.files / "r.xlsx"
        known = load_workspace(office.folder)
        exports.export(store, known, "records", workbook, progress=lambda *step: heard.append(step))
    finally:
        store.close()
    assert heard == [(1, 2), (2, 2)]
