"""Adyen's settlement details and payment accounting reports: journals as records, whatever columns were chosen."""

import csv
import datetime as dt
import io
import json
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.depth import examples
from tieout.formats._peek import HEAD_BYTES
from tieout.formats.adyen.reports import AdyenPaymentsAccounting, AdyenSettlementDetail
from tieout.formats.adyen.terms import IANA_ZONES, MONEY_KINDS, NO_MONEY_KINDS, RESERVE, ZONES
from tieout.formats.reading import Chunk, Head, ReadOptions
from tieout.model.kinds import KINDS
from tieout.model.money import format_minor

CASES = Path(__file__).parent / "cases" / "adyen_reports"
SETTLEMENT = (CASES / "settlement.csv").read_text()
ACCOUNTING = (CASES / "accounting.csv").read_text()
Report = AdyenSettlementDetail | AdyenPaymentsAccounting
BOTH: list[tuple[Report, str]] = [(AdyenSettlementDetail(), SETTLEMENT), (AdyenPaymentsAccounting(), ACCOUNTING)]


def read(data: str | bytes, report: Report | None = None, **options: Any) -> list[Chunk]:
    stream = io.BytesIO(data.encode() if isinstance(data, str) else data)
    return list((report or AdyenSettlementDetail()).read(stream, ReadOptions(**options)))


def rows(data: str | bytes, report: Report | None = None, **options: Any) -> list[dict[str, Any]]:
    chunks = read(data, report, **options)
    assert not [problem for chunk in chunks for problem in chunk.problems]
    return [row for chunk in chunks if chunk.table is not None for row in chunk.table.to_pylist()]


def identify(data: str | bytes, name: str = "report.csv") -> set[str | None]:
    head = Head(name, data.encode() if isinstance(data, str) else data)
    return {each.identify(head) for each in (AdyenSettlementDetail(), AdyenPaymentsAccounting())} - {None}


def parsed(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def table(records: list[dict[str, str]], delimiter: str = ",") -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(records[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(records)
    return out.getvalue()


def workbook(records: list[dict[str, str]], above: int = 0) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for _ in range(above):
        sheet.append(["Settlement details report"])
    sheet.append(list(records[0]))
    for record in records:
        sheet.append([_cell(name, value) for name, value in record.items()])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _cell(name: str, value: str) -> object:
    if not value:
        return None
    if name.endswith("Date"):
        return dt.datetime.fromisoformat(value)
    return float(value) if name.endswith("C)") else value


def money(row: dict[str, Any], *names: str) -> str:
    return " ".join("-" if row[name] is None else format_minor(row[name], row["exponent"]) for name in names)


def original(row: dict[str, Any]) -> str:
    if row["original_amount"] is None:
        return "-"
    return f"{format_minor(row['original_amount'], row['original_exponent'])} {row['original_currency']}"


def joined(*parts: object) -> str:
    return " | ".join(str(part or "-") for part in parts)


def test_golden_settlement() -> None:
    expected = (CASES / "settlement.expected.txt").read_text().splitlines()[1:]
    found = [
        joined(
            row["kind"], f"{money(row, 'amount', 'fee', 'net')} {row['currency']}", original(row), row["identity"],
            row["external_id"], row["payment_id"], row["settlement_id"], row["parent_external_id"], row["booked_on"],
            row["occurred_at"].strftime("%Y-%m-%d %H:%M"),
        )
        for row in rows(SETTLEMENT, timezone="Europe/Amsterdam")
    ]  # fmt: skip
    assert found == expected


def test_golden_accounting() -> None:
    expected = (CASES / "accounting.expected.txt").read_text().splitlines()[1:]
    found = [
        joined(
            row["kind"], row["status"], f"{money(row, 'amount', 'fee', 'net')} {row['currency']}", original(row),
            row["identity"], row["external_id"], row["parent_external_id"], row["booked_on"],
        )
        for row in rows(ACCOUNTING, AdyenPaymentsAccounting(), timezone="Europe/Amsterdam")
    ]  # fmt: skip
    assert found == expected
    assert identify(ACCOUNTING.replace("Psp", "PSP")) == {"adyen.payments_accounting"}
    assert len(rows(ACCOUNTING.replace("Psp", "PSP"), AdyenPaymentsAccounting())) == len(expected)


def test_both_reports_name_one_record() -> None:
    kept = ("kind", "amount", "fee", "net", "currency", "account_number", "namespace", "external_id", "original_amount")
    settled = {r["identity"]: [r[n] for n in kept] for r in rows(SETTLEMENT) if r["identity"]}
    accounted = {r["identity"]: [r[n] for n in kept] for r in rows(ACCOUNTING, AdyenPaymentsAccounting())}
    shared = settled.keys() & accounted.keys()
    assert shared == {
        "settled:AAAA:MAAA", "settled:BBBB:MBBB", "refunded:AAAA:MAAR", "chargeback:CCCC:MCCC", "capturefailed:EEEE:MEEE"
    }  # fmt: skip
    assert {name: settled[name] for name in shared} == {name: accounted[name] for name in shared}


def test_what_a_row_keeps() -> None:
    first, *_ = found = rows(SETTLEMENT)
    assert {"ORD-1", "AAAA", "MAAA", "M-1"} <= set(first["references"])
    assert (first["account_number"], first["rate"], first["counted"], first["line"]) == ("Shop", "1", False, 2)
    details = json.loads(first["details"])
    assert (details["Type"], details["Interchange (NC)"], details["Batch Number"]) == ("Settled", "1.20", "12")
    fee, invoice = (row for row in found if row["kind"] == "fee" and row["payment_id"] is None)
    assert (fee["identity"], fee["counted"], fee["text"]) == (None, True, "Transaction Fees March 2026")
    assert invoice["references"] == ["NL202600000123"]
    payout = next(row for row in found if row["kind"] == "payout")
    assert payout["references"] == ["TX1234567890XT"]
    auto = rows(ACCOUNTING, AdyenPaymentsAccounting())[2]
    assert "<auto>" not in auto["references"]


def test_totals_are_the_net_columns() -> None:
    last = read(SETTLEMENT)[-1]
    lines = parsed(SETTLEMENT)
    for total in last.totals:
        of = [line for line in lines if line["Net Currency"] == total.currency]
        unit = 10**total.exponent
        assert total.count == len(of)
        assert total.credits == sum(Decimal(line["Net Credit (NC)"] or 0) for line in of) * unit
        assert total.debits == sum(Decimal(line["Net Debit (NC)"] or 0) for line in of) * unit
    assert {total.currency for total in last.totals} == {"EUR", "JPY"}


def test_other_files_of_the_same_report() -> None:
    lines = parsed(SETTLEMENT)
    names = list(lines[0])
    random.Random(3).shuffle(names)
    shuffled = [{name: line[name] for name in names} for line in lines]
    renamed = [{name.replace("Psp", "PSP"): value for name, value in line.items()} for line in lines]
    assert rows(table(shuffled)) == rows(SETTLEMENT)
    kept = ("kind", "amount", "fee", "net", "identity", "settlement_id", "booked_on", "occurred_at", "references")
    expected = [[row[name] for name in kept] for row in rows(SETTLEMENT)]
    for data in (
        table(renamed),
        table(lines, "\t"),
        table(lines, ";"),
        "\ufeff" + SETTLEMENT,
        SETTLEMENT.replace("\n", "\r\n"),
        workbook(lines),
        workbook(lines, above=2),
    ):
        assert identify(data) == {"adyen.settlement_detail"}
        assert [[row[name] for name in kept] for row in rows(data)] == expected


def test_a_header_below_a_title() -> None:
    data = "Settlement details report,,\nShop,,\n" + SETTLEMENT
    assert identify(data) == {"adyen.settlement_detail"}
    found = rows(data)
    assert (len(found), found[0]["line"]) == (17, 4)


def test_a_workbook_beyond_the_head_is_known_by_its_texts() -> None:
    chance = random.Random(5)
    line = parsed(SETTLEMENT)[0]
    lines = [line | {"Psp Reference": f"{chance.getrandbits(64):016X}"} for _ in range(4_000)]
    data = workbook(lines)
    assert len(data) > HEAD_BYTES
    other = workbook([{"Date": "", "Text": f"{chance.getrandbits(256):064X}"} for _ in range(3_000)])
    assert identify(other[:HEAD_BYTES], "other.xlsx") == set()
    assert identify(data[:HEAD_BYTES], "settlement_detail_report_batch_12.xlsx") == {"adyen.settlement_detail"}


def test_columns_that_were_not_chosen() -> None:
    needed = (
        "Merchant Account", "Psp Reference", "Creation Date", "Type", "Net Currency", "Net Credit (NC)", "Net Debit (NC)"
    )  # fmt: skip
    line = {name: parsed(SETTLEMENT)[0][name] for name in needed}
    (row,) = rows(table([line]))
    assert (row["kind"], row["amount"], row["fee"], row["net"]) == ("charge", 9785, None, 9785)
    # No zone: the day is the one that is written.
    assert (row["booked_on"], row["occurred_at"]) == (dt.date(2026, 3, 28), None)
    for missing in ("Creation Date", "Net Credit (NC)", "Net Debit (NC)", "Net Currency", "Merchant Account"):
        (problem,) = [p for c in read(table([{k: v for k, v in line.items() if k != missing}])) for p in c.problems]
        assert problem.severity == "refused"


def test_any_choice_of_columns_is_read_or_refused() -> None:
    chance = random.Random(17)
    for report, text in BOTH:
        names = list(parsed(text)[0])
        for _ in range(6):
            kept = chance.sample(names, chance.randint(len(names) // 2, len(names)))
            chunks = read(table([{name: line[name] for name in kept} for line in parsed(text)]), report)
            assert chunks
            faults = [p for chunk in chunks for p in chunk.problems]
            assert sum(c.rows or 0 for c in chunks) == len(parsed(text)) or faults[0].severity == "refused"


def test_accounting_without_settlement_columns() -> None:
    kept = [name for name in parsed(ACCOUNTING)[0] if "(SC)" not in name]
    found = rows(table([{n: line[n] for n in kept} for line in parsed(ACCOUNTING)]), AdyenPaymentsAccounting())
    by_identity = {row["identity"]: row for row in found}
    settled = by_identity["settled:BBBB:MBBB"]
    assert (settled["kind"], settled["amount"], settled["currency"], settled["fee"]) == ("charge", 4410, "EUR", None)
    assert by_identity["refunded:AAAA:MAAR"]["amount"] < 0


@pytest.mark.parametrize(
    ("zone", "local", "utc"),
    [
        ("CET", "2026-01-15 00:30:00", "2026-01-14 23:30:00"),
        ("CET", "2026-07-15 00:30:00", "2026-07-14 22:30:00"),
        ("CEST", "2026-10-25 02:30:00", "2026-10-25 00:30:00"),
        ("PDT", "2026-07-15 20:00:00", "2026-07-16 03:00:00"),
        ("PST", "2026-01-15 20:00:00", "2026-01-16 04:00:00"),
        ("BST", "2026-07-15 00:30:00", "2026-07-14 23:30:00"),
        ("GMT", "2026-01-15 00:30:00", "2026-01-15 00:30:00"),
        ("AEDT", "2026-01-15 00:30:00", "2026-01-14 13:30:00"),
        ("Asia/Singapore", "2026-01-15 00:30:00", "2026-01-14 16:30:00"),
        ("Atlantis/Capital", "2026-01-15 00:30:00", None),
        ("XYZ", "2026-01-15 00:30:00", None),
        ("", "2026-01-15 00:30:00", None),
    ],
)
def test_time_zones(zone: str, local: str, utc: str | None) -> None:
    line = parsed(SETTLEMENT)[1] | {"TimeZone": zone, "Creation Date": local}
    (row,) = rows(table([line]))
    assert row["occurred_at"] == (dt.datetime.fromisoformat(f"{utc}+00:00") if utc else None)
    assert row["booked_on"] == dt.date.fromisoformat((utc or local)[:10])


def test_every_zone_is_one_that_the_engine_knows() -> None:
    line = parsed(SETTLEMENT)[1]
    zones = [*ZONES, *filter(None, IANA_ZONES.split("|"))]
    found = rows(table([line | {"TimeZone": zone} for zone in zones]))
    assert [zone for zone, row in zip(zones, found, strict=True) if row["occurred_at"] is None] == []


def test_every_word_has_a_canonical_kind() -> None:
    assert {*MONEY_KINDS.values(), *NO_MONEY_KINDS.values()} - {RESERVE} <= KINDS.keys()
    assert not MONEY_KINDS.keys() & NO_MONEY_KINDS.keys()


def test_rows_without_any_amount_are_nothing() -> None:
    line = parsed(SETTLEMENT)[0] | {"Net Credit (NC)": "", "Net Debit (NC)": ""}
    line |= {"Markup (NC)": "", "Scheme Fees (NC)": "", "Interchange (NC)": "", "Gross Credit (GC)": ""}
    (row,) = rows(table([line]))
    assert (row["amount"], row["net"]) == (0, 0)


def test_equal_rows_without_identity_are_counted() -> None:
    fee = next(line for line in parsed(SETTLEMENT) if line["Type"] == "Fee")
    found = rows(table([fee, fee]))
    assert [(row["identity"], row["counted"]) for row in found] == [(None, True)] * 2


@pytest.mark.parametrize(
    ("change", "says", "column"),
    [
        ({"Type": "Confiscated"}, "confiscated", "Type"),
        ({"Type": ""}, "no value", "Type"),
        ({"Net Credit (NC)": "ninety"}, "ninety", "Net Credit (NC)"),
        ({"Net Credit (NC)": "97,85"}, "97,85", "Net Credit (NC)"),
        ({"Markup (NC)": "1e2"}, "1e2", "Markup (NC)"),
        ({"Net Currency": "EURO"}, "EURO", "Net Currency"),
        ({"Creation Date": "28-03-2026", "Booking Date": ""}, "28-03-2026", "Creation Date"),
        ({"Creation Date": "", "Booking Date": ""}, "booked_on", None),
        ({"Net Credit (NC)": "", "Net Debit (NC)": "97.85"}, "gross * rate - costs", "Net Debit (NC)"),
        ({"Gross Credit (GC)": "", "Net Credit (NC)": "", "Net Debit (NC)": "97.85"}, "charge", "Net Debit (NC)"),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_a_row_that_cannot_be_read_is_set_aside(
    change: dict[str, str], says: str, column: str | None, *, turned: bool
) -> None:
    """The column that is named is the one to look at, in whatever order the report has them."""
    first, second, *_ = parsed(SETTLEMENT)
    records = [first, first | change, second]
    chunks = read(table([dict(reversed(one.items())) for one in records] if turned else records))
    (problem,) = [p for chunk in chunks for p in chunk.problems]
    assert (problem.severity, problem.line) == ("row", 3)
    assert says.lower() in problem.message.lower()
    assert problem.column == column or (column is None and "Date" in str(problem.column))
    assert sum(chunk.rows or 0 for chunk in chunks) == 3
    assert sum(chunk.table.num_rows for chunk in chunks if chunk.table is not None) == 2


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("name", "value"),
    [("Record Type", "Confiscated"), ("Record Type", ""), ("Settlement Currency", "EURO"), ("Settlement Currency", "")],
)
def test_of_the_accounting_report_the_column_at_fault_is_named(name: str, value: str, *, turned: bool) -> None:
    records = [row | {name: value} if "Settled" in row["Record Type"] else row for row in parsed(ACCOUNTING)]
    chunks = read(
        table([dict(reversed(one.items())) for one in records] if turned else records), AdyenPaymentsAccounting()
    )
    found = {p.column for chunk in chunks for p in chunk.problems}
    assert found == {name}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (SETTLEMENT, "adyen.settlement_detail"),
        (ACCOUNTING, "adyen.payments_accounting"),
        ("Merchant Account,Psp Reference,Record Type,Dispute Amount,Dispute Currency\n", None),
        ("Company Account,Merchant Account,Psp Reference,Creation Date,Amount\n", None),
        ("Date,Type,Amount\n", None),
        ("", None),
        (b"PK\x03\x04 not a workbook", None),
    ],
)
def test_what_is_claimed(data: str | bytes, expected: str | None) -> None:
    assert identify(data) == ({expected} if expected else set())


cents = st.integers(0, 10**10)


@given(st.lists(st.tuples(cents, cents, cents, cents, cents), min_size=1, max_size=20))
@settings(max_examples=examples(4), deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_amount_is_net_and_costs(amounts: list[tuple[int, ...]]) -> None:
    first = parsed(SETTLEMENT)[0]
    names = ("Net Credit (NC)", "Commission (NC)", "Markup (NC)", "Scheme Fees (NC)", "Interchange (NC)")
    lines = [
        first
        | {n: format_minor(v, 2) for n, v in zip(names, values, strict=True)}
        | {"Gross Credit (GC)": format_minor(sum(values), 2)}
        for values in amounts
    ]
    for row, (net, *costs) in zip(rows(table(lines)), amounts, strict=True):
        assert (row["net"], row["fee"], row["amount"]) == (net, sum(costs), net + sum(costs))


def test_cut_off_anywhere() -> None:
    data = SETTLEMENT.encode()
    book = workbook(parsed(SETTLEMENT))
    for end in range(0, len(data), 3):
        identify(data[:end])
    for end in range(0, len(data), 307):
        assert read(data[:end])
    for end in range(0, len(book), 499):
        identify(book[:end], "a.xlsx")
        assert read(book[:end])


def test_changed_bytes() -> None:
    chance = random.Random(13)
    for report, text in BOTH * examples(2):
        data = bytearray(text.encode())
        for _ in range(chance.randint(1, 20)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        chunks = read(bytes(data), report)
        kept = sum(chunk.table.num_rows for chunk in chunks if chunk.table is not None)
        aside = sum(problem.severity == "row" for chunk in chunks for problem in chunk.problems)
        assert sum(chunk.rows or 0 for chunk in chunks) == kept + aside


def test_real_settlement_files(samples: Any) -> None:
    for path, truth, _ in samples("adyen-settlement"):
        data = path.read_bytes()
        assert identify(data) == {"adyen.settlement_detail"}
        totals = [total for chunk in read(data) for total in chunk.totals]
        assert not [p for chunk in read(data) for p in chunk.problems], path.name
        assert sum(total.count for total in totals) == truth["rows"]
        assert sum(total.credits for total in totals) == Decimal(truth["net_credit"]) * 100
        assert sum(total.debits for total in totals) == Decimal(truth["net_debit"]) * 100


def test_real_accounting_files(samples: Any) -> None:
    for path, truth, _ in samples("adyen-accounting"):
        data = path.read_bytes()
        assert identify(data) == {"adyen.payments_accounting"}
        chunks = read(data, AdyenPaymentsAccounting())
        assert not [p for chunk in chunks for p in chunk.problems], path.name
        assert sum(total.count for chunk in chunks for total in chunk.totals) == truth["rows"]


def settled(*lines: dict[str, str]) -> str:
    """Write a settlement report of payments that say this and nothing else of their money."""
    row = parsed(SETTLEMENT)[0]
    blank = dict.fromkeys(row, "")
    whole = {
        "Merchant Account": "M", "Psp Reference": "P1", "Type": "Settled", "Creation Date": "2026-10-01 10:00:00",
        "TimeZone": "CET", "Gross Currency": "EUR", "Net Currency": "EUR", "Exchange Rate": "1", "Batch Number": "7",
        "Commission (NC)": "", "Markup (NC)": "", "Scheme Fees (NC)": "", "Interchange (NC)": "",
    }  # fmt: skip
    return table([blank | whole | said for said in lines])


GROSS, NET = "Gross Credit (GC)", "Net Credit (NC)"
CONVERTED = {"Gross Currency": "USD", "Exchange Rate": "0.92345"}


CONVERSIONS: list[tuple[dict[str, str], bool]] = [
    ({GROSS: "5.00", NET: "5.00"}, True),
    ({GROSS: "5.00", NET: "4.00"}, False),
    ({GROSS: "5.00", NET: "4.99"}, False),
    ({GROSS: "5.00", NET: "4.80", "Markup (NC)": "0.15", "Interchange (NC)": "0.05"}, True),
    ({GROSS: "5.00", NET: "4.80", "Markup (NC)": "0.15"}, False),
    ({GROSS: "5.00", NET: "4.80", "Markup (NC)": "0.2014"}, True),
    ({GROSS: "5.00", NET: "4.00", "Exchange Rate": ""}, False),
    ({GROSS: "", NET: "4.00"}, True),
    ({"Type": "Refunded", "Gross Debit (GC)": "5.00", "Net Debit (NC)": "5.20", "Commission (NC)": "0.20"}, True),
    ({"Type": "Refunded", "Gross Debit (GC)": "5.00", "Net Debit (NC)": "4.80", "Commission (NC)": "0.20"}, False),
    ({GROSS: "100.00", NET: "92.35"} | CONVERTED, True),
    ({GROSS: "100.00", NET: "92.34"} | CONVERTED, True),
    ({GROSS: "100.00", NET: "92.36"} | CONVERTED, False),
    ({GROSS: "1000000.00", NET: "923455.00"} | CONVERTED, True),
    ({GROSS: "1000000.00", NET: "923456.00"} | CONVERTED, False),
    ({GROSS: "100.00", NET: "91.85", "Markup (NC)": "0.50"} | CONVERTED, True),
    ({GROSS: "100.00", NET: "9.23"} | CONVERTED, False),
    ({GROSS: "100.00", NET: "80.00"} | CONVERTED | {"Exchange Rate": ""}, True),
    ({GROSS: "100", NET: "100", "Gross Currency": "JPY", "Net Currency": "JPY"}, True),
    ({GROSS: "100", NET: "99", "Gross Currency": "JPY", "Net Currency": "JPY"}, False),
    ({GROSS: "1.000", NET: "0.999", "Gross Currency": "KWD", "Net Currency": "KWD"}, False),
    ({GROSS: "99999999999.99", NET: "99999999999.99"}, True),
    ({GROSS: "99999999999.99", NET: "1.00"} | CONVERTED, False),
]


def test_gross_and_rate_and_costs_give_the_net_as_far_as_the_report_rounds() -> None:
    chunks = read(settled(*(said for said, _ in CONVERSIONS)))
    problems = [problem for chunk in chunks for problem in chunk.problems]
    assert {problem.line for problem in problems} == {n for n, (_, holds) in enumerate(CONVERSIONS, 2) if not holds}
    assert {(problem.severity, problem.reason) for problem in problems} == {("row", "conflict")}
    assert all("expected net = gross * rate - costs = " in problem.message for problem in problems)


def test_what_leaves_the_payment_out_of_balance_is_said_with_its_figures() -> None:
    [problem] = [p for chunk in read(settled({GROSS: "5.00", NET: "4.00"})) for p in chunk.problems]
    assert problem.message == ("line 2, column Net Credit (NC): expected net = gross * rate - costs = 5 * 1 - 0, got 4")


def test_a_report_that_leaves_costs_out_says_nothing_of_them() -> None:
    fewer = [
        {k: v for k, v in row.items() if k != "Interchange (NC)"} for row in parsed(settled({GROSS: "5", NET: "4"}))
    ]
    assert len(rows(table(fewer))) == 1
    more = [row | {"DCC Markup (NC)": "1.00"} for row in parsed(settled({GROSS: "5", NET: "4"}))]
    assert len(rows(table(more))) == 1
