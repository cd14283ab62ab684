"""
``tieout quarantine --settle`` and ``--reopen``: a person's decision about what could not be read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tieout.cli._asked import reason_given
from tieout.cli._opening import opened
from tieout.cli._output import measured, say, say_json

if TYPE_CHECKING:
    from tieout.cli._asked import Asked
    from tieout.config import Workspace
    from tieout.store.workplace import Store

__all__ = ["UNREAD", "decide", "how_many_open"]

#: What the quarantine lists: rows and files that could not be read, not figures that are wrong in what could.
UNREAD = "t.severity <> 'finding'"
_OPEN = f"{UNREAD} and t.settled is null"
_PLACE = re.compile(r"([^:]+)(?::([0-9]{1,18}))?", re.ASCII)


def how_many_open(wanted: Asked, entity: str | None = None) -> int:
    """Count the entries that nothing closed yet."""
    from tieout.observe.exporting.exports import Filters
    from tieout.observe.exporting.overview import overview

    with opened(wanted) as (place, store):
        return overview(store, place, "quarantine", Filters(entity=entity), _OPEN, 0).count


def decide(wanted: Asked, settle: str | None, reopen: str | None, reason: str | None) -> int:
    """
    Close entries, or open them again.

    :return: the exit status: 1 while something is open.
    :raises WrongUse: not exactly one of both is asked for, a reason is missing, or there is no such entry.
    """
    from tieout import pipeline
    from tieout.clock import system_clock
    from tieout.errors import WrongUse

    named = settle if reopen is None else reopen
    if named is None or (settle is not None and reopen is not None):
        message = "expected --settle DELIVERY[:LINE] or --reopen DELIVERY[:LINE], and one of them"
        raise WrongUse(message)
    if reason is None:
        message = "expected --reason: why it is closed or opened again stands in the audit log"
        raise WrongUse(message)
    began = system_clock.monotonic()
    with opened(wanted) as (place, store):
        found = _entries(store, place, named, settled=reopen is not None)
        pipeline.decide_quarantine(store, place, found, reason_given(reason), settled=reopen is None)
    left = how_many_open(wanted)
    if wanted.as_json:
        say_json({"decided": len(found), "open": left, **measured({"decide": system_clock.monotonic() - began})})
    else:
        say(f"{len(found)} {'closed' if reopen is None else 'opened again'}, {left} open")
    return int(left > 0)


def _entries(store: Store, place: Workspace, named: str, *, settled: bool) -> list[Any]:
    """Find the entries that are meant: open ones to close, or those that a person closed."""
    from tieout.errors import WrongUse
    from tieout.intake.receive import delivery_named
    from tieout.intake.settle import Entry
    from tieout.observe.exporting.exports import rows_of

    parts = _PLACE.fullmatch(named)
    if parts is None:
        message = f"expected DELIVERY or DELIVERY:LINE, such as 7a2bf463:5, got {named!r}"
        raise WrongUse(message)
    delivery_id, line = delivery_named(store, parts[1]), parts[2]
    state = "t.settled = 'decision'" if settled else "t.settled is null"
    at = "" if line is None else f" and t.line = {int(line)}"
    condition = f"{UNREAD} and {state} and t.delivery_id = '{delivery_id}'{at}"
    rows = rows_of(store, place, "quarantine", ("delivery_id", "member", "line"), condition)
    if not rows:
        what = "that a person closed" if settled else "open"
        where = "in it" if line is None else f"in its line {line}"
        message = (
            f"expected an entry of the quarantine that is {what}, got delivery {delivery_id[:12]}, and none {where}"
        )
        message += ": see `tieout quarantine --all`"
        raise WrongUse(message)
    return sorted({Entry(*row) for row in rows}, key=lambda entry: entry.subject)
