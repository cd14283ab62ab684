"""
What a search in a pool can answer: one answer and why it is the only one, several, none, or "the bound was hit".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["COUNT_MAX", "LAMBDA_MAX", "LISTED_MAX", "Outcome", "Verdict"]

#: unique: exactly one answer. ambiguous: at least two. infeasible: none, proven. undecided: the bound came first.
Outcome = Literal["unique", "ambiguous", "infeasible", "undecided"]
#: Expected accidents are counted up to here (a million); also what stands where they are not known.
LAMBDA_MAX = 10**12
#: So many of several answers are listed.
LISTED_MAX = 3
#: Answers are counted up to one more: 4 means more than 3.
COUNT_MAX = LISTED_MAX + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """
    The answer of a search for a selection of things with a sum.

    Two selections are two answers only if their amounts differ: which of two equal amounts is taken is no other answer,
    but then ``interchangeable`` says that the things themselves are a choice among equals.

    :ivar solutions: up to :data:`LISTED_MAX` selections, each as indices into the amounts, ascending.
    :ivar count: answers, at most :data:`COUNT_MAX`.
    :ivar is_counted: whether there are just so many (or, at the most, more); if not, there are at least so many.
    :ivar lambda_micro: of a unique answer, how many selections would be expected to have that sum by accident, in
        millionths: how many come near it, in the steps in which the amounts come; beyond a million at least so many.
    :ivar interchangeable: of a unique answer, whether equal amounts outside it could take the place of some inside.
    :ivar operations: what deciding took, about; of an undecided one, the bound.
    """

    outcome: Outcome
    solutions: tuple[tuple[int, ...], ...] = ()
    count: int = 0
    is_counted: bool = True
    lambda_micro: int = 0
    interchangeable: bool = False
    operations: int = 0
