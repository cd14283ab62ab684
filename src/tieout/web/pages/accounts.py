"""
The accounts, and the proof of one.
"""

from __future__ import annotations

from fastapi import APIRouter, HTTPException
from starlette.responses import HTMLResponse

from tieout.observe.money.accounts import statements_of
from tieout.observe.proofs.parts import PARTS, PartAsked, proof_part
from tieout.web.pages.money import page_number
from tieout.web.pages.overview import judged, proofs_of
from tieout.web.pages.visit import Visiting

__all__ = ["every_account", "proof", "router", "what_a_figure_is_made_of"]

router = APIRouter()


@router.get("/accounts")
def every_account(visit: Visiting) -> HTMLResponse:
    """List the accounts, those with something open first."""
    found = proofs_of(visit)
    proven, unproven = judged(found)
    return visit.page("accounts.html", proofs=found, proven=proven, accounts=proven + unproven.total())


@router.get("/proof")
def proof(visit: Visiting) -> HTMLResponse:
    """Show the proof of one account."""
    account_id = visit.address.asked.get("account", "")
    state = next((state for state, _ in proofs_of(visit) if state.account_id == account_id), None)
    if state is None:
        raise HTTPException(404, f"there is no account {account_id!r} in what is shown")
    scope = visit.address.scope
    return visit.page(
        "proof.html",
        account=state,
        proof=visit.desk.proof(account_id, scope.until, scope.known_at),
        statements=statements_of(visit.desk.store, account_id),
    )


@router.get("/proof/{part}")
def what_a_figure_is_made_of(visit: Visiting, part: str) -> HTMLResponse:
    """List the lines that one figure of a proof is the sum of."""
    desk, scope, asked = visit.desk, visit.address.scope, visit.address.asked
    account_id, number = asked.get("account", ""), page_number(visit)
    if part not in PARTS:
        raise HTTPException(404, f"expected one of {', '.join(PARTS)}, got {part[:40]!r}")
    wanted = PartAsked(part=part, kind=asked.get("kind"), state=asked.get("state"), reason=asked.get("reason"))
    found = visit.kept(
        ("proof part", scope, account_id, wanted, number),
        lambda: proof_part(desk.store, desk.workspace, account_id, wanted, scope.until, scope.known_at, number),
    )
    if found is None:
        raise HTTPException(404, f"there is no account {account_id!r} with a proof in what is shown")
    return visit.page("proof_part.html", account_id=account_id, asked=wanted, found=found, number=number)
