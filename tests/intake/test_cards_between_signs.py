"""Card numbers written with signs that mostly part other things: seen where all signs are alike, and nothing else is."""

import io
import random
import re

import pyarrow as pa
import pytest

from tieout.intake.card_numbers import could_hold, find_cards
from tieout.intake.redaction import redact

CARD = ("4111", "1111", "1111", "1111")
AMEX = ("3782", "822463", "10005")
SIGNS = ["_", "/", "\u2013", " / ", " \u2013 "]


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("groups", [CARD, AMEX])
@pytest.mark.parametrize("around", ["{}", "paid by {} today", "(PAN{})", "12/2029 {} 03/27", "x_{}_y", "ORDER 17/{}"])
def test_a_number_between_equal_signs_is_seen_and_masked(sign: str, groups: tuple[str, ...], around: str) -> None:
    written = sign.join(groups)
    text = around.format(written)
    assert find_cards(text)[0] == [written]
    assert could_hold(pa.array([text])).to_pylist() == [0]
    for encoding in ("utf-8", "utf-16-le", "utf-16-be", "cp1252"):
        said = masked(f"a;{text};b\n".encode(encoding), written).decode(encoding)
        assert "".join(groups) not in re.sub("[^0-9*]", "", said), encoding
    escaped = text.replace("/", r"\/").replace("\u2013", r"\u2013")
    assert b"*" in masked(f'{{"a": "{escaped}"}}\n'.encode(), written)


def masked(data: bytes, number: str) -> bytes:
    copy = redact(io.BytesIO(data), "a.txt", [number])
    assert copy is not None, data
    with copy:
        return copy.read()


@pytest.mark.parametrize(
    "text",
    [
        "4111/1111-1111/1111", "4111_1111/1111_1111", "4111/1111 1111/1111", "4111 1111/1111 1111",
        "41/11/1111/1111/1111", "411111/1111111111", "4111111/111111111", "4/11/1111/1/11/1111/11",
        "4111.1111_1111.1111", "4111__1111_1111_1111", "4111/1111/1111/1112",
    ],
)  # fmt: skip
def test_other_spellings_are_none(text: str) -> None:
    assert find_cards(text)[0] == []


def drawn(draw: random.Random) -> str:
    """A text of references: days, amounts, orders, invoices and paths, beside and within each other."""

    def digits(count: int) -> str:
        return "".join(draw.choice("0123456789") for _ in range(count))

    def word() -> str:
        sign = draw.choice(["/", "_", "\u2013", "-", " "])
        day = [f"{draw.randint(1, 28):02d}", f"{draw.randint(1, 12):02d}", str(draw.randint(2019, 2030))]
        return draw.choice([
            sign.join(day), sign.join(reversed(day)), f"{digits(4)},{digits(2)}", f"{digits(3)}.{digits(3)},{digits(2)}",
            sign.join(digits(draw.choice((2, 4, 6))) for _ in range(draw.randint(2, 5))), digits(draw.randint(3, 12)),
            f"RE{sign}{day[2]}{sign}{digits(5)}", f"{digits(4)}{sign}{digits(4)}",
        ])  # fmt: skip

    return draw.choice([" ", "/", "_", ", ", "\u2013"]).join(word() for _ in range(draw.randint(2, 5)))


def test_no_text_of_references_holds_one_that_a_plain_spelling_would_not() -> None:
    draw = random.Random(17)
    seen = 0
    for _ in range(10_000):
        text = drawn(draw)
        found = find_cards(text)[0]
        seen += bool(found)
        for number in found:
            plain = re.sub("[_/\u2013]", "-", number)
            assert find_cards(text.replace(number, plain))[0], text
            assert find_cards(plain)[0] == [plain], text
            if re.search("[_/\u2013]", number):
                assert len(set(re.findall("[^0-9]+", number))) == 1
                assert not re.search(r"20[123]\d", re.split("[^0-9]+", number)[0])
    assert seen < 200
