"""Every balance that a platform reports is held against its lines, at the moment of which it is told."""

import datetime as dt
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.observe.test_exports import read_back
from tieout import pipeline
from tieout.clock import FixedClock, FixedEntropy
from tieout.config import Workspace, load_workspace
from tieout.observe.exporting.exports import export
from tieout.observe.money.cash import cash
from tieout.observe.proofs.parts import PartAsked, proof_part
from tieout.observe.proofs.proof import AccountProof
from tieout.observe.proofs.proving import prove
from tieout.store.workplace import Store, open_store

TOML = """[workspace]
name = "Reported"
base_currency = "EUR"
[[entity]]
id = "g"
currency = "EUR"
[[source]]
id = "api"
format = "stripe.objects"
path = "inbox/api/*.json"
currency = "EUR"
[[source]]
id = "summary"
format = "stripe.balance"
path = "inbox/summary/*.csv"
currency = "EUR"
accounts_of = "api"
[[source]]
id = "shop"
mapping = "mappings/shop.toml"
path = "inbox/shop/*.csv"
accounts_of = "api"
[[account]]
id = "platform"
source = "api"
kind = "platform"
currency = "EUR"
opening = { on = "2026-09-30", amount = "0.00" }
"""
#: Lines of a day, of which nobody says the time.
SHOP = """[mapping]
id = "shop"
format = "csv"
identify = ["number", "paid"]
[fields]
external_id = "number"
kind = "'charge'"
amount = "paid"
currency = "'EUR'"
booked_on = "day::date"
"""


def at(text: str) -> int:
    return int(dt.datetime.fromisoformat(f"2026-{text}+00:00").timestamp())


@dataclass(slots=True)
class Platform:
    """A platform whose events and lines a test writes down."""

    workspace: Workspace
    store: Store
    written: dict[str, int] = field(default_factory=dict)

    def write(self, source: str, text: str) -> None:
        number = self.written[source] = self.written.get(source, 0) + 1
        folder = self.workspace.folder / "inbox" / source
        folder.mkdir(parents=True, exist_ok=True)
        ending = "json" if source == "api" else "csv"
        (folder / f"{number}.{ending}").write_text(text, encoding="utf-8")

    def charge(self, name: str, cents: int, when: str, category: str = "charge") -> None:
        told = {
            "id": f"txn_{name}", "object": "balance_transaction", "amount": cents, "net": cents, "fee": 0, "fee_details": [],
            "created": at(when), "available_on": at(when), "currency": "eur", "source": f"ch_{name}", "type": category,
            "reporting_category": category, "status": "pending", "exchange_rate": None, "description": None,
        }  # fmt: skip
        self.write("api", json.dumps({"object": "list", "url": "/v1/x", "has_more": False, "data": [told]}))

    def reserve(self, name: str, cents: int, when: str) -> None:
        """Hold something back (below zero), or release it."""
        self.charge(name, cents, when, "risk_reserved_funds")

    def balance(self, available: int, pending: int, *when: str, reserved: int | None = None) -> None:
        """Tell of a balance at moments, in one file; without one as the object alone."""
        amounts = {"available": available, "pending": pending}
        told: dict[str, Any] = {"object": "balance", "livemode": True}
        told |= {name: [{"amount": amount, "currency": "eur"}] for name, amount in amounts.items()}
        event = {"object": "event", "api_version": "2024-06-20", "livemode": True, "pending_webhooks": 1}
        if reserved is not None:
            told["risk_reserved"] = [{"amount": reserved, "currency": "eur"}]
        events = [
            event | {"id": f"evt_{each}", "created": at(each), "type": "balance.available", "data": {"object": told}}
            for each in when
        ]
        self.write("api", "\n".join(json.dumps(each) for each in events or [told]))

    def summary(self, amount: str, day: str) -> None:
        rows = ['"starting_balance","Starting balance (2026-10-01)","0.00","eur"']
        rows.append(f'"ending_balance","Ending balance (2026-{day})","{amount}","eur"')
        self.write("summary", "\n".join(['"category","description","net_amount","currency"', *rows, ""]))

    def declare(self, kind: str, opening: str = "0.00") -> None:
        """Declare an account of a kind, named so."""
        with (self.workspace.folder / "tieout.toml").open("a", encoding="utf-8") as file:
            file.write(f'[[account]]\nid = "{kind}"\nsource = "api"\nkind = "{kind}"\ncurrency = "EUR"\n')
            file.write(f'opening = {{ on = "2026-09-30", amount = "{opening}" }}\n')
        self.workspace = load_workspace(self.workspace.folder)

    def proof(self, as_of: str | None = None, account: str = "platform") -> AccountProof:
        for outcome in pipeline.ingest(self.store, self.workspace):
            assert not isinstance(outcome, Exception), outcome
        return prove(self.store, self.workspace, account, dt.date.fromisoformat(as_of) if as_of else None)


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """Give a platform of which nothing is known."""
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings/shop.toml").write_text(SHOP, encoding="utf-8")
    (tmp_path / "tieout.toml").write_text(TOML, encoding="utf-8")
    workspace = load_workspace(tmp_path)
    clock = FixedClock(dt.datetime(2026, 11, 28, 9, tzinfo=dt.UTC))
    with closing(open_store(workspace, clock, FixedEntropy(7), "tester")) as store:
        yield Platform(workspace, store)


@pytest.mark.parametrize(("pending", "differs"), [(4000, 0), (4100, 100), (9000, 5000)])
def test_a_balance_is_held_against_what_was_booked_up_to_its_moment(
    platform: Platform, pending: int, differs: int
) -> None:
    platform.charge("1", 10000, "10-05 09:00")
    platform.balance(6000, pending, "10-05 10:00")
    platform.charge("2", 5000, "10-05 15:00")
    platform.charge("3", 700, "10-06 08:00")
    proof = platform.proof()
    assert (proof.closing, proof.reported, proof.since) == (15700, 6000 + pending, 5700)
    assert (proof.rolled, proof.closes, proof.notes) == (differs, not differs, ())
    assert proof.breaks_on == (dt.date(2026, 10, 5) if differs else None)
    assert proof.reported_at == dt.datetime(2026, 10, 5, 10, tzinfo=dt.UTC)
    assert proof.outside.adjusted == 15700 + differs
    part = proof_part(platform.store, platform.workspace, "platform", PartAsked(part="since"))
    assert part is not None
    assert [row.external_id for row in part.rows] == ["ch_2", "ch_3"]


def test_several_balances_of_one_day_and_file_are_several(platform: Platform) -> None:
    platform.charge("1", 10000, "10-05 09:00")
    platform.balance(6000, 4000, "10-05 10:00", "10-05 11:00", "10-05 16:00")
    assert platform.proof().closes
    platform.charge("2", 5000, "10-05 15:00")
    proof = platform.proof()
    assert (proof.closes, proof.rolled, proof.faults) == (False, -5000, ())


@pytest.mark.parametrize(("available", "differs"), [(10000, 0), (77700, 67700)])
def test_a_balance_after_a_report_of_the_month_is_read_as_well(
    platform: Platform, available: int, differs: int
) -> None:
    platform.charge("1", 10000, "10-05 09:00")
    platform.summary("100.00", "10-31")
    platform.balance(available, 0, "11-16 12:00")
    for day in (None, "2026-11-20"):
        proof = platform.proof(day)
        assert (proof.rolled, proof.closes) == (differs, not differs)
        assert (proof.reported_on, proof.as_of) == (dt.date(2026, 11, 16), dt.date(2026, 11, 20 if day else 16))
    assert (platform.proof("2026-10-31").reported, platform.proof("2026-10-31").closes) == (10000, True)
    assert [holding.closes for holding in cash(platform.store, platform.workspace).holdings] == [not differs]


def test_a_report_after_a_balance_of_a_moment_counts_for_the_end_of_its_day(platform: Platform) -> None:
    platform.charge("1", 10000, "10-31 09:00")
    platform.balance(10000, 0, "10-31 12:00")
    platform.charge("2", 2500, "10-31 18:00")
    platform.summary("125.00", "10-31")
    proof = platform.proof()
    assert (proof.reported, proof.reported_at, proof.closes, proof.breaks_on) == (12500, None, True, None)


@pytest.mark.parametrize(("reported", "since"), [(10000, 5000), (15000, 0), (12000, 0)])
def test_a_line_of_the_very_second_may_be_in_the_balance_or_not(platform: Platform, reported: int, since: int) -> None:
    platform.charge("1", 10000, "10-05 09:00")
    platform.charge("2", 5000, "10-05 10:00")
    platform.balance(reported, 0, "10-05 10:00")
    proof = platform.proof()
    assert (proof.closes, proof.since) == (reported != 12000, since)


def test_of_several_lines_of_the_very_second_nobody_says_which_are_in_it(platform: Platform) -> None:
    platform.charge("1", 10000, "10-05 09:00")
    for number in ("2", "3"):
        platform.charge(number, 5000, "10-05 10:00")
    platform.balance(15000, 0, "10-05 10:00")
    proof = platform.proof()
    assert (proof.reported, proof.rolled, proof.closes) == (None, None, False)
    assert "2 lines were booked in that very second" in proof.notes[0]


def test_where_lines_have_no_time_a_balance_of_that_day_is_left_out_and_said_so(platform: Platform) -> None:
    platform.write("shop", "number,paid,day\nA1,100.00,2026-10-05\n")
    platform.balance(6000, 0, "10-05 10:00")
    proof = platform.proof()
    assert (proof.reported, proof.rolled) == (None, None)
    assert "of 1 of the lines of that day nobody says the time" in proof.notes[0]
    assert proof.notes[0].startswith("api, balance of 05 Oct 2026 10:00:00 UTC")
    platform.balance(10000, 0, "10-06 00:00")
    proof = platform.proof()
    assert (proof.reported, proof.closes, len(proof.notes)) == (10000, True, 1)


def test_a_balance_without_any_moment_is_left_out_and_said_so(platform: Platform, tmp_path: Path) -> None:
    platform.charge("1", 10000, "10-05 09:00")
    platform.balance(77700, 0)
    proof = platform.proof()
    assert proof.notes[0].startswith("api reports 1 balance without saying of when")
    path = tmp_path / "proofs.jsonl"
    export(platform.store, platform.workspace, "proofs", path)
    assert read_back(path)[0][0]["notes"] == [*proof.notes]


def test_what_is_told_of_the_day_of_the_opening_came_before_it(platform: Platform) -> None:
    platform.balance(123, 0, "09-30 12:00")
    platform.charge("1", 10000, "10-05 09:00")
    platform.balance(10000, 0, "10-05 10:00")
    proof = platform.proof()
    assert (proof.closes, proof.faults) == (True, ())


def test_balances_that_were_read_before_moments_were_kept_accuse_nobody(platform: Platform) -> None:
    platform.charge("1", 10000, "10-05 09:00")
    platform.balance(6000, 4000, "10-05 10:00")
    platform.charge("2", 5000, "10-05 15:00")
    platform.proof()
    for path in (platform.workspace.folder / ".tieout/lake/balances").rglob("*.parquet"):
        pq.write_table(pq.read_table(path).drop_columns(["told_at"]), path)
    proof = platform.proof()
    assert (proof.rolled, proof.notes[0][:43]) == (None, "api reports 1 balance without saying of whe")


def test_a_reserve_that_nobody_reports_is_said_to_be_unreported(platform: Platform) -> None:
    platform.charge("1", 10000, "10-01 09:00")
    platform.reserve("h", -1000, "10-01 10:00")
    platform.reserve("r", 400, "10-08 10:00")
    proof = platform.proof()
    assert proof.reserve is not None
    assert (proof.reserve.held, proof.reserve.unreleased, proof.reserve.agrees) == (600, 1000, None)
    said = proof.reserve_said or ""
    assert said.startswith("Held in reserve 6.00 EUR: holds of 10.00 less releases of 4.00; ")
    assert said.endswith("; no reserve that the platform reports to hold it against")
    assert "equals" not in said


def test_releases_beyond_the_holds_are_a_fault_also_once_more_is_held(platform: Platform) -> None:
    platform.reserve("h", -1000, "10-01 10:00")
    platform.reserve("r1", 400, "10-08 10:00")
    platform.reserve("r2", 6000, "10-15 10:00")
    platform.balance(-1000 + 6400, 0, "10-16 10:00")
    for held in (-5400, 4600):
        proof = platform.proof()
        assert proof.reserve is not None
        assert (proof.reserve.held, proof.reserve.agrees, proof.rolled, proof.closes) == (held, False, 0, False)
        assert proof.lacking == "reserve differs from the holds"
        (fault,) = [each for each in proof.faults if "beyond" in each]
        assert fault.startswith("on 15 Oct 2026 the releases are 54.00 EUR beyond the holds")
        platform.reserve("h2", -10000, "10-17 10:00")


def test_a_reserve_from_before_the_first_line_has_the_opening_of_its_account(platform: Platform) -> None:
    platform.declare("reserve", "64.00")
    platform.reserve("r2", 6000, "10-15 10:00")
    platform.balance(6000, 0, "10-16 10:00", reserved=400)
    proof = platform.proof()
    assert (proof.reserve_said or "").startswith("Held in reserve 4.00 EUR: an opening of 64.00, holds of 0.00 less")
    assert (proof.reserve and proof.reserve.agrees, proof.closes) == (True, True)


@pytest.mark.parametrize(("reserved", "differs"), [(1000, 0), (700, -300)])
def test_a_reported_reserve_is_held_against_the_holds_up_to_its_moment(
    platform: Platform, reserved: int, differs: int
) -> None:
    platform.reserve("h", -1000, "10-01 10:00")
    platform.balance(-1000, 0, "10-01 12:00", reserved=reserved)
    platform.reserve("h2", -500, "10-01 15:00")
    platform.reserve("h3", -500, "10-02 15:00")
    proof = platform.proof()
    assert proof.reserve is not None
    assert (proof.reserve.held, proof.reserve.apart, proof.reserve.agrees) == (2000, differs, not differs)
    assert proof.closes is not bool(differs)
    words = "DIFFERS by -3.00 from" if differs else "equals"
    assert f"; {words} what the platform reports, {reserved // 100}.00" in (proof.reserve_said or "")


def test_a_reserve_account_is_held_against_what_is_left_of_the_holds(platform: Platform) -> None:
    platform.declare("reserve")
    platform.reserve("h", -1000, "10-01 10:00")
    proof = platform.proof(account="reserve")
    assert (proof.closing, proof.reported, proof.closes, proof.faults) == (1000, 1000, True, ())
    assert proof.outside.source == "holds of platform that nothing released"
    platform.reserve("r", 400, "10-08 10:00")
    proof = platform.proof(account="reserve")
    assert (proof.closing, proof.reported, proof.rolled, proof.closes) == (600, 1000, 400, False)
    assert "holds less releases and what is left of holds" in proof.verdict


@pytest.mark.parametrize(("reserved", "differs"), [(1000, 0), (700, -300)])
def test_a_reserve_account_is_held_against_what_the_platform_reports(
    platform: Platform, reserved: int, differs: int
) -> None:
    platform.declare("reserve")
    platform.reserve("h", -1000, "10-01 10:00")
    platform.balance(-1000, 0, "10-01 12:00", reserved=reserved)
    platform.reserve("r", 400, "10-08 10:00")
    proof = platform.proof(account="reserve")
    assert (proof.closing, proof.reported, proof.since) == (600, reserved, -400)
    assert (proof.rolled, proof.closes) == (differs, not differs)
    assert platform.proof().rolled == 0


def test_where_nobody_reports_a_balance_the_lines_are_none(platform: Platform) -> None:
    platform.charge("1", 10000, "10-05 09:00")
    proof = platform.proof()
    assert (proof.closing, proof.outside.balance, proof.outside.adjusted, proof.residual) == (10000, None, None, None)
    assert proof.outside.source == "platform, of which nobody reports a balance"
    assert proof.verdict.startswith("Not proven: nobody reports a balance of platform")


def test_what_is_on_its_way_is_held_against_the_list(platform: Platform) -> None:
    platform.declare("in_transit")
    platform.charge("1", 10000, "10-05 09:00")
    proof = platform.proof(account="in_transit")
    assert (proof.rolled, proof.outside.source) == (0, "what is on its way, payout by payout")


def test_a_balance_that_differs_is_not_hidden_by_a_later_one_that_does_not(platform: Platform) -> None:
    platform.charge("1", 10000, "10-05 09:00")
    platform.balance(7000, 2000, "10-05 10:00")
    platform.balance(10000, 0, "10-06 10:00")
    proof = platform.proof()
    assert (proof.rolled, proof.closes, proof.breaks_on) == (0, True, dt.date(2026, 10, 5))
    said = "api, balance of 05 Oct 2026 10:00:00 UTC: differs by -10.00 EUR from what the lines come to by then"
    assert proof.notes == (f"{said}, a later balance does not",)
