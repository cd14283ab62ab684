"""What leads from one numbered statement to another, against an obvious search of every way; law 2."""

import random
import time
from typing import Any

import pytest

from tieout.intake.overlap import Chains
from tieout.intake.places import StatementPlace

_SAME: dict[str, Any] = {
    "source_id": "bank",
    "entity_id": "",
    "member": None,
    "account_id": "DE1",
    "currency": "EUR",
    "final": True,
    "statement_id": None,
    "page": None,
    "begins": True,
    "ends": True,
    "entries": 1,
    "exponent": 2,
    "created_at": None,
    "structured": True,
    "sequence": 1,
    "sound": True,
}


def place(number: int, day: int, opening: int, closing: int) -> StatementPlace:
    own: dict[str, Any] = {
        "delivery_id": str(number),
        "place": 1,
        "number": str(number),
        "from_day": day,
        "to_day": day,
    }
    return StatementPlace(**_SAME, **own, opening=opening, closing=closing, net=closing - opening)


def leads(places: list[StatementPlace], earlier: StatementPlace, later: StatementPlace) -> bool:
    """Try every way from what one closes with to what the other opens with, past neither's far end."""
    barred = {earlier.opening, later.closing}
    first, last = earlier.to_day or 0, later.to_day or 0
    if first > last or earlier.opening == earlier.closing or later.opening == later.closing:
        return False
    if earlier.closing in barred or later.opening in barred:
        return False
    between = [p for p in places if first <= (p.to_day or 0) <= last and p.opening != p.closing]

    def walk(balance: int | None, been: frozenset[int | None]) -> bool:
        return any(
            p.closing == later.opening or (p.closing not in been and walk(p.closing, been | {p.closing}))
            for p in between
            if p.opening == balance
        )

    return walk(earlier.closing, frozenset({earlier.closing, *barred}))


@pytest.mark.parametrize("seed", range(60))
def test_whatever_leads_from_one_to_another_is_found(seed: int) -> None:
    draw = random.Random(seed)
    places = [
        place(n, draw.randint(1, 3), draw.randint(0, 5), draw.randint(0, 5)) for n in range(1, draw.randint(3, 9))
    ]
    chains = Chains(places)
    for one in places:
        for other in places:
            expected = one.number != other.number and (leads(places, one, other) or leads(places, other, one))
            assert chains.tie(one, other) == expected, (one, other)


def test_many_statements_of_one_day_are_tied_at_once() -> None:
    places = [place(n, 1, 10 * n, 10 * n + 10) for n in range(1, 301)]
    chains = Chains(places)
    began = time.process_time()
    assert all(chains.tie(one, other) for i, one in enumerate(places) for other in places[i + 2 :])
    assert time.process_time() - began < 5  # 16 s when each pair walked the day again
