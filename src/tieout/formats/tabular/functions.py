"""
The functions and operators that an expression may use: one handler each.

To allow one more, write its handler, add it to ``HANDLERS``, to ``parsing.ALLOWED`` and to the documentation of
mappings. Text functions give no value instead of empty text.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from sqlglot import exp

from tieout.formats.tabular import typed as sql
from tieout.formats.tabular.expressions import CORE, Compiler, compare, joined, unify
from tieout.formats.tabular.parsing import ExpressionFault, known_format, not_allowed, refuse_arguments
from tieout.formats.tabular.typed import Atom, Kind, Typed, list_of_text, quoted

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["HANDLERS"]


def _text(compiler: Compiler, node: exp.Expr) -> Typed:
    return compiler.as_kind(compiler.visit(node), Kind.TEXT)


def _no_empty(text: str) -> str:
    return f"nullif({text}, '')"


def _literal_text(compiler: Compiler, node: exp.Expr | None, what: str) -> str:
    """Give the value of an argument that must be a literal text."""
    value = compiler.visit(node).literal if node is not None else None
    if value is None:
        message = f"expected {what} as a text in single quotes"
        raise ExpressionFault(message)
    return value


def _whole(compiler: Compiler, node: exp.Expr) -> Typed:
    return compiler.as_kind(compiler.visit(node), Kind.INTEGER)


def _fold_case(compiler: Compiler, node: exp.Expr) -> Typed:
    refuse_arguments(node, "this")
    text = _text(compiler, node.this)
    return joined(Kind.TEXT, f"{'upper' if isinstance(node, exp.Upper) else 'lower'}({text.sql})", text)


def _trim(compiler: Compiler, node: exp.Expr) -> Typed:
    refuse_arguments(node, "this", "expression", "position")
    if node.args.get("position") is not None:
        raise not_allowed(node)
    parts = [_text(compiler, node.this)]
    if node.expression is not None:
        parts.append(_text(compiler, node.expression))
    return joined(Kind.TEXT, _no_empty(f"trim({', '.join(p.sql for p in parts)})"), *parts)


def _substring(compiler: Compiler, node: exp.Expr) -> Typed:
    refuse_arguments(node, "this", "start", "length")
    text = _text(compiler, node.this)
    places = [_whole(compiler, node.args[name]) for name in ("start", "length") if node.args.get(name) is not None]
    # The engine takes 32 bits for a place and raises beyond: no text is that long.
    limited = [f"least(greatest({p.sql}, -2147483647), 2147483647)" for p in places]
    return joined(Kind.TEXT, _no_empty(f"substr({', '.join([text.sql, *limited])})"), text, *places)


def _replace(compiler: Compiler, node: exp.Expr) -> Typed:
    refuse_arguments(node, "this", "expression", "replacement")
    parts = [_text(compiler, n) for n in (node.this, node.expression, node.args["replacement"])]
    return joined(Kind.TEXT, _no_empty(f"replace({', '.join(p.sql for p in parts)})"), *parts)


def _concat(compiler: Compiler, node: exp.Expr) -> Typed:
    refuse_arguments(node, "expressions")
    parts = [_text(compiler, n) for n in node.expressions]
    return joined(Kind.TEXT, _no_empty(f"concat({', '.join(p.sql for p in parts)})"), *parts)


def _pipes(compiler: Compiler, node: exp.Expr) -> Typed:
    parts = [_text(compiler, n) for n in (node.this, node.expression)]
    return joined(Kind.TEXT, f"({parts[0].sql} || {parts[1].sql})", *parts)


def _regexp_extract(compiler: Compiler, node: exp.Expr) -> Typed:
    refuse_arguments(node, "this", "expression", "group")
    text = _text(compiler, node.this)
    pattern = _literal_text(compiler, node.expression, "the pattern of regexp_extract")
    group = node.args.get("group")
    number = str(group.this) if isinstance(group, exp.Literal) and not group.is_string else "0"
    if (group is not None and number == "0" and str(group.this) != "0") or not number.isdigit() or len(number) > 1:
        message = "expected the group of regexp_extract as a digit from 0 to 9"
        raise ExpressionFault(message)
    fault = _fault_of_pattern(pattern, 0)
    if fault is not None:
        message = f"expected a regular expression in regexp_extract, got {pattern[:80]!r} ({fault})"
        raise ExpressionFault(message)
    if _fault_of_pattern(pattern, int(number)) is not None:
        message = f"expected a pattern with a group {number} in brackets in regexp_extract, got {pattern[:80]!r}"
        raise ExpressionFault(message)
    return joined(Kind.TEXT, _no_empty(f"regexp_extract({text.sql}, {quoted(pattern)}, {number})"), text)


@lru_cache(maxsize=1_024)
def _fault_of_pattern(pattern: str, groups: int) -> str | None:
    """
    Say what is wrong with a regular expression, in the words of the engine that runs it; None: nothing.

    :param groups: how many it must have at least: the engine gives an empty text for one that it lacks.
    """
    import duckdb

    with duckdb.connect() as con:
        try:
            asked = f", [{', '.join(quoted(str(n)) for n in range(groups))}]" if groups else ""
            con.execute(f"select regexp_extract('', $pattern{asked})", {"pattern": pattern}).fetchone()
        except duckdb.Error as error:
            return str(error).partition(": ")[2].split("\n")[0][:120] or "no regular expression"
    return None


def _strptime(compiler: Compiler, node: exp.Expr) -> Typed:
    refuse_arguments(node, "this", "format")
    given = node.args.get("format")
    choices = given.expressions if isinstance(given, exp.Array) else [given]
    formats = [_literal_text(compiler, choice, "the format of strptime") for choice in choices]
    for text in formats:
        if not known_format(text):
            message = f"expected a format of strptime such as '%d.%m.%Y', got {text!r}"
            raise ExpressionFault(message)
    argument = _text(compiler, node.this)
    listed = ", ".join(map(quoted, formats))
    result = f"strptime({argument.sql}, {f'[{listed}]' if len(formats) > 1 else listed})"
    if all(text.endswith("%z") for text in formats):
        result = sql.within_zones(argument.sql, result)
    expected = f"a date like {' or '.join(formats)}"
    zoned = any("%z" in text or "%Z" in text for text in formats)
    compiler.atoms.append(Atom(argument.sql, result, expected, argument.columns))
    return Typed(result, Kind.MOMENT if zoned else Kind.TIMESTAMP, argument.columns, fallible=True)


def _list(compiler: Compiler, node: exp.Expr) -> Typed:
    refuse_arguments(node, "expressions")
    parts = [_text(compiler, n) for n in node.expressions]
    listed = list_of_text(*(p.sql for p in parts)) if parts else "cast([] as varchar[])"
    return joined(Kind.LIST, listed, *parts)


def _number(compiler: Compiler, node: exp.Expr) -> Typed:
    return compiler.as_kind(compiler.visit(node), Kind.NUMBER)


def _add(compiler: Compiler, node: exp.Expr) -> Typed:
    """Add or subtract: decimals, whole numbers, or a day and a whole number of days."""
    sign = "+" if isinstance(node, exp.Add) else "-"
    left, right = compiler.visit(node.this), compiler.visit(node.expression)
    if left.kind in {Kind.DATE, Kind.TIMESTAMP}:
        day, days = compiler.as_kind(left, Kind.DATE), compiler.as_kind(right, Kind.INTEGER)
        moved = f"cast({day.sql} {sign} cast({days.sql} as integer) as date)"
        compiler.atoms.append(Atom(days.sql, moved, "a number of days", days.columns))
        return Typed(moved, Kind.DATE, joined(Kind.DATE, "", day, days).columns, fallible=True)
    if left.kind is right.kind is Kind.INTEGER:
        whole = joined(Kind.INTEGER, f"({left.sql} {sign} {right.sql})", left, right)
        return Typed(whole.sql, Kind.INTEGER, whole.columns, fallible=True)
    one, other = compiler.as_kind(left, Kind.NUMBER), compiler.as_kind(right, Kind.NUMBER)
    total = joined(Kind.NUMBER, f"cast({one.sql} {sign} {other.sql} as {compiler.digits.sql})", one, other)
    return Typed(total.sql, Kind.NUMBER, total.columns, fallible=True)


def _multiply(compiler: Compiler, node: exp.Expr) -> Typed:
    """Multiply exactly: a product with more decimals than can be kept is a fault of the row."""
    return _product(compiler, _number(compiler, node.this), _number(compiler, node.expression))


def _product(compiler: Compiler, one: Typed, other: Typed) -> Typed:
    """The exact product of two decimals."""
    result = sql.exactly(f"({one.sql} * {other.sql})", compiler.digits.sql)
    return Typed(result, Kind.NUMBER, joined(Kind.NUMBER, "", one, other).columns, fallible=True)


def _sign(compiler: Compiler, node: exp.Expr) -> Typed:
    value = compiler.visit(node.this)
    if value.kind is not Kind.INTEGER:
        value = compiler.as_kind(value, Kind.NUMBER)
    return joined(value.kind, f"abs({value.sql})" if isinstance(node, exp.Abs) else f"(-{value.sql})", value)


def _unit(compiler: Compiler, node: exp.Expr) -> Typed:
    """Read ``minor(x)``, an amount in minor units of the row's currency, and ``major(x)``, the plain one."""
    name = node.name.lower()
    if name not in {"minor", "major"}:
        if compiler.trusted:
            return compiler.free(node)
        raise not_allowed(node)
    if len(node.expressions) != 1:
        message = f"expected one argument in {name}(), got {len(node.expressions)}"
        raise ExpressionFault(message)
    inner = next((n for n in node.expressions[0].find_all(exp.Anonymous) if n.name.lower() in {"minor", "major"}), None)
    if inner is not None:
        message = f"expected one of minor() and major() around an amount, got {inner.name.lower()}() within {name}()"
        raise ExpressionFault(message)
    value = _number(compiler, node.expressions[0])
    if name == "major":
        return value
    if compiler.factor is None:
        message = "minor() is allowed in amounts only"
        raise ExpressionFault(message)
    units = {0: "1", 2: "0.01", 3: "0.001", 4: "0.0001"}
    arms = "".join(f" when {places} then {unit}" for places, unit in units.items())
    factor = Typed(f"cast(case {compiler.factor}{arms} end as decimal(5, 4))", Kind.NUMBER)
    return _product(compiler, value, factor)


def _connect(compiler: Compiler, node: exp.Expr) -> Typed:
    parts = [compiler.as_kind(compiler.visit(n), Kind.BOOLEAN) for n in (node.this, node.expression)]
    word = "and" if isinstance(node, exp.And) else "or"
    return joined(Kind.BOOLEAN, f"({parts[0].sql} {word} {parts[1].sql})", *parts)


def _not(compiler: Compiler, node: exp.Expr) -> Typed:
    value = compiler.as_kind(compiler.visit(node.this), Kind.BOOLEAN)
    return joined(Kind.BOOLEAN, f"(not {value.sql})", value)


_OPERATORS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}


def _comparison(compiler: Compiler, node: exp.Expr) -> Typed:
    return compare(compiler, _OPERATORS[type(node)], compiler.visit(node.this), compiler.visit(node.expression))


def _is(compiler: Compiler, node: exp.Expr) -> Typed:
    value = compiler.visit(node.this)
    if isinstance(node.expression, exp.Null):
        return joined(Kind.BOOLEAN, f"({value.sql} is null)", value)
    if isinstance(node.expression, exp.Boolean):
        truth = compiler.as_kind(value, Kind.BOOLEAN)
        return joined(Kind.BOOLEAN, f"({truth.sql} is {'true' if node.expression.this else 'false'})", truth)
    raise not_allowed(node)


def _in(compiler: Compiler, node: exp.Expr) -> Typed:
    refuse_arguments(node, "this", "expressions")
    value = compiler.visit(node.this)
    tests = [compare(compiler, "=", value, compiler.visit(n)) for n in node.expressions]
    return joined(Kind.BOOLEAN, f"({' or '.join(test.sql for test in tests)})", *tests)


def _between(compiler: Compiler, node: exp.Expr) -> Typed:
    refuse_arguments(node, "this", "low", "high")
    _, parts = unify(compiler, [compiler.visit(node.args[name]) for name in ("this", "low", "high")])
    return joined(Kind.BOOLEAN, f"({parts[0].sql} between {parts[1].sql} and {parts[2].sql})", *parts)


def _like(compiler: Compiler, node: exp.Expr) -> Typed:
    refuse_arguments(node, "this", "expression")
    text = _text(compiler, node.this)
    pattern = _literal_text(compiler, node.expression, "the pattern of like")
    return joined(Kind.BOOLEAN, f"({text.sql} like {quoted(pattern)})", text)


#: Everything that an expression may hold, by sqlglot's node type.
HANDLERS: dict[type[exp.Expr], Callable[[Compiler, exp.Expr], Typed]] = CORE | {
    exp.Upper: _fold_case,
    exp.Lower: _fold_case,
    exp.Trim: _trim,
    exp.Substring: _substring,
    exp.Replace: _replace,
    exp.Concat: _concat,
    exp.DPipe: _pipes,
    exp.RegexpExtract: _regexp_extract,
    exp.StrToTime: _strptime,
    exp.Array: _list,
    exp.Add: _add,
    exp.Sub: _add,
    exp.Mul: _multiply,
    exp.Neg: _sign,
    exp.Abs: _sign,
    exp.Anonymous: _unit,
    exp.And: _connect,
    exp.Or: _connect,
    exp.Not: _not,
    exp.EQ: _comparison,
    exp.NEQ: _comparison,
    exp.LT: _comparison,
    exp.LTE: _comparison,
    exp.GT: _comparison,
    exp.GTE: _comparison,
    exp.Is: _is,
    exp.In: _in,
    exp.Between: _between,
    exp.Like: _like,
}
