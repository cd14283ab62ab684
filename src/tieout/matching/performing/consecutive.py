"""
Performing a rule of consecutive lines: payouts that nothing names, each of which is a run of lines of one account.

Lines of an account and currency stand in the order in which they were booked; then in that of their moments, where the
source states them, and of their numbers. Whatever of the other side has the currency and falls within the days is laid
against them. What is certain is a match; what is no accident, and yet not certain, is held back from weaker rules.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tieout.matching.performing.left_open import note_undecided
from tieout.matching.pools.windows import OPERATIONS_MAX, Targets, prefix_windows

if TYPE_CHECKING:
    import numpy.typing as npt

    from tieout.matching.backends.engine import Engine
    from tieout.matching.grammar.rules import Rule
    from tieout.matching.performing.perform import Performance
    from tieout.matching.pools.windows import Window

    Whole = npt.NDArray[np.int64]

__all__ = ["find_consecutive"]

#: Accounts with everything that could be their payouts; beyond, all of it is *undecided*.
_LAID_MAX = 50_000_000
#: What is said of a thing: it is of the only answer, or was before its equals; held back; not decided; between two runs.
_CHOSEN, _IN_ORDER, _HELD, _BEYOND, _BETWEEN = range(5)
_SAID = pa.schema(
    {
        "pool": pa.int64(), "anchor": pa.int64(), "said": pa.int32(), "thing": pa.int64(), "chain": pa.int32(),
        "accidents": pa.int64(),
    },
)  # fmt: skip


def find_consecutive(work: Performance, rule: Rule) -> None:
    """
    Make ``summed`` of a rule of consecutive lines, and add to ``held`` and ``undecided`` what stays unclear.

    Reads ``l``, ``r`` and ``window``, as a plan does.
    """
    engine = work.engine
    lines, one = (("l", "left"), ("r", "right")) if rule.shape == "n:1" else (("r", "right"), ("l", "left"))
    _put_in_order(engine, *lines)
    _put_in_order(engine, *one)
    # An entry and the transactions inside it are the same money: the parts say more.
    engine.view(
        "whole_entries",
        f"""select f.parent as thing from family f join {lines[0]} c on c.thing = f.child
            union select f.parent from family f join {one[0]} c on c.thing = f.child
                join {one[0]} p on p.thing = f.parent where p.amount = c.amount""",
    )
    engine.create(
        "line_pools",
        f"""select account, ccy, row_number() over (order by account, ccy) as pool, min(calendar) as calendar,
                min(day) as first_day, max(day) as last_day from {lines[0]}_placed group by account, ccy""",
    )
    _lay(engine, lines[0], one[0])
    laid = engine.count("line_pools") * engine.count(one[0])
    bound = f"'runs' as bound, null::bigint as had, {OPERATIONS_MAX}::bigint as most"
    if laid > _LAID_MAX:
        engine.create("said_of_runs", f"select thing as anchor, {_BEYOND} as said from {one[0]}")
        engine.create("summed", _nothing_summed())
        bound = f"'laid' as bound, {laid}::bigint as had, {_LAID_MAX}::bigint as most"
    else:
        function = partial(_judged, sure_micro=rule.coincidence_micro, in_order=rule.interchangeable)
        engine.group("said_of_runs", "select * from laid", "pool", function, _SAID)
        _keep(engine, lines, one)
    note_undecided(engine, f"select distinct anchor as thing, {bound} from said_of_runs where said = {_BEYOND}")


def _put_in_order(engine: Engine, short: str, side: str) -> None:
    """
    Make ``l_placed`` or ``r_placed``: things with their account, their place in it, and their moment.

    Whatever stood first in a file decides nothing.
    """
    number = "coalesce(length(a.external_id), 0), a.external_id nulls first, a.record_key, a.record_id"
    engine.view(
        f"{short}_placed",
        f"""select s.thing, s.ccy, s.amount, s.{short}_day as day, s.calendar, coalesce(a.account_id, '') as account,
                row_number() over (partition by coalesce(a.account_id, ''), s.ccy
                    order by s.{short}_day, a.occurred_at nulls first, {number}) as place,
                a.occurred_at as moment
            from {short} s join "{side}_all" a on a.thing = s.thing""",
    )


def _lay(engine: Engine, lines: str, one: str) -> None:
    """Make ``laid``: the lines of each account and currency, and beside them what could be made of them."""
    if lines == "l":
        span = 'select calendar, r_day, min(l_day) as first_day, max(l_day) as last_day from "window" group by all'
        on = "w.calendar = s.calendar and w.r_day = s.day"
    else:
        span = 'select calendar, l_day, min(r_day) as first_day, max(r_day) as last_day from "window" group by all'
        on = "w.calendar = p.calendar and w.l_day = s.day"
    engine.view(
        "laid",
        f"""select p.pool, true as is_line, s.thing, s.amount, s.day, s.account, s.place, s.moment,
                0::integer as first_day, 0::integer as last_day
            from {lines}_placed s join line_pools p on p.account = s.account and p.ccy = s.ccy
            anti join whole_entries e on e.thing = s.thing
            union all
            select p.pool, false, s.thing, s.amount, s.day, s.account, s.place, s.moment, w.first_day, w.last_day
            from {one}_placed s join line_pools p on p.ccy = s.ccy join ({span}) w on {on}
            anti join whole_entries e on e.thing = s.thing
            where w.first_day <= p.last_day and w.last_day >= p.first_day""",
    )


def _keep(engine: Engine, lines: tuple[str, str], one: tuple[str, str]) -> None:
    """Make ``summed`` of what was said, without what contradicts itself, and without what a person took apart."""
    engine.view(
        "torn",
        f"""select anchor from (select distinct pool, anchor from said_of_runs where said < {_BEYOND})
            group by anchor having count(*) > 1""",
    )
    forbidden = "f.l = c.thing and f.r = c.anchor" if lines[0] == "l" else "f.r = c.thing and f.l = c.anchor"
    engine.view(
        "whole",
        f"""select c.* from said_of_runs c anti join torn t on t.anchor = c.anchor
            anti join (select distinct c.anchor from said_of_runs c join forbidden f on {forbidden}) u
                on u.anchor = c.anchor
            where c.said in ({_CHOSEN}, {_IN_ORDER})""",
    )
    # The margin over its equals is none, and the match says so.
    margin = f"case when said = {_IN_ORDER} then 0 end as margin"
    figures = f"0::bigint as difference, null::bigint as taken, {margin}, accidents as coincidence, chain as beside"
    engine.create(
        "summed",
        f"""select distinct anchor as bundle, '{one[1]}' as side, anchor as thing, {figures} from whole
            union all select anchor, '{lines[1]}', thing, {figures} from whole""",
    )
    engine.view(
        "held_now",
        f"""select thing from said_of_runs where said = {_HELD} union select anchor from said_of_runs where said = {_HELD}
            union select anchor from torn
            union select c.thing from said_of_runs c join torn t on t.anchor = c.anchor
                where c.said in ({_CHOSEN}, {_IN_ORDER})""",
    )
    engine.add("held", "select thing from held_now")
    engine.add("held_in_chains", "select thing from held_now")
    engine.add("between_chains", f"select thing from said_of_runs where said = {_BETWEEN}")


def _nothing_summed() -> str:
    return """select 0::bigint as bundle, 'left' as side, 0::bigint as thing, 0::bigint as difference,
        null::bigint as taken, 0::integer as margin, 0::bigint as coincidence, 0::integer as beside where false"""


def _judged(rows: pa.Table, *, sure_micro: int, in_order: bool) -> pa.Table:
    """
    Say what is made of the lines of one account and currency.

    :param in_order: equal amounts of one moment are taken in the order of their numbers.
    """
    is_line = rows["is_line"].to_numpy(zero_copy_only=False)
    lines = rows.filter(pa.array(is_line)).sort_by("place")
    ones = rows.filter(pa.array(~is_line)).sort_by(
        [("day", "ascending"), ("account", "ascending"), ("place", "ascending")]
    )
    days = _whole(lines, "day")
    targets = Targets(
        _whole(ones, "amount"),
        _whole(ones, "day"),
        np.searchsorted(days, _whole(ones, "first_day"), "left").astype(np.int64),
        np.searchsorted(days, _whole(ones, "last_day"), "right").astype(np.int64),
    )
    amounts, moments = _whole(lines, "amount"), _moments(days, lines["moment"])
    windows = prefix_windows(amounts, targets, sure_micro=sure_micro)
    anchors, things = _whole(ones, "thing"), _whole(lines, "thing")
    said = [_said(window, amounts, moments, in_order=in_order) for window in windows]
    told = [number for number, one in enumerate(said) if one is not None]
    sizes = [max(windows[number].end - windows[number].start, 1) for number in told]
    found = [things[windows[n].start : windows[n].end] if windows[n].end else anchors[n : n + 1] for n in told]
    between = things[_between([w for w, one in zip(windows, said, strict=True) if one in {_CHOSEN, _IN_ORDER}])]
    columns = {
        "pool": np.full(sum(sizes), rows["pool"][0].as_py()),
        "anchor": np.repeat(anchors[told], sizes),
        "said": np.repeat(np.array([said[n] for n in told], np.int32), sizes),
        "thing": np.concatenate([np.zeros(0, np.int64), *found]),
        "chain": np.repeat(np.array([windows[n].chain for n in told], np.int32), sizes),
        "accidents": np.repeat(np.array([windows[n].lambda_micro for n in told], np.int64), sizes),
    }
    told_of_lines = pa.table(columns, schema=_SAID)
    none = np.zeros(len(between), np.int64)
    gaps = {"pool": none, "anchor": none, "said": none + _BETWEEN, "thing": between, "chain": none, "accidents": none}
    return pa.concat_tables([told_of_lines, pa.table(gaps).cast(_SAID)])


def _between(certain: list[Window]) -> Whole:
    """Name the lines between runs that are certain: a line is missing there, or one too many."""
    ordered = sorted((window.start, window.end) for window in certain)
    gaps = [np.arange(one[1], other[0]) for one, other in pairwise(ordered)]
    return np.concatenate([np.zeros(0, np.int64), *gaps])


def _moments(days: Whole, moments: pa.ChunkedArray) -> Whole:
    """Number what has the same day and the same moment, or none."""
    known = moments.cast(pa.int64()).fill_null(-1).to_numpy()
    changes = (np.diff(days) != 0) | (np.diff(known) != 0)
    return np.concatenate([np.zeros(min(len(days), 1), np.int64), np.cumsum(changes)])


def _whole(rows: pa.Table, name: str) -> Whole:
    found: Whole = rows[name].to_numpy().astype(np.int64)
    return found


def _said(window: Window, amounts: Whole, moments: Whole, *, in_order: bool) -> int | None:
    """Say what a window means for its payout; None: nothing."""
    if window.outcome == "undecided":
        return _BEYOND
    if not window.end:
        return None
    borders = (window.start, window.end)
    if window.outcome != "unique":
        return _HELD
    if all(_tells(amounts, moments, place) for place in borders):
        return _CHOSEN
    return _IN_ORDER if in_order else _HELD


def _tells(amounts: Whole, moments: Whole, place: int) -> bool:
    """
    Say whether what stands on which side of a border is more than a matter of numbers.

    Of two equal amounts of one moment either could be the one before it.
    """
    if place in (0, len(amounts)):
        return True
    moment = moments[place - 1]
    if moments[place] != moment:
        return True
    first, last = np.searchsorted(moments, moment, "left"), np.searchsorted(moments, moment, "right")
    return not np.intersect1d(amounts[first:place], amounts[place:last]).size
