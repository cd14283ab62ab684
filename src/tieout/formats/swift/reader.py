"""
Takes the fields of SWIFT statement messages one by one and gives records, statements and balances back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.errors import BadInput
from tieout.formats.swift.blocks import MESSAGE_FORMATS, Envelope
from tieout.formats.swift.fields import (
    BALANCE_KINDS,
    NO_CURRENCY,
    Fault,
    account_number,
    day_of,
    moment_of,
    money_of,
    read_balance,
    read_control,
    read_entry,
    read_number,
    read_summary,
)
from tieout.formats.swift.gathered import Gathered
from tieout.formats.swift.held import Held
from tieout.formats.swift.lines import FIELD_CHARACTERS_MAX, Field, Unreadable
from tieout.formats.swift.records import Pending, money_of_entry, names_charges, record_of
from tieout.formats.swift.statement import (
    Page,
    balance_kind,
    balance_problems,
    continues,
    is_final,
    page_problems,
    statement_of,
)
from tieout.formats.swift.totals import Sums, summary_problems
from tieout.model.money import EXPONENT_MAX
from tieout.model.statements import Balance

if TYPE_CHECKING:
    from collections.abc import Callable

    from tieout.formats.reading import ReadOptions

__all__ = ["Reader"]

_TEXTS = frozenset({"86", "NS", "64", "65", "64F", "65F"})
# A confirmation (MT900) has an account as well, a request for transfer (MT101) a number: these are a statement's alone.
_STATEMENT_ONLY = frozenset({*BALANCE_KINDS, "61", "86", "NS", "34F", "90C", "90D"})
# Reversals and expected entries: banks differ in whether :90C: and :90D: count them, and where.
_UNSURE = {"RC": "CD", "RD": "CD", "EC": "C", "ED": "D"}
_QUOTE = 60


class Reader:
    """Takes fields in order and keeps what is not yet given away."""

    def __init__(self, format_id: str, options: ReadOptions) -> None:
        """Begin before the first field."""
        self.format_id, self.options = format_id, options
        self.gathered = Gathered(format_id, options.batch_rows)
        #: Whether any field of a statement has been seen.
        self.recognised = False
        self._envelope = Envelope()
        self._page: Page | None = None
        self._pages_begun = 0
        self._pending: Pending | None = None
        # Entries that wait for the page's currency, its days and its balances.
        self._held = Held()
        # The statement of which the last page may not have come yet: its first page and its latest.
        self._open: tuple[Page, Page] | None = None
        self._last_tag = ""
        # How many messages have had their closing balance.
        self._complete = 0
        self._marks: dict[str, Callable[[Field], None]] = {
            "{": self._block,
            "-": self._trailer,
            "bic": self._bank,
            "end": self._end,
            "other": self.gathered.find_other,
            # Some banks' files begin with it.
            "940": lambda _field: None,
        }
        self._fields: dict[str, Callable[[Field, Page], None]] = {
            "20": self._reference,
            **dict.fromkeys(("25", "25P"), self._account),
            **dict.fromkeys(("28", "28C", "28D"), self._number),
            **dict.fromkeys(("13", "13D"), self._moment),
            "34F": self._limit,
            **dict.fromkeys(("90C", "90D"), self._control),
            "61": self._entry,
            **dict.fromkeys(BALANCE_KINDS, self._balance),
        }

    def take(self, field: Field) -> None:
        """Take the next field or mark."""
        if field.tag in self._marks:
            self._marks[field.tag](field)
            return
        self._last_tag = field.tag
        self.recognised |= field.tag in _STATEMENT_ONLY
        page = self._page_for(field)
        if field.tag in {"86", "NS"}:
            self._inform(field, page)
        elif self._pending and field.tag in {"25", "25P", "28", "28C", "21"}:
            self._stray(field, page)
        else:
            self._end_entry()
            if field.tag in self._fields:
                self._fields[field.tag](field, page)
            else:  # a related reference (:21:) says nothing about money
                self.gathered.pass_by(field)

    # Marks between messages.

    def _block(self, field: Field) -> None:
        if self._page:
            self._end_page(cut=False)
        self._envelope.add(field.lines[0])

    def _trailer(self, _field: Field) -> None:
        if self._page:
            self._page.ended = True

    def _bank(self, field: Field) -> None:
        if self._page is None or self._page.ended or self._page.closing:
            self._envelope.servicer = self._envelope.servicer or field.text

    def _end(self, field: Field) -> None:
        if self._page:
            # Some banks end a file without a line end behind the last text; nothing else may just stop. A message
            # without its end behind messages that have theirs is cut off as well.
            stops = field.text == "tag" or (field.text == "line" and self._last_tag not in _TEXTS)
            if self._pending and field.text == "line" and self._last_tag == "61" and not self._page.ended:
                self._leave(self._pending, self._page)
            self._end_page(cut=stops or self._complete > 0)
        self._end_statement()

    # Pages.

    def _page_for(self, field: Field) -> Page:
        """Begin a page where the field begins a message, with or without ``:20:``."""
        page = self._page
        closed = page is not None and (page.ended or page.closing is not None)
        again = page is not None and page.opening is not None and field.tag[:2] == "60"
        begins = field.tag == "20" or again or (closed and field.tag in {"25", "25P", "28", "28C", "60F", "60M"})
        if page is None or (begins and page.line != field.line):
            if page:
                self._end_page(cut=False)
            envelope, self._envelope = self._envelope, Envelope()
            kind = envelope.message_type
            self._pages_begun += 1
            self._page = Page(
                field.line, self._pages_begun, MESSAGE_FORMATS.get(kind, ""), envelope.servicer, envelope.blocks
            )
            self._page.balances_only = kind == "941"
            if again and page:
                self._page.take_header(page)
            if kind and kind not in MESSAGE_FORMATS:
                message = f"expected a statement message (940, 941, 942, 950), got a message of type {kind}"
                self.gathered.find(message, field.line, 1)
            return self._page
        return page

    def _end_page(self, *, cut: bool) -> None:
        """Complete a page, then continue the open statement with it or begin another."""
        self._end_entry()
        page = self._page
        assert page is not None  # noqa: S101 - callers look first
        self._page = None
        self._complete += page.closing is not None
        page.final = is_final(page, self.format_id)
        self._release(page, whole=True)
        page.count_reported()
        self._name_account(page)
        first, last = self._open or (None, None)
        follows = last is not None and continues(last, page)
        self.gathered.problems += page_problems(page, last if follows else None, cut=cut)
        if first and follows:
            first.follow_with(page)
            self._open = first, page
            return
        self._end_statement()
        page.begin_run()
        self._open = page, page

    def _end_statement(self) -> None:
        if self._open is None:
            return
        first, last = self._open
        self._open = None
        if first.statement_id or first.account or first.opening or first.closing or first.entries:
            self.gathered.statements.append(statement_of(first, last))
        self.gathered.problems += summary_problems([page for page, _ in first.run])
        if not first.reported:
            self.gathered.problems += balance_problems(first)

    def _name_account(self, page: Page) -> None:
        if page.raw_account is not None:
            page.account, _ = account_number(page.raw_account, page.currency)

    # Fields of the header.

    def _reference(self, field: Field, page: Page) -> None:
        page.statement_id = field.text or None

    def _account(self, field: Field, page: Page) -> None:
        if page.raw_account is None:
            page.raw_account = field.text
            self._name_account(page)
        if len(field.lines) > 1 and field.tag == "25P":
            page.servicer = field.lines[1].strip() or page.servicer

    def _number(self, field: Field, page: Page) -> None:
        page.number, page.page = read_number(field.text)

    def _moment(self, field: Field, page: Page) -> None:
        page.created_at = moment_of(field.text)
        page.made_on = None if page.created_at is None else day_of(field.text[:6])
        if page.created_at is None:
            self._fault(field, Fault("a date and time such as 2601311730+0100", 0))

    def _limit(self, field: Field, page: Page) -> None:
        limit = read_control(field.text, limit=True)
        if isinstance(limit, Fault):
            self._fault(field, limit)
            return
        self._set_currency(page, limit.currency, field)
        page.limits[limit.mark] = money_of(limit.amount, limit.currency).minor

    def _control(self, field: Field, page: Page) -> None:
        control = read_control(field.text)
        if isinstance(control, Fault):
            self._fault(field, control)
            return
        self._set_currency(page, control.currency, field)
        nine = money_of(control.amount, control.currency).scaled(EXPONENT_MAX)
        page.controls[field.tag[2]] = field.line, nine, control

    # Balances.

    def _balance(self, field: Field, page: Page) -> None:
        stated = read_balance(field.text)
        if isinstance(stated, Fault):
            self._fault(field, stated)
            return
        self._set_currency(page, stated.currency, field)
        currency = stated.currency or page.currency or self.options.currency
        if currency is None or currency == NO_CURRENCY:
            return
        money = money_of(stated.amount, currency, stated.sign)
        balance = Balance(
            line=field.line,
            kind=balance_kind(page, field.tag, stated.on),
            amount=money,
            account_number=page.account,
            on=stated.on,
            code=f":{field.tag}:",
            statement_id=page.statement_id,
        )
        self.gathered.balances.append(balance)
        contradiction = page.take_balance(field.tag, balance)
        if contradiction:
            self.gathered.find(contradiction, field.line, field.column, "conflict")

    def _set_currency(self, page: Page, currency: str | None, field: Field) -> None:
        """The first currency stated is the statement's; another one contradicts it."""
        if currency is None:
            return
        if page.currency is None:
            page.currency = currency
            self._name_account(page)
        elif page.currency != currency:
            message = f"expected {page.currency}, the currency of the statement, in :{field.tag}:, got {currency}"
            self.gathered.find(message, field.line, field.column, "currency_mismatch")

    # Entries.

    def _entry(self, field: Field, page: Page) -> None:
        page.has_entries, text = True, field.lines[0].rstrip()
        entry = read_entry(text)
        if isinstance(entry, Fault):
            got = text[entry.offset :][:_QUOTE]
            message = f"expected {entry.expected} in :61:, got {got!r}"
            self.gathered.quarantine(message, field.line, field.column + entry.offset)
            page.unreadable += 1
            return
        self._pending = Pending(entry, field.line, field.column, field.lines[1:])

    def _inform(self, field: Field, page: Page) -> None:
        """Information behind an entry is the entry's; behind a balance it is the statement's: only its totals matter."""
        if self._pending is None:
            self.gathered.pass_by(field)
            summary = read_summary(field.text)
            if summary and page.closing is not None:
                page.summary = field.line, summary
            return
        self._pending.characters += sum(map(len, field.lines)) + 1
        if self._pending.characters > FIELD_CHARACTERS_MAX:
            message = f"expected at most {FIELD_CHARACTERS_MAX} characters about an entry, got more"
            raise Unreadable(message, field.line)
        if field.tag == "86":
            self._pending.information.append(field.lines)
        else:
            self._pending.non_swift += field.lines

    def _stray(self, field: Field, page: Page) -> None:
        """Keep a header field among the entries with the entry it follows; another account is a contradiction."""
        assert self._pending is not None  # noqa: S101 - the caller looks first
        self._pending.strays[field.tag] = "\n".join(field.lines)
        if field.tag.startswith("25") and field.text != page.raw_account:
            message = (
                f"expected one account in a message, {page.raw_account!r}, got {field.text[:_QUOTE]!r}"
                f" after the entry of line {self._pending.line}"
            )
            self.gathered.find(message, field.line, field.column, "conflict")

    def _end_entry(self) -> None:
        """An entry is complete when the next field is not its own; it waits for its page's end, as memory allows."""
        if self._pending is None:
            return
        self._held.add(self._pending)
        self._pending = None
        assert self._page is not None  # noqa: S101 - an entry stands in a page
        if self._held.full(self.options.batch_rows - len(self.gathered.records)):
            self._release(self._page, whole=False)

    def _leave(self, pending: Pending, page: Page) -> None:
        """Quarantine an entry that the file stops in: the digits that are there may be the first of more."""
        message = f"expected the whole of :61: and the end of its line, got the end of the file after {pending.entry.amount!r}"
        self.gathered.quarantine(message, pending.line, pending.column + pending.entry.amount_at)
        page.unreadable += 1
        self._pending = None

    def _release(self, page: Page, *, whole: bool) -> None:
        """
        Turn the entries that wait into records.

        :param whole: the page is complete, so that its figures must prove what no comma says.
        """
        if not self._held.entries:
            return
        if page.currency is None:
            page.currency = self._fallback_currency(page)
            self._name_account(page)
        page.final = is_final(page, self.format_id)
        (entries, aside), self._held = self._held.settled(page, page.currency, whole=whole), Held()
        for pending in aside:
            self._set_aside(pending, page)
        for pending in entries:
            self._record(pending, page, page.currency)

    def _set_aside(self, pending: Pending, page: Page) -> None:
        """Quarantine an entry whose amount nothing proves."""
        expected = (
            "expected an amount with a comma such as 1234,56 in :61:, or a balance or control total that proves it"
        )
        message = f"{expected}, got {pending.entry.amount!r}"
        self.gathered.quarantine(message, pending.line, pending.column + pending.entry.amount_at)
        page.unreadable += 1

    def _fallback_currency(self, page: Page) -> str:
        """Where no balance says a currency: the open statement of the account, the account's suffix, the workspace."""
        if self._open and self._open[1].currency and self._open[1].account == page.account:
            return self._open[1].currency
        _, suffix = account_number(page.raw_account or "", None)
        return suffix or self.options.currency or NO_CURRENCY

    def _record(self, pending: Pending, page: Page, currency: str) -> None:
        entry = pending.entry
        try:
            amount = money_of_entry(entry, currency)
        except BadInput as fault:
            self.gathered.quarantine(f"{fault} in :61:", pending.line, pending.column)
            page.unreadable += 1
            return
        (page.expected if entry.expected else page.sums).add(amount)
        page.marks.setdefault("C" if entry.sign > 0 else "D", Sums()).add(amount)
        page.charged |= entry.sign < 0 and names_charges(pending)
        page.unsure.update(_UNSURE.get(entry.mark, ()))
        self.gathered.count(amount, currency)
        if entry.fault:
            expected, offset = entry.fault.expected, pending.column + entry.fault.offset
            message = f"expected {expected} in :61:, got {entry.fault.got!r}"
            self.gathered.quarantine(message, pending.line, offset)
            page.unreadable += 1
            return
        status = "booked" if page.final else "provisional"
        self.gathered.keep(record_of(pending, amount, currency, page, status))

    def _fault(self, field: Field, fault: Fault) -> None:
        """Report a field, other than an entry, that cannot be read."""
        blanks = len(field.lines[0]) - len(field.lines[0].lstrip())
        message = f"expected {fault.expected} in :{field.tag}:, got {field.text[fault.offset :][:_QUOTE]!r}"
        self.gathered.find(message, field.line, field.column + blanks + fault.offset)
