"""A proof around the opening of its account: nothing is known before, and what the ledger opened with is in it already."""

from pathlib import Path

import pytest

from tests.observe.small_world import SmallWorld
from tieout.errors import WrongUse

LEDGER = """
[[account]]
id = "gl-1200"
source = "gl"
kind = "ledger"
currency = "EUR"
number = "1200"
opening = { on = "2026-09-30", amount = "AMOUNT" }
"""


@pytest.mark.parametrize("ledger", [None, "1000.00", "900.00"])
def test_an_entry_of_the_opening_day_is_part_of_the_opening(tmp_path: Path, ledger: str | None) -> None:
    """Where the ledger opened otherwise, what is older and was not found there stays an item."""
    world = SmallWorld(
        tmp_path, "book", opening="1000.00", more="" if ledger is None else LEDGER.replace("AMOUNT", ledger)
    )
    account = "1200"
    world.put("bank", {"number": "k1", "amount": "300.00", "day": "2026-10-05"})
    world.put(
        "gl",
        {"number": "g0", "amount": "1000.00", "day": "2026-09-30", "account": account, "ref": "Saldovortrag"},
        {"number": "g1", "amount": "300.00", "day": "2026-10-05", "account": account, "ref": "k1"},
    )
    world.go()
    assert "g0" in {row["external_id"] for row in world.table("exceptions")}
    proof = world.proof("bank-eur")
    assert (proof.residual == 0) is (ledger != "900.00")
    assert [item.reference for item in proof.outside.items] == ([] if ledger != "900.00" else ["g0"])


def test_nothing_is_proven_before_the_opening(tmp_path: Path) -> None:
    world = SmallWorld(tmp_path, "book", opening="1000.00")
    world.put("bank", {"number": "k1", "amount": "300.00", "day": "2026-10-05"})
    world.go()
    with pytest.raises(WrongUse, match="expected a day from 2026-09-30 on, with which bank-eur opens, got 2026-09-29"):
        world.proof("bank-eur", "2026-09-29")
    assert world.proof("bank-eur", "2026-09-30").closing == 100_000
    assert world.table("proofs", "2026-09-29") == []
