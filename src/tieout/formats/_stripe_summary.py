"""
Stripe's balance summary: what the balance was at the start and at the end of a period, and what changed it.

Four rows per currency (``starting_balance``, ``activity``, ``payouts``, ``ending_balance``) with ``net_amount`` in
major units; the days stand in the description, where that column was chosen.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from typing import TYPE_CHECKING

from tieout.errors import BadInput
from tieout.formats._columns import plain_name
from tieout.formats.reading import Chunk, refusal
from tieout.model.money import Money, parse_money
from tieout.model.problems import Problem
from tieout.model.statements import Balance

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

__all__ = ["SUMMARY_COLUMNS", "read_summary"]

#: The columns without which a balance summary says nothing.
SUMMARY_COLUMNS = frozenset({"category", "net_amount", "currency"})

_BYTES_MAX = 16 << 20
_KINDS = {"starting_balance": "opening", "ending_balance": "closing"}
_CHANGES = {"activity", "payouts"}
_DAY = re.compile(r"\((\d{4}-\d\d-\d\d)\)")

_Row = dict[str, str]


def read_summary(stream: BinaryIO, delimiter: str, decimal: str) -> Chunk:
    """
    Read a balance summary whole: its balances, and a finding where start plus changes is not the end.

    A row that cannot be read is one problem of severity ``row``; a file that cannot is refused.
    """
    data = stream.read(_BYTES_MAX + 1)
    if len(data) > _BYTES_MAX:
        return refusal(f"expected a balance summary of at most {_BYTES_MAX >> 20} MiB, got a longer file")
    try:
        rows = list(_rows(data.decode("utf-8-sig"), delimiter))
    except (UnicodeDecodeError, csv.Error) as error:
        return refusal(f"expected a balance summary as CSV in UTF-8, got {error}")
    balances, problems, sums = [], [], dict[tuple[str | None, str], dict[str, Money]]()
    for line, row in rows:
        try:
            amount = parse_money(row.get("net_amount", "").replace(decimal, "."), row.get("currency", "").upper())
            balance = _balance(line, row, amount)
        except BadInput as error:
            problems.append(Problem(message=f"line {line}: {error}", severity="row", line=line))
            continue
        account = row.get("connected_account") or None
        sums.setdefault((account, amount.currency), {})[row["category"]] = amount
        balances += [balance] if balance else []
    faults = len(problems)
    problems += [found for of_one in sums.values() if (found := _open(of_one))]
    return Chunk(
        balances=balances, problems=problems, rows=faults, skipped=len(rows) - faults, version="stripe.balance"
    )


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, _Row]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header = [plain_name(name) for name in next(reader, [])]
    for cells in reader:
        if any(cells):
            row = dict(zip(header, (cell.strip() for cell in cells), strict=False))
            yield reader.line_num, row | {"category": row.get("category", "").lower()}


def _balance(line: int, row: _Row, amount: Money) -> Balance | None:
    """The balance of a row; None for a row of changes."""
    word = row["category"]
    if word in _CHANGES:
        return None
    if word not in _KINDS:
        message = f"expected starting_balance, activity, payouts or ending_balance as category, got {word!r:.60}"
        raise BadInput(message)
    found = _DAY.search(row.get("description", ""))
    try:
        on = dt.date.fromisoformat(found[1]) if found else None
    except ValueError:
        message = f"expected a day in the description, got {row['description']!r:.60}"
        raise BadInput(message) from None
    account = row.get("connected_account") or None
    return Balance(line=line, kind=_KINDS[word], amount=amount, account_number=account, on=on, code=word)


def _open(of_one: dict[str, Money]) -> Problem | None:
    """The finding that one account's start and changes do not give its end; None if they do, or a row is absent."""
    if not {*_KINDS, *_CHANGES} <= of_one.keys():
        return None
    expected = of_one["starting_balance"] + of_one["activity"] + of_one["payouts"]
    if (expected - of_one["ending_balance"]).minor == 0:
        return None
    message = f"expected the ending balance {expected} (start + activity + payouts), got {of_one['ending_balance']}"
    return Problem(message=message, reason="balance_difference")
