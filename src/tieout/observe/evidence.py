"""
What a match rests on beside its rule and points, as one sentence.
"""

from __future__ import annotations

from typing import Any

__all__ = ["why_matched"]


def why_matched(match: dict[str, Any]) -> str | None:
    """
    Say why a rule made a match, beyond its name; None: there is nothing more to say.

    :param match: with ``evidence``, ``score``, ``margin`` and ``coincidence``, as the lake has them.
    """
    score, margin, evidence = match["score"], match["margin"], match["evidence"]
    chance = None if match["coincidence"] is None else f"by accident: {match['coincidence']:,} in a million"
    if "consecutive" in evidence:
        payouts = evidence["consecutive"]["payouts"]
        said = "the only run of consecutive lines with that sum"
        if payouts > 1:
            said = f"consecutive lines, and one of {payouts:,} payouts in a row whose lines follow each other without a gap"
        ordered = "" if margin is None else "equal amounts of one moment by their numbers"
        return "; ".join(part for part in (said, ordered, chance) if part)
    if score is None:
        return None
    said = f"{score:,} points"
    if "together" in evidence:
        things = evidence["together"]["things"]
        said += f"; of {things:,} that compete, all together would have {margin:,} fewer without this match"
    elif margin is not None:
        said += f", {margin:,} ahead of the next best"
    return said if chance is None else f"{said}; {chance}"
