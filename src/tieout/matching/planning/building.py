"""
The expression builder, without its copies: each step of a query changes the query itself, which nobody else has yet.

A rule set has hundreds of steps; copied at each of them, a small run would spend most of its time there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Query", "select"]


def select(*columns: str) -> Query:
    """Begin a query."""
    return Query().select(*columns)


class Query:
    """A select that is being built; its methods are those of sqlglot's, and change it."""

    __slots__ = ("_built", "_whole")

    def __init__(self) -> None:
        """Begin without a column."""
        self._built = exp.Select()
        self._whole: exp.Query = self._built

    def select(self, *columns: str) -> Self:
        """Add columns."""
        self._built.select(*columns, copy=False)
        return self

    def distinct(self) -> Self:
        """Give each row once."""
        self._built.distinct(copy=False)
        return self

    def from_(self, relation: str | exp.Expression) -> Self:
        """Say what is read."""
        self._built.from_(relation, copy=False)
        return self

    def join(self, relation: str | exp.Expression, *, on: str, join_type: str | None = None) -> Self:
        """Join a relation."""
        self._built.join(relation, on=on, join_type=join_type, copy=False)
        return self

    def where(self, *conditions: str) -> Self:
        """Keep rows for which all conditions hold."""
        self._built.where(*conditions, copy=False)
        return self

    def group_by(self, *columns: str) -> Self:
        """Group."""
        self._built.group_by(*columns, copy=False)
        return self

    def having(self, *conditions: str) -> Self:
        """Keep groups for which all conditions hold."""
        self._built.having(*conditions, copy=False)
        return self

    def subquery(self, alias: str) -> exp.Subquery:
        """Give it as something that another query reads."""
        return self._whole.subquery(alias, copy=False)

    def union(self, other: Query, *, distinct: bool = True) -> Self:
        """Give the rows of both; after that it can only be read."""
        self._whole = self._whole.union(other._whole, distinct=distinct, copy=False)
        return self

    def sql(self, dialect: str) -> str:
        """Write it in a dialect; once."""
        return self._whole.sql(dialect=dialect, copy=False)
