"""
The console as an application: guards in front, pages behind, one way to say that something went wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from tieout.errors import BadInput, Rejected, TieoutError, Transient
from tieout.web.address import Address, address_of
from tieout.web.desk import Desk
from tieout.web.guards import Guard
from tieout.web.pages import accounts, deliveries, exceptions, find, money, overview, story
from tieout.web.rendering import STATIC, environment, figures_context

if TYPE_CHECKING:
    from tieout.config import Workspace
    from tieout.observe.proofs.proving import ProvesAccounts
    from tieout.store.workplace import Store

__all__ = ["create_app"]

_PAGES = (overview, exceptions, story, accounts, deliveries, money, find)
_YEAR_S = 31_536_000


class _Static(StaticFiles):
    """Files of ours: named by their content, so a browser asks once."""

    async def get_response(self, path: str, scope: Any) -> Response:
        answer = await super().get_response(path, scope)
        answer.headers["Cache-Control"] = f"public, max-age={_YEAR_S}, immutable"
        return answer


def create_app(workspace: Workspace, store: Store, proof: ProvesAccounts | None = None) -> FastAPI:
    """
    Make the console of one workspace.

    :param store: stays the caller's, who closes it.
    :param proof: makes the proofs of accounts; without it, accounts are listed and not proven.
    """
    app = FastAPI(title="tieout", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.desk = Desk(workspace, store, proof) if proof else Desk(workspace, store)
    app.state.templates = environment()
    for pages in _PAGES:
        app.include_router(pages.router)
    app.mount("/static", _Static(directory=STATIC), name="static")
    app.add_exception_handler(TieoutError, _refused)
    app.add_exception_handler(HTTPException, _not_found)
    app.add_exception_handler(Exception, _failed)
    app.add_middleware(GZipMiddleware, minimum_size=500)
    app.add_middleware(Guard)
    return app


def _refused(request: Request, error: Exception) -> HTMLResponse:
    """Say what was expected, what came and where; and what to do."""
    status, step = 500, "Try again; if it stays, look at the terminal that runs 'tieout serve'."
    if isinstance(error, BadInput):
        status, step = 400, "Correct the address, or begin at the overview."
    elif isinstance(error, Rejected):
        status, step = 409, "Nothing was changed. Correct what the sentence names, and send it again."
    elif isinstance(error, Transient):
        status, step = 503, "Nothing was changed. Try again in a moment."
    return _trouble(request, status, str(error), step)


def _not_found(request: Request, error: Exception) -> HTMLResponse:
    status = getattr(error, "status_code", 404)
    detail = str(getattr(error, "detail", ""))
    said = detail if detail and detail != "Not Found" else f"there is no page {request.url.path}"
    return _trouble(request, status, said, "Find it by any identifier above, or begin at the overview.")


def _failed(request: Request, error: Exception) -> HTMLResponse:
    said = f"the console failed: {type(error).__name__}"
    return _trouble(request, 500, said, "Nothing was changed. The terminal that runs 'tieout serve' says where.")


def _trouble(request: Request, status: int, said: str, step: str) -> HTMLResponse:
    desk: Desk = request.app.state.desk
    address: Address = address_of(request.url.path, {}, desk.workspace)
    template = request.app.state.templates.get_template("trouble.html")
    context = figures_context(address, request.headers.get("accept-language"))
    counts: dict[str, Any] = {"nav": {}, "workspace": desk.workspace}
    return HTMLResponse(template.render(**context, **counts, status=status, said=said, step=step), status)
