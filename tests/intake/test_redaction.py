"""A redacted copy is readable: whatever a delivery is packed or encoded as, its copy is, and says the same but digits."""

import gzip
import io
import zipfile

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.depth import examples
from tests.packing import zipped
from tieout.formats.containers import open_members
from tieout.intake.redaction import redact

CARD = "5425233430109903"
MASKED = "542523******9903"
TEXT = f"a;b\nx;paid by {CARD} on Friday\ny;fine, Zürich\n"


def copied(data: bytes, numbers: list[str] | None = None, encoding: str = "utf-8") -> bytes | None:
    copy = redact(io.BytesIO(data), "file", numbers or [CARD], encoding)
    if copy is None:
        return None
    with copy:
        return copy.read()


def members(data: bytes) -> dict[str | None, bytes]:
    return {name: stream.read() for name, stream in open_members(io.BytesIO(data), "file")}


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp500", "cp037"],
)
@pytest.mark.parametrize(
    "written", [CARD, "5425 2334 3010 9903", "5425-2334-3010-9903", "5425\u00a02334\u00a03010\u00a09903"]
)
def test_text_of_any_encoding_is_masked_where_it_stands(encoding: str, written: str) -> None:
    copy = copied(TEXT.replace(CARD, written).encode(encoding), [written], encoding)
    assert copy is not None
    said = copy.decode(encoding)
    assert said.replace("\u00a0", "").replace(" ", "").replace("-", "") == TEXT.replace(CARD, MASKED).replace(" ", "")


def test_what_gzip_holds_is_masked_and_packed_again() -> None:
    copy = copied(gzip.compress(TEXT.encode()))
    assert copy is not None
    assert gzip.decompress(copy).decode() == TEXT.replace(CARD, MASKED)


def test_files_of_one_name_in_a_zip_are_masked_and_told_apart() -> None:
    data = zipped(**{"a.csv": TEXT.encode(), "b.csv": TEXT.encode()}).replace(b"b.csv", b"a.csv")
    with zipfile.ZipFile(io.BytesIO(copied(data) or b"")) as archive:
        found = {name: archive.read(name).decode() for name in archive.namelist()}
    assert found == dict.fromkeys(("a.csv", "a.csv (2)"), TEXT.replace(CARD, MASKED))


def test_a_zip_keeps_its_files_and_their_names() -> None:
    data = zipped(**{"b.csv": TEXT.encode(), "a/deep.csv": TEXT.encode("utf-16"), "c.txt": b"fine"})
    copy = copied(data)
    assert copy is not None
    found = members(copy)
    assert list(found) == ["a/deep.csv", "b.csv", "c.txt"]
    assert found["b.csv"].decode() == found["a/deep.csv"].decode("utf-16") == TEXT.replace(CARD, MASKED)
    assert copied(data) == copy  # the same again, so that a crash between two steps leaves nothing twice


@pytest.mark.parametrize("packed", [False, True])
def test_a_workbook_is_still_one(*, packed: bool) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["id", "note", "number"])
    sheet.append(["x", f"paid by {CARD}", 340000000000009])
    data = io.BytesIO()
    book.save(data)
    whole = zipped(**{"in.xlsx": data.getvalue()}) if packed else data.getvalue()
    copy = copied(whole, [CARD, "340000000000009"])
    assert copy is not None
    [inside] = members(copy).values()
    rows = list(openpyxl.load_workbook(io.BytesIO(inside))["Sheet"].iter_rows(values_only=True))
    assert rows == [("id", "note", "number"), ("x", f"paid by {MASKED}", "340000*****0009")]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_columns_of_parquet_are_masked(kind: pa.DataType) -> None:
    table = pa.table({"note": pa.array([f"paid by {CARD}", None, "fine"]).cast(kind), "n": [1, 2, 3]})
    data = io.BytesIO()
    pq.write_table(table, data, compression="zstd")
    copy = copied(data.getvalue())
    assert copy is not None
    read = pq.read_table(io.BytesIO(copy))
    assert read.schema == table.schema
    assert read.to_pydict() == {"note": [f"paid by {MASKED}", None, "fine"], "n": [1, 2, 3]}


@pytest.mark.parametrize(
    "written",
    [
        "5425233&#52;30109903",
        "54252334&#x33;0109903",
        "5425 2334\n      3010 9903",
        "5425233430?21109903",
        "5425\\u00202334\\u00a03010-9903",
    ],
)
def test_digits_that_are_escaped_or_wrapped_are_masked(written: str) -> None:
    copy = copied(f"<x>{written}</x>".encode())
    assert copy is not None
    assert copy.count(b"*") == 6
    assert copied(copy) is None


@pytest.mark.parametrize(
    "data",
    [b"5425233430;109903", b"", gzip.compress(TEXT.encode(), mtime=0)[:-9], b"PK\x03\x04nothing"],
    ids=["in two columns", "empty", "cut off", "no archive"],
)
def test_where_a_number_stands_nowhere_as_one_there_is_no_copy(data: bytes) -> None:
    assert copied(data) is None


@given(
    st.lists(
        st.sampled_from([CARD, "5425 2334 3010 9903", "1", "x", "?20", "\r\n", " ", "9", "\\u0031", "é"]), max_size=9
    ),
    st.integers(0, 64),
)
@settings(deadline=None, max_examples=examples(30))
def test_no_number_stays_wherever_the_blocks_of_a_file_end(pieces: list[str], before: int) -> None:
    text = f"{'y' * ((1 << 20) - before)}{''.join(pieces)} {CARD} "
    copy = copied(text.encode())
    assert copy is not None
    assert CARD.encode() not in copy
    assert b"5425 2334 3010 9903" not in copy
