"""Delimited text as producers really write it: every row once, with its line, or quarantined with its line."""

import codecs
import csv
import gzip
import io
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.depth import examples
from tests.formats.tabular.given import Got, csv_of, plain, read
from tieout.formats.reading import Head, ReadOptions
from tieout.formats.tabular import FIND_HEADER, CsvDialect, Mapping, MappingFormat, header_of, raw_csv, text_blocks


def lines(got: Got) -> list[tuple[int, str]]:
    return [(row["line"], row["external_id"]) for row in got.rows]


@pytest.fixture(params=[1, 2, 3, 7, 64, 1 << 20])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many bytes are read at once: whatever it is, the answer is the same."""
    monkeypatch.setattr(text_blocks, "BLOCK_BYTES", request.param)
    return int(request.param)


@pytest.mark.usefixtures("block")
def test_lines_with_line_ends_in_quotes_and_blank_lines() -> None:
    data = b'id,amount,day,note\r\n\r\na,1,2026-10-01,"x\r\ny"\r\nb,2,2026-10-01,"he said ""no"""\r\n\r\n\nc,3,2026-10-01,\rd,4,2026-10-01,z'
    got = read(plain(fields={"text": "note"}), data)
    assert lines(got) == [(3, "a"), (5, "b"), (8, "c"), (9, "d")]
    assert got.column("text") == ["x\ny", 'he said "no"', None, "z"]
    assert not got.problems


@pytest.mark.usefixtures("block")
def test_rows_of_another_width_are_quarantined_with_their_text() -> None:
    data = b'id,amount,day\na,1,2026-10-01\nb,2\nc,3,2026-10-01,x\nd,4,2026-10-01,,\n   \n"e\n",5,2026-10-01,6\nf,6,2026-10-01\n'
    got = read(plain(), data)
    assert lines(got) == [(2, "a"), (5, "d"), (9, "f")]
    assert got.messages == [
        "line 3: expected 3 columns, got 2: 'b,2'",
        "line 4: expected 3 columns, got 4: 'c,3,2026-10-01,x'",
        "line 7: expected 3 columns, got 4: '\"e\\n\",5,2026-10-01,6'",
    ]


@pytest.mark.usefixtures("block")
def test_a_quote_that_never_closes_takes_the_rest_and_says_where_it_opened() -> None:
    got = read(plain(), b'id,amount,day\na,1,2026-10-01\n"b,2,2026-10-01\nc,3,2026-10-01\n')
    assert lines(got) == [(2, "a")]
    (problem,) = got.problems
    assert problem.line == 3
    assert "expected a closing quote" in problem.message


@pytest.mark.usefixtures("block")
def test_a_quote_inside_a_value_is_text() -> None:
    got = read(plain(fields={"text": "note"}), b'id,amount,day,note\na,1,2026-10-01,5" pipe\nb,2,2026-10-01,"x"\n')
    assert got.column("text") == ['5" pipe', "x"]
    assert lines(got) == [(2, "a"), (3, "b")]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252", "iso8859-15", "utf-7", "shift_jis"]
)
@pytest.mark.usefixtures("block")
def test_any_encoding(encoding: str) -> None:
    note = "日本" if encoding == "shift_jis" else "Müller ß"
    data = f"id,amount,day,{note}\r\na,1,2026-10-01,{note}\r\nb,2,2026-10-01,{note}".encode(encoding)
    mapping = plain(dialect=CsvDialect(encoding=encoding), fields={"text": f'"{note}"'})
    got = read(mapping, data)
    assert got.column("text") == [note, note]
    assert lines(got) == [(2, "a"), (3, "b")]


@pytest.mark.parametrize("mark", [codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
def test_a_byte_order_mark_overrules_the_mapping(mark: bytes) -> None:
    name = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}[mark]
    got = read(plain(dialect=CsvDialect(encoding="cp1252")), mark + csv_of("1", "2").decode().encode(name))
    assert got.column("amount") == [100, 200]


@pytest.mark.parametrize(
    ("encoding", "bad"), [("utf-8", b"\xff\xfe"), ("utf-8", b"\xc3"), ("cp1252", b"\x81"), ("utf-8", b"\x00")]
)
@pytest.mark.usefixtures("block")
def test_a_bad_byte_quarantines_its_row(encoding: str, bad: bytes) -> None:
    data = b"id,amount,day\na,1,2026-10-01\nb" + bad + b",2,2026-10-01\nc,3,2026-10-01\n"
    got = read(plain(dialect=CsvDialect(encoding=encoding)), data)
    assert lines(got) == [(2, "a"), (4, "c")]
    assert [p.line for p in got.problems] == [3]
    assert "byte" in got.messages[0]


def test_utf_16_without_mark_and_without_being_told_is_refused_helpfully() -> None:
    assert "utf-16" in str(read(plain(), csv_of("1").decode().encode("utf-16-le")).refused)


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf", b",,,\n"])
def test_no_header_is_refused(data: bytes) -> None:
    got = read(plain(), data)
    assert got.refused
    assert not got.rows


def test_a_missing_column_is_refused_and_the_nearest_named() -> None:
    got = read(plain(), b"id,amont,day\na,1,2026-10-01\n")
    assert got.refused == "expected a column 'amount', got none of that name in the header; the nearest is 'amont'"


def test_columns_may_move_and_differ_in_case_and_blanks() -> None:
    got = read(plain(), b"\xef\xbb\xbf Day , ID ,\tAMOUNT\n2026-10-01,a,5\n")
    assert (lines(got), got.column("amount")) == ([(2, "a")], [500])


def test_what_no_field_mentions_is_kept_alike_wherever_it_stands() -> None:
    """Else a report with its columns in another order would be a correction of every row."""
    one = read(plain(), b"id,amount,day,x,y\na,1,2026-10-01,p,q\n")
    other = read(plain(), b"y,id,x,day,amount\nq,a,p,2026-10-01,1\n")
    assert one.column("details") == other.column("details") == ['{"x":"p","y":"q"}']


def test_a_column_that_stands_twice_is_refused_only_if_used() -> None:
    assert "2 times" in str(read(plain(), b"id,amount,amount,day\na,1,2,2026-10-01\n").refused)
    got = read(plain(), b"id,amount,day,x,x\na,1,2026-10-01,2,3\n")
    assert got.column("amount") == [100]


def test_case_tells_columns_apart_where_both_exist() -> None:
    got = read(plain(fields={"text": "Amount"}), b"id,amount,day,Amount\na,1,2026-10-01,7\n")
    assert (got.column("amount"), got.column("text")) == ([100], ["7"])


@pytest.mark.usefixtures("block")
def test_preamble_and_footer() -> None:
    data = b'Statement "x\nof;today\nid;amount;day\na;1;2026-10-01\nb;2;2026-10-01\nTotal;3\nEnd\n\n'
    mapping = plain(dialect=CsvDialect(delimiter=";", skip_rows=2), skip_footer=2)
    assert lines(read(mapping, data)) == [(4, "a"), (5, "b")]
    found = plain(dialect=CsvDialect(delimiter="auto"), header_row=FIND_HEADER, identify=("id", "day"), skip_footer=2)
    assert lines(read(found, data)) == [(4, "a"), (5, "b")]
    row = plain(dialect=CsvDialect(delimiter=";"), header_row=3, skip_footer=2)
    assert lines(read(row, data)) == [(4, "a"), (5, "b")]
    assert not read(plain(dialect=CsvDialect(delimiter=";", skip_rows=2), skip_footer=9), data).rows


def test_without_header_the_mapping_names_the_columns() -> None:
    mapping = plain(dialect=CsvDialect(header=False, delimiter="|", quote=""), columns=("id", "amount", "day"))
    got = read(mapping, b'a|1|2026-10-01\n"b|2|2026-10-01\n')
    assert lines(got) == [(1, "a"), (2, '"b')]
    assert MappingFormat(mapping).identify(Head("x.csv", b"id|amount|day\n")) is None


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_the_delimiter_may_be_found(sign: str) -> None:
    data = f'"id"{sign}"amount, gross; or | net"{sign}day\na{sign}1{sign}2026-10-01\n'.encode()
    mapping = plain(dialect=CsvDialect(delimiter="auto"), fields={"amount": '"amount, gross; or | net"'})
    assert read(mapping, data).column("amount") == [100]


def test_a_record_longer_than_the_limit_is_refused_not_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw_csv, "RECORD_BYTES_MAX", 1000)
    monkeypatch.setattr(text_blocks, "BLOCK_BYTES", 256)
    for tail in (b"x" * 5000, b'"' + b"x\n" * 2500):
        got = read(plain(), csv_of("1", "2") + tail)
        assert got.column("amount") == [100, 200]
        assert "line 4: expected a record of at most 1000 bytes" in str(got.refused)


def test_a_value_longer_than_arrows_blocks() -> None:
    got = read(
        plain(fields={"text": "note"}),
        b"id,amount,day,note\na,1,2026-10-01," + b"x" * 3_000_000 + b"\nb,2,2026-10-01,y\n",
    )
    assert [len(text) for text in got.column("text")] == [3_000_000, 1]


def test_reads_a_stream_that_cannot_seek_and_gives_little() -> None:
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.inner = gzip.open(io.BytesIO(gzip.compress(csv_of(*["1"] * 500))))  # noqa: SIM115 - it lives as long

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            return self.inner.read(min(size, 11))

    chunks = list(MappingFormat(plain()).read(Pipe(), ReadOptions(batch_rows=200)))  # type: ignore[arg-type]  # as little of a stream as is read
    assert [c.table.num_rows for c in chunks if c.table is not None] == [200, 200, 100]


def test_filtered_rows_are_neither_records_nor_problems() -> None:
    data = b"id,amount,day,status\na,1,2026-10-01,ok\nb,x,2026-10-01,failed\nc,3,2026-10-01,\nd,4,2026-10-01,ok\n,,,\n"
    got = read(plain(where="status <> 'failed'"), data)
    assert lines(got) == [(2, "a"), (5, "d")]
    assert (got.counted, got.skipped) == (3, 2)
    fallible = read(plain(where="amount > 2"), data)
    assert lines(fallible) == [(4, "c"), (5, "d")]
    assert [p.line for p in fallible.problems] == [3]


UNKNOWN = b"id,amount,day,Pay state\na,1,2026-10-01,ok\nb,2,2026-10-01,\nc,3,2026-10-01,failed\nd,,,\n,,,\n"


def test_a_row_whose_filter_is_unknown_is_quarantined_with_its_reason() -> None:
    got = read(plain(where="\"Pay state\" <> 'failed'"), UNKNOWN)
    assert lines(got) == [(2, "a")]
    assert [(p.line, p.column) for p in got.problems] == [(3, "Pay state"), (5, "Pay state")]
    assert got.messages[0] == (
        "line 3, column Pay state: expected `where` (\"Pay state\" <> 'failed') to be true or false, got no value:"
        " say there what it means, by coalesce(\"Pay state\", '')"
    )
    assert got.skipped == 2  # the failed one, and the row without any value


@pytest.mark.parametrize(
    ("where", "kept", "quarantined"),
    [
        ("coalesce(\"Pay state\", '') <> 'failed'", ["a", "b"], []),
        ('"Pay state" is null or "Pay state" <> \'failed\'', ["a", "b"], []),
        ("not (\"Pay state\" = 'failed')", ["a"], [3]),
        ("\"Pay state\" in ('ok')", ["a"], [3]),
        ("\"Pay state\" like 'o%' and amount > 0", ["a"], [3]),
        ("\"Pay state\" = 'ok' or amount > 1", ["a", "b", "c"], []),
        ("case when \"Pay state\" = 'ok' then true end", ["a"], [3, 4]),
        ("null", [], [2, 3, 4]),
        ("amount > 1 and \"Pay state\" <> 'failed'", [], [3]),
    ],
)
def test_no_row_leaves_by_a_filter_that_is_unknown(where: str, kept: list[str], quarantined: list[int]) -> None:
    got = read(plain(where=where), UNKNOWN.replace(b"d,,,\n", b""))
    assert [external_id for _, external_id in lines(got)] == kept
    assert [p.line for p in got.problems] == quarantined
    assert len(kept) + len(quarantined) + got.skipped == 4


def test_a_reader_that_stops_early_leaves_nothing_running() -> None:
    chunks = MappingFormat(plain()).read(io.BytesIO(csv_of(*["1"] * 1000)), ReadOptions(batch_rows=10))
    first = next(iter(chunks))
    assert first.table.num_rows == 10  # type: ignore[union-attr]  # it has rows
    chunks.close()  # type: ignore[attr-defined]  # it is a generator


def test_identify_asks_for_its_columns_only() -> None:
    form = MappingFormat(plain(identify=("id", "amount")))
    assert form.identify(Head("x.csv", b'"amount","other","id"\n1,2')) == "plain"
    assert form.identify(Head("x.csv", b"amount,other\n1,2")) is None
    for data in (b"", b"\0\1\2", b"<?xml version='1.0'?>", b"PK\x03\x04", b'"', b"\xff\xfe\x00"):
        assert form.identify(Head("x.csv", data)) is None
    assert header_of(Head("x.csv", b" a ,b\n"), Mapping(id="x")) == ("a", "b")


CELL = st.text('ab,"\n\r 1', max_size=5)


@given(
    st.lists(st.lists(CELL, min_size=2, max_size=2), min_size=1, max_size=12),
    st.integers(1, 9),
    st.sampled_from(["\n", "\r\n"]),
)
@settings(max_examples=examples(40), deadline=None)
def test_what_a_csv_writer_writes_is_read_back(rows: list[list[str]], size: int, end: str) -> None:
    """Against Python's csv module, cut into blocks anywhere."""
    quoting: Literal[0, 1] = csv.QUOTE_ALL if end == "\n" else csv.QUOTE_MINIMAL
    written, lines = "", []
    for row in [["id", "amount", "day", "x", "y"], *([str(n), "1", "2026-10-01", *row] for n, row in enumerate(rows))]:
        out = io.StringIO(newline="")
        csv.writer(out, lineterminator=end, quoting=quoting).writerow(row)
        lines.append(written.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1)
        written += out.getvalue()
    before = text_blocks.BLOCK_BYTES
    text_blocks.BLOCK_BYTES = size
    try:
        got = read(plain(fields={"text": "x", "counterparty": "y"}), written.encode())
    finally:
        text_blocks.BLOCK_BYTES = before

    def kept(text: str) -> str | None:
        return text.replace("\r\n", "\n").replace("\r", "\n").strip() or None

    assert not got.problems
    assert [(r["text"], r["counterparty"]) for r in got.rows] == [(kept(a), kept(b)) for a, b in rows]
    assert [row["line"] for row in got.rows] == lines[1:]
