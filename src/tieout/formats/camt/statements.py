"""One statement, report or notification: its account, balances and dates, and whether it closes."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

from tieout.errors import BadInput
from tieout.formats.camt.balances import check_balances, check_opening, check_other_currencies, difference
from tieout.formats.camt.dates import day_or_none, read_day, read_moment
from tieout.formats.camt.entries import Account, Entry, identifier, is_debit
from tieout.formats.camt.pages import Page, message_page
from tieout.formats.camt.shapes import line_of, local_name, texts
from tieout.formats.camt.tallies import Tallies, Tally, check_summary
from tieout.model.money import Money, exponent_of, parse_money
from tieout.model.problems import Problem
from tieout.model.statements import Balance, Statement, StatementPage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml import etree

    from tieout.formats.camt.alike import Alike

__all__ = ["BALANCES_MAX", "StatementReader"]

#: The most balances that one statement may state.
BALANCES_MAX = 100_000

_HEADER = {"Id", "ElctrncSeqNb", "LglSeqNb", "CreDtTm", "FrToDt", "Acct", "TxsSummry"}
_OWN_PAGINATION = {"StmtPgntn", "RptPgntn", "NtfctnPgntn"}
_PAGINATION = _OWN_PAGINATION | {"MsgPgntn"}
_KINDS = {
    "OPBD": "opening",
    "PRCD": "opening",
    "CLBD": "closing",
    "ITBD": "interim_closing",
    "CLAV": "available",
    "ITAV": "available",
    "OPAV": "available",
    "FWAV": "forward_available",
    "XPCD": "pending",
    "INFO": "information",
}
_INTERIM = {"opening": "interim_opening", "closing": "interim_closing"}
_ACCOUNT_NUMBERS = ("Id/IBAN", "Id/Othr/Id", "Id/BBAN", "Id/UPIC", "Id/PrtryAcct/Id")
_SERVICERS = ("Svcr/FinInstnId/BICFI", "Svcr/FinInstnId/BIC", "Svcr/FinInstnId/CmbndId/BIC")


def _first(found: dict[str, str], *paths: str) -> str | None:
    return next((found[path] for path in paths if path in found), None)


class StatementReader:
    """
    Gathers what one statement says while its entries stream by.

    :ivar account: what its entries need; complete once ``read_header`` has been called.
    """

    def __init__(self, element: etree._Element, place: int, *, final: bool, currency: str | None) -> None:
        """Begin with nothing known; ``currency`` is assumed where the statement names none."""
        self.line = line_of(element)
        self.account = Account(number=None, currency=None, place=place, final=final, assumed=currency)
        self.tallies = Tallies()
        self.reversals = Tallies()
        self.unreadable = 0
        self.balances: list[Balance] = []
        self.problems: list[Problem] = []
        self._header: dict[str, dict[str, str]] = {}
        self._lines: dict[str, int] = {}
        self._created: str | None = None
        self._foreign: dict[str, tuple[int, int]] = {}

    def read_header(self, element: etree._Element) -> None:
        """Read what stands beside the entries; called at the first entry, and at the end for what came late."""
        for child in element:
            name = local_name(child)
            if name in _HEADER or name in _PAGINATION:
                self._header.setdefault(name, texts(child))
                self._lines.setdefault(name, line_of(child))
        message = element.getparent()
        pages = None if message is None else message.find("{*}GrpHdr/{*}MsgPgntn")
        if message is not None and pages is not None:
            named = {"MsgId": (message.findtext("{*}GrpHdr/{*}MsgId") or "").strip()}
            self._header.setdefault("MsgPgntn", texts(pages) | named)
        created = None if message is None else message.findtext("{*}GrpHdr/{*}CreDtTm")
        self._created = self._text("CreDtTm") or (created or "").strip() or None
        about = self._header.get("Acct", {})
        number = _first(about, *_ACCOUNT_NUMBERS)
        self.account.number = number.replace(" ", "") if number and "Id/IBAN" in about else number
        self.account.owner = _first(about, "Ownr/Nm", "Ownr/Pty/Nm")
        self.account.currency = self._own_currency()
        closing = self._balance("closing")
        self.account.fallback_on = self._to_on() or (closing.on if closing else None) or day_or_none(self._created)

    def add_balance(self, element: etree._Element) -> None:
        """Read one balance; one that cannot be read is reported and left out."""
        found, line = texts(element), line_of(element)
        code = _first(found, "Tp/CdOrPrtry/Cd", "Tp/CdOrPrtry/Prtry", "Tp/Cd", "Tp/Prtry")
        written = found.get("Amt")
        currency = found.get("Amt/@Ccy") or _account_currency(element) or self.account.assumed
        if written is None or currency is None:
            return
        try:
            money = _signed(parse_money(written, currency), found.get("CdtDbtInd"))
            day = _first(found, "Dt/Dt", "Dt/DtTm", "Dt/Dt/DtTm", "Dt")
            on = read_day(day) if day else None
        except BadInput as error:
            message = f"{error} (in the balance {code or 'without a type'})"
            self.problems.append(Problem(message=message, line=line, column="Bal", reason="balance_difference"))
            return
        kind = _KINDS.get((code or "").upper(), "information")
        if (found.get("Tp/SubTp/Cd") or found.get("Tp/SubTp/Prtry") or "").upper() == "INTM":
            kind = _INTERIM.get(kind, kind)
        under = _first(found, "Tp/SubTp/Cd", "Tp/SubTp/Prtry")
        named = "/".join(part for part in (code, under) if part) or None
        self.balances.append(Balance(line=line, kind=kind, amount=money, on=on, code=named))

    def add_entry(self, entry: Entry) -> None:
        """Count an entry."""
        self.tallies.add(entry)
        if entry.reversal:
            self.reversals.add(entry)
        self._note_currency(entry.amount.currency, entry.row.line, 1)

    def add_alike(self, alike: Alike) -> None:
        """Count entries that were read together."""
        count, line = len(alike.rows), alike.rows[0].line
        for tallies in (self.tallies, self.reversals) if alike.reversal else (self.tallies,):
            tallies.add_sum(alike.currency, alike.exponent, count, alike.minor, debit=alike.debit, booked=alike.booked)
        self._note_currency(alike.currency, line, count)

    def _note_currency(self, currency: str, line: int, count: int) -> None:
        """Remember entries in another currency than the account's: how many, and the first one's line."""
        own = self.account.currency
        if own is not None and currency != own:
            first, before = self._foreign.get(currency, (line, 0))
            self._foreign[currency] = (min(first, line), before + count)

    def finish(self, element: etree._Element) -> tuple[Statement, list[Balance], list[Problem]]:
        """Give the statement, its balances, and what is wrong with it."""
        self.read_header(element)
        self._place_interim()
        statement = self._statement()
        self.problems += self._check_currencies(statement)
        self.problems += check_balances(self.balances)
        if self.account.final and statement.begins:
            self.problems += check_opening(self.balances)
        self.problems += self._check_closing(statement)
        if self.page.is_whole and not self.unreadable:
            named = statement.statement_id or "without Id"
            self.problems += check_other_currencies(self.balances, self.tallies, statement.currency, named, self.line)
        # A page's summary may be that of the whole statement.
        if self.page.is_whole and "TxsSummry" in self._header:
            summary, line = self._header["TxsSummry"], self._lines["TxsSummry"]
            self.problems += check_summary(summary, line, self.tallies, statement.currency, self.unreadable)
        number, name = self.account.number, statement.statement_id
        balances = [_of_account(balance, number, name) for balance in self.balances]
        return statement, balances, self.problems

    def _text(self, name: str) -> str | None:
        return self._header.get(name, {}).get("")

    def _own_currency(self) -> str | None:
        """Give the account's currency, else that of its balances where they agree."""
        stated = self._header.get("Acct", {}).get("Ccy")
        if stated:
            return stated.upper()
        found = {b.amount.currency for b in self.balances if b.kind in {"opening", "closing"}}
        return found.pop() if len(found) == 1 else None

    def _balance(self, kind: str) -> Balance | None:
        """Give the opening or closing balance: OPBD before PRCD; of several days the first opens, the last closes."""
        of_kind = [b for b in self.balances if b.kind == kind]
        own = [b for b in of_kind if b.amount.currency == self.account.currency] or of_kind
        exact = [b for b in own if (b.code or "").startswith(("OPBD", "CLBD"))] or own
        if not exact:
            return None
        pick = min if kind == "opening" else max
        days = [b.on for b in exact if b.on is not None]
        return next((b for b in exact if days and b.on == pick(days)), exact[0])

    def _place_interim(self) -> None:
        """Decide by position which interim balance opens a page: the first of several, or one without opening."""
        interim = [i for i, b in enumerate(self.balances) if b.kind == "interim_closing" and b.code == "ITBD"]
        kinds = {b.kind for b in self.balances}
        if len(interim) > 1 or (interim and "closing" in kinds and "opening" not in kinds):
            first = self.balances[interim[0]]
            self.balances[interim[0]] = Balance(
                line=first.line, kind="interim_opening", amount=first.amount, on=first.on, code=first.code
            )

    def _edge(self, kind: str) -> Balance | None:
        """Give the balance with which this begins or ends: of a page, that may be an interim one."""
        begins, ends = self._edges()
        return self._balance(kind) or (None if begins and ends else self._balance(_INTERIM[kind]))

    def _edges(self) -> tuple[bool, bool]:
        """
        Say whether the statement's beginning and its end stand here.

        In a message that is cut into pages some statements stand whole: of these, what has a balance has that edge.
        """
        counted = any(name in self._header for name in _OWN_PAGINATION)
        page = Page.read(f for name, f in self._header.items() if name in (_OWN_PAGINATION if counted else _PAGINATION))
        if not counted and "MsgPgntn" not in self._header:
            # Of the interim balances only those that are marked as a page's edge tell that pages are elsewhere.
            marked = {b.kind for b in self.balances if b.code != "ITBD"}
            begins, ends = (kind in marked or _INTERIM[kind] not in marked for kind in ("opening", "closing"))
            return begins, ends
        begins = page.number == 1 or (not counted and self._balance("opening") is not None)
        return begins, page.last or (not counted and self._balance("closing") is not None)

    def _from_on(self) -> dt.date | None:
        period = self._header.get("FrToDt", {})
        stated = day_or_none(_first(period, "FrDtTm", "FrDt"))
        opening = self._edge("opening")
        if stated or opening is None or opening.on is None:
            return stated
        # What was closed the evening before opens on the day after it.
        after = opening.on + dt.timedelta(days=1) if opening.on < dt.date.max else opening.on
        return after if opening.code == "PRCD" else opening.on

    def _whole_from(self) -> dt.date | None:
        written = _first(self._header.get("FrToDt", {}), "FrDtTm", "FrDt") or ""
        opening = self._edge("opening")
        if written:
            # From another hour on it is a part of that day, or another zone's midnight.
            return day_or_none(written) if "T" not in written or "T00:00:00" in written else None
        return self._from_on() if opening is not None and opening.code == "PRCD" else None

    def _to_on(self) -> dt.date | None:
        period = self._header.get("FrToDt", {})
        written = _first(period, "ToDtTm", "ToDt")
        stated = day_or_none(written)
        closing = self._edge("closing")
        closed = closing.on if closing else None
        if stated is None:
            return closed
        at_midnight = "T00:00:00" in (written or "")
        return closed if at_midnight and closed is not None and closed < stated else stated

    def _statement(self) -> Statement:
        opening, closing = self._edge("opening"), self._edge("closing")
        currencies = self.tallies.currencies()
        currency = self.account.currency or (currencies[0] if len(currencies) == 1 else self.account.assumed)
        # Of several currencies, none of which is the account's, there is no sum.
        summed = currency is not None or len(currencies) < 2
        booked = self.tallies.select(currency=currency, booked_only=True) if summed else Tally()
        balances = [b.amount for b in (opening, closing) if b is not None and b.amount.currency == currency]
        booked.rescale(max([booked.exponent, _own_exponent(currency), *(money.exponent for money in balances)]))
        every = self.tallies.select()
        closes = None
        if len(balances) == 2 and not self.unreadable:
            start, end = (money.scaled(booked.exponent) for money in balances)
            closes = start + booked.credits - booked.debits == end
            # Some banks print the balances of the whole statement on every page.
            closes = closes or (False if self.page.is_whole else None)
        begins, ends = self._edges()
        return Statement(
            line=self.line,
            place=self.account.place,
            account_number=self.account.number,
            currency=currency,
            final=self.account.final,
            statement_id=self._own_name(),
            number=identifier(self._text("ElctrncSeqNb")) or identifier(self._text("LglSeqNb")),
            servicer=_first(self._header.get("Acct", {}), *_SERVICERS),
            from_on=self._from_on(),
            whole_from=self._whole_from(),
            to_on=self._to_on(),
            created_at=read_moment(self._created, assume_utc=True),
            opening=opening.amount if opening else None,
            closing=closing.amount if closing else None,
            entries=every.credit_count + every.debit_count + self.unreadable,
            credits=booked.credits,
            debits=booked.debits,
            exponent=booked.exponent,
            closes=closes,
            pages=self._pages(opening, closing, booked, repeated=len(balances) == 2 and not closes),
            begins=begins,
            ends=ends,
            message=message_page(self._header.get("MsgPgntn", {})),
        )

    def _pages(
        self, opening: Balance | None, closing: Balance | None, booked: Tally, *, repeated: bool
    ) -> tuple[StatementPage, ...]:
        """
        Say which page this is, and what it hands on.

        :param repeated: the balances of the whole, printed on every page: they are those of the first and the last.
        """
        begins, ends = self._edges()
        if not any(name in self._header for name in _PAGINATION) or (begins and ends and self.page.number > 1):
            return ()
        return (
            StatementPage(
                line=self.line,
                place=self.account.place,
                number=self.page.number,
                opening=opening.amount if opening and (begins or not repeated) else None,
                closing=closing.amount if closing and (ends or not repeated) else None,
                credits=booked.credits,
                debits=booked.debits,
            ),
        )

    @property
    def page(self) -> Page:
        """Which page of its statement this is."""
        return Page.read(found for name, found in self._header.items() if name in _PAGINATION)

    @property
    def name(self) -> str | None:
        """What the bank calls it, the same for all its pages."""
        return self._text("Id")

    def _own_name(self) -> str | None:
        """Name a page apart from its statement's first: equal entries on two pages are two."""
        return f"{self.name} page {self.page.number}" if self.name and self.page.number > 1 else self.name

    def _check_currencies(self, statement: Statement) -> Iterator[Problem]:
        own = statement.currency
        for currency, (line, count) in sorted(self._foreign.items(), key=lambda found: found[1]):
            message = f"expected entries in {own}, the account's currency, got {count} in {currency}"
            yield Problem(message=message, line=line, column="Amt", reason="currency_mismatch")
        for balance in self.balances:
            if balance.kind in {"opening", "closing"} and own is not None and balance.amount.currency != own:
                message = f"expected the balance {balance.code} in {own}, the account's currency, got {balance.amount}"
                yield Problem(message=message, line=balance.line, column="Bal", reason="currency_mismatch")

    def _check_closing(self, statement: Statement) -> Iterator[Problem]:
        opening, closing = statement.opening, statement.closing
        name = statement.statement_id or "without Id"
        if opening is None or closing is None:
            return
        if self.unreadable:
            message = (
                f"expected every entry of statement {name} to prove that it closes, got {self.unreadable} unreadable"
            )
            yield Problem(message=message, line=self.line, column="Ntry", reason="incomplete")
        elif statement.closes is False:
            at = statement.exponent
            booked = Tally(exponent=at, credits=statement.credits, debits=statement.debits)
            missing = opening.scaled(at) + statement.credits - statement.debits - closing.scaled(at)
            message = f"{difference(name, opening, closing, booked)}{self._other_way(missing, at)}"
            yield Problem(message=message, line=self.line, column="Bal", reason="balance_difference")

    def _other_way(self, difference: int, exponent: int) -> str:
        """Say if the reversals, read the other way round, are the whole difference."""
        reversals = self.reversals.select(currency=self.account.currency, booked_only=True)
        reversals.rescale(max(exponent, reversals.exponent))
        moved = (reversals.credits - reversals.debits) * 2
        if not moved or moved != difference * 10 ** (reversals.exponent - exponent):
            return ""
        return (
            ": it would close if its reversals (RvslInd) moved money against their CdtDbtInd, which in ISO 20022 is the"
            " direction of the reversal itself: ask the bank"
        )


def _account_currency(balance: etree._Element) -> str | None:
    """Find the account's currency, for a balance that names none."""
    statement = balance.getparent()
    found = None if statement is None else statement.findtext("{*}Acct/{*}Ccy")
    return (found or "").strip().upper() or None


def _signed(money: Money, indicator: str | None) -> Money:
    """
    Give a balance its sign; without an indicator it stands as written, which is how some banks mean it.

    :raises BadInput: an indicator that is none, or beside an amount that has a sign of its own.
    """
    if indicator is not None and money.minor < 0:
        message = f"expected an amount without sign beside CdtDbtInd, got {money}"
        raise BadInput(message)
    return -money if is_debit(indicator, otherwise=False) else money


def _own_exponent(currency: str | None) -> int:
    try:
        return exponent_of(currency) if currency else 2
    except BadInput:
        return 2


def _of_account(balance: Balance, number: str | None, name: str | None) -> Balance:
    return replace(balance, account_number=number, statement_id=name)
