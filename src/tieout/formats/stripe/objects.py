"""
Stripe's API objects: a webhook event, a page of a list, a single object, an array, or JSON lines of any of these.

One record per balance transaction that a charge, refund, payout, dispute, transfer, top-up or application fee tells of;
``balance`` objects are balances. An event's time orders the versions of its object. Objects without money of their own
(customers, invoices, sessions, declined charges) are skipped and counted; money that such an object carries expanded is
read, and money that nobody reads is a finding. Amounts are in Stripe's minor units.

Source: Stripe's API reference (objects of the versions since 2013).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, BinaryIO
from zoneinfo import ZoneInfo

from tieout.errors import BadInput
from tieout.formats._json_values import Twice, Value, json_values, key_twice
from tieout.formats.reading import Chunk, Total, refusal, unseen_texts
from tieout.formats.stripe.beside import texts_beside
from tieout.formats.stripe.cut_lists import CutPages, cut_lists_in
from tieout.formats.stripe.nested import money_in, unread_money
from tieout.formats.stripe.records import Origin, records_of
from tieout.formats.stripe.terms import scale_minor
from tieout.formats.stripe.values import Object, identifier, instant, money_of, objects_in, whole
from tieout.model.money import MINOR_MAX, Money
from tieout.model.problems import Problem
from tieout.model.statements import Balance

if TYPE_CHECKING:
    from tieout.formats.reading import Head, ReadOptions
    from tieout.model.records import Record

__all__ = ["StripeObjects"]

_OPENING = re.compile(rb"(?:\xef\xbb\xbf)?\s*[\[{]")
_EVENT = re.compile(rb'"object"\s*:\s*"event"')
_DATA = re.compile(rb'"(?:api_version|livemode|pending_webhooks)"\s*:')
_OBJECT = re.compile(
    rb'"object"\s*:\s*"(?:charge|refund|balance_transaction|payout|dispute|transfer|transfer_reversal|topup'
    rb'|application_fee|fee_refund)"'
)
_IDENTIFIER = re.compile(rb'"(?:ch|py|re|pyr|txn|po|dp|du|tr|trr|tu|fee|fr)_[0-9A-Za-z]+"')
_BALANCE = re.compile(rb'"object"\s*:\s*"balance"')
_PENDING = re.compile(rb'"pending"\s*:\s*\[')

# The lists of a balance object, and what each measures here.
_BALANCES = {
    "available": "available",
    "pending": "pending",
    "connect_reserved": "reserved",
    "risk_reserved": "reserved",
}
_NEST_MAX = 8  # pages in pages, objects in events: more levels mean something


@dataclass(slots=True)
class _Gathered:
    """What was read since the last chunk, and the sums since the file's beginning."""

    records: list[Record] = field(default_factory=list)
    balances: list[Balance] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    skipped: int = 0
    beside: list[tuple[str, int, str]] = field(default_factory=list)
    pages: CutPages = field(default_factory=CutPages)
    sums: dict[tuple[str, int], list[int]] = field(default_factory=dict)

    def add(self, records: list[Record]) -> None:
        """Keep records, and count them into the sums of their currency."""
        self.records += records
        for record in records:
            value = record.net if record.net is not None else record.amount
            sums = self.sums.setdefault((record.currency, record.exponent or 0), [0, 0, 0])
            sums[0] += 1
            sums[1 if (value or 0) >= 0 else 2] += abs(value or 0)

    def chunk(self) -> Chunk:
        """Hand over what was gathered, and begin anew."""
        faults = sum(problem.severity == "row" for problem in self.problems)
        found = Chunk(
            records=self.records,
            balances=self.balances,
            problems=self.problems,
            rows=len(self.records) + faults,
            skipped=self.skipped,
            unseen=unseen_texts(self.beside),
            version="stripe.objects",
        )
        self.records, self.balances, self.problems, self.skipped, self.beside = [], [], [], 0, []
        return found

    def totals(self) -> list[Total]:
        """Count and sums per currency, at its largest exponent."""
        found: dict[str, Total] = {}
        for (currency, exponent), (count, plus, minus) in sorted(self.sums.items()):
            before = found.get(currency, Total(currency=currency, exponent=exponent, count=0, credits=0, debits=0))
            unit = 10 ** (exponent - before.exponent)
            found[currency] = Total(
                currency=currency,
                exponent=exponent,
                count=before.count + count,
                credits=before.credits * unit + plus,
                debits=before.debits * unit + minus,
            )
        return list(found.values())


class StripeObjects:
    """Stripe's API objects and webhook events, as JSON."""

    id = "stripe.objects"
    system = "stripe"

    def identify(self, head: Head) -> str | None:
        """Say ``stripe.objects`` if the file is JSON with an object or an event of Stripe's in it."""
        data = head.data
        if not _OPENING.match(data):
            return None
        event = _EVENT.search(data) and _DATA.search(data)
        balance = _BALANCE.search(data) and _PENDING.search(data)
        return self.id if event or balance or (_OBJECT.search(data) and _IDENTIFIER.search(data)) else None

    def read(self, stream: BinaryIO, options: ReadOptions) -> Iterator[Chunk]:
        """Yield records and balances; an object that cannot be read is one problem, and the rest goes on."""
        gathered, zone = _Gathered(), ZoneInfo(options.timezone)
        try:
            for value in json_values(stream):
                _gather(value, zone, gathered)
                while max(len(gathered.records), len(gathered.beside)) >= options.batch_rows:
                    rest = gathered.records[options.batch_rows :]
                    del gathered.records[options.batch_rows :]
                    yield gathered.chunk()
                    gathered.records = rest
        except BadInput as error:
            yield refusal(str(error))
            return
        gathered.problems += gathered.pages.problems()
        last = gathered.chunk()
        last.totals = gathered.totals()
        yield last


def _gather(value: Value, zone: ZoneInfo, gathered: _Gathered) -> None:
    """Read one value of the file."""
    if value.fault is not None:
        gathered.problems.append(Problem(message=value.fault, severity="row", line=value.line))
        return
    if value.page and isinstance(value.content, dict):
        gathered.pages.note(value.content, value.line)
        frame = {key: each for key, each in value.content.items() if key != "data"}
        gathered.beside += texts_beside(frame, value.line, [])
        return
    came: list[Record] = []
    told: set[str] = set()  # what an object is said to lack that another one carries once more
    for item, origin in _objects(value.content, Origin(value.line, zone, doubtful=value.twice), gathered.pages):
        if isinstance(item, Problem):
            gathered.problems.append(item)
            continue
        try:
            balances = _balances(item, origin)
            records = records_of(item, origin)
            unread = [each for each in (*unread_money(item), *cut_lists_in(item)) if each not in told]
        except BadInput as error:
            gathered.problems.append(_fault(f"{error}, line {origin.line}", origin, item=item))
            continue
        gathered.add(records)
        came += records
        told.update(unread)
        gathered.problems += [Problem(message=f"{each}, line {origin.line}", line=origin.line) for each in unread]
        gathered.balances += balances
        gathered.skipped += not records and not balances
    gathered.beside += texts_beside(value.content, value.line, came)


def _objects(
    value: object, origin: Origin, pages: CutPages, depth: int = 0
) -> Iterator[tuple[Object | Problem, Origin]]:
    """Unwrap pages, arrays and events down to objects; a problem instead of an object says what is wrong."""
    if isinstance(value, list) and depth < _NEST_MAX:
        for each in value:
            yield from _objects(each, origin, pages, depth + 1)
    elif not isinstance(value, dict) or depth >= _NEST_MAX:
        yield _fault(f"expected a Stripe object in line {origin.line}, got {value!r:.60}", origin), origin
    elif isinstance(value, Twice):
        yield _fault_of_key(value, value.key, origin), origin
    elif value.get("object") == "list":
        pages.note(value, origin.line)
        yield from _objects(value.get("data"), origin, pages, depth + 1)
    elif value.get("object") == "event" or isinstance(value.get("data"), dict):
        yield from _of_event(value, origin, pages, depth)
    elif value and all(isinstance(each, dict) for each in value.values()):
        # A collection by name, as in Stripe's published fixtures.
        yield from _objects(list(value.values()), origin, pages, depth + 1)
    else:
        for each in _of_object(value, origin):
            yield each, origin


def _of_object(value: Object, origin: Origin) -> list[Object | Problem]:
    """Give an object and those that it carries; an intent, an invoice or a session moves no money itself."""
    if not isinstance(value.get("object"), str):
        message = f'expected the key "object" in the value of line {origin.line}, got {list(value)!r:.60}'
        return [_fault(message, origin)]
    if origin.doubtful and (key := key_twice(value)) is not None:
        return [_fault_of_key(value, key, origin)]
    found = money_in(value)
    said = not found or (value not in found and (unread_money(value) or cut_lists_in(value)))
    return [*found, *([value] if said else [])]


def _of_event(event: Object, origin: Origin, pages: CutPages, depth: int) -> Iterator[tuple[Object | Problem, Origin]]:
    """The object inside an event, with the account that it belongs to and the event's time."""
    data, seconds = event.get("data"), event.get("created")
    inner = data.get("object") if isinstance(data, dict) else None
    if isinstance(data, Twice):
        yield _fault_of_key(event, data.key, origin), origin
        return
    if not isinstance(inner, dict):
        name = identifier(event)
        message = f"expected data.object in the event {name} of line {origin.line}, got {inner!r:.60}"
        yield _fault(message, origin), origin
        return
    moment = seconds if instant(seconds) is not None else None
    within = replace(origin, account=identifier(event.get("account")) or origin.account, seconds=moment)
    yield from _objects(inner, within, pages, depth + 1)


def _fault(message: str, origin: Origin, column: str | None = None, item: Object | None = None) -> Problem:
    named = [identifier((item or {}).get(key)) for key in ("id", "source", "charge", "payment_intent")]
    names = tuple(dict.fromkeys(name for name in named if name))
    return Problem(message=message, severity="row", line=origin.line, column=column, names=names)


def _fault_of_key(item: Object, key: str, origin: Origin) -> Problem:
    """Nobody knows which of two values was meant, whatever a reader of JSON takes."""
    name = identifier(item) or item.get("object") or "the object"
    return _fault(
        f"expected every key once in {name!s:.60} of line {origin.line}, got {key!r} twice", origin, key[:60], item
    )


def _balances(item: Object, origin: Origin) -> list[Balance]:
    """The balances that a balance object states, at the event's moment; one without an event says of no day."""
    if item.get("object") != "balance":
        return []
    moment = instant(origin.seconds)
    return [
        Balance(
            line=origin.line,
            kind=kind,
            amount=_money(each, name),
            account_number=origin.account,
            on=moment.astimezone(origin.zone).date() if moment else None,
            at=moment,
            code=name,
        )
        for name, kind in _BALANCES.items()
        for each in objects_in(item.get(name))
    ]


def _money(part: Object, name: str) -> Money:
    currency = money_of(part)
    minor, exponent = scale_minor([whole(part, "amount", f"the {name} balance")], currency)
    if abs(minor[0] or 0) > MINOR_MAX:
        message = f"expected an amount within int64 in the {name} balance, got {minor[0]}"
        raise BadInput(message)
    return Money(minor[0] or 0, currency, exponent)
