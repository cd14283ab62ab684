"""A full card number that came in does not stay anywhere: not in landing, lake, book, exports or messages."""

import gzip
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.office import HEADER, MAPPING, Office, camt, entry
from tests.depth import some_of
from tests.packing import zipped

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
    sha256 = hashlib.sha256(content.encode()).hexdigest()
    assert sha256 not in (original.fingerprint, original.path.partition("/")[2])
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


def workbook() -> bytes:
    book = openpyxl.Workbook()
    assert book.active is not None
    for line in TABLE.splitlines():
        book.active.append(line.split(","))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def parquet() -> bytes:
    header, *rows = (line.split(",") for line in TABLE.splitlines())
    out = io.BytesIO()
    pq.write_table(pa.table(dict(zip(header, zip(*rows, strict=True), strict=True))), out, compression="zstd")
    return out.getvalue()


OTHER = f"{HEADER}\nc3,charge,30.00,EUR,01.10.2026,fine\n"
PACKED: dict[str, tuple[str, Callable[[], bytes], str, int]] = {
    "gzip": ("cards.csv.gz", lambda: gzip.compress(TABLE.encode()), "", 2),
    "a member of a zip": ("cards.zip", lambda: zipped(**{"a.csv": OTHER.encode(), "b.csv": TABLE.encode()}), "", 3),
    "UTF-16": ("cards.csv", lambda: TABLE.encode("utf-16"), "", 2),
    "gzip of UTF-16": ("cards.csv.gz", lambda: gzip.compress(TABLE.encode("utf-16")), "", 2),
    "Latin-1": (
        "cards.csv",
        lambda: TABLE.replace("fine", "schön").encode("latin-1"),
        'csv = { encoding = "latin-1" }',
        2,
    ),
    "EBCDIC": ("cards.csv", lambda: TABLE.encode("cp500"), 'csv = { encoding = "cp500" }', 2),
    "a workbook": ("cards.xlsx", workbook, "xlsx", 2),
    "Parquet": ("cards.parquet", parquet, "parquet", 2),
}


@pytest.mark.parametrize("what", some_of(PACKED, 4))
def test_a_packed_or_otherwise_encoded_file_leaves_a_readable_copy(what: str, office: Office) -> None:
    name, make, key, rows = PACKED[what]
    if key in {"xlsx", "parquet"}:
        office.write_mapping(MAPPING.replace('"csv"', f'"{key}"', 1))
    elif key:
        office.write_mapping(MAPPING.replace('"csv"\n', f'"csv"\n{key}\n', 1))
    answer = office.ingest(name, make(), "psp")
    (office.files / name).unlink()
    assert answer.status == 1, answer
    [told] = answer.said["deliveries"]
    assert (told["state"], told["rows_new"]) == ("accepted", rows)
    assert "a copy without it was kept and the original destroyed" in told["reason"]
    original, copy = office.deliveries()
    assert (original.state, copy.state, copy.redacts) == ("erased", "accepted", original.delivery_id)
    assert traces(office.folder) == []
    again = office.run("--json", "replay", copy.delivery_id, "--reason", "to see that it can be read")
    assert [(d["rows_new"] + d["rows_repeated"], d["withdrawn"]) for d in again.said["deliveries"]] == [(rows, 0)]
    office.run("export", "records", "--to", office.files / "records.csv")
    assert f"paid by {MASKED}" in (office.files / "records.csv").read_text()
    assert office.lost() == []
    explained = office.run("explain", copy.delivery_id[:12]).out
    assert f"a copy without card numbers of delivery {original.delivery_id}" in explained
    assert f"a copy without card numbers of {original.delivery_id[:12]}" in office.run("deliveries").out
    assert "full card number" in office.run("explain", original.delivery_id[:12]).out


@pytest.mark.parametrize("name", ["cards.csv.gz", "cards.zip"])
def test_a_card_number_in_a_quarantined_row_of_a_packed_file_does_not_stay(name: str, office: Office) -> None:
    bad = f"{HEADER}\ng1,charge,5.00,EUR,01.10.2026,fine\nc1,charge,1.00,EUR,31.02.2026,{CARD}\nc2,{CARD},1.00,EUR,01.10.2026,\n".encode()
    answer = office.ingest(name, gzip.compress(bad) if name.endswith("gz") else zipped(**{"b.csv": bad}), "psp")
    (office.files / name).unlink()
    assert [(d["rows_new"], d["rows_quarantined"]) for d in answer.said["deliveries"]] == [(1, 2)]
    assert traces(office.folder) == []
    assert CARD[6:15] not in office.run("quarantine").out


def test_a_number_that_stands_in_no_column_as_one_is_not_kept_at_all(office: Office) -> None:
    office.write_mapping(MAPPING.replace('text = "note"', 'text = "note || ccy2"').replace('"day"]', '"day", "ccy2"]'))
    content = f"{HEADER},ccy2\nc1,charge,1.00,EUR,01.10.2026,{CARD[:10]},{CARD[10:]}\n"
    answer = office.ingest("cards.csv", content, "psp")
    (office.files / "cards.csv").unlink()
    assert answer.status == 3
    assert "deliver the file again without card numbers" in answer.err
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


@pytest.mark.parametrize("identified", [True, False])
def test_a_card_number_that_a_replay_finds_leaves_the_lake_too(identified: bool, office: Office) -> None:
    """A mapping that read the number as an identifier reads it as a text now; or it names rows otherwise."""
    old = MAPPING.replace('text = "note"', 'payment_id = "note"')
    new = MAPPING if identified else MAPPING.replace('external_id = "id"\n', "")
    office.write_mapping(old)
    content = f"{HEADER}\nc1,charge,10.00,EUR,01.10.2026,{CARD}\n"
    first = office.ingest("cards.csv", content, "psp").said["deliveries"][0]
    (office.files / "cards.csv").unlink()
    assert [row.state for row in office.deliveries()] == ["accepted"]
    assert traces(office.folder)
    office.write_mapping(new)
    again = office.run("--json", "replay", first["delivery_id"], "--reason", "the note is a text")
    assert again.status == 1, again
    original, copy = office.deliveries()
    assert (original.state, copy.state, copy.redacts) == ("erased", "accepted", original.delivery_id)
    assert traces(office.folder) == []
    office.run("export", "records", "--to", office.files / "records.jsonl")
    rows = [json.loads(line) for line in (office.files / "records.jsonl").read_text().splitlines()]
    assert [(row["amount"], row["text"]) for row in rows] == [("10.00", MASKED)]
    checked = office.run("verify")
    assert (checked.status, checked.err) == (0, "")
    assert "gives the same figures" in checked.out
    office.write_mapping(new)
    assert office.ingest("cards.csv", content, "psp").said["deliveries"][0]["repeat"]
    (office.files / "cards.csv").unlink()
    assert traces(office.folder) == []
    assert CARD not in office.run("explain", original.delivery_id[:12]).out


def test_a_card_number_that_a_later_delivery_carried_on_leaves_the_lake_too(office: Office) -> None:
    """What is believed of a record is written with the delivery that came last, and in its index."""
    office.write_mapping(MAPPING.replace('text = "note"', 'payment_id = "note"'))
    first = office.ingest("cards.csv", f"{HEADER}\nc1,charge,10.00,EUR,01.10.2026,{CARD}\n", "psp").said["deliveries"][
        0
    ]
    later = office.ingest("later.csv", f"{HEADER}\nc1,charge,10.00,EUR,02.10.2026,\n", "psp").said["deliveries"][0]
    assert later["versions"] == 1
    for path in office.files.iterdir():
        path.unlink()
    assert len([name for name in traces(office.folder) if name.endswith(".parquet")]) == 2
    office.write_mapping(MAPPING)
    again = office.run("--json", "replay", first["delivery_id"], "--reason", "the note is a text")
    assert again.status == 1, again
    assert traces(office.folder) == []
    assert "nothing is known" in office.run("explain", CARD).out
    checked = office.run("verify")
    assert (checked.status, checked.err) == (0, "")


def test_a_card_number_in_the_name_of_a_file_is_masked_wherever_the_name_stands(office: Office) -> None:
    answer = office.ingest(f"chargeback_{CARD}.csv", f"{HEADER}\nc1,charge,10.00,EUR,01.10.2026,fine\n", "psp")
    again = office.run("ingest", office.files / f"chargeback_{CARD}.csv", "--source", "psp")
    missing = office.run("ingest", office.files / f"missing {SPACED}.csv", "--source", "psp")
    (office.folder / "inbox").mkdir()
    (office.folder / "inbox" / f"{CARD}.csv").write_text("nobody's")
    unclaimed = office.run("ingest")
    assert (answer.status, again.status) == (0, 0)
    assert f"chargeback_{MASKED}.csv" in answer.out
    (office.folder / "inbox" / f"{CARD}.csv").unlink()
    assert traces(office.folder) == []
    for said in (answer, again, missing, unclaimed):
        assert not any(CARD[at : at + 9] in said.out + said.err for at in range(8))
        assert SPACED not in said.out + said.err


def test_a_card_number_in_the_name_of_a_packed_file_is_masked_and_the_original_destroyed(office: Office) -> None:
    other = "5425230000089903"  # masked, both names are alike
    files = {f"chargeback_{CARD}.csv": b"c1", f"chargeback_{other}.csv": b"c2"}
    row = ",charge,10.00,EUR,01.10.2026,fine\n"
    packed = zipped(**{name: f"{HEADER}\n{begin.decode()}{row}".encode() for name, begin in files.items()})
    answer = office.ingest("both.zip", packed, "psp")
    assert answer.status == 1
    assert "both.zip the name of a file in it: a full card number came in" in answer.said["deliveries"][0]["reason"]
    assert answer.said["deliveries"][0]["rows_new"] == 2
    original, copy = office.deliveries()
    assert (original.state, copy.state) == ("erased", "accepted")
    [kept] = office.landed()
    names = [f"chargeback_{MASKED}.csv", f"chargeback_{MASKED}.csv (2)"]
    with zipfile.ZipFile(io.BytesIO(kept)) as archive:
        assert archive.namelist() == names
    assert sorted(json.loads(copy.member_fingerprints)) == names
    assert traces(office.folder) == []
    assert office.lost() == []


def unread() -> dict[str, tuple[str, str]]:
    """A mapping, and a table in which the card number stands where no record has it."""
    row = "c1,charge,10.00,EUR,01.10.2026,fine\n"
    identify = 'identify = ["id", "type", "gross", "day"]\n'
    paid = f"card {SPACED}"
    fixed = "".join(f'{{ name = "{n}", start = {s}, length = {e} }}, ' for n, s, e in (("id", 1, 2), ("gross", 4, 5)))
    positions = MAPPING.replace('"csv"', '"fixed"').replace(identify, f"fixed = [{fixed}]\ndetails = []\n")
    positions = positions.partition("[fields]")[0] + (
        '[fields]\nexternal_id = "id"\nkind = "\'charge\'"\namount = "gross"\ncurrency = "\'EUR\'"\n'
        "booked_on = \"'2026-10-01'::date\"\n"
    )
    positions = positions.replace("]\ndetails", '{ name = "memo", start = 10, length = 30 }]\ndetails')
    return {
        "a row that `where` leaves out": (
            MAPPING.replace(identify, "where = \"type <> 'failed'\"\n" + identify),
            f"{HEADER}\n{row}c2,failed,1.00,EUR,01.10.2026,{paid}\n",
        ),
        "a column that `details` leaves out": (
            MAPPING.replace(identify, "details = []\n" + identify),
            f"{HEADER},memo\n{row.strip()},{paid}\n",
        ),
        "a column that only decides": (
            MAPPING.replace('"gross"\n', "\"case when memo is null then '1' else gross end\"\n"),
            f"{HEADER},memo\n{row.strip()},{paid}\n",
        ),
        "a line before the header": (
            MAPPING.replace(identify, "csv = { skip_rows = 1 }\n" + identify),
            f"Paid by {paid}\n{HEADER}\n{row}",
        ),
        "a line before a header that is looked for": (
            MAPPING.replace(identify, "header_row = 0\n" + identify),
            f"Paid by {paid}\n{HEADER}\n{row}",
        ),
        "a row of the footer": (
            MAPPING.replace(identify, "skip_footer = 2\n" + identify),
            f'{HEADER}\n{row}Total,,,,,\n,,,,,"all paid by\n{paid}"\n',
        ),
        "a quarantined row of two lines": (
            MAPPING,
            f'{HEADER}\n{row}c2,charge,much,EUR,01.10.2026,"line one\n{paid}"\n',
        ),
        "a quarantined row whose other columns nobody reads": (
            MAPPING.replace(identify, "details = []\n" + identify),
            f"{HEADER},memo\n{row.strip()},\nc2,charge,much,EUR,01.10.2026,fine,{paid}\n",
        ),
        "a row of two lines that cannot be cut": (
            MAPPING,
            f'{HEADER}\n{row}c2,charge,1.00,EUR,01.10.2026,"line one\n{paid}",more\n',
        ),
        "positions that no field reads": (positions, f"c1 10.00 {paid}\n"),
    }


@pytest.mark.parametrize("what", unread())
def test_a_card_number_where_no_record_has_it_does_not_stay_either(what: str, office: Office) -> None:
    mapping, content = unread()[what]
    office.write_mapping(mapping)
    answer = office.ingest("cards.csv", content, "psp")
    assert answer.status == 1, answer
    [told] = answer.said["deliveries"]
    assert told["rows_new"] == 1
    [kept] = office.landed()
    assert SPACED not in kept.decode()
    assert "5425 23** **** 9903" in kept.decode()
    assert traces(office.folder) == []
    assert not any(SPACED[at : at + 11] in office.run("explain", "c1").out for at in range(8))
    assert office.lost() == []


def test_long_numbers_of_a_column_that_no_record_has_are_no_cards(office: Office) -> None:
    """One in forty passes by chance; one that does among many that do not is none."""
    office.write_mapping(MAPPING.replace("identify", "details = []\nidentify"))
    orders = [str(5425233430109903 + 7 * n) for n in range(200)]
    rows = "".join(f"c{n},charge,1.00,EUR,01.10.2026,fine,{order}\n" for n, order in enumerate(orders))
    answer = office.ingest("orders.csv", f"{HEADER},order\n{rows}", "psp")
    assert answer.status == 0
    assert office.landed() == [f"{HEADER},order\n{rows}".encode()]


@pytest.mark.parametrize("field", ["account", "account_number"])
def test_a_column_that_says_the_account_is_left_alone(field: str, office: Office) -> None:
    office.write_mapping(MAPPING.replace('text = "note"', f'{field} = "note"'))
    answer = office.table(f"c1,charge,10.00,EUR,01.10.2026,{CARD}")
    assert CARD.encode() in office.landed()[0]
    assert "card number" not in answer.out


@pytest.mark.parametrize(("before", "name"), [("</GrpHdr>", "AddtlInf"), ("</Stmt>", "AddtlStmtInf")])
def test_a_card_number_beside_the_entries_of_a_statement_does_not_stay(before: str, name: str, office: Office) -> None:
    statement = camt("100.00", "150.00", entry("50.00"))
    noted = statement.replace(before, f"<{name}>paid by card {SPACED}</{name}>{before}")
    answer = office.ingest("a.xml", noted, "bank")
    assert answer.status == 1
    assert "card number" in answer.said["deliveries"][0]["reason"]
    assert SPACED not in office.landed()[0].decode()
    assert office.lost() == []


@pytest.mark.parametrize(
    "beside", [":86:info card {}", ":NS:22 card {}", ":21:card {}", ":64:C261001EUR10,00\n:86:card {}"]
)
def test_a_card_number_beside_the_entries_of_an_mt940_does_not_stay(beside: str, office: Office) -> None:
    toml = office.folder / "tieout.toml"
    toml.write_text(toml.read_text() + '\n[[source]]\nid = "mt"\nformat = "mt940"\n')
    entries = ":61:2610011001C10,00NTRFNONREF//B1\n:86:166?00GUTSCHRIFT?20REF"
    head = ":20:ST1\n:25:DE89370400440532013000\n:28C:1/1\n:60F:C260930EUR0,00"
    content = f"{head}\n{entries}\n:62F:C261001EUR10,00\n{beside.format(CARD)}\n-\n"
    answer = office.ingest("a.sta", content, "mt")
    assert answer.status == 1
    assert "card number" in answer.said["deliveries"][0]["reason"]
    assert CARD not in office.landed()[0].decode()
    assert office.lost() == []
