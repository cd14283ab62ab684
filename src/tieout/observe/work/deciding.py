"""
What a person can do about one exception: the exact commands, tried without deciding anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tieout.matching.deciding.exchanging import EXCHANGED
from tieout.matching.deciding.trying import try_matches
from tieout.model.money import format_shortest

if TYPE_CHECKING:
    from tieout.config import Workspace
    from tieout.observe.work.worklist import Item
    from tieout.store.workplace import Store

__all__ = ["Way", "ways_of"]

_EXPONENT = 9
_WHY = '--reason "..."'
#: So many of the nearest are tried.
_TRIED_MAX = 3
# What is of the same side as the exception: the two are compared, not matched.
_OF_ONE_SIDE = ("twin", "duplicate")
# What a difference is called first, by who has more: what it really is, the person says.
_MORE_EXPECTED, _MORE_ARRIVED = "discount", "over_payment"


@dataclass(frozen=True, slots=True)
class Way:
    """
    One way to decide.

    :ivar words: what it means that it is decided so. ``command``: to be typed in the workspace's folder.
    """

    words: str
    command: str


def ways_of(store: Store, workspace: Workspace, item: Item, told: dict[str, Any] | None) -> list[Way]:
    """
    Give the ways to decide an exception, the likeliest first.

    :param told: what ``explain`` tells of its record.
    """
    named = item.exception_id
    if item.state == "resolved":
        return [Way("It was settled by mistake", f"tieout undo {named} {_WHY}")]
    found = [*_proposed(told), *_matches(store, workspace, item, told)]
    found.append(Way("It needs nothing more", f"tieout resolve {named} {_WHY}"))
    found.append(Way("Somebody looks after it", f"tieout resolve {named} --assign NAME {_WHY}"))
    return found


def _proposed(told: dict[str, Any] | None) -> list[Way]:
    """Give what to do about matches that a rule only proposes."""
    found = []
    for match in told.get("matches", []) if told else []:
        if match["status"] == "proposed":
            named = match["match_id"]
            found.append(Way(f"What '{match['rule']}' proposes is right", f"tieout approve {named} {_WHY}"))
            found.append(Way(f"What '{match['rule']}' proposes is wrong", f"tieout reject {named} {_WHY}"))
    return found


def _matches(store: Store, workspace: Workspace, item: Item, told: dict[str, Any] | None) -> list[Way]:
    """Give the matches that a person could make, each tried."""
    side = next((e["side"] for e in _exceptions(told) if e["exception_id"] == item.exception_id), None)
    known = next((one for one in workspace.reconciliations if one.id == item.reconciliation), None)
    near = [c for c in item.candidates if c.get("record_id") and c.get("why") not in _OF_ONE_SIDE][:_TRIED_MAX]
    if side is None or known is None or item.record_id is None or not near:
        return []
    ids = [bytes.fromhex(candidate["record_id"]) for candidate in near]
    tried = try_matches(store, workspace, known, bytes.fromhex(item.record_id), ids, side)
    found = []
    for candidate, difference in zip(near, tried, strict=True):
        name = candidate.get("external_id") or candidate["record_id"][:8]
        match = f"tieout resolve {item.exception_id} --match {candidate['record_id']}"
        if difference is None:
            own, other = bytes.fromhex(item.record_id), bytes.fromhex(candidate["record_id"])
            apart = candidate.get("why") == "currency_mismatch"
            if apart and try_matches(store, workspace, known, own, [other], side, EXCHANGED) != [None]:
                found.append(Way(f"It belongs to {name}, and was exchanged", f"{match} --as {EXCHANGED} {_WHY}"))
            continue
        if difference == 0:
            found.append(Way(f"It belongs to {name}", f"{match} {_WHY}"))
            continue
        apart = f"{format_shortest(abs(difference), _EXPONENT, item.currency or '')} {item.currency}"
        called = _MORE_EXPECTED if difference > 0 else _MORE_ARRIVED
        words = called.replace("_", " ")
        found.append(Way(f"It belongs to {name}, and {apart} stay open", f"{match} --part {_WHY}"))
        if candidate.get("why") == "selection":  # what is apart is the others of the selection
            continue
        found.append(
            Way(
                f"It belongs to {name}, and {apart} are of another kind, such as {words}",
                f"{match} --as {called} {_WHY}",
            )
        )
    return found


def _exceptions(told: dict[str, Any] | None) -> list[dict[str, Any]]:
    return told.get("run_exceptions", []) if told else []
