"""camt.052, camt.053 and camt.054: what banks send is read, and what contradicts itself is said."""

import io
import json
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.depth import examples
from tests.formats.camt_documents import ACCOUNT, NAMESPACE, balance, document, entry, rich_entry, rich_statement
from tieout.formats.camt.messages import CAMT_052, CAMT_053, CAMT_054, CamtFormat
from tieout.formats.camt.repeats import Repeats
from tieout.formats.camt.shapes import Shapes
from tieout.formats.reading import Chunk, Head, ReadOptions
from tieout.intake.derive import stated_table
from tieout.model.money import exponent_of, format_minor
from tieout.model.problems import Problem
from tieout.model.records import Record
from tieout.model.statements import Statement

Samples = Callable[[str], list[tuple[Path, dict[str, Any], str]]]

CASES = Path(__file__).parent / "cases" / "camt"
GOLDEN = sorted(CASES.glob("*.xml"))
FORMATS = (CAMT_052, CAMT_053, CAMT_054)


def encoded(data: bytes | str) -> bytes:
    return data.encode() if isinstance(data, str) else data


def identified(data: bytes | str) -> tuple[CamtFormat, str] | None:
    head = Head("file.xml", encoded(data)[: 64 * 1024])
    found = [(reader, name) for reader in FORMATS if (name := reader.identify(head))]
    assert len(found) <= 1
    return found[0] if found else None


def chunks(data: bytes | str, reader: CamtFormat | None = None, **options: Any) -> list[Chunk]:
    found = identified(data)
    reader = reader or (found[0] if found else CAMT_053)
    return list(reader.read(io.BytesIO(encoded(data)), ReadOptions(**options)))


def records(data: bytes | str, **options: Any) -> list[Record]:
    return [record for chunk in chunks(data, **options) for record in chunk.records]


def problems(data: bytes | str, reader: CamtFormat | None = None) -> list[Problem]:
    return [problem for chunk in chunks(data, reader) for problem in chunk.problems]


def statement(data: bytes | str) -> Statement:
    (found,) = [statement for chunk in chunks(data) for statement in chunk.statements]
    return found


def one(data: bytes | str) -> Record:
    (found,) = records(data)
    return found


def refusal(data: bytes | str, reader: CamtFormat | None = None) -> Problem:
    found = chunks(data, reader)[-1]
    assert not found.records
    (problem,) = found.problems
    assert problem.severity == "refused"
    return problem


def described(record: Record) -> list[str]:
    def money(minor: int | None, exponent: int | None, currency: str | None) -> str:
        assert minor is not None
        assert exponent is not None
        return f"{format_minor(minor, exponent)} {currency}"

    amount = money(record.amount, record.exponent, record.currency)
    lines = [
        (
            f"line {record.line} {record.kind} {record.status} {record.booked_on}/{record.value_on} {amount}"
            f" {record.bank_code}"
        ),
    ]
    if record.external_id:
        lines.append(f"id {record.external_id}, identity {record.identity}")
    if record.parent_external_id:
        lines.append(f"in {record.parent_external_id}")
    lines += [", ".join(record.references)] if record.references else []
    who = " ".join(part for part in (record.counterparty, record.counterparty_account) if part)
    at = f"at {record.occurred_at}" if record.occurred_at else ""
    said = f": {record.text}" if record.text else ""
    lines += [f"from/to {who}{said}"] if who else []
    lines += [at + ("" if who else said)] if at else []
    if record.original_amount is not None:
        original = money(record.original_amount, record.original_exponent, record.original_currency)
        lines.append(f"was {original} at {record.rate}")
    lines += [record.details] if record.details else []
    return [lines[0], *(f"  {line}" for line in lines[1:])]


def told(data: bytes) -> str:
    """Write what a reader found as a person would check it against the file."""
    read, found = chunks(data), identified(data)
    lines = [found[1] if found else "unknown"]
    for s in (statement for chunk in read for statement in chunk.statements):
        lines += [
            (
                f"{s.statement_id} no {s.number} {s.account_number} {s.currency} at {s.servicer}, {s.from_on} to {s.to_on},"
                f" {'final' if s.final else 'not final'}, made {s.created_at}"
            ),
            (
                f"  opening {s.opening}, closing {s.closing}, {s.entries} entries,"
                f" credits {format_minor(s.credits, s.exponent)}, debits {format_minor(s.debits, s.exponent)},"
                f" closes {s.closes}"
            ),
        ]
    balances = [balance for chunk in read for balance in chunk.balances]
    lines += [f"  line {b.line} {b.kind} {b.code} {b.amount} on {b.on}" for b in balances]
    for record in (record for chunk in read for record in chunk.records):
        lines += described(record)
    for t in read[-1].totals:
        sums = f"{format_minor(t.credits, t.exponent)} credits, {format_minor(t.debits, t.exponent)} debits"
        lines.append(f"total {t.currency} {t.count}: {sums}")
    lines += [f"{p.severity} {p.line} {p.column}: {p.message}" for chunk in read for p in chunk.problems]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("case", GOLDEN, ids=lambda path: path.stem)
def test_a_document_is_read_as_a_person_reads_it(case: Path) -> None:
    assert told(case.read_bytes()) == case.with_suffix(".txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("version", ["02", "04", "08", "14"])
@pytest.mark.parametrize(
    ("reader", "message"),
    [(CAMT_052, "BkToCstmrAcctRpt"), (CAMT_053, "BkToCstmrStmt"), (CAMT_054, "BkToCstmrDbtCdtNtfctn")],
    ids=["052", "053", "054"],
)
def test_the_version_is_in_the_namespace_else_the_message_says_what_it_is(
    version: str, reader: CamtFormat, message: str
) -> None:
    name = f"{reader.id}.001.{version}"
    spaced = f"<Document xmlns='urn:iso:std:iso:20022:tech:xsd:{name}'><{message}>"
    assert identified(spaced) == (reader, name)
    assert identified(f"<Document><{message}><GrpHdr>") == (reader, reader.id)
    soap = f"<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body>{spaced}"
    assert identified(soap) == (reader, name)


@pytest.mark.parametrize("kind", ["Dly", "Prdc"], ids=["daily", "periodic"])
def test_italian_statements_are_those_of_camt_under_names_of_their_own(kind: str) -> None:
    # Italy's banks put the statements of several accounts, each a message of its own, into one "body".
    message = f"CBI{kind}StmtReqLogMsg"
    accounts = ["IT60X0542811101000000123456", "IT40S0542811101000000123457"]
    messages = "".join(
        f"<b:CBIEnvelBkToCstmrStmtReqLogMsg><b:CBIBkToCstmrStmtReqLogMsg><d:{message}>"
        f"<GrpHdr><MsgId>M{number}</MsgId></GrpHdr><Stmt><Id>S</Id><Acct><Id><IBAN>{account}</IBAN></Id></Acct>"
        f"{balance('OPBD', '10.00', '2026-10-30')}{entry('2.50')}{balance('CLBD', '12.50', '2026-10-30')}</Stmt>"
        f"</d:{message}></b:CBIBkToCstmrStmtReqLogMsg></b:CBIEnvelBkToCstmrStmtReqLogMsg>"
        for number, account in enumerate(accounts)
    )
    data = (
        "<b:CBIBdyBkToCstmrStmtReq xmlns:b='urn:CBI:xsd:CBIBdyBkToCstmrStmtReq.00.01.02'"
        " xmlns:d='urn:CBI:xsd:CBIBkToCstmrStmtReqLogMsg.00.01.02'"
        f" xmlns='urn:CBI:xsd:{message}.00.01.02'>"
        f"<b:PhyMsgInf><b:NbOfLogMsg>2</b:NbOfLogMsg></b:PhyMsgInf>{messages}</b:CBIBdyBkToCstmrStmtReq>"
    )
    assert identified(data) == (CAMT_053, "camt.053")
    assert problems(data) == []
    assert [(record.account_number, record.amount) for record in records(data)] == [
        (number, 250) for number in accounts
    ]
    statements = [told for chunk in chunks(data) for told in chunk.statements]
    assert [(told.account_number, told.closes) for told in statements] == [(number, True) for number in accounts]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"%PDF-1.4 camt.053.001.02",
        b"\x00\xff\xfe\x00",
        b"<Document xmlns='urn:iso:std:iso:20022:tech:xsd:pain.001.001.09'><CstmrCdtTrfInitn>",
        b"<html><body>camt.053.001.02</body></html>",
        b":20:STARTUMS",
    ],
    ids=["empty", "pdf", "noise", "pain", "html", "mt940"],
)
def test_what_is_no_camt_is_not_taken_for_one(data: bytes) -> None:
    assert identified(data) is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1", "windows-1252"])
def test_every_encoding_that_banks_use_is_read(encoding: str) -> None:
    declared = encoding.replace("-sig", "")
    inside = "<AddtlNtryInf>Gebühr für Müller</AddtlNtryInf>"
    text = f"<?xml version='1.0' encoding='{declared}'?>{document(entry(inside=inside))}"
    data = text.encode(encoding)
    assert identified(data) == (CAMT_053, "camt.053.001.02")
    assert one(data).text == "Gebühr für Müller"


def test_a_document_type_is_refused_whatever_it_defines(tmp_path: Path) -> None:
    bomb = "<!DOCTYPE Document [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]>"
    text = document(entry(inside="<AddtlNtryInf>&b;</AddtlNtryInf>"))
    assert "DOCTYPE" in refusal(bomb + text).message
    outside = tmp_path / "outside.dtd"
    outside.write_text("this would be a fault if it were loaded")
    assert "DOCTYPE" in refusal(f"<!DOCTYPE Document SYSTEM '{outside.as_uri()}'>{document(entry())}").message


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty file"),
        (b"%PDF-1.7\n1 0 obj", "well-formed"),
        (document(entry()).replace("</Stmt>", "").encode(), "well-formed"),
        (document(entry())[:-30].encode(), "well-formed"),
        (f"<Document xmlns='{NAMESPACE}'/>".encode(), "at least one statement"),
        (f"<Document xmlns='{NAMESPACE}'><BkToCstmrStmt><GrpHdr/></BkToCstmrStmt></Document>".encode(), "at least one"),
        (document(entry()).replace("Stmt>", "Rpt>").replace("BkToCstmrRpt", "BkToCstmrAcctRpt").encode(), "camt.052"),
        (b"<?xml version='1.0' encoding='no-such-code'?><Document/>", "well-formed"),
        (b"<a>" * 5_000, "well-formed"),
    ],
    ids=["empty", "pdf", "mismatched", "cut", "empty-root", "no-statement", "other-message", "encoding", "deep"],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(data: bytes, said: str) -> None:
    assert said in refusal(data, CAMT_053).message


def test_a_fault_in_the_xml_has_a_place() -> None:
    problem = refusal(document(entry()).replace("<Stmt>", "\n\n<Stmt>").replace("</Ntry>", "</Nty>"))
    assert problem.line == 3
    assert isinstance(problem.column, int)


def test_pages_and_accounts_are_statements_of_their_own() -> None:
    second = "</Stmt><Stmt><Id>T</Id><Acct><Id><Othr><Id>42</Id></Othr></Id><Ccy>USD</Ccy></Acct>"
    text = document(entry("1.00"), second, entry("2.00", currency="USD"))
    found = [statement for chunk in chunks(text) for statement in chunk.statements]
    assert [(s.statement_id, s.account_number, s.currency, s.entries) for s in found] == [
        ("S", "DE89370400440532013000", "EUR", 1),
        ("T", "42", "USD", 1),
    ]
    assert [record.account_number for record in records(text)] == ["DE89370400440532013000", "42"]
    assert not problems(text)
    assert [(t.currency, t.count, t.credits) for t in chunks(text)[-1].totals] == [("EUR", 1, 100), ("USD", 1, 200)]


def test_a_statement_that_does_not_close_says_all_its_figures() -> None:
    text = document(
        balance("OPBD", "10", "2026-10-30"),
        balance("CLBD", "5", "2026-10-30"),
        entry("3.50"),
        entry("1", debit=True),
        entry("100", status="PDNG"),
    )
    (problem,) = problems(text)
    assert problem.reason == "balance_difference"
    assert re.findall(r"\d+\.\d+", problem.message) == ["10.00", "3.50", "1.00", "12.50", "5.00"]
    assert statement(text).closes is False


def test_a_balance_without_direction_is_a_credit_and_an_opening_is_the_opening() -> None:
    plain = balance("CLBD", "11.00", "2026-10-30").replace("<CdtDbtInd>CRDT</CdtDbtInd>", "")
    text = document(balance("PRCD", "7", "2026-10-29"), balance("OPBD", "10", "2026-10-30"), plain, entry("1.00"))
    assert statement(text).closes is True
    assert str(statement(text).opening) == "10.00 EUR"
    assert [problem.message for problem in problems(text)] == [
        "expected the balance OPBD to be what closed before it, 7.00 EUR (PRCD), got 10.00 EUR"
    ]


def test_a_balance_without_currency_is_in_the_accounts() -> None:
    plain = balance("OPBD", "1", "2026-10-30").replace(" Ccy='EUR'", "")
    assert str(statement(document(plain)).opening) == "1.00 EUR"
    assert statement(document(plain, account="")).opening is None


def test_a_balance_that_cannot_be_read_is_said_and_nothing_is_claimed() -> None:
    for code, wrong in (("OPBD", "lots"), ("CLBD", "-1")):
        text = document(balance(code, wrong, "2026-10-30"), entry())
        assert [problem.reason for problem in problems(text)] == ["balance_difference"]
        assert statement(text).closes is None


def test_without_balances_nothing_is_claimed() -> None:
    assert statement(document(entry())).closes is None
    assert not problems(document(entry()))


@pytest.mark.parametrize(
    ("codes", "kinds"),
    [
        (["OPBD", "ITBD"], ["opening", "interim_closing"]),
        (["ITBD", "ITBD"], ["interim_opening", "interim_closing"]),
        (["ITBD", "CLBD"], ["interim_opening", "closing"]),
        (["CLAV", "FWAV", "XPCD", "INFO"], ["available", "forward_available", "pending", "information"]),
    ],
    ids=["first-page", "middle-page", "last-page", "others"],
)
def test_a_balance_is_what_its_code_and_place_say(codes: list[str], kinds: list[str]) -> None:
    text = document(*(balance(code, "1.00", "2026-10-30") for code in codes))
    assert [b.kind for chunk in chunks(text) for b in chunk.balances] == kinds


@pytest.mark.parametrize(
    ("text", "column"),
    [
        (entry("twelve"), "Amt"),
        (entry("1,50"), "Amt"),
        (entry("-1.00"), "Amt"),
        (entry("1.0000000001"), "Amt"),
        (entry("99999999999999999999"), "Amt"),
        (entry(currency="EURO"), "Amt"),
        (entry(currency="XYZ"), "Amt"),
        (entry().replace("<Amt Ccy='EUR'>1.00</Amt>", ""), "Amt"),
        (entry().replace("<Amt Ccy='EUR'>1.00</Amt>", "<Amt Ccy='EUR'> </Amt>"), "Amt"),
        (entry().replace("CRDT", "PLUS"), "CdtDbtInd"),
        (entry().replace("<CdtDbtInd>CRDT</CdtDbtInd>", ""), "CdtDbtInd"),
        (entry(day="<Dt>2026-02-30</Dt>"), "BookgDt"),
        (entry(day="<Dt>30.10.2026</Dt>"), "BookgDt"),
        (entry(inside="<ValDt><Dt>2026-06-31</Dt></ValDt>"), "ValDt"),
    ],
)
def test_an_entry_that_cannot_be_read_is_a_row_with_a_place_and_the_rest_goes_on(text: str, column: str) -> None:
    whole = document(
        balance("OPBD", "0", "2026-10-30"), "\n\n", balance("CLBD", "2", "2026-10-30"), "\n", text, entry("2.00")
    )
    row, proof = problems(whole)
    assert (row.severity, row.line, row.column) == ("row", 4, column)
    assert (proof.severity, proof.reason) == ("finding", "incomplete")
    assert [record.amount for record in records(whole)] == [200]
    assert statement(whole).closes is None
    assert statement(whole).entries == 2
    assert sum(chunk.rows or 0 for chunk in chunks(whole)) == 2


@pytest.mark.parametrize(
    ("amount", "currency", "minor", "exponent"),
    [
        ("8.85000", "EUR", 885, 2),
        ("18.12345", "EUR", 1812345, 5),
        ("0.2", "EUR", 20, 2),
        (" 10 ", "EUR", 1000, 2),
        ("1000", "JPY", 1000, 0),
        ("10.001", "KWD", 10001, 3),
        (".5", "EUR", 50, 2),
        ("0", "EUR", 0, 2),
        ("1", "eur", 100, 2),
    ],
)
def test_amounts_are_exact(amount: str, currency: str, minor: int, exponent: int) -> None:
    record = one(document(entry(amount, currency=currency), account=""))
    assert (record.amount, record.exponent, record.currency) == (minor, exponent, currency.upper())


def test_more_decimals_than_the_currency_has_still_close() -> None:
    text = document(
        balance("OPBD", "0.00", "2026-10-30"),
        balance("CLBD", "18.11345", "2026-10-30"),
        entry("18.12345"),
        entry("0.01", debit=True),
    )
    assert (statement(text).closes, statement(text).exponent, statement(text).credits) == (True, 5, 1812345)


def test_an_entry_in_another_currency_is_kept_and_said_and_does_not_count_in_the_balance() -> None:
    text = document(
        balance("OPBD", "0", "2026-10-30"),
        balance("CLBD", "1", "2026-10-30"),
        entry("1.00"),
        entry("5", currency="USD"),
        entry("6", currency="USD"),
    )
    (problem,) = problems(text)
    assert problem.reason == "currency_mismatch"
    assert "2 in USD" in problem.message
    assert len(records(text)) == 3
    assert statement(text).closes is True


@pytest.mark.parametrize(
    ("written", "status"),
    [("BOOK", "booked"), ("<Cd>BOOK</Cd>", "booked"), ("<Cd>PDNG</Cd>", "pending"), ("<Cd>FUTR</Cd>", "pending")],
)
def test_the_status_stands_plain_or_coded(written: str, status: str) -> None:
    assert one(document(entry(status=written))).status == status


def test_no_status_in_a_statement_is_booked_and_in_a_report_provisional() -> None:
    text = document(entry()).replace("<Sts>BOOK</Sts>", "")
    assert one(text).status == "booked"
    report = text.replace("Stmt>", "Rpt>").replace("BkToCstmrRpt", "BkToCstmrAcctRpt").replace(".053.", ".052.")
    assert one(report).status == "provisional"


def test_a_status_that_nobody_knows_is_said_and_not_counted() -> None:
    text = document(entry(status="<Prtry>QUEUED</Prtry>"))
    assert one(text).status == "pending"
    assert "QUEUED" in problems(text)[0].message


@pytest.mark.parametrize(
    "day",
    ["<Dt>2026-10-30</Dt>", "<DtTm>2026-10-30T23:59:59+14:00</DtTm>", "<Dt><DtTm>2026-10-30T00:00:00</DtTm></Dt>"],
)
def test_a_day_is_the_day_that_is_written(day: str) -> None:
    assert str(one(document(entry(day=day))).booked_on) == "2026-10-30"


def test_a_booking_day_that_is_missing_is_the_value_day_or_the_end_of_the_statement() -> None:
    assert str(one(document(entry(day="", inside="<ValDt><Dt>2026-10-28</Dt></ValDt>"))).booked_on) == "2026-10-28"
    closing = balance("CLBD", "1", "2026-10-29")
    assert str(one(document(closing, entry(day=""))).booked_on) == "2026-10-29"
    assert problems(document(entry(day="")))[0].column == "BookgDt"


def details_of(*transactions: str, batch: str = "") -> str:
    return f"<NtryDtls>{batch}{''.join(f'<TxDtls>{inside}</TxDtls>' for inside in transactions)}</NtryDtls>"


def test_the_holder_is_never_the_counterparty() -> None:
    both = (
        "<RltdPties><Dbtr><Nm>Us</Nm></Dbtr><DbtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id></DbtrAcct>"
        "<Cdtr><Nm>Them</Nm></Cdtr></RltdPties>"
    )
    assert one(document(entry(inside=details_of(both)))).counterparty == "Them"
    ultimate = "<RltdPties><UltmtDbtr><Pty><Nm>Behind</Nm></Pty></UltmtDbtr></RltdPties>"
    assert one(document(entry(inside=details_of(ultimate)))).counterparty == "Behind"
    assert one(document(entry(inside=details_of(ultimate), debit=True))).counterparty is None


@pytest.mark.parametrize("between", ["", "<?xml version='1.0'?>"])
def test_documents_joined_into_one_file_are_told_apart_from_a_fault(between: str) -> None:
    text = document(entry())
    (problem,) = problems(f"{text}\n{between}{text}")
    assert (problem.severity, problem.line) == ("refused", 2)
    assert "of files joined into one, bring each by itself" in problem.message


OWNED = ACCOUNT.replace("<Ccy>", "<Ownr><Nm>Acme  GmbH</Nm></Ownr><Ccy>")


@pytest.mark.parametrize(
    ("debtor", "creditor", "debit", "counterparty", "number"),
    [
        # What came back keeps the parties of the payment: we are its debtor.
        ("<Nm>ACME GmbH</Nm>", "<Nm>Them</Nm>", False, "Them", None),
        ("<Pty><Nm>Acme GmbH</Nm></Pty>", "<Pty><Nm>Them</Nm></Pty>", False, "Them", None),
        ("<Nm>Them</Nm>", "<Nm>Acme GmbH</Nm>", True, "Them", None),
        # Between accounts of ours, or where nobody else is named, the other side is we as well.
        ("<Nm>Acme GmbH</Nm>", "<Nm>acme gmbh</Nm>", False, "Acme GmbH", None),
        ("<Nm>Acme GmbH</Nm>", "", False, "Acme GmbH", None),
        # An account that is not this one is the other side's, whatever its holder is called.
        ("<Nm>Acme GmbH</Nm>", "<Nm>Them</Nm>", False, "Acme GmbH", "GB33BUKB20201555555555"),
        ("<Nm>Acme GmbH & Co</Nm>".replace("&", "&amp;"), "<Nm>Acme GmbH</Nm>", False, "Acme GmbH & Co", None),
    ],
)
@pytest.mark.parametrize("times", [1, 40])
def test_the_owner_of_the_account_is_not_the_counterparty_where_another_is_named(
    debtor: str, creditor: str, debit: bool, counterparty: str, number: str | None, times: int
) -> None:
    of_debtor = f"<DbtrAcct><Id><IBAN>{number}</IBAN></Id></DbtrAcct>" if number else ""
    parties = f"<RltdPties><Dbtr>{debtor}</Dbtr>{of_debtor}<Cdtr>{creditor}</Cdtr></RltdPties>"
    text = document(*[entry(inside=details_of(parties), debit=debit)] * times, account=OWNED)
    found = records(text)
    assert {(r.counterparty, r.counterparty_account) for r in found} == {(counterparty, number)}
    assert len(found) == times


def test_transactions_that_do_not_sum_to_their_entry_are_said() -> None:
    text = document(entry("3.00", details_of("<Amt Ccy='EUR'>1</Amt>", "<Amt Ccy='EUR'>1.50</Amt>")))
    (problem,) = problems(text)
    assert (problem.reason, problem.column) == ("amount_difference", "TxDtls")
    assert problems(document(entry("3.00", details_of("<Amt Ccy='EUR'>2</Amt>"))))


@pytest.mark.parametrize("before", ["\n", "  ", "\r\n\r\n  ", "\ufeff\n", "\n" * 900])
@pytest.mark.parametrize("declaration", ["<?xml version='1.0'?>", "<?xml version='1.0' encoding='ISO-8859-1'?>\n"])
def test_blanks_before_the_xml_declaration_are_only_unusual(before: str, declaration: str) -> None:
    text = document(entry("3.00"), "\n", entry("1.x"))
    data = (before + declaration + text[text.index("<Document") :]).encode()
    assert CAMT_053.identify(Head(data=data, name="statement.xml")) == "camt.053.001.02"
    read = list(CAMT_053.read(io.BytesIO(data), ReadOptions()))
    (problem,) = [problem for chunk in read for problem in chunk.problems]
    assert (problem.severity, problem.line) == ("row", (before + declaration).count("\n") + 2)
    assert sum(chunk.rows or 0 for chunk in read) == 2


def test_two_xml_declarations_are_refused() -> None:
    text = document(entry("3.00"))
    data = ("\n<?xml version='1.0'?>\n<?xml version='1.0'?>" + text[text.index("<Document") :]).encode()
    (problem,) = [problem for chunk in CAMT_053.read(io.BytesIO(data), ReadOptions()) for problem in chunk.problems]
    assert problem.severity == "refused"


def test_what_was_instructed_is_a_transaction_only_if_it_adds_up() -> None:
    inside = tuple(f"<AmtDtls><InstdAmt><Amt Ccy='EUR'>{n}</Amt></InstdAmt></AmtDtls>" for n in (1, 2))
    assert [record.amount for record in records(document(entry("3.00", details_of(*inside))))] == [300, 100, 200]
    less = document(entry("2.90", details_of(*inside)))
    assert [record.amount for record in records(less)] == [290]
    assert not problems(less)


def test_a_batch_that_counts_wrongly_is_said_but_one_summary_is_not_a_list() -> None:
    two, three = ("<Btch><NbOfTxs>2</NbOfTxs></Btch>", "<Btch><NbOfTxs>3</NbOfTxs></Btch>")
    inside = ("<Amt Ccy='EUR'>1</Amt>", "<Amt Ccy='EUR'>2</Amt>")
    assert not problems(document(entry("3.00", details_of(*inside, batch=two))))
    assert problems(document(entry("3.00", details_of(*inside, batch=three))))[0].column == "NbOfTxs"
    assert not problems(document(entry("3.00", details_of("<Amt Ccy='EUR'>3</Amt>", batch=three))))
    assert not problems(document(entry("3.00", f"<NtryDtls>{three}</NtryDtls>")))


def test_a_transaction_with_words_for_an_amount_is_a_row_of_its_own() -> None:
    text = document(entry("3.00", details_of("<Amt Ccy='EUR'>many</Amt>", "<Amt Ccy='EUR'>2</Amt>")))
    (problem,) = problems(text)
    assert (problem.severity, problem.column) == ("row", "TxDtls")
    assert [(record.kind, record.amount) for record in records(text)] == [("bank_entry", 300), ("bank_detail", 200)]


def test_transactions_in_another_currency_leave_their_references_with_the_entry() -> None:
    foreign = ("<Refs><TxId>A</TxId></Refs><Amt Ccy='USD'>1</Amt>", "<Refs><TxId>B</TxId></Refs><Amt Ccy='USD'>2</Amt>")
    record = one(document(entry("3.00", details_of(*foreign))))
    assert record.references == ("A", "B")
    assert json.loads(record.details or "") == {
        "TxDtls": "2",
        "TxDtls[1]/Refs/TxId": "A",
        "TxDtls[1]/Amt": "1",
        "TxDtls[1]/Amt/@Ccy": "USD",
        "TxDtls[2]/Refs/TxId": "B",
        "TxDtls[2]/Amt": "2",
        "TxDtls[2]/Amt/@Ccy": "USD",
    }


@pytest.mark.parametrize(
    "amounts", [("<Amt Ccy='USD'>60.00</Amt>", "<Amt Ccy='USD'>40.00</Amt>"), ("<Amt Ccy='EUR'>60.00</Amt>", "")]
)
def test_nothing_that_a_transaction_says_is_lost_where_it_cannot_stand_alone(amounts: tuple[str, str]) -> None:
    inside = [
        f'{amount}<RltdPties><Dbtr><Nm>Payer "{n}" 100%</Nm></Dbtr></RltdPties><RmtInf><Ustrd>invoice {n}</Ustrd></RmtInf>'
        for n, amount in enumerate(amounts, 1)
    ]
    note = "<AddtlNtryInf>collected</AddtlNtryInf>"
    record = one(document(entry("92.00", f"{details_of(*inside)}{note}")))
    assert (record.amount, record.text) == (9200, "collected invoice 1 invoice 2")
    details = json.loads(record.details or "")
    assert [details[f"TxDtls[{n}]/RltdPties/Dbtr/Nm"] for n in (1, 2)] == ['Payer "1" 100%', 'Payer "2" 100%']
    assert details["TxDtls[1]/Amt"] == "60.00"


@pytest.mark.parametrize("word", ["NONREF", "NOTPROVIDED", "notprovided", "-", "0000000", " ", "N/A"])
def test_a_placeholder_is_no_reference(word: str) -> None:
    record = one(document(entry(inside=f"<AcctSvcrRef>{word}</AcctSvcrRef>")))
    assert (record.external_id, record.identity, record.references) == (None, None, ())
    assert record.counted


@pytest.mark.parametrize(
    ("summary", "wrong"),
    [
        ("<TtlNtries><NbOfNtries>3</NbOfNtries><Sum>6.00</Sum></TtlNtries>", []),
        ("<TtlNtries><NbOfNtries>2</NbOfNtries><Sum>3</Sum></TtlNtries>", []),
        ("<TtlNtries><NbOfNtries>4</NbOfNtries></TtlNtries>", ["TtlNtries/NbOfNtries"]),
        ("<TtlCdtNtries><NbOfNtries>1</NbOfNtries><Sum>1.01</Sum></TtlCdtNtries>", ["TtlCdtNtries/Sum"]),
        ("<TtlDbtNtries><Sum>some</Sum></TtlDbtNtries>", ["TtlDbtNtries/Sum"]),
    ],
    ids=["all", "booked-only", "count", "credits", "words"],
)
def test_a_summary_that_contradicts_the_entries_is_said(summary: str, wrong: list[str]) -> None:
    entries = (entry("1"), entry("2", debit=True), entry("3", debit=True, status="PDNG"))
    found = problems(document(f"<TxsSummry>{summary}</TxsSummry>", *entries))
    assert [problem.column for problem in found] == wrong


@pytest.mark.parametrize("way", ["<TtlNetNtryAmt>{}</TtlNetNtryAmt>{}", "<TtlNetNtry><Amt>{}</Amt>{}</TtlNetNtry>"])
@pytest.mark.parametrize(
    ("amount", "word", "right"),
    [
        ("1.00", "DBIT", True), ("1.00", "CRDT", False), ("1.00", "", True), ("-1.00", "", True), ("1.01", "DBIT", False),
        ("1.00", "dbit", True), ("-1.00", "DBIT", True),
    ],
)  # fmt: skip
def test_a_net_has_the_direction_that_its_summary_says(way: str, amount: str, word: str, right: bool) -> None:
    net = way.format(amount, f"<CdtDbtInd>{word}</CdtDbtInd>" if word else "")
    summary = f"<TxsSummry><TtlNtries>{net}</TtlNtries></TxsSummry>"
    assert bool(problems(document(summary, entry("1"), entry("2", debit=True)))) is not right
    assert not problems(document(summary.replace(amount, "0"), entry("2"), entry("2", debit=True)))


def batch(total: str, word: str = "", count: int = 3, *, currency: str = "EUR", inside: str = "") -> str:
    """The details of an entry with what the bank says of a batch."""
    direction = f"<CdtDbtInd>{word}</CdtDbtInd>" if word else ""
    said = f"<NbOfTxs>{count}</NbOfTxs><TtlAmt Ccy='{currency}'>{total}</TtlAmt>{direction}"
    return f"<NtryDtls><Btch>{said}</Btch>{inside}</NtryDtls>"


_SEVERAL = "".join(f"<TxDtls><Amt Ccy='EUR'>{amount}</Amt></TxDtls>" for amount in ("4.00", "6.00"))
_CHARGED = "<Chrgs><Rcrd><Amt Ccy='EUR'>0.50</Amt><CdtDbtInd>DBIT</CdtDbtInd></Rcrd></Chrgs>"


@pytest.mark.parametrize(
    ("inside", "right"),
    [
        (batch("10.00"), True), (batch("10"), True), (batch("11.00"), False), (batch("ten"), False),
        (batch("10.00", "CRDT"), True), (batch("10.00", "DBIT"), False), (batch("11.00", currency="USD"), True),
        (f"<RvslInd>true</RvslInd>{batch('10.00', 'DBIT')}", True),
        (batch("4.00") + batch("6.00"), True), (batch("4.00") + batch("6.01"), False),
        (batch("4.00") + batch("14.00", "DBIT"), False), (batch("14.00") + batch("4.00", "DBIT"), True),
        (batch("4.00") + "<NtryDtls><TxDtls><Amt Ccy='EUR'>6.00</Amt></TxDtls></NtryDtls>", True),
        (batch("10.00", count=2, inside=_SEVERAL), True), (batch("11.00", count=2, inside=_SEVERAL), False),
        (f"{_CHARGED}{batch('10.50')}", True), (f"{_CHARGED}{batch('10.49')}", False), (f"{_CHARGED}{batch('9.50')}", False),
        ("<Btch><TtlAmt Ccy='EUR'>11.00</TtlAmt></Btch>", False),
    ],
)  # fmt: skip
def test_the_totals_of_batches_are_their_entry(inside: str, right: bool) -> None:
    for count in (1, 20):  # alone, and many that are read together
        found = problems(document(*[entry("10.00", inside)] * count))
        assert [problem.column for problem in found] == ([] if right else ["TtlAmt"] * count)
        assert len(records(document(*[entry("10.00", inside)] * count))) >= count


def test_a_page_is_not_held_against_the_summary_of_the_whole() -> None:
    pages = "<StmtPgntn><PgNb>2</PgNb><LastPgInd>true</LastPgInd></StmtPgntn>"
    summary = "<TxsSummry><TtlNtries><NbOfNtries>900</NbOfNtries></TtlNtries></TxsSummry>"
    assert not problems(document(pages, summary, entry()))
    assert problems(document(summary, entry()))


def test_namesakes_in_an_extension_are_not_read() -> None:
    inside = "<SplmtryData><Envlp><x:Ntry xmlns:x='urn:x'><x:Amt>9</x:Amt><x:TxDtls/><x:TxDtls/></x:Ntry></Envlp></SplmtryData>"
    found = records(document(entry("1.00", inside), f"<SplmtryData><Envlp>{entry('7')}</Envlp></SplmtryData>"))
    assert [(record.kind, record.amount) for record in found] == [("bank_entry", 100)]
    assert '"TxDtls"' not in (found[0].details or "")


def test_comments_instructions_and_cdata_change_nothing() -> None:
    plain = document(entry(inside="<AddtlNtryInf>a &lt; b &amp; c</AddtlNtryInf>"))
    dressed = plain.replace("a &lt; b &amp; c", "a<!-- no --> <![CDATA[< b &]]><?pi x?> c").replace(
        "<Ntry>", "<!-- <Ntry> --><Ntry>"
    )
    assert records(dressed) == records(plain)
    assert one(plain).text == "a < b & c"


@pytest.mark.parametrize("rows", [1, 2, 7, 100])
def test_chunks_are_never_larger_than_asked_and_hold_the_same(rows: int) -> None:
    inside = details_of(*("<Amt Ccy='EUR'>1</Amt>" for _ in range(5)))
    text = document(*(entry("5.00", inside) for _ in range(9)))
    read = chunks(text, batch_rows=rows)
    assert max(len(chunk.records) for chunk in read) <= rows
    assert [record for chunk in read for record in chunk.records] == records(text)
    assert sum(len(chunk.totals) for chunk in read) == 1
    assert len(read[-1].totals) == 1


amounts = st.tuples(st.sampled_from(["EUR", "JPY", "KWD"]), st.integers(0, 10**12), st.booleans(), st.booleans())


@given(st.lists(amounts, max_size=12), st.integers(-3, 3), st.sampled_from(["\n  ", ""]))
@settings(max_examples=examples(60), deadline=None)
def test_what_is_written_is_read_and_a_statement_closes_exactly_when_it_does(
    given_entries: list[tuple[str, int, bool, bool]], fault: int, blank: str
) -> None:
    written = [
        entry(
            format_minor(minor, exponent_of(currency)),
            currency=currency,
            debit=debit,
            status="BOOK" if booked else "PDNG",
        )
        for currency, minor, debit, booked in given_entries
    ]
    net = sum(-m if debit else m for currency, m, debit, booked in given_entries if booked and currency == "EUR")
    end = net + fault
    closing = balance("CLBD", format_minor(abs(end), 2), "2026-10-30", debit=end < 0)
    text = document(balance("OPBD", "0", "2026-10-30"), closing, *(blank + part for part in written))
    assert [(r.currency, r.amount, r.status) for r in records(text)] == [
        (currency, -minor if debit else minor, "booked" if booked else "pending")
        for currency, minor, debit, booked in given_entries
    ]
    assert statement(text).closes is (fault == 0)


TRUNCATED = (CASES / "statement_v02.xml").read_bytes()


def test_a_file_cut_anywhere_is_refused_and_never_read_as_less() -> None:
    end = TRUNCATED.rindex(b">")
    for length in range(0, end, 7):
        last = list(CAMT_053.read(io.BytesIO(TRUNCATED[:length]), ReadOptions(batch_rows=2)))[-1]
        assert [problem.severity for problem in last.problems] == ["refused"], length
        assert not last.records
        assert CAMT_053.identify(Head("x", TRUNCATED[:length])) in {None, "camt.053.001.02"}


@given(st.integers(0, 2**32))
@settings(max_examples=examples(150), deadline=None)
def test_damaged_files_never_raise(seed: int) -> None:
    draw = random.Random(seed)
    data = bytearray(draw.choice(GOLDEN).read_bytes())
    words = [b"", b"abc", b"-1", b"1e5", b"9" * 30, b"2026-02-30", b"EURO", b"<x/>", b"&amp;", b"&#x0;", b"\xff", b" "]
    for _ in range(draw.randint(1, 5)):
        texts = list(re.finditer(rb">([^<>]+)<", bytes(data)))
        place = draw.choice(texts)
        if draw.random() < 0.7:
            data[place.start(1) : place.end(1)] = draw.choice(words)
        else:
            data[place.start() : place.start() + draw.randint(0, 80)] = draw.randbytes(draw.randint(0, 3))
        if not re.search(rb">([^<>]+)<", bytes(data)):
            break
    for reader in FORMATS:
        read = list(reader.read(io.BytesIO(bytes(data)), ReadOptions(batch_rows=3)))
        assert read
        assert all(problem.message for chunk in read for problem in chunk.problems)


def test_a_file_that_says_nothing_for_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tieout.formats.camt.reader._IDLE_MAX", 200_000)
    assert "within" in refusal(document("<x>y</x>" * 60_000)).message


def test_hostile_shapes_are_forgotten_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tieout.formats.camt.shapes.SHAPES_MAX", 3)
    text = document(*(entry("1.00", f"<X{n}>{n}</X{n}>") for n in range(20)))
    assert [record.details for record in records(text)] == [f'{{"X{n}":"{n}"}}' for n in range(20)]


MEMORY = """
import io, resource, sys
from tests.formats.camt_documents import rich_statement
from tieout.formats.camt.messages import CAMT_053
from tieout.formats.reading import ReadOptions

class Pieces(io.RawIOBase):
    def __init__(self, pieces):
        self.pieces = pieces
    def read(self, size=-1):
        return next(self.pieces, "").encode()

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

count = before = 0
for chunk in CAMT_053.read(Pieces(rich_statement(range(30_000))), ReadOptions(batch_rows=1_000)):
    count += len(chunk.records)
    if count == 5_000:
        before = peak()
print(count, peak() - before)
"""


PEAK = """
import io, resource, sys
from tests.formats.camt_documents import rich_statement
from tieout.formats.camt.messages import CAMT_053
from tieout.formats.reading import ReadOptions

class Pieces(io.RawIOBase):
    def __init__(self, pieces):
        self.pieces = pieces
    def read(self, size=-1):
        return next(self.pieces, "").encode()

def wide(piece):
    return piece.replace("thank you", "thank you " + "very " * 2_000)

count = int(sys.argv[1])
rows = [c.rows for c in CAMT_053.read(Pieces(map(wide, rich_statement(range(count)))), ReadOptions(batch_bytes=2**22))]
print(sum(rows), max(rows), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_four_times_as_many_wide_entries_take_no_more_memory() -> None:
    def peak(count: int) -> int:
        command = [sys.executable, "-c", PEAK, str(count)]
        run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
        rows, most, kib = map(int, run.stdout.split())
        assert rows == count
        assert most < 2**22 / 10_000  # each entry is wider than that
        return kib

    assert peak(12_000) < peak(3_000) + 8 * 1024


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file() -> None:
    run = subprocess.run(
        [sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    count, grown_kib = map(int, run.stdout.split())
    assert count == 30_000
    assert grown_kib < 8 * 1024


@pytest.mark.slow
def test_it_is_faster_than_the_published_reader() -> None:
    camt053 = pytest.importorskip("camt053")
    text = "".join(rich_statement(range(5_000)))

    def seconds(read: Callable[[], int]) -> float:
        start = time.process_time()
        assert read() == 5_000
        return time.process_time() - start

    ours = min(seconds(lambda: sum(chunk.rows or 0 for chunk in chunks(text))) for _ in range(3))
    theirs = seconds(lambda: len(camt053.parse_document(text).statements[0].entries))
    assert theirs > 3 * ours


Kept = tuple[list[Record], list[object], list[Problem]]


def everything(data: bytes | str, **options: Any) -> Kept:
    read = chunks(data, CAMT_053, **options)
    facts = [fact for chunk in read for fact in (*chunk.statements, *chunk.balances, *chunk.totals)]
    found = [record for chunk in read for record in chunk.records]
    return found, facts, [problem for chunk in read for problem in chunk.problems]


def parsed_whole(data: bytes | str) -> Kept:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Repeats, "read", lambda _repeats, _piece: None)
        return everything(data)


SPELLINGS = (
    *(
        "E2E-1",
        "Müller &amp; Söhne",
        "a &lt; b",
        "a > b",
        " padded ",
        "padded ",
        "two\nlines",
        "two\r\nlines",
        "&#65;B",
        "&#x20AC;",
    ),
    *(
        "x<!-- c -->y",
        "<![CDATA[<Ntry>]]>",
        "<?pi?>z",
        "",
        " ",
        "\u00a0x",
        "\uffee",
        "<!-- </Ntry> -->q",
        "<b>bold</b>q",
    ),
)
WRAPPINGS = ("{}", "\n  {}", "<!-- <Ntry> -->{}", "<!-- {} -->", "{}<SplmtryData>{}</SplmtryData>", "stray{}", "\r\n{}")
repeated = st.tuples(
    st.sampled_from(SPELLINGS),
    st.sampled_from(("1.00", "2.5", " 3 ", "", "many")),
    st.booleans(),
    st.sampled_from(("{}",) * 6 + WRAPPINGS),
)


def repeated_entry(note: str, amount: str, several: bool, wrapping: str) -> str:
    one_of_them = f"<TxDtls><Refs><EndToEndId>{note}</EndToEndId></Refs><Amt Ccy='EUR'>1</Amt></TxDtls>"
    inside = f"\n<NtryDtls>{one_of_them * (2 if several else 1)}</NtryDtls>"
    return wrapping.replace("{}", entry(amount, inside))


@given(st.lists(repeated, min_size=4, max_size=16), st.booleans(), st.booleans(), st.sampled_from(["", "x:"]))
@settings(max_examples=examples(120), deadline=None)
def test_an_entry_like_one_before_is_read_as_the_parser_would(
    written: list[tuple[str, str, bool, str]], often: bool, together: bool, prefix: str
) -> None:
    text = document(entry(), *(repeated_entry(*each) for each in written * 2))
    if prefix:
        text = re.sub(r"<(/?)(?=\w)", rf"<\1{prefix}", text).replace("xmlns=", f"xmlns:{prefix[:-1]}=")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tieout.formats.camt.repeats._OFTEN", 2 if often else 500)
        patch.setattr("tieout.formats.camt.alike.ALIKE_MIN", 1 if together else 1_000)
        assert everything(text) == parsed_whole(text)


OWN, OTHER = "DE89370400440532013000", "GB33 BUKB 2020 1555 5555 55"
#: Entries that a bank could print, by what each of their elements may say; the first is what most say.
SAYINGS = {
    "AMT": ("10.00", "10.0", "0.00", "10", "-1.00", "+3.00", "1e2", "99999999999999999.00", "10.00\n11.00"),
    "CCY": ("EUR", "JPY", "KWD", "USD", "XXQ"),
    "DIR": ("CRDT", "DBIT", "crdt", "HABEN"),
    "STS": ("BOOK", "PDNG", "FUTR", "odd"),
    "RVS": ("false", "true", "1"),
    "BKD": ("2026-10-30", "2026-10-30+01:00", "2026-10-29", "2026-02-30"),
    "VAL": ("2026-10-30", "2026-02-30", "never"),
    "REF": ("R1", "NONREF", "0000", "R2"),
    "E2E": ("E-1", "NOTPROVIDED", "R1", 'quote " \\ back', "tab\there"),
    "INS": ("10.00", "10.0", "9.00"),
    "TXA": ("10.00", "10.0", "9.00"),
    "ICY": ("EUR", "USD"),
    "DBT": (OWN, OTHER, "12345"),
    "CDT": (OTHER, OWN, OWN),
    "AT": ("2026-10-30T10:00:00Z", "2026-10-30T10:00:00", "11:17:11:7"),
}
PARTS = (
    "<Amt Ccy='CCY'>AMT</Amt>", "<CdtDbtInd>DIR</CdtDbtInd>", "<RvslInd>RVS</RvslInd>", "<Sts>STS</Sts>",
    "<BookgDt><Dt>BKD</Dt></BookgDt>", "<ValDt><Dt>VAL</Dt></ValDt>", "<AcctSvcrRef>REF</AcctSvcrRef>",
    "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd></Fmly></Domn></BkTxCd>",
    "<NtryDtls><TxDtls>INSIDE</TxDtls></NtryDtls>", "<AddtlNtryInf>note E2E</AddtlNtryInf>",
    "<AmtDtls><TxAmt><Amt Ccy='ICY'>INS</Amt></TxAmt></AmtDtls>",
)  # fmt: skip
INSIDE = (
    "<Refs><EndToEndId>E2E</EndToEndId><TxId>REF</TxId></Refs>", "<Amt Ccy='ICY'>TXA</Amt>",
    "<AmtDtls><InstdAmt><Amt Ccy='ICY'>INS</Amt><CcyXchg><XchgRate>1.5</XchgRate></CcyXchg></InstdAmt></AmtDtls>",
    "<BkTxCd><Prtry><Cd>E2E</Cd></Prtry></BkTxCd>",
    "<RltdPties><Dbtr><Nm>D E2E</Nm></Dbtr></RltdPties>",
    "<RltdPties><DbtrAcct><Id><IBAN>DBT</IBAN></Id></DbtrAcct></RltdPties>",
    "<RltdPties><CdtrAcct><Id><IBAN>CDT</IBAN></Id></CdtrAcct></RltdPties>",
    "<RmtInf><Ustrd>E2E</Ustrd><Ustrd>REF</Ustrd></RmtInf>", "<RltdDts><AccptncDtTm>AT</AccptncDtTm></RltdDts>",
)  # fmt: skip


@given(
    st.data(), st.sets(st.integers(0, len(PARTS) - 1), max_size=3), st.sets(st.integers(0, len(INSIDE) - 1), max_size=4)
)
@settings(max_examples=examples(400), deadline=None)
def test_entries_read_together_say_what_each_says_alone(data: st.DataObject, without: set[int], bare: set[int]) -> None:
    shape = "".join(part for place, part in enumerate(PARTS) if place not in without)
    shape = shape.replace(
        "INSIDE", "".join(part for place, part in enumerate(INSIDE) if place not in bare) or "<X>x</X>"
    )
    drawn = st.dictionaries(st.sampled_from(sorted(SAYINGS)), st.integers(0, 8), max_size=3)
    usual, entries = data.draw(drawn), []
    for _ in range(data.draw(st.integers(3, 8))):
        chosen = usual | data.draw(drawn)
        said = {name: words[chosen.get(name, 0) % len(words)] for name, words in SAYINGS.items()}
        entries.append("<Ntry>" + re.sub("|".join(SAYINGS), lambda found: said[found[0]], shape) + "</Ntry>")  # noqa: B023 - called before the next turn
    text = document(balance("CLBD", "1", "2026-10-31"), *entries)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tieout.formats.camt.repeats._OFTEN", 1)
        patch.setattr("tieout.formats.camt.alike.ALIKE_MIN", 1)
        assert everything(text) == parsed_whole(text)


@given(st.integers(0, 2**32))
@settings(max_examples=examples(150), deadline=None)
def test_damage_among_repeated_entries_has_the_same_consequences(seed: int) -> None:
    draw = random.Random(seed)
    data = bytearray("".join(rich_statement(range(6))).encode())
    for _ in range(draw.randint(1, 3)):
        place = draw.randrange(len(data))
        data[place : place + draw.choice((0, 1, 1, 40))] = draw.choice(
            (b"", b"<", b">", b"&", b"]]>", b"\x00", b"\x1f", b"\xff", b"\xef\xbf\xbf", b"<!--", b"-->", b"\n", b"/")
        )
    assert everything(bytes(data)) == parsed_whole(bytes(data))


def test_entries_in_a_comment_are_never_read_however_the_comment_is_reached() -> None:
    known, hidden = entry("1.00"), "<!-- " + entry("2.00") * 3 + " -->"
    other = known.replace("<Ntry", f"<x:Ntry xmlns:x='{NAMESPACE}'").replace("/Ntry", "/x:Ntry")
    for text in (known * 4 + hidden + known, known * 4 + other + hidden + known * 2):
        assert {record.amount for record in records(document(text))} == {100}


@pytest.mark.parametrize("block", [1, 7, 300, 4_000])
def test_the_size_of_blocks_changes_nothing(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    head = "<?xml version='1.0' encoding='iso-8859-1'?>"
    text = head + document(*(entry(inside=f"<AddtlNtryInf>Bär{n}</AddtlNtryInf>") for n in range(9)), rich_entry(1))
    data = text.encode("iso-8859-1")
    expected = everything(data)
    monkeypatch.setattr("tieout.formats.camt.reader._BLOCK", block)
    for most in (100, 2**20):
        monkeypatch.setattr("tieout.formats.camt.reader._PIECE_MAX", most)
        assert everything(data) == expected


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1", "windows-1252"])
def test_repeated_entries_are_read_in_every_encoding(encoding: str) -> None:
    notes = [f"Gebühr {number} für Müller" for number in range(5)]
    entries = "".join(entry(inside=f"<AddtlNtryInf>{note}</AddtlNtryInf>") for note in notes)
    text = f"<?xml version='1.0' encoding='{encoding.replace('-sig', '')}'?>{document(entries)}"
    assert [record.text for record in records(text.encode(encoding))] == notes


def test_entries_that_repeat_are_parsed_no_more_than_thrice(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[Any] = []
    read = Shapes.read

    def counted(shapes: Shapes[Any], element: Any) -> Any:
        parsed.append(element)
        return read(shapes, element)

    monkeypatch.setattr(Shapes, "read", counted)
    found = records("".join(rich_statement(range(1_000))))
    assert [record.external_id for record in found] == [f"2026{number:012d}" for number in range(1_000)]
    assert len(parsed) <= 3


@pytest.mark.parametrize("wrong", ["]]>", "x]]>", "a\x01", "\x01", "a\ufffe", "&nbsp;", "&", "<", "&lt"])
def test_what_xml_forbids_is_refused_in_repeated_entries_too(wrong: str) -> None:
    entries = [entry(inside=f"<AddtlNtryInf>{note}</AddtlNtryInf>") for note in ("a", "b", "c", wrong, "d")]
    assert "well-formed" in refusal(document(*entries), CAMT_053).message


@pytest.mark.parametrize("between", ["", "\n"])
def test_a_fault_behind_repeated_entries_has_its_own_place(between: str) -> None:
    text = document(*(between + entry(str(number)) for number in range(50))).replace("</Stmt>", "<x></y></Stmt>")
    before = text[: text.index("</y>")]
    problem = refusal(text)
    assert problem.line == before.count("\n") + 1
    (_, _, (parsed,)) = parsed_whole(text)
    assert (problem.line, problem.column) == (parsed.line, parsed.column)


@pytest.mark.parametrize("most", [1, 20, 1_000_000])
def test_any_number_of_entries_may_repeat_and_a_fault_behind_them_has_its_place(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr("tieout.formats.camt.repeats._UNSEEN_MAX", most)
    entries = ["\n" * 4_000 + entry(str(number)) for number in range(3_000 if most > 20 else 20)]
    text = document(*entries, entry("1.00", "<X>x</X>", day="<Dt>never</Dt>")).replace("</Stmt>", "\n <x></y></Stmt>")
    found = [problem for problem in problems(text) if problem.severity == "refused"]
    assert [(p.line, p.column) for p in found] == [(text.count("\n") + 1, 9)]
    readable = text.replace("<x></y>", "")
    assert [p.line for p in problems(readable)] == [text.count("\n")]
    assert sum(chunk.rows or 0 for chunk in chunks(readable)) == len(entries) + 1


def test_many_rows_are_columns_and_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    inside = details_of("<Refs><TxId>A</TxId></Refs><Amt Ccy='EUR'>1</Amt>", "<Amt Ccy='EUR'>2</Amt>")
    text = document(*(entry("3.00", inside) for _ in range(9)), rich_entry(7), entry("5", status="PDNG"))
    expected = stated_table(records(text))
    monkeypatch.setattr("tieout.formats.camt.rows.PIECE_ROWS", 4)
    for rows in (5, 7, 100):
        read = chunks(text, batch_rows=rows)
        tables = [c.table if c.table is not None else stated_table(c.records) for c in read]
        assert any(c.table is not None for c in read)
        assert all(len(table) <= rows and not (c.records and c.table) for c, table in zip(read, tables, strict=True))
        assert pa.concat_tables(tables).combine_chunks() == expected
        assert sum(c.rows or 0 for c in read) == len(expected)


def test_real_files_agree_with_what_another_reader_found(samples: Samples) -> None:
    faults: list[tuple[object, ...]] = []
    for path, truth, verdict in samples("camt"):
        read = chunks(path.read_bytes())
        found = [problem for chunk in read for problem in chunk.problems]
        refused = any(problem.severity == "refused" for problem in found)
        if refused is not (verdict == "invalid") or (verdict == "valid" and found):
            faults.append((path.name, verdict, found))
        if verdict == "readable-balance-open" and not found:
            faults.append((path.name, verdict, found))
        parts = truth.get("statements") or []
        if refused or not parts:
            continue
        totals = read[-1].totals
        got = (
            sum(t.count for t in totals),
            sum(Decimal(format_minor(t.credits, t.exponent)) for t in totals),
            sum(Decimal(format_minor(t.debits, t.exponent)) for t in totals),
        )
        want = (
            sum(part["n_entries"] for part in parts),
            sum(Decimal(part["sum_credits"]) for part in parts),
            sum(Decimal(part["sum_debits"]) for part in parts),
        )
        if got != want:
            faults.append((path.name, got, want))
    assert not faults


def test_the_account_document_is_what_the_tests_say() -> None:
    assert statement(document(entry(), account=ACCOUNT)).account_number == "DE89370400440532013000"
