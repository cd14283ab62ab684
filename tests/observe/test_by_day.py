"""A figure of a day that is past stays what it was, whatever comes later."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.depth import examples
from tests.observe.small_world import SmallWorld

pytestmark = pytest.mark.slow


def _paid(number: str, amount: str, text: str, day: str, who: str = "Oster") -> Mapping[str, str]:
    return {"number": number, "amount": amount, "text": text, "day": day, "who": who}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SmallWorld]:
    """Give a small world that receives open items and payouts at a bank."""
    made = SmallWorld(tmp_path / "small", "items", "payouts")
    with closing(made.store):
        yield made


def _figures(world: SmallWorld, day: str) -> object:
    items = [(r["external_id"], r["paid"], r["open"]) for r in world.table("open_items", day)]
    moving = [(r["settlement_id"], r["amount"], r["outstanding"]) for r in world.table("in_transit", day)]
    held = [(h.account_id, h.balance, h.reserve, h.in_transit) for h in world.cash(day).holdings]
    proven = [(r["account"], r["closing"], r["residual"]) for r in world.table("proofs", day)]
    return items, moving, held, proven


def test_a_later_part_of_a_payment_leaves_an_earlier_day_as_it_was(world: SmallWorld) -> None:
    world.put("erp", {"number": "RE-3001", "amount": "1000", "day": "2026-09-25", "who": "Oster"})
    world.put("psp", {"number": "po_S10001", "amount": "-300", "kind": "payout", "day": "2026-10-02"})
    world.put("bank", _paid("k3", "600", "RE-3001 Teil 1", "2026-10-03"))
    world.go()
    before = _figures(world, "2026-10-10")
    assert before[:2] == ([("RE-3001", "600.00", "400.00")], [("po_S10001", "300.00", "300.00")])  # type: ignore[index]  # rows of JSON
    world.put("bank", _paid("k8", "400", "RE-3001 Teil 2", "2026-10-15"), _paid("k5", "300", "po_S10001", "2026-10-15"))
    world.go()
    assert _figures(world, "2026-10-10") == before
    assert world.table("open_items") == world.table("in_transit") == []


def test_what_had_arrived_of_a_payout_by_a_day_is_on_its_way_no_more(world: SmallWorld) -> None:
    """By the books as well: the first line of the bank is booked on its own day."""
    world.put("psp", {"number": "po_S10001", "amount": "-300", "kind": "payout", "day": "2026-10-02"})
    parts = [("k4", "200", "po_S10001 1/2", "2026-10-05"), ("k5", "100", "po_S10001 2/2", "2026-10-15")]
    world.put("bank", *(_paid(*part) for part in parts))
    world.go()
    told = {day: world.table("in_transit", day) for day in ("2026-10-04", "2026-10-10", "2026-10-15")}
    assert [[(r["outstanding"], r["arrives_on"]) for r in rows] for rows in told.values()] == [
        [("300.00", "2026-10-15")],
        [("100.00", "2026-10-15")],
        [],
    ]


_PART = st.tuples(st.integers(1, 16), st.integers(1, 28))  # together never more than what is owed


@pytest.mark.deep
@pytest.mark.timeout(1200)
@settings(max_examples=examples(5), deadline=None)
@given(first=st.lists(_PART, max_size=3), later=st.lists(_PART, max_size=3), cut=st.integers(1, 27))
def test_later_days_never_change_earlier_ones(
    tmp_path_factory: pytest.TempPathFactory, first: list[tuple[int, int]], later: list[tuple[int, int]], cut: int
) -> None:
    made = SmallWorld(tmp_path_factory.mktemp("days") / "small", "items", "payouts")
    with closing(made.store) as _:
        made.put(
            "erp",
            *(
                {"number": f"RE-{n}", "amount": "100", "day": f"2026-10-{cut - n % cut:02}", "who": "Oster"}
                for n in (3001, 3002)
            ),
        )
        made.put(
            "psp",
            *(
                {"number": f"po_S1000{n}", "amount": f"-{n * 10}", "kind": "payout", "day": "2026-10-01"}
                for n in (1, 2)
            ),
        )
        early = [(n, amount, min(day, cut)) for n, (amount, day) in enumerate(first)]
        late = [(n + 10, amount, max(day, cut + 1)) for n, (amount, day) in enumerate(later)]
        lines = [
            _paid(f"k{n}", str(amount), f"RE-300{1 + n % 2} Teil {n}", f"2026-10-{day:02}") for n, amount, day in early
        ]
        made.put("bank", _paid("o", "10", "po_S10001", f"2026-10-{cut:02}", "Platform"), *lines)
        made.go()
        before = _figures(made, f"2026-10-{cut:02}")
        lines = [
            _paid(f"k{n}", str(amount), f"RE-300{1 + n % 2} Teil {n}", f"2026-10-{day:02}") for n, amount, day in late
        ]
        made.put("bank", _paid("p", "20", "po_S10002", f"2026-10-{cut + 1:02}", "Platform"), *lines)
        made.go()
        assert _figures(made, f"2026-10-{cut:02}") == before
