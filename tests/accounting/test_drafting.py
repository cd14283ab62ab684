"""What is not drafted, why, and who books it; ids; and the proof that fires when a line is off."""

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.accounting.facts import ACCOUNTS, TOML, Facts, written
from tieout.accounting.postings import ACCOUNT_NAMES, AMOUNTS, MATCHED
from tieout.accounting.proving import prove_balanced
from tieout.accounting.reading import read_postings
from tieout.config import read_workspace
from tieout.errors import Broken


def findings(facts: Facts) -> list[str]:
    return [f"{row['reason']} {row['external_id']}: {row['note']}" for row in facts.draft()[1].findings.to_pylist()]


def paid_invoice() -> Facts:
    facts = Facts()
    facts.record("inv_1", "invoice", "100.00 EUR", "10-01")
    facts.record("ch_1", "charge", "100.00 EUR", fee="3.00")
    facts.match("m_1", {"inv_1": None}, {"ch_1": None})
    return facts


def test_without_an_account_there_is_no_journal_and_a_finding_says_what_to_write() -> None:
    facts = paid_invoice()
    facts.texts["postings/acme.toml"] = ACCOUNTS.replace('receivable = "1400"', "", 1)
    assert findings(facts) == [
        (
            "unknown_account receivable: expected a ledger account 'receivable' of acme, found none: 1 journal in EUR waits"
            ' for it; write receivable = "..." under [accounts] in postings/accounts.toml'
        )
    ]
    assert "receivable" not in facts.text()
    assert "fee on a line" in facts.text()


def test_without_any_account_each_name_is_one_finding_however_many_journals_wait_for_it() -> None:
    facts = Facts()
    for n in range(40):
        facts.record(f"ch_{n}", "charge", "100.00 EUR" if n % 2 else "100.00 USD", fee="3.00")
    facts.texts["postings/acme.toml"] = ""
    facts.workspace = read_workspace(TOML.replace('ledger_account = "1361"', ""), Path("/acme"), {})
    _, drafts = facts.draft()
    found = drafts.findings.to_pylist()
    assert drafts.counts["refused"] == 80
    # Those without a rate lack that first.
    assert {row["reason"] for row in found} == {"unknown_account"}
    assert [row["external_id"] for row in found] == ["customer_deposits", "fee_expense", "platform_clearing"]
    assert "40 journals in EUR, USD wait for it" in found[0]["note"]
    assert "80 journals in EUR, USD wait for it; give [[account]] 'psp-eur'" in found[2]["note"]


def test_an_account_of_ours_without_a_ledger_account_is_named() -> None:
    facts = paid_invoice()
    facts.workspace = read_workspace(TOML.replace('ledger_account = "1361"', ""), Path("/acme"), {})
    facts.texts["postings/acme.toml"] = ACCOUNTS.replace('platform_clearing = "1360"', "")
    assert "give [[account]] 'psp-eur' its ledger_account in tieout.toml" in findings(facts)[0]


def test_without_a_posting_the_finding_says_which_to_write() -> None:
    facts = Facts()
    facts.record("ad_1", "adjustment", "-3.00 EUR")
    (found,) = findings(facts)
    begin = 'master_data ad_1: expected a posting for kind = "adjustment", matched = "nothing", sign = "-", found none:'
    assert found.startswith(f"{begin} write to postings/own.toml posting = [")
    written_so = found.partition("postings/own.toml ")[2].partition(" with the name of")[0]
    facts.texts["postings/own.toml"] = written_so.replace("NAME", "write_offs")
    assert findings(facts) == []
    assert "Dr 6932 write_offs                       3.00 EUR" in facts.text()


def test_an_entity_that_nobody_declared_is_a_finding() -> None:
    facts = Facts()
    facts.record("ch_1", "charge", "3.00 EUR", entity_id="acne")
    assert findings(facts) == [
        "master_data ch_1: expected a declared entity, got 'acne': declare it as [[entity]] in tieout.toml"
    ]


def test_a_difference_that_adjustments_do_not_explain_is_not_booked() -> None:
    facts = Facts()
    facts.record("inv_1", "invoice", "100.00 EUR", "10-01")
    facts.record("b_1", "bank_entry", "98.00 EUR")
    facts.match("m_1", {"inv_1": None}, {"b_1": None}, differences={"discount": "1.00 EUR"})
    assert findings(facts) == [
        (
            "conflict b_1: expected a match that a journal can be made of, found a difference that its adjustments do not"
            " explain: undo it, or match the records again"
        )
    ]
    journals, drafts = facts.draft()
    assert (journals.num_rows, drafts.counts["refused"]) == (0, 1)


def test_a_receipt_for_another_entity_is_not_booked() -> None:
    facts = paid_invoice()
    facts.records[0]["entity_id"] = "other"
    assert "records of two entities" in findings(facts)[0]


def test_what_a_match_that_is_only_proposed_says_is_not_booked() -> None:
    facts = paid_invoice()
    for row in facts.matches:
        row["status"] = "proposed"
    assert "receivable" not in facts.text()
    assert "customer_deposits" in facts.text()


@pytest.mark.parametrize(
    ("leg", "gone"),
    [("receipt", "receivable"), ("fee", "fee_expense"), ("payout", "cash_in_transit")],
)
def test_a_leg_that_the_erp_books_is_never_drafted(leg: str, gone: str) -> None:
    facts = paid_invoice()
    facts.record("po_1", "payout", "-97.00 EUR")
    whole = facts.text()
    books = f'[[entity]]\nid = "acme"\nbooks = {{ {leg} = "erp" }}'
    facts.workspace = read_workspace(TOML.replace('[[entity]]\nid = "acme"', books), Path("/acme"), {})
    journals, drafts = facts.draft()
    assert gone in whole
    assert gone not in written(journals)
    assert drafts.counts["erp"] == 1
    assert whole.count("\n\n") == written(journals).count("\n\n") + 1


@pytest.mark.parametrize(
    ("tax", "booked"),
    [
        ("-1.90", {"input_vat": "1.90"}),
        ("-0.30", {"fee_expense": "1.60", "input_vat": "0.30"}),
        (None, {"fee_expense": "1.90"}),
    ],
)
def test_tax_on_fees_that_is_billed_by_a_line_of_its_own_is_input_tax(tax: str | None, booked: dict[str, str]) -> None:
    facts = Facts()
    facts.record("txn_1", "fee", "-1.90 EUR", **({} if tax is None else {"tax": tax}))
    text = facts.text()
    assert dict(re.findall(r"Dr \S+ (\w+) +([0-9.]+) EUR", text)) == booked
    assert re.search(r"Cr \S+ platform_clearing +1\.90 EUR", text)


def erp_books(leg: str) -> Facts:
    facts = paid_invoice()
    books = f'[[entity]]\nid = "acme"\nbooks = {{ {leg} = "erp" }}'
    facts.workspace = read_workspace(TOML.replace('[[entity]]\nid = "acme"', books), Path("/acme"), {})
    return facts


ALL: dict[str, Any] = {"sources": [], "accounts": [], "entities": [], "kinds": [], "only": [[], []]}


@pytest.mark.parametrize(
    ("compared", "unheld"),
    [
        ([], 1),
        ([ALL], 0),
        ([ALL | {"kinds": ["charge", "refund"]}], 0),
        ([ALL | {"only": [["charge"], []]}], 0),
        ([ALL | {"kinds": ["refund"]}], 1),
        ([ALL | {"sources": ["elsewhere"]}], 1),
        ([ALL | {"entities": ["other"]}, ALL | {"only": [["bank_entry"], []]}], 1),
    ],
)
def test_what_is_left_to_the_erp_and_looked_for_by_nothing_is_said(compared: list[dict[str, Any]], unheld: int) -> None:
    facts = erp_books("receipt")
    _, drafts = facts.draft(compared=compared)
    assert (drafts.counts["erp"], drafts.counts["unheld"]) == (1, unheld)
    found = drafts.findings.to_pylist()
    assert [(row["reason"], row["entity_id"], row["source_id"]) for row in found] == [
        ("master_data", "acme", facts.records[-1]["source_id"])
    ] * unheld
    for row in found:
        assert "found none for 1 record of" in row["note"]
        assert 'books = { receipt = "erp" }' in row["note"]
        assert 'rules = "payment-to-receipt"' in row["note"]


@pytest.mark.parametrize("leg", ["fee", "payout", "fx"])
def test_what_has_no_record_of_its_own_in_the_erp_is_looked_for_by_the_proof_alone(leg: str) -> None:
    facts = erp_books(leg)
    facts.record("po_1", "payout", "-97.00 EUR")
    _, drafts = facts.draft(compared=[])
    assert (drafts.counts["unheld"], drafts.findings.num_rows) == (0, 0)


def test_a_payment_that_the_erp_knows_as_a_receipt_is_not_booked_again() -> None:
    facts = Facts()
    facts.record("rc_1", "receipt", "100.00 EUR", "10-05")
    facts.record("ch_1", "charge", "100.00 EUR")
    facts.match("m_1", {"rc_1": None}, {"ch_1": None})
    journals, drafts = facts.draft()
    assert journals.num_rows == 0
    assert drafts.counts["erp"] == 1


def test_a_posting_that_books_the_fee_leaves_no_fee_behind() -> None:
    facts = Facts()
    facts.texts["postings/sales.toml"] = """
        [[posting]]
        name = "sale"
        leg = "receipt"
        when = { kind = "charge", matched = "nothing", method = "visa*" }
        lines = [
          { debit = "platform_clearing", amount = "net" },
          { debit = "fee_expense", amount = "fee_total", tax_code = "V0", dimensions = { centre = "10" } },
          { credit = "sales", amount = "untaxed" },
          { credit = "output_vat", amount = "tax", tax_code = "A19" },
        ]
    """
    facts.record("ch_1", "charge", "119.00 EUR", fee="3.00", tax="19.00", details='{"Payment Method": "visa_debit"}')
    facts.record("ch_2", "charge", "50.00 EUR", fee="1.00", details='{"Payment Method": "mc"}')
    journals, _ = facts.draft()
    assert written(journals).split("\n\n")[0] == (
        "2026-10-05 charge ch_1 | sale | 2026-10\n"
        "  Dr 1361 platform_clearing                116.00 EUR\n"
        "  Dr 6855 fee_expense                      3.00 EUR\n"
        "     Cr 4400 sales                         100.00 EUR\n"
        "     Cr 3806 output_vat                    19.00 EUR"
    )
    assert written(journals).count("fee on a line") == 1
    said = {(row["tax_code"], row["dimensions"]) for row in journals.to_pylist()}
    assert said == {(None, None), ("V0", '{"centre": "10"}'), ("A19", None)}


def test_a_journal_keeps_its_id_when_its_facts_are_amended() -> None:
    first, second = paid_invoice(), paid_invoice()
    second.records[1]["fee"] = 400
    ids = [{row["journal_id"] for row in facts.draft()[0].to_pylist()} for facts in (first, second)]
    assert ids[0] == ids[1]
    assert len(ids[0]) == 2


def test_what_a_match_clears_is_the_document() -> None:
    facts = paid_invoice()
    rows = [row for row in facts.draft()[0].to_pylist() if row["name"] == "receivable"]
    assert [row["clears"] for row in rows] == [facts.records[0]["record_id"]]
    assert rows[0]["record_ids"] == [facts.records[1]["record_id"], facts.records[0]["record_id"]]
    assert rows[0]["match_id"] == facts.matches[0]["match_id"]


@pytest.mark.parametrize(
    "spoilt",
    [
        "update spoilt set credit = credit + 1, base_credit = base_credit + 1 where name = 'receivable'",
        "update spoilt set base_credit = base_credit + 1 where name = 'receivable'",
        "update spoilt set debit = -debit, credit = -credit, base_debit = -base_debit, base_credit = -base_credit",
        "update spoilt set debit = debit + 5, credit = credit + 5",
        "update spoilt set currency = 'USD' where name = 'receivable'",
        "update spoilt set debit = 0, credit = 0",
        "delete from spoilt where name = 'receivable'",
        "update spoilt set debit = 0, credit = 0, name = 'rounding' where posting like 'fee%'",
    ],
)
def test_the_proof_fires_when_a_line_is_off(spoilt: str) -> None:
    facts = paid_invoice()
    con = facts.connection()
    facts.draft(con)
    con.execute("create table spoilt as select * from draft_journal")
    prove_balanced(con, "spoilt")
    con.execute(spoilt)
    with pytest.raises(Broken, match="expected every journal to balance, got"):
        prove_balanced(con, "spoilt")


def test_a_match_counted_in_finer_decimals_makes_the_same_journals() -> None:
    first, second = paid_invoice(), paid_invoice()
    for facts in (first, second):
        facts.record("inv_2", "invoice", "50.00 EUR", "10-01")
        facts.record("b_2", "bank_entry", "49.00 EUR")
        facts.match("m_2", {"inv_2": None}, {"b_2": None}, differences={"bank_charge": ("1.00 EUR", "0.10")})
    for row in (*second.matches, *second.adjustments):
        keys = ("amount", "allocated", "tax_amount")
        row.update({key: row[key] * 100 for key in keys if key in row} | {"exponent": 4})
    assert first.draft()[0] == second.draft()[0]


@pytest.mark.parametrize(
    ("currency", "exponent", "tax"),
    [("EUR", 4, 1_055), ("EUR", 4, -1_055), ("KWD", 9, 100_000_001), ("JPY", 2, 13), ("EUR", 9, 1)],
)
def test_the_tax_in_a_difference_keeps_its_finer_digits(currency: str, exponent: int, tax: int) -> None:
    one, sign = 10**exponent, 1 if tax > 0 else -1
    facts = Facts(rates="date,base,quote,rate\n2026-10-01,EUR,KWD,0.3331\n2026-10-01,EUR,JPY,162.5\n")
    facts.record("inv_1", "invoice" if sign > 0 else "bill", f"{sign * 50} {currency}", "10-01")
    facts.record("b_1", "bank_entry", f"{sign * 49} {currency}")
    facts.match("m_1", {"inv_1": None}, {"b_1": None}, differences={"discount": f"{sign} {currency}"})
    facts.adjustments[0].update(amount=sign * one, tax_amount=tax, exponent=exponent)
    rows = facts.draft()[0].to_pylist()
    found = {
        row["name"]: Fraction(row["debit"] - row["credit"], 10 ** row["exponent"])
        for row in rows
        if row["currency"] == currency and row["debit"] != row["credit"]
    }
    names = ("discounts_allowed", "output_vat") if sign > 0 else ("discounts_received", "input_vat")
    assert found[names[1]] == Fraction(tax, one)
    assert found[names[0]] == sign - Fraction(tax, one)


def test_what_the_how_to_shows_is_read(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "how-to" / "write-a-posting.md").read_text()
    blocks = dict(re.findall(r"```toml acme/(postings/\S+)\n(.*?)```", page, re.DOTALL))
    assert len(blocks) == 2
    us = '[[entity]]\nid = "acme-us"\ncurrency = "USD"\n\n[[source]]\nid = "psp"\nentity = "acme"'
    text = TOML.replace('[[source]]\nid = "psp"', us).replace('id = "bank"', 'id = "bank"\nentity = "acme"')
    workspace = read_workspace(text.replace('id = "shop"', 'id = "shop"\nentity = "acme"'), tmp_path, {})
    postings = read_postings(blocks, workspace)
    assert postings.postings[0].name == "card sale"
    assert postings.account("receivable", "acme-us", "USD") == "12010"
    named = set(re.findall(r"`(\w+)`", page))
    assert set(ACCOUNT_NAMES) | set(AMOUNTS) | set(MATCHED) <= named
