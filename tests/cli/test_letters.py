"""Letters through the real command line: a file in a code page of its own, before and after its source names it."""

import json
from pathlib import Path

import pytest

from tests.cli.office import HEADER, MAPPING, TOML, Office
from tests.formats.test_letters import POLISH, statement

NAMED = TOML.replace('format = "mt940"', 'format = "mt940"\nencoding = "cp1250"')
FILE = statement(POLISH).encode("cp1250")


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def texts(office: Office) -> list[str]:
    to = office.files / "records.jsonl"
    to.unlink(missing_ok=True)
    assert office.run("export", "records", "--to", to).status == 0
    return [json.loads(line)["text"] for line in to.read_text(encoding="utf-8").splitlines()]


def test_a_named_code_page_comes_through_to_the_records_and_is_performed_again(office: Office) -> None:
    (office.folder / "tieout.toml").write_text(NAMED, encoding="utf-8")
    assert office.ingest("a.sta", FILE, "swift").status == 0
    assert texts(office) == [POLISH]
    assert office.run("verify").status == 0


def test_the_raw_line_is_shown_in_the_letters_that_it_was_read_in(office: Office) -> None:
    (office.folder / "tieout.toml").write_text(NAMED, encoding="utf-8")
    office.ingest("a.sta", statement("žluťoučký").replace("NONREF", "REF4711").encode("cp1250"), "swift")
    assert ":86:žluťoučký" in office.run("explain", "REF4711").out
    office.write_mapping(MAPPING.replace('format = "csv"', 'format = "csv"\ncsv = { encoding = "cp852" }'))
    office.ingest("p.csv", f"{HEADER}\nt77,charge,1.00,EUR,01.10.2026,žluťoučký\n".encode("cp852"), "psp")
    assert "01.10.2026,žluťoučký" in office.run("explain", "t77").out


def test_wrong_letters_are_told_and_a_replay_with_the_name_mends_them(office: Office) -> None:
    told = office.run("inspect", _laid(office))
    assert (told.status, "expected letters in UTF-8 or Windows-1252, got 3 words such as" in told.out) == (0, True)
    first = office.ingest("a.sta", FILE, "swift")
    assert (first.status, texts(office) == [POLISH]) == (1, False)
    assert "expected letters in UTF-8 or Windows-1252" in office.run("exceptions").out
    (office.folder / "tieout.toml").write_text(NAMED, encoding="utf-8")
    assert office.run("inspect", "--encoding", "cp1250", _laid(office)).out.count("expected") == 0
    assert office.run("replay", "a.sta", "--reason", "code page").status == 0
    assert texts(office) == [POLISH]
    assert "expected letters" not in office.run("exceptions").out
    assert office.run("verify").status == 0


def test_a_format_that_says_itself_how_it_is_written_takes_no_name(office: Office) -> None:
    toml = TOML.replace('format = "camt.053"', 'format = "camt.053"\nencoding = "cp1250"')
    (office.folder / "tieout.toml").write_text(toml, encoding="utf-8")
    answer = office.ingest("a.xml", "<a/>", "bank")
    assert answer.status == 2
    assert "[[source]] 'bank': expected no 'encoding' beside camt.053, whose files say themselves" in answer.err


def test_a_mapping_says_it_itself(office: Office) -> None:
    toml = TOML.replace('mapping = "mappings/psp.toml"', 'mapping = "mappings/psp.toml"\nencoding = "cp1250"')
    (office.folder / "tieout.toml").write_text(toml, encoding="utf-8")
    answer = office.ingest("a.csv", "a\n1\n", "psp")
    assert answer.status == 2
    assert "expected 'encoding' only beside 'format' in [[source]] 'psp': the mapping says it itself" in answer.err
    assert "tieout.toml" in answer.err


def test_a_file_in_the_raw_form_of_fints_is_read_and_shown(office: Office) -> None:
    joined = b"@@" + b"@@".join(statement("Zakup 4711").replace("NONREF", "REF4711").encode().splitlines())
    assert office.ingest("a.sta", joined, "swift").status == 0
    assert texts(office) == ["Zakup 4711"]
    assert ":86:Zakup 4711" in office.run("explain", "REF4711").out


def _laid(office: Office) -> Path:
    path = office.files / "a.sta"
    path.write_bytes(FILE)
    return path


def test_a_card_number_in_a_named_code_page_is_masked_and_the_copy_read_in_its_letters(office: Office) -> None:
    (office.folder / "tieout.toml").write_text(NAMED, encoding="utf-8")
    data = statement(f"{POLISH} 4111 1111 1111 1111 koniec").encode("cp1250")
    assert office.ingest("a.sta", data, "swift").status in {0, 1}
    [text] = texts(office)
    assert text.startswith(POLISH)
    assert ("4111 1111 1111 1111" in text, "****" in text.replace(" ", "")) == (False, True)
    assert data not in office.landed()
    assert office.run("verify").status == 0


def test_that_an_encoding_changed_is_said_once(office: Office) -> None:
    """A longer file could count a line twice whose letters are other ones now: what came before is not read anew by itself."""
    said = "the encoding of swift changed; what came before stands as it was read, and what both tell may count twice"
    for name in "abcd":
        if name == "c":
            (office.folder / "tieout.toml").write_text(NAMED, encoding="utf-8")
        path = office.files / f"{name}.sta"
        path.write_bytes(statement(f"Zakup {name}").encode("cp1250"))
        assert (said in office.run("ingest", path, "--source", "swift").out) is (name == "c")
