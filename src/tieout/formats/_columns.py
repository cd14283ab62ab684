"""
The columns of a platform's report, found by what they are called, and the small pieces of SQL that mappings repeat.

Platforms let users choose columns and their order, and write one column in several ways (``created_utc``,
``Created (UTC)``): columns are found by their names in lower case with underscores between words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Columns", "among", "identifying", "literal", "plain_name"]

_NO_WORD = re.compile(r"[^a-z0-9]+")


def plain_name(name: str) -> str:
    """A column's name in lower case with underscores: ``"Net Debit (NC)"`` is ``"net_debit_nc"``."""
    return _NO_WORD.sub("_", name.lower()).strip("_")


def literal(text: str) -> str:
    """Text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def among(word: str, words: Iterable[str]) -> str:
    """
    The SQL of whether a word is one of these, none of which holds a bar.

    One search in one text: ``in`` becomes a chain of comparisons, and each computes the word anew.
    """
    return f"contains({literal('|' + '|'.join(words) + '|')}, '|' || {word} || '|')"


@dataclass(frozen=True, slots=True)
class Columns:
    """
    A header, by plain names.

    :ivar names: plain name to the column's name as the file writes it; of two alike, the first.
    """

    names: dict[str, str]

    @classmethod
    def of(cls, header: Iterable[str]) -> Columns:
        """Look over a header."""
        names: dict[str, str] = {}
        for name in header:
            names.setdefault(plain_name(name), name)
        return cls(names)

    def has(self, *names: str) -> bool:
        """Whether every one of these columns is there."""
        return all(name in self.names for name in names)

    def all(self, *names: str) -> list[str]:
        """The SQL of those of these columns that are there."""
        return ['"' + self.names[name].replace('"', '""') + '"' for name in names if name in self.names]

    def first(self, *names: str) -> str | None:
        """The SQL of the first of these columns that is there."""
        return next(iter(self.all(*names)), None)

    def filled(self, *names: str) -> str | None:
        """The SQL of the first of these columns that has a value; None if none of them is there."""
        found = self.all(*names)
        return f"coalesce({', '.join(found)})" if len(found) > 1 else next(iter(found), None)

    def starting(self, *prefixes: str) -> list[str]:
        """The SQL of every column whose name as written starts so (``payment_metadata[``)."""
        found = [plain for plain, name in self.names.items() if name.lower().startswith(prefixes)]
        return self.all(*found)


def identifying(columns: Iterable[str]) -> list[str]:
    """
    The SQL of free columns (metadata) where they hold something that identifies.

    An identifier has a digit and three to 64 characters, and is no day; other values stay in ``details`` alone.
    """
    return [
        f"case when length({column}) between 3 and 64 and regexp_matches({column}, '[0-9]')"
        f" and not regexp_matches({column}, '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}') then {column} end"
        for column in columns
    ]
