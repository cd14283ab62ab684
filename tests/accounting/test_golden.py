"""
What each posting that ships makes, as text: ``golden/NAME.txt`` is what an accountant reviewed.

After a change that is meant: ``python -m tests.accounting.test_golden`` writes them again, and the diff is reviewed.
"""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tests.accounting.facts import Facts, day, identity, written
from tieout.accounting.reading import LINE_KINDS, read_postings

FOLDER = Path(__file__).resolve().parent / "golden"
RATES = (
    "date,base,quote,rate\n2026-10-01,EUR,USD,1.0500\n2026-10-05,EUR,USD,1.0870\n2026-10-01,JPY,EUR,0.0061\n"
    "2026-10-01,EUR,KWD,0.3331\n2026-10-12,EUR,USD,1.1000\n"
)
SCENES: dict[str, Callable[[Facts], object]] = {}


def scene(make: Callable[[Facts], object]) -> Callable[[Facts], object]:
    SCENES[make.__name__] = make
    return make


@scene
def charges(facts: Facts) -> None:
    facts.record("inv_1", "invoice", "119.00 EUR", "10-01", counterparty="Ann")
    facts.record("ch_1", "charge", "119.00 EUR", fee="3.57", fee_tax="0.57")
    facts.match("m_1", {"inv_1": None}, {"ch_1": None})
    facts.record("inv_2", "invoice", "60.00 EUR", "10-01")
    facts.record("ch_2", "charge", "100.00 EUR", fee="3.00")
    facts.match("m_2", {"inv_2": None}, {"ch_2": "60.00"})
    facts.record("dep_1", "deposit", "10.00 EUR", "10-01")
    facts.record("ch_3", "charge", "10.00 EUR")
    facts.match("m_3", {"dep_1": None}, {"ch_3": None})
    facts.record("ch_4", "charge", "7.00 EUR", status="pending")


@scene
def refunds(facts: Facts) -> None:
    facts.record("cn_1", "credit_note", "-20.00 EUR", "10-01")
    facts.record("re_1", "refund", "-20.00 EUR", fee="-0.40")
    facts.match("m_1", {"cn_1": None}, {"re_1": None})
    facts.record("re_2", "refund", "-5.00 EUR")
    facts.record("rr_2", "refund_reversal", "5.00 EUR", "10-06")


@scene
def fees_as_lines(facts: Facts) -> None:
    facts.record("f_1", "fee", "-12.00 EUR")
    facts.record("f_2", "fee", "1.00 EUR")
    facts.record("df_1", "dispute_fee", "-15.00 EUR")
    facts.record("bc_1", "bank_charge", "-0.50 EUR")
    facts.record("af_1", "application_fee", "-2.00 EUR")
    facts.record("af_2", "application_fee", "3.00 EUR")
    facts.record("ar_1", "application_fee_refund", "2.00 EUR")
    facts.record("ar_2", "application_fee_refund", "-3.00 EUR")
    facts.record("in_1", "interest", "0.10 EUR")
    facts.record("in_2", "interest", "-0.20 EUR")
    facts.record("tw_1", "tax_withheld", "-4.00 EUR")


@scene
def payouts(facts: Facts) -> None:
    facts.record("po_1", "payout", "-97.10 EUR", "10-07", fee="1.00")
    facts.record("b_1", "bank_entry", "97.10 EUR", "10-09")
    facts.match("m_1", {"po_1": None}, {"b_1": None})
    facts.record("po_2", "payout", "30.00 EUR", "10-07")  # a negative payout: the platform takes money from the bank
    facts.record("b_2", "bank_entry", "-30.00 EUR", "10-08")
    facts.match("m_2", {"po_2": None}, {"b_2": None})
    facts.record("po_3", "payout", "-50.00 EUR", "10-07")  # arrives, is returned, is reversed
    facts.record("b_3", "bank_entry", "50.00 EUR", "10-09")
    facts.match("m_3", {"po_3": None}, {"b_3": None})
    facts.record("b_4", "bank_entry", "-50.00 EUR", "10-12")
    facts.record("pr_3", "payout_reversal", "50.00 EUR", "10-13")
    facts.match("m_4", {"pr_3": None}, {"b_4": None})
    facts.record("tu_1", "top_up", "500.00 EUR", "10-14")
    facts.record("po_5", "payout", "-80.00 EUR", "10-15")  # on its way at the end
    facts.record("po_6", "payout", "-70.00 EUR", "10-15")
    facts.record("b_6", "bank_entry", "69.00 EUR", "10-16")
    facts.match("m_6", {"po_6": None}, {"b_6": None}, differences={"bank_charge": "1.00 EUR"})
    facts.record("po_7", "payout", "-100.00 EUR", "10-15")  # arrives in three lines of the bank, the last one short
    for name, amount, on in (("b_7", "60.00", "10-16"), ("b_8", "30.00", "10-19"), ("b_9", "8.00", "10-19")):
        facts.record(name, "bank_entry", f"{amount} EUR", on)
    lines = dict.fromkeys(("b_7", "b_8", "b_9"))
    facts.match("m_7", {"po_7": None}, lines, differences={"bank_charge": "2.00 EUR"})


@scene
def settlements_without_payouts(facts: Facts) -> None:
    facts.record("ch_1", "charge", "100.00 EUR", fee="3.00", settlement_id="s_1")
    facts.record("re_1", "refund", "-20.00 EUR", settlement_id="s_1")
    facts.record("fe_1", "fee", "-1.00 EUR", settlement_id="s_1")
    facts.record("b_1", "bank_entry", "76.00 EUR", "10-09")
    facts.match("m_1", {"ch_1": None, "re_1": None, "fe_1": None}, {"b_1": None})
    facts.record("ch_2", "charge", "50.00 EUR", settlement_id="s_2")
    facts.record("b_2", "bank_entry", "20.00 EUR", "10-09")
    facts.record("b_3", "bank_entry", "30.00 EUR", "10-12")
    facts.match("m_2", {"ch_2": None}, {"b_2": None, "b_3": None})


@scene
def disputes(facts: Facts) -> None:
    facts.record("dp_won", "dispute", "-100.00 EUR", fee="15.00", fee_tax="2.85")
    facts.record("dr_won", "dispute_reversal", "100.00 EUR", "10-20", fee="-15.00")
    facts.record("dp_lost", "dispute", "-40.00 EUR")
    facts.record("dp_back", "dispute", "-30.00 EUR")  # lost, and given back afterwards
    facts.record("dr_back", "dispute_reversal", "30.00 EUR", "10-25")
    facts.record("cn_1", "credit_note", "-50.00 EUR", "10-01")  # written for the dispute: nothing stands aside
    facts.record("dp_note", "dispute", "-50.00 EUR")
    facts.match("m_1", {"cn_1": None}, {"dp_note": None})
    facts.record("inv_1", "invoice", "80.00 EUR", "10-01")
    facts.record("dr_paid", "dispute_reversal", "80.00 EUR", "10-06")
    facts.match("m_2", {"inv_1": None}, {"dr_paid": None})
    lost = dict.fromkeys(("dp_lost", "dp_back", "dr_back", "dp_note"), "lost")
    for name, outcome in ({"dp_won": "won"} | lost).items():
        facts.outcomes.append({"record_id": identity(name), "outcome": outcome, "decided_on": day("10-25")})


@scene
def own_money(facts: Facts) -> None:
    facts.record("rh_1", "reserve_hold", "-50.00 EUR")
    facts.record("rr_1", "reserve_release", "20.00 EUR", "11-05")
    facts.record("it_1", "internal_transfer", "-5.00 EUR")
    facts.record("bt_1", "balance_transfer", "-6.00 EUR")
    facts.record("bt_2", "balance_transfer", "6.00 EUR", "10-06")
    facts.record("sw_1", "sweep", "-7.00 EUR")
    facts.record("b_1", "bank_entry", "-400.00 EUR", bank_code="CAMT-CAPL-SWEP")
    facts.record("b_2", "bank_entry", "400.00 EUR", "10-06", bank_code="NTRF+833+2")
    facts.record("lo_1", "loan_repayment", "1000.00 EUR")
    facts.record("lo_2", "loan_repayment", "-100.00 EUR")


@scene
def bank(facts: Facts) -> None:
    facts.record("inv_1", "invoice", "200.00 EUR", "10-01", counterparty="Ann")
    facts.record("inv_2", "invoice", "100.00 EUR", "10-01", counterparty="Ann")
    facts.record("b_1", "bank_entry", "290.00 EUR", "10-10")
    adjustments = {"discount": ("6.00 EUR", "0.96"), "bank_charge": "4.00 EUR"}
    facts.match("m_1", {"inv_1": None, "inv_2": None}, {"b_1": None}, differences=adjustments)
    facts.record("inv_3", "invoice", "100.00 EUR", "10-01")
    facts.record("cn_3", "credit_note", "-15.00 EUR", "10-02")
    facts.record("b_3", "bank_entry", "85.00 EUR", "10-11")
    facts.match("m_3", {"inv_3": None, "cn_3": None}, {"b_3": None})
    facts.record("inv_4", "invoice", "100.00 EUR", "10-01")
    facts.record("b_4", "bank_entry", "60.00 EUR", "10-05")
    facts.record("b_5", "bank_entry", "40.00 EUR", "10-08")
    facts.match("m_4", {"inv_4": None}, {"b_4": None, "b_5": None})
    facts.record("dep_5", "deposit", "50.00 EUR", "10-01")
    facts.record("b_11", "bank_entry", "50.00 EUR", "10-13")
    facts.match("m_11", {"dep_5": None}, {"b_11": None})
    facts.record("b_6", "bank_entry", "-3.00 EUR", bank_code="PMNT-MCRD-CHRG")
    facts.record("b_7", "bank_entry", "0.30 EUR", bank_code="NINT")
    facts.record("b_8", "bank_entry", "-0.40 EUR", bank_code="ACMT-MCOP-INTR")
    facts.record("b_9", "bank_entry", "8.00 EUR")  # waits
    facts.record("b_10", "bank_entry", "30.00 EUR", "10-12")
    facts.record("d_1", "bank_detail", "10.00 EUR", "10-12", parent_external_id="b_10")
    facts.record("d_2", "bank_detail", "20.00 EUR", "10-12", parent_external_id="b_10")
    facts.record("inv_5", "invoice", "20.00 EUR", "10-01")
    facts.match("m_5", {"inv_5": None}, {"d_2": None})


@scene
def bills(facts: Facts) -> None:
    facts.record("bi_1", "bill", "-119.00 EUR", "10-01", counterparty="Supplier")
    facts.record("b_1", "bank_entry", "-116.62 EUR", "10-10")
    facts.match("m_1", {"bi_1": None}, {"b_1": None}, differences={"discount": ("-2.38 EUR", "-0.38")})
    facts.record("bi_2", "bill", "-100.00 EUR", "10-01")
    facts.record("b_2", "bank_entry", "-60.00 EUR", "10-05")
    facts.record("b_3", "bank_entry", "-30.00 EUR", "10-06")
    facts.match("m_2", {"bi_2": None}, {"b_2": None, "b_3": None}, differences={"withholding_tax": "-10.00 EUR"})


@scene
def differences(facts: Facts) -> None:
    said: dict[str, str | tuple[str, str]] = {
        "fee": ("3.20 EUR", "0.20"),
        "fee_tax": "0.19 EUR",
        "withholding_tax": "1.00 EUR",
        "fx": "0.30 EUR",
        "rounding": "0.01 EUR",
        "write_off": ("0.40 EUR", "0.06"),
        "short_payment": ("2.00 EUR", "0.32"),
    }
    for number, (reason, text) in enumerate(said.items()):
        short = (text[0] if isinstance(text, tuple) else text).split()[0]
        facts.record(f"inv_{reason}", "invoice", "100.00 EUR", "10-01")
        facts.record(f"b_{reason}", "bank_entry", f"{100 - Decimal(short):.2f} EUR", f"10-{number + 5:02}")
        facts.match(f"m_{reason}", {f"inv_{reason}": None}, {f"b_{reason}": None}, differences={reason: text})
    facts.record("inv_over", "invoice", "100.00 EUR", "10-01")
    facts.record("ch_over", "charge", "100.50 EUR", "10-20")
    # Here the documents stand on the right: the difference is left - right, and has the other sign.
    facts.match("m_over", {"ch_over": None}, {"inv_over": None}, differences={"over_payment": "0.50 EUR"})
    facts.record("inv_gain", "invoice", "100.00 EUR", "10-01")
    facts.record("b_gain", "bank_entry", "100.20 EUR", "10-21")
    facts.match("m_gain", {"inv_gain": None}, {"b_gain": None}, differences={"fx": "-0.20 EUR"})


@scene
def currencies(facts: Facts) -> None:
    facts.record("inv_1", "invoice", "100.00 USD", "10-01")
    facts.record("ch_1", "charge", "100.00 USD", fee="3.20", fee_tax="0.20")
    facts.match("m_1", {"inv_1": None}, {"ch_1": None})
    facts.record("inv_2", "invoice", "100.00 USD", "10-01", base_amount=9000, base_currency="EUR", base_exponent=2)
    facts.record("b_2", "bank_entry", "92.00 EUR", "10-06")
    facts.match("m_2", {"inv_2": None}, {"b_2": None}, differences={"fx": "1.00 EUR"})
    facts.record("inv_3", "invoice", "200.00 USD", "10-01", base_amount=19047, base_currency="EUR", base_exponent=2)
    facts.record("ch_3", "charge", "66.67 USD", "10-06")
    facts.record("ch_4", "charge", "133.33 USD", "10-13")
    facts.match("m_3", {"inv_3": "66.67"}, {"ch_3": None})
    facts.match("m_4", {"inv_3": "133.33"}, {"ch_4": None})
    facts.record("ch_5", "charge", "1000 JPY", fee="31")
    facts.record("ch_6", "charge", "10.001 KWD", fee="0.333")
    facts.record("co_1", "conversion", "-100.00 USD")
    facts.record("co_2", "conversion", "91.50 EUR")
    facts.record("po_7", "payout", "-100.00 USD", "10-05")
    facts.record("b_7", "bank_entry", "90.10 EUR", "10-07")
    facts.match("m_7", {"po_7": None}, {"b_7": None}, differences={"bank_charge": "1.50 EUR", "fx": "0.40 EUR"})
    facts.record("bi_9", "bill", "-100.00 USD", "10-06")
    facts.record("b_9", "bank_entry", "-94.00 EUR", "10-07")
    facts.match("m_9", {"bi_9": None}, {"b_9": None}, differences={"bank_charge": "-1.50 EUR", "fx": "-0.50 EUR"})
    facts.record("ch_8", "charge", "0.1234 EUR", exponent=4)
    # Documents in the currency of the books, paid in another one: EUR lines are worth what they say.
    facts.record("inv_10", "invoice", "80.20 EUR", "10-01")
    facts.record("ch_10", "charge", "86.96 USD", "10-06")
    facts.match("m_10", {"inv_10": None}, {"ch_10": None}, differences={"fx": "0.20 EUR"})
    facts.record("inv_11", "invoice", "29.80 EUR", "10-01")
    facts.record("ch_11", "charge", "10.000 KWD", "10-06")
    facts.match("m_11", {"inv_11": None}, {"ch_11": None}, differences={"fx": "-0.22 EUR"})


@scene
def carrying(facts: Facts) -> None:
    facts.record("po_1", "payout", "-100.00 USD", "10-04")  # at 1.0500; arrives at 1.0870, then at 1.1000
    facts.record("b_1", "bank_entry", "100.00 USD", "10-06")
    facts.match("m_1", {"po_1": None}, {"b_1": None})
    facts.record("po_2", "payout", "-100.00 USD", "10-04")
    facts.record("b_2", "bank_entry", "60.00 USD", "10-06")
    facts.record("b_3", "bank_entry", "40.00 USD", "10-13")
    facts.match("m_2", {"po_2": None}, {"b_2": None, "b_3": None})
    facts.record("inv_3", "invoice", "100.00 USD", "10-01", base_amount=10000, base_currency="EUR", base_exponent=2)
    facts.record("b_4", "bank_entry", "60.00 USD", "10-06")
    facts.record("b_5", "bank_entry", "40.00 USD", "10-13")
    facts.match("m_3", {"inv_3": None}, {"b_4": None, "b_5": None})
    facts.record("bi_4", "bill", "-100.00 USD", "10-01", base_amount=-10000, base_currency="EUR", base_exponent=2)
    facts.record("b_6", "bank_entry", "-60.00 USD", "10-06")
    facts.record("b_7", "bank_entry", "-40.00 USD", "10-13")
    facts.match("m_4", {"bi_4": None}, {"b_6": None, "b_7": None})


def drafted(name: str) -> str:
    facts = Facts(rates=RATES)
    SCENES[name](facts)
    journals, drafts = facts.draft()
    said = [f"finding: {row['reason']} {row['external_id']}: {row['note']}" for row in drafts.findings.to_pylist()]
    return written(journals) + "\n" + "\n".join([*said, f"{drafts.counts}"]) + "\n"


@pytest.mark.parametrize("name", SCENES)
def test_postings_make_what_an_accountant_reviewed(name: str) -> None:
    assert drafted(name) == (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


def test_every_posting_that_ships_is_seen_at_work() -> None:
    facts = Facts()
    shipped = {posting.name for posting in read_postings({}, facts.workspace).postings}
    made = "".join((FOLDER / f"{name}.txt").read_text(encoding="utf-8") for name in SCENES)
    silent = {name for name in shipped if f"| {name} |" not in made and not name.startswith("difference: ")}
    # Differences stand in the journal of what they are a difference of; part payments of deposits need none.
    assert silent == {"paid through a platform, on account", "dispute won after its credit note"}


def test_every_kind_that_moves_money_has_a_posting_or_needs_a_person() -> None:
    facts = Facts()
    told = {kind for posting in read_postings({}, facts.workspace).postings for kind in posting.when.get("kind", ())}
    assert set(LINE_KINDS) - told == {"adjustment", "split"}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for each in SCENES:
        (FOLDER / f"{each}.txt").write_text(drafted(each), encoding="utf-8")
