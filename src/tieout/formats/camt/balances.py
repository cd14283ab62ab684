"""
Whether the balances of one statement agree with each other.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from tieout.model.money import format_minor
from tieout.model.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tieout.formats.camt.tallies import Tallies, Tally
    from tieout.model.money import Money
    from tieout.model.statements import Balance

__all__ = ["check_balances", "check_opening", "check_other_currencies", "difference"]


def check_balances(balances: Iterable[Balance]) -> Iterator[Problem]:
    """Compare balances of one kind, day and currency, which can only have one amount."""
    known: dict[tuple[object, ...], Balance] = {}
    for balance in balances:
        if balance.code not in {"OPBD", "CLBD", "PRCD"} or balance.on is None:
            continue
        first = known.setdefault((balance.code, balance.on, balance.amount.currency), balance)
        if first.amount != balance.amount:
            message = f"expected one balance {balance.code} of {balance.on}, got {first.amount} and {balance.amount}"
            yield Problem(message=message, line=balance.line, column="Bal", reason="balance_difference")


def check_opening(balances: Sequence[Balance]) -> Iterator[Problem]:
    """
    Compare what a statement opens with and what closed before it: one figure under two names, whatever days they bear.

    The previous report may have closed on any day before, and some banks give its balance the day of this one (ISO 20022:
    the opening booked balance has to equal the previously closed one). Where a statement states several, of each of its
    days, those of the same place are compared, and where they are not as many, each of the fewer must be among the others.
    """
    for currency in sorted({balance.amount.currency for balance in balances}):
        of_money = [balance for balance in balances if balance.amount.currency == currency]
        opened, closed = (_by_day(of_money, code) for code in ("OPBD", "PRCD"))
        if len(opened) == len(closed):
            pairs = list(zip(opened, closed, strict=True))
        else:
            fewer, more = sorted((opened, closed), key=len)
            known = [balance.amount for balance in more]
            strange = [balance for balance in fewer if balance.amount not in known] if fewer else []
            pairs = [(one, more[0]) if fewer is opened else (more[0], one) for one in strange]
        for opening, before in pairs:
            if opening.amount != before.amount:
                message = f"expected the balance OPBD to be what closed before it, {before.amount} (PRCD), got {opening.amount}"
                yield Problem(message=message, line=opening.line, column="Bal", reason="balance_difference")


def check_other_currencies(
    balances: Sequence[Balance], tallies: Tallies, own: str | None, name: str, line: int
) -> Iterator[Problem]:
    """
    Compare the figures of each currency that is not the statement's, where it states what that opens and closes with.

    :param own: the statement's currency, which is compared by itself; None where it has none.
    """
    for currency in sorted({balance.amount.currency for balance in balances} - {own}):
        of_money = [balance for balance in balances if balance.amount.currency == currency]
        opened = _by_day(of_money, "OPBD") or _by_day(of_money, "PRCD")
        closed = _by_day(of_money, "CLBD")
        if not opened or not closed:
            continue
        opening, closing = opened[0].amount, closed[-1].amount
        booked = tallies.select(currency=currency, booked_only=True)
        booked.rescale(max(booked.exponent, opening.exponent, closing.exponent))
        if (message := difference(f"{name} in {currency}", opening, closing, booked)) is not None:
            yield Problem(message=message, line=line, column="Bal", reason="balance_difference")


def difference(name: str, opening: Money, closing: Money, booked: Tally) -> str | None:
    """Say how far a statement is from closing, with all its figures; None where it closes."""
    at = booked.exponent
    computed = opening.scaled(at) + booked.credits - booked.debits
    if computed == closing.scaled(at):
        return None
    return (
        f"expected statement {name} to close: {format_minor(opening.scaled(at), at)} opening"
        f" + {format_minor(booked.credits, at)} credits - {format_minor(booked.debits, at)} debits"
        f" is {format_minor(computed, at)}, got {closing}"
    )


def _by_day(balances: Iterable[Balance], code: str) -> list[Balance]:
    """Give the balances under a code, each figure of a day once, the first day first; without days, as they stand."""
    named = {(balance.on, balance.amount): balance for balance in balances if balance.code == code}
    return sorted(named.values(), key=lambda balance: balance.on or dt.date.min)
