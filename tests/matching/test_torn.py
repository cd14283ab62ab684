"""Laws 7, 9 and 10: what takes part in an answer that something else tears is given to no weaker one."""

import pytest

from tests.matching.worlds import Fact, invoice, line, world

ONE, TWO, THREE = "RE-2026-1001", "RE-2026-1002", "RE-2026-1003"
BOTH = f"{ONE} {TWO}"
Taken = dict[str, int]


def settled(*facts: Fact, rules: str = "open-items-to-bank") -> dict[str, tuple[Taken, int]]:
    """Say for each match, by what it joins, what it takes of each and what is missing; whatever order facts came in."""
    found = []
    for given in (facts, facts[::-1]):
        with world(rules, *given) as w:
            w.match()
            found.append(
                {
                    ",".join(sorted(m.ids)): ({p[2]: p[3] // 10**7 for p in m.parts}, m.difference // 10**7)
                    for m in w.matches()
                }
            )
    assert found[0] == found[1]
    return found[0]


def why(*facts: Fact) -> dict[str, str]:
    with world("open-items-to-bank", *facts) as w:
        w.match()
        return w.reasons()


def reason_of_difference(*facts: Fact) -> list[str]:
    with world("open-items-to-bank", *facts) as w:
        w.match()
        return [row["reason"] for row in w.rows("adjustments")]


def owed(one: int = 10_000, two: int = 5_000) -> list[Fact]:
    return [invoice(ONE, one), invoice(TWO, two)]


def came(own_id: str, amount: int, day: int, text: str = ONE) -> Fact:
    return line(own_id, amount, text=text, day=day)


@pytest.mark.parametrize(("whole", "day"), [(15_000, 1), (14_900, 1), (15_000, 30)])
def test_a_part_takes_no_document_from_a_line_that_is_the_sum_of_all_it_names(whole: int, day: int) -> None:
    facts = [*owed(), came("b1", 4_000, day), came("b2", whole, 30, BOTH)]
    assert settled(*facts) == {}
    assert why(*facts)["b2"] == why(*facts)[ONE] == "ambiguous"


def test_a_second_line_changes_no_reason_of_a_difference() -> None:
    first = [invoice(ONE, 10_000), came("b1", 9_700, 5)]
    assert reason_of_difference(*first) == ["discount"]
    assert reason_of_difference(*first, came("b2", 6_000, 20)) == ["discount"]
    assert reason_of_difference(*first, came("b2", 6_000, 1)) == []


def test_what_is_missing_may_come_with_a_line_that_names_another_too() -> None:
    assert settled(*owed(), came("b1", 9_000, 3, BOTH), came("b2", 6_000, 4, BOTH)) == {}
    found = settled(*owed(), came("b1", 9_000, 3), came("b2", 6_000, 4, BOTH))
    assert found == {
        f"{ONE},b1": ({ONE: 9_000, "b1": 9_000}, 0),
        f"{ONE},{TWO},b2": ({ONE: 1_000, TWO: 5_000, "b2": 6_000}, 0),
    }


@pytest.mark.parametrize(("first", "second"), [(1, 30), (30, 1), (1, 1)])
def test_a_line_that_may_be_split_is_not_the_whole_of_one(first: int, second: int) -> None:
    """50.00 name one, 100.00 name both: 100.00 are the one, or half of it and all of the other."""
    facts = [*owed(), came("b1", 5_000, first), came("b2", 10_000, second, BOTH)]
    assert settled(*facts) == {}
    assert why(*facts)["b2"] == why(*facts)[ONE] == "ambiguous"


def test_a_line_that_completes_another_sum_is_not_the_whole_of_one() -> None:
    assert settled(*owed(two=6_000), came("b1", 4_000, 1), came("b2", 6_000, 30, BOTH)) == {}
    assert settled(*owed(), came("b1", 10_000, 1), came("b2", 15_000, 30, BOTH)) == {}


def test_a_line_that_names_another_too_is_one_document_where_nothing_else_asks_for_either() -> None:
    facts = [*owed(), came("b1", 10_000, 1, BOTH)]
    assert settled(*facts) == {f"{ONE},b1": ({ONE: 10_000, "b1": 10_000}, 0)}
    assert settled(*facts, came("b2", 5_000, 2, BOTH)).keys() == {f"{ONE},b1", f"{TWO},b2"}
    assert settled(*facts, came("b2", 2_000, 2, TWO)).keys() == {f"{ONE},b1", f"{TWO},b2"}
    assert settled(*facts, came("b2", -50, 2)).keys() == {f"{ONE},b1"}


@pytest.mark.parametrize("later", [500, -50, 3_999])
def test_a_small_later_line_leaves_a_part_and_what_pays_the_rest(later: int) -> None:
    facts = [*owed(), came("b1", 4_000, 1), came("b2", 11_000, 30, BOTH)]
    before = settled(*facts)
    assert before.keys() == {f"{ONE},b1", f"{ONE},{TWO},b2"}
    assert settled(*facts, came("b3", later, 40)) == before


@pytest.mark.parametrize(("amount", "day"), [(4_000, 40), (-4_000, 40), (500, 30), (-50, 2)])
def test_what_could_be_the_part_or_take_it_back_leaves_it_open(amount: int, day: int) -> None:
    facts = [*owed(), came("b1", 4_000, 1), came("b2", 11_000, 30, BOTH)]
    found = settled(*facts, came("b3", amount, day))
    assert all("b1" not in ids for ids in found) or day == 30


@pytest.mark.parametrize("amount", [14_000, 13_900])
def test_a_small_later_line_leaves_a_line_with_all_that_it_names(amount: int) -> None:
    facts = [*owed(two=4_000), came("b1", amount, 1, BOTH)]
    before = settled(*facts)
    assert before.keys() == {f"{ONE},{TWO},b1"}
    assert settled(*facts, came("b2", 500, 40)) == before
    found = settled(*facts, came("b2", 500, 40, f"{ONE} {THREE}"), invoice(THREE, 700))
    assert (before.items() <= found.items()) == (amount == 14_000)  # any part of it may be what is missing


@pytest.mark.parametrize(
    "other",
    [
        came("b2", 500, 1),  # it came as early
        came("b2", 4_000, 40),  # as much as one of them
        came("b2", 3_000, 40, f"{ONE} GU-2026-1006"),  # the sum of what it names, too
    ],
)
def test_what_came_as_early_or_fits_as_well_leaves_a_line_open(other: Fact) -> None:
    note = invoice("GU-2026-1006", -7_000, kind="credit_note")
    assert settled(*owed(two=4_000), note, came("b1", 14_000, 1, BOTH), other) == {}


def test_a_later_line_that_may_be_what_is_missing_leaves_its_reason_open() -> None:
    facts = [*owed(two=4_000), came("b1", 13_900, 1, BOTH), came("b2", 80, 40)]
    assert settled(*facts) == {}
