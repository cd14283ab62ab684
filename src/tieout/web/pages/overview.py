"""
The first page: does it tie, where is the money, what needs me.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from tieout.model.money import exponent_of
from tieout.observe.arrivals.completeness import completeness
from tieout.observe.arrivals.deliveries import delivery_totals
from tieout.observe.exporting.exports import Filters
from tieout.observe.money.accounts import accounts
from tieout.observe.money.cash import UnderWay, under_way
from tieout.observe.money.flow import money
from tieout.observe.work import worklist
from tieout.web.drawing import picture_of
from tieout.web.pages.visit import Visit, Visiting
from tieout.web.words import proof_words

if TYPE_CHECKING:
    from tieout.observe.arrivals.completeness import ExpectedFile
    from tieout.observe.scope import Scope

__all__ = ["filters_of", "judged", "missing_files", "overview", "proofs_of", "router", "sum_of"]

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
    listed = proofs_of(visit)
    proven, unproven = judged(listed)
    moving = visit.kept(("moving", scope), lambda: under_way(desk.store, desk.workspace, filters_of(scope)))
    base = desk.workspace.base_currency
    return visit.page(
        "overview.html",
        flow=flow,
        tied=tied,
        latest=scope.as_of or latest,
        picture=picture_of(flow),
        moving=sum_of(moving, scope.currency),
        moving_elsewhere=sum_of([row for row in moving if row.currency != scope.currency], None),
        reasons=reasons[:_REASONS_SHOWN],
        reasons_hidden=len(reasons[_REASONS_SHOWN:]),
        open_count=sum(row.count for row in reasons),
        open_weight=sum(row.weight for row in reasons),
        base=base,
        base_exponent=exponent_of(base),
        proofs=listed[:_ACCOUNTS_SHOWN],
        listed=len(listed),
        accounts=proven + unproven.total(),
        proven=proven,
        unproven=unproven.most_common(),
        missing=missing_files(visit),
    )


def filters_of(scope: Scope) -> Filters:
    """Ask a table for what stands at the end of a scope's last day."""
    return Filters(entity=scope.entity, as_of=scope.until, known_at=scope.known_at)


def sum_of(rows: list[UnderWay], currency: str | None) -> UnderWay:
    """Sum what is on its way in a currency; of several, only payouts are counted."""
    mine = [row for row in rows if currency in (None, row.currency)]
    exponent = max((row.exponent for row in mine), default=exponent_of(currency) if currency else 0)
    amount = sum(row.amount * 10 ** (exponent - row.exponent) for row in mine) if currency else 0
    counts = {"count": sum(row.count for row in mine), "late": sum(row.late for row in mine)}
    return UnderWay(account_id=None, currency=currency or "", exponent=exponent, amount=amount, **counts)


def proofs_of(visit: Visit) -> list[tuple[Any, Any]]:
    """Give every account of the scope with its proof, if there is one; what is not proven comes first, the ledger's last."""
    desk, scope = visit.desk, visit.address.scope

    def made() -> list[tuple[Any, Any]]:
        rows = accounts(desk.store, desk.workspace, scope)
        return [(row, desk.proof(row.account_id, scope.until, scope.known_at)) for row in rows]

    found = visit.kept(("proofs", scope), made)
    return sorted(
        found,
        key=lambda pair: (pair[0].kind == "ledger", -pair[0].open_items, pair[1] is not None and pair[1].is_proven),
    )


def judged(found: list[tuple[Any, Any]]) -> tuple[int, Counter[str]]:
    """Count the accounts that are proven, and the others by what keeps each from it; the ledger's own are neither."""
    said = [proof_words(account, proof) for account, proof in found if account.kind != "ledger"]
    return said.count(""), Counter(words for words in said if words)


def missing_files(visit: Visit) -> list[ExpectedFile]:
    """List the files that should have come and did not."""
    desk, day = visit.desk, visit.address.scope.as_of
    found = visit.kept(("missing", day), lambda: completeness(desk.store, desk.workspace, day))
    return found.outstanding
