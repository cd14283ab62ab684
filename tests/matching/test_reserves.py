"""What a platform holds in reserve is settled once all of it is released, in whatever parts."""

from typing import Any

import pytest

from tests.matching.worlds import Fact, World, invoice, world

RULE = "held back, and released to the last part"


def reserve(name: str, amount: int, day: int, **more: Any) -> Fact:
    kind = "reserve_hold" if amount < 0 else "reserve_release"
    return invoice(name, amount, kind=kind, settlement=f"S{day}", day=day, **more)


def released(w: World) -> set[frozenset[str]]:
    w.match()
    return {match.ids for match in w.matches() if match.rule == RULE}


HELD = reserve("h", -6_000, 1)


def test_a_reserve_that_is_released_in_parts_is_settled_by_the_last_of_them() -> None:
    with world("payout-to-bank", HELD, reserve("r1", 2_500, 10)) as w:
        assert released(w) == set()
        w.add(reserve("r2", 3_500, 20))
        assert released(w) == {frozenset({"h", "r1", "r2"})}
        w.add(reserve("h2", -1_000, 30))  # what is held since then stays open
        assert released(w) == {frozenset({"h", "r1", "r2"})}


@pytest.mark.parametrize(
    "facts",
    [
        (HELD, reserve("r1", 2_500, 10), reserve("r2", 3_499, 20)),  # a cent is held yet
        (reserve("r1", 2_500, 0), HELD, reserve("r2", 3_500, 20)),  # released before it was held: of something else
        (HELD, reserve("r1", 2_500, 10), reserve("r2", 3_500, 20, currency="USD")),
    ],
)
def test_what_is_held_yet_stays_open(facts: tuple[Fact, ...]) -> None:
    with world("payout-to-bank", *facts) as w:
        assert released(w) == set()


def test_a_release_of_the_same_amount_is_that_holds() -> None:
    facts = reserve("h2", -2_500, 2), reserve("r", 2_500, 5), reserve("r1", 3_000, 10), reserve("r2", 3_000, 12)
    with world("payout-to-bank", HELD, *facts) as w:
        assert released(w) == {frozenset({"h", "r1", "r2"})}
        assert frozenset({"h2", "r"}) in w.together()


def test_equal_holds_and_releases_are_settled_together() -> None:
    with world("payout-to-bank", HELD, reserve("h2", -6_000, 2), reserve("r1", 6_000, 9), reserve("r2", 6_000, 9)) as w:
        assert released(w) == {frozenset({"h", "h2", "r1", "r2"})}
