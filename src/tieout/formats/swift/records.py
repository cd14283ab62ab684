"""
An entry of a SWIFT statement message becomes a record of kind ``bank_entry``.
"""

import datetime as dt
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tieout.errors import BadInput
from tieout.formats.swift.fields import NO_CURRENCY, Entry, entry_day, is_placeholder, money_of
from tieout.formats.swift.information import Information, read_information
from tieout.model.money import Money, exponents
from tieout.model.records import Record

if TYPE_CHECKING:
    from tieout.formats.swift.statement import Page

__all__ = ["Pending", "money_of_entry", "names_charges", "record_of"]

_ORIGINAL = re.compile(r"/OCMT/([A-Z]{3})([\d.,]+)")
# SWIFT's /CHGS/ and what banks write for it in the supplementary details.
_CHARGES = re.compile(r"\bCHGS?\b")
_ACCOUNT = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{10,30}", re.ASCII)


@dataclass(slots=True)
class Pending:
    """
    An entry of which further fields may follow.

    :ivar supplementary: the lines after the first of ``:61:``.
    :ivar information: its ``:86:`` fields, each as its lines; ``non_swift``: the lines of ``:NS:``.
    :ivar strays: fields that belong elsewhere but stand here, by tag.
    :ivar characters: how much has been told about it so far.
    """

    entry: Entry
    line: int
    column: int
    supplementary: Sequence[str] = ()
    information: list[Sequence[str]] = field(default_factory=list)
    non_swift: list[str] = field(default_factory=list)
    strays: dict[str, str] = field(default_factory=dict)
    characters: int = 0


def money_of_entry(entry: Entry, currency: str) -> Money:
    """
    Give the signed amount of an entry.

    :raises BadInput: the amount does not fit the currency.
    """
    return money_of(entry.amount, currency, entry.sign)


def names_charges(pending: Pending) -> bool:
    """Whether the bank says beside an entry that it took charges: ``/CHGS/EUR1,50/``, ``CHG``."""
    return any(_CHARGES.search(line) for line in pending.supplementary)


#: German banks write cash concentration under SWIFT's types for anything (NTRF, NMSC): the code of theirs says what it is.
_CASH_CONCENTRATION = "833"


def _code(swift: str | None, german: object) -> str | None:
    """Give SWIFT's type of an entry, with the German code behind it where that says that it is a sweep: ``NMSC-833``."""
    if german != _CASH_CONCENTRATION:
        return swift
    return f"{swift}-{german}" if swift else _CASH_CONCENTRATION


def record_of(pending: Pending, amount: Money, currency: str, page: "Page", status: str) -> Record:
    """Make the record of an entry of a page; ``amount`` is signed, and the entry has its days."""
    entry = pending.entry
    told = read_information(pending.information, pending.non_swift)
    supplementary = " ".join(" ".join(pending.supplementary).split())
    booked_on = _booked_on(entry, page)
    external_id = None if is_placeholder(entry.bank_reference) else entry.bank_reference
    identity = f"{external_id}|{booked_on}|{amount.minor}|{currency}" if external_id else None
    customer = () if is_placeholder(entry.customer_reference) else (entry.customer_reference,)
    original = _original(supplementary, entry.sign)
    return Record(
        line=pending.line,
        kind="bank_entry",
        currency=currency,
        account_number=page.account,
        identity=identity,
        counted=True,
        status="pending" if entry.expected else status,
        booked_on=booked_on,
        value_on=entry.value_on,
        bank_code=_code(entry.bank_code, told.details.get("gvc")),
        amount=amount.minor,
        exponent=amount.exponent,
        original_amount=original.minor if original else None,
        original_currency=original.currency if original else None,
        original_exponent=original.exponent if original else None,
        external_id=external_id,
        references=tuple(dict.fromkeys((*customer, *told.references))),
        text=told.text or _words_below(pending, supplementary),
        counterparty=told.counterparty or entry.extra or None,
        counterparty_account=told.counterparty_account or _account(supplementary) or _account(entry.customer_reference),
        details=_details(pending, told, supplementary),
        statement_place=page.place,
    )


def _booked_on(entry: Entry, page: "Page") -> dt.date | None:
    if not entry.entry_day or entry.value_on is None:
        return entry.value_on
    return entry_day(entry.entry_day, entry.value_on, page.days)


def _words_below(pending: Pending, supplementary: str) -> str | None:
    """Take the words below an entry of which the bank says nothing else; codes and an account are no words."""
    if pending.information or pending.non_swift or supplementary.startswith("/") or _account(supplementary):
        return None
    return supplementary or None


def _account(text: str) -> str | None:
    """Take the account that some banks write alone below the entry, or as its reference."""
    return text if _ACCOUNT.fullmatch(text) else None


def _original(supplementary: str, sign: int) -> Money | None:
    """Read the amount before conversion (``/OCMT/USD49,00/``)."""
    found = _ORIGINAL.search(supplementary)
    if found is None or found[1] == NO_CURRENCY or found[1] not in exponents():
        return None
    try:
        return money_of(found[2], found[1], sign)
    except BadInput:
        return None


def _details(pending: Pending, told: Information, supplementary: str) -> str:
    """Write down everything that has no column of its own."""
    entry = pending.entry
    stated = {
        "mark": entry.mark,
        "funds_code": entry.funds,
        "customer_reference": entry.customer_reference,
        "bank_reference": entry.bank_reference if is_placeholder(entry.bank_reference) else "",
        "after_reference": entry.extra,
        "supplementary": supplementary,
        **told.details,
        "fields": pending.strays,
    }
    return json.dumps({key: value for key, value in stated.items() if value}, ensure_ascii=False)
