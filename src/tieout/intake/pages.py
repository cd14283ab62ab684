"""
Pages of one statement that come in files of their own, put together: law 4.

Pages are held together by the statement's number and their own, whatever the order in which they come. A page that is
not there is said by name; the balances of what is there still chain with the statements before and after.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from tieout.intake.chains import AccountStatement
from tieout.intake.findings import Finding
from tieout.intake.overlap import are_one_statement
from tieout.intake.places import is_unfinished, number_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tieout.intake.places import StatementPlace

__all__ = ["account_statements"]

_EXPONENT_MAX = 9


def account_statements(scope: str, places: Sequence[StatementPlace]) -> tuple[list[AccountStatement], list[Finding]]:
    """
    Put the pages of an account's statements together.

    :param places: booked statements and pages, each once.
    :return: whole statements, and what is missing or does not fit between their pages.
    """
    whole = [_statement([place]) for place in places if place.is_whole]
    found: list[Finding] = []
    for pages in _together([place for place in places if not place.is_whole]):
        statement = _statement(pages)
        whole.append(statement)
        found += [_finding(scope, statement, pages, *fault) for fault in _faults(statement, pages)]
    return whole, found


def _together(pages: Sequence[StatementPlace]) -> list[list[StatementPlace]]:
    """Group pages by statement, of each page the latest, in their order."""
    groups: list[list[StatementPlace]] = []
    for page in sorted(pages, key=_order):
        for group in groups:
            known = next(
                (p for p in group if (p.page, p.number, p.to_day) == (page.page, page.number, page.to_day)), None
            )
            if known is not None and page.page is not None:
                break
            if all(are_one_statement(page, other) for other in group):
                group.append(page)
                break
        else:
            groups.append([page])
    return groups


def _order(place: StatementPlace) -> tuple[object, ...]:
    later = -(place.created_at or 0), -place.sequence
    return number_of(place) or "", place.page or 0, place.to_day or 0, later, place.delivery_id, place.place


def _statement(pages: list[StatementPlace]) -> AccountStatement:
    first, last = pages[0], pages[-1]
    exponent = max(first.exponent, last.exponent)
    opening = _at(first, first.opening, exponent) if first.begins else None
    unfinished = is_unfinished(last)
    days = [page.to_day for page in pages if page.to_day is not None]
    return AccountStatement(
        account_id=first.account_id,
        source_id=last.source_id,
        delivery_id=last.delivery_id,
        currency=first.currency or "",
        statement_id=first.statement_id,
        number=first.number,
        from_day=first.from_day,
        to_day=max(days, default=None),
        opening=opening,
        closing=_at(last, last.closing, exponent) if last.ends else None,
        exponent=exponent,
        unfinished=unfinished,
        reckoned=_reckoned(opening, pages, exponent) if unfinished else None,
    )


def _reckoned(opening: int | None, pages: list[StatementPlace], exponent: int) -> int | None:
    """Add up what a statement opens with and what all of its pages hold, where nothing of it was set aside."""
    numbers = [page.page for page in pages]
    gaps = len(pages) > 1 and numbers != list(range(1, len(pages) + 1))
    if opening is None or gaps or not all(page.sound for page in pages):
        return None
    return opening + sum(_at(page, page.net, exponent) or 0 for page in pages)


def _at(place: StatementPlace, minor: int | None, exponent: int) -> int | None:
    return None if minor is None else minor * int(10 ** (exponent - place.exponent))


def _faults(statement: AccountStatement, pages: list[StatementPlace]) -> list[tuple[str, str]]:
    """Give (reason, sentence) for pages that are missing, and for balances that one page does not hand to the next."""
    named = f"{statement.name} of {statement.account_id}"
    counted = [page.page for page in pages if page.page is not None]
    faults = []
    missing = [str(n) for n in range(1, max(counted, default=0)) if n not in counted]
    got = "got a page without number" if not counted else f"got page {' and '.join(map(str, counted))}"
    if missing or not pages[0].begins:
        what = f"page {' and '.join(missing[:10])}" if missing else "what comes before"
        faults.append(("incomplete", f"expected every page of {named}, {got}: {what} is missing"))
    if not pages[-1].ends:
        what = f"page {counted[-1] + 1}" if counted else "the next"
        faults.append(("incomplete", f"expected every page of {named}, {got}, and more to follow: {what} is missing"))
    for before, after in pairwise(pages):
        if not _hands_on(before, after):
            ended, began = _money(before, before.closing), _money(after, after.opening)
            note = f"expected page {after.page} of {named} to begin with {ended}, with which page {before.page} ended"
            faults.append(("balance_difference", f"{note}, got {began}"))
    stated = all(None not in {page.opening, page.closing} for page in pages)
    net = sum(_at(page, page.net, _EXPONENT_MAX) or 0 for page in pages)
    opening, closing = (
        None if minor is None else minor * int(10 ** (_EXPONENT_MAX - statement.exponent))
        for minor in (statement.opening, statement.closing)
    )
    if not faults and not stated and None not in {opening, closing} and (opening or 0) + net != closing:
        note = f"expected the {len(pages)} pages of {named} to close with what they open with and hold together"
        faults.append(("balance_difference", f"{note}, got {statement.money(statement.closing or 0)}"))
    return faults


def _hands_on(before: StatementPlace, after: StatementPlace) -> bool:
    if before.page is None or after.page != before.page + 1 or before.closing is None or after.opening is None:
        return True
    return _at(before, before.closing, _EXPONENT_MAX) == _at(after, after.opening, _EXPONENT_MAX)


def _money(place: StatementPlace, minor: int | None) -> str:
    from tieout.model.money import format_minor

    return f"{format_minor(minor or 0, place.exponent)} {place.currency}"


def _finding(scope: str, statement: AccountStatement, pages: list[StatementPlace], reason: str, note: str) -> Finding:
    return Finding(
        scope=scope,
        reason=reason,
        note=note,
        source_id=statement.source_id,
        delivery_id=statement.delivery_id,
        account_id=statement.account_id,
        currency=statement.currency,
        booked_day=pages[0].to_day,
    )
