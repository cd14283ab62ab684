"""The digest of rows: the same for the same rows however they are cut and encoded, another for any change."""

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.clock import FixedEntropy
from tieout.errors import Broken
from tieout.store import digest as digest_module
from tieout.store.digest import RowDigest
from tieout.store.engine import connect
from tieout.store.lake import Lake
from tieout.store.tables import ALWAYS, TABLES, table_schema
from tieout.store.views import table

SCHEMA = pa.schema(
    {
        "text": pa.string(),
        "count": pa.int64(),
        "small": pa.int32(),
        "day": pa.date32(),
        "at": pa.timestamp("us", tz="UTC"),
        "id": pa.binary(2),
        "list": pa.list_(pa.string()),
        "yes": pa.bool_(),
    }
)
EPOCH, FAR = dt.datetime(1970, 1, 1), dt.datetime(2030, 1, 1)  # noqa: DTZ001 - a column without zone is UTC
rows = st.lists(
    st.fixed_dictionaries(
        {
            "text": st.none() | st.text(max_size=5),
            "count": st.none() | st.integers(-(2**63), 2**63 - 1),
            "small": st.none() | st.integers(0, 9),
            "day": st.none() | st.dates(dt.date(1970, 1, 1), dt.date(2030, 1, 1)),
            "at": st.none() | st.datetimes(EPOCH, FAR),
            "id": st.none() | st.binary(min_size=2, max_size=2),
            "list": st.none() | st.lists(st.none() | st.text(max_size=3), max_size=3),
            "yes": st.none() | st.booleans(),
        }
    ),
    max_size=40,
)


def digest(*tables: pa.Table) -> str:
    found = RowDigest(SCHEMA)
    for part in tables:
        found.update(part)
    return found.hexdigest()


@pytest.fixture(autouse=True)
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest_module, "GROUP_ROWS", 7)


@given(rows, st.integers(0, 40), st.booleans())
def test_cutting_and_encoding_do_not_matter(values: list[dict[str, object]], cut: int, encode: bool) -> None:
    table = pa.Table.from_pylist(values, schema=SCHEMA)
    other = table
    if encode:
        other = other.set_column(0, "text", pc.dictionary_encode(table["text"]))
    assert digest(other.slice(0, cut), other.slice(cut)) == digest(table)


@given(rows.filter(bool), rows.filter(bool))
def test_other_rows_have_another_digest(one: list[dict[str, object]], other: list[dict[str, object]]) -> None:
    tables = [pa.Table.from_pylist(values, schema=SCHEMA) for values in (one, other)]
    assert (digest(tables[0]) == digest(tables[1])) == tables[0].equals(tables[1])


def _given(name: str) -> dict[str, object]:
    """Give the columns of a table that every row has."""
    values = {"string": "x", "int64": 1, "int32": 1, "bool": False, "fixed_size_binary[16]": b"i" * 16}
    fields = [field for field in table_schema(name) if name == "records" and field.name in ALWAYS]
    return {field.name: values.get(str(field.type), 0) for field in fields}


@pytest.mark.parametrize("name", sorted(ALWAYS))
def test_a_record_that_lacks_what_every_record_has_cannot_be_written(tmp_path: Path, name: str) -> None:
    lake = Lake(tmp_path, FixedEntropy().token_bytes)
    schema = table_schema("records")
    rows = [_given("records"), _given("records") | {name: None}]
    with (
        pytest.raises(pa.ArrowInvalid, match=name),
        lake.writer("records", schema, "d" * 32) as writer,
    ):
        writer.write(pa.Table.from_pylist(rows, schema=schema))
    assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.parametrize("name", ["records", *TABLES])
def test_the_engine_reads_absent_text_as_absent_and_nothing_else(tmp_path: Path, name: str) -> None:
    """DuckDB 2.0 takes every row as absent in a plain text column whose only value has statistics."""
    schema = table_schema(name)
    given = _given(name)
    texts = [field.name for field in schema if field.type == pa.string() and field.name not in given]
    lake = Lake(tmp_path, FixedEntropy().token_bytes)
    with lake.writer(name, schema, "d" * 32) as writer:
        writer.write(
            pa.Table.from_pylist([given | dict.fromkeys(texts), given | dict.fromkeys(texts, "only")], schema=schema)
        )
    for text in texts:
        query = f'select count(*) from {table(lake, name, [writer.file])} where "{text}" is null'
        assert connect().sql(query).fetchall() == [(1,)], text


@pytest.mark.parametrize("name", ["records", *TABLES])
def test_whole_numbers_come_back_from_the_lake_as_they_were(tmp_path: Path, name: str) -> None:
    """Whatever their encoding: the smallest and the largest, near and far apart, and absent ones between."""
    schema = table_schema(name)
    given = _given(name)
    numbers = [field.name for field in schema if field.type == pa.int64() and field.name not in given]
    values = [0, 1, None, -1, 2**63 - 1, -(2**63), 7, None, *range(10**15, 10**15 + 300), None]
    lake = Lake(tmp_path, FixedEntropy().token_bytes)
    with lake.writer(name, schema, "d" * 32) as writer:
        writer.write(pa.Table.from_pylist([given | dict.fromkeys(numbers, value) for value in values], schema=schema))
    for number in numbers:
        rows = connect().sql(f'select "{number}" from {table(lake, name, [writer.file])}').fetchall()
        assert [value for (value,) in rows] == values, number
        assert pa.parquet.read_table(tmp_path / writer.file.path)[number].to_pylist() == values


def test_a_lake_file_is_what_the_book_says_or_broken(tmp_path: Path) -> None:
    lake = Lake(tmp_path, FixedEntropy().token_bytes)
    with lake.writer("balances", SCHEMA, "d" * 32) as writer:
        writer.write(pa.Table.from_pylist([{"text": "a", "count": 9007199254740993}], schema=SCHEMA))
    file = writer.file
    lake.check(file.path, file.sha256)
    assert pa.parquet.read_table(tmp_path / file.path)["count"].to_pylist() == [9007199254740993]
    damaged = bytearray((tmp_path / file.path).read_bytes())
    damaged[20] ^= 1
    (tmp_path / file.path).write_bytes(damaged)
    with pytest.raises(Broken, match="was changed: expected sha256"):
        lake.check(file.path, file.sha256)
    (tmp_path / file.path).unlink()
    with pytest.raises(Broken, match="is missing"):
        lake.check(file.path, file.sha256)
