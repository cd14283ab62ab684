"""
What the figures of the overview are made of: lines of one part of the flow, payouts on their way, reconciliations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, HTTPException
from starlette.responses import HTMLResponse

from tieout.observe.exporting.overview import overview
from tieout.observe.exporting.writing import literal
from tieout.observe.money.cash import COUNTED, under_way
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
    number, kind = page_number(visit), visit.address.asked.get("kind")
    found = visit.kept(("lines", scope, part, number, kind), lambda: lines(desk.store, scope, part, number, kind))
    return visit.page("money.html", part=part, kind=kind, found=found, number=number, scope=scope)


def page_number(visit: Visit) -> int:
    """Read which page of a list is asked for; the first, if it is none."""
    page = visit.address.asked.get("page", "1")
    return int(page) if page.isascii() and page.isdigit() and 0 < int(page) < _PAGES_MAX else 1


@router.get("/in-transit")
def on_the_way(visit: Visiting) -> HTMLResponse:
    """List the payouts that left a platform and have not arrived, of every currency."""
    desk, scope, asked = visit.desk, visit.address.scope, visit.address.asked
    only, late = asked.get("only"), "late" in asked
    condition = "true" if only is None else f"t.currency = {literal(only)} and {COUNTED}"
    condition += " and how = 'late'" if late else ""

    def made() -> Overview:
        return overview(
            desk.store, desk.workspace, "in_transit", filters_of(scope), condition=condition, most=_PAYOUTS_SHOWN
        )

    moving = visit.kept(("moving", scope), lambda: under_way(desk.store, desk.workspace, filters_of(scope)))
    currencies = sorted({row.currency for row in moving if only in (None, row.currency)})
    sums = [sum_of(moving, currency) for currency in currencies]
    found = visit.kept(("in transit", scope, only, late), made)
    return visit.page("in_transit.html", found=found, sums=[] if late else sums, only=only, late=late)


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
    state = asked.get("state")
    found = visit.kept(
        ("compared", scope, name, part, number, state),
        lambda: compared(desk.store, scope, name, part, number, state),
    )
    return visit.page("compared.html", found=found, name=name, part=part, number=number, state=state, scope=scope)
