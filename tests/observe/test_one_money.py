"""Money stands in one place: the books, the proofs, the list of what is on its way and the cash position agree."""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from tests.observe.slow_proof import effect
from tests.observe.small_world import SmallWorld
from tests.observe.traded import founded, opened
from tieout import pipeline
from tieout.observe.proofs.proving import prove_all

pytestmark = pytest.mark.slow


def _line(number: str, amount: str, batch: str, day: str = "2026-10-01", **more: str) -> dict[str, str]:
    return {"number": number, "amount": amount, "batch": batch, "day": day, **more}


def _without_payouts(world: SmallWorld) -> None:
    world.put(
        "psp",
        _line("ch_1001", "100", "ST-20001", fee="2"),
        _line("ch_1002", "60", "ST-20001"),
        _line("ch_1003", "40", "ST-20002", "2026-10-04"),
    )
    world.put("bank", {"number": "k1", "amount": "158", "text": "PSP ST-20001", "day": "2026-10-03"})


def _carried_over(world: SmallWorld) -> None:
    world.put(
        "psp",
        _line("ch_00001", "70", "BT-00001", "2026-10-05"),
        _line("bt_00001", "-70", "BT-00001", "2026-10-05", kind="balance_transfer"),
    )


def _carried_over_and_back(world: SmallWorld) -> None:
    _carried_over(world)
    world.put(
        "psp",
        _line("bt_00002", "70", "BT-00002", "2026-10-08", kind="balance_transfer"),
        _line("po_00002", "-70", "BT-00002", "2026-10-09", kind="payout"),
    )


def _split(world: SmallWorld) -> None:
    world.put(
        "psp", _line("ch_1", "300", "po_S10001"), _line("po_S10001", "-300", "po_S10001", "2026-10-02", kind="payout")
    )
    parts = (("k4", "200", "po_S10001 1/2", "2026-10-05"), ("k5", "100", "po_S10001 2/2", "2026-10-15"))
    world.put("bank", *({"number": n, "amount": a, "text": t, "day": d} for n, a, t, d in parts))


_WORLDS: dict[str, tuple[Callable[[SmallWorld], None], dict[str, str]]] = {
    "without payouts": (_without_payouts, {"psp-eur": "40", "transit": "0", "bank-eur": "158"}),
    "carried over": (_carried_over, {"psp-eur": "0", "transit": "70", "bank-eur": "0"}),
    "carried over and back": (_carried_over_and_back, {"psp-eur": "0", "transit": "70", "bank-eur": "0"}),
    "split": (_split, {"psp-eur": "0", "transit": "0", "bank-eur": "300"}),
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SmallWorld]:
    """Give a small world of payouts."""
    made = SmallWorld(tmp_path / "small", "payouts")
    with closing(made.store):
        yield made


@pytest.mark.parametrize("name", _WORLDS)
def test_money_stands_in_one_place(world: SmallWorld, name: str) -> None:
    fill, expected = _WORLDS[name]
    fill(world)
    world.go(journal=True)
    books, held = world.books(), {h.account_id: h for h in world.cash().holdings}
    way = sum(Decimal(r["outstanding"]) for r in world.table("in_transit") if r["kind"] != "settlement")
    told = {"psp-eur": world.proof("psp-eur").closing, "transit": sum(h.in_transit for h in held.values())}
    shown = {name: Decimal(amount or 0) / 100 for name, amount in told.items()}
    assert shown == {name: Decimal(expected[name]) for name in ("psp-eur", "transit")}
    assert Decimal(held["psp-eur"].balance or 0) / 100 == shown["psp-eur"] == books.get("1361", 0)
    assert way == shown["transit"] == books.get("1460", 0)
    assert books.get("1200", 0) == Decimal(expected["bank-eur"])
    total = sum((h.balance or 0) + h.in_transit for h in held.values() if h.account_id == "psp-eur")
    assert Decimal(total) / 100 == books.get("1361", 0) + books.get("1460", 0)


def test_what_has_no_reported_payout_is_looked_for_and_stays_in_the_balance(world: SmallWorld) -> None:
    _without_payouts(world)
    world.go()
    listed = [(r["settlement_id"], r["kind"], r["state"], r["outstanding"]) for r in world.table("in_transit")]
    assert listed == [("ST-20002", "settlement", "expected", "40.00")]
    proof = world.proof("psp-eur")
    assert [(m.kind, m.amount) for m in proof.movements] == [
        ("arrived at the bank", -15800),
        ("charge", 20000),
        ("fees kept back", -200),
    ]
    assert (proof.rolled, proof.reported, proof.since) == (0, 0, 4000)
    assert world.proof("psp-eur", "2026-10-02").closing == 15800


def test_a_payout_reported_after_its_lines_were_matched_by_hand_has_arrived(world: SmallWorld) -> None:
    """Whatever is said of it, the money is counted once."""
    world.put("psp", _line("ch_00001", "100", "po_R10001"), _line("ch_00002", "50", "po_R10001"))
    world.put("bank", {"number": "k1", "amount": "149", "text": "PSP", "day": "2026-10-20"})
    world.go()
    world.match_by_hand("k1", "ch_00001", "ch_00002", difference="bank_charge")
    assert world.proof("psp-eur").closing == 0
    world.put("psp", _line("po_R10001", "-150", "po_R10001", "2026-10-02", kind="payout"))
    world.go(journal=True)
    assert world.proof("psp-eur").closing == 0
    books = world.books()
    assert {name: books.get(name, 0) for name in ("1361", "1460", "1200")} == {"1361": 0, "1460": 0, "1200": 149}
    assert world.table("in_transit") == []
    assert [(r["outstanding"], r["arrives_on"]) for r in world.table("in_transit", "2026-10-10")] == [("150.00", None)]
    assert [h.total for h in world.cash().holdings if h.account_id == "psp-eur"] == [0]


def test_on_the_day_that_it_is_expected_a_payout_is_not_late(world: SmallWorld) -> None:
    """For the list of what is on its way and for the run alike."""
    world.put("psp", _line("po_Z10001", "-1000", "po_Z10001", "2026-10-02", kind="payout"))
    for day, states in (("2026-10-09", ["in_transit"]), ("2026-10-10", ["late", "missing_right"])):
        world.put("bank", {"number": day, "amount": "5", "text": "x", "day": day})
        world.go()
        told = [row["state"] for row in world.table("in_transit")]
        told += [row["reason"] for row in world.table("exceptions") if row["external_id"] == "po_Z10001"]
        assert told == states


@pytest.mark.deep
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", [3, 11, 2026])
def test_the_books_of_a_company_agree_with_its_proofs_and_with_what_is_on_its_way(tmp_path: Path, seed: int) -> None:
    made = founded(tmp_path / "group", seed)
    made.store.close()
    told = tmp_path / "group" / "tieout.toml"
    told.write_text(told.read_text().replace('payout = "erp"', 'payout = "tieout"'))
    made = opened(tmp_path / "group")
    with closing(made.store):
        assert not [o for o in pipeline.ingest(made.store, made.workspace) if isinstance(o, Exception)]
        for stage in (pipeline.match, pipeline.journal):
            made.clock.advance(dt.timedelta(hours=1))
            done = stage(made.store, made.workspace)
            assert done is not None
            assert not isinstance(done, Iterator) or list(done)
        books: defaultdict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
        for row in made.table("trial_balance"):
            books[row["entity"], row["account"], row["currency"]] += Decimal(row["balance"])
        booked = {name for row in made.table("journals") for name in row["record_ids"]}
        waiting: defaultdict[str, Decimal] = defaultdict(Decimal)
        for row in made.table("records"):
            if row["record_id"] not in booked and row["kind"] not in {"bank_entry", "bank_detail", "journal_line"}:
                waiting[row["account_id"]] += effect(row) if row["status"] == "booked" else 0  # `journal` says why
        way: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for row in made.table("in_transit"):
            way[row["entity"], row["currency"]] += Decimal(row["outstanding"])
        platforms = [p for p in prove_all(made.store, made.workspace) if p.kind == "platform"]
        assert platforms
        for proof in platforms:
            assert proof.closing is not None
            moved = Decimal(proof.closing - (proof.opening or 0)).scaleb(-proof.exponent)
            moved -= waiting[proof.account_id]
            assert books[proof.entity_id or "", proof.ledger_account or "", proof.currency] == moved, proof.account_id
            key = proof.entity_id or "", proof.currency
            transit = "1460" if key[0].endswith("-de") else "10900"
            assert books[key[0], transit, key[1]] == way[key], key
