"""What becomes of a row: identity, kinds, checks, details; and that no file brings the reader down."""

import datetime as dt
import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.depth import examples, some_of
from tests.formats.tabular.given import csv_of, plain, read
from tieout.errors import WrongUse
from tieout.formats.reading import ReadOptions
from tieout.formats.tabular import CsvDialect, Mapping, MappingFormat, parse_mapping, text_blocks
from tieout.model.kinds import KINDS
from tieout.model.money import exponents, format_minor

CASES = Path(__file__).parent.parent / "cases" / "tabular"


def test_an_external_id_is_the_identity_and_without_one_rows_are_counted() -> None:
    got = read(plain(), b"id,amount,day\na,1,2026-10-01\n,1,2026-10-01\n")
    assert [(r["identity"], r["counted"], r["namespace"]) for r in got.rows] == [
        ("a", False, "entry"),
        (None, True, "entry"),
    ]
    got = read(plain(fields={"external_id": None}), csv_of("1"))
    assert (got.rows[0]["identity"], got.rows[0]["counted"], got.rows[0]["status"]) == (None, True, "booked")


def test_words_become_kinds_and_unknown_words_are_quarantined() -> None:
    data = b"id,amount,day,type\na,1,2026-10-01,sale\nb,1,2026-10-01,charge\nc,1,2026-10-01,magic\nd,1,2026-10-01,\ne,-1,2026-10-01,fee\n"
    got = read(plain(fields={"kind": "type"}, kinds={"sale": "charge", "fee": "refund"}), data)
    assert [(r["external_id"], r["kind"]) for r in got.rows] == [("a", "charge"), ("b", "charge"), ("e", "refund")]
    assert [(p.line, p.column) for p in got.problems] == [(4, "type"), (5, "type")]
    assert "got 'magic'" in got.messages[0]


@pytest.mark.parametrize("name", list(KINDS))
def test_signs_and_required_fields_are_those_of_the_kind(name: str) -> None:
    kind = KINDS[name]
    given_rows = [(amount, day) for amount in ("1", "-1", "0", "") for day in ("2026-10-01", "")]
    data = "\n".join(["id,amount,day", *(f"{n},{amount},{day}" for n, (amount, day) in enumerate(given_rows))])
    expected = []
    for n, (amount, day) in enumerate(given_rows):
        wrong = (kind.sign, amount) in {("+", "-1"), ("-", "1")}
        missing = ("amount" in kind.requires and not amount) or ("booked_on" in kind.requires and not day)
        expected += [] if wrong or missing else [str(n)]
    got = read(plain(fields={"kind": f"'{name}'"}), data.encode())
    assert got.column("external_id") == expected
    assert len(got.problems) == len(given_rows) - len(expected)


def test_every_currency_has_its_decimals() -> None:
    codes = sorted(exponents())
    data = "\n".join(["id,amount,day,ccy", *(f"{c},1,2026-10-01,{c}" for c in codes)]).encode()
    got = read(plain(fields={"currency": "ccy"}), data)
    assert {r["currency"]: r["exponent"] for r in got.rows} == exponents()


@pytest.mark.parametrize("code", ["XYZ", "eur", "EURO", "E", "", "D,A", ",AE", "A'B", "€€€"])
def test_an_unknown_currency_is_quarantined(code: str) -> None:
    got = read(plain(fields={"currency": "ccy"}), f'id,amount,day,ccy\na,1,2026-10-01,"{code}"\n'.encode())
    (problem,) = got.problems
    assert (problem.line, problem.column) == (2, "ccy")


def test_the_currency_may_be_the_sources_and_must_be_someones() -> None:
    mapping = plain(fields={"currency": None})
    assert read(mapping, csv_of("1"), currency="KWD").rows[0]["exponent"] == 3
    with pytest.raises(WrongUse, match="or `currency` of its source"):
        read(mapping, csv_of("1"))


def test_details_keep_every_column_that_no_field_mentions() -> None:
    odd = read(plain(), b'id,amount,day,"a ""q"""\nx,1,2026-10-01,"say ""hi""\nthere \\"\n')
    assert json.loads(odd.rows[0]["details"]) == {'a "q"': 'say "hi"\nthere \\'}
    got = read(plain(fields={"text": "b"}), b'id,amount,day,a,b,c\nx,1,2026-10-01,"say ""hi""",t,\ny,2,2026-10-01,,,\n')
    assert got.column("details") == ['{"a":"say \\"hi\\""}', None]
    assert read(plain(details=()), b"id,amount,day,a\nx,1,2026-10-01,z\n").column("details") == [None]
    assert read(plain(details=("a",)), b"id,amount,day,a,b\nx,1,2026-10-01,z,w\n").column("details") == ['{"a":"z"}']


def test_account_constant_or_by_field() -> None:
    assert read(plain(account="DE'1"), csv_of("1")).column("account_number") == ["DE'1"]
    assert read(plain(fields={"account": "id"}), csv_of("1")).column("account_number") == ["t0"]


def test_status_must_be_one_that_exists() -> None:
    got = read(plain(fields={"status": "s"}), b"id,amount,day,s\na,1,2026-10-01,pending\nb,1,2026-10-01,maybe\n")
    assert got.column("status") == ["pending"]
    assert "expected booked, pending or provisional, got 'maybe'" in got.messages[0]


def test_a_rate_keeps_its_digits() -> None:
    got = read(
        plain(fields={"rate": "r"}, dialect=CsvDialect(delimiter=";", decimal=",")),
        b"id;amount;day;r\na;1;2026-10-01;1,08450000000001\nb;1;2026-10-01;x\n",
    )
    assert got.column("rate") == ["1.08450000000001"]
    assert [p.column for p in got.problems] == ["r"]


def test_a_pattern_that_is_none_is_wrong_use() -> None:
    with pytest.raises(WrongUse, match="expected a regular expression"):
        read(plain(fields={"text": "regexp_extract(id, '(')"}), csv_of("1"))


def test_the_engine_is_locked() -> None:
    mapping = Mapping(
        id="x", trusted=True, fields=dict(plain().fields) | {"text": "(select content from read_text('/etc/hostname'))"}
    )
    with pytest.raises(WrongUse):
        read(mapping, csv_of("1"))


def shown(mapping: Mapping, data: bytes) -> str:
    """Write what came in as text that a person can review."""
    got = read(mapping, data)
    out = []
    for row in got.rows:
        money = [f"{n} {format_minor(row[n], row['exponent'])}" for n in ("amount", "fee", "net") if row[n] is not None]
        ids = [f"{n} {row[n]}" for n in ("external_id", "settlement_id", "counterparty", "text", "details") if row[n]]
        lists = [" ".join(["references", *row["references"]])] if row["references"] else []
        out.append(
            f"{row['line']}: {row['kind']} {row['booked_on']} {row['currency']} | {' | '.join(money + ids + lists)}"
        )
    out += [f"! {message}" for message in got.messages]
    out += [
        f"= {t.currency} {t.count} +{format_minor(t.credits, t.exponent)} -{format_minor(t.debits, t.exponent)}"
        for t in got.totals
    ]
    return "\n".join([*out, f"skipped {got.skipped}", ""])


@pytest.mark.parametrize("name", sorted(p.stem for p in CASES.glob("*.toml")))
def test_golden(name: str) -> None:
    mapping = parse_mapping((CASES / f"{name}.toml").read_text(), f"{name}.toml")
    data = (CASES / f"{name}.data").read_bytes()
    assert shown(mapping, data) == (CASES / f"{name}.expected").read_text()


GOOD = csv_of("1.50", "-2", "x", "4") + b'"q\n""z",5,2026-10-01\n'


def test_cut_off_anywhere_it_says_so_or_reads_on() -> None:
    whole = read(plain(), GOOD)
    for place in some_of(range(len(GOOD)), 40):
        got = read(plain(), GOOD[:place])
        assert got.refused or len(got.rows) <= len(whole.rows)


@given(
    st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.binary(max_size=3), st.integers(0, 3)), max_size=4),
    st.sampled_from(["utf-8", "utf-16", "cp1252", "utf-7"]),
)
@settings(max_examples=examples(50), deadline=None)
def test_no_change_of_bytes_brings_it_down(changes: list[tuple[int, bytes, int]], encoding: str) -> None:
    data = GOOD
    for place, put, cut in changes:
        data = data[:place] + put + data[place + cut :]
    got = read(plain(dialect=CsvDialect(encoding=encoding)), data)
    assert all(p.message for p in got.problems)


@given(st.binary(max_size=200), st.sampled_from(["csv", "tsv", "jsonl", "parquet", "xlsx"]))
@settings(max_examples=examples(40), deadline=None)
def test_any_bytes_are_refused_or_read(data: bytes, name: str) -> None:
    mapping = plain(format=name)
    chunks = list(MappingFormat(mapping).read(io.BytesIO(data), ReadOptions()))
    assert chunks[-1].problems or chunks[-1].rows is not None


def test_many_rows_in_the_order_of_the_file_with_faults_between() -> None:
    rows = [
        f"{n},{'x' if n % 1000 == 7 else '1.005' if n % 97 == 0 else n % 50},2026-10-{n % 28 + 1:02}"
        for n in range(60_000)
    ]
    got = read(plain(), "\n".join(["id,amount,day", *rows]).encode(), batch_rows=7_000)
    assert got.column("line") == sorted(got.column("line"))
    assert len(got.rows) + len(got.problems) == 60_000
    assert all(row["line"] == int(row["external_id"]) + 2 for row in got.rows)
    assert {row["exponent"] for row in got.rows if int(row["external_id"]) % 97 == 0} == {3}
    assert got.rows[0]["booked_on"] == dt.date(2026, 10, 1)


@pytest.mark.parametrize("size", [40, 1 << 20])
def test_a_file_of_many_digits_is_computed_exactly_whichever_way_it_is_cut(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_blocks, "BLOCK_BYTES", size)
    amounts = ["1.00005" if n % 3 else "" if n % 2 else "2" for n in range(200)]
    data = "\n".join(["id,amount,day", *(f"{n},{amount},2026-10-01" for n, amount in enumerate(amounts))]).encode()
    got = read(plain(fields={"kind": "'fulfilment'"}), data)
    assert not got.problems
    kept = {"1.00005": (100005, 5), "": (None, 2), "2": (200, 2)}
    assert [(row["amount"], row["exponent"]) for row in got.rows] == [kept[amount] for amount in amounts]
