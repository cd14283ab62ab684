"""
Records from Stripe's API objects: charges, refunds, payouts, disputes, transfers, top-ups, balance transactions.

A balance transaction says everything about the money (settlement currency, fee, net). An object beside it says what it
was about. An object whose balance transaction is not expanded says its amount in the currency that the customer saw and
no fee: the balance transaction, or the report, brings the rest under the same identity.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tieout.errors import BadInput
from tieout.formats.stripe.effects import OBJECTS, Effect, effect_of, undone_by
from tieout.formats.stripe.terms import FEE_TAXES, TRANSACTION, identity_of, kind_of, scale_minor, word_of
from tieout.formats.stripe.values import (
    Object,
    booked_of,
    captured,
    identifier,
    instant,
    metadata_of,
    money_of,
    objects_in,
    released,
    text_of,
    transactions_of,
    whole,
)
from tieout.model.kinds import KINDS
from tieout.model.money import MINOR_MAX
from tieout.model.records import AUTHORISED, Record

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

__all__ = ["REFERENCES", "Origin", "records_of", "undoings_of"]


@dataclass(frozen=True, slots=True)
class Origin:
    """
    Where an object was found.

    :ivar line: of the file.
    :ivar zone: of the account; moments become days in it.
    :ivar account: the connected account that it belongs to (``acct_1``); None: the platform's own.
    :ivar seconds: when the event that carries it was made, since 1970; None for an answer of the API.
    :ivar doubtful: somewhere in the value that holds it a key stands twice.
    """

    line: int
    zone: ZoneInfo
    account: str | None = None
    seconds: int | None = None
    doubtful: bool = False


_NO_MONEY = {"failed", "canceled", "cancelled"}

# Keys whose values have a column of their own, or that hold other objects.
_TOLD = frozenset({
    "amount", "arrival_date", "available_on", "balance_transaction", "balance_transactions", "created", "currency",
    "description", "exchange_rate", "failure_balance_transaction", "fee", "id", "net", "object", "refunds", "reversals",
    "source", "charges",
})  # fmt: skip
#: Keys whose values may be known by another system.
REFERENCES = (
    "payment_intent", "charge", "invoice", "order", "receipt_number", "transfer_group", "transfer", "source_transfer",
    "source_transaction", "destination_payment", "source_transfer_reversal", "transfer_reversal", "original_payout",
    "reversed_by",
)  # fmt: skip


def records_of(item: Object, origin: Origin) -> list[Record]:
    """
    What one API object says about money; empty where no money moved (a declined charge, an inquiry).

    :raises BadInput: an amount, a currency, a date or a word cannot be read.
    """
    name = item.get("object")
    if name == "balance_transaction":
        source = item.get("source")
        if not isinstance(source, dict):
            return [_of_transaction(item, None, origin)]
        return [_of_transaction(item, source, origin), *_of_undoings(source, origin)]
    if name == "dispute":
        return [*(_of_transaction(each, item, origin) for each in transactions_of(item)), *_of_loss(item, origin)]
    if not isinstance(name, str) or name not in OBJECTS:
        return []
    return [
        *_of_object(item, effect_of(item), origin),
        *_of_failure(item, origin),
        *_of_undoings(item, origin),
    ]


def undoings_of(item: Object) -> list[Object]:
    """The refunds and reversals that an object carries, without those that gave nothing back."""
    gave_nothing_back = released(item) if item.get("object") == "charge" else []
    listed = [each for key in ("refunds", "reversals") for each in objects_in(item.get(key))]
    return [each for each in listed if each.get("object") in [*OBJECTS] and each not in gave_nothing_back]


def _of_undoings(item: Object, origin: Origin) -> list[Record]:
    return [record for each in undoings_of(item) for record in records_of(each, origin)]


def _of_object(item: Object, does: Effect, origin: Origin) -> list[Record]:
    """The record of an object's first balance transaction."""
    kind, status = _standing(item, does)
    if status is None:
        return []
    transaction = item.get("balance_transaction")
    if isinstance(transaction, dict):
        return [_of_transaction(transaction, item, origin)]
    namespace, identity, aliases = identity_of(does.word, identifier(item), identifier(transaction))
    if identity is None:
        return []
    currency = money_of(item)
    (amount,), exponent = scale_minor([does.sign * captured(item)], currency)
    (full,), own = scale_minor([does.sign * whole(item, "amount")], currency)
    # Booked may be either: the part that was captured, or all of it, of which the rest goes back by another transaction.
    authorised = {AUTHORISED: str(full)} if (full, own) != (amount, exponent) and own == exponent else {}
    moment = instant(item.get("created", item.get("date")))  # a payout of 2013 has only "date"
    arrives = instant(item.get("arrival_date"))
    return [
        _checked(
            Record(
                kind=kind,
                status=status,
                namespace=namespace,
                identity=identity,
                aliases=aliases,
                currency=currency,
                amount=amount,
                exponent=exponent,
                occurred_at=moment,
                booked_on=_day(moment, origin),
                value_on=arrives.date() if arrives else None,
                details=_details(item, more=authorised),
                **_links(item, does, origin),
            )
        )
    ]


def _standing(item: Object, does: Effect) -> tuple[str, str | None]:
    """(kind, status) of an object; status None where no money moved."""
    status, has_money = text_of(item.get("status")), item.get("balance_transaction") is not None
    if does.kind == "charge" and item.get("captured") is False and status not in _NO_MONEY:
        gone = item.get("refunded") is True
        return ("void", "booked") if gone else ("authorisation", "pending")
    # Charges of 2013 have no status.
    if status in _NO_MONEY or (status is None and item.get("paid") is False):
        return does.kind, "booked" if has_money else None
    waits = does.kind == "charge" and status == "pending"
    return does.kind, "booked" if has_money and not waits else "pending"


def _of_failure(item: Object, origin: Origin) -> list[Record]:
    """The record of the balance transaction that undoes an object."""
    transaction = item.get("failure_balance_transaction")
    if isinstance(transaction, dict):
        return [_of_transaction(transaction, item, origin)]
    identity, kind = identifier(transaction), undone_by(item)
    if identity is None or kind is None:
        return []
    does, currency = effect_of(item), money_of(item)
    (amount,), exponent = scale_minor([-does.sign * whole(item, "amount")], currency)
    # When exactly it came back only the balance transaction says: until then this one is announced, not booked.
    moment = instant(origin.seconds if origin.seconds is not None else item.get("created"))
    links = _links(item, does, origin) | {"parent_external_id": identifier(item.get("charge")) or identifier(item)}
    if does.word == "payout":
        links["settlement_id"] = None
    return [
        _checked(
            Record(
                kind=kind,
                status="pending",
                namespace=TRANSACTION,
                identity=identity,
                currency=currency,
                amount=amount,
                exponent=exponent,
                occurred_at=moment,
                booked_on=_day(moment, origin),
                **links,
            )
        )
    ]


def _of_loss(item: Object, origin: Origin) -> list[Record]:
    """That a dispute is lost: it moves nothing, and is dated by the event that says so; the object alone has no day of it."""
    own, does = identifier(item), Effect("dispute_lost", -1, "charge", "dispute")
    if item.get("status") != "lost" or own is None:
        return []
    currency, moment = money_of(item), instant(origin.seconds)
    (amount,), exponent = scale_minor([-whole(item, "amount")], currency)
    record = Record(
        kind=does.kind,
        namespace="dispute",
        identity=own,
        currency=currency,
        amount=amount,
        exponent=exponent,
        occurred_at=moment,
        booked_on=_day(moment, origin),
        **_links(item, does, origin),
    )
    return [_checked(record)]


def _of_transaction(item: Object, source: Object | None, origin: Origin) -> Record:
    """The record of a balance transaction, with what the object that caused it says of it."""
    source_id = _source_of(item, source)
    word = word_of(_word(item), source_id, source)
    total, net, amount = whole(item, "fee"), whole(item, "net"), whole(item, "amount")
    if amount - total != net:
        message = f"expected net = amount - fee in {identifier(item)}, got {net} from {amount} - {total}"
        raise BadInput(message)
    kind = kind_of(word, amount, source_id)
    if kind is None:
        message = f"expected a category that Stripe documents in {identifier(item)}, got {word!r:.60}"
        raise BadInput(message)
    tax = _tax_in(item)
    currency, namespace = money_of(item), identity_of(word, source_id, identifier(item))
    minor, exponent = scale_minor([amount, total - tax, tax, net], currency)
    moment, available = instant(item.get("created")), instant(item.get("available_on"))
    links = _links_of_transaction(item, source, source_id, kind, origin)
    return _checked(
        Record(
            kind=kind,
            namespace=namespace[0],
            identity=namespace[1],
            aliases=namespace[2],
            currency=currency,
            amount=minor[0],
            fee=minor[1],
            fee_tax=minor[2] if tax else None,
            tax=minor[0] if word in FEE_TAXES else None,
            net=minor[3],
            exponent=exponent,
            rate=text_of(item.get("exchange_rate")),
            occurred_at=moment,
            booked_on=_day(moment, origin),
            value_on=available.date() if available else None,
            details=_details(item, source),
            **_original(source, item, amount),
            **links,
        )
    )


def _source_of(item: Object, source: Object | None) -> str | None:
    """The object that caused a balance transaction; an adjustment of before there were categories names its charge."""
    named, holder = identifier(item.get("source")), identifier(source)
    if _word(item) == "adjustment" and (source or {}).get("object") in {"dispute", "refund"}:
        return holder or named
    return named or holder


def _word(item: Object) -> str:
    word = item.get("reporting_category") or item.get("type")
    return word if isinstance(word, str) else ""


def _tax_in(item: Object) -> int:
    """The tax on the fee, which Stripe counts inside it."""
    return sum(whole(each, "amount") for each in objects_in(item.get("fee_details")) if each.get("type") == "tax")


def _original(source: Object | None, transaction: Object, amount: int) -> dict[str, Any]:
    """What the customer saw, with the sign of what it did to the balance."""
    if source is None or type(source.get("amount")) is not int or not isinstance(source.get("currency"), str):
        return {}
    currency = money_of(source)
    seen = abs(booked_of(source, transaction))
    (minor,), exponent = scale_minor([-seen if amount < 0 else seen], currency)
    return {"original_amount": minor, "original_currency": currency, "original_exponent": exponent}


def _links(item: Object, does: Effect, origin: Origin) -> dict[str, Any]:
    """Identifiers and names of an object, and where it was found."""
    own, charge = identifier(item), identifier(item.get("charge"))
    parent = identifier(item.get(does.parent)) if does.parent else None
    intent = identifier(item.get("payment_intent"))
    trace = item.get("trace_id")
    found = [identifier(item.get(key)) for key in REFERENCES]
    found += [text_of(trace.get("value")) if isinstance(trace, dict) else text_of(trace), *metadata_of(item)]
    found.append(identifier(item.get("balance_transaction")))
    return {
        "line": origin.line,
        "account_number": origin.account,
        "revision": None if origin.seconds is None else origin.seconds * 1_000_000,
        "external_id": own,
        "payment_id": intent or (own if does.kind == "charge" else charge),
        "settlement_id": own if does.kind == "payout" else None,
        "parent_external_id": parent,
        "references": _distinct(found, own),
        "text": text_of(item.get("description")),
        "counterparty": _counterparty(item),
        "counterparty_account": identifier(item.get("destination")) if does.word == "transfer" else None,
    }


def _links_of_transaction(
    item: Object, source: Object | None, source_id: str | None, kind: str, origin: Origin
) -> dict[str, Any]:
    """Identifiers and names of a balance transaction, mostly from the object that caused it."""
    own, name = identifier(item), (source or {}).get("object")
    does = effect_of(source) if source and name in OBJECTS else Effect(kind, 1, "charge", str(name))
    links = _links(source or item, does, origin)
    links["external_id"] = source_id or own
    links["text"] = text_of(item.get("description")) or links["text"]
    links["references"] = _distinct([own, *links["references"]], links["external_id"])
    links["settlement_id"] = source_id if kind == "payout" else None
    if kind == "payout_reversal":
        links["parent_external_id"] = source_id
    if source is None and kind == "charge":
        links["payment_id"] = source_id
    elif source is None:
        links["payment_id"] = None
    return links


def _counterparty(item: Object) -> str | None:
    """The customer's name, else the mail address, else the customer's id."""
    customer, billing = item.get("customer"), item.get("billing_details")
    people = [each for each in (billing, customer) if isinstance(each, dict)]
    named = [text_of(each.get(key)) for key in ("name", "email") for each in people]
    return next((each for each in [*named, text_of(item.get("receipt_email")), identifier(customer)] if each), None)


def _distinct(found: list[str | None], own: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for each in found if each and each != own))


def _day(moment: dt.datetime | None, origin: Origin) -> dt.date | None:
    return moment.astimezone(origin.zone).date() if moment else None


def _details(item: Object, source: Object | None = None, *, more: dict[str, str] | None = None) -> str | None:
    """JSON of what has no column: the object that caused a balance transaction stands under ``source``."""
    rest = {key: value for key, value in item.items() if key not in _TOLD and value not in (None, "", [], {})}
    if source is not None and source is not item:
        beside = {key: value for key, value in source.items() if key not in _TOLD and value not in (None, "", [], {})}
        rest |= {"source": beside} if beside else {}
    rest |= more or {}
    return json.dumps(rest, ensure_ascii=False, separators=(",", ":"), sort_keys=True) if rest else None


def _checked(record: Record) -> Record:
    """Hold a record to its kind (sign, columns that must have a value) and its amounts to int64."""
    kind, amount = KINDS[record.kind], record.amount or 0
    if (kind.sign == "+" and amount < 0) or (kind.sign == "-" and amount > 0):
        message = f"expected a {record.kind} with the sign {kind.sign}, got {amount} in {record.external_id}"
        raise BadInput(message)
    absent = [name for name in kind.requires if getattr(record, name) is None]
    if absent:
        message = f"expected a value for {' and '.join(absent)} of {record.external_id} ({record.kind}), got none"
        raise BadInput(message)
    amounts = (record.amount, record.fee, record.fee_tax, record.net, record.original_amount)
    if any(abs(each or 0) > MINOR_MAX for each in amounts):
        message = f"expected amounts below {MINOR_MAX} minor units in {record.external_id}, got {amounts}"
        raise BadInput(message)
    return record
