"""
What a reader of SWIFT statement messages has understood and not yet given away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.formats.reading import Chunk, Total, unseen_texts
from tieout.formats.swift.totals import Sums
from tieout.model.problems import Problem

if TYPE_CHECKING:
    from tieout.formats.swift.lines import Field
    from tieout.model.money import Money
    from tieout.model.records import Record
    from tieout.model.statements import Balance, Statement

__all__ = ["CHARACTERS_MAX", "Gathered"]

#: A chunk is also given away when its texts have grown to this many characters: entries may carry long ones.
CHARACTERS_MAX = 16 * 1024 * 1024
_QUOTE = 60


class Gathered:
    """Records, statements, balances and problems in the file's order, and the totals of the whole file."""

    def __init__(self, version: str, batch_rows: int) -> None:
        """Begin empty; ``version`` is the format's name, ``batch_rows`` the most records of a chunk."""
        self.version, self.batch_rows = version, batch_rows
        self.records: list[Record] = []
        self.statements: list[Statement] = []
        self.balances: list[Balance] = []
        self.problems: list[Problem] = []
        #: Texts that stand in no record: (tag, line, text).
        self.beside: list[tuple[str, int, str]] = []
        self._totals: dict[str, Sums] = {}
        self._characters = 0

    @property
    def full(self) -> bool:
        """Whether a chunk should be given away."""
        most = max(len(self.records), len(self.problems), len(self.balances), len(self.statements))
        return most >= self.batch_rows or self._characters >= CHARACTERS_MAX

    def keep(self, record: Record) -> None:
        """Add a record."""
        self.records.append(record)
        self._characters += len(record.text or "") + len(record.details or "")

    def pass_by(self, field: Field) -> None:
        """Keep the text of a field that stands in no record, for whoever must know what came in."""
        self.beside.append((f":{field.tag}:", field.line, "\n".join(field.lines)))
        self._characters += len(self.beside[-1][2])

    def count(self, amount: Money, currency: str) -> None:
        """Count an entry in the file's totals, whether or not it becomes a record."""
        self._totals.setdefault(currency, Sums()).add(amount)

    def find(self, message: str, line: int, column: int, reason: str = "unreadable") -> None:
        """Report what is wrong; nothing is dropped for it."""
        self.problems.append(Problem(message=message, line=line, column=column, reason=reason))

    def find_other(self, field: Field) -> None:
        """Report lines that are of no message: whatever they are, they are not read."""
        message = f"expected messages and a bank's envelope around them, got {field.text[:_QUOTE]!r}, which is not read"
        self.find(f"{message}: bring another file by itself", field.line, field.column)

    def quarantine(self, message: str, line: int, column: int) -> None:
        """Report an entry that cannot be read."""
        self.problems.append(Problem(message=message, severity="row", line=line, column=column))

    def chunk(self) -> Chunk:
        """Give away what is complete."""
        rows = len(self.records) + sum(problem.severity == "row" for problem in self.problems)
        given = Chunk(
            records=self.records,
            statements=self.statements,
            balances=self.balances,
            problems=self.problems,
            rows=rows,
            version=self.version,
            unseen=unseen_texts(self.beside),
        )
        self.beside = []
        self.records, self.statements, self.balances, self.problems = [], [], [], []
        self._characters = 0
        return given

    def last_chunk(self) -> Chunk:
        """Give away the rest, with the totals of the whole file."""
        given = self.chunk()
        given.totals = [
            Total(
                currency=currency,
                exponent=sums.exponent,
                count=sums.count,
                credits=sums.minor(sums.credits),
                debits=sums.minor(sums.debits),
            )
            for currency, sums in self._totals.items()
        ]
        return given
