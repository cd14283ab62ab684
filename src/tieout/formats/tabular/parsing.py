"""
The text of an expression of a mapping as a tree, and the words for what is wrong with it.
"""

from __future__ import annotations

import re

import sqlglot
from sqlglot import exp

__all__ = [
    "ALLOWED",
    "ExpressionFault",
    "is_function",
    "known_format",
    "name_of",
    "not_allowed",
    "parse",
    "refuse_arguments",
]

#: What a message says is allowed.
ALLOWED = (
    "::date, ::decimal, ::integer, case, coalesce, nullif, upper, lower, trim, substr, replace, concat, ||,"
    " regexp_extract, strptime, [a, b], + - * abs, comparisons, and, or, not, minor(), major()"
)
#: The longest expression.
TEXT_MAX = 4_000
_PLAIN_NAME = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*")
_CONSTANTS = {"true", "false", "null"}
#: What the engine's SQL calls without parentheses; without ``user``, which is what columns are called.
_BARE_FUNCTIONS = {
    *("current_catalog", "current_date", "current_role", "current_schema", "current_time", "current_timestamp"),
    *("current_user", "localtime", "localtimestamp", "session_user"),
}
_FORMAT = re.compile(r"%(-?[dmyHIMSjg]|[aAbBwYpfnzZUWcxXGuV%])|[^%]")


class ExpressionFault(Exception):
    """What is wrong with an expression, in words that follow the name of its key."""


def parse(text: str) -> exp.Expr:
    """
    Parse one expression; nothing is checked beyond that it is one.

    :raises ExpressionFault: it is too long, or no expression.
    """
    if len(text) > TEXT_MAX:
        message = f"expected an expression of at most {TEXT_MAX} characters, got {len(text)}"
        raise ExpressionFault(message)
    plain = _PLAIN_NAME.fullmatch(text)
    if plain and plain[1].lower() not in _CONSTANTS:
        return exp.column(plain[1])
    try:
        statements = sqlglot.parse(f"select (\n{text}\n) as f", dialect="duckdb")
    except (sqlglot.errors.SqlglotError, RecursionError) as error:
        message = f"expected an SQL expression, got {text[:80]!r} ({_first_words(error)})"
        raise ExpressionFault(message) from None
    return _only(statements, text)


def is_function(column: exp.Column) -> bool:
    """Whether SQL would take the name of a column for a function's, as it is written: in double quotes it would not."""
    return column.name.lower() in _BARE_FUNCTIONS and not column.this.args.get("quoted")


def _first_words(error: BaseException) -> str:
    words = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).split("\n")[0]
    return re.sub(r"\. Line \d+, Col: \d+\.?", "", words)[:120] or "too deeply nested"


def _only(statements: list[exp.Expr | None], text: str) -> exp.Expr:
    """Give what stands in the parentheses that we put around the text, if nothing stands outside of them."""
    select = statements[0] if len(statements) == 1 else None
    if isinstance(select, exp.Select):
        parts = [name for name, value in select.args.items() if value and name != "kind"]
        named = select.expressions[0] if parts == ["expressions"] and len(select.expressions) == 1 else None
        if isinstance(named, exp.Alias) and isinstance(named.this, exp.Subquery):
            raise not_allowed(named.this.this)
        if isinstance(named, exp.Alias) and isinstance(named.this, exp.Paren):
            inner = named.this.this
            if isinstance(inner, exp.Expr):
                return inner
    message = f"expected one SQL expression, got {text[:80]!r}"
    raise ExpressionFault(message)


def name_of(node: exp.Expr) -> str:
    """Name a node as its author wrote it."""
    if isinstance(node, exp.Anonymous):
        return f"the function {node.name.lower()}"
    if isinstance(node, exp.TryCast):
        return "the function try_cast"
    if isinstance(node, exp.Trim) and (side := node.args.get("position")):
        return f"the function {'ltrim' if side == 'LEADING' else 'rtrim' if side == 'TRAILING' else 'trim(both ...)'}"
    if isinstance(node, exp.Cast):
        return f"the cast ::{node.to.sql('duckdb').lower()}"
    if isinstance(node, exp.Func):
        return f"the function {node.sql_name().lower()}"
    names = {"select": "a subquery", "placeholder": "a parameter", "star": "*", "alias": "an alias"}
    return names.get(node.key, f"the SQL construct {node.key!r}")


def not_allowed(node: exp.Expr) -> ExpressionFault:
    """Say that something is not on the list."""
    return ExpressionFault(f"{name_of(node)} is not allowed in an expression; allowed are {ALLOWED}")


def refuse_arguments(node: exp.Expr, *known: str) -> None:
    """Refuse what the grammar does not have: an option of a function that a handler would silently drop."""
    for name, value in node.args.items():
        if name not in known and value not in (None, False, []) and not isinstance(value, bool):
            message = f"{name_of(node)} is not allowed with {name!r}; allowed are {ALLOWED}"
            raise ExpressionFault(message)


def known_format(text: str) -> bool:
    """Whether every specifier of a strptime format is one of DuckDB's."""
    return bool(text) and "".join(m[0] for m in _FORMAT.finditer(text)) == text
