"""
Expressions of a mapping: parsed, held against the allow-list, and turned into typed SQL.

The grammar is a small part of DuckDB's SQL. sqlglot parses it; every node of the tree must be known here, and the
SQL that runs is built anew from the tree, over columns named ``c0, c1, ...`` (so that no header of any file can be
mistaken for SQL). Mappings made by our own code (``trusted``) may use any scalar function; its result is ``ANY``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlglot import exp

from tieout.formats.tabular import conversions
from tieout.formats.tabular.parsing import ExpressionFault, not_allowed, refuse_arguments
from tieout.formats.tabular.typed import Atom, Digits, Kind, NumberText, Typed, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["CORE", "Compiler", "compare", "joined", "unify"]


#: The longest SQL that may come of one expression.
SQL_MAX = 200_000
_DECIMALS = re.compile(r"\d+(\.\d*)?|\.\d+")


@dataclass(slots=True)
class Compiler:
    """
    Turns parsed expressions into typed SQL, noting every conversion that may fail.

    :ivar handlers: what may stand in an expression, by node type.
    :ivar column: gives the typed column of a name; raises ExpressionFault or BadInput when there is none.
    :ivar factor: SQL of the decimals of the row's currency, for ``minor()``; None where there is no currency.
    """

    handlers: Mapping[type[exp.Expr], Callable[[Compiler, exp.Expr], Typed]]
    column: Callable[[str], Typed]
    number: NumberText
    timezone: str
    trusted: bool = False
    factor: str | None = None
    atoms: list[Atom] = field(default_factory=list)
    bound: set[str] = field(default_factory=set)

    @property
    def digits(self) -> Digits:
        """How wide decimals are."""
        return self.number.digits

    def compile(self, tree: exp.Expr) -> Typed:
        """
        Give the typed SQL of a tree.

        :raises ExpressionFault: something in it is not allowed, or types do not fit.
        """
        try:
            typed = self.visit(tree)
        except RecursionError:
            message = "expected a simpler expression, got one too deeply nested"
            raise ExpressionFault(message) from None
        if len(typed.sql) > SQL_MAX:
            message = "expected a simpler expression, got one that grows beyond its limit"
            raise ExpressionFault(message)
        return typed

    def visit(self, node: exp.Expr) -> Typed:
        """Compile one node by its type."""
        handler = self.handlers.get(type(node))
        if handler is None:
            if self.trusted:
                return self.free(node)
            raise not_allowed(node)
        try:
            return handler(self, node)
        except ExpressionFault:
            if self.trusted and not isinstance(node, exp.Column | exp.Literal):
                return self.free(node)
            raise

    def as_kind(self, typed: Typed, kind: Kind, *, lenient: bool = False) -> Typed:
        """Convert to a type, noting the conversion; raises ExpressionFault where there is none."""
        if typed.kind is kind:
            return typed
        sql, expected = conversions.between(self.number, self.timezone, typed, kind, lenient=lenient)
        if sql is None:
            message = f"expected {kind.value}, got {typed.kind.value}"
            raise ExpressionFault(message)
        if expected:
            self.atoms.append(Atom(typed.sql, sql, expected, typed.columns))
        return Typed(sql, kind, typed.columns, typed.fallible or bool(expected))

    def free(self, node: exp.Expr) -> Typed:
        """Compile a node of our own code's mapping: its children as they are, the node as it stands."""
        copy, parts = node.copy(), []
        if isinstance(copy, exp.Lambda):
            self.bound |= {name.name for name in copy.expressions}
        for child in list(copy.iter_expressions()):
            if isinstance(child, exp.DataType | exp.DataTypeParam | exp.Identifier | exp.Var | exp.Interval):
                continue
            part = self.visit(child)
            parts.append(part)
            child.replace(exp.Var(this=part.sql))
        columns = tuple(dict.fromkeys(c for part in parts for c in part.columns))
        return Typed(f"({copy.sql('duckdb')})", Kind.ANY, columns, fallible=True)


def joined(kind: Kind, sql: str, *parts: Typed) -> Typed:
    """Make the typed SQL of something computed from parts."""
    columns = tuple(dict.fromkeys(c for part in parts for c in part.columns))
    return Typed(sql, kind, columns, any(part.fallible for part in parts))


def _column(compiler: Compiler, node: exp.Expr) -> Typed:
    refuse_arguments(node, "this")
    if not isinstance(node.this, exp.Identifier):
        raise not_allowed(node.this)
    if node.name in compiler.bound:
        return Typed(node.name, Kind.ANY)
    return compiler.column(node.name)


def _literal(compiler: Compiler, node: exp.Expr) -> Typed:
    text = str(node.this)
    if node.is_string:
        return Typed(quoted(text), Kind.TEXT, literal=text)
    if not _DECIMALS.fullmatch(text):
        message = f"expected a plain decimal such as 0.01, got {text[:40]!r}"
        raise ExpressionFault(message)
    if text.isdigit() and len(text) <= 18:
        return Typed(text, Kind.INTEGER)
    if len(text.partition(".")[2].rstrip("0")) > compiler.digits.scale:
        # Only the wide types hold it: the narrow run raises, and every row is computed with the wide ones. With the line,
        # because the engine computes what is the same in every row outside of its try().
        return Typed(f"cast('?' || line as {compiler.digits.sql})", Kind.NUMBER, fallible=True)
    return Typed(f"cast({quoted(text)} as {compiler.digits.sql})", Kind.NUMBER)


def _constant(_compiler: Compiler, node: exp.Expr) -> Typed:
    if isinstance(node, exp.Null):
        return Typed("null", Kind.NOTHING)
    return Typed("true" if node.this else "false", Kind.BOOLEAN)


def _paren(compiler: Compiler, node: exp.Expr) -> Typed:
    inner = compiler.visit(node.this)
    return Typed(f"({inner.sql})", inner.kind, inner.columns, inner.fallible, inner.literal)


_CASTS = {
    exp.DataType.Type.DATE: Kind.DATE,
    exp.DataType.Type.INT: Kind.INTEGER,
    exp.DataType.Type.BIGINT: Kind.INTEGER,
    exp.DataType.Type.DECIMAL: Kind.NUMBER,
}


def _cast(compiler: Compiler, node: exp.Expr) -> Typed:
    target = node.args["to"]
    kind = _CASTS.get(target.this)
    plain_decimal = [p.name for p in target.expressions] in ([], ["18", "3"])
    if type(node) is not exp.Cast or kind is None or not plain_decimal:
        return _untyped_cast(compiler, node)
    return compiler.as_kind(compiler.visit(node.this), kind, lenient=True)


def _untyped_cast(compiler: Compiler, node: exp.Expr) -> Typed:
    if not compiler.trusted:
        raise not_allowed(node)
    times = {exp.DataType.Type.TIMESTAMP: Kind.TIMESTAMP, exp.DataType.Type.TIMESTAMPTZ: Kind.MOMENT}
    kind = times.get(node.args["to"].this, Kind.ANY)
    inner = compiler.visit(node.this)
    copy = node.copy()
    copy.set("this", exp.Var(this=inner.sql))
    return Typed(copy.sql("duckdb"), kind, inner.columns, fallible=True)


def _case(compiler: Compiler, node: exp.Expr) -> Typed:
    refuse_arguments(node, "this", "ifs", "default")
    subject = compiler.visit(node.this) if node.this else None
    conditions, values = [], []
    for branch in node.args["ifs"]:
        test = compiler.visit(branch.this)
        conditions.append(compare(compiler, "=", subject, test) if subject else compiler.as_kind(test, Kind.BOOLEAN))
        values.append(compiler.visit(branch.args["true"]))
    default = node.args.get("default")
    values.append(compiler.visit(default) if default is not None else Typed("null", Kind.NOTHING))
    kind, unified = unify(compiler, values)
    arms = "".join(f" when {c.sql} then {v.sql}" for c, v in zip(conditions, unified, strict=False))
    return joined(kind, f"case{arms} else {unified[-1].sql} end", *conditions, *unified)


def unify(compiler: Compiler, values: list[Typed]) -> tuple[Kind, list[Typed]]:
    """Bring the branches of a choice to one type."""
    kinds = {value.kind for value in values} - {Kind.NOTHING}
    if len(kinds) <= 1:
        kind = next(iter(kinds), Kind.NOTHING)
        return kind, values
    order = (Kind.ANY, Kind.LIST, Kind.MOMENT, Kind.TIMESTAMP, Kind.DATE, Kind.NUMBER, Kind.INTEGER, Kind.BOOLEAN)
    target = next(kind for kind in order if kind in kinds)
    if target is Kind.INTEGER and Kind.TEXT in kinds:
        target = Kind.NUMBER
    if target is Kind.ANY:
        return target, values
    return target, [v if v.kind is Kind.NOTHING else compiler.as_kind(v, target) for v in values]


def _coalesce(compiler: Compiler, node: exp.Expr) -> Typed:
    kind, values = unify(compiler, [compiler.visit(n) for n in (node.this, *node.expressions)])
    return joined(kind, f"coalesce({', '.join(v.sql for v in values)})", *values)


def _nullif(compiler: Compiler, node: exp.Expr) -> Typed:
    value, other = compiler.visit(node.this), compiler.visit(node.expression)
    test = compare(compiler, "=", value, other)
    return joined(value.kind, f"case when {test.sql} then null else {value.sql} end", value, test)


def compare(compiler: Compiler, operator: str, left: Typed, right: Typed) -> Typed:
    """Compare two values as one type; empty text is no value, so that ``x = ''`` asks for none."""
    for one, other in ((left, right), (right, left)):
        if other.literal == "" and operator in {"=", "<>"}:
            return joined(Kind.BOOLEAN, f"({one.sql} is {'not ' if operator == '<>' else ''}null)", one)
    _, (a, b) = unify(compiler, [left, right])
    return joined(Kind.BOOLEAN, f"({a.sql} {operator} {b.sql})", a, b)


#: The nodes that every expression may hold; ``functions`` adds the functions and operators.
CORE: dict[type[exp.Expr], Callable[[Compiler, exp.Expr], Typed]] = {
    exp.Column: _column,
    exp.Literal: _literal,
    exp.Null: _constant,
    exp.Boolean: _constant,
    exp.Paren: _paren,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Case: _case,
    exp.Coalesce: _coalesce,
    exp.Nullif: _nullif,
}
