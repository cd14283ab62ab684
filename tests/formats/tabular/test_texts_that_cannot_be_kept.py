"""Texts that no database or file can keep: rows that hold one are set aside with their place, and two never become one."""

import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.formats.tabular.given import plain, read
from tests.formats.tabular.test_files import workbook

FOUR = [b"\xff", b"\xfe", b"\xc3", b"good"]


def called_text(values: list[bytes]) -> pa.Array:
    """A column whose writer called bytes text without looking."""
    return pa.Array.from_buffers(pa.string(), len(values), pa.array(values, pa.binary()).buffers())


def parquet(**columns: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


@pytest.mark.parametrize(
    "ids",
    [
        pa.array(FOUR, pa.binary()),
        pa.array(FOUR, pa.large_binary()),
        pa.array([value.ljust(4, b"\xfe") for value in FOUR], pa.binary(4)),
        pa.array(FOUR, pa.binary()).dictionary_encode(),
        called_text(FOUR),
    ],
    ids=lambda ids: str(ids.type),
)
def test_identifiers_that_are_no_utf8_are_set_aside_each(ids: pa.Array) -> None:
    got = read(plain(format="parquet"), parquet(id=ids, amount=[1, 2, 3, 4], day=["2026-10-01"] * 4))
    assert (got.column("external_id"), got.column("amount")) == (["good"], [400])
    assert [(p.line, p.column, p.severity) for p in got.problems] == [(n, "id", "row") for n in (1, 2, 3)]
    assert got.messages[0] == "line 1, column id: expected text in UTF-8, got a byte that is none at byte 1"


def test_a_nul_in_a_text_of_parquet_sets_its_row_aside() -> None:
    for ids in (pa.array(["a\0", "b"]), pa.array(["a\0", "b"], pa.large_string()), pa.array([b"a\0", b"b"])):
        got = read(plain(format="parquet"), parquet(id=ids, amount=[1, 2], day=["2026-10-01"] * 2))
        assert got.column("external_id") == ["b"]
        assert got.messages == ["line 1, column id: expected text in UTF-8, got a NUL byte"]


@pytest.mark.parametrize("bad", [r"\u0000", r"\ud800", r"a\udfff"])
def test_what_only_json_can_write_sets_its_row_aside(bad: str) -> None:
    rows = [f'{{"id": "{name}", "amount": 1, "day": "2026-10-01", "note": "{note}"}}' for name, note in (
        ("a", "x"), (bad, "x"), ("b", bad), (r"\ud83d\ude00", "x")
    )]  # fmt: skip
    nested = f'{{"id": "c", "amount": 1, "day": "2026-10-01", "note": {{"deep": "{bad}"}}}}'
    key = f'{{"id": "d", "amount": 1, "day": "2026-10-01", "{bad}": 1}}'
    got = read(plain(format="jsonl", fields={"text": "note"}), "\n".join([*rows, nested, key]).encode())
    held = [] if "u0000" not in bad else ["c"]  # JSON in a text keeps its escape
    assert got.column("external_id") == ["a", "\U0001f600", *held]
    assert [p.line for p in got.problems] == [2, 3, *([] if held else [5]), 6]
    what = "a NUL byte" if held else "half a character (a lone surrogate)"
    assert got.messages[0] == f"line 2, column id: expected text in UTF-8, got {what}"
    assert got.messages[-1] == f"line 6: expected a JSON object, got a key with {what}"


def test_a_key_that_cannot_be_kept_in_the_first_line_is_no_column() -> None:
    first = r'{"id": "a", "amount": 1, "day": "2026-10-01", "\ud800": 1}'
    got = read(plain(format="jsonl"), f'{first}\n{{"id": "b", "amount": 1, "day": "2026-10-01"}}\n'.encode())
    assert (got.column("external_id"), [p.line for p in got.problems]) == (["b"], [1])


@pytest.mark.parametrize("escape", ["_x0000_", "_xD800_"])
def test_cells_of_a_workbook(escape: str) -> None:
    """Office writes as ``_x0000_`` what XML cannot hold; whether that is read as the character or as it is, the row is safe."""
    data = workbook(["id", "amount", "day"], [f"a{escape}", 1, "2026-10-01"], ["b", 1, "2026-10-01"])
    got = read(plain(format="xlsx"), data)
    assert got.column("external_id") in (["b"], [f"a{escape}", "b"])


def test_two_names_of_columns_that_are_no_utf8_are_not_one() -> None:
    data = b"id,amount,day,n\xff,n\xfe\na,1,2026-10-01,x,y\n"
    (row,) = read(plain(format="csv"), data).rows
    assert json.loads(row["details"]) == {"n\ufffdff": "x", "n\ufffdfe": "y"}
