"""Stripe's API objects: what each says about money, by files written by hand, by properties, and by breaking them."""

import datetime as dt
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.depth import examples
from tieout.formats.reading import Chunk, Head, ReadOptions
from tieout.formats.stripe.objects import StripeObjects
from tieout.formats.stripe.terms import KIND_OF, RESERVE, identity_of, kind_of, scale_minor
from tieout.model.kinds import KINDS
from tieout.model.money import format_minor
from tieout.model.records import Record

CASES = Path(__file__).parent / "cases" / "stripe_objects"
TXN: dict[str, Any] = {
    "id": "txn_1", "object": "balance_transaction", "amount": 1000, "fee": 59, "net": 941, "currency": "eur",
    "created": 1767312000, "available_on": 1767571200, "reporting_category": "charge", "type": "charge",
    "source": "ch_1", "fee_details": [],
}  # fmt: skip


def read(data: bytes | str | object, **options: Any) -> list[Chunk]:
    if not isinstance(data, (bytes, str)):
        data = json.dumps(data)
    stream = io.BytesIO(data.encode() if isinstance(data, str) else data)
    return list(StripeObjects().read(stream, ReadOptions(**options)))


def records(data: bytes | str | object, **options: Any) -> list[Record]:
    chunks = read(data, **options)
    assert not [problem for chunk in chunks for problem in chunk.problems]
    return [record for chunk in chunks for record in chunk.records]


def only_problem(data: bytes | str | object) -> tuple[str, str]:
    (problem,) = [problem for chunk in read(data) for problem in chunk.problems]
    return problem.severity, problem.message


def line_of(record: Record) -> str:
    def money(minor: int | None) -> str:
        return "-" if minor is None else format_minor(minor, record.exponent or 0)

    amounts = " ".join(money(each) for each in (record.amount, record.fee, record.fee_tax, record.net))
    parts = (
        record.kind,
        record.status,
        f"{amounts} {record.currency}",
        f"{record.namespace}:{record.identity}",
        " ".join(record.aliases),
        record.external_id,
        record.payment_id,
        record.settlement_id,
        record.parent_external_id,
        record.booked_on,
        record.value_on,
    )
    return " | ".join(str(part or "-") for part in parts)


def test_a_dispute_that_is_lost_says_so_on_the_day_of_the_event() -> None:
    withdrawn = TXN | {"amount": -1000, "fee": 1500, "net": -2500, "reporting_category": "dispute", "source": "dp_1"}
    lost = {
        "id": "dp_1", "object": "dispute", "amount": 1000, "currency": "eur", "charge": "ch_1", "created": 1767312000,
        "status": "lost", "balance_transactions": [withdrawn],
    }  # fmt: skip
    event = {
        "object": "event",
        "id": "evt_1",
        "type": "charge.dispute.closed",
        "created": 1769990400,
        "data": {"object": lost},
    }
    assert [line_of(record) for record in records(event)] == [
        "dispute | booked | -10.00 15.00 - -25.00 EUR | balance_transaction:txn_1 | - | dp_1 | ch_1 | - | ch_1 | 2026-01-02 | 2026-01-05",
        "dispute_lost | booked | -10.00 - - - EUR | dispute:dp_1 | - | dp_1 | ch_1 | - | ch_1 | 2026-02-02 | -",
    ]
    assert [record.booked_on for record in records(lost)][1] is None
    assert len(records(lost | {"status": "won"})) == len(records(lost | {"status": "needs_response"})) == 1


@pytest.mark.parametrize("name", ["page_of_balance_transactions.json", "events.jsonl"])
def test_golden(name: str) -> None:
    expected = (CASES / f"{name.partition('.')[0]}.expected.txt").read_text().splitlines()[1:]
    assert [line_of(record) for record in records((CASES / name).read_bytes())] == expected


def test_what_an_event_adds() -> None:
    chunks = read((CASES / "events.jsonl").read_bytes())
    assert [chunk.skipped for chunk in chunks] == [3]  # a declined charge, an inquiry, a customer
    found = {record.identity: record for chunk in chunks for record in chunk.records}
    charge = found["ch_1"]
    assert charge.revision == 1_767_312_001_000_000
    assert charge.counterparty == "Jane Roe"
    assert charge.references == ("pi_1", "in_9", "ORD-1001", "txn_1")
    assert charge.text == "Order 1001"
    assert charge.line == 1
    assert found["po_8"].account_number == "acct_9"
    assert found["po_8"].references == ("TRC123456", "txn_8")
    converted = found["py_2"]
    assert (converted.original_amount, converted.original_currency, converted.rate) == (5000, "USD", "0.92")
    assert found["tr_13"].counterparty_account == "acct_5"
    assert found["tr_13"].line == 13


def test_totals_are_net_where_it_is_known() -> None:
    (chunk,) = read((CASES / "events.jsonl").read_bytes())
    sums = {total.currency: (total.count, total.credits, total.debits) for total in chunk.totals}
    assert sums == {"EUR": (3, 4450 + 6100, 6100), "JPY": (1, 0, 1100), "USD": (8, 20_000 + 700 + 500, 700 + 9710)}


def test_an_event_an_api_page_and_a_single_object_name_one_record() -> None:
    charge = {
        "id": "ch_1", "object": "charge", "amount": 1000, "currency": "eur", "status": "succeeded", "captured": True,
        "created": 1767312000, "balance_transaction": "txn_1",
    }  # fmt: skip
    event = {"id": "evt_1", "object": "event", "type": "charge.succeeded", "created": 5, "data": {"object": charge}}
    expanded = charge | {"balance_transaction": TXN}
    page = {"object": "list", "data": [TXN], "has_more": False}
    ways = [event, charge, [charge], expanded, TXN, page, TXN | {"source": charge}]
    found = [records(way)[0] for way in ways]
    assert {(r.namespace, r.identity, r.aliases, r.amount) for r in found} == {
        ("charge", "ch_1", ("balance_transaction:txn_1",), 1000)
    }
    assert [r.net for r in found] == [None, None, None, 941, 941, 941, 941]


def test_the_day_is_in_the_accounts_time_zone() -> None:
    late = TXN | {"created": 1767311999}  # 2026-01-01 23:59:59 UTC
    assert records(late)[0].booked_on == dt.date(2026, 1, 1)
    assert records(late, timezone="Europe/Berlin")[0].booked_on == dt.date(2026, 1, 2)


@pytest.mark.parametrize(
    ("currency", "minor", "expected"),
    [
        ("EUR", 1050, (1050, 2)),
        ("JPY", 1050, (1050, 0)),
        ("KWD", 1050, (1050, 3)),
        ("MGA", 1050, (105_000, 2)),  # Stripe: no fifths; ISO: two decimals
        ("UGX", 105_000, (1050, 0)),  # Stripe: two decimals, always 00; ISO: none
        ("ISK", 105_000, (1050, 0)),
        ("ISK", 105_050, (105_050, 2)),
        ("HUF", 105_000, (105_000, 2)),
        ("TWD", 105_000, (105_000, 2)),
    ],
)
def test_minor_units_as_stripe_counts_them(currency: str, minor: int, expected: tuple[int, int]) -> None:
    (scaled,), exponent = scale_minor([minor], currency)
    assert (scaled, exponent) == expected


def test_balances() -> None:
    balance = {
        "object": "balance", "livemode": False,
        "available": [{"amount": 7648, "currency": "usd"}, {"amount": -5, "currency": "eur"}],
        "pending": [{"amount": 100, "currency": "jpy"}], "connect_reserved": [{"amount": 1, "currency": "usd"}],
    }  # fmt: skip
    event = {"object": "event", "id": "evt_1", "type": "balance.available", "created": 1767312000, "account": "acct_1"}
    (chunk,) = read(event | {"data": {"object": balance}})
    assert [(b.kind, str(b.amount), b.on, b.account_number) for b in chunk.balances] == [
        ("available", "76.48 USD", dt.date(2026, 1, 2), "acct_1"),
        ("available", "-0.05 EUR", dt.date(2026, 1, 2), "acct_1"),
        ("pending", "100 JPY", dt.date(2026, 1, 2), "acct_1"),
        ("reserved", "0.01 USD", dt.date(2026, 1, 2), "acct_1"),
    ]
    assert StripeObjects().identify(Head("b.json", json.dumps(balance).encode())) == "stripe.objects"


@pytest.mark.parametrize("word", sorted(KIND_OF))
def test_every_documented_word_has_a_canonical_kind(word: str) -> None:
    for amount in (100, -100):
        assert kind_of(word, amount) in KINDS
    assert KIND_OF[word] in KINDS or KIND_OF[word] == RESERVE


@pytest.mark.parametrize(("old", "new"), [("transfer", "payout"), ("transfer_failure", "payout_failure")])
def test_a_payout_is_one_whatever_an_old_version_of_the_api_calls_it(old: str, new: str) -> None:
    said = TXN | {"amount": -900, "fee": 0, "net": -900, "source": "po_1"}
    (one,), (other,) = (records(said | {"type": word, "reporting_category": word}) for word in (old, new))
    assert line_of(one) == line_of(other)
    assert one.kind == ("payout" if new == "payout" else "payout_reversal")
    (own,) = records(said | {"type": "transfer", "reporting_category": "transfer", "source": "tr_1"})
    assert own.kind == "internal_transfer"


OLD_PAYOUT = {
    "id": "tr_1", "object": "transfer", "amount": 900, "created": 1767312000, "currency": "eur", "date": 1767312000,
    "status": "paid", "balance_transaction": "txn_1",
}  # fmt: skip
TO_A_BANK: dict[str, dict[str, Any]] = {
    "a bank account beside it": {"bank_account": {"object": "bank_account", "last4": "6789"}},
    "a summary of what it pays": {"summary": {"charge_gross": 900}},
    "its type": {"type": "bank_account", "destination": "ba_1"},
    "a card": {"type": "card", "destination": "card_1"},
}


@pytest.mark.parametrize("how", TO_A_BANK)
def test_a_transfer_to_a_bank_is_a_payout_whether_it_says_so_or_its_transaction(how: str) -> None:
    item = OLD_PAYOUT | TO_A_BANK[how]
    moved = TXN | {"amount": -900, "fee": 0, "net": -900, "type": "transfer", "reporting_category": "transfer"}
    said = [
        records(item),
        records(item | {"balance_transaction": moved | {"source": "tr_1"}}),
        records(moved | {"source": item}),
        records(moved | {"source": "tr_1", "type": "payout", "reporting_category": "payout"}),
    ]
    for (record,) in said:
        assert (record.kind, record.namespace, record.identity) == ("payout", "transfer", "tr_1")
        assert (record.settlement_id, record.aliases) == ("tr_1", ("balance_transaction:txn_1",))


def test_the_failure_of_such_a_payout_is_its_return() -> None:
    item = OLD_PAYOUT | TO_A_BANK["its type"] | {"status": "failed", "failure_balance_transaction": "txn_2"}
    failed = TXN | {"id": "txn_2", "amount": 900, "fee": 0, "net": 900, "type": "transfer_failure"}
    failed |= {"reporting_category": "transfer_failure", "source": item}
    for record in (*records(item)[1:], *records(failed)):
        assert (record.kind, record.identity, record.settlement_id) == ("payout_reversal", "txn_2", None)


@pytest.mark.parametrize("where", [{"destination": "acct_1"}, {"type": "stripe_account", "bank_account": None}])
def test_a_transfer_to_another_account_is_none(where: dict[str, Any]) -> None:
    moved = TXN | {"amount": -900, "fee": 0, "net": -900, "type": "transfer", "reporting_category": "transfer"}
    for (record,) in (records(OLD_PAYOUT | where), records(moved | {"source": OLD_PAYOUT | where})):
        assert (record.kind, record.settlement_id) == ("internal_transfer", None)


def test_a_failure_is_told_apart_by_its_own_transaction() -> None:
    assert identity_of("payout", "po_1", "txn_1") == ("payout", "po_1", ("balance_transaction:txn_1",))
    assert identity_of("payout_reversal", "po_1", "txn_2") == ("balance_transaction", "txn_2", ())
    assert identity_of("refund_failure", "re_1", "txn_3") == ("balance_transaction", "txn_3", ())
    assert identity_of("charge_failure", "pyr_1", "txn_4")[:2] == ("refund", "pyr_1")
    assert identity_of("charge", None, None) == ("balance_transaction", None, ())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"reporting_category": "moon_dust"}, "'moon_dust'"),
        ({"net": 1}, "net = amount - fee"),
        ({"amount": "10.00"}, "'10.00'"),
        ({"amount": 10.5}, "'10.5'"),
        ({"amount": True}, "True"),
        ({"amount": None}, "amount of txn_1"),
        ({"currency": "eurodollar"}, "ISO 4217"),
        ({"currency": None}, "expected a currency"),
        ({"created": None}, "booked_on"),
        ({"created": 10**17}, "booked_on"),
        ({"amount": -1000, "net": -1059}, "sign +"),
        ({"amount": 10**18 * 9, "net": 10**18 * 9 - 59, "currency": "mga"}, "minor units"),
    ],
)
def test_what_cannot_be_read_is_one_problem_and_the_rest_goes_on(change: dict[str, Any], says: str) -> None:
    (chunk,) = read([TXN | change, TXN])
    (problem,) = chunk.problems
    assert problem.severity == "row"
    assert says in problem.message
    assert (len(chunk.records), chunk.rows) == (1, 2)


def test_one_bad_line_of_json_lines() -> None:
    good = json.dumps(TXN)
    (chunk,) = read(f'{good}\n{{"id": "txn_2", \n\n{good}\n')
    assert [(p.line, p.severity) for p in chunk.problems] == [(2, "row")]
    assert [record.line for record in chunk.records] == [1, 4]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("", "empty file"),
        ("[" + json.dumps(TXN), "the end"),
        ("[" + json.dumps(TXN) + "] x", "end of the file"),
        ("{", "line 1"),
        ('{"a":\n oops}', "line 2"),
        (b"[\xff\xfe\x00", "expected"),
        ("[" * 100_000, "levels"),
    ],
)
def test_what_is_no_json_is_refused(data: bytes | str, says: str) -> None:
    severity, message = only_problem(data)
    assert severity == "refused"
    assert says in message


def test_other_writings_of_the_same_json() -> None:
    one = json.dumps(TXN)
    for data in (
        json.dumps(TXN, indent=2),
        json.dumps(TXN, indent=2) + "\n" + json.dumps(TXN | {"id": "txn_2"}, indent=2),
        b"\xef\xbb\xbf" + one.encode(),
        one.encode("utf-16"),
        f"\r\n {one}\r\n{one}\r\n",
        f"[{one},{one}]",
        f"[\n{one}\n,\n[{one}]]",
    ):
        found = records(data)
        assert {(r.amount, r.identity) for r in found} == {(1000, "ch_1")}


def test_keys_in_another_order_say_the_same() -> None:
    """Else an object that is written otherwise would be a correction of itself."""

    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: turned(value[key]) for key in reversed(value)}
        return [turned(each) for each in value] if isinstance(value, list) else value

    page = json.loads((CASES / "page_of_balance_transactions.json").read_bytes())
    assert [record.details for record in records(page)] != [None] * len(page["data"])
    assert records(turned(page)) == records(page)


@pytest.mark.parametrize("escape", [r"\ud83d", r"\udc00", r"\u0000"])
def test_what_cannot_be_kept_is_written_as_an_escape_and_whole_characters_as_they_are(escape: str) -> None:
    written = f'{{"id":"txn_1","description":"a {escape} \\ud83d\\ude00",' + json.dumps(TXN)[16:]
    (record,) = records(written)
    assert record.text == f"a {escape.replace('u0000', 'x00')} \U0001f600"


def test_two_names_of_halves_of_pairs_stay_two() -> None:
    page = [json.dumps(TXN | {"id": f"txn_{half}", "source": f"ch_{half}"}) for half in ("\ud83d", "\ud83e", "\0")]
    assert len({record.identity for record in records("[" + ",".join(page) + "]")}) == 3


def test_chunks_hold_at_most_the_batch() -> None:
    chunks = read([TXN | {"source": f"ch_{n}"} for n in range(25)], batch_rows=10)
    assert [len(chunk.records) for chunk in chunks] == [10, 10, 5]
    assert [len(chunk.totals) for chunk in chunks] == [0, 0, 1]
    assert chunks[-1].totals[0].count == 25


@pytest.mark.parametrize(
    "data",
    [
        b'{"object": "charge", "id": "chrg_test_5", "livemode": false}',  # Omise
        b'[{"id": "tr_7UhSN1zuXS", "resource": "payment"}]',  # Mollie
        b'{"eventCode": "AUTHORISATION"}',
        b"balance_transaction_id,net\n",
        b"",
    ],
)
def test_other_files_are_not_claimed(data: bytes) -> None:
    assert StripeObjects().identify(Head("a.json", data)) is None


amounts = st.integers(-(10**9), 10**9)


@given(
    amount=amounts, fee=amounts, tax=amounts, category=st.sampled_from(sorted(KIND_OF)), source=st.none() | st.text()
)
def test_net_is_amount_less_fee_and_tax(amount: int, fee: int, tax: int, category: str, source: str | None) -> None:
    details = [{"type": "stripe_fee", "amount": fee}, {"type": "tax", "amount": tax}]
    item = TXN | {
        "amount": amount, "fee": fee + tax, "net": amount - fee - tax, "fee_details": details, "source": source,
        "reporting_category": category,
    }  # fmt: skip
    (chunk,) = read(item)
    for record in chunk.records:
        assert (record.amount or 0) - (record.fee or 0) - (record.fee_tax or 0) == record.net
        assert record.fee_tax == (tax or None)
    assert len(chunk.records) + len(chunk.problems) == 1


@pytest.mark.parametrize(
    ("word", "tax"), [("tax", -190), ("stripe_fee_tax", -190), ("stripe_fee", None), ("fee", None)]
)
def test_what_is_billed_as_tax_on_fees_is_all_tax(word: str, tax: int | None) -> None:
    (chunk,) = read(TXN | {"amount": -190, "fee": 0, "net": -190, "source": None, "reporting_category": word})
    (record,) = chunk.records
    assert (record.kind, record.amount, record.tax) == ("fee", -190, tax)


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("txn_1")
keys = st.sampled_from([*TXN, "data", "refunds", "charge", "metadata", "balance_transactions", "status", "captured"])
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner), max_leaves=6)
names = st.sampled_from(["charge", "refund", "payout", "dispute", "balance", "event", "list", "balance_transaction"])


@given(names, st.dictionaries(keys, values))
@settings(max_examples=examples(300))
def test_no_object_is_ever_too_odd(name: str, odd: dict[str, Any]) -> None:
    for data in (TXN | odd | {"object": name}, {"object": "event", "data": {"object": TXN | odd | {"object": name}}}):
        (chunk,) = read(data)
        assert chunk.rows == len(chunk.records) + sum(p.severity == "row" for p in chunk.problems)


def test_cut_off_at_every_byte() -> None:
    data = (CASES / "events.jsonl").read_bytes()[:2_000] + (CASES / "page_of_balance_transactions.json").read_bytes()
    for end in range(0, len(data), 3):
        assert len(read(data[:end])) >= 1
        StripeObjects().identify(Head("a", data[:end]))


@given(st.data())
@settings(max_examples=examples(200))
def test_changed_bytes(data: st.DataObject) -> None:
    content = bytearray((CASES / "page_of_balance_transactions.json").read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    assert len(read(bytes(content))) >= 1


def test_real_files(samples: Any) -> None:
    found = 0
    for path, truth, _ in samples("stripe"):
        if path.suffix != ".json" or not truth.get("object"):
            continue
        data = path.read_bytes()
        assert StripeObjects().identify(Head(path.name, data)) == "stripe.objects", path.name
        (chunk,) = read(data)
        # A dispute of 2013 only names the transaction that took its money.
        assert all("got only its name in dispute" in problem.message for problem in chunk.problems), path.name
        for record in chunk.records:
            if record.external_id == truth["object_id"]:
                assert abs(record.amount or 0) == truth["amount"], path.name
                assert record.currency == truth["currency"].upper(), path.name
                found += 1
    assert found >= 5
