"""
Stripe's balance summary: what the balance was at the start and at the end of a period, and what changed it.

Four rows per currency (``starting_balance``, ``activity``, ``payouts``, ``ending_balance``) with ``net_amount`` in
major units; the days stand in the description, where that column was chosen. With its days a summary is a statement, so
that the next one must begin where it ended. Newer summaries tell beside them of what ``activity`` and ``payouts`` are
the sums (``activity_gross``, ``activity_fee``, ``payouts_gross``, ``payouts_fee``), and what of a balance is available.
"""

from __future__ import annotations

import codecs
import csv
import datetime as dt
import io
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tieout.errors import BadInput
from tieout.formats._columns import plain_name
from tieout.formats.reading import Chunk, refusal
from tieout.model.money import Money, parse_money
from tieout.model.problems import Problem
from tieout.model.statements import Balance, Statement

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

__all__ = ["SUMMARY_COLUMNS", "read_summary"]

#: The columns without which a balance summary says nothing.
SUMMARY_COLUMNS = frozenset({"category", "net_amount", "currency"})

_BYTES_MAX = 16 << 20
_KINDS = {"starting_balance": "opening", "ending_balance": "closing"}
#: What changed the balance, each with the rows of which it is the sum.
_CHANGES = {"activity": ("activity_gross", "activity_fee"), "payouts": ("payouts_gross", "payouts_fee")}
_PARTS = {part for parts in _CHANGES.values() for part in parts}
#: What of a balance is available: counted by when it can be paid out, so no balance of what was booked.
_AVAILABLE = {"starting_balance_available", "ending_balance_available"}
_DAY = re.compile(r"\((\d{4}-\d\d-\d\d)\)")

_Row = dict[str, str]


@dataclass(slots=True)
class _Told:
    """
    What a summary tells of one account and currency.

    :ivar line: where it begins.
    :ivar balances: by kind; ``changes``: what changed it, each with its line and category.
    :ivar parts: by category, of what the changes are the sums.
    """

    line: int
    balances: dict[str, Balance] = field(default_factory=dict)
    changes: list[tuple[int, str, Money]] = field(default_factory=list)
    parts: dict[str, Money] = field(default_factory=dict)

    def take(self, line: int, category: str, amount: Money) -> None:
        """Take in a row that is no balance."""
        if category in _CHANGES:
            self.changes.append((line, category, amount))
        elif category in _PARTS:
            self.parts[category] = amount

    def closes(self) -> tuple[Money, Money] | None:
        """Give what the end should be and what it is; None where a row is absent."""
        opening, closing = self.balances.get("opening"), self.balances.get("closing")
        if opening is None or closing is None or {name for _, name, _ in self.changes} != set(_CHANGES):
            return None
        return sum((amount for *_, amount in self.changes), start=opening.amount), closing.amount

    def contradictions(self) -> Iterator[Problem]:
        """Give the findings that parts do not give their sum, or start and changes the end. An absent row is none."""
        for line, name, told in self.changes:
            first, second = (self.parts.get(part) for part in _CHANGES[name])
            if first is not None and second is not None and (first + second - told).minor:
                message = f"expected {name} {first + second} ({' + '.join(_CHANGES[name])}), got {told}"
                yield Problem(message=message, line=line, reason="balance_difference")
        ends = self.closes()
        if ends is not None and (ends[0] - ends[1]).minor:
            message = f"expected the ending balance {ends[0]} (start + activity + payouts), got {ends[1]}"
            yield Problem(message=message, line=self.balances["closing"].line, reason="balance_difference")

    def statement(self, place: int, account: str | None) -> Statement | None:
        """Give it as a statement; None without its days and both balances."""
        opening, closing = self.balances.get("opening"), self.balances.get("closing")
        if opening is None or closing is None or opening.on is None or closing.on is None:
            return None
        amounts = [amount for *_, amount in self.changes]
        exponent = max(amount.exponent for amount in (opening.amount, closing.amount, *amounts))
        changed = [amount.scaled(exponent) for amount in amounts]
        ends = self.closes()
        return Statement(
            line=self.line,
            place=place,
            account_number=account,
            currency=opening.amount.currency,
            final=True,
            from_on=opening.on,
            to_on=closing.on,
            opening=opening.amount,
            closing=closing.amount,
            credits=sum(minor for minor in changed if minor > 0),
            debits=-sum(minor for minor in changed if minor < 0),
            exponent=exponent,
            closes=None if ends is None else (ends[0] - ends[1]).minor == 0,
        )


def read_summary(stream: BinaryIO, delimiter: str, decimal: str, encoding: str = "utf-8-sig") -> Chunk:
    """
    Read a balance summary whole: its balances, and a finding where start plus changes is not the end.

    A row that cannot be read is one problem of severity ``row``; a file that cannot is refused.
    """
    data = stream.read(_BYTES_MAX + 1)
    if len(data) > _BYTES_MAX:
        return refusal(f"expected a balance summary of at most {_BYTES_MAX >> 20} MiB, got a longer file")
    try:
        rows = list(_rows(data.decode("utf-8-sig" if data.startswith(codecs.BOM_UTF8) else encoding), delimiter))
    except (UnicodeDecodeError, csv.Error) as error:
        return refusal(f"expected a balance summary as CSV in {encoding.removesuffix('-sig')}, got {error}")
    balances, problems, told = [], [], dict[tuple[str | None, str], _Told]()
    for line, row in rows:
        try:
            amount = parse_money(row.get("net_amount", "").replace(decimal, "."), row.get("currency", "").upper())
            balance = _balance(line, row, amount)
        except BadInput as error:
            problems.append(Problem(message=f"line {line}: {error}", severity="row", line=line))
            continue
        account = row.get("connected_account") or None
        of_one = told.setdefault((account, amount.currency), _Told(line))
        if balance is None:
            of_one.take(line, row["category"], amount)
        elif balance.kind in of_one.balances:
            message = f"line {line}: expected one {row['category']} of an account and currency, got a second"
            problems.append(Problem(message=message, severity="row", line=line, column="category"))
        else:
            of_one.balances[balance.kind] = balance
            balances.append(balance)
    faults = len(problems)
    problems += [found for of_one in told.values() for found in of_one.contradictions()]
    statements = [one.statement(place, account) for place, ((account, _), one) in enumerate(told.items(), 1)]
    return Chunk(
        balances=balances,
        statements=[statement for statement in statements if statement is not None],
        problems=problems,
        rows=faults,
        skipped=len(rows) - faults,
        version="stripe.balance",
    )


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, _Row]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header = [plain_name(name) for name in next(reader, [])]
    for cells in reader:
        if any(cells):
            row = dict(zip(header, (cell.strip() for cell in cells), strict=False))
            yield reader.line_num, row | {"category": row.get("category", "").lower()}


def _balance(line: int, row: _Row, amount: Money) -> Balance | None:
    """The balance of a row; None for a row of changes, and for what is available."""
    word = row["category"]
    if word in _CHANGES or word in _PARTS or word in _AVAILABLE:
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
