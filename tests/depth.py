"""
How much a test tries: little in every run, much under ``make test-deep``.
"""

import random
from collections.abc import Iterable
from typing import TypeVar

from hypothesis import settings

__all__ = ["DEEP", "examples", "some_of"]

T = TypeVar("T")

#: Whether this run was asked for with ``--hypothesis-profile=deep``.
DEEP = settings().max_examples > 1_000
_TIMES = 10


def examples(usual: int) -> int:
    """Give how many examples are drawn: so many, in a deep run ten times that."""
    return usual * _TIMES if DEEP else usual


def some_of(every: Iterable[T], most: int) -> list[T]:
    """Give the first, the last and others drawn with a fixed seed, at most so many; in a deep run all."""
    given = list(every)
    if DEEP or len(given) <= most:
        return given
    drawn = random.Random(len(given)).sample(range(1, len(given) - 1), most - 2)
    return [given[n] for n in sorted({0, len(given) - 1, *drawn})]
