"""Parquet, JSON lines, XLSX and fixed positions."""

import datetime as dt
import io
import json
import zipfile
from decimal import Decimal
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.formats.tabular.given import PLAIN, csv_of, plain, read
from tieout.formats.reading import Head
from tieout.formats.tabular import FIND_HEADER, CsvDialect, FixedColumn, MappingFormat, raw_xlsx, text_blocks

DAY = dt.date(2026, 10, 1)
NOON = dt.datetime.combine(DAY, dt.time(12, 30))


def parquet(**columns: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, row_group_size=2)
    return out.getvalue()


@pytest.mark.parametrize(
    ("column", "minor", "exponent"),
    [
        (pa.array([Decimal("1.50"), Decimal("-2.25")], pa.decimal128(12, 2)), [150, -225], [2, 2]),
        (
            pa.array([Decimal("1.500000000"), Decimal("-2.123456789")], pa.decimal128(38, 10)),
            [150, -2123456789],
            [2, 9],
        ),
        (pa.array([5, -7], pa.int64()), [500, -700], [2, 2]),
        (pa.array(["5.5", " -7 "]), [550, -700], [2, 2]),
        (pa.array([5, 7], pa.uint64()), [500, 700], [2, 2]),
        (pa.array(["5", "7"]).dictionary_encode(), [500, 700], [2, 2]),
    ],
)
def test_parquet_amounts(column: pa.Array, minor: list[int], exponent: list[int]) -> None:
    got = read(plain(format="parquet"), parquet(id=["a", "b"], amount=column, day=[DAY, DAY]))
    assert (got.column("amount"), got.column("exponent")) == (minor, exponent), got.messages
    assert got.column("line") == [1, 2]


def test_parquet_floats_are_no_money() -> None:
    got = read(plain(format="parquet"), parquet(id=list("abcd"), amount=[1.0, 0.1, float("nan"), 1e300], day=[DAY] * 4))
    assert got.rows == []
    assert [p.line for p in got.problems] == [1, 2, 3, 4]
    assert "never a floating-point one, got '0.1'" in got.messages[1]


def test_parquet_too_precise_for_money_is_quarantined_not_rounded() -> None:
    column = pa.array([Decimal("0.00001234567"), Decimal(1)], pa.decimal128(30, 11))
    got = read(plain(format="parquet"), parquet(id=["a", "b"], amount=column, day=[DAY] * 2))
    assert got.column("amount") == [100]


def test_parquet_times_and_texts_of_types() -> None:
    moment = dt.datetime(2026, 10, 1, 23, 30, tzinfo=dt.UTC)
    data = parquet(
        id=["a"], amount=[1], day=pa.array([moment], pa.timestamp("ms", "UTC")), note=[[1, 2]], flag=[True], raw=[b"x"]
    )
    got = read(
        plain(format="parquet", fields={"occurred_at": "day", "text": "note", "counterparty": "flag"}),
        data,
        timezone="Asia/Tokyo",
    )
    (row,) = got.rows
    assert (row["booked_on"], row["occurred_at"]) == (dt.date(2026, 10, 2), moment)
    assert (row["text"], row["counterparty"], row["details"]) == ("[1, 2]", "true", '{"raw":"x"}')


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1" + b"x" * 50 + b"PAR1"])
def test_parquet_that_is_none_is_refused(data: bytes) -> None:
    assert read(plain(format="parquet"), data).refused


@pytest.mark.parametrize("size", [5, 1 << 20])
def test_jsonl_numbers_keep_their_text(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        '{"id": "a", "amount": 0.1, "day": "2026-10-01", "deep": {"n": [1.10, true, null, "\\u00e4"]}}',
        '{"id": 12345678901234567890, "amount": 10000000000000.01, "day": "2026-10-01", "later": null}',
        "",
        '{"id": "c", "amount": 1e2, "day": "2026-10-01"}',
        '{"id": "d", "amount": NaN, "day": "2026-10-01"}',
        "not json",
        '["list"]',
        '{"id": 1, "id": 2}',
        '{"id": "e", "amount": "7.5", "day": "2026-10-01", "extra": 5, "deep": null}',
    ]
    data = "\r\n".join(rows).encode()
    monkeypatch.setattr(text_blocks, "BLOCK_BYTES", max(size, len(rows[0]) + 2))
    got = read(plain(format="jsonl"), data)
    assert got.column("external_id") == ["a", "12345678901234567890", "e"]
    assert got.column("amount") == [10, 1000000000000001, 750]
    assert [p.line for p in got.problems] == [4, 5, 6, 7, 8]
    assert got.rows[0]["details"] == '{"deep":"{\\"n\\":[1.10,true,null,\\"ä\\"]}"}'
    assert "5" in got.rows[2]["details"]


@pytest.mark.parametrize("data", [b"", b"[]\n", b"{}", b"\xff\xfe\x00\x00", b"[" * 100_000, b'{"a":' * 50_000])
def test_jsonl_that_is_none_is_refused(data: bytes) -> None:
    assert read(plain(format="jsonl"), data).refused


def workbook(*rows: list[Any], title: str = "Sheet") -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_xlsx_cells_are_what_the_sheet_shows() -> None:
    data = workbook(
        ["Report of", DAY], [], ["id", "amount", "day", "note"],
        ["a", 0.1 + 0.2, DAY, 1e15], ["b", 1234567.89, NOON, True],
        [], ["c", "7.50", "2026-10-01", " "], ["d", 1 / 3, DAY, None], ["Total", 5],
    )  # fmt: skip
    mapping = plain(format="xlsx", header_row=3, skip_footer=1, fields={"booked_on": "day::date", "text": "note"})
    for shape in (
        mapping,
        plain(format="xlsx", header_row=FIND_HEADER, identify=("id", "day"), skip_footer=1, fields=mapping.fields),
    ):
        got = read(shape, data)
        assert got.column("amount") == [30, 123456789, 750]
        assert got.column("line") == [4, 5, 7]
        assert got.column("text") == ["1000000000000000", "true", None]
        assert [p.line for p in got.problems] == [8]
    assert MappingFormat(plain(format="xlsx", header_row=3, identify=("id",))).identify(Head("x", data)) == "plain"


def test_numbers_of_a_workbook_are_kept_to_the_last_digit_or_set_aside() -> None:
    data = workbook(
        ["id", "amount", "day"],
        [1.234567890123451e15, 1, DAY], [1.234567890123453e15, 1, DAY], [9007199254740991, 1, DAY],
        ["a", 12345678901234.56, DAY], ["b", 123456789.1 + 1e-8, DAY], ["c", -0.1 - 0.2, DAY],
        [1.234567890123457e17, 1, DAY], ["d", 1.5e17, DAY],
    )  # fmt: skip
    got = read(plain(format="xlsx"), data)
    assert got.column("external_id") == ["1234567890123451", "1234567890123453", "9007199254740991", "a", "b", "c"]
    assert got.column("amount") == [100, 100, 100, 1234567890123456, 12345678910, -30]
    assert [(p.line, p.column) for p in got.problems] == [(8, "id"), (9, "amount")]
    assert got.messages[0] == (
        "line 8, column id: expected a number of at most 15 digits, got 123456789012345700, which its cell does not keep"
        " to the last digit: format the column as text"
    )


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("amount", "minor"),
    [
        (70368744177663.99, 7036874417766399), (10000000000000.55, 1000000000000055), (70368744177664.5, 7036874417766450),
        (99999999999999.98, None), (99999999999999.9, None), (562949953421312.5, None),
        (8796093022208.123, None),
    ],
)  # fmt: skip
def test_a_cell_that_stands_for_two_amounts_is_set_aside(amount: float, minor: int | None, sign: int) -> None:
    # 99999999999999.99 is the same cell as ...98, and 99999999999999.91 as ...9.
    got = read(plain(format="xlsx"), workbook(["id", "amount", "day"], ["a", sign * amount, DAY], ["b", 1, DAY]))
    assert got.column("amount") == ([100] if minor is None else [sign * minor, 100])
    assert [problem.line for problem in got.problems] == ([2] if minor is None else [])


def test_xlsx_sheet_by_name() -> None:
    data = workbook(["id", "amount", "day"], ["a", 1, DAY], title="Lines")
    assert read(plain(format="xlsx", sheet="Lines"), data).column("amount") == [100]
    assert read(plain(format="xlsx", sheet="Other"), data).refused == "expected a sheet 'Other', got Lines"


def test_xlsx_that_is_none_or_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    for data in (b"", b"PK\x03\x04junk", empty.getvalue(), workbook(), workbook(["x"])):
        assert read(plain(format="xlsx"), data).refused
    monkeypatch.setattr(raw_xlsx, "UNPACKED_BYTES_MAX", 1000)
    assert "at most 1000 bytes" in str(read(plain(format="xlsx"), workbook(["id"])).refused)


@pytest.mark.parametrize("size", [1, 9, 1 << 20])
def test_fixed_positions_count_characters_from_one(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_blocks, "BLOCK_BYTES", size)
    columns = (
        FixedColumn("id", 1, 4),
        FixedColumn("amount", 5, 8),
        FixedColumn("day", 13, 10),
        FixedColumn("note", 23, 6),
    )
    mapping = plain(
        format="fixed",
        fixed=columns,
        dialect=CsvDialect(encoding="cp1252", skip_rows=1),
        skip_footer=1,
        fields={"text": "note"},
    )
    data = "HEAD\r\nÄÖ01   10.502026-10-01 Zürich\r\n\r\nB002   -3.002026-10-01\r\nC003   x    2026-10-01\r\nTOTAL  7.50\r\n\r\n".encode(
        "cp1252"
    )
    got = read(mapping, data)
    assert got.column("external_id") == ["ÄÖ01", "B002"]
    assert (got.column("amount"), got.column("line"), got.column("text")) == ([1050, -300], [2, 4], ["Züric", None])
    assert [p.line for p in got.problems] == [5]


LISTS = [["a", "b"], [], None, ["", " x ", None], ["[INV-1]"]]
READ = [["a", "b"], [], [], ["x"], ["[INV-1]"]]


@pytest.mark.parametrize("expression", ["refs", "[refs]", "[refs, none]"])
def test_a_list_of_a_file_is_its_elements(expression: str) -> None:
    mapping = plan_of(expression)
    rows = [{"id": f"t{n}", "amount": 1, "day": "2026-10-01", "refs": refs, "none": []} for n, refs in enumerate(LISTS)]
    lines = "\n".join(json.dumps(row) for row in rows).encode()
    assert read(mapping(format="jsonl"), lines).column("references") == READ
    columns = {name: [row[name] for row in rows] for name in ("id", "amount")} | {"day": [DAY] * 5}
    lists = {"refs": pa.array(LISTS, pa.list_(pa.string())), "none": pa.array([[]] * 5, pa.list_(pa.string()))}
    got = read(mapping(format="parquet"), parquet(**columns, **lists))
    assert got.column("references") == READ, got.messages


@pytest.mark.parametrize(("written", "read_as"), [('["a",7]', ["a", "7"]), ("[INV-1]", ["[INV-1]"]), ('"a"', ['"a"'])])
def test_only_what_is_a_list_is_taken_apart(written: str, read_as: list[str]) -> None:
    line = json.dumps({"id": "t", "amount": 1, "day": "2026-10-01", "refs": written}).encode()
    assert read(plan_of("refs")(format="jsonl"), line).column("references") == [read_as]


def plan_of(references: str) -> Any:
    return lambda **changes: plain(fields={**PLAIN, "references": references}, **changes)


SPARSE = {"fee": "fee", "text": "note", "references": "[order, note]"}


def test_a_key_that_no_row_of_the_day_has_is_no_value() -> None:
    shape = plain(format="jsonl", fields=PLAIN | SPARSE, details=("channel",))
    monday = b'{"id":"1","amount":1.10,"fee":0.10,"note":"a","day":"2026-01-01","channel":"web"}\n'
    tuesday = b'{"id":"2","amount":3.00,"day":"2026-01-02"}\n'
    assert [(r["amount"], r["fee"], r["text"]) for r in read(shape, monday).rows] == [(110, 10, "a")]
    for lines in (tuesday, tuesday + monday, monday + tuesday):
        got = read(shape, lines)
        assert not got.problems
        found = {row["external_id"]: (row["amount"], row["fee"], row["text"], row["references"]) for row in got.rows}
        assert found["2"] == (300, None, None, [])
        assert found.get("1", (110, 10, "a", ["a"])) == (110, 10, "a", ["a"])


ROW = b'{"id":"1","amount":3.00,"day":"2026-01-02","fee":0.10,"taxCode":"v","line 2":"y"}\n'


@pytest.mark.parametrize(
    ("field", "key", "meant"),
    [
        ("fee", "fees", "fee"), ("fee", "efe", "fee"), ("text", "tax_code", "taxCode"), ("text", "taxcde", "taxCode"),
        ("fee", "costs", None), ("text", "line 1", None), ("text", "remark", None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [64, 1 << 20])
def test_an_optional_key_that_is_written_nearly_like_one_that_nothing_reads_is_said(
    size: int, field: str, key: str, meant: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_blocks, "BLOCK_BYTES", size)
    got = read(plain(format="jsonl", fields=PLAIN | {field: f'"{key}"'}), ROW * 3)
    assert [row[field] for row in got.rows] == [None] * 3
    assert [problem.severity for problem in got.problems] == (["finding"] if meant else [])
    for problem in got.problems:
        assert (
            f"[fields] {field} reads the key {key!r}, which no row has, and nothing reads {meant!r}" in problem.message
        )


def test_a_key_that_some_row_has_or_that_the_details_name_is_not_misspelt() -> None:
    shape = plain(format="jsonl", fields=PLAIN | {"fee": "fees"})
    assert not read(shape, ROW + ROW.replace(b"fee", b"fees").replace(b'"1"', b'"2"')).problems
    assert not read(shape, ROW.replace(b"fee", b"fees").replace(b"0.10", b"null")).problems
    assert not read(plain(format="jsonl", fields=PLAIN | {"fee": "fees"}, details=("fee",)), ROW).problems
    [problem] = read(plain(format="jsonl", details=("fees",)), ROW).problems
    assert "[mapping] details reads the key 'fees'" in problem.message


@pytest.mark.parametrize("size", [64, 1 << 20])
def test_an_optional_key_that_comes_in_a_later_block_is_read(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_blocks, "BLOCK_BYTES", size)
    data = (
        b'{"id":"1","amount":3.00,"day":"2026-01-02"}\n' * 20 + b'{"id":"2","amount":3,"fee":0.1,"day":"2026-01-02"}\n'
    )
    got = read(plain(format="jsonl", fields=PLAIN | {"fee": "fee"}), data)
    assert [row["fee"] for row in got.rows] == [None] * 20 + [10]


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"amount": "gross"}, "gross"),
        ({"amount": "gross - costs"}, "gross"),
        ({"currency": "ccy"}, "ccy"),
        ({"kind": "type"}, "type"),
        ({"external_id": "no"}, "no"),
        ({"booked_on": "date"}, "date"),
    ],
)
def test_a_required_key_that_no_row_has_refuses_with_its_place(fields: dict[str, str], key: str) -> None:
    got = read(plain(format="jsonl", fields=PLAIN | fields), b'{"id":"1","amount":1.10,"day":"2026-01-01"}\n')
    [problem] = got.problems
    assert (problem.severity, problem.line) == ("refused", 1)
    assert problem.message.startswith(
        f"expected a key {key!r}, got none of that name in the first lines; the nearest is '"
    )
    assert "other keys" not in problem.message


def test_a_required_field_may_do_with_one_of_two_keys() -> None:
    shape = plain(format="jsonl", fields=PLAIN | {"amount": "coalesce(gross, amount)"})
    assert read(shape, b'{"id":"1","amount":1.10,"day":"2026-01-01"}\n').column("amount") == [110]


def test_another_key_in_a_table_with_a_header_still_refuses() -> None:
    assert "expected a column 'fee'" in (read(plain(fields=PLAIN | {"fee": "fee"}), csv_of("1.00")).refused or "")
