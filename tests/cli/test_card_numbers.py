"""A full card number that came in does not stay anywhere: not in landing, lake, book, exports or messages."""

import gzip
import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.office import HEADER, Office

CARD = "5425233430109903"
SPACED = "5425 2334 3010 9903"
MASKED = "542523******9903"
TABLE = f"{HEADER}\nc1,charge,10.00,EUR,01.10.2026,paid by {CARD}\nc2,charge,20.00,EUR,01.10.2026,fine\n"


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def traces(folder: Path, number: str = CARD) -> list[str]:
    """Name the files in which more of a card number stands than its first six and last four digits."""
    windows = [number[at : at + 9].encode() for at in range(len(number) - 8)]
    windows += [SPACED.encode(), SPACED.replace(" ", "-").encode(), " ".join(number).encode()]
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files if any(window in content_of(path) for window in windows)]


def content_of(path: Path) -> bytes:
    """Read a file as it lies there; what Parquet packs, unpacked too."""
    packed = path.read_bytes()
    return packed + str(pq.read_table(path).to_pylist()).encode() if path.suffix == ".parquet" else packed


@pytest.mark.parametrize("written", [CARD, SPACED, SPACED.replace(" ", "-")])
def test_a_card_number_is_masked_its_delivery_destroyed_and_a_tombstone_stays(written: str, office: Office) -> None:
    content = TABLE.replace(CARD, written)
    answer = office.ingest("cards.csv", content, "psp")
    assert answer.status == 1
    [told] = answer.said["deliveries"]
    assert (told["rows_new"], told["rows_quarantined"]) == (2, 0)
    assert "card number" in told["reason"]
    original, copy = office.deliveries()
    assert (original.state, original.wrapped_key) == ("erased", None)
    assert original.sha256 == hashlib.sha256(content.encode()).hexdigest()
    assert "cards.csv line 2" in original.reason
    assert (copy.state, copy.redacts) == ("accepted", original.delivery_id)
    [kept] = office.landed()
    assert kept.decode().replace(" ", "").replace("-", "").find(MASKED) > 0
    assert len(kept) == len(content)
    assert not (office.folder / ".tieout" / "landing" / original.path).exists()
    assert office.lost() == []


def test_its_digits_stand_nowhere(office: Office) -> None:
    answer = office.ingest("cards.csv", TABLE, "psp")
    assert traces(office.folder) == []
    assert not any(CARD[at : at + 9].encode() in content for content in office.landed() for at in range(8))
    for format_ in ("csv", "jsonl"):
        office.run("export", "records", "--to", office.files / f"records.{format_}")
        office.run("export", "exceptions", "--to", office.files / f"exceptions.{format_}")
    (office.files / "cards.csv").unlink()
    assert MASKED in (office.files / "records.csv").read_text()
    assert traces(office.files) == []
    shown = [office.run(command).out for command in ("deliveries", "exceptions", "quarantine")]
    shown += [office.run("explain", "c1").out, answer.out, answer.err]
    assert [text for text in shown if CARD[4:13] in text] == []
    assert any(MASKED in text for text in shown)


def test_the_same_file_again_is_known_and_leaves_nothing(office: Office) -> None:
    office.ingest("cards.csv", TABLE, "psp")
    answer = office.ingest("cards.csv", TABLE, "psp")
    assert [(d["repeat"], d["rows_new"]) for d in answer.said["deliveries"]] == [(True, 0)]
    assert len(office.deliveries()) == 2
    assert traces(office.folder) == []
    assert office.lost() == []


def test_a_card_number_in_a_packed_file_is_not_kept_at_all(office: Office) -> None:
    answer = office.ingest("cards.csv.gz", gzip.compress(TABLE.encode()), "psp")
    assert answer.status == 3
    assert "without card numbers" in answer.err
    assert CARD not in answer.err
    assert [row.state for row in office.deliveries()] == ["erased"]
    assert office.landed() == []
    assert traces(office.folder) == []
    assert office.run("verify").status == 0


@pytest.mark.parametrize(
    "row",
    [
        f"c1,charge,10.00,EUR,31.02.2026,paid by {CARD}",
        f"c1,charge,{CARD[:4]} {CARD[4:]},EUR,01.10.2026,",
        f"c1,charge,10.00,EUR,01.10.2026,{CARD},one,too many",
    ],
)
def test_a_card_number_in_a_row_that_is_quarantined_does_not_stay_either(row: str, office: Office) -> None:
    office.table("g1,charge,5.00,EUR,01.10.2026,fine", row)
    assert traces(office.folder) == []
    assert not any(CARD[6:15].encode() in content.replace(b" ", b"") for content in office.landed())
    assert CARD[6:15] not in office.run("quarantine").out


def test_identifiers_that_look_like_cards_stay(office: Office) -> None:
    answer = office.table(f"{CARD},charge,10.00,EUR,01.10.2026,order 4711")
    assert answer.status == 0
    assert [row.state for row in office.deliveries()] == ["accepted"]


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"..." + CARD.encode() + b"...")
    (tmp_path / "b").write_bytes(SPACED.encode())
    (tmp_path / "c").write_bytes(MASKED.encode())
    pq.write_table(pa.table({"text": [f"no {CARD}"]}), tmp_path / "d.parquet", compression="zstd")
    assert sorted(traces(tmp_path)) == ["a", "b", "d.parquet"]
