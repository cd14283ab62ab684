"""A card number in digits of another script is a card number: found, masked, and in no copy."""

import gzip
import io
import json
import sys
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.depth import examples
from tests.intake.conftest import Desk, charge
from tieout.intake.card_numbers import LONG_NUMBER, OTHER_DIGITS, could_hold, find_cards, mask
from tieout.intake.cards import CardScan
from tieout.intake.derive import stated_table
from tieout.intake.receive import kept_name
from tieout.intake.redaction import redact
from tieout.model.records import Record

CARD = "4111111111111111"
GROUPS = "4111 1111 1111 1111"
WIDE, ARABIC, PERSIAN, DEVANAGARI, BOLD = "\uff10", "\u0660", "\u06f0", "\u0966", "\U0001d7ce"
SCRIPTS = [WIDE, ARABIC, PERSIAN, DEVANAGARI, BOLD]


def written(number: str, zero: str) -> str:
    return "".join(chr(ord(zero) + int(c)) if c.isdigit() else c for c in number)


def plain(text: str) -> str:
    return "".join(c if unicodedata.decimal(c, None) is None else str(unicodedata.decimal(c)) for c in text)


def copied(data: bytes, number: str, encoding: str = "utf-8") -> bytes:
    copy = redact(io.BytesIO(data), "file", [number], encoding)
    assert copy is not None, data
    with copy:
        return copy.read()


def test_every_digit_that_there_is_is_known() -> None:
    every = {sign for sign in map(chr, range(0x80, sys.maxunicode + 1)) if sign.isdecimal()}
    assert every == OTHER_DIGITS.keys()


@pytest.mark.parametrize("zero", SCRIPTS)
@pytest.mark.parametrize(
    "number", [CARD, GROUPS, "5500-0000-0000-0004", "4111_1111_1111_1111", "4111\u00a01111\u00a01111 1111"]
)
@pytest.mark.parametrize("around", ["{}", "paid by {} today", "(PAN{})"])
def test_it_is_found_as_it_is_written(zero: str, number: str, around: str) -> None:
    card = written(number, zero)
    text = around.format(card)
    assert find_cards(text) == ([card], 1)
    assert could_hold(pa.array(["x", text])).to_pylist() == [1]
    assert could_hold(pa.array(["x", text]), LONG_NUMBER).to_pylist() == [1]
    hidden = mask(card)
    assert (plain(hidden)[:6], hidden.count("*"), plain(hidden)[-4:]) == (mask(number)[:6], 6, mask(number)[-4:])
    assert find_cards(hidden)[0] == []


@pytest.mark.parametrize("text", [
    written("4111111111111112", WIDE), written("1234567812345670", ARABIC), f"A1B{written(CARD, WIDE)}",
    written("550e8400-e29b-41d4-4716-446655440000", WIDE), "\u00b2" * 13 + "\u2460" * 5,
])  # fmt: skip
def test_other_numbers_of_other_scripts_are_left_alone(text: str) -> None:
    assert find_cards(text)[0] == []


@pytest.mark.parametrize("card", [
    "4111\uff0d1111\uff0d1111\uff0d1111", written("4111\uff0d1111\uff0d1111\uff0d1111", WIDE),
    written("4111\u30001111\u30001111\u30001111", WIDE), written("4111 1111", WIDE) + " 1111 1111",
    f"{written('41111111', ARABIC)}11111111",
])  # fmt: skip
def test_wide_signs_and_mixed_digits_are_seen(card: str) -> None:
    assert find_cards(f"x {card} y")[0] == [card]
    assert could_hold(pa.array([card])).to_pylist() == [0]
    assert copied(f"a;{card};b".encode(), card).decode() == f"a;{mask(card)};b"


@pytest.mark.parametrize("zero", SCRIPTS)
@pytest.mark.parametrize("number", [CARD, GROUPS])
def test_its_copy_is_masked_where_it_stands(zero: str, number: str) -> None:
    card = written(number, zero)
    text = f"id;note\u00e9;{card};\u0663"
    assert copied(text.encode(), card).decode() == text.replace(card, mask(card))
    assert gzip.decompress(copied(gzip.compress(text.encode()), card)).decode() == text.replace(card, mask(card))
    said = json.dumps({"note": card})
    for escaped in (said, said.replace("\\u", "\\U").upper().replace("\\U", "\\u")):
        assert json.loads(copied(escaped.encode(), card)).popitem()[1] == mask(card)
    for form in ("&#{};", "&#x{:x};", "&#x{:X};"):
        xml = "".join(form.format(ord(c)) if c != " " else c for c in card)
        assert copied(f"<x>{xml}</x>".encode(), card).count(b"*") == 6


@pytest.mark.parametrize("encoding", ["cp932", "euc_jp", "gb18030", "utf-16-le", "utf-16-be"])
def test_its_copy_is_masked_in_the_encoding_that_a_mapping_says(encoding: str) -> None:
    # In UTF-16 a wide blank could be our 0.
    sign = "\uff0d" if encoding.startswith("utf-16") else "\u3000"
    for card in (written(CARD, WIDE), written(sign.join(["4111", *["1111"] * 3]), WIDE)):
        text = f"id;\u8acb\u6c42\uff08{card}\uff09;x {CARD} y"
        hidden = text.replace(card, mask(card)).replace(CARD, mask(CARD))
        assert copied(text.encode(encoding), card, encoding).decode(encoding) == hidden


def test_the_name_of_a_file_is_a_text(desk: Desk) -> None:
    card = written(CARD, WIDE)
    assert kept_name(f"{card}.csv") == f"{mask(card)}.csv"
    desk.deliver(charge("a", text=f"paid by {card}"), charge("b"))
    assert desk.records("text") == [f"paid by {mask(card)}", None]
    with desk.store.book.reading() as connection:
        states = connection.exec_driver_sql("select state from delivery order by sequence").scalars().all()
    assert states == ["erased", "accepted"]


pieces = st.one_of(
    st.sampled_from(
        [
            written(CARD, WIDE),
            written(GROUPS, ARABIC),
            CARD,
            "4111 1111",
            written("1111", BOLD),
            "-",
            "\uff0d",
            " ",
            "x",
            "\u8acb",
        ]
    ),
    st.text("\uff11\uff14\u0661\u06644 1", max_size=16),
)


@given(st.lists(st.one_of(st.none(), st.lists(pieces, max_size=5).map("".join)), max_size=8))
@settings(max_examples=examples(200), deadline=None)
def test_a_scan_finds_what_the_same_text_in_our_digits_holds(texts: list[str | None]) -> None:
    scan = CardScan()
    scan.look(stated_table([Record(line=n, kind="charge", currency="EUR", text=t) for n, t in enumerate(texts)]))
    assert scan.numbers == {number for text in texts for number in find_cards(text or "")[0]}
    for text in texts:
        ours = plain(text or "").replace("\uff0d", "-")
        assert [plain(n).replace("\uff0d", "-") for n in find_cards(text or "")[0]] == find_cards(ours)[0]
