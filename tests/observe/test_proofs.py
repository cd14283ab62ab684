"""Proofs: they agree with a slow derivation and with the truth, name what was planted, and do not close over a lie."""

import datetime as dt
import json
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from tests.observe.slow_proof import slow_proof
from tests.observe.traded import DAYS, START, Traded, amount, founded, opened
from tieout import pipeline
from tieout.errors import WrongUse
from tieout.model.money import exponent_of
from tieout.observe.proofs.proof import AccountProof
from tieout.observe.proofs.proving import prove, prove_all
from tieout.simulation.company import make_company

pytestmark = pytest.mark.slow
LAST = dt.date(2026, 11, 1)


def decimal(proof: AccountProof, minor: int | None) -> Decimal:
    assert minor is not None
    return Decimal(minor).scaleb(-proof.exponent)


def test_proofs_agree_with_a_slow_derivation(group: Traded) -> None:
    records, balances, matches = (group.table(name) for name in ("records", "balances", "matches"))
    accounts = {account.id: account for account in group.workspace.accounts}
    for as_of in DAYS:
        items: defaultdict[str, defaultdict[tuple[str, str], Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        for row in group.table("proof_items", as_of):
            items[row["account"]][row["side"], row["record_id"] or row["match_id"]] += amount(row["amount"])
        proofs = prove_all(group.store, group.workspace, as_of)
        assert len(proofs) == 13
        for proof in proofs:
            account = accounts[proof.account_id]
            if account.kind == "in_transit":  # of no record of its own: held against the truth below
                continue
            ledger = accounts[f"gl-{account.ledger_account}"]
            slow = slow_proof(records, balances, matches, account, ledger, as_of or LAST)
            assert decimal(proof, proof.closing) == slow.closing
            assert decimal(proof, proof.carried) == slow.carried
            assert decimal(proof, proof.ledger.balance) == slow.ledger
            assert dict(items[account.id]) == slow.items
            if slow.reported is not None:
                assert (decimal(proof, proof.reported), proof.reported_on) == (slow.reported, slow.reported_on)
            for side in (proof.outside, proof.ledger):
                if side is proof.outside and proof.reported is None:
                    assert (side.balance, side.adjusted) == (None, None)
                    continue
                assert side.balance is not None
                assert side.adjusted == side.balance + sum(item.amount for item in side.items)


def test_every_account_closes_to_the_cent_on_every_day(group: Traded) -> None:
    for as_of in DAYS:
        for proof in prove_all(group.store, group.workspace, as_of):
            if proof.reported is None:  # a platform that reports settlements, before the first of them is closed
                assert (proof.account_id[:5], as_of, proof.closes) == ("adyen", DAYS[-1], False)
                continue
            assert (proof.rolled, proof.residual, proof.faults) == (0, 0, ()), proof
            assert proof.closes
            assert proof.is_proven == (proof.not_compared == 0)
            assert proof.is_proven or proof.kind in {"platform", "in_transit"}
            assert (proof.breaks_on, proof.notes) == (None, ())


def test_balances_are_the_truth(group: Traded) -> None:
    told: defaultdict[str, dict[dt.date, int]] = defaultdict(dict)
    for row in group.truth("balances"):
        told[row["account"]][row["day"]] = row["closing"]
    for as_of in DAYS:
        until = as_of or LAST
        for proof in prove_all(group.store, group.workspace, as_of):
            last = max((day for day in told[proof.account_id] if day <= until), default=None)
            if last is not None:
                assert proof.closing == told[proof.account_id][last], (proof.account_id, until)
            ledger = told[f"gl-{proof.ledger_account}"]
            booked = max((day for day in ledger if day <= until), default=None)
            if booked is not None:
                assert proof.ledger.balance == ledger[booked]


def test_items_are_exactly_what_was_planted_in_the_ledger(group: Traded) -> None:
    planted = {
        (row["source"], row["external_id"])
        for row in group.truth("positions")
        if row["claim"] == "booking" and row["expected"] == "exception"
    }
    banks = {account.id for account in group.workspace.accounts if account.kind == "bank"}
    records = {row["record_id"]: row for row in group.table("records")}
    named = [records[row["record_id"]] for row in group.table("proof_items") if row["account"] in banks]
    assert {(row["source_id"], row["external_id"]) for row in named} == planted
    assert len(named) == len(planted)
    for row in group.table("proof_items"):
        if row["account"] in banks:
            assert row["exception_id"]
            assert row["state"] == "exception"


def test_items_of_cash_in_transit_are_what_the_erp_forgot_or_mistyped(group: Traded) -> None:
    planted: defaultdict[str, list[int]] = defaultdict(list)
    for row in group.truth("transit"):
        if row["how"] in {"not_booked", "booked_wrong", "next_month"}:
            planted[row["account"]].append(row["amount"])
        if row["how"] == "booked_wrong":
            planted[row["account"]].append(row["booked_amount"])
    assert max(len(amounts) for amounts in planted.values()) > 2
    for proof in prove_all(group.store, group.workspace):
        if proof.kind == "in_transit":
            told = [item.amount for side in (proof.outside, proof.ledger) for item in side.items]
            assert sorted(told) == sorted(planted[proof.account_id]), proof.account_id
            assert (proof.rolled, proof.residual, proof.not_compared) == (0, 0, 0)
            assert proof.exponent == exponent_of(proof.currency)


def test_what_a_platform_has_available_and_pending_is_its_clearing_account_every_day(group: Traded) -> None:
    told = {(row["account"], row["told_at"].date()): row for row in group.truth("platform_balances")}
    assert len(told) == 3 * 31
    for (account, on), row in told.items():
        if on.day % 10:
            continue
        # The day in the account's time zone is the same: events come in the morning.
        proof = prove(group.store, group.workspace, account, on)
        assert (proof.reported, proof.reported_at) == (
            row["available"] + row["pending"],
            row["told_at"].replace(tzinfo=dt.UTC),
        )
        assert (proof.rolled, proof.breaks_on, proof.notes) == (0, None, ())
        assert {proof.lacking} <= {None, "lines not compared with the ledger"}


def test_reserves_equal_the_holds_that_nothing_released(group: Traded) -> None:
    held: dict[str, int] = defaultdict(int)
    freed: dict[str, int] = defaultdict(int)
    accounts = {row["record_id"]: row["account_id"] for row in group.table("records")}
    for row in group.table("positions"):
        if row["claim"] == "transfer" and row["kind"] == "reserve_hold" and row["state"] == "in_transit":
            held[accounts[row["record_id"]]] -= int(row["amount"].replace(".", ""))
        if row["claim"] == "transfer" and row["kind"] == "reserve_release" and row["state"] == "in_transit":
            freed[accounts[row["record_id"]]] += int(row["amount"].replace(".", ""))
    assert len(held) == len(freed) == 2
    open_still = {"reserve_held", "reserve_partly_released"}
    truth = [r for r in group.truth("positions") if r["claim"] == "transfer" and r["trouble"] in open_still]
    assert sum(held.values()) - sum(freed.values()) == -sum(row["amount"] for row in truth)
    for proof in prove_all(group.store, group.workspace):
        kept, back = held.get(proof.account_id, 0), freed.get(proof.account_id, 0)
        assert (proof.reserve.held if proof.reserve else 0) == kept - back
        # Of which hold a part was released nobody says, and so no hold is less.
        assert proof.reserve is None or (proof.reserve.unreleased, proof.reserve.agrees) == (kept, None)


def test_a_proof_as_it_was_known_before_the_runs(group: Traded) -> None:
    before = START + dt.timedelta(minutes=59)
    proof = prove(group.store, group.workspace, "bank-de-eur", known_at=before)
    now = prove(group.store, group.workspace, "bank-de-eur")
    assert (proof.closing, proof.residual, now.residual) == (now.closing, 0, 0)
    assert proof.not_compared > 100
    assert now.not_compared == 0
    nothing = prove_all(group.store, group.workspace, known_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    # Of nothing nothing is on its way, which an account of cash in transit that opened with nothing says.
    assert {(p.reported, p.closes) for p in nothing if p.kind != "in_transit"} == {(None, False)}


def test_an_account_that_is_none_is_refused(group: Traded) -> None:
    with pytest.raises(WrongUse, match="bank-de-eur"):
        prove(group.store, group.workspace, "nobody")


def _lied(folder: Path, source: str, lie: object) -> Traded:
    """Found a company of which only one source's files are read, after a lie was put into them."""
    made = founded(folder, 3)
    lie(made.workspace.folder)  # type: ignore[operator]  # a function of the folder
    for outcome in pipeline.ingest(made.store, made.workspace, source_id=source):
        assert not isinstance(outcome, Exception)
    return made


def test_a_balance_that_lies_does_not_close(tmp_path: Path) -> None:
    def lie(folder: Path) -> None:
        path = max((folder / "inbox" / "bank-us").iterdir())
        lines = path.read_text("ascii").splitlines(keepends=True)
        (place,) = [n for n, line in enumerate(lines) if line.startswith(":62F:")][-1:]
        head, cents = lines[place].rstrip()[:-2], int(lines[place].rstrip()[-2:])
        lines[place] = f"{head}{(cents + 1) % 100:02d}{lines[place][len(lines[place].rstrip()) :]}"
        path.write_bytes("".join(lines).encode("ascii"))

    made = _lied(tmp_path / "group", "bank-us", lie)
    proof = prove(made.store, made.workspace, "bank-us-usd")
    assert proof.rolled in (1, -99)
    assert proof.breaks_on == proof.reported_on
    assert not proof.closes
    earlier = prove(made.store, made.workspace, "bank-us-usd", dt.date(2026, 10, 14))
    assert (earlier.rolled, earlier.breaks_on) == (0, None)
    made.store.close()


def test_a_platform_that_tells_a_cent_too_much_on_one_day_is_told_of_it(tmp_path: Path) -> None:
    made = founded(tmp_path / "group", 3)
    [events] = (made.workspace.folder / "inbox" / "stripe-events").iterdir()
    lines = events.read_text("utf-8").splitlines(keepends=True)
    event = json.loads(lines[13])
    event["data"]["object"]["pending"][0]["amount"] += 1
    lines[13] = json.dumps(event) + "\n"
    events.write_text("".join(lines), "utf-8")
    for outcome in pipeline.ingest(made.store, made.workspace):
        assert not isinstance(outcome, Exception)
    lied = dt.date(2026, 10, 14)
    proofs = {on: prove(made.store, made.workspace, "stripe-eur", on) for on in (lied, lied + dt.timedelta(days=1))}
    assert [(proof.rolled, proof.breaks_on) for proof in proofs.values()] == [(1, lied), (0, lied)]
    assert any("differs by 0.01 EUR" in note for note in proofs[lied + dt.timedelta(days=1)].notes)
    assert prove(made.store, made.workspace, "stripe-usd", lied).breaks_on is None
    made.store.close()


def test_a_missing_statement_breaks_the_roll_forward_where_it_is_missing(tmp_path: Path) -> None:
    def lie(folder: Path) -> None:
        files = sorted((folder / "inbox" / "bank-us").iterdir())
        assert len(files) > 3
        files[len(files) // 2].unlink()

    made = _lied(tmp_path / "group", "bank-us", lie)
    proof = prove(made.store, made.workspace, "bank-us-usd")
    assert proof.rolled
    assert proof.breaks_on is not None
    assert proof.reported_on is not None
    assert proof.breaks_on < proof.reported_on
    made.store.close()


def test_a_ledger_that_opened_otherwise_leaves_a_residual(tmp_path: Path) -> None:
    folder = tmp_path / "group"
    make_company(folder, seed=3, size=120)
    toml = (folder / "tieout.toml").read_text("utf-8")
    head, tail = toml.split('id = "gl-10100"')
    begin = tail.index('amount = "') + len('amount = "')
    end = tail.index('"', begin)
    wrong = str(Decimal(tail[begin:end]) + Decimal("0.01"))
    (folder / "tieout.toml").write_text(f'{head}id = "gl-10100"{tail[:begin]}{wrong}{tail[end:]}', "utf-8")
    made = opened(folder)
    for source in ("bank-us", "ledger-us"):
        list(pipeline.ingest(made.store, made.workspace, source_id=source))
    proof = prove(made.store, made.workspace, "bank-us-usd")
    assert (proof.rolled, proof.residual, proof.closes) == (0, -1, False)
    made.store.close()
