"""How alike texts are: what banks do to them."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.matching.learned.texts import LEVELS, UNLIKE, alike, begin_together, texts_of

SPELLED = st.text(st.sampled_from("AB c-é\U0001f600"), max_size=70)


def level_of(left: str | None, right: str | None, least: int = 3) -> str | None:
    texts = texts_of(pa.array([left], pa.string()), pa.array([right], pa.string()))
    (level,) = alike(texts, np.array([0]), np.array([0]), least).tolist()
    return None if level < 0 else LEVELS[level].split(";")[0]


@pytest.mark.parametrize(
    ("left", "right", "level"),
    [
        ("MATTHIAS C", "Matthias  c.", "the same"),
        ("Müller", "MULLER", "the same"),
        ("MATTHIAS C paym", "MATTHIAS C payment BGC", "the left is the beginning"),
        ("Kranz AG Rechnung", "Kranz AG", "the right is the beginning"),
        ("Kranz payment BGC", "Kranz BGC", "and then the last word of the one follows in the other"),
        ("Kranz payment BG", "Kranz BGC", "and then the last word of the one follows in the other"),
        ("Kranz one", "Kranz two", "other words follow"),
        ("Kranzler", "Kranzberg", "a word goes on otherwise"),
        ("Meier", "Kranz", "they begin otherwise"),
        ("AB", "AC", "they begin otherwise"),
        ("AB", "AB", "the same"),
        (None, "Kranz", None),
        ("?!", "Kranz", None),
    ],
)
def test_what_a_bank_does_to_a_text_has_a_level(left: str | None, right: str | None, level: str | None) -> None:
    assert level_of(left, right) == level


def test_a_beginning_that_many_have_says_less() -> None:
    many = [f"Miete {n}" for n in range(40)]
    texts = texts_of(pa.array([*many, "Kranz AG"]), pa.array(["Miete", "Kranz"]))
    rent, firm = alike(texts, np.array([0, 40]), np.array([0, 1]), 3).tolist()
    assert "about 64 more" in LEVELS[rent]
    assert "about 1 more" in LEVELS[firm]


@given(st.lists(SPELLED, min_size=1, max_size=8), st.lists(SPELLED, min_size=1, max_size=8), st.integers(1, 24))
def test_all_that_are_alike_begin_together(left: list[str], right: list[str], least: int) -> None:
    texts = texts_of(pa.array(left), pa.array(right))
    ones, others = begin_together(texts, least)
    for one in range(len(left)):
        for other in range(len(right)):
            (level,) = alike(texts, np.array([one]), np.array([other]), least).tolist()
            together = ones[one] == others[other] >= 0
            assert together == (0 <= level < UNLIKE)
