"""
The story of one thing: what needs a person about it, the chain that it stands in, and everything that was heard of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, HTTPException
from starlette.responses import HTMLResponse

from tieout.observe.snapshot import latest_day
from tieout.observe.things.explain import explain
from tieout.observe.things.story import chain_of
from tieout.observe.work import worklist
from tieout.observe.work.deciding import ways_of
from tieout.web.pages.visit import Visit, Visiting
from tieout.web.words import NEARNESS

if TYPE_CHECKING:
    from tieout.observe.things.story import Chain
    from tieout.observe.work.worklist import Item

__all__ = ["Heard", "one_exception", "one_record", "router"]

router = APIRouter()
_AT_LAST = "9999"
_DIGITS = frozenset("0123456789abcdef")
_RECORD_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Heard:
    """One line of the timeline."""

    at: str
    what: str
    detail: str = ""
    delivery_id: str | None = None


@router.get("/exceptions/{exception_id}")
def one_exception(visit: Visiting, exception_id: str) -> HTMLResponse:
    """Show what needs a person, and everything that helps to decide."""
    found = worklist.item(visit.desk.store.book, exception_id)
    if found is None:
        raise HTTPException(404, f"there is no exception {exception_id[:40]}: it may have been solved by a later run")
    return _told(visit, found.record_id, found)


@router.get("/items/{record_id}")
def one_record(visit: Visiting, record_id: str) -> HTMLResponse:
    """Show one record."""
    if len(record_id) != _RECORD_DIGITS or not set(record_id) <= _DIGITS:
        raise HTTPException(404, f"expected the id of a record, 32 hexadecimal digits, got {record_id[:40]!r}")
    return _told(visit, record_id, None)


def _told(visit: Visit, record_id: str | None, item: Item | None) -> HTMLResponse:
    desk = visit.desk
    chain = explained = None
    if record_id is not None:
        explained = next(iter(explain(desk.store, record_id, follow=False).records), None)
        if explained is None and item is None:
            raise HTTPException(404, f"there is no record {record_id}")
        chain = chain_of(desk.store, record_id) if explained else None
    if item is None and chain is not None:
        item = next((one for one in chain.items if one.record_id == record_id), None)
    with desk.store.book.reading() as connection:
        latest = latest_day(connection)
    return visit.page(
        "story.html",
        item=item,
        chain=chain,
        told=explained,
        record=explained["record"] if explained else None,
        candidates=_candidates(item, explained),
        ways=ways_of(desk.store, desk.workspace, item, explained) if item else [],
        timeline=_timeline(explained, item, chain),
        as_of=visit.address.scope.as_of or latest,
    )


def _candidates(item: Item | None, told: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Give the nearest answers in one shape, the best first; ``fields`` says what agrees and what differs."""
    said_of = {
        candidate["record_id"]: candidate
        for exception in (told or {}).get("run_exceptions", [])
        if item and exception["exception_id"] == item.exception_id
        for candidate in exception["candidates"]
    }
    found = []
    for entry in item.candidates if item else []:
        why = entry.get("why") or entry.get("evidence")
        fields = why if isinstance(why, dict) else {}
        said = "" if isinstance(why, dict) or why is None else NEARNESS.get(str(why), str(why))
        near = said_of.get(entry.get("record_id"), {})
        fields = near.get("evidence") or fields
        said = "; ".join(part for part in (said, near.get("missed")) if part)
        rest = {k: v for k, v in entry.items() if k not in (*_SHOWN, *_SUMS) and v not in (None, "")}
        found.append({name: entry.get(name) for name in _SHOWN} | {"fields": fields, "said": said, "rest": rest})
    return found


_SHOWN = ("source", "external_id", "record_id", "amount", "score", "why", "evidence", "currency", "booked_on")
#: What several things come to, and what two currencies are worth: told by the sentence of what was missed.
_SUMS = ("here", "there", "exchanged")


def _timeline(told: dict[str, Any] | None, item: Item | None, chain: Chain | None) -> list[Heard]:
    """Put in order what happened and what we heard, the first thing first."""
    found: list[Heard] = []
    if told:
        record = told["record"]
        happened = record["occurred_at"] or record["booked_on"]
        if happened:
            found.append(Heard(happened, "it happened" if record["occurred_at"] else "booked"))
        for witness in told["witnesses"]:
            where = witness["file"] + (f" in {witness['member']}" if witness["member"] else "")
            what = "heard for the first time" if witness["first"] else "heard again"
            what = "withdrawn when the file was read again" if witness["withdrawn"] else what
            found.append(Heard(witness["seen_at"], what, f"{where}, line {witness['line']}", witness["delivery_id"]))
        found += _changes(told)
        found += _once(told)
    for match in chain.matches if chain else []:
        who = f"decided by {match.decided_by}" if match.decided_by else f"rule: {match.rule}"
        found.append(
            Heard(match.made_at.isoformat() if match.made_at else "", f"matched in {match.reconciliation}", who)
        )
    if item:
        found.append(Heard(item.opened_at.isoformat(), "put in front of a person", item.note))
    return sorted(found, key=lambda line: line.at or _AT_LAST)


def _once(told: dict[str, Any]) -> list[Heard]:
    """Tell the matches that do not stand as they were made: what was proposed, approved, rejected, taken back, voided."""
    found = []
    for match in told.get("past", []):
        who = f"rule: {match['rule']}" if match["decided_by"] == "rule" else f"decided by {match['decided_by']}"
        partners = [partner["external_id"] or partner["record_id"][:8] for partner in match["partners"][:3]]
        named = f", with {', '.join(partners)}" if partners else ""
        what = "proposed" if match["status"] == "proposed" else "matched"
        found.append(Heard(match["known_at"], f"{what} in {match['reconciliation']}{named}", who))
        ended = match["ended"]
        done = {"taken_back": "match taken back", "voided": "match voided"}.get(ended["state"], ended["state"])
        why = "" if ended["state"] == "approved" else f": {ended['because']}"
        found.append(Heard(ended["at"], f"{done} in {match['reconciliation']}", f"by {ended['by']}{why}"))
        if allowed := ended["allowed"]:
            what = f"match allowed again in {match['reconciliation']}"
            found.append(Heard(allowed["at"], what, f"by {allowed['by']}: {allowed['because']}"))
    return found


def _changes(told: dict[str, Any]) -> list[Heard]:
    seen = {witness["delivery_id"]: witness["seen_at"] for witness in told["witnesses"]}
    found = []
    for version in told["versions"]:
        changed = [name.replace("_", " ") for name in version["changed"] if name not in ("details", "references")]
        if changed and version["delivery_id"] in seen:
            what = f"version {version['version']}: {', '.join(changed[:6])}"
            found.append(Heard(seen[version["delivery_id"]], what, "", version["delivery_id"]))
    return found
