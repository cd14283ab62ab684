"""
Law 6 for a bank that gives its batches no reference: a match uses the entry or the transactions inside it, never both.

From real camt.053 files, because what an entry is called by its transactions is the format's doing.
"""

from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.matching.shop import Shop
from tieout.config import load_workspace
from tieout.errors import WrongUse
from tieout.matching.deciding.by_hand import HandMatch
from tieout.matching.deciding.decide import match_by_hand
from tieout.observe.snapshot import take_snapshot
from tieout.store.engine import connect
from tieout.store.views import current_records

_HEAD = """<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><GrpHdr><MsgId>M</MsgId>\
<CreDtTm>2026-10-06T00:00:00Z</CreDtTm></GrpHdr><Stmt><Id>S{number}</Id><ElctrncSeqNb>{number}</ElctrncSeqNb>\
<CreDtTm>2026-10-06T00:00:00Z</CreDtTm><Acct><Id><IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy></Acct>"""
_BALANCE = """<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd>\
<Dt><Dt>2026-10-0{day}</Dt></Dt></Bal>"""
_ENTRY = """<Ntry><NtryRef>{number}</NtryRef><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>\
<BookgDt><Dt>2026-10-0{day}</Dt></BookgDt><ValDt><Dt>2026-10-0{day}</Dt></ValDt><NtryDtls>{inside}</NtryDtls>\
<AddtlNtryInf>{text}</AddtlNtryInf></Ntry></Stmt></BkToCstmrStmt></Document>"""
_INSIDE = """<TxDtls><Refs><EndToEndId>{text}</EndToEndId></Refs><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd>\
<RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls>"""
_BOOKS = """
[[source]]
id = "camt"
format = "camt.053"
path = "inbox/camt/*.xml"

[[reconciliation]]
id = "batches"
left = { source = "invoices" }
right = { source = "camt" }
rules = "open-items-to-bank"
"""


def statement(number: int, text: str, inside: tuple[tuple[str, str], ...], opening: str = "0.00") -> str:
    """Write a statement of one entry without the bank's reference, the sum of what is inside it."""
    amount = sum((Decimal(each) for each, _ in inside), Decimal())
    day = 4 + number
    parts = "".join(_INSIDE.format(amount=each, text=said) for each, said in inside)
    return (
        _HEAD.format(number=number)
        + _BALANCE.format(code="OPBD", amount=opening, day=day)
        + _BALANCE.format(code="CLBD", amount=Decimal(opening) + amount, day=day)
        + _ENTRY.format(number=1, amount=amount, day=day, inside=parts, text=text)
    )


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    (tmp_path / "tieout.toml").write_text((tmp_path / "tieout.toml").read_text() + _BOOKS)
    made.workspace = load_workspace(tmp_path)
    yield made
    made.close()


def invoices(shop: Shop, *papers: tuple[str, str]) -> None:
    shop.deliver("invoices", [(name, "2026-10-01", "", amount, "EUR") for name, amount in papers])


def matched(shop: Shop) -> dict[str, set[str]]:
    """Give the invoices that are matched, each with the kind of what it is matched with."""
    rows = shop.rows()
    kinds = {r["match_id"]: r["kind"] for r in rows if r["side"] == "right"}
    return {r["external_id"]: {kinds[r["match_id"]]} for r in rows if r["side"] == "left"}


INSIDE = (("30.00", "R-20001"), ("20.00", "foo"), ("10.00", "bar"))


def test_in_one_run(shop: Shop) -> None:
    invoices(shop, ("R-10000", "60.00"), ("R-20001", "30.00"))
    shop.deliver_text("s.xml", "camt", statement(1, "sum R-10000", INSIDE))
    shop.match("batches")
    assert matched(shop) in ({"R-20001": {"bank_detail"}}, {"R-10000": {"bank_entry"}})


@pytest.mark.parametrize("first", ["R-10000", "R-20001"])
def test_in_two_runs_and_by_hand(shop: Shop, first: str) -> None:
    amounts = {"R-10000": "60.00", "R-20001": "30.00"}
    (second,) = amounts.keys() - {first}
    shop.deliver_text("s.xml", "camt", statement(1, "sum R-10000", INSIDE))
    invoices(shop, (first, amounts[first]))
    shop.match("batches")
    assert set(matched(shop)) == {first}
    shop.deliver_text("t.xml", "camt", statement(2, "no more", (("1.00", "x"), ("2.00", "y")), "60.00"))
    invoices(shop, (second, amounts[second]))
    shop.match("batches")
    (standing,) = matched(shop)
    (other,) = amounts.keys() - {standing}
    facts = records(shop)
    (paper,) = [r["record_id"] for r in facts if r["external_id"] == other]
    kind = "bank_detail" if other == "R-20001" else "bank_entry"
    (money,) = [r["record_id"] for r in facts if r["kind"] == kind and r["amount"] in (3000, 6000)]
    with pytest.raises(WrongUse, match="its entry, or a transaction inside it, is matched"):
        match_by_hand(
            shop.store,
            shop.workspace,
            shop.workspace.reconciliation("batches"),
            HandMatch(left=(paper,), right=(money,)),
            "seen",
        )


def records(shop: Shop) -> list[dict[str, Any]]:
    snapshot = take_snapshot(shop.store, shop.workspace)
    with closing(connect()) as con:
        relation = current_records(shop.store.lake, snapshot.files["records"], snapshot.files["superseded"])
        return list(con.sql(f"select * from {relation}").to_arrow_table().to_pylist())
