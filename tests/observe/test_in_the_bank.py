"""What the overview says is in the bank is what came there, whatever lines, payouts and banks say of each other."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.observe.small_world import SmallWorld
from tieout.observe.money.flow import MADE_OF, lines, money
from tieout.observe.scope import Scope

pytestmark = pytest.mark.slow
EUR = Scope(currency="EUR")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SmallWorld]:
    """Give a small world of payouts."""
    made = SmallWorld(tmp_path / "small", "payouts")
    with closing(made.store):
        yield made


def _put(world: SmallWorld, charged: int, batch: str, paid: int, payout: str, came: int, name: str = "") -> None:
    name = name or payout
    world.put("psp", {"number": f"c{payout}", "amount": str(charged), "batch": batch})
    world.put("psp", {"number": payout, "amount": str(-paid), "batch": name, "kind": "payout", "day": "2026-10-02"})
    if came:
        world.put("bank", {"number": f"b{payout}", "amount": str(came), "text": name, "day": "2026-10-05"})


def _parts(world: SmallWorld) -> dict[str, int]:
    """Give what is not nothing, after every figure was held against the lines that it opens."""
    flow, _, _ = money(world.store, EUR)
    assert flow.residual == 0
    figures = {**flow.parts, "charged": flow.charged, "books": flow.books}
    for name in MADE_OF:
        found = lines(world.store, EUR, name)
        assert found.total.amount == sum(row.amount for row in found.rows) == figures[name].amount
    return {name: part.amount // 100 for name, part in flow.parts.items() if part.amount}


@pytest.mark.parametrize(("paid", "apart"), [(90, 10), (110, -10)])
def test_what_lines_say_and_the_payout_did_not_pay_is_unexplained(world: SmallWorld, paid: int, apart: int) -> None:
    _put(world, 100, "PAYOUT-1001", paid, "PAYOUT-1001", paid)
    _put(world, 50, "PAYOUT-1002", 50, "PAYOUT-1002", 0)
    world.go()
    assert _parts(world) == {"bank": paid, "unexplained": apart, "on_its_way": 50}
    world.put("bank", {"number": "b9", "amount": "1", "text": "x", "day": "2026-11-05"})
    world.go()
    assert _parts(world) == {"bank": paid, "unexplained": apart + 50}


@pytest.mark.parametrize("batch", ["PAYOUT-2001", ""])
def test_a_payout_that_names_no_lines_brings_its_money_to_the_bank(world: SmallWorld, batch: str) -> None:
    world.put("psp", {"number": "c1", "amount": "200"})
    world.put("psp", {"number": "PAYOUT-2001", "amount": "-120", "kind": "payout", "batch": batch})
    world.put("bank", {"number": "b1", "amount": "120", "text": "PAYOUT-2001", "day": "2026-10-05"})
    world.go()
    assert _parts(world) == {"bank": 120, "on_its_way": 80}
    flow, _, _ = money(world.store, EUR)
    assert flow.parts["bank"].count == 1


def test_of_a_payout_in_parts_what_has_come_is_in_the_bank(world: SmallWorld) -> None:
    _put(world, 300, "po_S10001", 300, "po_S10001", 0)
    parts = (("k4", "200", "po_S10001 1/2", "2026-10-05"), ("k5", "100", "po_S10001 2/2", "2026-10-06"))
    world.put("bank", *({"number": n, "amount": a, "text": t, "day": d} for n, a, t, d in parts))
    world.go()
    assert _parts(world) == {"bank": 300}


def test_what_the_bank_kept_is_a_cost(world: SmallWorld) -> None:
    _put(world, 150, "po_R10001", 150, "po_R10001", 0)
    world.put("bank", {"number": "k1", "amount": "149", "text": "PSP", "day": "2026-10-20"})
    world.go()
    world.match_by_hand("k1", "po_R10001", difference="bank_charge")
    assert _parts(world) == {"bank": 149, "fees": 1}
