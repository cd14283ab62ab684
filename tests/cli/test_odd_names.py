"""Files whose names are odd: none of them keeps the others from coming in."""

import os
import threading
from pathlib import Path

import pytest

from tests.cli.office import HEADER, Office, typed

ROW = f"{HEADER}\nNAME,charge,10.00,EUR,01.10.2026,fine\n"
INBOX = '\n[[source]]\nid = "inbox"\nmapping = "mappings/psp.toml"\npath = "inbox/*"\n'


@pytest.fixture
def office(tmp_path: Path) -> Office:
    office = Office(tmp_path)
    with (office.folder / "tieout.toml").open("a", encoding="utf-8") as config:
        config.write(INBOX)
    (office.folder / "inbox").mkdir()
    return office


def put(office: Office, name: str | bytes) -> Path:
    path = office.folder / "inbox" / (name if isinstance(name, str) else os.fsdecode(name))
    try:
        path.write_text(ROW.replace("NAME", ascii(name).strip("b'")), encoding="utf-8")
    except OSError:
        pytest.skip("this file system takes names in UTF-8 only")
    return path


def test_a_name_that_is_no_utf8_is_kept_with_escapes_and_the_rest_goes_on(office: Office) -> None:
    odd = put(office, b"M\xe4rz.csv")
    put(office, "Z.csv")
    answer = office.run("--json", "ingest")
    assert (answer.status, answer.said["errors"]) == (0, [])
    assert [told["name"] for told in answer.said["deliveries"]] == ["M\\xe4rz.csv", "Z.csv"]
    assert [row.name for row in office.deliveries()] == ["M\\xe4rz.csv", "Z.csv"]
    assert "known already" in office.run("ingest", odd).out
    for command in (["verify"], ["inspect", odd]):
        shown = office.run(*command)
        assert shown.status == 0, shown
    assert "M\\xe4rz.csv" in office.run("deliveries").out
    assert office.lost() == []


def test_a_faulty_file_of_such_a_name_is_said(office: Office) -> None:
    path = put(office, b"M\xe4rz.csv")
    path.write_text("nothing like it\n", encoding="utf-8")
    answer = office.run("ingest")
    assert answer.status == 3
    assert "M\\xe4rz.csv" in answer.err


def test_hidden_files_at_a_path_are_nobodys(office: Office) -> None:
    put(office, "a.csv")
    put(office, ".gitkeep")
    put(office, ".a.csv.partial")
    answer = office.run("--json", "ingest")
    assert (answer.status, [told["name"] for told in answer.said["deliveries"]]) == (0, ["a.csv"])
    assert answer.said["unclaimed"] == []


def test_a_path_that_names_hidden_files_finds_them(office: Office) -> None:
    put(office, ".a.csv")
    config = office.folder / "tieout.toml"
    config.write_text(config.read_text().replace('"inbox/*"', '"inbox/.*.csv"'))
    assert [told["name"] for told in office.run("--json", "ingest").said["deliveries"]] == [".a.csv"]


def test_what_init_makes_is_no_delivery(tmp_path: Path) -> None:
    assert typed("init", tmp_path / "ws").status == 0
    with (tmp_path / "ws" / "tieout.toml").open("a", encoding="utf-8") as config:
        config.write(
            '\n[[entity]]\nid = "e2"\nname = "A"\ncurrency = "EUR"\n'
            '[[source]]\nid = "bank-main"\nentity = "e2"\nformat = "camt.053"\npath = "inbox/*"\n'
        )
    answer = typed("--json", "--workspace", tmp_path / "ws", "ingest")
    assert (answer.status, answer.said["deliveries"]) == (0, [])


@pytest.mark.parametrize("content", [ROW, "nothing like it\n"])
def test_a_named_pipe_is_read_once_and_nothing_waits_for_it_again(content: str, office: Office) -> None:
    pipe = office.files / "pipe"
    os.mkfifo(pipe)
    unnamed = office.run("ingest", pipe)
    assert unnamed.status == 2
    assert "expected --source ID" in unnamed.err
    writer = threading.Thread(target=pipe.write_text, args=(content,), daemon=True)
    writer.start()
    told = office.run("--json", "ingest", pipe, "--source", "psp")
    writer.join(timeout=5)
    assert told.status == (0 if content == ROW else 3)
    assert [row["state"] for row in told.said["deliveries"]] == ["accepted" if content == ROW else "refused"]
