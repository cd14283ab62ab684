"""In which letters a statement is written: the code page that its source names, and what shows where nobody named one."""

import codecs
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.formats.test_mt940 import CASES, SEEDS, chunks, identified, written
from tieout.formats.reading import ReadOptions
from tieout.formats.registry import format_of
from tieout.formats.swift.joined import plain_blocks
from tieout.formats.swift.letters import Letters, marked_blocks
from tieout.model.encodings import is_encoding, writes_ascii
from tieout.model.problems import Problem

POLISH = "Wpłata: Łódź Świętokrzyska, żółć"
CZECH = "Příliš žluťoučký kůň, věž"
RUSSIAN = "Оплата по счёту Иванов"
GERMAN = "Müller & Söhne, Straße"


def statement(*texts: str) -> str:
    entries = "".join(f":61:2601020102D1,00NMSCNONREF\r\n:86:{text}\r\n" for text in texts)
    return f":20:R\r\n:25:4711\r\n:28C:1/1\r\n:60F:C260101EUR9,\r\n{entries}:62F:C260102EUR{9 - len(texts)},\r\n-\r\n"


def read(data: bytes, encoding: str | None = None) -> tuple[list[str | None], list[Problem]]:
    got = chunks(data, encoding=encoding)
    return [r.text for chunk in got for r in chunk.records], [p for chunk in got for p in chunk.problems]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1250", POLISH),
        ("cp1250", CZECH),
        ("cp852", POLISH),
        ("cp852", CZECH),
        ("iso8859-2", CZECH),
        ("cp1251", RUSSIAN),
        ("cp866", RUSSIAN),
        ("koi8-r", RUSSIAN),
        ("cp850", GERMAN),
        ("cp1253", "Πληρωμή λογαριασμού"),
        ("shift_jis", "振込 表示"),
        ("utf-8", RUSSIAN),
    ],
)
def test_a_named_code_page_is_read_in_its_letters(encoding: str, text: str) -> None:
    assert read(statement(text, "plain").encode(encoding), encoding) == ([text, "plain"], [])


@pytest.mark.parametrize(("encoding", "text"), [("cp852", "věž"), ("cp866", "рад")])
def test_what_is_named_holds_where_the_bytes_would_be_utf_8_too(encoding: str, text: str) -> None:
    assert text.encode(encoding).decode() != text
    assert read(statement(text, CZECH if encoding == "cp852" else RUSSIAN).encode(encoding), encoding)[0][0] == text


def test_a_mark_of_utf_8_overrules_the_name() -> None:
    assert read(codecs.BOM_UTF8 + statement(CZECH).encode(), "cp1250") == ([CZECH], [])


@pytest.mark.parametrize("name", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("encoding", [None, "cp1250"])
def test_a_mark_of_utf_16_says_how_the_file_is_written(name: str, encoding: str | None) -> None:
    data = ("\ufeff" + statement(RUSSIAN, CZECH)).encode(name)
    assert identified(data) == "mt940"
    assert read(data, encoding) == ([RUSSIAN, CZECH], [])
    assert identified(data[:-1]) == "mt940"
    assert read(data[:101], encoding)[0] == []


def test_a_file_of_utf_16_is_read_the_same_wherever_a_block_ends() -> None:
    data = ("\ufeff" + statement(RUSSIAN)).encode("utf-16-le")
    blocks = [data[:2], *(data[n : n + 3] for n in range(2, len(data), 3))]
    assert b"".join(marked_blocks(blocks)).decode("utf-8-sig") == statement(RUSSIAN)


def test_a_file_all_of_utf_8_is_remarked_where_another_page_is_named() -> None:
    (problem,) = read(statement("plain", GERMAN, GERMAN).encode(), "cp1250")[1]
    assert (problem.line, problem.at_ingest) == (8, True)
    assert "expected text in cp1250, as tieout.toml says, got a file of which each line is UTF-8" in problem.message


def test_a_byte_that_the_named_page_does_not_have_is_told_and_the_entry_stays() -> None:
    data = statement("a", "b\x81c").encode("latin-1")
    texts, (problem,) = read(data, "cp1250")
    assert texts == ["a", "b\ufffdc"]
    assert (problem.line, problem.at_ingest, problem.severity) == (8, False, "finding")
    assert "a byte that it does not have (0x81)" in problem.message


@pytest.mark.parametrize(
    ("encoding", "text", "seen"),
    [
        ("cp1250", POLISH, "words such as 'Wp³ata'"),
        ("cp1250", "wpłata, Łódka", None),
        ("cp1250", "ŹRÓDŁO", "a byte that is neither (0x8f)"),
        ("cp852", POLISH, "a byte that is neither (0x9d)"),
        ("cp1250", "wpłata za usługi, spółka, należność", "words such as 'wp³ata'"),
        ("iso8859-2", "wpłata za usługi, spółka, należność", "words such as 'wp³ata'"),
        ("cp852", CZECH, None),
        ("cp1251", RUSSIAN + " Петров", "words such as 'Îïëàòà'"),
        ("cp1253", "Πληρωμή λογαριασμού τράπεζα", "words such as"),
        ("cp850", GERMAN, "a byte that is neither (0x81)"),
    ],
)
def test_letters_that_cannot_be_right_are_remarked(encoding: str, text: str, seen: str | None) -> None:
    _, problems = read(statement("plain", text).encode(encoding))
    assert [p.at_ingest for p in problems] == ([True] if seen else [])
    assert seen is None or (seen in problems[0].message and problems[0].line == 8)


@pytest.mark.parametrize(
    "text",
    [
        GERMAN,
        "Œuvre créée à Ñuñoa, façon N°CLIENT, l·lusió, d´Arc’s 10m³ ½kg £5 ¿Qué? «été» „Öl“ – 5×3 A§B",  # noqa: RUF001 - these signs are meant
        "jäääär Þórður ÅÄÖ",
        "ÄÖÜ ÄÖÜ ÄÖÜ",
        "ESPA¿A",
    ],
)
@pytest.mark.parametrize("encoding", ["cp1252", "utf-8"])
def test_what_windows_1252_writes_is_nothing_to_remark(text: str, encoding: str) -> None:
    assert read(statement(text, text).encode(encoding)) == ([text, text], [])


@given(st.binary(max_size=60), st.sampled_from([None, "cp1250", "cp852", "gb18030", "utf-8", "ascii"]))
def test_no_bytes_make_it_fail(line: bytes, encoding: str | None) -> None:
    letters = Letters(encoding)
    letters.text(line, 1)
    assert len(letters.problems()) <= 1


@pytest.mark.parametrize(
    "name", ["utf-16", "utf-7", "cp037", "iso2022_jp", "unicode_escape", "raw_unicode_escape", "idna"]
)
def test_an_encoding_in_which_fields_would_not_be_found_is_told_apart(name: str) -> None:
    assert is_encoding(name)
    assert not writes_ascii(name)


STRIPE = "automatic_payout_id,balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category,source_id,description\n"
ADYEN = (CASES.parent / "adyen_reports" / "settlement.csv").read_text()


def test_a_report_of_stripe_is_read_in_the_named_page() -> None:
    data = (
        STRIPE + f"po_1,txn_1,2026-10-01 10:00:00,eur,10.00,0.00,10.00,charge,ch_1,{POLISH.replace(',', '')}\n"
    ).encode("cp1250")
    stripe = format_of("stripe.payout_reconciliation")
    (named,) = (c for c in stripe.read(io.BytesIO(data), ReadOptions(encoding="cp1250")) if c.table is not None)
    assert named.table is not None
    assert named.table["text"].to_pylist() == [POLISH.replace(",", "")]
    unnamed = [p for c in stripe.read(io.BytesIO(data), ReadOptions()) for p in c.problems]
    assert [p.severity for p in unnamed] == ["row"]


def test_a_report_of_adyen_is_read_in_the_named_page() -> None:
    data = ADYEN.replace("visa", "łódź").encode("cp852")
    adyen = format_of("adyen.settlement_detail")
    got = list(adyen.read(io.BytesIO(data), ReadOptions(encoding="cp852")))
    assert "łódź" in str([c.table.to_pylist() for c in got if c.table is not None])


def test_a_balance_summary_of_stripe_is_read_in_the_named_page() -> None:
    rows = ["starting_balance,1.00,eur,łódź", "activity,1.00,eur,", "payouts,-2.00,eur,", "ending_balance,0.00,eur,"]
    data = "\n".join(["category,net_amount,currency,description", *rows, ""]).encode("cp1250")
    stripe = format_of("stripe.balance")
    (named,) = stripe.read(io.BytesIO(data), ReadOptions(encoding="cp1250"))
    (unnamed,) = stripe.read(io.BytesIO(data), ReadOptions())
    assert ([p.message for p in named.problems], len(named.balances)) == ([], 2)
    assert [p.severity for p in unnamed.problems] == ["refused"]


# The raw form of FinTS.


def _messages(path: Path) -> list[bytes]:
    """The lines of a case from its first message on, where that begins as FinTS hands it over."""
    lines = [line for line in path.read_bytes().splitlines() if line.strip()]
    begin = next((n for n, line in enumerate(lines) if line.startswith(b":20:")), len(lines) - 1)
    return lines[begin:] if lines[begin + 1 :] and lines[begin + 1].startswith(b":25:") else []


@pytest.mark.parametrize("path", [path for path in SEEDS if _messages(path)], ids=lambda path: path.stem)
@pytest.mark.parametrize("first", [b"", b"@@"])
def test_the_raw_form_of_fints_says_the_same(path: Path, first: bytes) -> None:
    lines = _messages(path)
    plain, joined = b"\n".join(lines), first + b"@@".join(lines)
    assert identified(joined) == identified(plain)
    assert written(joined) == written((b"\n" if first else b"") + plain)


@given(st.lists(st.sampled_from([b"@", b"@@", b"a", b"\n"]), max_size=40), st.integers(1, 5))
def test_at_signs_are_cut_alike_wherever_a_block_ends(parts: list[bytes], size: int) -> None:
    data = b":20:R@@:25:1" + b"".join(parts)
    blocks = [data[:20], *(data[n : n + size] for n in range(20, len(data), size))]
    assert b"".join(plain_blocks(blocks)) == data.replace(b"@@", b"\n")


def test_two_at_signs_within_a_text_end_no_line_of_another_file() -> None:
    texts, problems = read(statement("a@@b", ":20:X@@:25:Y").encode())
    assert (texts, problems) == (["a@@b", ":20:X@@:25:Y"], [])
