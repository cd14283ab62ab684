"""
Statements and balances: what the outside says an account held, so that a proof never checks itself.
"""

import datetime as dt
from dataclasses import dataclass

from tieout.model.money import Money

__all__ = ["BALANCE_KINDS", "Balance", "MessagePage", "Statement", "StatementPage", "should_close", "without_closing"]

#: What a balance measures. opening and closing are booked; interim ones stand on a page in the middle.
BALANCE_KINDS = (
    "opening",
    "closing",
    "interim_opening",
    "interim_closing",
    "available",
    "forward_available",
    "pending",
    "reserved",
    "ledger",
    "information",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """
    What the outside says an account held at the end (for an opening: at the start) of a day.

    :ivar line: the line in the file.
    :ivar kind: one of :data:`BALANCE_KINDS`.
    :ivar amount: signed: a debit balance is negative.
    :ivar on: the day; None where the source gives none.
    :ivar at: the moment in that day, UTC, of which it is told; None: it is that of the day's end (or start).
    :ivar code: the source's own word for it (``OPBD``, ``:62F:``).
    """

    line: int
    kind: str
    amount: Money
    account_number: str | None = None
    sub_account: str | None = None
    on: dt.date | None = None
    at: dt.datetime | None = None
    code: str | None = None
    statement_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementPage:
    """
    One page of a statement: where it stands in the file, and what it hands to the next.

    :ivar place: its place among the statements and pages of the file, from 1.
    :ivar number: the page's number; None where the source counts no pages.
    :ivar opening, closing: the balances at its ends, interim ones included.
    :ivar credits, debits: sums of its booked entries, minor units at the statement's ``exponent``.
    """

    line: int
    place: int
    number: int | None
    opening: Money | None
    closing: Money | None
    credits: int
    debits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePage:
    """
    Which page of a message a statement stands on, where a bank cuts a message of whole statements into several.

    :ivar message_id: the bank's name for the message, the same on all its pages.
    :ivar number: from 1; ``last``: whether no other page follows.
    """

    message_id: str
    number: int
    last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """
    One statement of one account and currency: what it covers, and whether it closes.

    Pages of one statement in one file are one statement; pages that come as files of their own are told by ``pages``,
    ``begins`` and ``ends``. ``closes`` is whether opening + credits - debits (booked entries in
    the statement's currency only) equals closing; None where either balance is absent.

    :ivar line: the line in the file where it starts.
    :ivar place: its place among the statements and pages of the file, from 1; that of its first page.
    :ivar statement_id: the source's own name for it, as written.
    :ivar number: its running number (``ElctrncSeqNb``, ``LglSeqNb``, ``:28C:``) without page, as written.
    :ivar pages: the pages that stand here; none where the source counts none.
    :ivar begins: whether its first page stands here; ``ends``: its last one.
    :ivar message: the page of the message that it stands on; None where the message has no others.
    :ivar final: True for a statement of booked entries (camt.053, MT940); False for an intraday report or an advice.
    :ivar from_on: first day covered, where stated or implied by the balances; to_on: the last one.
    :ivar whole_from: the first day of which it says that it holds everything; None where only the balance that it opens
        with has a day: on that day entries may have been booked before it.
    :ivar created_at: when the source made it, UTC (a local time without zone is taken as UTC).
    :ivar entries: top-level entries of any status.
    :ivar credits, debits: sums of booked entries in the statement's currency, both positive, minor units at
        ``exponent``.
    """

    line: int
    place: int
    account_number: str | None
    currency: str | None
    final: bool
    statement_id: str | None = None
    number: str | None = None
    servicer: str | None = None
    sub_account: str | None = None
    from_on: dt.date | None = None
    whole_from: dt.date | None = None
    to_on: dt.date | None = None
    created_at: dt.datetime | None = None
    opening: Money | None = None
    closing: Money | None = None
    entries: int = 0
    credits: int = 0
    debits: int = 0
    exponent: int = 2
    closes: bool | None = None
    pages: tuple[StatementPage, ...] = ()
    begins: bool = True
    ends: bool = True
    message: MessagePage | None = None


def should_close(*, final: bool, ends: bool, opens: bool, structured: bool) -> bool:
    """
    Whether a statement, or its last page, should state the balance that it closes with.

    SWIFT's statements of booked entries always close; ISO 20022 lets one go without balances, but not with only the one it
    opens with. Reports and advices state what they like.

    :param opens: whether it states the balance that it opens with.
    :param structured: whether it is ISO 20022's.
    """
    return final and ends and (opens or not structured)


def without_closing(name: str, account: str) -> str:
    """Say of a statement that should close that it does not."""
    return (
        f"expected a closing balance of {name} of {account}, got none: its last entries may be missing; bring the whole"
        " file, or the next statement, which opens with it"
    )
