"""
What stands in the fields of a SWIFT statement message: amounts, dates, balances, entries, control totals.

Sources: SWIFT User Handbook, category 9 (MT940, MT942, MT950); DK "Anlage 3 des DFUe-Abkommens", chapter 8;
and what banks send instead. Every parser takes the text of a field and answers with a fact or a :class:`Fault`.
"""

import datetime as dt
import re
from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from stdnum import iban

from tieout.errors import BadInput
from tieout.model.money import Money, exponents, parse_money

__all__ = [
    "BALANCE_KINDS",
    "NO_CURRENCY",
    "Control",
    "Entry",
    "Fault",
    "StatedBalance",
    "Summary",
    "account_number",
    "day_of",
    "entry_day",
    "is_placeholder",
    "moment_of",
    "money_of",
    "read_balance",
    "read_control",
    "read_entry",
    "read_number",
    "read_summary",
]

#: ISO 4217's code for "no currency": what a record carries when neither file nor workspace says one.
NO_CURRENCY = "XXX"
#: The fields of balances, and what each measures.
BALANCE_KINDS = {
    "60": "opening",
    "60F": "opening",
    "60M": "interim_opening",
    "62": "closing",
    "62F": "closing",
    "62M": "interim_closing",
    "64": "available",
    "64F": "available",
    "65": "forward_available",
    "65F": "forward_available",
}

# Two-digit years from here on are of the last century.
_CENTURY_PIVOT = 80
_MONTHS = 12
_DAYS_OF_A_MONTH = 30
_DAYS_MOST = 31
_REFERENCE_LENGTH = 16
_OFFSET_HOURS_MOST = 14
_MINUTES = 60
_AMOUNT_LENGTH = 40

_GROUPED = re.compile(r"[1-9]\d{0,2}(?:([.,])\d{3})(?:\1\d{3})*[.,]\d*", re.ASCII)
_PLAIN = re.compile(r"\d+|\d*[.,]\d+|\d+[.,]", re.ASCII)
_BALANCE = re.compile(
    r"(?P<mark>[CD])\s?(?P<day>\d{6}|null|\s*)\s?(?P<currency>[A-Z]{3}|null|)\s?(?P<amount>[\d.,]+)\s*",
    re.ASCII,
)
_CONTROL = re.compile(r"(?P<count>\d{1,9})\s?(?P<currency>[A-Z]{3})\s?(?P<amount>[\d.,]+)\s*", re.ASCII)
_FLOOR = re.compile(r"(?P<currency>[A-Z]{3})\s?(?P<mark>[CD]?)\s?(?P<amount>[\d.,]+)\s*", re.ASCII)
_SUMMARY = re.compile(r"/SUM/(\d{1,9})/(\d{1,9})/([\d.,]+)/([\d.,]+)/?\s*", re.ASCII)
_MOMENT = re.compile(r"(\d{6})(\d\d)(\d\d)(?:([+-])(\d\d)(\d\d))?\s*", re.ASCII)
_SUFFIX = re.compile(r"(?P<rest>.*\d)/?(?P<currency>[A-Z]{3})", re.ASCII)
_BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?", re.ASCII)
_IBAN_SHAPE = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{10,30}", re.ASCII)
_TYPE = re.compile(r"[A-Z][A-Z0-9 ]{3}|[A-Z][A-Z0-9]{0,3}$", re.ASCII)
_PLACEHOLDER = re.compile(
    r"|.|0+|-+|[NX]+|NON ?REF|NO ?REF|NONE|N/A|NOT ?PROVIDED|UNKNOWN|(?:EREF|KREF|MREF|PREF|MARF|IREF|CREF|TRF)\+?",
    re.IGNORECASE,
)

# The parts of an entry in their order: what each is called when it is missing, and what it looks like.
_ENTRY_PARTS = (
    ("value", "a value date such as 260131", re.compile(r"\s*(\d{6})", re.ASCII)),
    ("entry", "an entry date such as 0131 or none", re.compile(r"(\d{4}|)\s*", re.ASCII)),
    ("mark", "a mark C, D, RC or RD", re.compile(r"(R[CD]|E[CD]|[CD])\s?", re.ASCII)),
    ("funds", "a funds letter or none", re.compile(r"([A-Z]?)\s*", re.ASCII)),
    ("amount", "an amount such as 1234,56", re.compile(r"(\d{1,3}(?: \d{3})+,\d*|\d[\d.,]*|[.,]\d+)\s?", re.ASCII)),
)


@dataclass(frozen=True, slots=True)
class Fault:
    """What was expected at which character (from 0) of the field's first line."""

    expected: str
    offset: int
    got: str = ""


@dataclass(frozen=True, slots=True)
class StatedBalance:
    """A balance as written: its sign, its day, and the currency where one is given."""

    sign: int
    on: dt.date | None
    currency: str | None
    amount: str


@dataclass(frozen=True, slots=True)
class Control:
    """A control total or a floor limit; ``count`` is 0 for a limit, ``mark`` is C, D or empty."""

    count: int
    currency: str
    amount: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """How many debits and credits a statement has, and their sums as written."""

    debits: int
    credits: int
    debited: str
    credited: str


@dataclass(frozen=True, slots=True)
class Entry:
    """
    An entry (``:61:``) as written.

    :ivar mark: C, D, RC (a credit taken back), RD (a debit taken back), EC or ED (expected); ``sign`` is its effect.
    :ivar value_on: the value day; None where it is none.
    :ivar entry_day: the day of booking (MMDD), whose year ``entry_day`` finds; empty where the entry has none.
    :ivar amount_at: where the amount begins in the field, from 0.
    :ivar doubtful: the amount has no comma where SWIFT wants one: a point may mean decimals or thousands.
    :ivar fault: why it cannot become a record although its amount is known.
    :ivar extra: what follows a customer reference that is padded to its 16 characters; some banks write a name there.
    """

    mark: str
    sign: int
    amount: str
    funds: str
    value_on: dt.date | None
    entry_day: str
    amount_at: int
    doubtful: bool
    bank_code: str | None
    customer_reference: str
    bank_reference: str
    extra: str
    fault: Fault | None

    @property
    def expected(self) -> bool:
        """Whether the bank only announces it (EC, ED): it is not booked, and no balance holds it."""
        return self.mark.startswith("E")


_Stated = TypeVar("_Stated", StatedBalance, Control)


def money_of(text: str, currency: str, sign: int = 1) -> Money:
    """
    Read an amount as banks write it: ``380115,`` ``,5`` ``0000012,50`` ``12.50`` ``1.234,56``.

    :raises BadInput: it is no amount, or no such currency.
    """
    if len(text) > _AMOUNT_LENGTH:
        message = f"expected an amount of at most {_AMOUNT_LENGTH} characters, got {len(text)}"
        raise BadInput(message)
    if _PLAIN.fullmatch(text):
        plain = text.replace(",", ".")
    else:
        grouped = _GROUPED.fullmatch(text)
        point = max(text.rfind(","), text.rfind("."))
        if grouped is None or grouped[1] == text[point]:
            message = f"expected an amount such as 1234,56, got {text[:40]!r}"
            raise BadInput(message)
        plain = text.replace(grouped[1], "").replace(",", ".")
    # A file without any currency still has an amount: it is read with two decimals, or with what it states.
    money = parse_money(plain, "EUR" if currency == NO_CURRENCY else currency)
    return Money(sign * money.minor, money.currency, money.exponent)


def day_of(text: str) -> dt.date | None:
    """
    Read YYMMDD; None: there is no such day.

    Banks that count thirty days to every month write 29 and 30 February, and real files close on 31 November: the month's
    last day. 31 February is nobody's.
    """
    year = int(text[:2])
    return _clamped(year + (1900 if year >= _CENTURY_PIVOT else 2000), int(text[2:4]), int(text[4:6]))


def _clamped(year: int, month: int, day: int) -> dt.date | None:
    if not (1 <= month <= _MONTHS and day >= 1):
        return None
    last = monthrange(year, month)[1]
    return (
        dt.date(year, month, min(day, last))
        if day <= (_DAYS_MOST if last >= _DAYS_OF_A_MONTH else _DAYS_OF_A_MONTH)
        else None
    )


def entry_day(month_day: str, value_on: dt.date, stated: Iterable[dt.date | None] = ()) -> dt.date | None:
    """
    Give an entry day (MMDD) its year: the one that brings it closest to the days of its statement.

    A value day may lie far from the day of booking (a correction of interest, a forward value): it decides only where the
    statement has no day, or is longer than a year.

    :param stated: the days of the statement's balances, or of its making; None where one is absent.
    """
    month, day = int(month_day[:2]), int(month_day[2:])
    days = [on for on in stated if on is not None] or [value_on]
    first, last = min(days), max(days)
    years = range(max(first.year - 1, dt.MINYEAR), min(last.year + 1, dt.MAXYEAR) + 1)
    found = [on for year in years if (on := _clamped(year, month, day))]
    none = dt.timedelta(0)
    return min(found, key=lambda on: (max(first - on, on - last, none), abs(on - value_on)), default=None)


def moment_of(text: str) -> dt.datetime | None:
    """Read ``:13D:`` (``2005211017+1200``) as a moment in UTC; without an offset it is taken as UTC."""
    found = _MOMENT.fullmatch(text)
    on = day_of(found[1]) if found else None
    if found is None or on is None or int(found[2]) > 23 or int(found[3]) >= _MINUTES:
        return None
    hours, minutes = int(found[5] or 0), int(found[6] or 0)
    if hours > _OFFSET_HOURS_MOST or minutes >= _MINUTES:
        return None
    offset = dt.timedelta(hours=hours, minutes=minutes)
    local = dt.datetime(on.year, on.month, on.day, int(found[2]), int(found[3]), tzinfo=dt.UTC)
    return local + offset if found[4] == "-" else local - offset


def _currency(text: str) -> str | None:
    return text if text not in ("", "null") else None


def read_balance(text: str) -> StatedBalance | Fault:
    """Read ``C170119PLN0,43``; the day or the currency may be absent (one bank writes ``null``)."""
    found = _BALANCE.fullmatch(text)
    if found is None:
        return Fault("a balance such as C260131EUR1234,56", 0)
    on = day_of(found["day"]) if found["day"].isdigit() else None
    if found["day"].isdigit() and on is None:
        return Fault("a day such as 260131", found.start("day"))
    currency = _currency(found["currency"])
    if currency and currency not in exponents():
        return Fault("an ISO 4217 currency such as EUR", found.start("currency"))
    return _checked(
        StatedBalance(1 if found["mark"] == "C" else -1, on, currency, found["amount"]), found.start("amount")
    )


def read_control(text: str, *, limit: bool = False) -> Control | Fault:
    """Read ``3PLN0,03`` (``:90D:``, ``:90C:``) or, as a limit, ``EURD0,00`` (``:34F:``)."""
    found = (_FLOOR if limit else _CONTROL).fullmatch(text)
    if found is None:
        return Fault("a limit such as EURD100,00" if limit else "a count and a sum such as 3EUR100,00", 0)
    if found["currency"] not in exponents():
        return Fault("an ISO 4217 currency such as EUR", found.start("currency"))
    control = Control(
        0 if limit else int(found["count"]), found["currency"], found["amount"], found["mark"] if limit else ""
    )
    return _checked(control, found.start("amount"))


def read_summary(text: str) -> Summary | None:
    """Read ING's ``/SUM/1/2/5,00/1,56/``; None: it is something else."""
    found = _SUMMARY.fullmatch(text)
    return None if found is None else Summary(int(found[1]), int(found[2]), found[3], found[4])


def _checked(stated: _Stated, offset: int) -> _Stated | Fault:
    """Refuse an amount that is not one, once for every field that carries one."""
    try:
        money_of(stated.amount, stated.currency or NO_CURRENCY)
    except BadInput:
        return Fault("an amount such as 1234,56", offset)
    return stated


def read_number(text: str) -> tuple[str | None, int | None]:
    """Split ``:28C:`` into the statement's number, as written, and the page: ``00004/00002`` is ``("00004", 2)``."""
    number, _, page = text.partition("/")
    page = page.strip()
    return number.strip() or None, int(page) if page.isdecimal() and len(page) <= 9 else None


def account_number(text: str, currency: str | None) -> tuple[str | None, str | None]:
    """
    Clean ``:25:``: a currency behind the number is cut off where it is the statement's; an IBAN loses its blanks, and the
    bank's code or the slash before it.

    :returns: the account as the bank names it, and the currency that stood behind it, if any.
    """
    plain = text.strip()
    packed = plain.replace(" ", "")
    found = _SUFFIX.fullmatch(packed)
    suffix = found["currency"] if found and found["currency"] in exponents() else None
    # The IBANs of Mauritius and the Seychelles end in a currency of their own.
    if found and suffix and currency in (None, suffix) and not iban.is_valid(packed):
        packed, plain = found["rest"], plain[: -len(suffix)].rstrip("/ ")
    bank, slash, behind = packed.rpartition("/")
    if slash and (not bank or _BIC.fullmatch(bank)) and iban.is_valid(behind):
        packed = behind
    return (packed if _IBAN_SHAPE.fullmatch(packed) else plain) or None, suffix


def is_placeholder(reference: str) -> bool:
    """Whether a reference says nothing: blank, zeros, NONREF, NOTPROVIDED, or a pointer such as KREF+."""
    return _PLACEHOLDER.fullmatch(reference.strip()) is not None


def read_entry(text: str) -> Entry | Fault:
    """
    Read the first line of ``:61:``.

    A fault means that not even mark and amount are known. A date that is none leaves an entry with a ``fault``.
    """
    offset, found, starts = 0, {}, {}
    for name, expected, pattern in _ENTRY_PARTS:
        part = pattern.match(text, offset)
        if part is None:
            return Fault(expected, offset)
        found[name], starts[name], offset = part[1], part.start(1), part.end()
    try:
        amount = found["amount"].replace(" ", "")
        money_of(amount, NO_CURRENCY)
    except BadInput:
        return Fault("an amount such as 1234,56", starts["amount"])
    value_on, month_day, fault = _days(found["value"], found["entry"], starts)
    code, customer, bank, extra = _references(text[offset:])
    return Entry(
        mark=found["mark"],
        sign=1 if found["mark"] in ("C", "RD", "EC") else -1,
        amount=amount,
        funds=found["funds"],
        value_on=value_on,
        entry_day=month_day,
        amount_at=starts["amount"],
        doubtful=" " in found["amount"] or ("." in amount and "," not in amount),
        bank_code=code,
        customer_reference=customer,
        bank_reference=bank,
        extra=extra,
        fault=fault,
    )


def _days(value: str, entry: str, starts: dict[str, int]) -> tuple[dt.date | None, str, Fault | None]:
    """Read the value date, and the entry date as far as it says itself; one of zeros is absent."""
    value_on = day_of(value)
    if value_on is None:
        return None, "", Fault("a value date such as 260131", starts["value"], value)
    if not entry.strip("0"):
        return value_on, "", None
    if entry_day(entry, value_on) is None:
        return value_on, "", Fault("an entry date such as 0131", starts["entry"], entry)
    return value_on, entry, None


def _references(rest: str) -> tuple[str | None, str, str, str]:
    """Split what follows the amount into transaction type, customer reference, bank reference and what is left."""
    found = _TYPE.match(rest)
    code = found[0].strip() if found else None
    customer, slashes, bank = rest[found.end() if found else 0 :].partition("//")
    extra = ""
    if not slashes and customer[_REFERENCE_LENGTH - 1 : _REFERENCE_LENGTH] == " ":
        customer, extra = customer[:_REFERENCE_LENGTH], customer[_REFERENCE_LENGTH:].strip()
    return code, customer.strip(), bank.strip(), extra
