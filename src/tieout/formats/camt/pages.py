"""Statements that a bank cuts into pages (``StmtPgntn``, ``MsgPgntn``), in one file or in several."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tieout.model.money import EXPONENT_MAX, format_minor
from tieout.model.problems import Problem
from tieout.model.statements import MessagePage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tieout.model.money import Money
    from tieout.model.statements import Statement

__all__ = ["Page", "Pages", "message_page"]

_YES = {"TRUE", "1", "YES"}


@dataclass(frozen=True, slots=True)
class Page:
    """
    Which page of a statement this is.

    :ivar number: from 1.
    """

    number: int = 1
    last: bool = True

    @property
    def is_whole(self) -> bool:
        """Whether the statement has no other page."""
        return self.last and self.number == 1

    @classmethod
    def read(cls, said: Iterable[Mapping[str, str]]) -> Page:
        """Read what the message and the statement say of their pages; what is none is page 1 of 1."""
        number, last = 1, True
        for page in said:
            written = page.get("PgNb") or "1"
            number = max(number, int(written) if written.isdecimal() and len(written) < 6 else 2)
            last = last and (page.get("LastPgInd") or "true").upper() in _YES
        return cls(number, last)


def message_page(said: Mapping[str, str]) -> MessagePage | None:
    """Read which page of a message this is, with ``MsgId`` among what is said; None where the message has no others."""
    page, message_id = Page.read([said]), said.get("MsgId")
    return (
        None
        if page.is_whole or not message_id
        else MessagePage(message_id=message_id, number=page.number, last=page.last)
    )


@dataclass(slots=True)
class Pages:
    """
    Sums the pages of one file that each state the balances of the whole statement.

    Such a page does not close alone; all of them together must. Pages that came in other files are not known here, and
    then nothing is claimed.
    """

    _sums: dict[tuple[object, ...], tuple[int, int]] = field(default_factory=dict)

    def add(self, statement: Statement, page: Page, name: str | None) -> Iterable[Problem]:
        """Take one statement; say what is wrong if it is the last page of a whole that does not close."""
        opening, closing = statement.opening, statement.closing
        if page.is_whole or opening is None or closing is None or opening.currency != closing.currency:
            return
        key = (statement.account_number, name, statement.number, opening, closing)
        count, net = self._sums.get(key, (0, _scaled(opening)))
        count, net = count + 1, net + (statement.credits - statement.debits) * 10 ** (EXPONENT_MAX - statement.exponent)
        self._sums[key] = count, net
        if page.last and count == page.number and statement.closes is None and net != _scaled(closing):
            message = (
                f"expected the {count} pages of statement {name or 'without Id'} to close: {opening} opening with all their"
                f" entries is {format_minor(net, EXPONENT_MAX)}, got {closing}"
            )
            yield Problem(message=message, line=statement.line, column="Bal", reason="balance_difference")


def _scaled(money: Money) -> int:
    return money.scaled(EXPONENT_MAX)
