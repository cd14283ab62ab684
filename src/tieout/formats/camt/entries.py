"""From one entry (``Ntry``) of a bank statement to its record."""

from __future__ import annotations

from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, NamedTuple

from tieout.errors import BadInput
from tieout.formats.camt.dates import read_day, read_moment, read_value_day
from tieout.formats.camt.rows import Row
from tieout.formats.camt.shapes import first_text, join_texts
from tieout.model.money import Money, exponents, parse_money

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from tieout.formats.camt.plans import Amounts, DetailPlan, EntryPlan, Template

__all__ = [
    "PLACEHOLDERS",
    "Account",
    "Amount",
    "Entry",
    "Original",
    "UnreadableEntry",
    "account_number",
    "details_text",
    "escaped",
    "find_counterparty",
    "find_original",
    "identifier",
    "identifiers",
    "is_debit",
    "join_code",
    "occurred_at",
    "read_amount",
    "read_entry",
    "read_status",
]

#: What banks print where there is no reference, in the three ways of writing a word.
PLACEHOLDERS = frozenset(
    write(word)
    for word in (
        "NONREF",
        "NOREF",
        "NOTPROVIDED",
        "NOT PROVIDED",
        "NOT_PROVIDED",
        "NOTAVAILABLE",
        "NONE",
        "NULL",
        "N/A",
    )
    for write in (str.upper, str.lower, str.capitalize)
)
#: Any number with fewer digits fits int64.
_SURELY_FITS = 19
_STATUSES = {"BOOK": "booked", "PDNG": "pending", "INFO": "pending", "FUTR": "pending"}


class UnreadableEntry(BadInput):
    """
    One entry cannot be read; the rest of the statement goes on.

    :ivar column: the element at fault.
    """

    def __init__(self, message: str, column: str) -> None:
        """Keep the element at fault beside the sentence."""
        super().__init__(message)
        self.column = column


@dataclass(slots=True, kw_only=True)
class Account:
    """
    What the entries of a statement need to know of it.

    :ivar place: which statement of the file it is, from 1.
    :ivar final: True in a camt.053, where entries are booked for good.
    :ivar assumed: the currency of amounts that name none, in an account that names none.
    :ivar fallback_on: the day of entries that state none: the end of the statement.
    :ivar owner: whose account it is.
    """

    number: str | None
    currency: str | None
    place: int
    final: bool
    assumed: str | None = None
    fallback_on: dt.date | None = None
    owner: str | None = None

    def owned_by(self, name: str | None) -> bool:
        """Whether a name is that of the account's owner, but for case and blanks."""
        owner, other = (" ".join((text or "").split()).casefold() for text in (self.owner, name))
        return bool(owner) and owner == other


class Amount(NamedTuple):
    """
    Money as it is read thousands of times a second: checked once, and not made an object of its own rules.

    :ivar minor: minor units at ``exponent`` decimals.
    :ivar written: the decimal as it stood in the file.
    """

    minor: int
    currency: str
    exponent: int
    written: str


def read_amount(written: str, currency: str) -> Amount:
    """
    Read a decimal.

    :raises BadInput: not a decimal, no such currency, more than 9 decimals, beyond int64.
    """
    whole, _, fraction = written.partition(".")
    digits = whole + fraction
    # Nearly all amounts have the decimals of their currency; the others are read with more care.
    if (
        len(fraction) == exponents().get(currency)
        and len(digits) < _SURELY_FITS
        and digits.isdigit()
        and digits.isascii()
    ):
        return Amount(int(digits), currency, len(fraction), written)
    money = parse_money(written, currency)
    return Amount(money.minor, currency, money.exponent, written)


class Entry(NamedTuple):
    """
    One entry as read.

    :ivar amount: without sign.
    :ivar booked: the bank says that it counts in the balance.
    :ivar unknown_status: the bank's word for its status, where it is not ISO's.
    """

    row: Row
    amount: Amount
    debit: bool
    reversal: bool
    booked: bool
    unknown_status: str | None

    @property
    def money(self) -> Money:
        """Its amount, without sign."""
        return Money(self.amount.minor, self.amount.currency, self.amount.exponent)


def identifier(text: str | None) -> str | None:
    """Give a reference; None for placeholders (NONREF, NOTPROVIDED, dashes, zeros)."""
    return text if text and text not in PLACEHOLDERS and text.strip("0-./ ") else None


def identifiers(values: Sequence[str], indexes: Sequence[int]) -> tuple[str, ...]:
    """Give the references among these texts, each once, in order."""
    found = dict.fromkeys(map(values.__getitem__, indexes))
    return tuple([text for text in found if text not in PLACEHOLDERS and text.strip("0-./ ")])


def join_code(values: Sequence[str], domain: Sequence[int], proprietary: Sequence[int]) -> str | None:
    """Give the bank transaction code: ``PMNT-RCDT-ESCT``, else the bank's own."""
    code = "-".join(part for part in [values[index] for index in domain] if part)
    return code or first_text(values, proprietary)


def is_debit(word: str | None, *, otherwise: bool | None = None) -> bool:
    """
    Read ``CdtDbtInd``: True for money that leaves the account.

    :param otherwise: the answer where there is no indicator.
    :raises BadInput: neither CRDT nor DBIT.
    """
    if word == "DBIT":
        return True
    if word == "CRDT":
        return False
    if word is None and otherwise is not None:
        return otherwise
    known = (word or "").upper()
    if known in {"DBIT", "CRDT"}:
        return known == "DBIT"
    message = f"expected CdtDbtInd to be CRDT or DBIT, got {word[:20]!r}" if word else "expected CdtDbtInd, got none"
    raise BadInput(message)


def details_text(values: Sequence[str], template: Template) -> str | None:
    """Write what has no column of its own as JSON: a flat object from XPath to text."""
    if not template.indexes:
        return None
    return template.written % tuple(escaped([values[index] for index in template.indexes]))


def escaped(texts: Sequence[str]) -> Sequence[str]:
    """Write texts as JSON has them between quotes; nearly always that is as they are."""
    together = "".join(texts)
    if together.isprintable() and '"' not in together and "\\" not in together:
        return texts
    return [encode_basestring(text)[1:-1] for text in texts]


class Original(NamedTuple):
    """
    The amount before conversion or charges, where one is stated that differs from the booked one.

    :ivar amount: signed as the booked one.
    :ivar differs: any of the stated amounts differs, be it readable or not.
    """

    amount: int | None = None
    currency: str | None = None
    exponent: int | None = None
    differs: bool = False


_SAME = Original()
_OTHER = Original(differs=True)


def find_original(amounts: Amounts, values: Sequence[str], booked: Amount, *, debit: bool) -> Original:
    """Find the first of the stated amounts that differs from the booked one."""
    found = _SAME
    for index, stated in amounts:
        text, currency = values[index], stated or booked.currency
        if text == booked.written and currency == booked.currency:
            continue
        try:
            original = read_amount(text, currency)
        except BadInput:
            found = _OTHER
            continue
        if original[:3] != booked[:3]:
            found = _OTHER
            if original.minor > 0:
                return Original(-original.minor if debit else original.minor, currency, original.exponent, differs=True)
    return found


def find_counterparty(
    detail: DetailPlan, values: Sequence[str], account: Account, *, debit: bool, reversal: bool
) -> tuple[str | None, str | None, bool]:
    """
    Find the other side: who paid a credit, who received a debit.

    A reversal often keeps the parties of the payment that it reverses, and some banks print the holder of the
    account on both sides; so our own account is never the counterparty, nor its owner where somebody else is named.

    :return: name, account, and whether it is the debtor.
    """
    theirs, ours = (detail.creditor, detail.debtor) if debit else (detail.debtor, detail.creditor)
    name, number = first_text(values, theirs.names), account_number(first_text(values, theirs.accounts))
    empty = name is None and number is None
    held = number is None and account.owned_by(name)
    if empty or held or (number is not None and number == account.number):
        other, party = account_number(first_text(values, ours.accounts)), first_text(values, ours.names)
        alone = held and (account.owned_by(party) or (party is None and other is None))
        if other != account.number and (reversal or not empty) and not alone:
            return party, other, debit
    return name, number, not debit


def account_number(text: str | None) -> str | None:
    """Give an account number; IBANs are written without their blanks."""
    return text.replace(" ", "") if text is not None and text[:2].isalpha() else text


def _entry_amount(account: Account, plan: EntryPlan, values: Sequence[str]) -> Amount:
    """Read the amount of an entry, without sign."""
    if not plan.amount:
        message = "expected an amount in Amt, got none"
        raise UnreadableEntry(message, "Amt")
    index, stated = plan.amount[0]
    written, currency = values[index], stated or account.currency or account.assumed
    if currency is None:
        message = f"expected a currency beside the amount {written[:40]!r}, got none"
        raise UnreadableEntry(message, "Amt")
    try:
        amount = read_amount(written, currency)
    except BadInput as error:
        raise UnreadableEntry(str(error), "Amt") from error
    if amount.minor < 0:
        message = f"expected an amount without sign beside CdtDbtInd, got {written[:40]!r}"
        raise UnreadableEntry(message, "Amt")
    return amount


def _read_direction(plan: EntryPlan, values: Sequence[str], amount: Amount) -> bool:
    try:
        return is_debit(first_text(values, plan.indicator), otherwise=None if amount.minor else False)
    except BadInput as error:
        raise UnreadableEntry(str(error), "CdtDbtInd") from error


def _read_days(account: Account, plan: EntryPlan, values: Sequence[str]) -> tuple[dt.date, str, dt.date | None]:
    """Give the booking day, the same as the bank states it (or nothing), and the value date."""
    booked, value = first_text(values, plan.booked), first_text(values, plan.value)
    column = "BookgDt"
    try:
        stated_on = read_day(booked) if booked else None
        column = "ValDt"
        value_on = read_value_day(value) if value else None
    except BadInput as error:
        raise UnreadableEntry(str(error), column) from error
    booked_on = stated_on or value_on or account.fallback_on
    if booked_on is None:
        message = "expected a booking date in BookgDt (or a value date, or the statement's own), got none"
        raise UnreadableEntry(message, "BookgDt")
    return booked_on, booked[:10] if booked else "", value_on


def read_status(account: Account, word: str | None) -> tuple[str, bool, str | None]:
    """Give the record's status, whether the entry counts in the balance, and the word where it is unknown."""
    known = _STATUSES.get((word or "BOOK").upper())
    if known == "booked":
        return ("booked" if account.final else "provisional"), True, None
    return "pending", False, None if known else word


def occurred_at(plan: EntryPlan | DetailPlan, values: Sequence[str]) -> dt.datetime | None:
    """Give the first moment that the bank names with its time zone."""
    for index in plan.moments:
        moment = read_moment(values[index])
        if moment is not None:
            return moment
    return None


def read_entry(account: Account, plan: EntryPlan, values: Sequence[str], line: int) -> Entry:
    """
    Read an entry, with the references, text and parties of the only transaction inside it.

    :raises UnreadableEntry: no amount, no direction, an unknown currency, an impossible day.
    """
    amount = _entry_amount(account, plan, values)
    debit = _read_direction(plan, values, amount)
    booked_on, stated, value_on = _read_days(account, plan, values)
    status, booked, unknown = read_status(account, first_text(values, plan.status))
    minor = -amount.minor if debit else amount.minor
    external = identifier(first_text(values, plan.reference))
    detail = plan.detail
    reversal = bool(plan.reversal) and (first_text(values, plan.reversal) or "").lower() in {"true", "1"}
    name = number = text = None
    original = _SAME
    template = plan.template
    rate = first_text(values, plan.rate) if plan.rate else None
    code = join_code(values, plan.domain, plan.proprietary)
    if detail is not None:
        name, number, is_debtor = find_counterparty(detail, values, account, debit=debit, reversal=reversal)
        original = find_original(detail.originals, values, amount, debit=debit)
        template = detail.templates[is_debtor, original.differs]
        text = join_texts(values, detail.texts)
        rate = first_text(values, detail.rate) or rate if detail.rate else rate
        code = code or join_code(values, detail.domain, detail.proprietary)
    if original.amount is None and plan.originals:
        original = find_original(plan.originals, values, amount, debit=debit)
    row = Row(
        line=line,
        kind="bank_entry",
        currency=amount.currency,
        account_number=account.number,
        namespace="entry",
        identity=f"{external}|{stated}|{minor}|{amount.currency}" if external else None,
        status=status,
        booked_on=booked_on,
        value_on=value_on,
        occurred_at=occurred_at(plan, values) if plan.moments else None,
        bank_code=code,
        amount=minor,
        exponent=amount.exponent,
        original_amount=original.amount,
        original_currency=original.currency,
        original_exponent=original.exponent,
        rate=rate,
        external_id=external,
        parent_external_id=None,
        references=identifiers(values, plan.references),
        text=text or first_text(values, plan.notes),
        counterparty=name,
        counterparty_account=number,
        details=details_text(values, template),
        statement_place=account.place,
    )
    return Entry(row, amount, debit, reversal, booked, unknown)
