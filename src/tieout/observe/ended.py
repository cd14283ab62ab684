"""
What people had decided about records that are open again because one of a match was corrected.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tieout.store.past import past_rows
from tieout.store.views import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from tieout.observe.snapshot import Snapshot
    from tieout.store.lake import Lake
    from tieout.store.past import Past

__all__ = ["ended_decisions", "sentence_of"]

#: So many records that a person had put together with one are named.
_NAMED_MAX = 3
_EMPTY = pa.schema([("record_id", pa.binary(16)), ("claim", pa.string()), ("told", pa.string())])


def sentence_of(told: dict[str, Any], partners: Sequence[str], reasons: Sequence[str]) -> str:
    """
    Say that a person had decided, what, when, and why it does not hold any more.

    :param told: ``rule``, ``decided_by``, ``made_on``, ``said`` and ``ended_on``.
    :param reasons: what the difference was said to be.
    """
    done = "matched it" if told["rule"] == "by hand" else "approved its match"
    more = f" and {len(partners) - _NAMED_MAX} more" if len(partners) > _NAMED_MAX else ""
    named = f" with {', '.join(partners[:_NAMED_MAX])}{more}" if partners else ""
    difference = f", the difference as {', '.join(r.replace('_', ' ') for r in reasons)}" if reasons else ""
    why = f" ({told['said']})" if told["said"] else ""
    return (
        f"{told['decided_by']} had {done}{named} on {told['made_on']}{difference}{why}, which ended on"
        f" {told['ended_on']}, because one of them was corrected: decide again"
    )


def ended_decisions(con: duckdb.DuckDBPyConnection, lake: Lake, snapshot: Snapshot) -> pa.Table:
    """
    Give the records whose last decision by a person was ended by a correction: (record_id, claim, told).
    """
    past = _by_people(snapshot.past)
    if past is None:
        return _EMPTY.empty_table()
    con.execute(
        f"""create or replace temp table ended_here as
            with every as (select * from {past_rows(con, lake, past)}), last as (
                select record_id, record_key, claim, max(run_sequence) as run_sequence from every group by all)
            select e.* from every e semi join last l on l.record_key = e.record_key and l.record_id = e.record_id
                and l.claim = e.claim and l.run_sequence = e.run_sequence where e.state = 'voided'"""
    )
    names = con.execute(
        f"""select distinct e.record_id, r.external_id from ended_here e
            join {table(lake, "records", snapshot.files["records"])} r
                on r.record_key = e.record_key and r.record_id = e.record_id and r.version = e.version"""
    ).fetchall()
    named = {bytes(record_id): external_id or bytes(record_id).hex()[:12] for record_id, external_id in names}
    reasons = con.execute(
        f"""select distinct a.match_id, a.run_sequence, a.reason from {past_rows(con, lake, past, "adjustments")} a
            semi join ended_here e on e.match_id = a.match_id and e.run_sequence = a.run_sequence order by all"""
    ).fetchall()
    differences: defaultdict[tuple[bytes, int], list[str]] = defaultdict(list)
    for match_id, sequence, reason in reasons:
        differences[bytes(match_id), sequence].append(reason)
    rows = con.execute(
        """select e.match_id, e.run_sequence, e.record_id, e.claim, e.side, e.rule, e.decided_by, u.at::timestamp::date,
                e.ended_at::timestamp::date from ended_here e join past_runs u on u.sequence = e.run_sequence
            order by e.match_id, e.side, e.record_key, e.record_id"""
    ).fetchall()
    return _told(past, rows, named, differences)


def _told(
    past: Past,
    rows: list[tuple[Any, ...]],
    named: dict[bytes, str],
    differences: dict[tuple[bytes, int], list[str]],
) -> pa.Table:
    members: defaultdict[tuple[bytes, int], list[tuple[bytes, str]]] = defaultdict(list)
    for match_id, sequence, record_id, _, side, *_ in rows:
        members[bytes(match_id), sequence].append((bytes(record_id), side))
    found = []
    for match_id, sequence, record_id, claim, side, rule, decided_by, made_on, ended_on in rows:
        key, own = (bytes(match_id), sequence), bytes(record_id)
        others = [one for one in members[key] if one[0] != own]
        others.sort(key=lambda one: one[1] == side)  # first what is on the other side
        told = {
            "rule": rule,
            "decided_by": decided_by,
            "made_on": made_on,
            "ended_on": ended_on,
            "said": past.runs[sequence]["reason"],
        }
        names = [named.get(one, one.hex()[:12]) for one, _ in others]
        found.append({"record_id": own, "claim": claim, "told": sentence_of(told, names, differences.get(key, []))})
    return pa.Table.from_pylist(found, schema=_EMPTY)


def _by_people(past: Past) -> Past | None:
    """Keep what people made and a run of rules ended; None: there is nothing of that kind."""
    ended = any(past.runs[at]["kind"] == "rules" for ends in past.voids.values() for at, _, _ in ends)
    files = tuple(f for f in past.files if past.runs[f.sequence]["kind"] == "hand") if ended else ()
    return replace(past, files=files) if files else None
