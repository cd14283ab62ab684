"""
What the figures of the overview are made of: lines of one part of the flow, payouts on their way, reconciliations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, HTTPException
from starlette.responses import HTMLResponse

from tieout.observe.exporting.overview import overview
from tieout.observe.money.cash import under_way
from tieout.observe.money.flow import MADE_OF, lines, money
from tieout.observe.money.tying import PARTS, compared, reconciled
from tieout.web.pages.overview import filters_of, sum_of
from tieout.web.pages.visit import Visit, Visiting

if TYPE_CHECKING:
    from tieout.observe.exporting.overview import Overview

__all__ = ["every_reconciliation", "on_the_way", "page_number", "part_of_the_flow", "router", "what_was_compared"]

router = APIRouter()
_PAGES_MAX = 100_000
_PAYOUTS_SHOWN = 500


@router.get("/money/{part}")
def part_of_the_flow(visit: Visiting, part: str) -> HTMLResponse:
    """List the lines that one figure of the flow is the sum of."""
    if part not in MADE_OF:
        raise HTTPException(404, f"expected one of {', '.join(MADE_OF)}, got {part[:40]!r}")
    desk, scope = visit.desk, visit.address.scope
    number = page_number(visit)
    found = visit.kept(("lines", scope, part, number), lambda: lines(desk.store, scope, part, number))
    return visit.page("money.html", part=part, found=found, number=number, scope=scope)


def page_number(visit: Visit) -> int:
    """Read which page of a list is asked for; the first, if it is none."""
    page = visit.address.asked.get("page", "1")
    return int(page) if page.isascii() and page.isdigit() and 0 < int(page) < _PAGES_MAX else 1


@router.get("/in-transit")
def on_the_way(visit: Visiting) -> HTMLResponse:
    """List the payouts that left a platform and have not arrived, of every currency."""
    desk, scope = visit.desk, visit.address.scope

    def made() -> Overview:
        return overview(desk.store, desk.workspace, "in_transit", filters_of(scope), most=_PAYOUTS_SHOWN)

    moving = visit.kept(("moving", scope), lambda: under_way(desk.store, desk.workspace, filters_of(scope)))
    sums = [sum_of(moving, currency) for currency in sorted({row.currency for row in moving})]
    return visit.page("in_transit.html", found=visit.kept(("in transit", scope), made), sums=sums)


@router.get("/tie")
def every_reconciliation(visit: Visiting) -> HTMLResponse:
    """Show how much of each reconciliation is explained."""
    desk, scope = visit.desk, visit.address.scope
    rows = visit.kept(("reconciled", scope), lambda: reconciled(desk.store, scope))
    _, tied, _ = visit.kept(("money", scope), lambda: money(desk.store, scope))
    return visit.page("tie.html", rows=rows, tied=tied)


@router.get("/compared")
def what_was_compared(visit: Visiting) -> HTMLResponse:
    """List the records that a figure of the reconciliations is the sum of."""
    desk, scope, asked = visit.desk, visit.address.scope, visit.address.asked
    name, part, number = asked.get("reconciliation"), asked.get("part"), page_number(visit)
    if part is not None and part not in PARTS:
        raise HTTPException(404, f"expected one of {', '.join(PARTS)}, got {part[:40]!r}")
    found = visit.kept(("compared", scope, name, part, number), lambda: compared(desk.store, scope, name, part, number))
    return visit.page("compared.html", found=found, name=name, part=part, number=number, scope=scope)
