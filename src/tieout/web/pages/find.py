"""
Finding anything by any identifier that any system uses for it.
"""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import HTMLResponse, RedirectResponse, Response

from tieout.observe.things.explain import explain
from tieout.observe.work import worklist
from tieout.web.pages.visit import Visiting

__all__ = ["find", "router"]

router = APIRouter()


@router.get("/find")
def find(visit: Visiting) -> Response:
    """Go to the one thing that is called so, or list those that are."""
    asked = visit.address.asked.get("q", "")
    if not asked:
        return visit.page("find.html", asked="", found=None)
    known = worklist.item(visit.desk.store.book, asked.lower())
    if known is not None:
        return RedirectResponse(visit.address.link(f"/exceptions/{known.exception_id}"), 303)
    found = explain(visit.desk.store, asked, follow=False)
    if len(found.records) == 1 and not found.deliveries:
        record_id = found.records[0]["record"]["record_id"]
        return RedirectResponse(visit.address.link(f"/items/{record_id}"), 303)
    if len(found.deliveries) == 1 and not found.count:
        delivery_id = found.deliveries[0]["delivery_id"]
        return RedirectResponse(visit.address.link(f"/deliveries/{delivery_id}"), 303)
    return _listed(visit, asked, found)


def _listed(visit: Visiting, asked: str, found: object) -> HTMLResponse:
    return visit.page("find.html", asked=asked, found=found)
