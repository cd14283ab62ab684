"""
Lists that Stripe cut: ``"has_more": true`` says that more follows, on a page that has to be asked for.

What is missing is said where the list holds money: of a charge's refunds, whose page comes by itself, and of a page of a
file that no page of the same list follows there. Nothing in a page says how many follow: the next one of its address in
the file is taken for what follows where it goes on, later objects first, as Stripe lists them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tieout.formats.stripe.nested import is_money, money_in
from tieout.formats.stripe.values import Object, identifier, instant, objects_in
from tieout.model.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CutPages", "cut_lists_in"]

_DEPTH_MAX = 24


@dataclass(frozen=True, slots=True)
class _Page:
    """The last object of a page that is cut, when it was made (seconds since 1970), and the page's line."""

    last: str | None
    created: int | None
    line: int


class CutPages:
    """The pages of a file that are cut and not yet followed, by the address of their list."""

    def __init__(self) -> None:
        """Begin with none."""
        self._waiting: dict[str, _Page] = {}
        self._cut: list[Problem] = []

    def note(self, page: Object, line: int) -> None:
        """Look at one page of the file, in the file's order."""
        listed, address = objects_in(page), str(page.get("url") or "")
        before = self._waiting.pop(address, None)
        if before is not None and not _goes_on(before, listed):
            self._cut.append(_said(address, before))
        if _is_cut(page) and (not listed or any(money_in(each) for each in listed)):
            last = listed[-1] if listed else {}
            self._waiting[address] = _Page(identifier(last), _created(last), line)

    def problems(self) -> list[Problem]:
        """Say, at the file's end, what follows no page of it."""
        return [*self._cut, *(_said(address, page) for address, page in self._waiting.items())]


def cut_lists_in(item: Object) -> list[str]:
    """Say which lists of money inside an object are cut: one sentence each."""
    return [
        f"expected all of the list {path} of {identifier(holder) or holder.get('object') or 'the object'}, got its first"
        f" {len(objects_in(page))} with has_more: what follows {identifier((objects_in(page) or [{}])[-1])} is not read; bring"
        " the rest, each by itself"
        for path, page, holder in _lists_in(item, item)
        if _is_cut(page) and any(is_money(each) for each in objects_in(page))
    ]


def _lists_in(value: object, holder: Object, depth: int = 0) -> Iterator[tuple[str, Object, Object]]:
    """Walk through an object to its lists: the key of each, the list, and what has it."""
    if depth >= _DEPTH_MAX:
        return
    if isinstance(value, list):
        for each in value:
            yield from _lists_in(each, holder, depth + 1)
    elif isinstance(value, dict):
        own = holder if value.get("object") == "list" else value
        for key, each in value.items():
            if key == "metadata":
                continue
            if isinstance(each, dict) and each.get("object") == "list":
                yield key, each, own
            yield from _lists_in(each, own, depth + 1)


def _is_cut(page: Object) -> bool:
    return page.get("has_more") is True


def _created(item: Object) -> int | None:
    found: Any = item.get("created")
    return found if instant(found) is not None else None


def _goes_on(before: _Page, listed: list[Object]) -> bool:
    """Whether a page may be the one behind another: it begins with something else that is no later."""
    if not listed or identifier(listed[0]) == before.last:
        return not listed
    begins = _created(listed[0])
    return begins is None or before.created is None or begins <= before.created


def _said(address: str, page: _Page) -> Problem:
    return Problem(
        message=(
            f"expected the list {address:.80} to its end, got a page with has_more that no further page follows in the file:"
            f" what comes behind {page.last} is not read; bring the next page (starting_after={page.last}), line {page.line}"
        ),
        line=page.line,
        reason="incomplete",
        at_ingest=True,
    )
