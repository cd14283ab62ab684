"""Amounts are exact, whatever their producer writes; what is no decimal is quarantined with its place."""

from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.depth import examples
from tests.formats.tabular.given import csv_of, plain, read
from tieout.errors import BadInput
from tieout.formats.tabular import CsvDialect
from tieout.formats.tabular.plain_amounts import IN_DOUBT, amounts_of
from tieout.formats.tabular.typed import FAST, NumberText
from tieout.model.money import exponent_of, parse_money

_ENGINE = duckdb.connect()


@pytest.mark.parametrize(
    "text",
    [
        "1e5",
        "1_000",
        "0x10",
        "1 0",
        "NaN",
        "Infinity",
        "abc",
        "1.2.3",
        "(12.00)",
        "12.00-",
        "--1",
        "+",
        ".",
        "-",
        "1,000",
        "1,5",
        "\u0661",
        "£5",
        "1.5 EUR",
        "true",
        "'1'",
    ],
)
def test_what_is_no_decimal_is_quarantined_with_its_place(text: str) -> None:
    got = read(plain(), csv_of("1.00", text, "2.00"))
    assert got.column("amount") == [100, 200]
    (problem,) = got.problems
    assert (problem.severity, problem.line, problem.column) == ("row", 3, "amount")
    assert problem.message == f"line 3, column amount: expected a decimal such as 1234.56, got {text!r}"


@pytest.mark.parametrize("text", ["12.0000000001", "-0.1234567891", "+7.00000000000000000001"])
def test_a_decimal_that_is_too_fine_says_how_many_decimals_there_may_be(text: str) -> None:
    got = read(plain(), csv_of("1.00", text))
    assert got.messages == [f"line 3, column amount: expected at most 9 decimals, got {text!r}"]


@pytest.mark.parametrize(
    ("text", "minor", "exponent"),
    [
        ("5", 500, 2), ("5.", 500, 2), (".5", 50, 2), ("-.5", -50, 2), ("+5.10", 510, 2), ("007", 700, 2),
        ("1.2345", 12345, 4), ("1.23450", 12345, 4), ("1.10000000000000", 110, 2), ("0.000000001", 1, 9),
        ("-0", 0, 2), (" 5 ", 500, 2), ("\u00a05\u00a0", 500, 2), ("99999999999.99", 9999999999999, 2),
        ("92233720368547758.07", 2**63 - 1, 2), ("-92233720368547758.07", 1 - 2**63, 2),
    ],
)  # fmt: skip
def test_decimals_are_kept_to_the_last_digit(text: str, minor: int, exponent: int) -> None:
    got = read(plain(), csv_of(text))
    assert not got.problems
    assert (got.column("amount"), got.column("exponent")) == ([minor], [exponent])


def test_what_does_not_fit_64_bits_is_quarantined() -> None:
    got = read(plain(), csv_of("92233720368547758.08", "9" * 40, "9223372037.000000001", "1"))
    assert got.column("amount") == [100]
    assert [p.line for p in got.problems] == [2, 3, 4]
    assert "at most 9223372036854775807 minor units" in got.messages[0]


@pytest.mark.parametrize(
    ("decimal", "thousands", "text", "minor"),
    [
        (",", ".", "1.234,56", 123456), (",", ".", "1234,56", 123456), (",", ".", "-1.234.567,8", -123456780),
        (".", ",", "1,234", 123400), (",", " ", "1\u202f234,50", 123450), (",", " ", "1 234,50", 123450),
        (".", "'", "1'000.05", 100005), (",", "", "0,5", 50), (".", "_", "1_000", 100000),
    ],
)  # fmt: skip
def test_signs_between_digits_are_the_dialects(decimal: str, thousands: str, text: str, minor: int) -> None:
    got = read(plain(dialect=CsvDialect(decimal=decimal, thousands=thousands)), csv_of(text))
    assert got.column("amount") == [minor], got.messages


# A thousand never begins with zero: the sign may be the decimal one of another program.
_LED_BY_ZERO = ["0.500", "-0.125", "00.500", "000.000", "0.123,45", "+012.345", "0.001.234"]


@pytest.mark.parametrize(
    "text", ["1.23,4", "12.34", ".123", "1..234", "1.234.56", "1234.567", "1,234.5", *_LED_BY_ZERO]
)
def test_thousands_signs_stand_only_between_groups_of_three(text: str) -> None:
    got = read(plain(dialect=CsvDialect(decimal=",", thousands=".")), csv_of(text))
    assert not got.rows
    assert got.problems[0].line == 2


@pytest.mark.parametrize("amount", ["amount", "amount::decimal", "amount + 0", "minor(amount)", "major(amount)"])
@pytest.mark.parametrize(("decimal", "thousands"), [(",", "."), (".", ","), (",", " ")])
def test_a_thousand_that_begins_with_zero_is_read_by_no_way(amount: str, decimal: str, thousands: str) -> None:
    mapping = plain(fields={"amount": amount}, dialect=CsvDialect(decimal=decimal, thousands=thousands))
    got = read(mapping, csv_of(f"0{thousands}500", f"00{thousands}500"))
    assert not got.rows
    assert [problem.line for problem in got.problems] == [2, 3]


@given(
    st.lists(
        st.tuples(
            st.builds(
                lambda digits, places: format(Decimal(digits).scaleb(-places), "f"),
                st.integers(-(10**20), 10**20),
                st.integers(0, 11),
            )
            | st.text("0123456789.,+-eE_ x", max_size=12),
            st.sampled_from(["EUR", "JPY", "KWD", "CLF", "XXX", "eur"]),
        ),
        min_size=1,
        max_size=8,
    )
)
@settings(max_examples=examples(25), deadline=None)
def test_agrees_with_money_read_one_by_one(rows: list[tuple[str, str]]) -> None:
    """The set-based reading against the slow, obvious one."""
    data = ["id,amount,day,ccy", *(f'{n},"{text}",2026-10-01,{code}' for n, (text, code) in enumerate(rows))]
    got = read(plain(fields={"currency": "ccy"}), "\n".join(data).encode())
    expected = {}
    for n, (text, code) in enumerate(rows):
        try:
            # Zeros at the end are dropped before the size is looked at.
            plain_text = text.strip()
            money = parse_money(plain_text.rstrip("0") if "." in plain_text.strip("+-.") else plain_text, code)
        except BadInput:
            continue
        expected[str(n)] = (money.minor, money.exponent, code)
    found = {row["external_id"]: (row["amount"], row["exponent"], row["currency"]) for row in got.rows}
    assert found == expected


def test_one_exponent_for_all_amounts_of_a_row() -> None:
    fields = {"fee": "fee", "currency": "ccy", "original_amount": "oa", "original_currency": "oc"}
    data = b"id,amount,day,fee,ccy,oa,oc\na,10,2026-10-01,0.125,EUR,1000,JPY\nb,10,2026-10-01,,JPY,1.5,KWD\n"
    got = read(plain(fields=fields), data)
    first, second = got.rows
    assert (first["amount"], first["fee"], first["net"], first["exponent"]) == (10000, 125, 9875, 3)
    assert (first["original_amount"], first["original_exponent"]) == (1000, 0)
    assert (second["amount"], second["fee"], second["net"], second["exponent"]) == (10, None, 10, 0)
    assert (second["original_amount"], second["original_exponent"]) == (1500, exponent_of("KWD"))


def test_minor_units_follow_the_currency_of_the_row() -> None:
    data = (
        b"id,amount,day,ccy\na,1234,2026-10-01,EUR\nb,1234,2026-10-01,JPY\nc,1234,2026-10-01,KWD\nd,12.5,2026-10-01,EUR"
    )
    got = read(plain(fields={"currency": "ccy", "amount": "minor(amount)", "tax": "major(amount)"}), data)
    assert got.column("amount") == [1234, 1234, 1234, 125]
    assert got.column("exponent") == [2, 0, 3, 3]
    assert got.column("tax") == [123400, 1234, 1234000, 12500]


def test_net_is_checked_where_it_is_given() -> None:
    data = (
        b"id,amount,day,fee,net\na,10,2026-10-01,1,9\nb,10,2026-10-01,1,9.01\nc,10,2026-10-01,,10\nd,10,2026-10-01,1,\n"
    )
    got = read(plain(fields={"fee": "fee", "net": "net"}), data)
    assert got.column("external_id") == ["a", "c", "d"]
    assert got.column("fee") == [100, 0, 100]
    (problem,) = got.problems
    assert (problem.line, problem.column, problem.reason) == (3, "net", "conflict")
    assert "expected net = amount - fee - fee_tax = 10 - 1, got 9.01" in problem.message


def test_an_empty_fee_is_nothing_only_where_the_net_is_stated() -> None:
    data = b"id,amount,day,fee,net\na,10,2026-10-01,,10\nb,10,2026-10-01,,\nc,0.0001,2026-10-01,,0.0001\n"
    assert read(plain(fields={"fee": "fee", "net": "net"}), data).column("fee") == [0, None, 0]
    assert read(plain(fields={"fee": "fee"}), data).column("fee") == [None, None, None]


@pytest.mark.parametrize("fields", [{"fee": "fee"}, {"fee": "fee", "net": "net"}])
def test_a_net_that_does_not_fit_64_bits_is_quarantined(fields: dict[str, str]) -> None:
    data = b"id,amount,day,fee,net\na,92233720368547758.07,2026-10-01,-92233720368547758.07,\nb,1,2026-10-01,,\n"
    got = read(plain(fields=fields), data)
    assert got.column("external_id") == ["b"]
    assert [(p.line, p.message) for p in got.problems] == [
        (2, "line 2, column net: expected net of at most 9223372036854775807 minor units, got more")
    ]


def test_totals_add_up_per_currency_beyond_64_bits() -> None:
    rows = [
        f"{n},{'92233720368547758.07' if n < 3 else '-1.5'},2026-10-01,{'EUR' if n < 4 else 'JPY'}" for n in range(5)
    ]
    got = read(plain(fields={"currency": "ccy"}), "\n".join(["id,amount,day,ccy", *rows]).encode())
    euro, yen = got.totals
    assert (euro.count, euro.credits, euro.debits, euro.exponent) == (4, 3 * (2**63 - 1), 150, 2)
    assert (yen.count, yen.credits, yen.debits, yen.exponent) == (1, 0, 15, 1)


def test_totals_may_be_of_net() -> None:
    data = b"id,amount,day,fee\na,10,2026-10-01,1\nb,-4,2026-10-01,0.5"
    (total,) = read(plain(fields={"fee": "fee"}, totals="net"), data).totals
    assert (total.credits, total.debits) == (900, 450)


@pytest.mark.parametrize("text", [".0000000001", "-.0000000015", ".12345678901"])
def test_more_decimals_than_are_kept_are_never_rounded_away(text: str) -> None:
    got = read(plain(), csv_of(text, "1.00"))
    assert got.column("amount") == [100]
    assert got.problems[0].line == 2
    assert read(plain(fields={"amount": "amount + 0"}), csv_of(text)).rows == []


@given(
    st.lists(
        st.none()
        | st.from_regex(r"[+-]?[0-9]{1,4}([.,'][0-9]{2,4}){0,3}([.,][0-9]{0,6})?", fullmatch=True)
        # more digits than fit, and signs anywhere
        | st.text("0123456789.,'+-x", min_size=1, max_size=30),
        max_size=40,
    ),
    st.sampled_from([(".", ""), (",", ""), (",", "."), (".", ","), (".", "'")]),
)
@settings(deadline=None)
def test_columns_of_amounts_are_read_as_the_engine_reads_them(values: list[str | None], signs: tuple[str, str]) -> None:
    """Whatever is read beside the engine is what the engine's own conversion gives; the rest is in doubt."""
    number = NumberText(*signs, FAST)
    column = pa.chunked_array([pa.array(values, pa.string())])
    got = amounts_of(column, *signs, FAST).to_pylist()
    scaled = f"cast(cast({number.convert_or('v', 'null')} as decimal(38, 9)) * 10000 as bigint)"
    given_rows = _ENGINE.from_arrow(pa.table({"v": column}))
    wanted = [value for (value,) in given_rows.project(scaled).fetchall()]
    # Zeros beyond what 64 bits keep are left to the engine, too.
    beyond = [
        text is not None and len(text.rpartition(signs[0])[2]) > FAST.scale and signs[0] in text for text in values
    ]
    expected = [
        IN_DOUBT if text is not None and (value is None or long) else value
        for text, value, long in zip(values, wanted, beyond, strict=True)
    ]
    assert got == expected


@given(
    st.lists(st.text("0123456789.,-+\x05/:", max_size=18), max_size=40),
    st.sampled_from([(".", ""), (",", "")]),
)
@settings(deadline=None)
def test_short_amounts_are_read_at_once_as_they_are_sign_by_sign(values: list[str], signs: tuple[str, str]) -> None:
    """Sign by sign is the slow, obvious way: reading where a sign of thousands stands takes it."""
    column = pa.chunked_array([pa.array([text or "0" for text in values], pa.string())])
    slowly = pa.chunked_array([pa.array([*column.to_pylist(), "'"], pa.string())])
    assert amounts_of(column, *signs, FAST).to_pylist() == amounts_of(slowly, signs[0], "'", FAST).to_pylist()[:-1]


def test_a_file_of_thousands_signs_and_doubts_keeps_its_order() -> None:
    amounts = [f"{n}.{n % 1000:03d},{n % 100:02d}" if n % 7 else f"{n},123456" for n in range(1, 400)]
    got = read(plain(dialect=CsvDialect(decimal=",", thousands=".")), csv_of(*amounts))
    assert not got.problems
    assert [row["line"] for row in got.rows] == list(range(2, 401))
    exact = [Decimal(text.replace(".", "").replace(",", ".")) for text in amounts]
    assert [Decimal(row["amount"]).scaleb(-row["exponent"]) for row in got.rows] == exact
