"""
Finding anything by any identifier that any system uses for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.responses import HTMLResponse, RedirectResponse, Response

from tieout.observe.things.explain import SHOWN_MAX, explain
from tieout.observe.work import worklist
from tieout.web.pages.money import page_number
from tieout.web.pages.visit import Visiting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tieout.observe.things.explain import Explanation

__all__ = ["find", "router"]

router = APIRouter()
#: What each sum of the page is of.
_SUMMED = ("kind", "status", "currency")


@router.get("/find")
def find(visit: Visiting) -> Response:
    """Go to the one thing that is called so, or list those that are."""
    asked = visit.address.asked.get("q", "")
    if not asked:
        return _listed(visit, "", None)
    known = worklist.item(visit.desk.store.book, asked.lower())
    if known is not None:
        return RedirectResponse(visit.address.link(f"/exceptions/{known.exception_id}"), 303)
    of, number = visit.address.asked.get("of", "").split(" "), page_number(visit)
    if len(of) == len(_SUMMED):
        found = explain(visit.desk.store, asked, follow=False, of=(of[0], of[1], of[2]), number=number)
        return _listed(visit, asked, found, of, number)
    found = explain(visit.desk.store, asked, follow=False)
    if len(found.records) == 1 and not found.deliveries:
        record_id = found.records[0]["record"]["record_id"]
        return RedirectResponse(visit.address.link(f"/items/{record_id}"), 303)
    if len(found.deliveries) == 1 and not found.count:
        delivery_id = found.deliveries[0]["delivery_id"]
        return RedirectResponse(visit.address.link(f"/deliveries/{delivery_id}"), 303)
    return _listed(visit, asked, found)


def _listed(
    visit: Visiting, asked: str, found: Explanation | None, of: Sequence[str] = (), number: int = 1
) -> HTMLResponse:
    """Write the page: everything that is called so, or what one of its sums counts (kind, status, currency)."""
    totals = [] if found is None else [row for row in found.totals if list(of) in ([], [row[key] for key in _SUMMED])]
    more = bool(of) and sum(row["count"] for row in totals) > number * SHOWN_MAX
    return visit.page("find.html", asked=asked, found=found, of=of, totals=totals, number=number, more=more)
