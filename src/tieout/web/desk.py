"""
What the pages work with: the stores of one workspace, and the views that cost too much to take for every request.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from tieout.observe.work import worklist

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Hashable

    from tieout.config import Workspace
    from tieout.observe.proofs.proof import AccountProof
    from tieout.observe.proofs.proving import ProvesAccounts
    from tieout.observe.scope import Scope
    from tieout.store.workplace import Store

__all__ = ["Desk"]

_T = TypeVar("_T")
_KEPT_MAX = 64


def _not_yet(account_id: str, as_of: dt.date | None, known_at: dt.datetime | None) -> AccountProof | None:
    del account_id, as_of, known_at
    return None


@dataclass(slots=True)
class Desk:
    """
    One workspace, open.

    :ivar proof: makes proofs; nothing is proven while nobody does.
    """

    workspace: Workspace
    store: Store
    proof: ProvesAccounts = _not_yet
    _kept: OrderedDict[Hashable, Any] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def kept(self, key: Hashable, make: Callable[[], _T]) -> _T:
        """Give a view that was made before under this key, or make it."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]  # type: ignore[no-any-return]  # it is what ``make`` gave
        made = make()
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > _KEPT_MAX:
                self._kept.popitem(last=False)
        return made

    def wanted(self, scope: Scope, **more: Any) -> worklist.Wanted:
        """Write the part of the work list that a scope speaks of."""
        return worklist.Wanted(
            entity_id=scope.entity, first=scope.first, last=scope.until, known_at=scope.known_at, **more
        )
