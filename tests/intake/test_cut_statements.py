"""A statement that stops before its closing balance: said, held against the next, and cured by the whole; laws 2 and 4."""

import io
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.intake.conftest import Desk, coffee
from tests.intake.test_deliveries_of_banks import IBAN, mt940, open_desk
from tieout.formats.inspection import inspect_stream

HEADER = f":20:S\r\n:25:{IBAN}\r\n:28C:1/1\r\n:60F:C261001EUR10,00\r\n"
FIRST = ":61:261001D3,00NMSCNONREF\r\n:86:coffee\r\n"
WHOLE = f"{HEADER}{FIRST}:61:261001C1234,56NMSCNONREF\r\n:86:Invoice 4711\r\n:62F:C261001EUR1241,56\r\n-\r\n".encode()
NEXT = mt940("2/1", 124156, ("261001", "261002"), (-200, "tea", "261002"))

CUTS = {
    "behind a line": f"{HEADER}{FIRST}",
    "in an amount": f"{HEADER}{FIRST}:61:261001C12",
    "behind an entry": f"{HEADER}{FIRST}:61:261001C1234,56NMSCNONREF\r\n",
    "in a text": f"{HEADER}{FIRST}:61:261001C1234,56NMSCNONREF\r\n:86:Invoice 47",
}


def notes(desk: Desk) -> list[str]:
    return [note for reason, note in desk.findings() if reason == "incomplete"]


def test_a_statement_without_its_closing_balance_is_incomplete(tmp_path: Path) -> None:
    desk = open_desk(tmp_path)
    assert desk.deliver_bytes(CUTS["behind a line"].encode(), "mt940", "cut.sta").findings == 1
    [note] = notes(desk)
    assert f"expected a closing balance of statement 1 of {IBAN}, got none" in note
    desk.deliver_bytes(NEXT, "mt940", "next.sta")
    assert any(
        "to open with 7.00 EUR, where the entries of statement 1 lead, got 1241.56 EUR" in n for n in notes(desk)
    )
    assert len(notes(desk)) == 2
    desk.deliver_bytes(WHOLE, "mt940", "whole.sta")
    assert notes(desk) == []
    assert sorted(desk.records("amount")) == [-300, -200, 123456]
    desk.store.close()


ORDERS = list(itertools.permutations(["cut.sta", "whole.sta", "next.sta"]))


@pytest.mark.parametrize("order", [ORDERS[0], ORDERS[-1]])
def test_the_whole_file_cures_what_was_cut(order: tuple[str, ...], tmp_path: Path) -> None:
    hold_cured("in a text", [order], tmp_path)


@pytest.mark.deep
@pytest.mark.parametrize("cut", CUTS)
def test_the_whole_file_cures_any_cut_in_any_order(cut: str, tmp_path: Path) -> None:
    hold_cured(cut, ORDERS, tmp_path)


def without_number(text: bytes) -> bytes:
    return text.replace(b":28C:1/1\r\n", b"").replace(b":28C:2/1\r\n", b"")


@pytest.mark.parametrize(
    ("cut", "order"),
    [
        pytest.param(cut, order, marks=[] if (n, m) in {(0, 1), (2, 0)} else pytest.mark.deep)
        for n, cut in enumerate(CUTS)
        for m, order in enumerate(ORDERS)
    ],
)
def test_without_a_number_the_whole_file_cures_it_as_well(cut: str, order: tuple[str, ...], tmp_path: Path) -> None:
    hold_cured(cut, [order], tmp_path, without_number)


def test_without_a_number_what_comes_back_to_its_balance_is_no_whole_of_another(tmp_path: Path) -> None:
    back = f"{HEADER}{FIRST}:61:261001C3,00NMSCNONREF\r\n:86:back\r\n:62F:C261001EUR10,00\r\n-\r\n".encode()
    other = f"{HEADER}:61:261001D9,00NMSCNONREF\r\n:86:rent\r\n".encode()
    desk = open_desk(tmp_path)
    for name, data in (("back.sta", back), ("other.sta", other)):
        desk.deliver_bytes(without_number(data), "mt940", name)
    assert sorted(desk.records("amount")) == [-900, -300, 300]
    desk.store.close()


def test_the_next_statement_proves_that_one_without_a_closing_balance_is_whole(tmp_path: Path) -> None:
    desk = open_desk(tmp_path)
    desk.deliver_bytes(CUTS["behind a line"].encode(), "mt940", "first.sta")
    assert len(notes(desk)) == 1
    desk.deliver_bytes(mt940("2/1", 700, ("261001", "261002"), (-200, "tea", "261002")), "mt940", "next.sta")
    assert notes(desk) == []
    desk.store.close()


@pytest.mark.parametrize("cut", ["behind a line", "behind an entry"])
def test_inspect_remarks_what_ingest_finds_in_the_same_words(tmp_path: Path, cut: str) -> None:
    data = CUTS[cut].encode()
    seen = inspect_stream(io.BytesIO(data), "cut.sta")
    desk = open_desk(tmp_path)
    desk.deliver_bytes(data, "mt940", "cut.sta")
    assert (seen.verdict, [remark.message for remark in seen.remarks]) == ("ok", notes(desk))
    desk.store.close()
    several = inspect_stream(io.BytesIO(data + mt940("2/1", 700, ("261001", "261002"))), "cut.sta")
    assert len(several.remarks) == (cut == "behind an entry")


def hold_cured(
    cut: str,
    orders: list[tuple[str, ...]],
    folder: Path,
    written: Callable[[bytes], bytes] = lambda text: text,
) -> None:
    files = {"cut.sta": CUTS[cut].encode(), "whole.sta": WHOLE, "next.sta": NEXT}
    files = {name: written(data) for name, data in files.items()}
    told = set()
    for number, order in enumerate(orders):
        desk = open_desk(folder / str(number))
        for name in order:
            desk.deliver_bytes(files[name], "mt940", name)
        told.add(tuple(sorted(desk.records("amount", "text"))))
        assert notes(desk) == []
        assert [reason for reason, _ in desk.findings() if reason == "conflict"] == []
        desk.store.close()
    assert told == {((-300, "coffee"), (-200, "tea"), (123456, "Invoice 4711"))}


def test_what_only_has_the_same_number_is_not_the_whole_of_it(tmp_path: Path) -> None:
    desk = open_desk(tmp_path)
    desk.deliver_bytes(CUTS["behind an entry"].encode(), "mt940", "cut.sta")
    desk.deliver_bytes(mt940("1/1", 500, ("261001", "261001"), (-500, "rent", "261001")), "mt940", "other.sta")
    assert sorted(desk.records("amount")) == [-500, -300, 123456]
    assert any("expected a closing balance" in note for note in notes(desk))
    desk.store.close()


@pytest.mark.parametrize(("opening", "found"), [({"opening": "10.00"}, 1), ({}, 1)])
def test_swift_always_closes_and_an_announcement_never(opening: dict[str, str], found: int, desk: Desk) -> None:
    said = {"number": "1", "from_on": "2026-10-01", **opening}
    assert desk.deliver({"statement": said}, coffee(statement_place=1), source="bank").findings == found
    assert desk.deliver({"statement": said | {"final": False}}, source="intraday").findings == 0


def test_xml_may_go_without_balances_but_not_with_the_first_alone(desk: Desk) -> None:
    head = (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><GrpHdr><MsgId>M</MsgId></GrpHdr>'
        f"<Stmt><Id>S{{0}}</Id><Acct><Id><IBAN>{IBAN}</IBAN></Id><Ccy>EUR</Ccy></Acct>"
    )
    opening = (
        '<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">1.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
        "<Dt><Dt>2026-10-01</Dt></Dt></Bal>"
    )
    foot = "</Stmt></BkToCstmrStmt></Document>"
    assert desk.deliver_bytes((head.format(1) + foot).encode(), "camt", "none.xml").findings == 0
    assert desk.deliver_bytes((head.format(2) + opening + foot).encode(), "camt", "one.xml").findings == 1
    period = "<FrToDt><FrDtTm>2026-10-01T00:00:00</FrDtTm><ToDtTm>2026-10-01T23:59:59</ToDtTm></FrToDt>"
    cut, closing = opening + period + entry_of(1), opening.replace("OPBD", "CLBD").replace("1.00", "4.00")
    whole = opening + closing + period + entry_of(1) + entry_of(2)
    for name, text in (("whole", whole), ("cut", cut)):
        desk.deliver_bytes((head.format(3) + text + foot).encode(), "camt", f"{name}.xml")
    assert sorted(desk.records("amount")) == [100, 200]
    assert [reason for reason, note in desk.findings() if "S3" in note or reason == "conflict"] == []


def entry_of(euros: int) -> str:
    return (
        f'<Ntry><Amt Ccy="EUR">{euros}.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-10-01</Dt>'
        f"</BookgDt><AddtlNtryInf>gift {euros}</AddtlNtryInf></Ntry>"
    )
