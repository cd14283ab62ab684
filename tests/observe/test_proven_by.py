"""What proves a platform's account: line by line, by the sums of months, or its own balance alone."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.observe.small_world import SmallWorld

_LEDGER = """
[[account]]
id = "gl-1361"
source = "gl"
kind = "ledger"
number = "1361"
currency = "EUR"
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SmallWorld]:
    """Give a platform that pays out twice in two months, and a ledger."""
    made = SmallWorld(tmp_path / "small", "payouts", more=_LEDGER)
    for month in ("10", "11"):
        made.put(
            "psp",
            {"number": f"ch_{month}", "amount": "120", "day": f"2026-{month}-03", "batch": f"po_{month}", "fee": "2"},
            {"number": f"po_{month}", "amount": "-118", "kind": "payout", "day": f"2026-{month}-04", "batch": f"po_{month}"},
        )  # fmt: skip
    made.put("psp", {"number": "ch_last", "amount": "50", "day": "2026-11-20"})
    with closing(made.store):
        yield made


def _book(world: SmallWorld, *summaries: tuple[str, str]) -> None:
    lines = [{"number": f"J{n}", "amount": a, "day": d, "account": "1361"} for n, (a, d) in enumerate(summaries)]
    world.put("gl", *lines)
    world.go()


def test_summary_journals_prove_by_the_sums_of_months(world: SmallWorld) -> None:
    _book(world, ("118", "2026-10-31"), ("-118", "2026-10-31"), ("168", "2026-11-28"), ("-118", "2026-11-28"))
    proof = world.proof("psp-eur")
    assert (proof.proven_by, proof.is_proven, proof.lacking) == ("sums", True, None)
    assert "the same sum on both sides in every month" in proof.verdict


@pytest.mark.parametrize(
    ("summaries", "ledger"),
    [
        # The balances agree in the end, but not in every month; they do not; a month is not booked at all.
        ([("10", "2026-10-31"), ("40", "2026-11-28")], "is the same"),
        ([("236", "2026-11-28")], "differs by 186.00 EUR"),
        ([("50", "2026-11-28")], "is the same"),
    ],
)
def test_otherwise_only_its_own_balance_proves_it(
    world: SmallWorld, summaries: list[tuple[str, str]], ledger: str
) -> None:
    _book(world, *summaries)
    proof = world.proof("psp-eur")
    assert (proof.closes, proof.residual, proof.proven_by, proof.is_proven) == (True, 0, "own balance", False)
    told = (
        f"Proven by the platform's own balance; the balance of ledger account 1361 {ledger}; not proven by the ledger: "
    )
    assert proof.verdict.startswith(told)
