"""
One visit of a reader: where they are, what they may see, and the page that they get.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import Depends, Request
from starlette.responses import HTMLResponse

from tieout.observe.arrivals.deliveries import delivery_totals
from tieout.observe.work import worklist
from tieout.web.address import Address, address_of
from tieout.web.rendering import figures_context

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from tieout.web.desk import Desk

__all__ = ["Visit", "Visiting"]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Visit:
    """
    What a page works with.

    :ivar version: of the facts, runs and decisions that the page shows.
    """

    request: Request
    desk: Desk
    address: Address
    version: tuple[int, int, int]

    @property
    def swapped(self) -> bool:
        """Whether only a part of the page is asked for."""
        headers = self.request.headers
        return headers.get("hx-request") == "true" and headers.get("hx-history-restore-request") != "true"

    def kept(self, what: Hashable, make: Callable[[], _T]) -> _T:
        """Give a view of what stands now: made again when facts, runs or decisions have changed, and only then."""
        return self.desk.kept((self.version, what), make)

    def page(self, template: str, status: int = 200, *, moves: bool = True, **shown: Any) -> HTMLResponse:
        """
        Write a page.

        :param moves: a part that is swapped in is a place of its own, which the browser's history keeps.
        """
        made = self.request.app.state.templates.get_template(template)
        context = figures_context(self.address, self.request.headers.get("accept-language"))
        context |= {"workspace": self.desk.workspace, "nav": {} if self.swapped else self._counts()}
        answer = HTMLResponse(made.render(**context, **shown), status)
        answer.headers["Vary"] = "HX-Request, Accept-Language"
        if self.swapped and moves:
            # what stands in the browser's address line: without the fields that a form left empty
            answer.headers["HX-Push-Url"] = self.address.same()
        return answer

    def _counts(self) -> dict[str, int]:
        """Count what stands beside the names of the pages."""
        desk = self.desk

        def made() -> dict[str, int]:
            totals = delivery_totals(desk.store)
            open_items = worklist.total(desk.store.book, worklist.Wanted()).count
            return {"exceptions": open_items, "unread": totals.wanting, "deliveries": totals.count}

        return self.kept("nav", made)


def _visit(request: Request) -> Visit:
    desk: Desk = request.app.state.desk
    address = address_of(request.url.path, request.query_params, desk.workspace)
    return Visit(request, desk, address, worklist.version(desk.store.book))


#: What a page's function takes.
Visiting = Annotated[Visit, Depends(_visit)]
