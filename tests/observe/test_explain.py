"""Explaining: any identifier in any spelling leads to the record, its versions, its witnesses and its raw bytes."""

import gzip
import io
import zipfile
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.observe.company import FIRST, HEADINGS, MAPPING, Company, found_company, statement
from tieout.intake.accept import accept
from tieout.observe.exporting.exports import Filters
from tieout.observe.exporting.overview import overview
from tieout.observe.things.explain import SHOWN_MAX, explain
from tieout.observe.things.lookup import identity_range


def only(company: Company, asked: str) -> dict:  # type: ignore[type-arg]  # JSON
    found = explain(company.store, asked)
    assert found.count == len(found.records) == 1
    return found.records[0]


@pytest.mark.parametrize("asked", ["ch_2", "CH-2", " ch 2 ", "inv-0013", "INV0013", "inv 0013"])
def test_any_spelling_finds_the_record(company: Company, asked: str) -> None:
    one = only(company, asked)
    assert one["record"]["external_id"] == "ch_2"
    assert one["named_as"] == ["external_id" if "2" in asked and "13" not in asked else "reference"]


def test_versions_say_what_changed_and_why(company: Company) -> None:
    one = only(company, "ch_2")
    first, second = one["versions"]
    assert (first["state"], first["superseded_by"]) == ("superseded", "corrected")
    assert second["changed"]["amount"] == {"from": "1000", "to": "2000"}
    assert one["record"]["amount"] == "2000"
    assert [(w["file"], w["line"], w["first"]) for w in one["witnesses"]] == [
        ("first.csv", 3, True),
        ("third.csv", 2, False),
    ]


def test_lineage_leads_to_the_raw_lines(company: Company) -> None:
    one = only(company, "ch_3")
    assert one["raw"] == [
        {
            "place": "first.csv line 4",
            "lines": (HEADINGS.strip(), FIRST.splitlines()[3]),
            "note": None,
        },
    ]
    bank = only(company, "B1")
    assert bank["raw"][0]["lines"] == (":61:2610021002C96,80NTRFPO-1//B1", ":86:payout po_1", "second line")
    assert (bank["statement"]["number"], bank["statement"]["closing"]) == ("1", "196.80")


def test_a_settlement_is_summed_by_kind(company: Company) -> None:
    found = explain(company.store, "PO 1")
    assert found.count == 6
    assert [(t["kind"], t["currency"], t["count"], t["net"]) for t in found.totals] == [
        ("bank_entry", "EUR", 2, "193.60"),
        ("charge", "EUR", 1, "96.80"),
        ("charge", "JPY", 1, "2000"),
        ("charge", "KWD", 1, "9.501"),
        ("refund", "EUR", 1, "-3.20"),
    ]
    assert "raw" not in found.records[0]


def test_own_ids_are_found_by_their_beginning(company: Company) -> None:
    record = only(company, "ch_1")
    record_id = record["record"]["record_id"]
    for asked in (record_id, record_id[:6], record_id[:17].upper()):
        assert only(company, asked)["record"] == record["record"]
    delivery = record["record"]["delivery_id"]
    for asked in (delivery, delivery[:8], "first.csv"):
        (row,) = explain(company.store, asked).deliveries
        assert (row["name"], row["rows_in"]) == ("first.csv", 3)
    (statement_row,) = explain(company.store, "S3").statements
    assert statement_row["closing"] == "390.40"


def test_an_exception_is_found_by_its_id(company: Company) -> None:
    delivery = only(company, "B3")["record"]["delivery_id"]
    (row,) = overview(company.store, company.workspace, "exceptions").rows
    (found,) = explain(company.store, row["exception_id"][:7]).exceptions
    assert (found["reason"], found["delivery_id"], found["amount"]) == ("incomplete", delivery, "96.80")


@pytest.mark.parametrize(
    "asked", ["", "   ", "-/-", "nothing", "abcdef0123", "0" * 70, "x" * 5_000, "'; drop table", "ß"]
)
def test_nothing_found_is_an_answer(company: Company, asked: str) -> None:
    found = explain(company.store, asked)
    assert not found.found
    assert not found.ambiguous


def test_the_beginning_of_several_ids_is_not_guessed(empty: Company) -> None:
    rows = "".join(f"c{i},charge,1.00,0,EUR,2026-10-01,po,r{i},\n" for i in range(2_000))
    empty.bring("psp", "many.csv", HEADINGS + rows)
    found = explain(empty.store, "po")
    assert (found.count, len(found.records)) == (2_000, SHOWN_MAX)
    assert found.totals[0]["amount"] == "2000.00"
    table = pq.read_table(next((empty.store.lake.root / "records").glob("*.parquet")), columns=["record_id"])
    ids = sorted(record_id.hex() for record_id in table["record_id"].to_pylist())
    for prefix in {i[:6] for i in ids[:50]}:
        named = [i for i in ids if i.startswith(prefix)]
        answer = explain(empty.store, prefix)
        assert (answer.ambiguous or [answer.records[0]["record"]["record_id"]]) == named


@given(st.binary(min_size=16, max_size=16), st.integers(6, 32))
def test_the_beginning_of_an_id_spans_its_key(record_id: bytes, digits: int) -> None:
    span = identity_range(record_id.hex()[:digits])
    assert span.low <= int.from_bytes(record_id[:8], "big", signed=True) <= span.high


def test_raw_lines_come_out_of_containers(empty: Company) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a/one.csv", HEADINGS + "z1,charge,1.00,0,EUR,2026-10-01,,,Ann\n")
        archive.writestr("b/two.csv", HEADINGS + "z2,charge,2.00,0,EUR,2026-10-01,,,Bob\n")
    empty.bring("psp", "two.zip", packed.getvalue())
    empty.bring("psp", "g.csv.gz", gzip.compress((HEADINGS + "g1,charge,3.00,0,EUR,2026-10-01,,,Eve\n").encode()))
    assert only(empty, "z2")["raw"][0]["lines"][1].startswith("z2,charge,2.00")
    assert only(empty, "z2")["raw"][0]["place"] == "two.zip in b/two.csv line 2"
    assert only(empty, "g1")["raw"][0]["lines"][1].startswith("g1,charge,3.00")


def test_a_landed_file_that_was_changed_is_said_so(empty: Company) -> None:
    empty.bring("bank", "b1.sta", statement(1, 1, 2, "100,00", "196,80"))
    (path,) = (p for p in Path(empty.store.landing.root).rglob("*") if p.is_file())
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    raw = only(empty, "B1")["raw"][0]
    assert raw["lines"] == ()
    assert "was changed" in raw["note"]


def test_rows_of_workbooks_and_parquet_files_show_their_values(tmp_path: Path) -> None:
    names = HEADINGS.strip().split(",")
    rows = [[f"x{i}", "charge", "1.00", "0", "EUR", "2026-10-01", "po", f"R-{i}", "Ann"] for i in range(5)]
    workbook, packed = openpyxl.Workbook(), io.BytesIO()
    for row in [names, *rows]:
        workbook.worksheets[0].append(row)
    workbook.save(packed)
    columns = io.BytesIO()
    pq.write_table(
        pa.table([list(column) for column in zip(*rows, strict=True)], names=names), columns, row_group_size=2
    )
    for ending, content in (("xlsx", packed), ("parquet", columns)):
        made = found_company(tmp_path / ending)
        mapping = made.workspace.folder / "mappings" / "psp.toml"
        mapping.write_text(MAPPING.replace('"csv"', f'"{ending}"'))
        made.bring("psp", f"report.{ending}", content.getvalue())
        lines = only(made, "x3")["raw"][0]["lines"]
        assert [line.partition(": ")[2] for line in lines] == rows[3]
        made.store.close()


def test_what_a_replay_withdraws_stays_explained(empty: Company) -> None:
    rows = "q1,charge,5.00,0,EUR,2026-10-02,po,r9,Ann\nq2,charge,6.00,0,EUR,2026-10-02,po,r9,Ann\n"
    delivery = empty.bring("psp", "r.csv", HEADINGS + rows)
    mapping = empty.workspace.folder / "mappings" / "psp.toml"
    mapping.write_text(MAPPING.replace("[fields]", "where = \"id <> 'q1'\"\n[fields]"))
    accept(empty.store, empty.workspace, delivery, replay="a filter was missing")
    gone = only(empty, "q1")
    assert (gone["state"], gone["versions"][0]["superseded_by"]) == ("superseded", "withdrawn")
    assert [witness["withdrawn"] for witness in gone["witnesses"]] == [True]
    found = explain(empty.store, "r9")
    assert (found.count, [total["amount"] for total in found.totals]) == (2, ["6.00"])
    shown = overview(empty.store, empty.workspace, "witnesses")
    assert [(row["external_id"], row["first"]) for row in shown.rows] == [("q2", True)]
    history = overview(empty.store, empty.workspace, "witnesses", Filters(history=True))
    assert {(row["external_id"], row["state"]) for row in history.rows} == {("q1", "withdrawn"), ("q2", "current")}


def test_a_conflict_shows_whose_money_it_is_about(empty: Company) -> None:
    rows = "d,charge,1.00,0,EUR,2026-10-01,po,r1,Ann\nd,charge,2.00,0,EUR,2026-10-01,po,r1,Ann\n"
    empty.bring("psp", "twice.csv", HEADINGS + rows)
    (row,) = overview(empty.store, empty.workspace, "exceptions").rows
    assert (row["reason"], row["external_id"], row["amount"], row["counterparty"]) == ("conflict", "d", "1.00", "Ann")
    assert [said["line"] for said in row["candidates"]][:2] == [2, 3]
    one = only(empty, "d")
    assert [exception["reason"] for exception in one["exceptions"]] == ["conflict"]
    assert [raw["place"] for raw in one["raw"]] == ["twice.csv line 2", "twice.csv line 3"]
