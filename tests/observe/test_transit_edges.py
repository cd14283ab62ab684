"""Cash in transit at its edges: what arrives in part before it left, and one line of a bank through two accounts."""

import datetime as dt
from contextlib import closing
from pathlib import Path

import pytest

from tests.observe.small_world import SmallWorld
from tieout.observe.proofs.parts import PartAsked, proof_part

pytestmark = pytest.mark.slow

_SECOND = """
[[source]]
id = "other"
mapping = "mappings/psp.toml"
path = "inbox/other/*.csv"

[[account]]
id = "other-eur"
source = "other"
kind = "platform"
currency = "EUR"
opening = { on = "2026-09-30", amount = "0.00" }

[[reconciliation]]
id = "payouts"
left = { source = ["psp", "other"] }
right = { source = "bank" }
rules = "payout-to-bank"
"""


def _way(name: str, source: str, number: str) -> str:
    return (
        f'[[account]]\nid = "{name}"\nsource = "{source}"\nkind = "in_transit"\ncurrency = "EUR"\n'
        f'ledger_account = "{number}"\nopening = {{ on = "2026-09-30", amount = "0.00" }}\n'
    )


def _ledger(number: str) -> str:
    return (
        f'[[account]]\nid = "gl-{number}"\nsource = "gl"\nkind = "ledger"\nnumber = "{number}"\ncurrency = "EUR"\n'
        'opening = { on = "2026-09-30", amount = "0.00" }\n'
    )


def _payout(world: SmallWorld, number: str, amount: str, day: str, inbox: str = "psp") -> None:
    lines = (
        {"number": f"c{number}", "amount": amount, "batch": number, "day": day},
        {"number": number, "amount": f"-{amount}", "batch": number, "day": day, "kind": "payout"},
    )
    world.put("psp", *lines, inbox=inbox)


def _bank(world: SmallWorld, number: str, amount: str, day: str, text: str) -> None:
    world.put("bank", {"number": number, "amount": amount, "day": day, "text": text})


def _book(world: SmallWorld, *lines: tuple[str, str, str, str]) -> None:
    rows = [
        {"number": f"J{world.files}-{n}", "account": account, "amount": amount, "day": day, "ref": ref}
        for n, (account, amount, day, ref) in enumerate(lines)
    ]
    world.put("gl", *rows)


#: Of 100.00 that left on the 6th, what the bank had when, and what is on its way on the 5th, 6th, 7th and 8th.
_PARTS = [
    ((("60", "05"), ("40", "07")), (-60, 40, 0, 0)),
    ((("60", "05"), ("40", "05")), (-100, 0, 0, 0)),
    ((("60", "06"), ("40", "08")), (0, 40, 40, 0)),
    ((("30", "05"), ("30", "05"), ("40", "08")), (-60, 40, 40, 0)),
]


@pytest.mark.parametrize(("lines", "on_the_way"), _PARTS)
def test_what_arrives_in_part_before_it_left_is_on_its_way_with_a_minus(
    tmp_path: Path, lines: tuple[tuple[str, str], ...], on_the_way: tuple[int, ...]
) -> None:
    world = SmallWorld(tmp_path / "small", "payouts", more=_way("way", "psp", "1460") + _ledger("1460"))
    with closing(world.store):
        _payout(world, "po_S10001", "100", "2026-10-06")
        for place, (part, on) in enumerate(lines):
            _bank(world, f"BK-1000{place}", part, f"2026-10-{on}", f"po_S10001 {place}")
        world.go()
        for day, amount in zip(("05", "06", "07", "08"), on_the_way, strict=True):
            proof = world.proof("way", f"2026-10-{day}")
            listed = [row["outstanding"] for row in world.table("in_transit", f"2026-10-{day}")]
            assert (proof.closing, proof.rolled) == (amount * 100, 0), (day, proof.verdict)
            assert listed == ([f"{amount}.00"] if amount else [])
            assert sum(holding.in_transit for holding in world.cash(f"2026-10-{day}").holdings) == amount * 100


def test_of_two_payouts_in_one_line_the_one_that_left_later_arrived_too_early(tmp_path: Path) -> None:
    world = SmallWorld(tmp_path / "small", "payouts", more=_way("way", "psp", "1460") + _ledger("1460"))
    with closing(world.store):
        _payout(world, "po_A10001", "100", "2026-10-02")
        _payout(world, "po_B10002", "50", "2026-10-06")
        _bank(world, "BK-10006", "150", "2026-10-05", "po_A10001 po_B10002")
        world.go()
        proofs = [world.proof("way", f"2026-10-0{day}") for day in (2, 5, 6)]
        assert [(proof.closing, proof.rolled) for proof in proofs] == [(10000, 0), (-5000, 0), (0, 0)]


def _two_accounts(folder: Path, first: str, second: str) -> SmallWorld:
    """Let two platforms pay out 100.00 and 50.00, each through an account of its own, and both arrive in one line."""
    ledgers = "".join(_ledger(number) for number in sorted({first, second}))
    more = _SECOND + _way("way-1", "psp", first) + _way("way-2", "other", second) + ledgers
    world = SmallWorld(folder / "small", more=more)
    _payout(world, "po_A10001", "100", "2026-10-02")
    _payout(world, "po_B10002", "50", "2026-10-03", inbox="other")
    _bank(world, "BK-10006", "150", "2026-10-06", "po_A10001 po_B10002")
    _book(world, (first, "100", "2026-10-02", "po_A10001"), (second, "50", "2026-10-03", "po_B10002"))
    return world


@pytest.mark.parametrize(
    ("numbers", "booked"),
    [
        (("1460", "1461"), (("1460", "-100", "BK-10006"), ("1461", "-50", "BK-10006"))),
        (
            ("1460", "1460"),
            (("1460", "-150", "BK-10006"),),
        ),  # they share a ledger account, which need not tell them apart
        (("1460", "1460"), (("1460", "-100", "BK-10006"), ("1460", "-50", "BK-10006"))),
        (("1460", "1460"), (("1460", "-100", "po_A10001"), ("1460", "-50", "po_B10002"))),
    ],
)
def test_one_line_of_a_bank_through_two_accounts_is_proven_line_by_line(
    tmp_path: Path, numbers: tuple[str, str], booked: tuple[tuple[str, str, str], ...]
) -> None:
    world = _two_accounts(tmp_path, *numbers)
    with closing(world.store):
        _book(world, *((account, amount, "2026-10-06", ref) for account, amount, ref in booked))
        world.go()
        for day, closings in (("02", (10000, 0)), ("05", (10000, 5000)), ("06", (0, 0))):
            proofs = [world.proof(name, f"2026-10-{day}") for name in ("way-1", "way-2")]
            assert [(p.closing, p.rolled, p.residual) for p in proofs] == [(each, 0, 0) for each in closings]
            assert [(p.proven_by, p.not_compared) for p in proofs] == [("lines", 0)] * 2
            assert [item for p in proofs for side in (p.outside, p.ledger) for item in side.items] == []


def test_a_cent_that_the_ledger_has_otherwise_is_told_of_one_line_through_two_accounts(tmp_path: Path) -> None:
    world = _two_accounts(tmp_path, "1460", "1460")
    with closing(world.store):
        _book(world, ("1460", "-100", "2026-10-06", "BK-10006"), ("1460", "-50.01", "2026-10-06", "BK-10006"))
        world.go()
        proof = world.proof("way-1", "2026-10-06")
        told = sorted(item.amount for side in (proof.outside, proof.ledger) for item in side.items)
        assert (proof.residual, told) == (0, [-15000, -10000, -5001])


def test_one_entry_of_the_ledger_for_two_payouts_that_it_names_is_both(tmp_path: Path) -> None:
    world = SmallWorld(tmp_path / "small", "payouts", more=_way("way", "psp", "1460") + _ledger("1460"))
    with closing(world.store):
        _payout(world, "po_A10001", "100", "2026-10-02")
        _payout(world, "po_B10002", "50", "2026-10-02")
        _payout(world, "po_C10003", "30", "2026-10-03")
        row = {"number": "J1", "account": "1460", "amount": "150", "day": "2026-10-05", "ref": "po_A10001 po_B10002"}
        world.put(
            "gl", row, {"number": "J2", "account": "1460", "amount": "30", "day": "2026-10-03", "ref": "po_C10003"}
        )
        world.go()
        early, late = (world.proof("way", f"2026-10-0{day}") for day in (3, 5))
        assert sorted((i.amount, i.state) for i in early.ledger.items) == [(5000, "timing"), (10000, "timing")]
        assert (late.proven_by, late.closing, late.ledger.balance) == ("lines", 18000, 18000)


def test_a_payout_and_its_return_that_share_its_parent_alone_are_on_no_way(tmp_path: Path) -> None:
    world = SmallWorld(tmp_path / "small", "payouts", more=_way("way", "psp", "1460") + _ledger("1460"))
    with closing(world.store):
        _payout(world, "po_A10001", "100", "2026-10-02")
        _payout(world, "po_B10002", "100", "2026-10-02")
        back = {"number": "txn_900001", "amount": "100", "kind": "payout_reversal", "parent": "po_A10001"}
        world.put("psp", {**back, "day": "2026-10-05"})
        _book(world, *(("1460", "100", "2026-10-02", name) for name in ("po_A10001", "po_B10002")))
        _book(world, ("1460", "-100", "2026-10-05", "po_A10001"))
        _bank(world, "BK-77777", "-77", "2026-11-20", "rent")
        world.go()
        listed = {
            day: [row["external_id"] for row in world.table("in_transit", f"2026-10-{day}")] for day in ("02", "05")
        }
        assert listed == {"02": ["po_A10001", "po_B10002"], "05": ["po_B10002"]}
        reasons = {row["external_id"]: row["reason"] for row in world.table("exceptions")}
        assert reasons.pop("BK-77777") == "missing_left"
        assert reasons == {"po_A10001": "returned", "txn_900001": "returned", "po_B10002": "missing_right"}
        proof = world.proof("way", "2026-10-05")
        assert (proof.closing, proof.rolled, proof.proven_by) == (10000, 0, "lines")


def test_what_was_on_its_way_when_it_opened_stands_beside_what_is_listed(tmp_path: Path) -> None:
    more = (_way("way", "psp", "1460") + _ledger("1460")).replace('amount = "0.00"', 'amount = "70.00"')
    world = SmallWorld(tmp_path / "small", "payouts", more=more)
    with closing(world.store):
        _payout(world, "po_A10001", "100", "2026-10-02")
        _bank(world, "BK-10001", "70", "2026-10-01", "po_Z99999")  # of a payout that is in no file
        _book(world, ("1460", "100", "2026-10-02", "po_A10001"), ("1460", "-70", "2026-10-01", "BK-10001"))
        world.go()
        proof = world.proof("way", "2026-10-02")
        assert (proof.opening, proof.closing, proof.reported, proof.rolled) == (7000, 17000, 17000, 0)
        assert proof.outside.source == "what is on its way, payout by payout, and what it opened with"
        told = [(item.reference, item.amount) for side in (proof.outside, proof.ledger) for item in side.items]
        assert (proof.ledger.balance, proof.residual, told) == (10000, 0, [("J2-1", -7000)])
        for asked in (PartAsked(part="reported"), PartAsked(part="closing")):
            part = proof_part(world.store, world.workspace, "way", asked, dt.date(2026, 10, 2))
            assert part is not None
            assert sum(row.amount for row in part.rows) == part.amount == 17000
            assert "opening that tieout.toml declares" in {row.label for row in part.rows}
