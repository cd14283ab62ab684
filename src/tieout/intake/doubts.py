"""
Equal rows without an identifier in two deliveries, or in two files or statements of one, of which nothing proves whether
they are the same: laws 2 and 5.

What two deliveries say of one another is a function of both; so that it stands once, whichever came first, it belongs to
the one whose rows come last by what is said of them. One exception of that delivery names all others that it is in
doubt with.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tieout.intake.findings import Finding, newest_open

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

    import sqlalchemy as sa

__all__ = ["Doubt", "Place", "doubt_findings", "doubtful", "is_settled", "places_in_doubt"]

_SCOPE = "equal rows "
# What a candidate says once another delivery settles something of it: until it is looked at again.
_SETTLED = "settled"
_NAMED_MAX = 3
# What a candidate says, without ids.
_SAID = ("source", "line", "rows", "of_line", "of_rows", "places")
# Pairs of statements that are kept with a doubt, to see when they are proven apart.
_PLACES_MAX = 1_000

#: A file in a container (else empty), and which statement of it.
Place = tuple[str, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """
    Rows of one delivery that equal rows of another, or that stand elsewhere in it.

    :ivar delivery_id, source_id: the other one.
    :ivar line, rows: the first of these rows and how many there are; ``their_line``, ``their_rows``: in the other one.
    :ivar announced: whether some of them are not booked yet, so that booking may end the doubt.
    :ivar places: the statements that they stand in, here and there, and how these relate (intake.overlap).
    """

    delivery_id: str
    source_id: str
    line: int
    rows: int
    their_line: int
    their_rows: int
    announced: bool
    places: tuple[tuple[Place, Place, str], ...]

    def turned(self, delivery_id: str, source_id: str) -> Doubt:
        """Say the same from the other delivery's side."""
        mirror = {"within": "around", "around": "within"}
        return Doubt(
            delivery_id=delivery_id,
            source_id=source_id,
            line=self.their_line,
            rows=self.their_rows,
            their_line=self.line,
            their_rows=self.rows,
            announced=self.announced,
            places=tuple((there, here, mirror.get(how, how)) for here, there, how in self.places),
        )

    def belongs_to(self, delivery_id: str, source_id: str) -> bool:
        """
        Whether it belongs to the delivery from whose side it is told, and not to the other one.

        By what is said of both sides; ids, which say nothing, decide where both say the same.
        """
        if self.delivery_id == delivery_id:
            return True
        mine, theirs = self.turned(delivery_id, source_id).candidate(), self.candidate()
        said = [[one[name] for name in _SAID] for one in (theirs, mine)]
        return (json.dumps(said[0]), self.delivery_id) <= (json.dumps(said[1]), delivery_id)

    def candidate(self) -> dict[str, Any]:
        """Write it as a candidate of its exception."""
        return {
            "delivery_id": self.delivery_id,
            "source": self.source_id,
            "line": self.their_line,
            "rows": self.their_rows,
            "of_line": self.line,
            "of_rows": self.rows,
            "announced": self.announced,
            "why": f"{self.rows} row(s) from line {self.line} equal {self.their_rows} row(s) of it from line {self.their_line}",
            "places": sorted(([list(here), list(there), how] for here, there, how in self.places), key=json.dumps)[
                :_PLACES_MAX
            ],
        }


def doubt_findings(
    connection: sa.Connection,
    delivery_id: str,
    source_id: str,
    doubts: Iterable[Doubt],
    settled: AbstractSet[tuple[str, str]] = frozenset(),
    *,
    anew: bool,
) -> dict[str, list[Finding]]:
    """
    Give the conflicts about equal rows that a delivery changes, by scope: its own, and those that belong to others.

    :param doubts: all that it is in doubt with now.
    :param settled: pairs of other deliveries of whose doubt it settles something: it is marked, and one of them read again.
    :param anew: whether it was read before, so that others may name it that are in doubt with it no more.
    """
    mine = {doubt.delivery_id: doubt.belongs_to(delivery_id, source_id) for doubt in doubts}
    own = {doubt.delivery_id: doubt.candidate() for doubt in doubts if mine[doubt.delivery_id]}
    theirs = {doubt.delivery_id: doubt for doubt in doubts if not mine[doubt.delivery_id]}
    found = {_SCOPE + delivery_id: _findings(delivery_id, source_id, own)}
    if not theirs and not anew and not settled:
        return found
    stands = {row["delivery_id"]: row for row in _open(connection)}
    for other in sorted({*theirs, *stands} - {delivery_id}):
        said = json.loads(stands[other]["candidates"]) if other in stands else []
        named = {candidate["delivery_id"]: candidate for candidate in said}
        settles = [candidate for name, candidate in named.items() if (other, name) in settled]
        if other not in theirs and delivery_id not in named and not settles:
            continue
        for candidate in settles:
            candidate[_SETTLED] = True
        named.pop(delivery_id, None)
        source = theirs[other].source_id if other in theirs else stands[other]["source_id"]
        if other in theirs:
            named[delivery_id] = theirs[other].turned(delivery_id, source_id).candidate()
        found[_SCOPE + other] = _findings(other, source, named)
    return found


def _findings(delivery_id: str, source_id: str, named: dict[str, dict[str, Any]]) -> list[Finding]:
    if not named:
        return []
    candidates = sorted(named.values(), key=lambda one: (json.dumps([one[name] for name in _SAID]), one["delivery_id"]))
    said = [_said(c, within=c["delivery_id"] == delivery_id) for c in candidates[:_NAMED_MAX]]
    more = len(candidates) - len(said)
    note = (
        f"{'; '.join(said)}{f'; and rows of {more} more' if more else ''}: no identifier that both state tells such lines"
        " apart, and nothing proves whether they are the same: the larger count stands"
    )
    return [
        Finding(
            scope=_SCOPE + delivery_id,
            reason="conflict",
            note=note,
            source_id=source_id,
            delivery_id=delivery_id,
            candidates=candidates,
        )
    ]


def _said(candidate: dict[str, Any], *, within: bool) -> str:
    """Say which rows equal which: of another delivery, or of another file or statement of the same one."""
    mine, theirs = (f"{candidate[n + 'rows']} row(s) from line {candidate[n + 'line']}" for n in ("of_", ""))
    if not within:
        return f"{mine} equal {theirs} of delivery {candidate['delivery_id'][:12]}"
    files, of_files = ({places[side][0] for places in candidate["places"]} for side in (0, 1))
    if len(files) > 1 or len(of_files) > 1:
        return f"rows of {len(files | of_files)} files in the same delivery equal each other"
    [file], [of_file] = files, of_files
    if file == of_file:
        return f"{mine} equal {theirs} of another statement in the same {file or 'file'}"
    return f"{mine} of {file} equal {theirs} of {of_file}, in the same delivery"


def _open(connection: sa.Connection) -> list[dict[str, Any]]:
    return newest_open(connection, "conflict", _SCOPE)


def doubtful(connection: sa.Connection) -> dict[str, list[dict[str, Any]]]:
    """
    List the deliveries that are in doubt, each with what it is in doubt about, as its or the other's exception says.

    :return: by delivery, rows of (``delivery_id``, ``candidate``): the exception's delivery, and one candidate of it.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for row in _open(connection):
        for candidate in json.loads(row["candidates"]):
            said = {"delivery_id": row["delivery_id"], "candidate": candidate}
            for one in (row["delivery_id"], candidate["delivery_id"]):
                found.setdefault(one, []).append(said)
    return found


def is_settled(delivery_id: str, said: dict[str, Any]) -> bool:
    """Whether one row of :func:`doubtful` is settled by what came since, for the delivery to which its exception belongs."""
    return said["delivery_id"] == delivery_id and bool(said["candidate"].get(_SETTLED))


def places_in_doubt(said: dict[str, Any]) -> list[tuple[tuple[str, str, int], tuple[str, str, int], str]]:
    """Give the pairs of statements that one row of :func:`doubtful` is about, and how they related then."""
    here, there = said["delivery_id"], said["candidate"]["delivery_id"]
    return [
        ((here, *mine), (there, *theirs), how)
        for mine, theirs, how in said["candidate"]["places"]
        if mine[1] is not None and theirs[1] is not None
    ]
