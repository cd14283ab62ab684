"""
Entries that a bank prints alike are read together, column by column.

What :func:`tieout.formats.camt.entries.read_entry` finds out for one entry is the same for all entries with the same
markup, direction and status, or takes one step over a column of texts. A group that holds anything unusual (an amount
with other decimals than its currency's, another instructed amount, a day that is none) is read one by one.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import repeat
from typing import TYPE_CHECKING, NamedTuple

from tieout.errors import BadInput
from tieout.formats.camt.dates import read_day, read_value_day
from tieout.formats.camt.entries import (
    PLACEHOLDERS,
    account_number,
    escaped,
    identifier,
    identifiers,
    is_debit,
    occurred_at,
    read_status,
)
from tieout.formats.camt.rows import Row
from tieout.model.money import exponents

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Sequence

    from tieout.formats.camt.details import Detail
    from tieout.formats.camt.entries import Account
    from tieout.formats.camt.plans import Amounts, DetailPlan, EntryPlan, Template

    Column = Sequence[str]

__all__ = ["Alike", "Waiting", "group", "read_alike"]

#: From so many entries on it pays to read them together.
ALIKE_MIN = 8


class _Unusual(Exception):
    """Something that only a look at each single entry can judge."""


class Alike(NamedTuple):
    """
    Entries that were read together.

    :ivar minor: the sum of their amounts, without sign, at ``exponent`` decimals.
    """

    rows: list[Row]
    currency: str
    exponent: int
    minor: int
    debit: bool
    booked: bool
    reversal: bool


class Waiting(NamedTuple):
    """
    An entry whose texts are known, and that is not a row yet.

    :ivar inside: its transactions, where it holds several.
    :ivar is_repeat: it has the markup of an entry before, and no text that is blank.
    """

    plan: EntryPlan
    values: Sequence[str]
    line: int
    inside: Sequence[Detail] = ()
    is_repeat: bool = False


def group(waiting: Sequence[Waiting]) -> Iterable[list[int]]:
    """Give the places of entries that :func:`read_alike` may read together."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for place, entry in enumerate(waiting):
        if entry.is_repeat:
            key = (id(entry.plan), *map(entry.values.__getitem__, entry.plan.words))
            groups.setdefault(key, []).append(place)
    return [places for places in groups.values() if len(places) >= ALIKE_MIN]


def read_alike(account: Account, plan: EntryPlan, texts: Sequence[Column], lines: Sequence[int]) -> Alike | None:
    """
    Read entries of one plan, whose words (direction, status, reversal) are the same and none of whose texts is blank.

    :return: None where they must be read one by one.
    """
    try:
        return _read(account, plan, texts, lines)
    except (_Unusual, BadInput):
        return None


def _read(account: Account, plan: EntryPlan, texts: Sequence[Column], lines: Sequence[int]) -> Alike:
    columns: list[Column] = list(zip(*texts, strict=True))
    currency, exponent, amounts = _amounts(account, plan, columns)
    debit = is_debit(_first(texts[0], plan.indicator))
    reversal = (_first(texts[0], plan.reversal) or "").lower() in {"true", "1"}
    status, booked, unknown = read_status(account, _first(texts[0], plan.status))
    if unknown is not None:
        raise _Unusual
    signed = [-minor for minor in amounts] if debit else amounts
    booked_on, stated, value_on = _days(account, plan, columns)
    nothing = repeat(None)
    external = [identifier(text) for text in columns[plan.reference[0]]] if plan.reference else nothing
    names: Iterable[str | None] = nothing
    numbers: Iterable[str | None] = nothing
    remittance: Iterable[str | None] = nothing
    template, rate, detail = plan.template, plan.rate, plan.detail
    codes = _codes(columns, plan.domain, plan.proprietary)
    totals = [(batch.amount, batch.currency) for batch in plan.batches]
    if any(b.indicator is not None and {*columns[b.indicator]} != {*columns[plan.indicator[0]]} for b in plan.batches):
        raise _Unusual
    _check_same(
        (*plan.originals, *(detail.originals if detail else ()), *(detail.direct if detail else ()), *totals),
        plan,
        columns,
        currency,
    )
    if detail is not None:
        names, numbers, is_debtor = _counterparties(account, detail, columns, debit=debit, reversal=reversal)
        template = detail.templates[is_debtor, False]
        remittance = _joined(columns, detail.texts) if detail.texts else nothing
        rate = detail.rate or rate
        codes = codes or _codes(columns, detail.domain, detail.proprietary)
    if remittance is nothing and plan.notes:
        remittance = columns[plan.notes[0]]
    rows = zip(
        lines,
        repeat("bank_entry"),
        repeat(currency),
        repeat(account.number),
        repeat("entry"),
        [
            f"{name}|{day}|{minor}|{currency}" if name else None
            for name, day, minor in zip(external, stated, signed, strict=False)
        ],
        repeat(status),
        booked_on,
        value_on,
        [occurred_at(plan, values) for values in texts] if plan.moments else nothing,
        codes or nothing,
        signed,
        repeat(exponent),
        nothing,
        nothing,
        nothing,
        columns[rate[0]] if rate else nothing,
        external,
        nothing,
        _references(columns, texts, plan.references),
        remittance,
        names,
        numbers,
        _details(columns, template),
        repeat(account.place),
        repeat(True),  # noqa: FBT003 - a column of it
    )
    return Alike(list(map(Row._make, rows)), currency, exponent, sum(amounts), debit, booked, reversal)


def _first(values: Column, indexes: Sequence[int]) -> str | None:
    return values[indexes[0]] if indexes else None


@cache
def _plain_amounts(decimals: int) -> Callable[[str], re.Match[str] | None]:
    """Match lines of amounts with exactly these decimals, small enough for int64."""
    fraction = rf"\.\d{{{decimals}}}" if decimals else ""
    return re.compile(rf"(?:\d{{1,14}}{fraction}\n)+", re.ASCII).fullmatch


def _amounts(account: Account, plan: EntryPlan, columns: Sequence[Column]) -> tuple[str, int, list[int]]:
    """Read the amounts, without sign, in minor units."""
    if not plan.amount or not plan.indicator:
        raise _Unusual
    index, stated = plan.amount[0]
    currency = stated or account.currency or account.assumed
    exponent = exponents().get(currency or "")
    if currency is None or exponent is None:
        raise _Unusual
    written = "\n".join(columns[index]) + "\n"
    if not _plain_amounts(exponent)(written):
        raise _Unusual
    amounts = list(map(int, written.replace(".", "").split()))
    if len(amounts) != len(columns[index]):
        raise _Unusual
    return currency, exponent, amounts


def _check_same(others: Amounts, plan: EntryPlan, columns: Sequence[Column], currency: str) -> None:
    """Check that whatever else was instructed or charged is what was booked."""
    booked = columns[plan.amount[0][0]]
    if any((stated or currency) != currency or columns[index] != booked for index, stated in others):
        raise _Unusual


def _days(
    account: Account, plan: EntryPlan, columns: Sequence[Column]
) -> tuple[Iterable[dt.date], Iterable[str], Iterable[dt.date | None]]:
    """Give the booking days, the same as the bank states them, and the value dates."""
    value_on: Iterable[dt.date | None] = repeat(None)
    booked_on: Iterable[dt.date] = repeat(account.fallback_on) if account.fallback_on else ()
    stated: Iterable[str] = repeat("")
    if plan.value:
        column = columns[plan.value[0]]
        days = {text: read_value_day(text) for text in set(column)}
        value_on = booked_on = [days[text] for text in column]
    if plan.booked:
        column = columns[plan.booked[0]]
        days = {text: read_day(text) for text in set(column)}
        booked_on, stated = [days[text] for text in column], [text[:10] for text in column]
    if booked_on == ():
        raise _Unusual
    return booked_on, stated, value_on


def _counterparties(
    account: Account, detail: DetailPlan, columns: Sequence[Column], *, debit: bool, reversal: bool
) -> tuple[Iterable[str | None], Iterable[str | None], bool]:
    """Give names and account numbers of the other side, and whether that is the debtor, where it is one for all."""
    theirs, ours = (detail.creditor, detail.debtor) if debit else (detail.debtor, detail.creditor)
    if reversal and not theirs.names and not theirs.accounts:
        raise _Unusual
    if theirs.names and not theirs.accounts and any(map(account.owned_by, set(columns[theirs.names[0]]))):
        raise _Unusual
    numbers = _account_numbers(columns, theirs.accounts)
    if account.number not in numbers or not theirs.accounts:
        return _texts(columns, theirs.names), numbers, not debit
    # Some banks print the holder of the account as the other side; then the other side stands where the holder should.
    others = _account_numbers(columns, ours.accounts)
    if set(numbers) != {account.number} or account.number in others:
        raise _Unusual
    return _texts(columns, ours.names), others, debit


def _texts(columns: Sequence[Column], indexes: Sequence[int]) -> Iterable[str | None]:
    return columns[indexes[0]] if indexes else repeat(None)


def _account_numbers(columns: Sequence[Column], indexes: Sequence[int]) -> Sequence[str | None]:
    """Give a column of account numbers, which repeat."""
    if not indexes:
        return [None] * len(columns[0])
    column = columns[indexes[0]]
    known = {text: account_number(text) for text in set(column)}
    return [known[text] for text in column]


def _codes(columns: Sequence[Column], domain: Sequence[int], proprietary: Sequence[int]) -> Iterable[str] | None:
    if not domain:
        return columns[proprietary[0]] if proprietary else None
    return ["-".join(parts) for parts in zip(*(columns[index] for index in domain), strict=True)]


def _joined(columns: Sequence[Column], indexes: Sequence[int]) -> Iterable[str]:
    """Join the lines of a remittance text with blanks."""
    chosen = [columns[index] for index in indexes]
    return chosen[0] if len(chosen) == 1 else map(" ".join, zip(*chosen, strict=True))


def _references(
    columns: Sequence[Column], texts: Sequence[Column], indexes: Sequence[int]
) -> Iterable[tuple[str, ...]]:
    """Give each entry's references, each once, in order."""
    if not indexes:
        return repeat(())
    chosen = [columns[index] for index in indexes]
    if all(PLACEHOLDERS.isdisjoint(column) and all(text.strip("0-./ ") for text in column) for column in chosen):
        return map(tuple, map(dict.fromkeys, zip(*chosen, strict=True)))
    return [identifiers(values, indexes) for values in texts]


def _details(columns: Sequence[Column], template: Template) -> Iterable[str | None]:
    """Write what has no column of its own as JSON; only a column in which anything must be escaped is looked at."""
    if not template.indexes:
        return repeat(None)
    chosen = [escaped(columns[index]) for index in template.indexes]
    return map(template.written.__mod__, zip(*chosen, strict=True))
