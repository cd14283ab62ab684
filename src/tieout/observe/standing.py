"""
Where records stand with matching: what they are matched with and why, or why they are not.

For few records only: result files are in the order of their records, so that a look-up reads a small part of each.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from tieout.model.money import EXPONENT_MAX, format_shortest
from tieout.observe.lookup import fetch_versions
from tieout.observe.result_rows import ResultRows, hexadecimal, spans_of
from tieout.observe.snapshot import moment_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import duckdb

    from tieout.store.lake import Lake, LakeFile
    from tieout.store.runs import ResultFile, Results

__all__ = ["PARTNERS_MAX", "records_of_match", "standing_of"]

#: So many records of one match are named; the rest is counted.
PARTNERS_MAX = 8
_NAMED = ("source_id", "account_id", "external_id", "kind", "booked_on", "counterparty")
_OF_MATCH = ("reconciliation", "rule", "status", "score", "margin", "coincidence")


def records_of_match(look: ResultRows, prefix: str, most: int) -> list[bytes]:
    """Find the records of the matches whose id begins with some hexadecimal digits."""
    rows = look.rows("matches", "match_id", spans_of([prefix]))
    return sorted({bytes(row["record_id"]) for row, _ in rows if hexadecimal(row["match_id"]).startswith(prefix)})[
        :most
    ]


def standing_of(
    con: duckdb.DuckDBPyConnection, lake: Lake, files: dict[str, list[LakeFile]], look: ResultRows, ids: Sequence[bytes]
) -> dict[str, dict[str, Any]]:
    """
    Say of each record which matches it is part of, what is left of its claims, and what a run could not decide.

    :return: by record id (hexadecimal): ``matches``, ``positions``, ``run_exceptions``; amounts are decimal text.
    """
    found: dict[str, dict[str, Any]] = {
        record_id.hex(): {"matches": [], "positions": [], "run_exceptions": []} for record_id in ids
    }
    results = look.results
    if not results.runs or not ids:
        return found
    keys = spans_of(record_id.hex() for record_id in ids)
    own = [(row, f) for row, f in look.rows("matches", "record_key", keys) if hexadecimal(row["record_id"]) in found]
    _tell_matches(look, own, found, results)
    taken = _taken(own)
    told = look.rows("positions", "record_key", keys)
    looked: defaultdict[tuple[str, str], list[tuple[dict[str, Any], ResultFile]]] = defaultdict(list)
    for row, file in look.rows("positions", "record_key", keys):
        if hexadecimal(row["record_id"]) in found:
            looked[hexadecimal(row["record_id"]), row["claim"]].append((row, file))
    for (record_id, _), told in looked.items():
        # As in the table: the last that defers to no other says where it stands, and the last one how much there is.
        row, _ = min(told, key=lambda one: (one[0]["state"] == "deferred", -one[1].sequence))
        last, file = max(told, key=lambda one: one[1].sequence)
        left = _nine(last) - taken(last, file)
        if left:
            found[record_id]["positions"].append(_position(row, left))
    for row, file in look.rows("exceptions", "record_key", keys):
        mine = found.get(hexadecimal(row["record_id"]))
        if mine is not None and _nine(row) != taken(row, file):
            mine["run_exceptions"].append(_exception(row, file))
    _name_partners(con, lake, files, found)
    return found


def _taken(own: Iterable[tuple[dict[str, Any], ResultFile]]) -> Any:
    """Sum what matches of later runs have used up of a claim since a run said where it stands, at nine decimals."""
    allocated: defaultdict[tuple[str, str], list[tuple[int, int, int]]] = defaultdict(list)
    for row, file in own:
        if row["status"] == "confirmed":
            allocated[hexadecimal(row["record_id"]), row["claim"]].append(
                (file.sequence, row["allocated"], row["exponent"])
            )

    def taken(row: dict[str, Any], file: ResultFile) -> int:
        parts = allocated[hexadecimal(row["record_id"]), row["claim"]]
        # Each run counts in decimals of its own: all fit nine, and what a later run took finer stays exact.
        return sum(
            amount * 10 ** (EXPONENT_MAX - exponent) for sequence, amount, exponent in parts if sequence > file.sequence
        )

    return taken


def _nine(row: dict[str, Any]) -> int:
    exponent: int = row["exponent"]
    return int(int(row["amount"]) * 10 ** (EXPONENT_MAX - exponent))


def _written(row: dict[str, Any], name: str) -> str:
    return format_shortest(row[name], row["exponent"], row["currency"])


def _tell_matches(
    look: ResultRows, own: list[tuple[dict[str, Any], ResultFile]], found: dict[str, dict[str, Any]], results: Results
) -> None:
    """Describe each match of the records: the rule or the person, the partners, the difference and its reasons."""
    ids = sorted({hexadecimal(row["match_id"]) for row, _ in own})
    if not ids:
        return
    spans = spans_of(ids)
    partners: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row, _ in look.rows("matches", "match_id", spans):
        partners[hexadecimal(row["match_id"])].append(row)
    reasons: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row, _ in look.rows("adjustments", "match_id", spans):
        amount = format_shortest(row["amount"], row["exponent"], row["currency"])
        told = {"reason": row["reason"], "amount": amount, "currency": row["currency"], "policy": row["policy"]}
        reasons[hexadecimal(row["match_id"])].append(told)
    # What a payout is made of is told before where it arrived.
    in_turn = sorted(own, key=lambda o: (o[0]["claim"] != "transfer", o[0]["claim"], hexadecimal(o[0]["match_id"])))
    for row, file in in_turn:
        match_id, record_id, run = (
            hexadecimal(row["match_id"]),
            hexadecimal(row["record_id"]),
            results.runs[file.run_id],
        )
        others = [
            p for p in partners[match_id] if (hexadecimal(p["record_id"]), p["claim"]) != (record_id, row["claim"])
        ]
        others.sort(key=lambda p: (p["side"] == row["side"], p["record_key"], hexadecimal(p["record_id"])))
        known_at = moment_of(run["at"])
        found[record_id]["matches"].append(
            {
                "match_id": match_id,
                **{name: row[name] for name in _OF_MATCH},
                "provisional": file.provisional,
                "claim": row["claim"],
                "side": row["side"],
                **{name: _written(row, name) for name in ("amount", "allocated", "difference")},
                "currency": row["currency"],
                "adjustments": reasons[match_id],
                "partners": [_partner(p) for p in others[:PARTNERS_MAX]],
                "partners_count": len(others),
                "evidence": json.loads(row["evidence"] or "{}"),
                "decided_by": row["decided_by"] or "rule",
                "run_id": file.run_id,
                "run_by": run["actor"],
                "known_at": None if known_at is None else f"{known_at:%Y-%m-%dT%H:%M:%SZ}",
            },
        )


def _partner(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "record_id": hexadecimal(row["record_id"]),
        "side": row["side"],
        "claim": row["claim"],
        **{name: _written(row, name) for name in ("amount", "allocated")},
        "currency": row["currency"],
    }


def _position(row: dict[str, Any], left: int) -> dict[str, Any]:
    """Say where a part stands that nothing has used up; what a later reconciliation may explain is open."""
    day = row["expected_on"]
    return {
        "reconciliation": row["reconciliation"],
        "claim": row["claim"],
        "state": "open" if row["state"] == "deferred" else row["state"],
        "amount": format_shortest(left, EXPONENT_MAX, row["currency"]),
        "currency": row["currency"],
        "expected_on": None if day is None else day.isoformat(),
        "reason": row["reason"],
    }


def _exception(row: dict[str, Any], file: ResultFile) -> dict[str, Any]:
    """Say what a run could not decide, with what came nearest and why it was not taken."""
    plain = {
        name: row[name] for name in ("exception_id", "reconciliation", "claim", "side", "reason", "note", "currency")
    }
    return {
        **plain,
        "amount": format_shortest(row["amount"], row["exponent"], row["currency"]),
        "candidates": json.loads(row["candidates"] or "[]"),
        "run_id": file.run_id,
    }


def _name_partners(
    con: duckdb.DuckDBPyConnection, lake: Lake, files: dict[str, list[LakeFile]], found: dict[str, dict[str, Any]]
) -> None:
    """Read who the partners are, by their records."""
    partners = [p for told in found.values() for match in told["matches"] for p in match["partners"]]
    if not partners:
        return
    ids = sorted({bytes.fromhex(partner["record_id"]) for partner in partners})
    fetch_versions(con, lake, files, ids, frozenset())
    names = ", ".join(_NAMED)
    rows = con.execute(f"select record_id, {names} from version_row order by gone is null, version").fetchall()
    known = {hexadecimal(record_id): dict(zip(_NAMED, rest, strict=True)) for record_id, *rest in rows}
    for partner in partners:
        about = known.get(partner["record_id"], dict.fromkeys(_NAMED))
        day = about["booked_on"]
        partner |= {
            "source": about["source_id"],
            "account": about["account_id"],
            **{name: about[name] for name in ("external_id", "kind", "counterparty")},
            "booked_on": None if day is None else day.isoformat(),
        }
