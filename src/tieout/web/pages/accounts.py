"""
The accounts, and the proof of one.
"""

from __future__ import annotations

from fastapi import APIRouter, HTTPException
from starlette.responses import HTMLResponse

from tieout.observe.accounts import statements_of
from tieout.web.pages.overview import judged, proofs_of
from tieout.web.pages.visit import Visiting

__all__ = ["every_account", "proof", "router"]

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
