"""Exported tables: exact amounts, safe cells, whole files, and what the filters leave out."""

import csv
import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.observe.company import Company, statement
from tieout.errors import WrongUse
from tieout.model.money import MINOR_MAX, format_minor
from tieout.model.normal import key_of
from tieout.observe.exporting.exported import TABLES, Column
from tieout.observe.exporting.exports import Filters, export, period_days
from tieout.observe.exporting.writing import ENDINGS, write_query
from tieout.store.engine import connect
from tieout.store.tables import RESULTS

INTERFACE_EXCEPTIONS = [
    "exception_id",
    "reconciliation",
    "reason",
    "source",
    "external_id",
    "record_id",
    "kind",
    "entity",
    "account",
    "amount",
    "currency",
    "base_amount",
    "booked_on",
    "counterparty",
    "settlement_id",
    "opened_on",
    "due_on",
    "age_days",
    "candidates",
    "assignee",
    "state",
    "decided_by",
    "decided_at",
    "resolution",
    "note",
    "run_id",
    "side",  # beside the contract: which side of its reconciliation it stands on
]


# "Accounts, signs, records" of the architecture, in its order.
RECORD_FIELDS = [
    *("record_id", "version", "source_id", "entity_id", "account_id", "sub_account", "delivery_id", "line", "seen_at"),
    *("kind", "status", "booked_on", "value_on", "occurred_at", "due_on", "bank_code"),
    *("amount", "fee", "fee_tax", "tax", "net", "currency", "exponent"),
    *("original_amount", "original_currency", "rate", "base_amount", "base_currency"),
    *("external_id", "payment_id", "settlement_id", "parent_external_id", "references", "text"),
    *("counterparty", "counterparty_account", "details"),
]


def exported(company: Company, to: Path, name: str, **filters: Any) -> list[dict[str, str]]:
    done = export(company.store, company.workspace, name, to / f"{name}.csv", Filters(**filters))
    with done.path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == done.rows
    return rows


def by(rows: list[dict[str, str]], column: str) -> dict[str, dict[str, str]]:
    found = {row[column]: row for row in rows}
    assert len(found) == len(rows)
    return found


def test_an_exported_record_has_the_fields_of_a_record_under_their_names() -> None:
    names = [column.name for column in TABLES["records"].columns]
    assert [name for name in names if name in RECORD_FIELDS] == RECORD_FIELDS


@pytest.mark.parametrize(
    "name", ["records", "balances", "witnesses", "deliveries", "references", "parties", "statements", "quarantine"]
)
def test_facts_say_whose_they_are_as_records_do(name: str) -> None:
    names = {column.name for column in TABLES[name].columns}
    assert names.isdisjoint({"source", "entity", "account"})
    assert names & {"source_id", "entity_id"}


def test_records_are_written_exactly(company: Company, tmp_path: Path) -> None:
    rows = by(exported(company, tmp_path, "records"), "external_id")
    assert sorted(rows) == ["B1", "B3", "ch_1", "ch_2", "ch_3", "ch_4"]
    assert {i: rows[i]["amount"] for i in rows if i.startswith("ch")} == {
        "ch_1": "100.00",
        "ch_2": "2000",
        "ch_3": "10.001",
        "ch_4": "-3.20",
    }
    assert (rows["ch_1"]["fee"], rows["ch_1"]["net"], rows["ch_1"]["exponent"]) == ("3.20", "96.80", "2")
    assert rows["ch_3"]["net"] == "9.501"
    assert rows["ch_2"]["version"] == "2"
    assert json.loads(rows["ch_1"]["references"]) == ["INV-0012"]
    assert json.loads(rows["B1"]["details"])["mark"] == "C"
    assert (rows["ch_1"]["booked_on"], rows["ch_1"]["seen_at"]) == ("2026-10-01", "2026-11-01T00:00:00Z")
    assert len(rows["ch_1"]["record_id"]) == 32


def test_the_columns_of_exceptions_are_those_of_the_contract(company: Company, tmp_path: Path) -> None:
    (row,) = exported(company, tmp_path, "exceptions")
    assert list(row) == INTERFACE_EXCEPTIONS
    assert (row["reason"], row["source"], row["entity"], row["state"]) == ("incomplete", "bank", "acme", "open")
    assert (row["amount"], row["currency"], row["booked_on"]) == ("96.80", "EUR", "2026-10-05")
    # The facts end on 6 October, whatever day the clock shows.
    assert row["age_days"] == "1"
    assert row["candidates"] == "[]"
    assert (row["base_amount"], row["run_id"]) == ("96.80", "")


def test_an_exception_that_is_no_longer_true_is_history(empty: Company, tmp_path: Path) -> None:
    empty.bring("bank", "b1.sta", statement(1, 1, 2, "100,00", "196,80"))
    empty.bring("bank", "b3.sta", statement(3, 5, 6, "293,60", "390,40"))
    assert len(exported(empty, tmp_path, "exceptions")) == 1
    empty.bring("bank", "b2.sta", statement(2, 2, 5, "196,80", "293,60"))
    assert exported(empty, tmp_path, "exceptions") == []
    assert [row["state"] for row in exported(empty, tmp_path, "exceptions", history=True)] == ["open", "closed"]


def test_one_record_with_several_witnesses_is_visible(company: Company, tmp_path: Path) -> None:
    rows = [row for row in exported(company, tmp_path, "witnesses") if row["external_id"] == "ch_1"]
    assert [(row["first"], row["line"], row["seen_at"]) for row in rows] == [
        ("true", "2", "2026-11-01T00:00:00Z"),
        ("false", "2", "2026-11-01T01:00:00Z"),
    ]
    everything = exported(company, tmp_path, "witnesses")
    records = {row["record_id"] for row in exported(company, tmp_path, "records")}
    assert {row["record_id"] for row in everything if row["first"] == "true"} == records
    assert len(everything) == 8


def test_history_shows_what_was_superseded_and_why(company: Company, tmp_path: Path) -> None:
    rows = exported(company, tmp_path, "records", history=True)
    versions = {row["version"]: row for row in rows if row["external_id"] == "ch_2"}
    assert (versions["1"]["amount"], versions["1"]["state"], versions["1"]["superseded_by"]) == (
        "1000",
        "superseded",
        "corrected",
    )
    assert (versions["2"]["amount"], versions["2"]["state"], versions["2"]["superseded_by"]) == ("2000", "current", "")
    assert len(rows) == 7


def test_references_carry_the_key_of_their_normal_form(company: Company, tmp_path: Path) -> None:
    rows = exported(company, tmp_path, "references")
    assert {(row["role"], row["value"]) for row in rows if row["value"].startswith("INV-0012")} == {
        ("reference", "INV-0012"),
    }
    assert all(row["key"] == str(key_of(row["value"])) for row in rows)
    assert {row["role"] for row in rows} == {"external_id", "settlement_id", "reference"}


def test_one_party_has_one_id_however_its_name_is_spelt(company: Company, tmp_path: Path) -> None:
    rows = by(exported(company, tmp_path, "parties"), "counterparty")
    assert rows["ann s."]["party_id"] == rows["Ann S"]["party_id"] != rows["Ömer"]["party_id"]
    assert (rows["Ann S"]["first_on"], rows["Ann S"]["records"]) == ("2026-10-04", "1")


def test_quarantine_names_file_line_and_column(company: Company, tmp_path: Path) -> None:
    (row,) = exported(company, tmp_path, "quarantine")
    assert (row["file"], row["line"], row["column"], row["severity"]) == ("second.csv", "4", "type", "row")
    assert "nonsense" in row["message"]


def test_statements_and_balances_are_decimal_text(company: Company, tmp_path: Path) -> None:
    rows = exported(company, tmp_path, "statements")
    assert [(r["opening"], r["closing"], r["closes"]) for r in rows] == [
        ("100.00", "196.80", "true"),
        ("293.60", "390.40", "true"),
    ]
    assert [r["amount"] for r in exported(company, tmp_path, "balances")] == ["100.00", "196.80", "293.60", "390.40"]


#: What a company without documents, payouts and runs has none of; tests/observe/test_money.py has one that does.
NONE_HERE = {
    "adjustments", "in_transit", "journals", "matches", "open_items", "positions", "proof_items", "trial_balance",
}  # fmt: skip


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", sorted(TABLES.keys() - NONE_HERE))
@pytest.mark.parametrize("history", [False, True])
def test_every_table_goes_into_every_kind_of_file(
    company: Company, tmp_path: Path, name: str, ending: str, history: bool
) -> None:
    path = tmp_path / f"{name}.{ending}"
    done = export(company.store, company.workspace, name, path, Filters(history=history))
    rows, names = read_back(path)
    expected = TABLES[name].columns + (TABLES[name].history if history else ())
    assert len(rows) == done.rows
    assert done.rows > 0 or name in RESULTS  # results need a run: tests/test_pipeline.py exports those
    assert names == [column.name for column in expected]
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def read_back(path: Path) -> tuple[list[Any], list[str]]:
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        return table.to_pylist(), table.column_names
    if path.suffix == ".jsonl":
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return rows, list(rows[0]) if rows else [column.name for column in TABLES[path.stem].columns]
    if path.suffix == ".xlsx":
        sheet = list(openpyxl.load_workbook(path).worksheets[0].iter_rows(values_only=True))
        return sheet[1:], [str(name) for name in sheet[0]]
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        return list(reader), list(reader.fieldnames or [])


def test_amounts_in_parquet_are_decimals_of_one_type(company: Company, tmp_path: Path) -> None:
    path = tmp_path / "records.parquet"
    export(company.store, company.workspace, "records", path)
    table = pq.read_table(path)
    for name in ("amount", "fee", "fee_tax", "tax", "net", "original_amount", "base_amount"):
        assert table.schema.field(name).type == pa.decimal128(38, 9)
    assert table.schema.field("booked_on").type == pa.date32()
    amounts = dict(zip(table["external_id"].to_pylist(), table["amount"].to_pylist(), strict=True))
    assert amounts["ch_3"] == Decimal("10.001")
    assert amounts["ch_4"] == Decimal("-3.2")


def test_lines_of_json_hold_lists_and_objects(company: Company, tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    export(company.store, company.workspace, "records", path)
    rows = {row["external_id"]: row for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())}
    assert rows["ch_1"]["references"] == ["INV-0012"]
    assert rows["ch_1"]["amount"] == "100.00"
    assert rows["ch_1"]["counterparty"] == "=cmd()"
    assert rows["B1"]["details"]["mark"] == "C"


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_a_cell_never_becomes_a_formula_and_an_amount_is_never_touched(
    company: Company, tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"records.{ending}"
    export(company.store, company.workspace, "records", path)
    rows, names = read_back(path)
    values = [list(row.values()) if isinstance(row, dict) else list(row) for row in rows]
    at = {name: place for place, name in enumerate(names)}
    names_seen = {row[at["counterparty"]] for row in values}
    assert "'=cmd()" in names_seen
    assert "-3.20" in {row[at["amount"]] for row in values}


@given(
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6), max_size=20)
)
def test_any_text_comes_back_from_csv_and_is_never_a_formula(
    texts: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "x.csv"
    with connect() as con:
        con.register(
            "given", pa.table({"n": pa.array(range(len(texts)), pa.int64()), "v": pa.array(texts, pa.string())})
        )
        write_query(con, [Column("n", "integer", "t.n"), Column("v", "text", "t.v")], "given t", "t.n", path)
    with path.open(newline="", encoding="utf-8") as file:
        cells = [row["v"] for row in csv.DictReader(file)]
    assert [cell.removeprefix("'") if cell[:2] in GUARDED else cell for cell in cells] == texts
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)


GUARDED = {f"'{sign}" for sign in "=+-@\t\r"}


@given(
    st.lists(
        st.tuples(st.integers(-MINOR_MAX, MINOR_MAX), st.integers(0, 9)),
        min_size=1,
        max_size=50,
    ),
)
def test_an_amount_is_written_as_the_model_writes_it(amounts: list[tuple[int, int]]) -> None:
    with connect() as con:
        con.register("given", pa.table({"m": [m for m, _ in amounts], "e": [e for _, e in amounts]}))
        found = con.execute("select decimal_text(m, e), decimal_value(m, e) from given").fetchall()
    assert [text for text, _ in found] == [format_minor(m, e) for m, e in amounts]
    assert [value for _, value in found] == [Decimal(m).scaleb(-e) for m, e in amounts]


def test_an_amount_without_an_exponent_has_its_currencys() -> None:
    with connect() as con:
        found = con.execute("select own_exponent('EUR'), own_exponent('JPY'), own_exponent('KWD')").fetchall()
    assert found == [(2, 0, 3)]


def test_the_same_facts_give_the_same_bytes(company: Company, tmp_path: Path) -> None:
    for ending in ("csv", "jsonl"):
        written = []
        for number in (1, 2):
            path = tmp_path / f"{number}.{ending}"
            export(company.store, company.workspace, "records", path)
            written.append(path.read_bytes())
        assert written[0] == written[1]


def test_filters_leave_out_what_was_not_asked_for(company: Company, tmp_path: Path) -> None:
    def ids(**filters: Any) -> list[str]:
        return sorted(row["external_id"] for row in exported(company, tmp_path, "records", **filters))

    assert ids(account="DE89370400440532013000") == ["B1", "B3"]
    assert ids(entity="other") == []
    assert len(ids(entity="acme")) == 6
    assert ids(as_of=dt.date(2026, 10, 1)) == ["ch_1", "ch_2"]
    assert ids(period="2026-10") == ids(period="2026") == ids()
    assert ids(period="2026-09") == []
    assert exported(company, tmp_path, "deliveries", period="2026-11")[0]["name"] == "first.csv"


@pytest.mark.parametrize(
    ("name", "to", "filters", "said"),
    [
        ("nonsense", "x.csv", {}, "records"),
        ("records", "x.pdf", {}, ".parquet"),
        ("records", "x", {}, ".csv"),
        ("records", "missing/x.csv", {}, "no folder"),
        ("records", "x.csv", {"entity": "nobody"}, "'acme'"),
        ("records", "x.csv", {"account": "nobody"}, "DE89370400440532013000"),
        ("records", "x.csv", {"period": "2026-13"}, "2026-10"),
        ("records", "x.csv", {"period": "last year"}, "2026-10"),
        ("records", "x.csv", {"run": "run 1"}, "run"),
        ("deliveries", "x.csv", {"account": "psp/EUR"}, "--account"),
        ("parties", "x.csv", {"period": "2026"}, "--period"),
    ],
)
def test_what_cannot_be_asked_is_said_in_a_sentence(
    company: Company, tmp_path: Path, name: str, to: str, filters: dict[str, str], said: str
) -> None:
    with pytest.raises(WrongUse, match="expected") as error:
        export(company.store, company.workspace, name, tmp_path / to, Filters(**filters))  # type: ignore[arg-type]  # texts only
    assert said in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_fails_leaves_the_old_one(
    company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "records.xlsx"
    path.write_text("old")
    monkeypatch.setattr("tieout.observe.exporting.writing.WORKBOOK_ROWS_MAX", 3)
    with pytest.raises(WrongUse, match="at most 3 rows"):
        export(company.store, company.workspace, "records", path)
    monkeypatch.setattr("tieout.observe.exporting.writing.WORKBOOK_ROWS_MAX", 1_000)
    monkeypatch.setattr("tieout.observe.exporting.writing.CELL_MAX", 10)
    with pytest.raises(WrongUse, match="at most 10 characters"):
        export(company.store, company.workspace, "records", path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["records.xlsx"]


def test_nothing_yet_is_a_table_without_rows(empty: Company, tmp_path: Path) -> None:
    for name in TABLES:
        assert exported(empty, tmp_path, name) == []


@given(year=st.integers(1, 9999), month=st.integers(1, 12))
def test_a_year_is_its_months(year: int, month: int) -> None:
    first, last = period_days(f"{year:04}-{month:02}")
    assert first.day == 1
    assert last == dt.date.max or (last + dt.timedelta(days=1)).day == 1
    assert period_days(f"{year:04}")[0] <= first <= last <= period_days(f"{year:04}")[1]
