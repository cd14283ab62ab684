"""
The list of everything that needs a person: filter, sort, turn pages, open.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from tieout.errors import BadInput
from tieout.model.money import exponent_of
from tieout.observe.snapshot import latest_day
from tieout.observe.work import worklist
from tieout.web.pages.visit import Visit, Visiting

if TYPE_CHECKING:
    import datetime as dt

    from tieout.observe.work.worklist import Cursor, Item, Wanted

__all__ = ["exceptions", "place_of", "router", "selected"]

router = APIRouter()
_FILTERS = ("reason", "reconciliation", "source", "account", "entity", "currency")
_COLUMNS = {"source": "source_id", "account": "account_id", "entity": "entity_id"}
_LABELS = {"reconciliation": "Reconciliation", "source": "Source", "account": "Account", "entity": "Company"}


@router.get("/exceptions")
def exceptions(visit: Visiting) -> HTMLResponse:
    """Show a page of the list; htmx asks for the grid alone."""
    desk, asked = visit.desk, visit.address.asked
    wanted = _wanted(visit)
    sort, descending = _sort(asked.get("sort", "value")), asked.get("dir", "desc") != "asc"
    total = visit.kept(("total", wanted), lambda: worklist.total(desk.store.book, wanted))
    cursor = _cursor(asked)
    found = worklist.page(desk.store.book, wanted, sort, descending=descending, cursor=cursor, count=total.count)
    first = _whole(asked.get("row", "1"), "row")
    base = desk.workspace.base_currency
    return visit.page(
        "rows.html" if visit.swapped else "exceptions.html",
        found=found,
        total=total,
        first=first if found.rows else 0,
        page_rows=worklist.PAGE_ROWS,
        wanted=wanted,
        sort=sort,
        descending=descending,
        as_of=visit.address.scope.as_of or visit.kept("latest", lambda: _latest(visit)),
        base=base,
        base_exponent=exponent_of(base),
        place_of=place_of,
        states=worklist.STATES,
        labels=_LABELS,
        choices={} if visit.swapped else _choices(visit, wanted),
        filtered=any(key in asked for key in (*_FILTERS, "text")),
    )


@router.get("/exceptions/selected")
def selected(visit: Visiting) -> HTMLResponse:
    """Sum what the reader has selected, by currency."""
    ids = [part for part in visit.request.query_params.get("ids", "").split(",") if part]
    sums: defaultdict[tuple[str, int], int] = defaultdict(int)
    items = worklist.items(visit.desk.store.book, ids)
    for item in items.values():
        if item.amount is not None and item.currency is not None:
            sums[item.currency, item.exponent or 0] += item.amount
    return visit.page("selected.html", moves=False, selected=len(items), sums=sorted(sums.items()))


def _wanted(visit: Visit) -> Wanted:
    asked, scope = visit.address.asked, visit.address.scope
    state = asked.get("state", "open")
    if state not in worklist.STATES:
        message = f"expected one of {', '.join(worklist.STATES)}, got {state!r} in the address (state)"
        raise BadInput(message)
    narrowed = {_COLUMNS.get(name, name): asked.get(name) for name in _FILTERS}
    days = {"first": scope.first, "last": scope.until, "known_at": scope.known_at}
    return worklist.Wanted(**{"state": state, "text": asked.get("text"), **narrowed, **days})  # type: ignore[arg-type]  # as named


def _sort(name: str) -> str:
    if name not in worklist.SORTS:
        message = f"expected one of {', '.join(worklist.SORTS)}, got {name!r} in the address (sort)"
        raise BadInput(message)
    return name


def _cursor(asked: object) -> Cursor | None:
    """Read the place to go on from: ``behind=VALUE.ID`` or ``before=VALUE.ID``."""
    assert isinstance(asked, dict)  # noqa: S101 - what an address holds
    for key in ("behind", "before"):
        if key in asked:
            value, _, exception_id = asked[key].partition(".")
            at = None if value == "none" else _whole(value, key)
            return worklist.Cursor(at, exception_id, backwards=key == "before")
    return None


def _whole(text: str, key: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = -1
    if not 0 <= abs(number) < 1 << 62 or (number == -1 and text != "-1"):
        message = f"expected a whole number, got {text[:40]!r} in the address ({key})"
        raise BadInput(message)
    return number


def _choices(visit: Visit, wanted: Wanted) -> dict[str, list[str]]:
    found = visit.kept(("choices", wanted.state), lambda: worklist.choices(visit.desk.store.book, wanted.state))
    names = {column: name for name, column in _COLUMNS.items()}
    return {names.get(name, name): values for name, values in found.items()}


def _latest(visit: Visit) -> dt.date | None:
    with visit.desk.store.book.reading() as connection:
        return latest_day(connection)


def place_of(item: Item) -> str:
    """Write an item's place in the list, for the address."""
    return f"{'none' if item.place is None else item.place}.{item.exception_id}"
