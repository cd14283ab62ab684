"""Pages of one statement in files of their own: laws 2, 4 and 5."""

import itertools

import pytest

from tests.depth import some_of
from tests.intake.conftest import Desk
from tieout.config import load_workspace
from tieout.intake.accept import accept
from tieout.intake.verify import verify

COFFEE = ":61:2610011001D3,00NMSCNONREF\r\n:86:coffee\r\n"
TEA = ":61:2610011001D2,00NMSCNONREF\r\n:86:tea\r\n"


def page(number: str, opening: str, closing: str, *entries: str, day: str = "261001", reference: str = "S") -> bytes:
    """One MT940 message; an opening such as ``M10,00`` is an interim one."""

    def amount(text: str) -> str:
        return f"{'D' if text[1] == '-' else 'C'}{day}EUR{text[1:].lstrip('-')}"

    return (
        f":20:{reference}\r\n:25:DE89370400440532013000\r\n:28C:{number}\r\n:60{opening[0]}:{amount(opening)}\r\n"
        f"{''.join(entries)}:62{closing[0]}:{amount(closing)}\r\n-\r\n"
    ).encode()


def camt(number: int, last: bool, opening: str, closing: str, *amounts: str, created: str = "10") -> bytes:
    """One page of a camt.053 statement; an interim balance begins with ``M``."""

    def balance(code: str, text: str) -> str:
        kind = "<SubTp><Cd>INTM</Cd></SubTp>" if text[0] == "M" else ""
        return (
            f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry>{kind}</Tp><Amt Ccy='EUR'>{text[1:]}</Amt>"
            "<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-10-01</Dt></Dt></Bal>"
        )

    entries = "\n".join(
        f"<Ntry><Amt Ccy='EUR'>{amount}</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-10-01</Dt>"
        "</BookgDt><AddtlNtryInf>coffee</AddtlNtryInf></Ntry>"
        for amount in amounts
    )
    return (
        "<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.053.001.08'><BkToCstmrStmt><GrpHdr><MsgId>M</MsgId>"
        f"<CreDtTm>2026-10-02T{created}:00:00Z</CreDtTm></GrpHdr>\n<Stmt><Id>S{number}</Id><StmtPgntn><PgNb>{number}</PgNb>"
        f"<LastPgInd>{'true' if last else 'false'}</LastPgInd></StmtPgntn><ElctrncSeqNb>7</ElctrncSeqNb>"
        "<FrToDt><FrDtTm>2026-10-01T00:00:00</FrDtTm><ToDtTm>2026-10-01T23:59:59</ToDtTm></FrToDt>"
        "<Acct><Id><IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy></Acct>\n"
        f"{balance('OPBD', opening) if opening else ''}{balance('CLBD', closing) if closing else ''}\n{entries}</Stmt>"
        "</BkToCstmrStmt></Document>"
    ).encode()


@pytest.fixture
def bank(desk: Desk) -> Desk:
    toml = desk.folder / "tieout.toml"
    more = "".join(f'\n[[source]]\nid = "{name}"\nformat = "{name}"\n' for name in ("mt940", "camt.053"))
    toml.write_text(toml.read_text() + more)
    desk.workspace = load_workspace(desk.folder, {})
    return desk


PAGES = (
    page("00123/001", "F10,00", "M7,00", COFFEE, reference="A"),
    page("00123/002", "M7,00", "M2,00", COFFEE, TEA, reference="B"),
    page("00123/003", "M2,00", "F-1,00", COFFEE, reference="C"),
)


@pytest.mark.parametrize("order", some_of(list(itertools.permutations(range(3))), 4))
def test_repeats_on_different_pages_add_up_in_any_order(bank: Desk, order: tuple[int, ...]) -> None:
    for index in order:
        bank.deliver_bytes(PAGES[index], "mt940")
    assert bank.records("text") == ["coffee"] * 3 + ["tea"]
    assert bank.findings() == []


@pytest.mark.parametrize("number", ["00123", "00123/001", "0"], ids=["not-counted", "all-the-first", "no-number"])
def test_pages_of_one_file_are_counted_by_their_balances_where_their_numbers_do_not(bank: Desk, number: str) -> None:
    pages = (
        page(number, "F10,00", "M7,00", COFFEE),
        page(number, "M7,00", "M2,00", COFFEE, TEA),
        page(number, "M2,00", "F-1,00", COFFEE),
    )
    bank.deliver_bytes(b"".join(pages), "mt940")
    assert bank.records("text") == ["coffee"] * 3 + ["tea"]
    assert bank.findings() == []
    bank.deliver_bytes(b"".join(pages) + b"\r\n", "mt940")  # the same again, in other bytes
    header = b"{1:F01BANKDEFFAXXX0000000000}{2:I940BANKDEFFXXXXN}{4:\n"
    bank.deliver_bytes(b"".join(header + one.replace(b"\r\n-", b"\n-}") for one in pages), "mt940")
    bank.deliver_bytes((b"".join(pages)).replace(b"\r\n", b"\n") * 2, "mt940")  # and twice in one file
    assert bank.records("text") == ["coffee"] * 3 + ["tea"]
    assert bank.findings() == []


OF_ANOTHER = {
    "another end": (
        page("0", "F10,00", "M7,00", COFFEE),
        page("0", "M7,00", "F3,00", COFFEE, ":61:2610011001D1,00NMSCNONREF\r\n:86:tip\r\n"),
    ),
    "another name": (
        page("0", "F10,00", "M7,00", COFFEE, reference="X"),
        page("0", "M7,00", "F4,00", COFFEE, reference="X"),
    ),
    "a page alone": (page("0", "M7,00", "F4,00", COFFEE),),
    "one statement after it": (page("0", "F4,00", "M1,00", COFFEE), page("0", "M1,00", "F-2,00", COFFEE)),
}


@pytest.mark.parametrize("case", OF_ANOTHER)
@pytest.mark.parametrize("turned", [False, True])
def test_pages_without_a_number_that_are_not_wholly_the_same_are_not_silently_so(
    bank: Desk, case: str, turned: bool
) -> None:
    first = page("0", "F10,00", "M7,00", COFFEE), page("0", "M7,00", "F4,00", COFFEE)
    files = [b"".join(first), b"".join(OF_ANOTHER[case])]
    for data in reversed(files) if turned else files:
        bank.deliver_bytes(data, "mt940")
    assert [text for text in bank.records("text") if text == "coffee"] == ["coffee"] * 2
    assert "conflict" in {reason for reason, _ in bank.findings()}


def test_the_same_pages_again_do_not_hide_that_another_statement_of_the_day_is_in_doubt(bank: Desk) -> None:
    first = b"".join([page("0", "F10,00", "M7,00", COFFEE), page("0", "M7,00", "F4,00", COFFEE)])
    other = b"".join([page("0", "F4,00", "M1,00", COFFEE), page("0", "M1,00", "F-2,00", COFFEE)])
    bank.deliver_bytes(first, "mt940")
    bank.deliver_bytes(first.replace(b"\r\n", b"\n"), "mt940")
    assert (bank.records("text"), bank.findings()) == (["coffee"] * 2, [])
    bank.deliver_bytes(other, "mt940")
    assert bank.records("text") == ["coffee"] * 2
    assert {reason for reason, _ in bank.findings()} == {"conflict"}


def test_a_missing_page_is_named_and_the_gap_closes_when_it_comes(bank: Desk) -> None:
    bank.deliver_bytes(PAGES[2], "mt940")
    bank.deliver_bytes(PAGES[0], "mt940")
    [(reason, note)] = bank.findings()
    assert reason == "incomplete"
    assert note == (
        "expected every page of statement 00123 of 2026-10-01 of DE89370400440532013000, got page 1 and 3:"
        " page 2 is missing"
    )
    bank.deliver_bytes(PAGES[1], "mt940")
    assert bank.findings() == []


@pytest.mark.parametrize(
    ("come", "missing"),
    [((0,), "and more to follow: page 2"), ((0, 1), "and more to follow: page 3"), ((2,), "page 1 and 2")],
)
def test_a_first_or_last_page_that_is_missing_is_named(bank: Desk, come: tuple[int, ...], missing: str) -> None:
    for index in come:
        bank.deliver_bytes(PAGES[index], "mt940")
    [(reason, note)] = bank.findings()
    assert (reason, f"{missing} is missing" in note) == ("incomplete", True)


@pytest.mark.parametrize("whole_first", [True, False])
def test_pages_apart_and_together_are_the_same_statement(bank: Desk, whole_first: bool) -> None:
    together = b"".join(PAGES)
    for data in (together, *PAGES) if whole_first else (*reversed(PAGES), together):
        bank.deliver_bytes(data, "mt940")
    assert bank.records("text") == ["coffee"] * 3 + ["tea"]
    assert bank.findings() == []


def test_the_statements_around_pages_chain_with_them(bank: Desk) -> None:
    bank.deliver_bytes(page("00122/001", "F10,00", "F10,00", day="260930"), "mt940")
    for data in reversed(PAGES):
        bank.deliver_bytes(data, "mt940")
    bank.deliver_bytes(page("00124/001", "F-1,00", "F-3,00", TEA.replace("261001", "261002"), day="261002"), "mt940")
    assert bank.findings() == []
    bank.deliver_bytes(page("00125/001", "F-9,00", "F-9,00", day="261003"), "mt940")
    assert [reason for reason, _ in bank.findings()] == ["incomplete"]


def test_a_page_that_begins_elsewhere_is_said(bank: Desk) -> None:
    bank.deliver_bytes(page("5/1", "F10,00", "M7,00", COFFEE), "mt940")
    bank.deliver_bytes(page("5/2", "M8,00", "F5,00", COFFEE), "mt940")
    assert bank.records("text") == ["coffee"] * 2
    [(reason, note)] = bank.findings()
    assert (reason, "to begin with 7.00 EUR, with which page 1 ended, got 8.00 EUR" in note) == (
        "balance_difference",
        True,
    )


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize(
    "balances",
    some_of(
        [("F10.00", "M7.00", "M7.00", "F1.00"), ("F10.00", "", "", "F1.00"), ("F10.00", "F1.00", "F10.00", "F1.00")], 4
    ),
    ids=["interim", "at-the-ends", "repeated"],
)
def test_camt_pages_add_up_in_any_order(bank: Desk, order: tuple[int, int], balances: tuple[str, ...]) -> None:
    pages = [camt(1, False, *balances[:2], "3.00"), camt(2, True, *balances[2:], "3.00", "3.00")]
    for index in order:
        bank.deliver_bytes(pages[index], "camt.053")
    assert bank.records("text") == ["coffee"] * 3
    assert bank.findings() == []


def test_camt_pages_that_do_not_add_up_are_said(bank: Desk) -> None:
    bank.deliver_bytes(camt(1, False, "F10.00", "", "3.00"), "camt.053")
    [(reason, note)] = bank.findings()
    assert (reason, "page 2 is missing" in note) == ("incomplete", True)
    bank.deliver_bytes(camt(2, True, "", "F5.00", "3.00"), "camt.053")
    [(reason, note)] = bank.findings()
    assert (reason, "to close with what they open with and hold together, got 5.00" in note) == (
        "balance_difference",
        True,
    )


def test_pages_issued_again_supersede_page_by_page(bank: Desk) -> None:
    for data in PAGES:
        bank.deliver_bytes(data, "mt940")
    bank.deliver_bytes(page("00123/001", "F10,00", "M8,00", TEA, reference="D"), "mt940")
    bank.deliver_bytes(page("00123/002", "M8,00", "F5,00", COFFEE, reference="E"), "mt940")
    assert bank.records("text") == ["coffee", "tea"]
    [(reason, note)] = bank.findings()
    assert reason == "conflict"
    assert "statement 00123 of 2026-10-01" in note
    assert "it closes with 5.00 EUR, not -1.00 EUR" in note
    assert verify(bank.store, bank.workspace).faults == []


def test_a_replay_of_pages_changes_nothing(bank: Desk) -> None:
    ids = [bank.deliver_bytes(data, "mt940").delivery_id for data in PAGES]
    before = bank.query("select * from {records} order by record_id")
    for delivery in ids:
        accept(bank.store, bank.workspace, delivery, replay="again")
    assert bank.query("select * from {records} order by record_id") == before
    assert bank.findings() == []
    assert verify(bank.store, bank.workspace).faults == []


@pytest.mark.parametrize("order", some_of(list(itertools.permutations(range(3))), 3))
def test_camt_pages_without_a_number_are_held_together_by_the_name_of_the_statement(
    bank: Desk, order: tuple[int, ...]
) -> None:
    said = (("F10.00", ""), ("", ""), ("", "F1.00"))
    pages = [
        camt(n, n == 3, opening, closing, "3.00")
        .replace(b"<ElctrncSeqNb>7</ElctrncSeqNb>", b"")
        .replace(f"<Id>S{n}</Id>".encode(), b"<Id>S</Id>")
        for n, (opening, closing) in enumerate(said, 1)
    ]
    for index in order:
        bank.deliver_bytes(pages[index], "camt.053")
    assert bank.records("text") == ["coffee"] * 3
    assert bank.findings() == []
