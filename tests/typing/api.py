"""
The public surface, used as a caller would: mypy reads this file, nothing runs it.

A change that breaks these lines breaks the code of those who build on tieout.
"""

import datetime as dt
from typing import assert_type

import tieout
from tieout.clock import Clock, FixedClock, system_clock
from tieout.errors import BadInput, TieoutError
from tieout.model import KINDS, Balance, Money, Problem, Record, Statement

assert_type(tieout.__version__, str)

price = Money(1000, "EUR", 2)
assert_type(price + price, Money)
assert_type(-price, Money)
assert_type(price.minor, int)
assert_type(KINDS["charge"].claims, tuple[str, ...])

record = Record(line=1, kind="charge", currency="EUR", amount=1000, exponent=2, booked_on=dt.date(2026, 10, 31))
assert_type(record.amount, int | None)
assert_type(record.references, tuple[str, ...])

balance = Balance(line=1, kind="opening", amount=price)
assert_type(balance.on, dt.date | None)
statement = Statement(line=1, place=1, account_number=None, currency="EUR", final=True, opening=price)
assert_type(statement.closes, bool | None)
problem = Problem(message="expected a date, got nothing", severity="row", line=1)
assert_type(problem.line, int | None)

clock: Clock = FixedClock(dt.datetime(2026, 10, 31, tzinfo=dt.UTC))
clock = system_clock
error: TieoutError = BadInput("expected a date, got nothing")
assert_type(error.exit_status, int)
