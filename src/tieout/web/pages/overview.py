"""
The first page: does it tie, where is the money, what needs me.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from tieout.model.money import exponent_of
from tieout.observe import worklist
from tieout.observe.accounts import accounts
from tieout.observe.completeness import completeness
from tieout.observe.deliveries import delivery_totals
from tieout.observe.flow import money
from tieout.web.drawing import picture_of
from tieout.web.pages.visit import Visit, Visiting

if TYPE_CHECKING:
    from tieout.observe.completeness import ExpectedFile

__all__ = ["missing_files", "overview", "proofs_of", "router"]

router = APIRouter()
_ACCOUNTS_SHOWN = 8
_REASONS_SHOWN = 9


@router.get("/")
def overview(visit: Visiting) -> HTMLResponse:
    """Answer the three questions."""
    desk, scope = visit.desk, visit.address.scope
    if delivery_totals(desk.store).count == 0:
        return visit.page("start.html")
    flow, tied, latest = visit.kept(("money", scope), lambda: money(desk.store, scope))
    wanted = desk.wanted(scope, currency=visit.address.asked.get("currency"))
    reasons = visit.kept(("reasons", wanted), lambda: worklist.by_reason(desk.store.book, wanted))
    proven = proofs_of(visit)
    base = desk.workspace.base_currency
    return visit.page(
        "overview.html",
        flow=flow,
        tied=tied,
        latest=scope.as_of or latest,
        picture=picture_of(flow),
        reasons=reasons[:_REASONS_SHOWN],
        reasons_hidden=len(reasons[_REASONS_SHOWN:]),
        open_count=sum(row.count for row in reasons),
        open_weight=sum(row.weight for row in reasons),
        base=base,
        base_exponent=exponent_of(base),
        proofs=proven[:_ACCOUNTS_SHOWN],
        accounts=len(proven),
        proven=sum(1 for _, proof in proven if proof is not None and proof.is_proven),
        missing=missing_files(visit),
    )


def proofs_of(visit: Visit) -> list[tuple[Any, Any]]:
    """Give every account of the scope with its proof, if there is one; what is not proven comes first."""
    desk, scope = visit.desk, visit.address.scope

    def made() -> list[tuple[Any, Any]]:
        rows = accounts(desk.store, desk.workspace, scope)
        return [(row, desk.proof(row.account_id, scope.until, scope.known_at)) for row in rows]

    found = visit.kept(("proofs", scope), made)
    return sorted(found, key=lambda pair: (-pair[0].open_items, pair[1] is not None and pair[1].is_proven))


def missing_files(visit: Visit) -> list[ExpectedFile]:
    """List the files that should have come and did not."""
    desk, day = visit.desk, visit.address.scope.as_of
    found = visit.kept(("missing", day), lambda: completeness(desk.store, desk.workspace, day))
    return found.outstanding
