"""
What came in, what became of it, and what could not be read: why, and what to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from tieout import pipeline
from tieout.errors import BadInput
from tieout.model.texts import storable
from tieout.observe.arrivals.deliveries import delivery, delivery_page, delivery_totals, unread
from tieout.observe.arrivals.told import WHICH, told_rows
from tieout.web.pages.money import page_number
from tieout.web.pages.overview import missing_files
from tieout.web.pages.visit import Visit, Visiting

if TYPE_CHECKING:
    from tieout.observe.arrivals.deliveries import Delivery

__all__ = ["deliveries", "one_delivery", "read_again", "router", "rows_of_a_delivery"]

router = APIRouter()
_SEQUENCE_DIGITS = 18


@router.get("/deliveries")
def deliveries(visit: Visiting) -> HTMLResponse:
    """List deliveries, the newest first."""
    asked = visit.address.asked
    before = asked.get("before")
    if before is not None and not (before.isascii() and before.isdigit() and len(before) <= _SEQUENCE_DIGITS):
        message = f"expected a whole number, got {before!r} in the address (before)"
        raise BadInput(message)
    rows, more = delivery_page(
        visit.desk.store,
        before=None if before is None else int(before),
        source=asked.get("source"),
        wanting=asked.get("show") == "unread",
    )
    return visit.page(
        "deliveries.html",
        rows=rows,
        more=more,
        totals=delivery_totals(visit.desk.store),
        missing=missing_files(visit),
        only_unread=asked.get("show") == "unread",
    )


@router.get("/deliveries/{delivery_id}")
def one_delivery(visit: Visiting, delivery_id: str) -> HTMLResponse:
    """Show one delivery: its rows add up, and what could not be read stands as it came."""
    return _shown(visit, _found(visit, delivery_id))


@router.get("/deliveries/{delivery_id}/rows")
def rows_of_a_delivery(visit: Visiting, delivery_id: str) -> HTMLResponse:
    """List the rows that a delivery told: the new ones, those that were known, or both."""
    which, number, found = visit.address.asked.get("which", "all"), page_number(visit), _found(visit, delivery_id)
    if which not in WHICH:
        raise HTTPException(404, f"expected one of {', '.join(WHICH)}, got {which[:40]!r}")
    rows = visit.kept(
        ("told", delivery_id, which, number), lambda: told_rows(visit.desk.store, delivery_id, which, number)
    )
    return visit.page("delivery_rows.html", delivery=found, which=which, found=rows, number=number)


@router.post("/deliveries/{delivery_id}/replay")
async def read_again(request: Request, visit: Visiting, delivery_id: str) -> Response:
    """Read a delivery again, with today's formats and mappings."""
    from starlette.concurrency import run_in_threadpool

    form = parse_qs((await request.body()).decode("utf-8", "replace"))
    reason = storable((form.get("reason") or [""])[0].strip())
    found = await run_in_threadpool(_found, visit, delivery_id)
    if not reason:
        said = "Say why it is read again: the reason stands in the audit log."
        return await run_in_threadpool(_shown, visit, found, said)
    desk = visit.desk
    await run_in_threadpool(pipeline.replay, desk.store, desk.workspace, delivery_id, reason[:500])
    return RedirectResponse(visit.address.link(f"/deliveries/{delivery_id}", read="again"), 303)


def _found(visit: Visit, delivery_id: str) -> Delivery:
    found = delivery(visit.desk.store, delivery_id)
    if found is None:
        raise HTTPException(404, f"there is no delivery {delivery_id[:40]}")
    return found


def _shown(visit: Visit, found: Delivery, fault: str | None = None) -> HTMLResponse:
    return visit.page(
        "delivery.html",
        status=400 if fault else 200,
        delivery=found,
        unread=unread(visit.desk.store, found.delivery_id),
        fault=fault,
        again=visit.address.asked.get("read") == "again",
    )
