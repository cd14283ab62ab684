"""
A statement grows page by page: its header, its balances, its sums, and whether all of them agree.

A message (``:20:``) is a page; pages of one statement (``:60M:``, ``:62M:``) become one statement, and what one page
hands to the next is checked, never added twice.

A balance report (MT941) has no entries: how many there were, and their sums, stand in ``:90D:`` and ``:90C:``. It tells
balances, and is no statement of what was booked: that no entry stands in it says nothing of its day.
"""

import datetime as dt
from dataclasses import dataclass, field, replace

from tieout.formats.swift.fields import BALANCE_KINDS, NO_CURRENCY, Control, Summary, money_of
from tieout.formats.swift.totals import Sums, control_problems
from tieout.model.money import EXPONENT_MAX, Money, exponent_of, format_minor
from tieout.model.problems import Problem
from tieout.model.statements import Balance, Statement, StatementPage

__all__ = [
    "Page",
    "balance_kind",
    "balance_problems",
    "closes",
    "continues",
    "is_final",
    "page_problems",
    "proves",
    "statement_of",
]


@dataclass(slots=True)
class Page:
    """
    One message while it is read.

    :ivar place: its place among the messages of the file, from 1.
    :ivar opening, closing: the balances that stand at its ends, final or interim.
    :ivar goes_on: its closing balance says that another page follows; ``continued``: its opening one says that it is one.
    :ivar run: the pages that its statement consists of, where it is the first of them; each with its own sums.
    :ivar sums: its entries that a balance holds; ``expected``: those that the bank only announces (EC, ED).
    :ivar marks: all of them by D and C, to be held against ``controls`` and ``limits``.
    :ivar unsure: the sides (D, C) with entries of which banks differ in whether they count them there.
    :ivar charged: a debit of it names charges, which may be in their control total and not among the entries.
    :ivar summary: what ``/SUM/`` behind its closing balance says, with its line.
    :ivar unreadable: how many entries were set aside: then nothing proves that it closes.
    :ivar reported: that it does not close, or begins elsewhere than its predecessor ended, has been said.
    :ivar made_on: the day of its making, where the bank stands.
    :ivar has_entries: a :61: stands in it, read or not.
    :ivar balances_only: its block says that it is a balance report.
    :ivar blocks: it stands in SWIFT blocks, so that its end must be marked.
    """

    line: int
    place: int
    message_type: str
    servicer: str | None = None
    blocks: bool = False
    statement_id: str | None = None
    account: str | None = None
    raw_account: str | None = None
    number: str | None = None
    page: int | None = None
    currency: str | None = None
    created_at: dt.datetime | None = None
    opening: Money | None = None
    opening_on: dt.date | None = None
    opening_line: int = 0
    continued: bool = False
    closing: Money | None = None
    closing_on: dt.date | None = None
    closing_line: int = 0
    goes_on: bool = False
    ended: bool = False
    final: bool = True
    sums: Sums = field(default_factory=Sums)
    expected: Sums = field(default_factory=Sums)
    marks: dict[str, Sums] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    controls: dict[str, tuple[int, int, Control]] = field(default_factory=dict)
    summary: tuple[int, Summary] | None = None
    charged: bool = False
    unsure: set[str] = field(default_factory=set)
    unreadable: int = 0
    reported: bool = False
    made_on: dt.date | None = None
    balances_only: bool = False
    has_entries: bool = False
    run: list[tuple["Page", Sums]] = field(default_factory=list)

    @property
    def days(self) -> tuple[dt.date | None, ...]:
        """The days that it states: of its balances, else of its making."""
        balances = self.opening_on, self.closing_on
        return balances if any(balances) else (self.created_at.date() if self.created_at else None,)

    @property
    def entries(self) -> int:
        """How many entries it has, booked or not."""
        return self.sums.count + self.expected.count

    @property
    def reports(self) -> bool:
        """Whether it reports balances without entries: its block says so, or totals of entries that are not there."""
        counted = any(control.count for _, _, control in self.controls.values())
        begins = self.opening is not None and not self.continued
        return not self.has_entries and (self.balances_only or (not self.message_type and counted and begins))

    def take_balance(self, tag: str, balance: Balance) -> str | None:
        """Put an opening or closing balance at its end; say what contradicts the one that is there."""
        if tag[:2] == "60":
            self.opening, self.opening_on, self.opening_line = balance.amount, balance.on, balance.line
            self.continued = tag == "60M"
        elif tag[:2] == "62":
            if self.closing is not None and self.closing != balance.amount:
                return f"expected one closing balance, got {balance.amount} after {self.closing}"
            self.closing, self.closing_on, self.closing_line = balance.amount, balance.on, balance.line
            self.goes_on = tag == "62M"
        return None

    def take_header(self, page: "Page") -> None:
        """Be of the same account and number as a page before."""
        self.account, self.raw_account, self.number = page.account, page.raw_account, page.number

    def count_reported(self) -> None:
        """Take what a balance report counts for what was booked."""
        if self.reports:
            stated = {mark: minor for mark, (_, minor, _) in self.controls.items()}
            self.sums.credits, self.sums.debits = stated.get("C", 0), stated.get("D", 0)
            scale = [money_of(c.amount, c.currency).exponent for _, _, c in self.controls.values()]
            self.sums.exponent = max(scale, default=0)

    def begin_run(self) -> None:
        """Be the first page of a statement."""
        self.run = [(self, replace(self.sums))]

    def follow_with(self, page: "Page") -> None:
        """Let another page of the same statement follow."""
        self.run.append((page, page.sums))
        self.sums.include(page.sums)
        self.expected.include(page.expected)
        self.reported |= page.reported
        self.unreadable += page.unreadable


def continues(page: Page, following: Page) -> bool:
    """Whether a message is the next page of the statement that the one before it began."""
    if (page.account, page.number) != (following.account, following.number) or page.final != following.final:
        return False
    if page.goes_on and (following.continued or following.opening is None):
        return True
    next_page = page.page is not None and following.page == page.page + 1
    unfinished = page.closing is None and following.opening is None and not page.controls
    return next_page and unfinished


def is_final(page: Page, format_id: str) -> bool:
    """Whether a page books: an intraday report says so in its block, or has no balances but limits or control totals."""
    if page.reports:
        return False
    if page.message_type:
        return page.message_type == "mt940"
    intraday = format_id == "mt942" or bool(page.limits or page.controls or page.created_at)
    return not (intraday and page.opening is None and page.closing is None)


def balance_kind(page: Page, tag: str, on: dt.date | None) -> str:
    """What a balance measures: in a report that was made on the very day, the end of that day need not have come."""
    kind = BALANCE_KINDS[tag]
    during = kind == "closing" and page.reports and page.made_on is not None and page.made_on == on
    return "interim_closing" if during else kind


def closes(page: Page) -> bool | None:
    """
    Whether opening and entries give the closing balance.

    None where one of them is absent, cannot be read, or is in another currency.
    """
    expected = _expected(page)
    return None if expected is None or page.closing is None or page.unreadable else expected == _nine(page.closing)


def _nine(money: Money) -> int:
    return money.scaled(EXPONENT_MAX)


def _expected(page: Page) -> int | None:
    if page.opening is None or page.closing is None or not (page.final or page.reports):
        return None
    if page.opening.currency != page.closing.currency:
        return None
    expected = _nine(page.opening) + page.sums.credits - page.sums.debits
    # A report may leave a total out.
    told = not page.reports or len(page.controls) == len("DC") or expected == _nine(page.closing)
    return expected if told else None


def proves(page: Page, entries: list[Money]) -> bool:
    """
    Whether the figures of a page prove that further entries are read rightly.

    :param entries: the entries that were not added to its sums yet, with their signs.
    """
    trial, sides = replace(page.sums), {mark: replace(sums) for mark, sums in page.marks.items()}
    for amount in entries:
        trial.add(amount)
        sides.setdefault("C" if amount.minor >= 0 else "D", Sums()).add(amount)
    whole = replace(page, sums=trial)
    if page.final:
        return page.unreadable == 0 and closes(whole) is True
    controls = {mark: (minor, control.count) for mark, (_, minor, control) in page.controls.items()}
    listed = {mark: (sums.credits + sums.debits, sums.count) for mark, sums in sides.items() if sums.count}
    return all(controls.get(mark) == figures for mark, figures in listed.items())


def page_problems(page: Page, previous: Page | None, *, cut: bool) -> list[Problem]:
    """
    Find what contradicts itself within a page, or between it and the page that it continues.

    :param cut: the file ends within a line of this page.
    """
    problems = [*_handed_on(page, previous), *balance_problems(page), *control_problems(page), *_cut_off(page, cut=cut)]
    if page.unreadable and page.final and page.opening is not None and page.closing is not None:
        message = (
            f"expected every entry of statement {page.number or page.statement_id} to prove that it closes, got"
            f" {page.unreadable} unreadable"
        )
        problems.append(Problem(message=message, line=page.line, column=1, reason="incomplete"))
    page.reported = any(p.reason == "balance_difference" for p in problems)
    return problems


def _handed_on(page: Page, previous: Page | None) -> list[Problem]:
    before, after = (previous.closing if previous else None), page.opening
    if before is None or after is None or before == after:
        return []
    message = (
        f"expected the page to begin with {before}, with which page {previous.page if previous else None}"
        f" of statement {page.number} ended, got {after}"
    )
    return [Problem(message=message, line=page.opening_line, column=1, reason="balance_difference")]


def balance_problems(page: Page) -> list[Problem]:
    """Say all figures of a page, or of a statement, that does not close."""
    expected = _expected(page)
    if expected is None or page.opening is None or page.closing is None or expected == _nine(page.closing):
        return []
    exponent = max(page.sums.exponent, page.opening.exponent, page.closing.exponent)

    def written(nine: int) -> str:
        return format_minor(nine // 10 ** (EXPONENT_MAX - exponent), exponent)

    message = (
        f"expected a closing balance of {written(expected)} {page.closing.currency}"
        f" (opening {page.opening} + credits {written(page.sums.credits)} - debits {written(page.sums.debits)}),"
        f" got {page.closing}, a difference of {written(_nine(page.closing) - expected)}{_left_out(page)}"
    )
    return [Problem(message=message, line=page.closing_line, column=1, reason="balance_difference")]


def _left_out(page: Page) -> str:
    """Say that entries are not in the sum because they are only expected: some banks put them into the balance."""
    if not page.expected.count:
        return ""
    return f"; {page.expected.count} expected (EC, ED) left out, as they are not booked: ask the bank if they are"


def _cut_off(page: Page, *, cut: bool) -> list[Problem]:
    """An end mark or a closing balance may be missing; both, in blocks or after a line that stops, is a file cut off."""
    unfinished = page.closing is None and not page.ended and not page.controls
    begun = page.blocks or (cut and page.opening is not None)
    if not (unfinished and begun):
        return []
    wanted = "a closing balance (:62F:)" if page.final else "control totals (:90D:, :90C:)"
    message = f"expected {wanted} or an end mark of the message {page.statement_id or ''}, got the end of what is there"
    # Whether a statement of booked entries is whole is known to its account (intake.chains), where the whole one may come.
    reason = "unfinished" if page.final else "incomplete"
    return [Problem(message=message, line=page.line, column=1, reason=reason)]


def statement_of(pages: Page, last: Page) -> Statement:
    """
    Make the statement of one or more pages.

    :param pages: the first page, its sums including those of all.
    :param last: the last page.
    """
    sums = pages.sums
    own = exponent_of(pages.currency) if pages.currency and pages.currency != NO_CURRENCY else 2
    sums.exponent = max(sums.exponent, own)
    run = _run(pages, sums)
    begins = pages.page == 1 or not pages.continued
    pages.closing, pages.closing_on, pages.closing_line = last.closing, last.closing_on, last.closing_line
    return Statement(
        line=pages.line,
        place=pages.place,
        account_number=pages.account,
        currency=None if pages.currency == NO_CURRENCY else pages.currency,
        final=pages.final,
        statement_id=pages.statement_id,
        number=pages.number,
        servicer=pages.servicer,
        from_on=pages.opening_on,
        to_on=last.closing_on,
        created_at=last.created_at or pages.created_at,
        opening=pages.opening,
        closing=last.closing,
        entries=pages.entries,
        credits=sums.minor(sums.credits),
        debits=sums.minor(sums.debits),
        exponent=sums.exponent,
        closes=closes(pages),
        pages=run,
        begins=begins,
        ends=not last.goes_on,
    )


def _run(first: Page, sums: Sums) -> tuple[StatementPage, ...]:
    """List the pages of a statement, where it says that there are any."""
    if len(first.run) == 1 and first.page is None and not (first.continued or first.goes_on):
        return ()
    return tuple(
        StatementPage(
            line=page.line,
            place=page.place,
            number=number,
            opening=page.opening,
            closing=page.closing,
            credits=sums.minor(own.credits),
            debits=sums.minor(own.debits),
        )
        for (page, own), number in zip(first.run, _numbers(first), strict=True)
    )


def _numbers(first: Page) -> list[int | None]:
    """
    Number the pages of a statement as they are told.

    Banks give none, or one and the same to all. Where the whole statement stands here, and each page opens with what the
    one before it closed with, and none comes back to a balance that was there, no page stands twice, and they are counted.
    """
    told = [page.page for page, _ in first.run]
    counted = [number for number in told if number is not None]
    if len(told) == 1 or (len(counted) == len(told) and counted == sorted(set(counted))):
        return told
    if first.continued or first.run[-1][0].goes_on:
        return told
    balances = [first.opening]
    for page, own in first.run:
        if page.closing is None or page.opening != balances[-1]:
            return told
        if page.closing in balances and own.count:
            return told
        balances.append(page.closing)
    return list(range(1, len(told) + 1))
