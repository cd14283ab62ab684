"""
What exported exceptions are worth in the workspace's currency, as the console weighs them, but with their sign.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tieout.config.rates import read_rates
from tieout.model.money import exponent_of, format_minor, parse_decimal
from tieout.observe.snapshot import EPOCH
from tieout.observe.worth import Worth

if TYPE_CHECKING:
    import datetime as dt

    from tieout.observe.exporting.columns import Opened

__all__ = ["ready_worth"]


def ready_worth(opened: Opened) -> None:
    """Give the engine ``worth_of``: an amount as decimal text, its currency and its day to what it is worth, as text."""
    import pyarrow as pa
    from duckdb.func import ARROW, SPECIAL

    base = opened.workspace.base_currency
    worth = Worth(read_rates(opened.workspace.folder), base)

    def written(amount: str | None, currency: str | None, day: dt.date | None) -> str | None:
        if amount is None:
            return None
        digits, decimals = parse_decimal(amount)
        found = worth(digits, decimals, currency, None if day is None else (day - EPOCH).days)
        return None if found is None else format_minor(-found if digits < 0 else found, exponent_of(base))

    def worth_of(columns: tuple[Any, ...]) -> Any:
        rows = zip(*(column.to_pylist() for column in columns), strict=True)
        return pa.array([written(*row) for row in rows], pa.string())

    # As a lambda: the engine evaluates the annotations of what it is given.
    function = lambda a, b, c: worth_of((a, b, c))  # noqa: E731 - see above
    opened.con.create_function(
        "worth_of", function, ["VARCHAR", "VARCHAR", "DATE"], "VARCHAR", type=ARROW, null_handling=SPECIAL
    )
