"""Every format is found by its id, and a file is claimed by one format at most."""

from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.errors import Broken, WrongUse
from tieout.formats import registry
from tieout.formats.reading import Head
from tieout.formats.registry import claims, format_ids, format_of, identify

CASES = Path(__file__).parent / "cases"
HEAD_BYTES = 65_536

CAMT = b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.05%d.001.08"><%s>'
MARKED = {
    "camt.052.001.08": CAMT % (2, b"BkToCstmrAcctRpt"),
    "camt.053.001.08": CAMT % (3, b"BkToCstmrStmt"),
    "camt.054.001.08": CAMT % (4, b"BkToCstmrDbtCdtNtfctn"),
    "mt940": b":20:X\r\n:25:NL91ABNA0417164300\r\n:28C:1\r\n:60F:C261030EUR1,00\r\n:62F:C261030EUR1,00\r\n",
    "mt942": b":20:X\r\n:25:NL91ABNA0417164300\r\n:28C:1\r\n:34F:EUR0,00\r\n:13D:2610301200+0100\r\n",
    "stripe.objects": b'{"id": "ch_1aaaaaaaaaaaaa", "object": "charge", "amount": 100, "currency": "eur"}',
    "stripe.balance": b"balance_transaction_id,created,reporting_category,currency,gross,fee,net\n",
    "stripe.payout_reconciliation": (
        b"automatic_payout_id,balance_transaction_id,created,reporting_category,currency,gross,fee,net\n"
    ),
    "adyen.settlement_detail": (
        b"Company Account,Merchant Account,Psp Reference,Type,Gross Currency,Gross Debit (GC),Gross Credit (GC),"
        b"Net Currency,Net Debit (NC),Net Credit (NC),Batch Number\n"
    ),
    "adyen.payments_accounting": (
        b"Company Account,Merchant Account,Psp Reference,Record Type,Main Currency,Main Amount,Payable (SC)\n"
    ),
}


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    """Look formats up anew before and after every test."""
    registry._entries.cache_clear()
    format_of.cache_clear()
    yield
    registry._entries.cache_clear()
    format_of.cache_clear()


def test_every_format_is_found_by_its_id() -> None:
    assert {"camt.052", "camt.053", "camt.054", "mt940", "mt942"} <= set(format_ids())
    assert all(format_of(format_id).id == format_id for format_id in format_ids())
    assert all(format_of(format_id).system for format_id in format_ids())


def test_the_order_is_the_same_every_time_and_marks_are_tried_before_columns() -> None:
    first = format_ids()
    registry._entries.cache_clear()
    assert format_ids() == first
    assert first.index("mt942") < first.index("adyen.settlement_detail")


@pytest.mark.parametrize("version", MARKED)
def test_a_file_is_claimed_by_its_format_and_by_no_other(version: str) -> None:
    found = claims(Head("file", MARKED[version]))
    assert [claim for _, claim in found] == [version]
    assert identify(Head("file", MARKED[version])) == found[0]
    assert version.startswith(found[0][0].id)


def test_no_sample_is_claimed_by_two(samples: Callable[[str], list[tuple[Path, dict[str, Any], str]]]) -> None:
    twice = {}
    for name in ("camt", "mt940", "mt942", "stripe", "adyen-settlement", "adyen-accounting", "bank-csv", "pain.001"):
        for path, _, _ in samples(name):
            found = claims(Head(path.name, path.read_bytes()[:HEAD_BYTES]))
            if len(found) > 1:
                twice[path.name] = [version for _, version in found]
    assert twice == {}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("camt053", "camt.053"), ("CAMT.053", "camt.053"), ("mt-940", "mt940"), ("stripe.payout", "stripe.")],
)
def test_an_unknown_id_names_the_nearest(typed: str, meant: str) -> None:
    with pytest.raises(WrongUse, match=f"got '{typed}'; did you mean '{meant}"):
        format_of(typed)


def test_an_id_like_no_other_names_all() -> None:
    with pytest.raises(WrongUse, match=r"got '\?\?\?'; known are adyen.*camt\.053.*mt940"):
        format_of("???")


class _Entry(NamedTuple):
    value: str
    name: str = "their.format"

    def point(self) -> EntryPoint:
        return EntryPoint(self.name, self.value, registry.GROUP)


class Theirs:
    id = "their.format"
    system = "theirs"

    def identify(self, head: Head) -> str | None:
        return "their.format.2" if head.data.startswith(b"THEIRS") else None


def _installed(monkeypatch: pytest.MonkeyPatch, *entries: _Entry) -> None:
    monkeypatch.setattr(
        registry, "entry_points", lambda group: [entry.point() for entry in entries if group == registry.GROUP]
    )


@pytest.fixture
def theirs(monkeypatch: pytest.MonkeyPatch) -> str:
    import sys
    import types

    module = types.ModuleType("tieout_test_theirs")
    module.FORMAT = Theirs  # type: ignore[attr-defined]  # a module made here
    module.OTHER = type("Other", (), {"id": "other"})  # type: ignore[attr-defined]  # as above
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module.__name__


def test_other_people_s_formats_are_used_like_ours(monkeypatch: pytest.MonkeyPatch, theirs: str) -> None:
    _installed(monkeypatch, _Entry(f"{theirs}:FORMAT"))
    found = identify(Head("x", b"THEIRS 1"))
    assert found is not None
    assert (found[0].id, found[1]) == ("their.format", "their.format.2")
    assert identify(Head("x", b"ours")) is None


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("tieout_no_such_module:FORMAT", "ModuleNotFoundError"),
        ("{theirs}:ABSENT", "AttributeError"),
        ("{theirs}:OTHER", "got 'other'"),
    ],
)
def test_a_format_that_cannot_be_loaded_is_a_clear_fault(
    monkeypatch: pytest.MonkeyPatch, theirs: str, value: str, says: str
) -> None:
    _installed(monkeypatch, _Entry(value.format(theirs=theirs)))
    with pytest.raises(Broken, match=says):
        format_of("their.format")


def test_two_formats_of_one_id_are_a_fault(monkeypatch: pytest.MonkeyPatch, theirs: str) -> None:
    _installed(monkeypatch, _Entry(f"{theirs}:FORMAT"), _Entry(f"{theirs}:OTHER"))
    with pytest.raises(Broken, match=r"expected one format 'their\.format', got two"):
        format_ids()


@given(st.binary(max_size=400), st.sampled_from(["a.xml", "b.csv", "c.sta", "d"]))
def test_no_bytes_make_recognition_fail(data: bytes, name: str) -> None:
    assert len(claims(Head(name, data))) <= 1


@given(st.sampled_from(sorted(MARKED)), st.integers(0, 400), st.binary(max_size=3))
def test_no_change_of_a_file_makes_it_two_things(version: str, at: int, put: bytes) -> None:
    data = MARKED[version]
    assert len(claims(Head("x", data[:at] + put + data[at:]))) <= 1
    assert len(claims(Head("x", data[:at]))) <= 1
