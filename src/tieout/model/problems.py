"""
A problem: something wrong in what came in, with its place, in one sentence.
"""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Named", "Problem", "Severity", "without_place"]

#: finding: read and reported, nothing dropped. row: one row cannot be read and is quarantined.
#: refused: the whole file cannot be read as what it claims to be; nothing of it is used.
Severity = Literal["finding", "row", "refused"]


@dataclass(frozen=True, slots=True)
class Named:
    """
    What a row that cannot be read is called: the record that it would have been.

    :ivar account: as the file names it, None where it names none.
    :ivar namespace: what the identifier numbers.
    """

    account: str | None
    namespace: str
    identity: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """
    What is wrong, where, in a sentence that says what was expected and what came.

    :ivar line: from 1; None when the whole file is meant.
    :ivar column: the character column for text, from 1, or the name of the column for tables.
    :ivar reason: a short stable word for exceptions and counting: ``balance_difference``, ``incomplete``,
        ``currency_mismatch``, ``conflict``, ``master_data``, ``unreadable``; ``unfinished``: a statement that stops, which
        its account's chain tells, until the whole one comes.
    :ivar member: the file inside a container, where there is one.
    :ivar named: what the row is called, where that much of it can be read.
    :ivar at_ingest: the sentence may be true of a good file: `inspect` remarks it without a verdict, ingest finds it.
    :ivar names: every identifier of the row that can be read, to find it by.
    """

    message: str
    severity: Severity = "finding"
    line: int | None = None
    column: int | str | None = None
    reason: str = "unreadable"
    member: str | None = None
    named: Named | None = None
    names: tuple[str, ...] = ()
    at_ingest: bool = False

    @property
    def sentence(self) -> str:
        """The message with its line before it, unless it says the line itself."""
        if self.line is None or self.message.startswith(f"line {self.line}"):
            return self.message
        return f"line {self.line}: {self.message}"


def without_place(message: str, line: int | None, column: int | str | None) -> str:
    """Give a message without the place that it begins with, where that is told beside it."""
    for place in (f"line {line}, column {column}: ", f"line {line}: "):
        if line is not None and message.startswith(place):
            return message[len(place) :]
    return message
