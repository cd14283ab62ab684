"""Cash in transit as an account: what left, what arrived, what is listed, and what the ledger has of it."""

import datetime as dt
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from tests.matching.worlds import Fact, line
from tests.matching.worlds import world as in_memory
from tests.observe.small_world import SmallWorld
from tieout import pipeline
from tieout.accounting.reading import read_postings
from tieout.config import load_workspace
from tieout.model.kinds import THROUGH_TRANSIT
from tieout.observe.proofs.proof import AccountProof
from tieout.observe.proofs.proving import prove

pytestmark = pytest.mark.slow

_TRANSIT = """
[[account]]
id = "way-eur"
kind = "in_transit"
currency = "EUR"
ledger_account = "1460"
opening = { on = "2026-09-30", amount = "0.00" }

[[account]]
id = "gl-1460"
source = "gl"
kind = "ledger"
number = "1460"
currency = "EUR"
opening = { on = "2026-09-30", amount = "0.00" }
"""


def _line(number: str, amount: str, batch: str, day: str = "2026-10-01", **more: str) -> dict[str, str]:
    return {"number": number, "amount": amount, "batch": batch, "day": day, **more}


def _payout(world: SmallWorld, number: str, amount: str, day: str) -> None:
    world.put("psp", _line(f"c{number}", amount, number, day), _line(number, f"-{amount}", number, day, kind="payout"))


def _bank(world: SmallWorld, number: str, amount: str, day: str, text: str) -> None:
    world.put("bank", {"number": number, "amount": amount, "day": day, "text": text})


def _ledger(world: SmallWorld, *lines: tuple[str, str, str]) -> None:
    """Book lines on the account of cash in transit: amount, day, what it names."""
    rows = [
        {"number": f"J{world.files}-{n}", "account": "1460", "amount": amount, "day": day, "ref": ref}
        for n, (amount, day, ref) in enumerate(lines)
    ]
    world.put("gl", *rows)


def _one_line(world: SmallWorld) -> None:
    _payout(world, "po_A10001", "100", "2026-10-02")
    _payout(world, "po_B10002", "50", "2026-10-03")
    _bank(world, "BK-10006", "150", "2026-10-06", "po_A10001 po_B10002")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SmallWorld]:
    """Give a small world with an account of cash in transit."""
    made = SmallWorld(tmp_path / "small", "payouts", more=_TRANSIT)
    with closing(made.store):
        yield made


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallWorld]:
    """Give one through which money has passed in every way, whose ledger has booked nothing of it."""
    made = SmallWorld(tmp_path_factory.mktemp("moved") / "small", "payouts", more=_TRANSIT)
    with closing(made.store):
        _left(made)
        made.go(journal=True)
        yield made


@pytest.fixture(scope="module")
def booked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallWorld]:
    """Give one whose ledger has booked some of it: on its day, days later, with another amount, or not at all."""
    made = SmallWorld(tmp_path_factory.mktemp("booked") / "small", "payouts", more=_TRANSIT)
    with closing(made.store):
        _one_line(made)
        _payout(made, "po_C10003", "30", "2026-10-07")
        _payout(made, "po_D10004", "20", "2026-10-08")
        _ledger(
            made,
            ("100", "2026-10-02", "po_A10001"),
            ("50", "2026-10-03", "po_B10002"),
            ("-150", "2026-10-09", "BK-10006"),
            ("29", "2026-10-07", "po_C10003"),
        )
        made.go()
        yield made


def _left(world: SmallWorld) -> None:
    """Let money pass through in every way there is, each in days of its own."""
    _payout(world, "po_S10001", "300", "2026-10-02")  # arrives in two lines
    _bank(world, "BK-10004", "200", "2026-10-03", "po_S10001 1/2")
    _bank(world, "BK-10005", "100", "2026-10-05", "po_S10001 2/2")
    _payout(world, "po_A10001", "100", "2026-10-06")  # two arrive in one line
    _payout(world, "po_B10002", "50", "2026-10-07")
    _bank(world, "BK-10006", "150", "2026-10-08", "po_A10001 po_B10002")
    _payout(world, "po_R10001", "80", "2026-10-09")  # comes back
    world.put("psp", _line("po_R10001R", "80", "po_R10001", "2026-10-11", kind="payout_reversal"))
    world.put("psp", _line("TU-30001", "50", "", "2026-10-14", kind="top_up"))  # sent to the platform
    _bank(world, "BK-10007", "-50", "2026-10-12", "TU-30001")
    _payout(world, "po_E10001", "60", "2026-10-16")  # arrives before it left
    _bank(world, "BK-10008", "60", "2026-10-15", "po_E10001")
    world.put("psp", _line("c70", "70", "BT-00001", "2026-10-18"))  # is carried over
    world.put("psp", _line("bt_00001", "-70", "BT-00001", "2026-10-18", kind="balance_transfer"))


_ON_ITS_WAY = {2: 300, 3: 100, 5: 0, 7: 150, 8: 0, 9: 80, 11: 0, 12: 50, 14: 0, 15: -60, 16: 0, 18: 70}


def test_what_left_less_what_arrived_is_what_is_listed_and_what_the_books_have(moved: SmallWorld) -> None:
    world = moved
    found: dict[int, int] = {}
    for day in _ON_ITS_WAY:
        proof = world.proof("way-eur", f"2026-10-{day:02}")
        assert (proof.rolled, proof.reported) == (0, proof.closing), (day, proof.verdict)
        found[day] = (proof.closing or 0) // 100
    assert found == _ON_ITS_WAY
    assert world.books()["1460"] == 70
    for on in ("2026-10-03", "2026-10-15"):
        listed = sum(Decimal(r["outstanding"]) for r in world.table("in_transit", on) if r["kind"] != "settlement")
        held = sum(h.in_transit for h in world.cash(on).holdings)
        assert listed * 100 == held == world.proof("way-eur", on).closing
        assert "way-eur" not in {holding.account_id for holding in world.cash(on).holdings}


def _told(proof: AccountProof) -> list[tuple[str, str, str | None, int]]:
    sides = (("outside", proof.outside), ("ledger", proof.ledger))
    return [(where, item.label, item.reference, item.amount) for where, side in sides for item in side.items]


def test_it_closes_to_zero_where_the_ledger_has_booked_all(booked: SmallWorld) -> None:
    proof = booked.proof("way-eur", "2026-10-03")
    assert (proof.outside.balance, proof.ledger.balance, proof.residual, _told(proof)) == (15000, 15000, 0, [])
    assert (proof.is_proven, proof.proven_by) == (True, "lines")
    assert proof.verdict == "Proven: it closes, and every line that separates the two sides is named"


def test_what_the_ledger_has_not_booked_or_otherwise_is_an_item_by_name(booked: SmallWorld) -> None:
    proof = booked.proof("way-eur", "2026-10-08")
    assert (proof.outside.balance, proof.ledger.balance, proof.residual) == (5000, 17900, 0)
    assert _told(proof) == [
        ("outside", "in the ledger, not outside", "J5-3", 2900),
        ("ledger", "on its way, not in the ledger", "po_C10003", 3000),
        ("ledger", "on its way, not in the ledger", "po_D10004", 2000),
        ("ledger", "in the ledger on 09 Oct 2026", "BK-10006", -15000),
    ]
    assert all(item.match_id is None for item in proof.ledger.items)
    assert (proof.compared, proof.not_compared) == (8, 0)


def test_lines_that_name_nothing_are_not_compared_and_prove_by_their_sums(world: SmallWorld) -> None:
    _one_line(world)
    _ledger(world, ("150", "2026-10-31", "payouts"), ("-150", "2026-10-31", "bank"))
    world.go()
    proof = world.proof("way-eur", "2026-10-31")
    assert (proof.residual, proof.not_compared, proof.proven_by) == (0, 5, "sums")


def test_a_ledger_that_says_nothing_does_not_prove_it(moved: SmallWorld) -> None:
    proof = moved.proof("way-eur", "2026-10-02")
    assert (proof.is_proven, proof.rolled, proof.reported) == (False, 0, 30000)
    assert proof.verdict.startswith(
        "Proven by what is on its way, payout by payout; the balance of ledger account 1460 differs by -300.00 EUR; not"
        " proven by the ledger: 1 line is not compared with the other side, 0 are"
    )


def test_a_match_that_is_taken_back_is_on_its_way_again_and_was_not_as_known_then(world: SmallWorld) -> None:
    _payout(world, "po_A10001", "100", "2026-10-02")
    _bank(world, "BK-10006", "100", "2026-10-06", "po_A10001")
    world.go()
    before = world.clock.now()
    match = next(row["match_id"] for row in world.table("matches") if row["claim"] == "bank")
    assert world.proof("way-eur").closing == 0
    world.clock.advance(dt.timedelta(hours=1))
    pipeline.undo(world.store, world.workspace, match, "it was another one")
    again = world.proof("way-eur", "2026-10-06")
    assert (again.closing, again.rolled) == (10000, 0)
    then = prove(world.store, world.workspace, "way-eur", dt.date(2026, 10, 6), before)
    assert (then.closing, then.rolled) == (0, 0)


def test_what_is_paid_out_in_another_currency_leaves_its_own_when_the_bank_has_it() -> None:
    paid = Fact(source="a", id="po_J1001", amount=-160_000, kind="payout", currency="JPY", day=1)
    with in_memory("payout-to-bank", paid, line("B2", 99_050, text="PSP po_J1001", day=3)) as w:
        (w.folder / "rates").mkdir()
        (w.folder / "rates" / "r.csv").write_text("date,base,quote,rate\n2026-10-01,EUR,JPY,160\n")
        w.match()
        told = w.folder / "tieout.toml"
        way = '[[account]]\nid = "way"\nentity = "acme"\nkind = "in_transit"\ncurrency = "JPY"\nopening = { on = "2026-09-30", amount = "0" }\n'
        told.write_text(told.read_text() + way)
        place = load_workspace(w.folder)
        proofs = [prove(w.store, place, "way", dt.date(2026, 10, day)) for day in (2, 3, 4)]
    assert [(p.currency, p.exponent, p.closing, p.rolled) for p in proofs] == [
        ("JPY", 0, 160_000, 0), ("JPY", 0, 160_000, 0), ("JPY", 0, 0, 0)
    ]  # fmt: skip


def test_the_postings_that_ship_put_through_it_what_the_proof_does(world: SmallWorld) -> None:
    read = read_postings({}, world.workspace)
    kinds: set[str] = set()
    for posting in read.postings:
        if "cash_in_transit" in {line.account for line in posting.lines}:
            kinds |= set(posting.when["kind"])
    assert kinds - {"bank_entry", "bank_detail"} == set(THROUGH_TRANSIT)
