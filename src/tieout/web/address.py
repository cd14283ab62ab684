"""
The address of a page: it carries what the page speaks of, so that a link shows a colleague the same figures.

``entity``, ``currency``, ``period`` (``2026-10``), ``as_of`` (a day) and ``known_at`` (a moment, UTC).
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from tieout.errors import BadInput
from tieout.observe.scope import Scope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tieout.config import Workspace

__all__ = ["SCOPE_KEYS", "Address", "address_of"]

SCOPE_KEYS = ("entity", "currency", "period", "as_of", "known_at")
_PERIOD = re.compile(r"(\d{4})-(\d{2})", re.ASCII)
_TEXT_MAX = 200
_DECEMBER = 12


@dataclass(frozen=True, slots=True)
class Address:
    """
    Where the reader is.

    :ivar asked: everything behind the question mark, empty values left out.
    """

    path: str
    asked: Mapping[str, str]
    scope: Scope

    def link(self, path: str, **changes: object) -> str:
        """Write a link that keeps the scope; a change of None drops a key."""
        return _written(path, {key: self.asked[key] for key in SCOPE_KEYS if key in self.asked}, changes)

    def same(self, **changes: object) -> str:
        """Write a link to this page with everything that was asked, changed."""
        return _written(self.path, dict(self.asked), changes)

    def kept(self, *without: str) -> list[tuple[str, str]]:
        """List what a form must carry along in hidden fields."""
        return [(key, value) for key, value in self.asked.items() if key not in without]


def _written(path: str, values: dict[str, str], changes: Mapping[str, object]) -> str:
    values = {key: value for key, value in values.items() if key not in changes}
    values |= {key: str(value) for key, value in changes.items() if value is not None and value != ""}
    return path + ("?" + urlencode(values, quote_via=quote) if values else "")


def address_of(path: str, query: Mapping[str, str], workspace: Workspace) -> Address:
    """
    Read an address.

    :raises BadInput: a part of it is not what it should be.
    """
    asked = {key: value.strip()[:_TEXT_MAX] for key, value in query.items() if value.strip()}
    entity = asked.get("entity")
    if entity is not None and entity not in {one.id for one in workspace.entities}:
        known = ", ".join(one.id for one in workspace.entities)
        message = f"expected a company of tieout.toml ({known}), got {entity!r} in the address (entity)"
        raise BadInput(message)
    first, last = _period(asked.get("period"))
    return Address(
        path,
        asked,
        Scope(
            currency=_currency(asked.get("currency")) or _own_currency(workspace, entity),
            entity=entity,
            first=first,
            last=last,
            as_of=_day(asked.get("as_of")),
            known_at=_moment(asked.get("known_at")),
        ),
    )


def _own_currency(workspace: Workspace, entity: str | None) -> str:
    return workspace.base_currency if entity is None else workspace.entity(entity).currency


def _currency(text: str | None) -> str | None:
    from tieout.model.money import exponent_of

    if text is not None:
        exponent_of(text)
    return text


def _period(text: str | None) -> tuple[dt.date | None, dt.date | None]:
    if text is None:
        return None, None
    found = _PERIOD.fullmatch(text)
    if found is None or not 1 <= int(found[2]) <= _DECEMBER or int(found[1]) < 1:
        message = f"expected a month such as 2026-10, got {text!r} in the address (period)"
        raise BadInput(message)
    year, month = int(found[1]), int(found[2])
    behind = dt.date(year + month // _DECEMBER, month % _DECEMBER + 1, 1)
    return dt.date(year, month, 1), behind - dt.timedelta(days=1)


def _day(text: str | None) -> dt.date | None:
    try:
        return None if text is None else dt.date.fromisoformat(text)
    except ValueError:
        message = f"expected a day such as 2026-10-31, got {text!r} in the address (as_of)"
        raise BadInput(message) from None


def _moment(text: str | None) -> dt.datetime | None:
    try:
        at = None if text is None else dt.datetime.fromisoformat(text)
    except ValueError:
        message = f"expected a moment such as 2026-11-02T09:14 (UTC), got {text!r} in the address (known_at)"
        raise BadInput(message) from None
    return at.replace(tzinfo=dt.UTC) if at is not None and at.tzinfo is None else at
