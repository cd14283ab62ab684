"""Stripe's API objects: what was captured, what a refund really gave back, and money inside other objects."""

import json
from typing import Any

import pytest

from tests.formats.test_stripe_objects import TXN, read, records

CHARGE: dict[str, Any] = {
    "id": "ch_1", "object": "charge", "amount": 1000, "amount_captured": 1000, "captured": True, "created": 1767312000,
    "currency": "eur", "paid": True, "payment_intent": "pi_1", "status": "succeeded", "balance_transaction": "txn_1",
}  # fmt: skip
REFUND: dict[str, Any] = {
    "id": "re_1", "object": "refund", "amount": 400, "balance_transaction": None, "charge": "ch_1",
    "created": 1767312005, "currency": "eur", "status": "succeeded",
}  # fmt: skip


def refunds(*each: dict[str, Any]) -> dict[str, Any]:
    return {"refunds": {"object": "list", "data": list(each)}, "amount_refunded": sum(one["amount"] for one in each)}


def without(item: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name != key}


def said(item: object) -> list[tuple[str, str, str | None, int | None]]:
    return [(record.kind, record.status, record.identity, record.amount) for record in records(item)]


WHOLE = without(CHARGE, "amount_captured")
MOVED = REFUND | {"id": "re_2", "amount": 250, "balance_transaction": "txn_2"}
CAPTURES = {
    "a part": (CHARGE | {"amount_captured": 600}, 600, []),
    "a part, and the rest is listed": (CHARGE | {"amount_captured": 600} | refunds(REFUND), 600, []),
    "a part, before amount_captured": (WHOLE | refunds(REFUND), 600, []),
    "a part, of which some was given back": (
        CHARGE | {"amount_captured": 600} | refunds(MOVED, REFUND),
        600,
        [("refund", "booked", "re_2", -250)],
    ),
    "a part, and a refund that waits": (
        CHARGE | {"amount_captured": 600} | refunds(REFUND | {"id": "re_3", "status": "pending"}),
        600,
        [("refund", "pending", "re_3", -400)],
    ),
    "all, and a refund without its transaction yet": (
        CHARGE | refunds(REFUND),
        1000,
        [("refund", "pending", "re_1", -400)],
    ),
}


@pytest.mark.parametrize("case", CAPTURES)
def test_what_was_captured_is_charged_and_the_rest_is_no_refund(case: str) -> None:
    item, amount, others = CAPTURES[case]
    assert said(item) == [("charge", "booked", "ch_1", amount), *others]


def test_an_authorisation_that_was_cancelled_is_no_refund() -> None:
    item = WHOLE | {"captured": False, "refunded": True, "balance_transaction": None}
    assert said(item | refunds(REFUND | {"amount": 1000})) == [("void", "booked", "ch_1", 1000)]


def test_what_the_customer_saw_of_a_part_is_the_part() -> None:
    part = CHARGE | {"amount": 1100, "amount_captured": 660, "currency": "usd"}
    [record] = records(part | {"balance_transaction": TXN | {"amount": 600, "net": 541}})
    assert (record.amount, record.original_amount, record.original_currency) == (600, 660, "USD")


EXPANDED = CHARGE | {"balance_transaction": TXN}
INTENT = {"id": "pi_1", "object": "payment_intent", "amount": 1000, "currency": "eur", "status": "succeeded"}
WRAPPED: dict[str, dict[str, Any]] = {
    "today's intent": INTENT | {"latest_charge": EXPANDED},
    "an intent of 2022": INTENT | {"charges": {"object": "list", "data": [EXPANDED]}},
    "an intent with both": INTENT | {"latest_charge": EXPANDED, "charges": {"object": "list", "data": [CHARGE]}},
    "a session": {"id": "cs_1", "object": "checkout.session", "payment_intent": INTENT | {"latest_charge": EXPANDED}},
    "an invoice": {"id": "in_1", "object": "invoice", "charge": EXPANDED},
    "today's invoice": {
        "id": "in_1",
        "object": "invoice",
        "payments": {
            "object": "list",
            "data": [
                {"object": "invoice_payment", "payment": {"payment_intent": INTENT | {"latest_charge": EXPANDED}}}
            ],
        },
    },
    "an event": {
        "id": "evt_1",
        "object": "event",
        "created": 1767312000,
        "data": {"object": INTENT | {"latest_charge": EXPANDED}},
    },
}


@pytest.mark.parametrize("case", WRAPPED)
def test_the_charge_inside_another_object_is_read(case: str) -> None:
    [record] = records(WRAPPED[case])
    assert (record.kind, record.identity, record.amount, record.net) == ("charge", "ch_1", 1000, 941)


def test_a_refund_brings_its_charge() -> None:
    assert said(REFUND | {"charge": EXPANDED, "balance_transaction": "txn_2"}) == [
        ("refund", "booked", "re_1", -400),
        ("charge", "booked", "ch_1", 1000),
    ]


def test_an_intent_without_its_charge_is_skipped() -> None:
    [chunk] = read([INTENT, INTENT | {"latest_charge": "ch_1"}, INTENT | {"charges": {"object": "list", "data": []}}])
    assert (chunk.rows, chunk.skipped, list(chunk.problems)) == (0, 3, [])


REVERSAL = {
    "id": "trr_1",
    "object": "transfer_reversal",
    "amount": 5,
    "currency": "eur",
    "created": 1,
    "balance_transaction": "txn_3",
}
TRANSFER = {
    "id": "tr_1",
    "object": "transfer",
    "amount": 5,
    "currency": "eur",
    "created": 1,
    "balance_transaction": "txn_1",
}
FEE = {
    "id": "fee_1",
    "object": "application_fee",
    "amount": 5,
    "currency": "eur",
    "created": 1,
    "balance_transaction": "txn_1",
}
FEE_REFUND = {
    "id": "fr_1",
    "object": "fee_refund",
    "amount": 5,
    "currency": "eur",
    "created": 1,
    "balance_transaction": "txn_2",
}
TAKEN = TXN | {
    "id": "txn_11",
    "amount": -1000,
    "fee": 1500,
    "net": -2500,
    "reporting_category": "dispute",
    "source": "dp_1",
}
DISPUTE = {"id": "dp_1", "object": "dispute", "amount": 1000, "currency": "eur", "charge": "ch_1", "created": 1}
LISTED = {
    "a charge's refunds": (CHARGE, "refunds", MOVED, ("refund", "booked", "re_2", -250)),
    "a transfer's reversals": (TRANSFER, "reversals", REVERSAL, ("internal_transfer", "booked", "txn_3", 5)),
    "an application fee's refunds": (FEE, "refunds", FEE_REFUND, ("application_fee_refund", "booked", "txn_2", -5)),
    "a dispute's transactions": (DISPUTE, "balance_transactions", TAKEN, ("dispute", "booked", "txn_11", -1000)),
    "what a transaction's charge gave back": (TXN, "source", MOVED, ("refund", "booked", "re_2", -250)),
}


@pytest.mark.parametrize("case", LISTED)
def test_a_list_is_read_as_an_array_as_well_as_a_page(case: str) -> None:
    item, key, each, expected = LISTED[case]
    for written in ([each], {"object": "list", "data": [each]}):
        assert said(item | {key: CHARGE | {"refunds": written} if key == "source" else written})[-1] == expected


def test_what_was_never_captured_is_no_refund_in_an_array_either() -> None:
    assert said(WHOLE | {"refunds": [REFUND]}) == [("charge", "booked", "ch_1", 600)]


def test_a_dispute_of_2014_has_one_transaction_and_one_of_later_names_it_twice() -> None:
    expected = [("dispute", "booked", "txn_11", -1000)]
    assert said(DISPUTE | {"balance_transaction": TAKEN}) == expected
    assert said(DISPUTE | {"balance_transaction": "txn_11", "balance_transactions": [TAKEN]}) == expected
    assert said(DISPUTE | {"balance_transaction": {**TAKEN}, "balance_transactions": [TAKEN]}) == expected


def test_an_adjustment_within_a_dispute_or_a_refund_is_what_holds_it() -> None:
    taken = TAKEN | {"reporting_category": None, "type": "adjustment", "source": "ch_1"}
    assert said(DISPUTE | {"balance_transactions": [taken]}) == [("dispute", "booked", "txn_11", -1000)]
    back = taken | {"id": "txn_12", "amount": 1000, "fee": -1500, "net": 2500}
    assert said(back | {"source": DISPUTE}) == [("dispute_reversal", "booked", "txn_12", 1000)]
    returned = taken | {"id": "txn_13", "amount": 400, "fee": 0, "net": 400}
    failed = MOVED | {"amount": 400, "status": "failed", "failure_balance_transaction": returned}
    assert said(failed)[-1] == ("refund_reversal", "booked", "txn_13", 400)


UNREAD = {
    "refunds by their names": (CHARGE | {"refunds": {"re_2": MOVED}}, "expected refund re_2 by itself, got it inside charge"),
    "refunds in two lists": (CHARGE | {"refunds": [[MOVED]]}, "expected refund re_2 by itself, got it inside charge"),
    "a refund without its kind": (
        CHARGE | {"refunds": [without(MOVED, "object")]},
        "expected an object re_2 by itself, got it inside charge ch_1",
    ),
    "a dispute's transaction by name": (
        DISPUTE | {"balance_transactions": ["txn_11"]},
        "expected the balance transaction txn_11 in full, got only its name in dispute dp_1",
    ),
    "the transaction of a dispute of 2014 by name": (
        DISPUTE | {"balance_transaction": "txn_11"},
        "expected the balance transaction txn_11 in full, got only its name in dispute dp_1",
    ),
    "what a charge gave back when it failed": (
        CHARGE | {"status": "failed", "failure_balance_transaction": "txn_9"},
        "expected the balance transaction txn_9 in full, got only its name in charge ch_1",
    ),
    "another transaction of a transaction's source": (
        TAKEN | {"source": DISPUTE | {"balance_transactions": [TAKEN, TAKEN | {"id": "txn_12"}]}},
        "expected balance_transaction txn_12 by itself, got it inside dispute dp_1",
    ),
    "an object that nobody knows": (
        {"id": "itx_1", "object": "issuing.transaction", "amount": -5, "balance_transaction": "txn_9"},
        "got issuing.transaction itx_1: its money is not read",
    ),
    "inside another one": (
        {"id": "x_1", "object": "bundle", "each": [{"id": "n_1", "object": "novelty", "balance_transaction": "txn_9"}]},
        "got novelty n_1: its money is not read",
    ),
    "beside a charge that is read": (
        INTENT | {"latest_charge": CHARGE, "novelty": {"object": "novelty", "balance_transaction": "txn_9"}},
        "got novelty: its money is not read",
    ),
    "another account's": (
        {
            "id": "tr_1", "object": "transfer", "amount": 5, "currency": "eur", "created": 1, "balance_transaction": "txn_9",
            "destination_payment": CHARGE | {"id": "py_1"},
        },
        "expected charge py_1 by itself, got it inside transfer tr_1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", UNREAD)
def test_money_that_is_not_read_is_said(case: str) -> None:
    item, says = UNREAD[case]
    problems = [problem for chunk in read(item) for problem in chunk.problems]
    assert [(problem.severity, problem.line) for problem in problems] == [("finding", 1)]
    assert says in problems[0].message


def test_words_of_the_merchant_are_no_money() -> None:
    words = {"object": "charge", "balance_transaction": "txn_9"}
    assert [chunk.problems for chunk in read([INTENT | {"metadata": words}, CHARGE | {"metadata": words}])] == [[]]


def json_of(item: object) -> str:
    return json.dumps(item, separators=(",", ":"))


TWICE = {
    "an object": json_of(TXN).replace('"amount":1000', '"amount":1000,"amount":900'),
    "the same value": json_of(TXN).replace('"amount":1000', '"amount":1000,"amount":1000'),
    "an object inside": json_of(EXPANDED).replace('"amount":1000,"fee"', '"amount":1000,"amount":900,"fee"'),
    "one of a page": json_of({"object": "list", "data": [TXN | {"id": "txn_7", "source": "ch_7"}, TXN]}).replace(
        '"id":"txn_1"', '"id":"txn_1","id":"txn_8"'
    ),
    "one of an array": json_of([TXN | {"id": "txn_7", "source": "ch_7"}, TXN]).replace(
        '"id":"txn_1"', '"id":"txn_1","id":"txn_8"'
    ),
    "the charge of an intent": json_of(INTENT | {"latest_charge": CHARGE}).replace(
        '"latest_charge":', '"latest_charge":null,"latest_charge":'
    ),
    "the object of an event": '{"id":"evt_1","object":"event","data":{"object":null,"object":' + json_of(CHARGE) + "}}",
    "with half a pair of surrogates": json_of(CHARGE | {"description": "\ud83d"}).replace(
        '"amount":1000', '"amount":1000,"amount":900'
    ),
}


@pytest.mark.parametrize("case", TWICE)
@pytest.mark.parametrize("lines", [False, True])
def test_an_object_with_one_key_twice_is_set_aside_with_its_place(case: str, lines: bool) -> None:
    before = json_of(TXN | {"id": "txn_6", "source": "ch_6"}) + "\n" if lines else ""
    [chunk] = read(before + TWICE[case])
    [problem] = chunk.problems
    assert (problem.severity, problem.line) == ("row", 2 if lines else 1)
    assert problem.message.startswith("expected every key once in ")
    assert problem.column in {"amount", "id", "latest_charge", "object"}
    assert f"got {problem.column!r} twice" in problem.message
    assert [record.identity for record in chunk.records] == ["ch_6"] * lines + ["ch_7"] * case.startswith("one of")


def page(*data: dict[str, Any], more: bool = True, url: str = "/v1/charges") -> dict[str, Any]:
    return {"object": "list", "url": url, "has_more": more, "data": list(data)}


def charges(first: int, last: int) -> list[dict[str, Any]]:
    """Charges as Stripe lists them: the latest first."""
    named = ((n, {"id": f"ch_{n}", "created": 1767312000 - n}) for n in range(first, last))
    return [CHARGE | one | {"balance_transaction": f"txn_{n}"} for n, one in named]


def findings(*values: object) -> list[str]:
    text = "\n".join(json.dumps(value) for value in values)
    problems = [problem for chunk in read(text) for problem in chunk.problems]
    assert {problem.severity for problem in problems} <= {"finding"}
    return [problem.message for problem in problems]


def test_refunds_that_a_charge_lists_in_part_are_said() -> None:
    [message] = findings(CHARGE | {"refunds": page(MOVED), "amount_refunded": 500})
    assert message.startswith(
        "expected all of the list refunds of ch_1, got its first 1 with has_more: what follows re_2"
    )
    assert findings(CHARGE | {"refunds": page(MOVED, more=False), "amount_refunded": 250}) == []


@pytest.mark.parametrize("holder", ["an event", "an intent", "a transaction"])
def test_they_are_said_wherever_the_charge_stands(holder: str) -> None:
    charge = CHARGE | {"refunds": page(MOVED)}
    held = {
        "an event": {"id": "evt_1", "object": "event", "created": 1767312001, "data": {"object": charge}},
        "an intent": {"id": "pi_1", "object": "payment_intent", "latest_charge": charge},
        "a transaction": TXN | {"source": charge},
    }[holder]
    assert ["refunds of ch_1" in message for message in findings(held)] == [True]


def test_charges_that_an_intent_lists_in_part_are_said_once() -> None:
    intent = {"id": "pi_1", "object": "payment_intent", "charges": page(CHARGE | {"refunds": page(MOVED)})}
    assert ["charges of pi_1" in message for message in findings(intent)] == [False, True]


def test_a_list_without_money_may_be_cut() -> None:
    lines = page({"id": "il_1", "object": "line_item", "amount": 5}, url="/v1/invoices/in_1/lines")
    assert findings({"id": "in_1", "object": "invoice", "lines": lines}, CHARGE) == []
    assert findings(page({"id": "cus_1", "object": "customer"}, url="/v1/customers"), CHARGE) == []


def test_a_page_that_no_other_follows_is_said() -> None:
    [message] = findings(page(*charges(1, 3)))
    assert "bring the next page (starting_after=ch_2), line 1" in message
    assert findings(page(*charges(1, 3), more=False)) == []
    assert len(findings(page(*charges(1, 3)), page(TXN, more=False, url="/v1/balance_transactions"))) == 1


def test_a_page_that_is_followed_in_the_file_is_not() -> None:
    assert findings(page(*charges(1, 3)), page(*charges(3, 5)), page(*charges(5, 6), more=False)) == []
    assert len(findings(page(*charges(1, 3)), page(*charges(3, 5)))) == 1
    # The same page once more, and one of later charges, are none that follow.
    assert len(findings(page(*charges(3, 5)), page(*charges(3, 5)))) == 2
    assert len(findings(page(*charges(3, 5)), page(*charges(1, 2), more=False))) == 1
