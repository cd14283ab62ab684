"""
From the language in which queries are handed over (DuckDB's) to Spark's, as expressions, never as text.

What both have under one name and mean alike is left alone. Everything else has one function here that says what it
becomes; what is in neither group fails in Spark by name, and no answer comes out of it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["translated"]

_EPOCH = "1970-01-01"
#: Decimals that an amount may carry.
_EXPONENTS = range(1, 10)
_WIDE = exp.DataType.build("decimal(38, 0)", dialect="spark")
_SUMMED = exp.DataType.build("decimal(19, 0)", dialect="spark")
_BIGINT = exp.DataType.build("bigint", dialect="spark")


def translated(
    text: str, read_files: Callable[[list[str], frozenset[str]], str], columns_of: Callable[[str], list[str]]
) -> str:
    """
    Write a query in Spark's language.

    :param read_files: makes a relation of Parquet files (with columns that say where each row is) and gives its name.
    :param columns_of: gives the columns of a query in Spark's language.
    """
    tree = _parsed(text).copy()
    for table in list(tree.find_all(exp.Table)):
        if isinstance(table.this, exp.ReadParquet):
            files, *options = table.this.expressions
            places = frozenset(option.this.name for option in options) - {"union_by_name"}
            name = read_files([file.name for file in files.expressions], places)
            table.set("this", exp.to_identifier(name, quoted=True))
    for union in list(tree.find_all(exp.Union)):
        if union.args.get("by_name"):
            _by_position(union, columns_of)
    return _written(tree)


@lru_cache(maxsize=2_000)
def _parsed(text: str) -> exp.Expr:
    return sqlglot.parse_one(text, read="duckdb")


def _written(tree: exp.Expr) -> str:
    for node in reversed(list(tree.walk())):  # from the inside out
        new = _expression(node)
        if new is not node:
            node.replace(new)
    for select in list(tree.find_all(exp.Select)):
        _replaced_columns(select)
        _several_lists(select)
        _members_in_columns(select)
        _members_in_conditions(select)
    return tree.sql(dialect="spark", identify=True)


def _expression(node: exp.Expr) -> exp.Expr:  # noqa: C901, PLR0911 - one line for each word that differs
    """Translate what stands by itself."""
    if isinstance(node, exp.DataType):
        return {exp.DType.INT128: _WIDE, exp.DType.UBIGINT: _BIGINT}.get(node.this, node).copy()
    if isinstance(node, exp.Sum) and not isinstance(node.this, exp.Cast):
        # Sums are wider than what is summed: only what leaves the engine must fit.
        return exp.Sum(this=exp.Cast(this=node.this, to=_SUMMED.copy()))
    if isinstance(node, exp.Sub) and _is_epoch(node.expression):
        return exp.Cast(this=exp.Anonymous(this="unix_date", expressions=[node.this]), to=_BIGINT.copy())
    if isinstance(node, exp.Add) and _is_epoch(node.this):
        return exp.Anonymous(this="date_from_unix_date", expressions=[_as_int(node.expression)])
    if isinstance(node, exp.ArrayAgg) and isinstance(node.this, exp.Order):
        return _list_in_order(node.this)
    if isinstance(node, exp.RegexpReplace):
        return _with_groups(node)
    if isinstance(node, exp.Length):
        return exp.Anonymous(this="size" if _is_list(node.this) else "length", expressions=[node.this])
    if isinstance(node, exp.ArrayOverlaps):
        return exp.Anonymous(this="arrays_overlap", expressions=[node.this, node.expression])
    if isinstance(node, exp.Unnest) and not isinstance(node.parent, (exp.From, exp.Join)):
        return exp.Explode(this=node.expressions[0])
    if isinstance(node, exp.Window) and isinstance(node.this, exp.Count) and isinstance(node.this.this, exp.Distinct):
        return _different_over(node)
    if isinstance(node, exp.Anonymous):
        return _function(node)
    return node


def _is_epoch(node: exp.Expr) -> bool:
    return isinstance(node, exp.Cast) and node.is_type("date") and node.this.name == _EPOCH


def _as_int(node: exp.Expr) -> exp.Expr:
    return exp.Cast(this=node, to=exp.DataType.build("int"))


def _is_list(node: exp.Expr) -> bool:
    return isinstance(node, exp.Column) and node.name in {"ours", "theirs"}


def _with_groups(node: exp.RegexpReplace) -> exp.Expr:
    """Write what a part of a text becomes with Java's sign for what was found in brackets."""
    new = node.copy()
    new.set("replacement", exp.Literal.string(node.args["replacement"].name.replace("\\", "$")))
    return new


def _list_in_order(order: exp.Order) -> exp.Expr:
    """Gather a list in the order of a column; of the column itself, or of something that it carries along."""
    value, (by,) = order.this, order.expressions
    if by.this == value:
        return exp.Anonymous(this="sort_array", expressions=[exp.Anonymous(this="collect_list", expressions=[value])])
    return _told_of(exp.Struct(expressions=[exp.alias_(by.this, "place"), exp.alias_(value, "told")]))


def _different_over(window: exp.Window) -> exp.Expr:
    """Count the different values in a window by gathering them: Spark counts different ones of groups only."""
    (value,) = window.this.this.expressions
    window.set("this", exp.Anonymous(this="collect_set", expressions=[value]))
    return exp.Cast(this=exp.Anonymous(this="size", expressions=[window.copy()]), to=_BIGINT.copy())


def _written_in_order(value: exp.Expr, by: Sequence[exp.Expr]) -> exp.Expr:
    """Write texts of a group behind each other, in the order of columns."""
    names = [exp.alias_(column, f"by_{number}") for number, column in enumerate(by)]
    row = exp.Struct(expressions=[*names, exp.alias_(value, "told")])
    return exp.Anonymous(this="concat_ws", expressions=[exp.Literal.string(""), _told_of(row)])


def _told_of(row: exp.Struct) -> exp.Expr:
    """Gather rows, put them in the order of their fields, and give what each carries as ``told``."""
    gathered = exp.Anonymous(this="collect_list", expressions=[row])
    told = exp.Dot(this=exp.to_identifier("x"), expression=exp.to_identifier("told"))
    each = exp.Lambda(this=told, expressions=[exp.to_identifier("x")])
    return exp.Anonymous(this="transform", expressions=[exp.Anonymous(this="array_sort", expressions=[gathered]), each])


def _function(node: exp.Anonymous) -> exp.Expr:
    """Translate a function that the expression tree has no word for."""
    name, given = str(node.this).lower(), node.expressions
    if name == "hash":
        # Never negative, as there: 0 is less than any spelling.
        hashed = exp.Anonymous(this="xxhash64", expressions=given)
        return exp.Anonymous(this="shiftrightunsigned", expressions=[hashed, exp.Literal.number(1)])
    if name == "list_position":
        return exp.Anonymous(this="array_position", expressions=given)
    if name == "to_json":
        options = sqlglot.parse_one("map('ignoreNullFields', 'false')", read="spark")
        return exp.Anonymous(this="to_json", expressions=[*given, options])
    if name == "list_in_order":
        return _written_in_order(given[0], given[1:])
    if name == "decimal_text":
        return _decimal_text(*given)
    return node


def _decimal_text(minor: exp.Expr, exponent: exp.Expr) -> exp.Expr:
    """Write an amount with its decimals, as the macro of that name does (store.engine)."""
    case = exp.Case(this=exponent)
    case = case.when("0", exp.cast(minor.copy(), "string", dialect="spark"))
    for decimals in _EXPONENTS:
        unit = f"cast('0.{'0' * (decimals - 1)}1' as decimal({decimals + 1}, {decimals}))"
        whole = exp.Cast(this=minor.copy(), to=_SUMMED.copy())
        text = exp.cast(
            exp.Mul(this=whole, expression=sqlglot.parse_one(unit, read="spark")), "string", dialect="spark"
        )
        case = case.when(str(decimals), text)
    return case


def _replaced_columns(select: exp.Select) -> None:
    """Write ``* replace (x as y)`` as ``* except (y), x as y``."""
    for projection in list(select.expressions):
        star = projection.this if isinstance(projection, exp.Column) else projection
        if isinstance(star, exp.Star) and star.args.get("replace"):
            replaced = star.args.pop("replace")
            names = [exp.column(alias.alias) for alias in replaced]
            star.set("except_", [*(star.args.get("except_") or []), *names])
            for alias in replaced:
                select.append("expressions", alias)


def _several_lists(select: exp.Select) -> None:
    """Take two lists apart side by side: Spark takes one apart in a select."""
    lists = [p for p in select.expressions if isinstance(p, exp.Alias) and isinstance(p.this, exp.Explode)]
    if len(lists) < 2:
        return
    zipped = exp.Anonymous(this="arrays_zip", expressions=[p.this.this.copy() for p in lists])
    names = [p.alias for p in lists]
    view = exp.Lateral(
        this=exp.Anonymous(this="inline", expressions=[zipped]),
        view=True,
        alias=exp.TableAlias(this=exp.to_identifier("apart_"), columns=[exp.to_identifier(n) for n in names]),
    )
    for projection in lists:
        projection.set("this", exp.column(projection.alias, table="apart_"))
    select.append("laterals", view)


def _members_in_columns(select: exp.Select) -> None:
    """Write ``x in (select y ...)`` among the columns as a join: Spark allows it in conditions only."""
    asked = [
        node
        for projection in select.expressions
        for node in projection.find_all(exp.In)
        if node.args.get("query") is not None and node.parent_select is select
    ]
    for number, node in enumerate(asked):
        name = f"members_{number}"
        select.join(
            _members(node.args["query"]).distinct().subquery(name),
            on=exp.EQ(this=exp.column("member", table=name), expression=node.this.copy()),
            join_type="left",
            copy=False,
        )
        node.replace(exp.Not(this=exp.Is(this=exp.column("member", table=name), expression=exp.Null())))


def _members_in_conditions(select: exp.Select) -> None:
    """Write ``x not in (select y ...)`` as ``not exists``: numbers of things are never null, and Spark cannot know it."""
    where = select.args.get("where")
    if where is None:
        return
    for number, node in enumerate(list(where.find_all(exp.Not))):
        inside = node.this
        if not (isinstance(inside, exp.In) and inside.args.get("query") is not None and inside.parent_select is select):
            continue
        inner = inside.args["query"]
        name = f"left_out_{number}"
        found = exp.select("1").from_(_members(inner).subquery(name))
        found = found.where(exp.EQ(this=exp.column("member", table=name), expression=inside.this.copy()))
        node.replace(exp.Not(this=exp.Exists(this=found)))


def _members(query: exp.Expr) -> exp.Select:
    """Select the only column of a query as ``member``."""
    inner = query.this if isinstance(query, exp.Subquery) else query
    if not isinstance(inner, exp.Query):
        raise TypeError
    column = exp.column(inner.selects[0].alias_or_name)
    return exp.select(exp.alias_(column, "member")).from_(inner.copy().subquery("told_"))


def _by_position(union: exp.Union, columns_of: Callable[[str], list[str]]) -> None:
    """Bring both halves of a union by name into the order of the first."""
    columns = columns_of(_written(union.left.copy()))
    for half in ("this", "expression"):
        inner = union.args[half].copy()
        named = exp.select(*(exp.column(name, quoted=True) for name in columns)).from_(inner.subquery("half_"))
        union.set(half, named)
    union.args.pop("by_name")
