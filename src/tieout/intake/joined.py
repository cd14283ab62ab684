"""
Two records of which a later delivery proves that they are one: laws 2 and 5.

A report named a charge by its balance transaction, another by its own number; then one names both. The deliveries that
told of the record that is no record of its own are read again, as by a replay: it is withdrawn, and what they say counts
for the other. Where one cannot be read again, a person is asked.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tieout.intake.findings import Finding, newest_open

if TYPE_CHECKING:
    from collections.abc import Iterable

    import sqlalchemy as sa

__all__ = ["Joined", "joined_findings", "told_of_joined"]

_SCOPE = "one record "


@dataclass(frozen=True, slots=True)
class Joined:
    """
    A record that stands, and the one that it is.

    :ivar record_id: hexadecimal, and so ``target``; ``external_id`` and ``target_id``: what their sources call them.
    :ivar deliveries: those that told of it, without the one that proves it.
    """

    record_id: str
    external_id: str | None
    target: str
    target_id: str | None
    deliveries: tuple[str, ...]


def joined_findings(
    connection: sa.Connection, delivery_id: str, source_id: str, joined: Iterable[Joined], *, anew: bool
) -> dict[str, list[Finding]]:
    """
    Give what stands twice after a delivery, by scope.

    :param anew: whether it was read before: then it tells of what it told before no more.
    """
    found = {}
    for one in joined:
        told = [
            {"delivery_id": name, "external_id": one.external_id, "target_id": one.target_id} for name in one.deliveries
        ]
        found[_SCOPE + one.record_id] = _findings(_SCOPE + one.record_id, source_id, delivery_id, told)
    if anew:
        for row in newest_open(connection, "conflict", _SCOPE):
            told = json.loads(row["candidates"])
            rest = [candidate for candidate in told if candidate["delivery_id"] != delivery_id]
            if row["scope"] not in found and rest != told:
                found[row["scope"]] = _findings(row["scope"], row["source_id"], row["delivery_id"], rest)
    return found


def _findings(scope: str, source_id: str, delivery_id: str, told: list[dict[str, Any]]) -> list[Finding]:
    if not told:
        return []
    first = told[0]
    note = (
        f"{first['external_id']} is {first['target_id']}, as delivery {delivery_id[:12]} says, and both stand: replay"
        f" {' and '.join(one['delivery_id'][:12] for one in told)}, which told of it by that name alone"
    )
    return [
        Finding(
            scope=scope,
            reason="conflict",
            note=note,
            source_id=source_id,
            delivery_id=delivery_id,
            external_id=first["external_id"],
            candidates=told,
        )
    ]


def told_of_joined(connection: sa.Connection) -> list[str]:
    """Name the deliveries that told of a record which is another one, as is known by now."""
    rows = newest_open(connection, "conflict", _SCOPE)
    return sorted({one["delivery_id"] for row in rows for one in json.loads(row["candidates"])})
