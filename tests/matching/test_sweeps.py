"""Sweeps are told by their bank code, and excluded before any rule looks at a bank's line."""

import io
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.matching.worlds import Fact, invoice, line, world
from tieout.formats.camt.messages import CAMT_053
from tieout.formats.reading import ReadOptions
from tieout.formats.swift.messages import MT940
from tieout.matching.facts.sides import swept_sql
from tieout.observe.exporting.exports import Filters
from tieout.observe.exporting.overview import overview
from tieout.observe.money.cash import under_way
from tieout.store.engine import connect

SWEEPS = (
    *("CAMT-ACCB-SWEP", "CAMT-ACCB-ZABA", "CAMT-ACCB-TOPG", "CAMT-CAPL-XBRD", "CAMT-ACCB", "PMNT/ACCB/OTHR"),
    *("NCMS", "NCMT", "NCMZ", "FCMZ", "NTRF-833", "NMSC+833+9310", "833", "GVC833", "camt-accb-swep"),
)
OTHERS = (
    *("PMNT-RCDT-ESCT", "PMNT-MDOP-CHRG", "CAMT-OTHR-OTHR", "NTRF", "NCHG", "NCMP", "NTRF+166+833110", "8331", "0833"),
    *("CAMT-SWEPT", None, ""),
)


def swept(codes: list[str | None]) -> set[str | None]:
    with closing(connect()) as con:
        rows = pa.table({"thing": list(range(len(codes))), "claim": ["bank"] * len(codes), "bank_code": codes})
        con.register("rows", rows.set_column(2, "bank_code", pa.array(codes, pa.string())))
        return {codes[thing] for (thing,) in con.sql(swept_sql("rows")).fetchall()}


def test_which_codes_say_so() -> None:
    assert swept([*SWEEPS, *OTHERS]) == set(SWEEPS)


def test_of_real_files_exactly_the_sweep_is_told(
    samples: Callable[[str], list[tuple[Path, dict[str, Any], str]]],
) -> None:
    codes = set()
    for name, reader in (("camt", CAMT_053), ("mt940", MT940)):
        for path, _, _ in samples(name):
            for chunk in reader.read(io.BytesIO(path.read_bytes()), ReadOptions()):
                codes |= {record.bank_code for record in chunk.records}
                codes |= set() if chunk.table is None else set(chunk.table["bank_code"].to_pylist())
    assert len(codes) > 20
    assert swept(sorted(codes, key=str)) == {"CAMT-ACCB-SWEP"}


def payout(name: str, amount: int, **more: Any) -> Fact:
    return Fact(source="a", id=name, amount=-amount, kind="payout", **more)


@pytest.mark.parametrize("code", ["CAMT-ACCB-SWEP", "NTRF-833", "NCMZ"])
def test_a_sweep_is_no_payout_whatever_its_amount_and_text(code: str) -> None:
    for text in ("cash concentration", "po_X10001"):
        facts = [payout("po_X10001", 500_000, day=1), line("k1", 500_000, text=text, day=2, bank_code=code)]
        with world("payout-to-bank", *facts) as w:
            w.match()
            assert w.together() == set()
            states = {
                row["external_id"]: (row["state"], row["reason"]) for row in w.positions() if row["claim"] == "bank"
            }
            assert states == {"k1": ("excluded", "sweep")}


def test_nor_does_it_pay_an_invoice_nor_do_its_transactions() -> None:
    facts = [
        invoice("RE-10001", 70_000, day=1),
        line("k1", 70_000, text="RE-10001", day=2, bank_code="CAMT-ACCB-ZABA"),
        line("k1-1", 70_000, text="RE-10001", day=2, kind="bank_detail", parent="k1"),
    ]
    with world("open-items-to-bank", *facts) as w:
        w.match()
        assert w.together() == set()
        assert {row["external_id"] for row in w.positions() if row["state"] == "excluded"} == {"k1", "k1-1"}


def test_a_ledger_books_it_like_anything_else() -> None:
    booked = Fact(source="a", id="J1", amount=70_000, kind="journal_line", refs=("k1",), day=2)
    with world("bank-to-ledger", booked, line("k1", 70_000, day=2, bank_code="CAMT-ACCB-SWEP")) as w:
        assert w.matched() == {frozenset({"J1", "k1"})}


def test_the_german_code_of_an_mt940_entry_is_read() -> None:
    entry = ":61:2610051005C5000,00{code}NONREF//E1\n:86:{gvc}?00UEBERTRAG?20CASH CONCENTRATING\n"
    codes = {}
    for swift, gvc in (("NMSC", "833"), ("NMSC", "166")):
        text = ":20:X\n:25:51210800/1245126199\n:28C:1/1\n:60F:C261005EUR0,00\n" + entry.format(code=swift, gvc=gvc)
        data = io.BytesIO((text + ":62F:C261005EUR5000,00\n-\n").encode())
        codes[gvc] = [r.bank_code for chunk in MT940.read(data, ReadOptions()) for r in chunk.records]
    assert codes == {"833": ["NMSC-833"], "166": ["NMSC"]}


def on_the_way(*facts: Fact) -> list[tuple[str, str, str, str]]:
    with world("open-items-to-bank", *facts) as w:
        w.match()
        rows = overview(w.store, w.workspace, "in_transit").rows
        assert under_way(w.store, w.workspace, Filters()) == []  # cash has it at no account
        return sorted((r["external_id"], r["outstanding"], r["currency"], r["state"]) for r in rows)


def test_a_sweep_is_on_its_way_until_its_other_half_is_found() -> None:
    out = line("k1", -500_000, day=2, bank_code="CAMT-ACCB-ZABA")
    inside = line("k1-1", -500_000, day=2, kind="bank_detail", parent="k1")
    other = Fact(source="a", id="k9", amount=500_000, kind="bank_entry", day=4, bank_code="CAMT-ACCB-TOPG")
    assert on_the_way(out, inside) == [("k1", "5000.00", "EUR", "sweep")]
    for far in (other, replace(other, day=8), replace(other, amount=499_999), replace(other, currency="USD")):
        rows = _both(out, far)
        assert rows == ([] if far is other else ["k1", "k9"])
    again = replace(out, id="k2")
    assert _both(out, again, other) == ["k2"]


def _both(*facts: Fact) -> list[str]:
    """Match two banks, each against the documents of nobody."""
    pairs = "".join(
        f'[[reconciliation]]\nid = "{name}"\nleft = {{ source = "c" }}\nright = {{ source = "{name}" }}\nrules = "open-items-to-bank"\n'
        for name in ("a", "b")
    )
    with world("generic", *facts, sources=("a", "b", "c"), reconciliations=pairs) as w:
        w.match()
        return sorted(r["external_id"] for r in overview(w.store, w.workspace, "in_transit").rows)


@pytest.mark.parametrize("code", ["PMNT-MDOP-CHRG", "NCHG", "PMNT-MCOP-INTR", "NINT", "ACMT-MDOP-FEES"])
def test_what_is_booked_by_its_code_needs_no_person(code: str) -> None:
    with world("open-items-to-bank", line("b", -500, bank_code=code), line("c", -500, bank_code="NTRF")) as w:
        w.match()
        assert w.reasons() == {"c": "missing_left"}
        assert [row["state"] for row in w.positions() if row["external_id"] == "b"] == ["excluded"]


def test_a_charge_that_could_be_something_else_stays_with_a_person() -> None:
    facts = [invoice(name, -500, kind="bill", name="Bank AG") for name in ("i1", "i2")]
    with world("open-items-to-bank", *facts, line("b", -500, bank_code="NCHG", name="Bank AG")) as w:
        w.match()
        assert w.reasons()["b"] == "ambiguous"


def test_a_charge_that_was_billed_is_matched() -> None:
    bill = invoice("ER-2001", -500, kind="bill")
    with world("open-items-to-bank", bill, line("b", -500, bank_code="NCHG", text="ER-2001")) as w:
        assert w.matched() == {frozenset({"ER-2001", "b"})}
