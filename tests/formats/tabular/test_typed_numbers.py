"""Numbers that come as numbers keep their decimals, whatever signs the mapping reads in text."""

import io
from typing import Any

import openpyxl
import pytest

from tieout.formats.reading import ReadOptions
from tieout.formats.tabular import MappingFormat, parse_mapping

MAPPING = """
[mapping]
id = "m"
format = "{format}"
csv = {{ decimal = ",", thousands = "." }}
[fields]
external_id = "id"
kind = "'charge'"
amount = "amount"
currency = "ccy"
booked_on = "day"
{more}
"""


def rows(data: bytes, kind: str, more: str = "") -> list[dict[str, Any]]:
    reader = MappingFormat(parse_mapping(MAPPING.format(format=kind, more=more), "m.toml"))
    found = [c.table for c in reader.read(io.BytesIO(data), ReadOptions()) if c.table is not None]
    return [row for table in found for row in table.to_pylist()]


@pytest.mark.parametrize("written", ["10.001", '"10,001"'])
def test_a_number_of_json_is_not_read_with_the_signs_of_text(written: str) -> None:
    line = f'{{"id": "a", "amount": {written}, "ccy": "KWD", "day": "2026-10-01"}}\n'
    [row] = rows(line.encode(), "jsonl")
    assert (row["amount"], row["exponent"]) == (10001, 3)


def test_a_number_of_a_sheet_is_not_read_with_the_signs_of_text() -> None:
    book = openpyxl.Workbook()
    for cells in (
        ["id", "amount", "ccy", "day"],
        ["a", 1.234, "KWD", "2026-10-01"],
        ["b", "1.234,5", "KWD", "2026-10-01"],
    ):
        book.worksheets[0].append(cells)
    out = io.BytesIO()
    book.save(out)
    assert [row["amount"] for row in rows(out.getvalue(), "xlsx")] == [1234, 1234500]


def test_an_empty_net_defaults_row_by_row() -> None:
    data = (
        b'{"id": "a", "amount": 10, "fee": 1, "net": null, "ccy": "EUR", "day": "2026-10-01"}\n'
        b'{"id": "b", "amount": 10, "fee": 1, "net": 9, "ccy": "EUR", "day": "2026-10-01"}\n'
    )
    assert [row["net"] for row in rows(data, "jsonl", 'fee = "fee"\nnet = "net"')] == [900, 900]
