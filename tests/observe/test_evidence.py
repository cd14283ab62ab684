"""Why a rule made a match is one sentence, whatever kind of evidence it has."""

from typing import Any

import pytest

from tieout.observe.things.evidence import why_matched

NOTHING: dict[str, Any] = {"score": None, "margin": None, "coincidence": None, "evidence": {}}
IN_A_ROW = "consecutive lines, and one of 12 payouts in a row whose lines follow each other without a gap"


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({}, None),
        ({"score": 1_070}, "1,070 points"),
        (
            {"score": 70, "margin": 15, "coincidence": 40},
            "70 points, 15 ahead of the next best; by accident: 40 in a million",
        ),
        (
            {"score": 70, "margin": 20, "coincidence": 40, "evidence": {"together": {"things": 5}}},
            "70 points; of 5 that compete, all together would have 20 fewer without this match; by accident: 40 in a million",
        ),
        ({"coincidence": 1, "evidence": {"consecutive": {"payouts": 12}}}, f"{IN_A_ROW}; by accident: 1 in a million"),
        (
            {"coincidence": 1, "margin": 0, "evidence": {"consecutive": {"payouts": 12}}},
            f"{IN_A_ROW}; equal amounts of one moment by their numbers; by accident: 1 in a million",
        ),
        (
            {"coincidence": 9_000, "evidence": {"consecutive": {"payouts": 1}}},
            "the only run of consecutive lines with that sum; by accident: 9,000 in a million",
        ),
    ],
)
def test_every_kind_of_evidence_is_one_sentence(told: dict[str, Any], said: str | None) -> None:
    assert why_matched(NOTHING | told) == said
