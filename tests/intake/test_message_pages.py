"""Law 4: of a message that a bank cuts into pages, each with whole statements, a page that is missing is said."""

import itertools

import pytest

from tests.intake.conftest import Desk
from tests.packing import zipped
from tieout import pipeline
from tieout.config import load_workspace
from tieout.observe.arrivals.completeness import completeness

ACCOUNTS = ("DE89370400440532013000", "DE02120300000000202051", "DE02500105170137075030")


def page(number: int, *, last: bool, closing: str = "7.00", again: str = "", entries: str = "") -> bytes:
    """One page of message M with the whole statement of an account of its own; without ``closing`` it is cut."""

    def balance(code: str, text: str) -> str:
        amount = f"<Amt Ccy='EUR'>{text}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-10-01</Dt></Dt>"
        return f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{amount}</Bal>"

    entry = (
        "<Ntry><Amt Ccy='EUR'>3.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-10-01</Dt></BookgDt>"
        "</Ntry>"
    )
    return (
        "<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.053.001.08'><BkToCstmrStmt><GrpHdr><MsgId>M</MsgId>"
        f"<CreDtTm>2026-10-02T10:00:00Z</CreDtTm><MsgPgntn><PgNb>{number}</PgNb><LastPgInd>{str(last).lower()}</LastPgInd>"
        f"</MsgPgntn></GrpHdr><Stmt><Id>S{number}</Id><ElctrncSeqNb>7</ElctrncSeqNb>"
        "<FrToDt><FrDtTm>2026-10-01T00:00:00</FrDtTm><ToDtTm>2026-10-01T23:59:59</ToDtTm></FrToDt>"
        f"<Acct><Id><IBAN>{ACCOUNTS[number - 1]}</IBAN></Id><Ccy>EUR</Ccy></Acct>"
        f"{balance('OPBD', '10.00')}{balance('CLBD', closing) if closing else ''}{entries or entry}</Stmt>{again}"
        "</BkToCstmrStmt></Document>"
    ).encode()


PAGES = (page(1, last=False), page(2, last=False), page(3, last=True))


@pytest.fixture
def bank(desk: Desk) -> Desk:
    desk.workspace = load_workspace(desk.folder, {})
    return desk


@pytest.mark.parametrize("order", [*itertools.permutations(range(3))])
def test_pages_of_a_message_lack_nothing_once_all_are_here(bank: Desk, order: tuple[int, ...]) -> None:
    for index in order:
        assert bank.deliver_bytes(PAGES[index], "camt").rows_new == 1
        last = index == order[-1]
        assert [reason for reason, _ in bank.findings()] == ([] if last else ["incomplete"])


@pytest.mark.parametrize(
    ("come", "said"),
    [
        ((0,), "got page 1, and more to follow: page 2 is missing"),
        ((1,), "got page 2, and more to follow: page 1 and 3 are missing"),
        ((2,), "got page 3: page 1 and 2 are missing"),
        ((0, 2), "got page 1 and 3: page 2 is missing"),
    ],
)
def test_a_missing_page_of_a_message_is_named_and_is_incomplete(bank: Desk, come: tuple[int, ...], said: str) -> None:
    for index in come:
        bank.deliver_bytes(PAGES[index], "camt")
    [(reason, note)] = bank.findings()
    assert reason == "incomplete"
    assert note.startswith(f"expected every page of message M, {said};")
    outstanding = completeness(bank.store, bank.workspace).outstanding
    assert [row.expected for row in outstanding if row.source == "camt"] == ["page of a message"]


def test_a_message_of_one_page_or_packed_whole_lacks_nothing(bank: Desk) -> None:
    bank.deliver_bytes(page(1, last=True), "camt")
    bank.deliver_bytes(zipped(**{f"{n}.xml": data for n, data in enumerate(PAGES)}), "camt")
    assert bank.findings() == []
    bank.deliver_bytes(PAGES[1] + b"\n", "camt")
    assert bank.findings() == []


@pytest.mark.parametrize("which", range(3))
def test_reading_a_page_again_asks_for_nothing(bank: Desk, which: int) -> None:
    names = [bank.deliver_bytes(data, "camt").delivery_id for data in PAGES]
    pipeline.replay(bank.store, bank.workspace, names[which], "looked again")
    bank.deliver_bytes(PAGES[which] + b"\n", "camt")
    assert bank.findings() == []


def test_a_statement_that_is_cut_asks_for_the_page_itself(bank: Desk) -> None:
    bank.deliver_bytes(page(1, last=False, closing=""), "camt")
    [(reason, note)] = bank.findings()
    assert reason == "incomplete"
    assert "of statement 7" in note
