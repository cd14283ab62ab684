"""Finds statements that are performed as a loop over all pairs of rows: they are quick in every test, and nowhere else."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import pytest

#: As the engine calls them in a plan. Not a product, which is also how it brings in a single row.
_LOOPS = re.compile(r"Nested Loop Join|Blockwise Nl Join|Piecewise Merge Join|Ie Join")
_PLANNED = re.compile(
    r"\s*(with|select|create or replace temp table|create temp table|insert|update|delete)\b", re.IGNORECASE
)


class _Watched:
    """A connection that has each statement planned before it is performed."""

    def __init__(self, con: duckdb.DuckDBPyConnection, found: dict[str, set[str]]) -> None:
        self._con, self._found = con, found

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._con, name)
        if name == "cursor":
            return lambda: _Watched(value(), self._found)
        if name not in {"execute", "sql", "query"}:
            return value

        def performed(statement: str, *given: Any, **named: Any) -> Any:
            several = [one.query for one in self._con.extract_statements(statement)]
            for one in several if len(several) > 1 else ():
                self._plan(one)
                value(one)
            if len(several) > 1:
                return self
            self._plan(statement, *given, **named)
            done = value(statement, *given, **named)
            return self if done is self._con else done

        return performed

    def _plan(self, statement: str, *given: Any, **named: Any) -> None:
        if not _PLANNED.match(statement):
            return
        asked = given[0] if given else named.get("params", named.get("parameters"))
        for _, plan in self._con.execute(f"explain {statement}", asked).fetchall():
            for loop in _LOOPS.findall(plan):
                self._found.setdefault(loop, set()).add(" ".join(statement.split()))


@contextmanager
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, set[str]]]:
    """Give what is found meanwhile: statements, by how they loop."""
    found: dict[str, set[str]] = {}
    real = duckdb.connect
    monkeypatch.setattr(duckdb, "connect", lambda *given, **named: _Watched(real(*given, **named), found))
    yield found
