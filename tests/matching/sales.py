"""
Sales of a platform, a few a day, and the payouts that they make: each takes the next lines of the account.
"""

import random
from dataclasses import replace
from typing import Any

from tests.matching.worlds import Fact, line, rule, rules_text

__all__ = ["HEAD", "IN_A_ROW", "RULES", "others", "paid", "run_with", "sales"]

HEAD = {"claims": '{ left = "settlement", right = "bank" }', "polarity": '"by kind"'}
IN_A_ROW = rule("lines in a row", shape='"n:1"', consecutive="true", days="{ from = 0, to = 10 }")
RULES = rules_text(IN_A_ROW, **HEAD)
EACH = 10


def sales(number: int, seed: int = 1, tag: str = "ch", **more: Any) -> list[Fact]:
    """Give the lines of a platform, four a day, of amounts that hardly any two share."""
    draw = random.Random(seed)
    found = [
        Fact(source="a", id=f"{tag}_{n}", amount=draw.randint(500, 90_000), kind="charge", day=n // 4)
        for n in range(number)
    ]
    return [replace(fact, **more) for fact in found]


def paid(lines: list[Fact], tag: str = "b", each: int = EACH) -> list[Fact]:
    """Give the bank lines of their payouts, each a day after the last of its lines."""
    runs = [lines[n : n + each] for n in range(0, len(lines), each)]
    return [
        line(f"{tag}{k}", sum(f.amount - f.fee for f in run), day=run[-1].day + 1, currency=run[0].currency)
        for k, run in enumerate(runs)
    ]


def others(number: int, days: int, seed: int = 2) -> list[Fact]:
    """Give other people's money on the same account."""
    draw = random.Random(seed)
    return [line(f"x{n}", draw.randint(-400_000, 800_000), day=draw.randint(0, days)) for n in range(number)]


def run_with(lines: list[Fact], number: int, tag: str = "b", each: int = EACH) -> frozenset[str]:
    return frozenset({f"{tag}{number}", *(f.id for f in lines[number * each : number * each + each])})
