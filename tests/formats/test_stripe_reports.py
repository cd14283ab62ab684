"""Stripe's CSV reports: rows as records, one identity with the API's objects, any columns in any order."""

import csv
import datetime as dt
import io
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.depth import examples
from tieout.formats.reading import Chunk, Head, ReadOptions
from tieout.formats.stripe.objects import StripeObjects
from tieout.formats.stripe.reports import BALANCE, PAYOUT_RECONCILIATION, StripeBalance, StripePayoutReconciliation
from tieout.formats.stripe.terms import KIND_OF, identity_of, kind_of
from tieout.model.money import format_minor

CASES = Path(__file__).parent / "cases" / "stripe_reports"
REPORT = (CASES / "payout_reconciliation.csv").read_text()
ROW = {
    "balance_transaction_id": "txn_1", "created_utc": "2026-01-02 10:11:12", "currency": "eur", "gross": "10.00",
    "fee": "0.59", "net": "9.41", "reporting_category": "charge", "source_id": "ch_1", "automatic_payout_id": "po_1",
}  # fmt: skip


def read(data: str | bytes, **options: Any) -> list[Chunk]:
    stream = io.BytesIO(data.encode() if isinstance(data, str) else data)
    return list(StripePayoutReconciliation().read(stream, ReadOptions(**options)))


def rows(data: str | bytes, **options: Any) -> list[dict[str, Any]]:
    chunks = read(data, **options)
    assert not [problem for chunk in chunks for problem in chunk.problems]
    return [row for chunk in chunks if chunk.table is not None for row in chunk.table.to_pylist()]


def problems(data: str | bytes) -> list[Any]:
    return [problem for chunk in read(data) for problem in chunk.problems]


def table(*records: dict[str, str], delimiter: str = ",") -> str:
    out = io.StringIO()
    writer = csv.DictWriter(
        out, list(dict.fromkeys(name for record in records for name in record)), delimiter=delimiter
    )
    writer.writeheader()
    writer.writerows(records)
    return out.getvalue()


def identify(data: str | bytes, name: str = "report.csv") -> set[str | None]:
    head = Head(name, data.encode() if isinstance(data, str) else data)
    return {each.identify(head) for each in (StripeBalance(), StripePayoutReconciliation())} - {None}


def line_of(row: dict[str, Any]) -> str:
    amounts = " ".join(format_minor(row[name], row["exponent"]) for name in ("amount", "fee", "net"))
    parts = (
        row["kind"],
        f"{amounts} {row['currency']}",
        f"{row['namespace']}:{row['identity']}",
        " ".join(row["aliases"] or []),
        row["external_id"],
        row["payment_id"],
        row["settlement_id"],
        row["parent_external_id"],
        row["booked_on"],
        row["value_on"],
    )
    return " | ".join(str(part or "-") for part in parts)


@pytest.mark.parametrize(("word", "tax"), [("tax", -190), ("stripe_fee_tax", -190), ("fee", None), ("charge", None)])
def test_what_is_billed_as_tax_on_fees_is_all_tax(word: str, tax: int | None) -> None:
    gross = "1.90" if word == "charge" else "-1.90"
    own = {"gross": gross, "fee": "0.00", "net": gross, "reporting_category": word}
    (row,) = rows(table(ROW | own | ({} if word == "charge" else {"source_id": ""})))
    assert (row["kind"], row["tax"]) == ("charge" if word == "charge" else "fee", tax)


def test_golden() -> None:
    expected = (CASES / "payout_reconciliation.expected.txt").read_text().splitlines()[1:]
    assert [line_of(row) for row in rows(REPORT, timezone="Europe/Berlin")] == expected


def test_what_a_row_keeps() -> None:
    charge, refund, *_, payout = rows(REPORT)[:6]
    assert charge["occurred_at"] == dt.datetime(2026, 1, 1, 23, 30, tzinfo=dt.UTC)
    assert charge["booked_on"] == dt.date(2026, 1, 1)
    assert {"pi_1", "INV-7", "ORD-1001", "txn_1"} <= set(charge["references"])
    assert (charge["counterparty"], charge["text"], charge["status"]) == ("Jane Roe", "Order 1001", "booked")
    assert (charge["original_amount"], charge["original_currency"]) == (11000, "USD")
    assert (refund["original_amount"], refund["original_currency"]) == (-2750, "USD")
    details = json.loads(refund["details"])
    assert details["reporting_category"] == "refund"
    assert details["refund_metadata[reason]"] == "too late"
    assert "TRC1234567" in payout["references"]
    assert charge["line"] == 2


def test_totals_are_the_net_column() -> None:
    last = read(REPORT)[-1]
    assert {t.currency: (t.count, t.credits, t.debits) for t in last.totals} == {
        "EUR": (11, 9645 + 2500 + 4000 + 7000 + 900, 2500 + 5500 + 7000 + 120 + 900 + 480),
        "JPY": (1, 964, 0),
    }


def test_a_report_row_and_the_api_name_one_record() -> None:
    page = (CASES.parent / "stripe_objects" / "page_of_balance_transactions.json").read_bytes()
    (chunk,) = StripeObjects().read(io.BytesIO(page), ReadOptions())
    api = {r.identity: (r.namespace, r.aliases, r.kind, r.external_id, r.amount, r.net) for r in chunk.records}
    report = {
        r["identity"]: (r["namespace"], tuple(r["aliases"] or ()), r["kind"], r["external_id"], r["amount"], r["net"])
        for r in rows(REPORT)
    }
    shared = {"ch_1", "re_1", "txn_3", "txn_4", "txn_5", "txn_7", "txn_8", "txn_9"}
    assert shared <= api.keys() & report.keys()
    assert {name: api[name] for name in shared} == {name: report[name] for name in shared}


def test_words_mean_the_same_as_in_the_api() -> None:
    sources = ["", "ch_1", "py_1", "re_1", "pyr_1", "po_1", "tr_1", "tu_1", "dp_1", "du_1", "fee_1"]
    lines = [
        ROW | {"reporting_category": word, "source_id": source, "balance_transaction_id": f"txn_{word}_{source}{sign}",
               "gross": f"{sign}1.00", "fee": "0", "net": f"{sign}1.00"}
        for word in sorted(KIND_OF) for source in sources for sign in ("", "-")
    ]  # fmt: skip
    chunks = read(table(*lines))
    found = [r for chunk in chunks if chunk.table is not None for r in chunk.table.to_pylist()]
    assert len(found) >= len(KIND_OF) * len(sources)  # a sign that the kind forbids is a problem
    for row in found:
        line = lines[row["line"] - 2]
        word, source, transaction = (
            line["reporting_category"],
            line["source_id"] or None,
            line["balance_transaction_id"],
        )
        assert row["kind"] == kind_of(word, row["amount"], source)
        assert (row["namespace"], row["identity"], tuple(row["aliases"] or ())) == identity_of(
            word, source, transaction
        )


def test_columns_in_any_order_and_choice() -> None:
    header, *lines = csv.reader(io.StringIO(REPORT))
    order = list(range(len(header)))
    random.Random(7).shuffle(order)
    out = io.StringIO()
    csv.writer(out).writerows([row[n] for n in order] for row in [header, *lines])
    assert rows(out.getvalue()) == rows(REPORT)


@pytest.mark.parametrize(
    ("left_out", "expected"),
    [
        ((), ("charge", "ch_1", 1000, 59, 941)),
        (("gross",), ("charge", "ch_1", 1000, 59, 941)),
        (("fee",), ("charge", "ch_1", 1000, 59, 941)),
        (("net",), ("charge", "ch_1", 1000, 59, 941)),
        (("gross", "fee"), ("charge", "ch_1", 941, None, 941)),
        (("source_id",), ("balance_transaction", "txn_1", 1000, 59, 941)),
        (("balance_transaction_id",), ("charge", "ch_1", 1000, 59, 941)),
        (("automatic_payout_id",), ("charge", "ch_1", 1000, 59, 941)),
    ],
)
def test_a_column_that_was_not_chosen(left_out: tuple[str, ...], expected: tuple[Any, ...]) -> None:
    (row,) = rows(table({name: value for name, value in ROW.items() if name not in left_out}))
    assert (row["namespace"], row["identity"], row["amount"], row["fee"], row["net"]) == expected


def test_without_source_the_charge_column_names_the_charge() -> None:
    line = {name: value for name, value in ROW.items() if name != "source_id"} | {"charge_id": "ch_1"}
    refund = line | {"reporting_category": "refund", "gross": "-1", "fee": "0", "net": "-1",
                     "balance_transaction_id": "txn_2"}  # fmt: skip
    charge, refunded = rows(table(line, refund))
    assert (charge["namespace"], charge["identity"]) == ("charge", "ch_1")
    assert (refunded["namespace"], refunded["identity"], refunded["parent_external_id"]) == (
        "balance_transaction", "txn_2", "ch_1",
    )  # fmt: skip


@pytest.mark.parametrize("missing", [("currency",), ("gross", "net"), ("reporting_category",), ("created_utc",)])
def test_a_column_that_is_needed_is_named(missing: tuple[str, ...]) -> None:
    (problem,) = problems(table({name: value for name, value in ROW.items() if name not in missing}))
    assert problem.severity == "refused"
    assert missing[0] in problem.message


LEAN = {
    name: value
    for name, value in ROW.items()
    if name not in {"balance_transaction_id", "source_id", "automatic_payout_id"}
}


@pytest.mark.parametrize("missing", ROW)
def test_a_report_of_which_a_column_is_missing_is_still_stripes(missing: str) -> None:
    claimed = identify(table({name: value for name, value in ROW.items() if name != missing}))
    assert claimed == (
        set()
        if missing == "reporting_category"
        else {BALANCE if missing == "automatic_payout_id" else PAYOUT_RECONCILIATION}
    )


def test_a_charge_is_told_apart_by_its_charge_and_what_else_moved_waits_for_its_identifier() -> None:
    line = LEAN | {"charge_id": "ch_1", "payment_intent_id": "pi_1"}
    refund = line | {"reporting_category": "refund", "gross": "-1", "fee": "0", "net": "-1"}
    assert identify(table(line)) == {BALANCE}
    (row,) = rows(table(line))
    assert (row["namespace"], row["identity"], row["external_id"], row["payment_id"]) == (
        "charge",
        "ch_1",
        "ch_1",
        "pi_1",
    )
    assert (row["amount"], row["net"]) == (1000, 941)
    chunks = read(table(line, refund))
    assert [name for c in chunks if c.table is not None for name in c.table["identity"].to_pylist()] == ["ch_1"]
    (problem,) = problems(table(line, refund))
    assert (problem.severity, problem.line) == ("row", 3)
    assert (
        "expected what tells this refund apart from others, got no value: bring it with the column balance_transaction_id or"
        " source_id"
    ) in problem.message


def test_with_the_column_of_refunds_they_are_told_apart() -> None:
    line = LEAN | {"charge_id": "ch_1", "refund_id": "re_1", "reporting_category": "refund", "net": "-9.41"}
    (row,) = rows(table(line | {"gross": "-9.41", "fee": "0"}))
    assert (row["namespace"], row["identity"], row["parent_external_id"]) == ("refund", "re_1", "ch_1")


@pytest.mark.parametrize("more", [{}, {"payment_intent_id": "pi_1"}])
def test_without_any_identifier_one_is_asked_for(more: dict[str, str]) -> None:
    assert identify(table(LEAN | more)) == {BALANCE}
    (problem,) = problems(table(LEAN | more))
    assert problem.severity == "refused"
    assert "balance_transaction_id or source_id (charge_id for charges only), got ['created_utc'" in problem.message


def test_a_table_in_minor_units_is_not_read_in_major_ones() -> None:
    line = {
        "id": "txn_1", "amount": "1000", "available_on": "2026-01-05", "created": "2026-01-02", "currency": "eur", "fee": "59",
        "net": "941", "reporting_category": "charge", "source_id": "ch_1", "type": "charge",
    }  # fmt: skip
    (problem,) = problems(table(line))
    assert problem.severity == "refused"
    assert "minor(amount)" in problem.message


def test_a_payout_is_what_left_the_balance_whatever_sign_its_gross_has() -> None:
    payout = ROW | {"reporting_category": "payout", "source_id": "po_1", "fee": "0", "net": "-9.41"}
    for gross in ("-9.41", "9.41"):
        (row,) = rows(table(payout | {"gross": gross}))
        assert (row["amount"], row["net"], row["settlement_id"]) == (-941, -941, "po_1")


def test_the_days_of_a_report_in_another_zone() -> None:
    both = ROW | {"created": "2026-01-02 02:11:12", "created_utc": "2026-01-01 23:30:00"}
    (row,) = rows(table(both), timezone="Europe/Berlin")
    assert row["booked_on"] == dt.date(2026, 1, 2)
    local = {name: value for name, value in both.items() if name != "created_utc"}
    (row,) = rows(table(local), timezone="Asia/Tokyo")
    assert row["booked_on"] == dt.date(2026, 1, 2)
    assert row["occurred_at"] == dt.datetime(2026, 1, 1, 17, 11, 12, tzinfo=dt.UTC)


def test_other_writings() -> None:
    comma = ROW | {"gross": "10,00", "fee": "0,59", "net": "9,41"}
    for data in (
        table(ROW, delimiter=";"),
        table(ROW, delimiter="\t"),
        table(comma),
        table(comma, delimiter=";"),
        "\ufeff" + table(ROW),
        table(ROW).replace("\r\n", "\n"),
        table(ROW | {"currency": "EUR", "reporting_category": "Charge"}),
        "\r\n".join('"' + '","'.join(line.split(",")) + '"' for line in table(ROW).splitlines()),
    ):
        (row,) = rows(data)
        assert (row["amount"], row["fee"], row["net"], row["currency"], row["kind"]) == (1000, 59, 941, "EUR", "charge")


@pytest.mark.parametrize(
    ("currency", "gross"), [("eur", "1,234"), ("EUR", "-1,234"), ("jpy", "1,000"), ("usd", " 12,000 "), ("", "999,000")]
)
def test_a_comma_before_more_digits_than_the_currency_has_decimals_is_no_decimal_sign(
    currency: str, gross: str
) -> None:
    whole = ROW | {"currency": currency, "gross": gross, "fee": "0", "net": gross}
    (problem,) = problems(table(whole))
    assert problem.severity == "row"
    assert "got" in problem.message
    # Nor is it one beside a row that might be of another writing.
    assert len(problems(table(whole, ROW | {"gross": "10,00", "fee": "0,59", "net": "9,41"}))) == 2


def test_a_comma_before_the_decimals_of_the_currency_is_a_decimal_sign() -> None:
    dinar = ROW | {"currency": "kwd", "gross": "1,005", "fee": "0,000", "net": "1,005"}
    (row,) = rows(table(dinar))
    assert (row["amount"], row["exponent"]) == (1005, 3)


@pytest.mark.parametrize(
    ("change", "line_says"),
    [
        ({"reporting_category": "moon_dust"}, "moon_dust"),
        ({"net": "9.40"}, "net"),
        ({"gross": "ten"}, "ten"),
        ({"gross": "1e3"}, "1e3"),
        ({"currency": "zzz"}, "zzz"),
        ({"created_utc": "02/01/2026"}, "02/01/2026"),
        ({"created_utc": ""}, "booked_on"),
        ({"gross": "-10.00", "net": "-10.59"}, "charge"),
    ],
)
def test_a_row_that_cannot_be_read_is_set_aside(change: dict[str, str], line_says: str) -> None:
    chunks = read(table(ROW, ROW | change, ROW | {"source_id": "ch_3"}))
    (problem,) = [p for chunk in chunks for p in chunk.problems]
    assert (problem.severity, problem.line) == ("row", 3)
    assert line_says.lower() in problem.message.lower()
    assert sum(chunk.rows or 0 for chunk in chunks) == 3
    assert sum(chunk.table.num_rows for chunk in chunks if chunk.table is not None) == 2


def test_payouts_report_and_connected_accounts() -> None:
    payout = {
        "connected_account": "acct_7", "payout_id": "po_1", "effective_at_utc": "2026-01-05 00:00:00",
        "currency": "usd", "gross": "-97.10", "fee": "0.00", "net": "-97.10", "reporting_category": "payout",
        "balance_transaction_id": "txn_9", "payout_status": "paid", "trace_id": "TRC7654321",
    }  # fmt: skip
    assert identify(table(payout)) == {BALANCE}
    (row,) = rows(table(payout))
    assert (row["namespace"], row["identity"], row["settlement_id"]) == ("payout", "po_1", "po_1")
    assert (row["account_number"], row["booked_on"]) == ("acct_7", dt.date(2026, 1, 5))
    assert "TRC7654321" in row["references"]


def test_the_dashboards_export() -> None:
    line = {
        "id": "txn_1", "Type": "payment", "Source": "py_1", "Amount": "10.00", "Fee": "0.59", "Net": "9.41",
        "Currency": "eur", "Created (UTC)": "2026-01-02 10:11", "Available On (UTC)": "2026-01-05 00:00",
        "Description": "Order 7", "Transfer": "po_3", "order_id (metadata)": "ORD-7",
    }  # fmt: skip
    dispute = line | {"id": "txn_2", "Type": "adjustment", "Source": "du_1", "Amount": "-10.00", "Fee": "15",
                      "Net": "-25.00"}  # fmt: skip
    assert identify(table(line)) == {BALANCE}
    charge, lost = rows(table(line, dispute))
    assert (charge["kind"], charge["identity"], charge["settlement_id"], charge["amount"]) == (
        "charge", "py_1", "po_3", 1000,
    )  # fmt: skip
    assert (lost["kind"], lost["identity"], lost["net"]) == ("dispute", "txn_2", -2500)


EXPORTED = {
    "id": "txn_1", "Type": "charge", "Source": "ch_1", "Amount": "10.00", "Fee": "0.59", "Net": "9.41",
    "Currency": "eur", "Created (UTC)": "2026-01-02 10:11", "Available On (UTC)": "2026-01-05 00:00",
}  # fmt: skip


@pytest.mark.parametrize("missing", EXPORTED)
def test_of_the_dashboards_export_a_column_may_be_left_out(missing: str) -> None:
    text = table({name: value for name, value in EXPORTED.items() if name != missing})
    assert identify(text) == {BALANCE}
    if missing in {"Type", "Currency"}:
        (problem,) = problems(text)
        assert (problem.severity, missing.lower() in problem.message) == ("refused", True)
        return
    (row,) = rows(text)
    named = ("balance_transaction", "txn_1") if missing == "Source" else ("charge", "ch_1")
    assert (row["kind"], row["namespace"], row["identity"], row["amount"], row["net"]) == ("charge", *named, 1000, 941)


@pytest.mark.parametrize(
    "header",
    [
        "id,Description,Seller Message,Created (UTC),Amount,Amount Refunded,Currency,Fee,Tax,Mode,Status,Card ID",
        "id,Type,Amount,Currency,Created (UTC),Arrival Date (UTC),Method,Status,Description,Destination",
    ],
)
def test_other_exports_of_the_dashboard_are_not_its_balance(header: str) -> None:
    assert identify(header + "\n") == set()


def test_balance_summary() -> None:
    data = (CASES / "balance_summary.csv").read_bytes()
    assert identify(data) == {BALANCE}
    (chunk,) = StripeBalance().read(io.BytesIO(data), ReadOptions())
    assert [(b.kind, str(b.amount), b.on) for b in chunk.balances] == [
        ("opening", "1000.00 EUR", dt.date(2026, 1, 1)),
        ("closing", "350.25 EUR", dt.date(2026, 1, 31)),
        ("opening", "0 JPY", dt.date(2026, 1, 1)),
        ("closing", "701 JPY", dt.date(2026, 1, 31)),
    ]
    (problem,) = chunk.problems
    assert (problem.severity, problem.reason) == ("finding", "balance_difference")
    assert "700 JPY" in problem.message
    assert "701 JPY" in problem.message


PARTS = (
    "category,description,net_amount,currency\n"
    "starting_balance,Starting balance (2026-03-01),80.00,eur\n"
    "starting_balance_available,Available balance (2026-03-01),30.00,eur\n"
    "activity_gross,Account activity before fees,{gross},eur\n"
    "activity_fee,Less fees,-6.00,eur\n"
    "activity,Activity,{activity},eur\n"
    "payouts_gross,Payouts to bank,-150.00,eur\n"
    "payouts_fee,Payout fees,-1.50,eur\n"
    "payouts,Total payouts,-151.50,eur\n"
    "ending_balance,Ending balance (2026-03-31),122.50,eur\n"
    "ending_balance_available,Available balance (2026-03-31),100.00,eur\n"
)


def test_balance_summary_with_the_parts_of_what_changed_it() -> None:
    # Activity and payouts are the sums of their parts: counted once. What is available is no balance of what was booked.
    (chunk,) = read(PARTS.format(gross="200.00", activity="194.00"))
    assert (chunk.problems, chunk.rows, chunk.skipped) == ([], 0, 10)
    assert [(b.kind, str(b.amount)) for b in chunk.balances] == [("opening", "80.00 EUR"), ("closing", "122.50 EUR")]
    (statement,) = chunk.statements
    assert (statement.credits, statement.debits, statement.closes) == (19400, 15150, True)


def test_parts_of_a_balance_summary_that_do_not_give_their_sum() -> None:
    (chunk,) = read(PARTS.format(gross="200.01", activity="194.00"))
    (problem,) = chunk.problems
    assert (problem.severity, problem.reason, problem.line) == ("finding", "balance_difference", 6)
    assert "expected activity 194.01 EUR (activity_gross + activity_fee), got 194.00 EUR" in problem.message
    assert [statement.closes for statement in chunk.statements] == [True]


@pytest.mark.parametrize(
    ("cell", "says"), [("x", "'x'"), ("", "''"), ("1e5", "'1e5'"), ("99999999999999999999", "99999")]
)
def test_a_summary_row_that_cannot_be_read(cell: str, says: str) -> None:
    data = f"category,net_amount,currency\nstarting_balance,{cell},eur\nending_balance,5,eur\n"
    (chunk,) = read(data)
    (problem,) = chunk.problems
    assert (problem.severity, problem.line, len(chunk.balances)) == ("row", 2, 1)
    assert says in problem.message


@pytest.mark.parametrize(
    ("data", "name", "expected"),
    [
        (REPORT, "a.csv", PAYOUT_RECONCILIATION),
        (table({k: v for k, v in ROW.items() if k != "automatic_payout_id"}), "balance.csv", BALANCE),
        (
            table({k: v for k, v in ROW.items() if k != "automatic_payout_id"}),
            "Itemized_payout_reconciliation-EUR.csv",
            PAYOUT_RECONCILIATION,
        ),
        ("reporting_category,currency,count,gross,fee,net\ncharge,eur,3,1,0,1\n", "summary.csv", BALANCE),
        ("id,amount,available_on,created,currency,fee,net,source,status,type,payout_id\n", "pipeline.csv", None),
        ("category,net_amount,currency\nfood,1,eur\n", "budget.csv", None),
        ("Date,Amount,Net\n", "bank.csv", None),
        ("", "empty.csv", None),
        (b"\x00\xff\xfe PK", "noise.csv", None),
    ],
)
def test_what_is_claimed(data: str | bytes, name: str, expected: str | None) -> None:
    assert identify(data, name) == ({expected} if expected else set())


cents = st.integers(-(10**12), 10**12)


@given(st.lists(st.tuples(cents, cents), min_size=1, max_size=20))
@settings(max_examples=examples(10), deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_amounts_come_through_exactly(amounts: list[tuple[int, int]]) -> None:
    lines = [
        ROW | {"reporting_category": "other_adjustment", "source_id": "", "balance_transaction_id": f"txn_{n}",
               "gross": format_minor(gross, 2), "fee": format_minor(fee, 2), "net": format_minor(gross - fee, 2)}
        for n, (gross, fee) in enumerate(amounts)
    ]  # fmt: skip
    assert [(row["amount"], row["fee"], row["net"]) for row in rows(table(*lines))] == [
        (gross, fee, gross - fee) for gross, fee in amounts
    ]


def test_cut_off_anywhere() -> None:
    data = REPORT.encode()
    for end in range(len(data)):
        identify(data[:end])
    for end in range(0, len(data), 211):
        assert read(data[:end])


def test_changed_bytes() -> None:
    chance = random.Random(11)
    for _ in range(12):
        data = bytearray(REPORT.encode())
        for _ in range(chance.randint(1, 20)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        chunks = read(bytes(data))
        assert chunks
        kept = sum(chunk.table.num_rows for chunk in chunks if chunk.table is not None)
        aside = sum(problem.severity == "row" for chunk in chunks for problem in chunk.problems)
        assert sum(chunk.rows or 0 for chunk in chunks) == kept + aside


def test_real_files(samples: Any) -> None:
    seen = 0
    for path, truth, _ in samples("stripe"):
        if "by_payout_and_category" not in truth:
            continue
        data = path.read_bytes()
        assert identify(data) == {PAYOUT_RECONCILIATION}
        chunks = read(data)
        assert not [p for chunk in chunks for p in chunk.problems]
        assert sum(total.count for chunk in chunks for total in chunk.totals) == truth["rows"]
        seen += 1
    assert seen >= 2


class Pipe(io.RawIOBase):
    """A stream that cannot seek and gives a few bytes at a time, as a pipe or a decrypting reader does."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = self._data.read(min(len(buffer), 1_000))
        buffer[: len(part)] = part
        return len(part)


def test_a_stream_that_cannot_seek() -> None:
    many = [ROW | {"source_id": f"ch_{n}", "balance_transaction_id": f"txn_{n}"} for n in range(2_000)]
    data = table(*many).encode()
    chunks = list(StripePayoutReconciliation().read(io.BufferedReader(Pipe(data)), ReadOptions(batch_rows=700)))
    sizes = [chunk.table.num_rows for chunk in chunks if chunk.table is not None]
    assert sum(sizes) == 2_000
    assert max(sizes) <= 700
    assert chunks[-1].totals[0].credits == 2_000 * 941
