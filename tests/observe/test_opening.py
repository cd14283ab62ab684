"""A proof around the opening of its account: nothing is known before, and what the ledger opened with is in it already."""

from pathlib import Path

import pytest

from tests.observe.company import TOML, found_company, statement
from tests.observe.small_world import SmallWorld
from tieout.errors import WrongUse
from tieout.observe.proofs.proving import prove

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
    outside, inside = (sum(item.amount for item in side.items) for side in (proof.outside, proof.ledger))
    assert (proof.closing, proof.outside.balance, proof.residual) == (130_000, None, None)  # nobody reports a balance
    assert (130_000 + outside == (proof.ledger.balance or 0) + inside) is (ledger != "900.00")
    assert [item.reference for item in proof.outside.items] == ([] if ledger != "900.00" else ["g0"])


def test_nothing_is_proven_before_the_opening(tmp_path: Path) -> None:
    world = SmallWorld(tmp_path, "book", opening="1000.00")
    world.put("bank", {"number": "k1", "amount": "300.00", "day": "2026-10-05"})
    world.go()
    with pytest.raises(WrongUse, match="expected a day from 2026-09-30 on, with which bank-eur opens, got 2026-09-29"):
        world.proof("bank-eur", "2026-09-29")
    assert world.proof("bank-eur", "2026-09-30").closing == 100_000
    assert world.table("proofs", "2026-09-29") == []


BANK = """
[[account]]
id = "main"
source = "bank"
kind = "bank"
currency = "EUR"
number = "DE89370400440532013000"
opening = { on = "2026-09-30", amount = "AMOUNT" }
"""


@pytest.mark.parametrize(("amount", "days"), [("100.01", 1), ("100.00", 1), ("100.01", 3), ("196.81", 2)])
def test_an_opening_that_the_bank_contradicts_is_told_as_that(tmp_path: Path, amount: str, days: int) -> None:
    """The first statement opens on 1 October, on 3 October there is none of the day before, or one of earlier days."""
    toml = TOML + BANK.replace("AMOUNT", amount).replace("2026-09-30", "2026-10-02" if days == 2 else "2026-09-30")
    company = found_company(tmp_path / "acme", toml)
    first = 3 if days == 3 else 1
    company.bring("bank", "b1.sta", statement(1, first, first + 1, "100,00", "196,80"))
    faults = prove(company.store, company.workspace, "main", None).faults
    company.store.close()
    said = {1: "100.00 EUR at the end of 2026-09-30", 2: "196.80 EUR at the end of 2026-10-02"}
    told = [fault for fault in faults if "opened with" in fault]
    if days == 3 or amount == "100.00":
        assert told == []
    else:
        assert told == [f"bank says that the account had {said[days]}, tieout.toml says that it opened with {amount}: one of the two is wrong"]  # fmt: skip
