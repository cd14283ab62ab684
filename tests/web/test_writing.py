"""Figures, days, signs and the picture: written in one place, exactly."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from tieout.observe.money.flow import PARTS, Flow, Part
from tieout.web.drawing import HEIGHT, picture_of
from tieout.web.figures import ENGLISH, MINUS, figures_for
from tieout.web.rendering import visible
from tieout.web.words import REASONS


@pytest.mark.parametrize(
    ("minor", "exponent", "written"),
    [(-123_456, 2, f"{MINUS}1,234.56"), (5, 2, "0.05"), (0, 2, "0.00"), (1_000, 0, "1,000"), (10_001, 3, "10.001")],
)
def test_amounts_are_written(minor: int, exponent: int, written: str) -> None:
    assert ENGLISH.amount(minor, exponent) == written


@given(st.integers(-(2**63), 2**63), st.integers(0, 9))
def test_no_digit_is_lost(minor: int, exponent: int) -> None:
    written = ENGLISH.amount(minor, exponent).replace(",", "").replace(MINUS, "-")
    assert int(written.replace(".", "")) == minor
    assert len(written.partition(".")[2]) == exponent


@pytest.mark.parametrize(
    ("language", "written"),
    [
        ("de-DE,de;q=0.9", "1.234.567,80"),
        ("fr", "1\u202f234\u202f567,80"),
        ("de-CH", "1\u2019234\u2019567.80"),
        ("en-GB", "1,234,567.80"),
        (None, "1,234,567.80"),
        ("xx-nonsense;;,", "1,234,567.80"),
    ],
)
def test_separators_are_the_readers(language: str | None, written: str) -> None:
    assert figures_for(language).amount(123_456_780, 2) == written
    assert figures_for(language).decimal("1234567.80") == written


def test_only_everything_is_a_hundred_percent() -> None:
    assert ENGLISH.percent(10_000).startswith("100")
    assert ENGLISH.percent(9_999).startswith("99.99")


def test_days_cannot_be_misread() -> None:
    assert ENGLISH.day(dt.date(2026, 3, 4)).replace("\xa0", " ") == "4 Mar 2026"
    assert ENGLISH.moment("2026-03-04T23:30:00-02:00").replace("\xa0", " ") == "5 Mar 2026 01:30 UTC"


def test_control_characters_are_shown() -> None:
    assert visible("\x1b[31mred\x07") == "\N{SYMBOL FOR ESCAPE}[31mred\N{SYMBOL FOR BELL}"
    assert visible("\u202eabc") == "[U+202E]abc"
    assert visible("ok\xa0ok\nÖ") == "ok\xa0ok\nÖ"
    assert visible(None) == ""
    ours = Markup("<b>\x1b</b>")
    assert visible(ours) is ours


def test_every_reason_of_the_interface_has_words() -> None:
    named = """missing_left missing_right amount_difference ambiguous undecided duplicate conflict late incomplete
        balance_difference ledger_difference currency_mismatch fee_variance closed_period impossible_transition
        refund_without_credit_note returned unknown_account master_data unreadable not_fulfilled not_captured rejected
        proposed"""
    assert set(REASONS) == set(named.split())
    assert [r for r in REASONS.values() if "!" in r.what or not r.what.endswith(".") or r.step[0].islower()] == []


@given(st.lists(st.integers(-(10**12), 10**14), min_size=len(PARTS), max_size=len(PARTS)), st.integers(0, 10**14))
def test_the_picture_is_to_scale_and_stays_inside(amounts: list[int], books: int) -> None:
    parts = {name: Part(amount, 1) for name, amount in zip(PARTS, amounts, strict=True)}
    charged = Part(sum(amounts), 1)
    flow = Flow(currency="EUR", exponent=2, charged=charged, parts=parts, books=Part(books, 1))
    assert flow.residual == 0
    picture = picture_of(flow)
    shown = {block.name: block for block in picture.blocks}
    for block in picture.blocks:
        assert float(block.y) >= 0
        assert float(block.y) + float(block.height) <= HEIGHT + 2 * len(PARTS)
    for one in set(shown) & set(PARTS):
        for other in set(shown) & set(PARTS):
            if parts[one].amount > parts[other].amount:
                assert float(shown[one].height) >= float(shown[other].height)


#: A wide letter of the picture's size; labels stand so far behind the left edge of their bar.
_LETTER, _BEHIND = 7.2, 20


@pytest.mark.parametrize("books", [0, 123_456_789])
def test_no_label_of_the_picture_is_cut(books: int) -> None:
    parts = {name: Part(123_456_789, 1) for name in PARTS}
    charged = Part(123_456_789 * len(PARTS), 1)
    picture = picture_of(Flow(currency="EUR", exponent=2, charged=charged, parts=parts, books=Part(books, 1)))
    for block in picture.blocks:
        label = f"{block.words} {ENGLISH.amount(block.amount, 2)}"
        assert block.x + _BEHIND + _LETTER * len(label) <= picture.width, label
