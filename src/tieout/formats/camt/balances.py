"""
Whether the balances of one statement agree with each other.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from tieout.model.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tieout.model.statements import Balance

__all__ = ["check_balances", "check_opening"]


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
    Compare what a statement opens with and what closed before it: one figure under two names (ISO 20022).

    Of several days the first counts; a day in the middle may have closed before another one opened.
    """
    for currency in sorted({balance.amount.currency for balance in balances}):
        of_money = [balance for balance in balances if balance.amount.currency == currency]
        opened, closed = (_earliest(of_money, code) for code in ("OPBD", "PRCD"))
        if opened is None or closed is None or (closed.on and opened.on and closed.on > opened.on):
            continue
        if opened.amount != closed.amount:
            message = (
                f"expected the balance OPBD to be what closed before it, {closed.amount} (PRCD), got {opened.amount}"
            )
            yield Problem(message=message, line=opened.line, column="Bal", reason="balance_difference")


def _earliest(balances: Iterable[Balance], code: str) -> Balance | None:
    """Give the balance of the first day under a code; without days, the one that stands first."""
    named = [balance for balance in balances if balance.code == code]
    return min(named, key=lambda balance: balance.on or dt.date.min, default=None)
