"""An inspection says what a file is, what is in it and whether it closes; whatever the file, it says it."""

import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.depth import examples
from tieout.errors import BadInput, WrongUse
from tieout.formats import inspection
from tieout.formats.inspection import PROBLEMS_MAX, Inspection, inspect_stream, unreadable
from tieout.formats.reading import Chunk, Head, ReadOptions, Total, refusal
from tieout.formats.tabular import MappingFormat, parse_mapping
from tieout.model.problems import Problem
from tieout.model.records import Record
from tieout.model.statements import Statement

CASES = Path(__file__).parent / "cases" / "inspection"
CLOSES = (CASES / "closes.xml").read_bytes()
SWIFT = (CASES / "closes.sta").read_bytes()
TABLE = (CASES / "table.csv").read_bytes()
MAPPING = (CASES / "table.toml").read_text()


def inspected(data: bytes, name: str = "FILE", *mappings: Any, currency: str | None = None) -> Inspection:
    return inspect_stream(io.BytesIO(data), name, mappings, ReadOptions(currency=currency))


def zipped(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def only_message(found: Inspection) -> str:
    assert [problem.severity for problem in found.problems] == ["refused"]
    assert (found.verdict, found.records, found.statements, found.totals) == ("unreadable", 0, (), ())
    return found.problems[0].message


def test_a_statement_that_closes_is_ok() -> None:
    assert inspected(CLOSES, "dir/closes.xml").as_json() == {
        "file": "dir/closes.xml",
        "format": "camt.053.001.08",
        "verdict": "ok",
        "records": 2,
        "statements": [
            {
                "account": "DE89370400440532013000",
                "currency": "EUR",
                "opening": "10.00",
                "closing": "11.50",
                "entries": 2,
                "credits": "2.00",
                "debits": "0.50",
                "closes": True,
            }
        ],
        "totals": [{"currency": "EUR", "count": 2, "credits": "2.00", "debits": "0.50", "net": "1.50"}],
        "problems": [],
    }


def test_a_statement_that_does_not_close_is_read_and_reported_with_its_place() -> None:
    said = inspected((CASES / "open.xml").read_bytes()).as_json()
    assert (said["verdict"], said["records"], said["statements"][0]["closes"]) == ("problems", 2, False)
    assert set(said["problems"][0]) == {"line", "column", "message"}
    assert said["problems"][0]["line"] == 5
    assert "11.49" in said["problems"][0]["message"]


def test_what_is_compressed_is_read_as_what_it_is() -> None:
    said = inspected(gzip.compress(SWIFT), "x.sta.gz").as_json()
    assert said == inspected(SWIFT, "x.sta.gz").as_json()
    assert said["totals"] == [{"currency": "EUR", "count": 1, "credits": "0.00", "debits": "40.25", "net": "-40.25"}]


def test_the_files_of_a_container_are_summed_and_told_apart() -> None:
    data = zipped(**{"b.xml": CLOSES, "a.sta": SWIFT, "c.xml": (CASES / "open.xml").read_bytes()})
    said = inspected(data, "all.zip").as_json()
    assert (said["format"], said["verdict"], said["records"]) == ("mt940, camt.053.001.08", "problems", 5)
    assert [(one["member"], one["closes"]) for one in said["statements"]] == [
        ("a.sta", True),
        ("b.xml", True),
        ("c.xml", False),
    ]
    assert said["totals"] == [{"currency": "EUR", "count": 5, "credits": "4.00", "debits": "41.25", "net": "-37.25"}]
    assert [problem["member"] for problem in said["problems"]] == ["c.xml"]


def test_a_file_of_a_container_that_cannot_be_read_gives_nothing_and_the_others_count() -> None:
    alone = inspected(CLOSES)
    found = inspected(zipped(**{"a.xml": CLOSES, "b.xml": CLOSES[:400]}))
    assert (found.verdict, found.records, found.totals) == ("problems", alone.records, alone.totals)
    assert [member for member, _ in found.statements] == ["a.xml"] * len(alone.statements)
    assert [problem.member for problem in found.problems] == ["b.xml"]


def test_a_container_of_which_nothing_can_be_read_is_unreadable() -> None:
    found = inspected(zipped(**{"a.xml": CLOSES[:300], "b.xml": CLOSES[:400]}))
    assert (found.verdict, found.records, found.statements, found.totals) == ("unreadable", 0, (), ())
    assert [problem.member for problem in found.problems] == ["a.xml", "b.xml"]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "got an empty file"),
        (b" \r\n\t\0", "got a file of blanks"),
        (b"%PDF-1.7\n", "got a PDF document"),
        (b"\x89PNG\r\n\x1a\n", "got a picture"),
        (b"BMxxxx\0\0\1\2\3\4\5", "got a picture"),
        (b"BM is how this text begins", "got text that begins 'BM is how"),
        (b"\n <!DOCTYPE html><title>Login</title>", "got a web page"),
        (b"<?xml version='1.0'?><a:Invoice xmlns:a='urn:x'/>", "XML with the root <Invoice> in urn:x"),
        (b"<?xml version='1.0' encoding='UTF-16'?><Document/>", "<Document> that states the encoding UTF-16"),
        (b'{"a": 1}', "got JSON"),
        (b"[mapping]\nid = 'x'\n", "got text that begins '[mapping]'"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Office document"),
        (b"7z\xbc\xaf\x27\x1c", "7-Zip archive"),
        (b"x" * 257 + b"ustar\0", "tar archive"),
        (b"PAR1xxxx", "Parquet table"),
        (bytes(range(256)), "got a binary file"),
        ("päge one\n".encode(), "text that begins 'päge one'"),
        ("Größe".encode("cp1252"), "text that begins 'Größe'"),
        ("\ufeffUTF-16 text".encode("utf-16-le"), "text that begins"),
        (b"\x1b[31mred" + b" text" * 20, "text that begins '?[31mred text"),
    ],
)
def test_what_nothing_reads_is_described(data: bytes, says: str) -> None:
    message = only_message(inspected(data))
    assert says in message
    assert "(known formats: " in message
    assert "camt.053" in message


@pytest.mark.parametrize(
    ("text", "sign", "columns"),
    [
        ("Day;What;Value\n1;2;3\n", "';'", "'Day', 'What', 'Value'"),
        ("Day\tValue\n1\t3,20\n", "tabs", "'Day', 'Value'"),
        ("Account statement\nof 2026\n\na|b|c\n1|2|3\n", "'|'", "'a', 'b', 'c'"),
        ('"a, b","c"\n"1, 2","3"\n', "','", "'a, b', 'c'"),
    ],
)
def test_a_table_that_nobody_knows_is_told_by_its_columns(text: str, sign: str, columns: str) -> None:
    message = only_message(inspected(text.encode()))
    assert f"got a text table separated by {sign} with the columns {columns};" in message
    assert "write a mapping, mappings/NAME.toml, with identify = [" in message


def test_a_sentence_with_commas_is_no_table() -> None:
    assert "text that begins 'Dear all" in only_message(inspected(b"Dear all,\nhere, as asked, is it.\nYours\n"))


def test_a_mapping_of_the_user_s_own_is_applied() -> None:
    said = inspected(TABLE, "table.csv", MappingFormat(parse_mapping(MAPPING, "table.toml"))).as_json()
    assert (said["format"], said["verdict"], said["records"]) == ("tea-shop", "ok", 2)
    assert said["totals"] == [{"currency": "EUR", "count": 2, "credits": "6.40", "debits": "0.00", "net": "6.40"}]


def test_two_mappings_that_claim_one_file_are_no_guess() -> None:
    both = [MappingFormat(parse_mapping(MAPPING.replace("tea-shop", name), "x.toml")) for name in ("one", "two")]
    assert "got several that claim it: one and two" in only_message(inspected(TABLE, "table.csv", *both))


def test_a_mapping_at_fault_is_the_user_s_to_mend() -> None:
    mapping = MappingFormat(parse_mapping(MAPPING.replace("currency = \"'EUR'\"\n", ""), "table.toml"))
    with pytest.raises(WrongUse, match="currency"):
        inspected(TABLE, "table.csv", mapping)
    assert inspected(TABLE, "table.csv", mapping, currency="CHF").totals[0].currency == "CHF"


def record(amount: int) -> Record:
    return Record(line=1, kind="bank_entry", currency="EUR", amount=amount, exponent=2)


def total(currency: str, exponent: int, plus: int, minus: int) -> Total:
    return Total(currency=currency, exponent=exponent, count=1, credits=plus, debits=minus)


class Scripted:
    """A format that does what a test tells it."""

    id = "scripted"
    system = "test"

    def __init__(self, *steps: Chunk | Exception, version: str | None = "scripted") -> None:
        self.steps, self.version = steps, version

    def identify(self, head: Head) -> str | None:
        assert head.name == "FILE"
        return self.version

    def read(self, stream: BinaryIO, options: ReadOptions) -> Iterator[Chunk]:
        assert stream.read() is not None
        assert options.batch_rows > 0
        for step in self.steps:
            if isinstance(step, Exception):
                raise step
            yield step


def test_chunks_are_added_up_and_the_exact_version_is_told() -> None:
    first = Chunk(records=[record(1)], version="scripted.2", totals=[total("EUR", 2, 100, 0), total("JPY", 0, 7, 0)])
    second = Chunk(records=[record(2), record(3)], totals=[total("EUR", 4, 5, 20_000)])
    said = inspected(b"x", "FILE", Scripted(first, second)).as_json()
    assert (said["format"], said["verdict"], said["records"]) == ("scripted.2", "ok", 3)
    assert said["totals"] == [
        {"currency": "EUR", "count": 2, "credits": "1.0005", "debits": "2.0000", "net": "-0.9995"},
        {"currency": "JPY", "count": 1, "credits": "7", "debits": "0", "net": "7"},
    ]


def test_a_refusal_at_the_end_takes_everything_back() -> None:
    found = inspected(
        b"x", "FILE", Scripted(Chunk(records=[record(1)], totals=[total("EUR", 2, 1, 0)]), refusal("cut", 7))
    )
    assert only_message(found) == "cut"
    assert (found.format, found.problems[0].line) == ("scripted", 7)


@pytest.mark.parametrize("count", [PROBLEMS_MAX - 1, PROBLEMS_MAX, PROBLEMS_MAX + 1, PROBLEMS_MAX * 3])
def test_problems_are_capped_and_the_rest_is_counted(count: int) -> None:
    rows = [Problem(message=f"row {n}", severity="row", line=n) for n in range(count)]
    found = inspected(b"x", "FILE", Scripted(Chunk(problems=rows[:10]), Chunk(problems=rows[10:])))
    assert found.problems[:PROBLEMS_MAX] == tuple(rows[:PROBLEMS_MAX])
    beyond = count - PROBLEMS_MAX
    said = [f"{beyond} more problems are not listed"] if beyond > 0 else []
    assert [problem.message for problem in found.problems[PROBLEMS_MAX:]] == said
    assert found.verdict == "problems"


def test_the_reason_of_a_refusal_is_never_crowded_out() -> None:
    rows = [Problem(message="row", severity="row")] * (2 * PROBLEMS_MAX)
    found = inspected(b"x", "FILE", Scripted(Chunk(problems=rows), refusal("cut")))
    assert (found.verdict, found.problems[0].message, len(found.problems)) == ("unreadable", "cut", PROBLEMS_MAX + 1)
    assert found.problems[-1].message == f"{PROBLEMS_MAX + 1} more problems are not listed"


def test_statements_are_capped_and_the_rest_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "STATEMENTS_MAX", 2)
    ones = [Statement(line=n, place=n, account_number=str(n), currency="EUR", final=True) for n in range(5)]
    said = inspected(b"x", "FILE", Scripted(Chunk(statements=ones[:1]), Chunk(statements=ones[1:]))).as_json()
    assert [one["account"] for one in said["statements"]] == ["0", "1"]
    assert said["statements_beyond"] == 3


@pytest.mark.parametrize(
    "error", [KeyError("IBAN of a customer"), RecursionError(), MemoryError(), AssertionError(), UnicodeError("x")]
)
def test_a_failure_of_a_format_is_told_without_what_the_file_holds(error: Exception) -> None:
    found = inspected(b"x", "FILE", Scripted(Chunk(records=[record(1)]), error))
    message = only_message(found)
    assert (
        f"expected to read scripted, got a fault of tieout itself ({type(error).__name__} at test_inspection.py"
        in message
    )
    assert "customer" not in json.dumps(found.as_json())
    assert found.fault is not None
    assert "Traceback" in found.fault


def test_bad_input_while_reading_refuses_the_file() -> None:
    assert only_message(inspected(b"x", "FILE", Scripted(BadInput("expected more")))) == "expected more"


def test_what_cannot_be_opened_is_unreadable() -> None:
    assert only_message(unreadable("x", "expected a file, got none")) == "expected a file, got none"


@pytest.mark.parametrize("data", [CLOSES, SWIFT], ids=["camt", "mt940"])
def test_a_file_cut_anywhere_is_never_shown_as_more_than_it_is(data: bytes) -> None:
    for length in range(0, len(data), 7):
        found = inspected(data[:length])
        assert found.fault is None
        assert found.verdict in {"ok", "problems", "unreadable"}
        assert (found.verdict == "ok") == (not found.problems)
        assert found.records <= inspected(data).records


@settings(max_examples=examples(150))
@given(st.sampled_from([CLOSES, SWIFT, TABLE, gzip.compress(CLOSES), zipped(a=SWIFT)]), st.data())
def test_no_change_of_bytes_makes_an_inspection_fail(data: bytes, draw: st.DataObject) -> None:
    mutable = bytearray(data)
    for at, put in draw.draw(st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255)), max_size=5)):
        mutable[at] = put
    found = inspected(bytes(mutable))
    assert found.fault is None, found.fault
    assert (found.verdict == "ok") == (not found.problems)
    assert json.loads(json.dumps(found.as_json()))["verdict"] == found.verdict


@given(st.binary(max_size=300))
def test_no_bytes_make_an_inspection_fail(data: bytes) -> None:
    found = inspected(data)
    assert found.fault is None, found.fault
    assert all("\n" not in problem.message for problem in found.problems)
