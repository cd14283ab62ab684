"""
Messages that a bank cuts into pages, each a file with statements of its own: is one of the pages missing, law 4.

Where a page cuts a statement in two, that statement's chain says what is missing (intake.pages). Where every statement
stands whole, nothing but the message's own numbers says it. Which pages came, the exception that asks for the others
remembers; a message that came whole has none.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from tieout.intake.findings import Finding, newest
from tieout.intake.overlap import TOLD
from tieout.store import schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import sqlalchemy as sa

    from tieout.intake.places import StatementPlace
    from tieout.model.statements import Statement

__all__ = ["message_findings", "message_scope"]

# Missing pages that are named one by one.
_NAMED_MAX = 10


@dataclass(frozen=True, slots=True)
class _Page:
    """
    A page of a message, as a delivery brought it.

    :ivar begins: whether every booked statement on it begins there; ``ends``: whether every one ends there.
    """

    delivery_id: str
    number: int
    last: bool
    begins: bool
    ends: bool


def message_scope(entity_id: str, message_id: str) -> str:
    """Name the scope of one message."""
    return f"message {entity_id} {message_id}"


def message_findings(
    connection: sa.Connection,
    source_id: str,
    entity_id: str,
    delivery_id: str,
    statements: Iterable[Statement],
    places: Sequence[StatementPlace],
) -> dict[str, list[Finding]]:
    """
    Give what is missing of the messages that a delivery brings pages of, by scope.

    :param places: all statements of its accounts, its own among them.
    """
    by_message: dict[str, list[Statement]] = {}
    for statement in statements:
        if statement.message is not None:
            by_message.setdefault(statement.message.message_id, []).append(statement)
    found: dict[str, list[Finding]] = {}
    for message_id, stated in by_message.items():
        scope = message_scope(entity_id, message_id)
        own = _pages(delivery_id, stated)
        known, is_open = _known(connection, scope)
        others = [page for page in known if page.delivery_id != delivery_id]
        if not is_open and _tells_nothing_new(own, known, delivery_id, places):
            found[scope] = []
            continue
        pages = {page.number: page for page in [*others, *own]}
        missing = _missing(pages)
        found[scope] = [_finding(scope, message_id, source_id, delivery_id, pages, missing, places)] if missing else []
    return found


def _pages(delivery_id: str, stated: list[Statement]) -> list[_Page]:
    """Put the statements of each page together."""
    by_number: dict[int, list[Statement]] = {}
    for statement in stated:
        assert statement.message is not None  # noqa: S101 - the caller asked
        by_number.setdefault(statement.message.number, []).append(statement)
    return [
        _Page(
            delivery_id,
            number,
            any(s.message is not None and s.message.last for s in on_it),
            all(s.begins for s in on_it if s.final),
            all(s.ends for s in on_it if s.final),
        )
        for number, on_it in sorted(by_number.items())
    ]


def _known(connection: sa.Connection, scope: str) -> tuple[list[_Page], bool]:
    """Read the pages that the message's exceptions remember, and whether one of these is open."""
    rows = list(connection.execute(newest(schema.exception.c.scope == scope)).mappings())
    said = {_Page(**page) for row in rows for page in json.loads(row["candidates"])}
    return sorted(said, key=lambda page: (page.number, page.delivery_id)), any(row["state"] == "open" for row in rows)


def _tells_nothing_new(
    own: list[_Page], known: list[_Page], delivery_id: str, places: Sequence[StatementPlace]
) -> bool:
    """Whether a message that lacked nothing is only told again: by pages that are known, or statements that stand."""
    if {page.number for page in own} <= {page.number for page in known}:
        return True
    others = {_told(place) for place in places if place.delivery_id != delivery_id}
    return all(_told(place) in others for place in places if place.delivery_id == delivery_id)


def _told(place: StatementPlace) -> tuple[object, ...]:
    return tuple(getattr(place, name) for name in (*TOLD, "net"))


def _missing(pages: dict[int, _Page]) -> list[str]:
    """List the pages that are missing, but for those that a statement asks for which is cut there."""
    last = max((number for number, page in pages.items() if page.last), default=None)
    end = max(pages) + 1 if last is None else last
    absent = [number for number in range(1, end + 1) if number not in pages]
    return [str(number) for number in absent if not _is_asked_for(number, pages)]


def _is_asked_for(number: int, pages: dict[int, _Page]) -> bool:
    before = max((n for n in pages if n < number), default=None)
    after = min((n for n in pages if n > number), default=None)
    return (before is not None and not pages[before].ends) or (after is not None and not pages[after].begins)


def _finding(
    scope: str,
    message_id: str,
    source_id: str,
    delivery_id: str,
    pages: dict[int, _Page],
    missing: list[str],
    places: Sequence[StatementPlace],
) -> Finding:
    got = " and ".join(map(str, sorted(pages)[:_NAMED_MAX]))
    more = ", and more to follow" if not any(page.last for page in pages.values()) else ""
    are = "is" if len(missing) == 1 else "are"
    own = [place for place in places if place.delivery_id == delivery_id]
    return Finding(
        scope=scope,
        reason="incomplete",
        note=f"expected every page of message {message_id}, got page {got}{more}: page {' and '.join(missing[:_NAMED_MAX])}"
        f" {are} missing; bring it, it may hold whole statements",
        source_id=source_id,
        delivery_id=delivery_id,
        account_id=min((place.account_id for place in own), default=None),
        booked_day=max((place.to_day for place in own if place.to_day is not None), default=None),
        candidates=[asdict(page) for page in sorted(pages.values(), key=lambda page: page.number)],
    )
