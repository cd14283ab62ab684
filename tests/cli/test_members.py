"""A container of which one file cannot be read: the others count, and that one waits with its name and its reason."""

from pathlib import Path

import pytest

from tests.cli.office import HEADER, Office, camt, entry
from tests.packing import zipped

FINE = f"{HEADER}\nt1,charge,10.00,EUR,01.10.2026,one\nt2,charge,20.00,EUR,01.10.2026,two\n"
CARD = "5425233430109903"


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def damaged() -> bytes:
    """A zip whose second file has a wrong checksum, seen at its end only."""
    data = zipped(**{"a.csv": FINE.encode(), "b.csv": FINE.replace("t1", "t8").encode()})
    place = data.index(b"b.csv") + len(b"b.csv")
    return data[: place + 20] + bytes([data[place + 20] ^ 0xFF]) + data[place + 21 :]


def encrypted() -> bytes:
    data = bytearray(zipped(**{"a.csv": FINE.encode(), "b.csv": FINE.replace("t1", "t8").encode()}))
    local, central = data.rindex(b"PK\x03\x04"), data.rindex(b"PK\x01\x02")
    data[local + 6] |= 1
    data[central + 8] |= 1
    return bytes(data)


ZIPS = {
    "a PDF": (zipped(**{"a.csv": FINE.encode(), "b.csv": b"%PDF-1.7\n1 0 obj"}), "a PDF"),
    "empty": (zipped(**{"a.csv": FINE.encode(), "b.csv": b""}), "empty"),
    "other columns": (zipped(**{"a.csv": FINE.encode(), "b.csv": b"a,b,c\n1,2,3\n"}), "expected a column"),
    "another zip": (zipped(**{"a.csv": FINE.encode(), "b.csv": zipped(x=b"1")}), "another container"),
    "damaged": (damaged(), "damaged"),
    "a password": (encrypted(), "encrypted"),
}


@pytest.mark.parametrize("what", ZIPS)
def test_what_can_be_read_counts_and_the_other_file_waits(what: str, office: Office) -> None:
    data, says = ZIPS[what]
    answer = office.ingest("s.zip", data, "psp")
    assert answer.status == 1, answer
    [told] = answer.said["deliveries"]
    counts = [told[f"rows_{name}"] for name in ("in", "new", "quarantined")]
    assert (told["state"], counts) == ("accepted", [3, 2, 1])
    [found] = office.run("--json", "quarantine").said["quarantine"]
    assert (found["file"], found["member"], found["severity"]) == ("s.zip", "b.csv", "refused")
    assert says in found["message"]
    assert "b.csv" in found["message"]
    assert office.landed() == [data]
    assert ["b.csv" in note for _, note in office.reasons()] == [True]
    inspected = office.inspected("s.zip", data)
    if what not in {"empty", "other columns"}:
        assert inspected.status == 1
    assert office.lost() == []


def test_rows_before_the_fault_of_a_file_do_not_count(office: Office) -> None:
    good = camt("100.00", "150.00", entry("50.00", reference="G"))
    bad = camt("150.00", "200.00", entry("50.00", reference="B")).replace("<Id>S1</Id>", "<Id>S2</Id>")[:-60]
    answer = office.ingest("s.zip", zipped(**{"a.xml": bad.encode(), "b.xml": good.encode()}), "bank")
    [told] = answer.said["deliveries"]
    assert (answer.status, told["rows_new"], told["rows_quarantined"]) == (1, 1, 1)
    [found] = office.run("--json", "quarantine").said["quarantine"]
    assert (found["member"], found["line"]) == ("a.xml", 1)
    assert office.lost() == []


def test_where_none_can_be_read_the_whole_is_refused_and_each_file_is_named(office: Office) -> None:
    answer = office.ingest("s.zip", zipped(**{"a.csv": b"%PDF-1.7", "b.csv": b""}), "psp")
    assert answer.status == 3
    [told] = answer.said["deliveries"]
    assert (told["state"], told["rows_in"]) == ("refused", 0)
    found = office.run("--json", "quarantine").said["quarantine"]
    assert [row["member"] for row in found] == ["a.csv", "b.csv"]
    assert office.lost() == []


def test_a_replay_reads_what_it_can_after_the_fix_and_closes_the_entry(office: Office) -> None:
    other = FINE.replace("gross", "total").replace("t1", "t8").replace("t2", "t9")
    told = office.ingest("s.zip", zipped(**{"a.csv": FINE.encode(), "b.csv": other.encode()}), "psp").said
    mapping = (office.folder / "mappings" / "psp.toml").read_text()
    office.write_mapping(mapping.replace('"gross"\n', '"coalesce(gross, total)"\n'))
    again = office.run("replay", told["deliveries"][0]["delivery_id"], "--reason", "again")
    assert again.status in {1, 3}
    assert office.lost() == []


def test_a_card_number_beside_a_file_that_cannot_be_read_leaves_a_copy_that_says_so(office: Office) -> None:
    data = bytearray(damaged())
    files = {"a.csv": FINE.replace("one", CARD).encode(), "b.csv": b"%PDF", "c.csv": zipped(x=CARD.encode())}
    answer = office.ingest("s.zip", zipped(**files), "psp")
    [told] = answer.said["deliveries"]
    assert (told["state"], told["rows_new"], told["rows_quarantined"]) == ("accepted", 2, 2)
    found = office.run("--json", "quarantine").said["quarantine"]
    assert [row["member"] for row in found] == ["b.csv", "c.csv"]
    assert CARD.encode() not in b"".join(office.landed())
    assert office.lost() == []
    assert data


PLACES = {
    "camt cut off": ("s.xml", camt("100.00", "150.00", entry("50.00"))[:-60].encode(), "bank", 1),
    "camt with a tag that nothing closes": (
        "t.xml",
        camt("100.00", "150.00", entry("50.00")).replace("<Ntry>", "\n\n<Ntry><x>", 1).encode(),
        "bank",
        3,
    ),
}


@pytest.mark.parametrize("what", PLACES)
def test_a_refused_file_says_its_line_where_the_reader_knew_it(what: str, office: Office) -> None:
    name, data, source, line = PLACES[what]
    assert office.ingest(name, data, source).status == 3
    [found] = office.run("--json", "quarantine").said["quarantine"]
    assert (found["severity"], found["line"]) == ("refused", line)
    row = next(text for text in office.run("quarantine").out.splitlines() if name in text)
    assert f" {line} " in row
    [delivery] = office.deliveries()
    again = office.run("replay", delivery.delivery_id, "--reason", "to see")
    assert again.status == 3
    assert len(office.run("--json", "quarantine").said["quarantine"]) == 1
    assert office.run("quarantine", "--settle", delivery.delivery_id, "--reason", "a better one came").status == 0
    assert office.lost() == []
