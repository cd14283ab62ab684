"""
Where records stand with matching: what they are matched with and why, or why they are not.

For few records only: result files are in the order of their records, so that a look-up reads a small part of each.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from tieout.model.money import format_minor
from tieout.observe.lookup import fetch_versions, identity_range
from tieout.observe.snapshot import moment_of
from tieout.store.engine import paths

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


class _Look:
    """Reads few rows of result files."""

    def __init__(self, con: duckdb.DuckDBPyConnection, lake: Lake, results: Results) -> None:
        self._con, self._lake, self._results = con, lake, results
        self._voids: dict[bytes, int] = {}
        for match_id, sequence, _ in results.voids:
            self._voids[match_id] = max(sequence, self._voids.get(match_id, 0))

    def rows(self, table_name: str, condition: str) -> list[tuple[dict[str, Any], ResultFile]]:
        """Give the rows that stand and pass a condition, with the file that each is in."""
        files = {self._lake.full(f.file.path): f for f in self._results.of(table_name)}
        if not files:
            return []
        found = self._con.sql(f"select * from read_parquet({paths(list(files))}, filename = true) where {condition}")
        names = found.columns
        told = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        rows = [(row, files[row.pop("filename")]) for row in told]
        if table_name not in {"matches", "adjustments"}:
            return rows
        return [(row, f) for row, f in rows if self._voids.get(bytes(row["match_id"]), 0) <= f.sequence]


def records_of_match(
    con: duckdb.DuckDBPyConnection, lake: Lake, results: Results, prefix: str, most: int
) -> list[bytes]:
    """Find the records of the matches whose id begins with some hexadecimal digits."""
    low, high = prefix.ljust(32, "0"), prefix.ljust(32, "f")
    rows = _Look(con, lake, results).rows("matches", f"match_id between unhex('{low}') and unhex('{high}')")
    return sorted({bytes(row["record_id"]) for row, _ in rows})[:most]


def standing_of(
    con: duckdb.DuckDBPyConnection, lake: Lake, files: dict[str, list[LakeFile]], results: Results, ids: Sequence[bytes]
) -> dict[str, dict[str, Any]]:
    """
    Say of each record which matches it is part of, what is left of its claims, and what a run could not decide.

    :return: by record id (hexadecimal): ``matches``, ``positions``, ``run_exceptions``; amounts are decimal text.
    """
    found: dict[str, dict[str, Any]] = {
        record_id.hex(): {"matches": [], "positions": [], "run_exceptions": []} for record_id in ids
    }
    if not results.runs or not ids:
        return found
    look = _Look(con, lake, results)
    keys = ", ".join(str(identity_range(record_id.hex()).low) for record_id in ids)
    own = [(row, f) for row, f in look.rows("matches", f"record_key in ({keys})") if _hex(row["record_id"]) in found]
    _tell_matches(look, own, found, results)
    taken = _taken(own)
    told = look.rows("positions", f"record_key in ({keys})")
    # Where a later reconciliation has looked for it too, that one says where it stands.
    settled = {(row["record_id"], row["claim"]) for row, _ in told if row["state"] != "deferred"}
    for row, file in told:
        if row["state"] == "deferred" and (row["record_id"], row["claim"]) in settled:
            continue
        if (mine := found.get(_hex(row["record_id"]))) is not None:
            left = row["amount"] - taken(row, file)
            if left:
                mine["positions"].append(_position(row, left))
    for row, file in look.rows("exceptions", f"record_key in ({keys})"):
        mine = found.get(_hex(row["record_id"]))
        if mine is not None and row["amount"] != taken(row, file):
            mine["run_exceptions"].append(_exception(row, file))
    _name_partners(con, lake, files, found)
    return found


def _hex(value: Any) -> str:
    return bytes(value).hex()


def _taken(own: Iterable[tuple[dict[str, Any], ResultFile]]) -> Any:
    """Sum what matches of later runs have used up of a claim since a run said where it stands."""
    allocated: defaultdict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for row, file in own:
        if row["status"] == "confirmed":
            allocated[_hex(row["record_id"]), row["claim"]].append((file.sequence, row["allocated"]))

    def taken(row: dict[str, Any], file: ResultFile) -> int:
        parts = allocated[_hex(row["record_id"]), row["claim"]]
        return sum(amount for sequence, amount in parts if sequence > file.sequence)

    return taken


def _tell_matches(
    look: _Look, own: list[tuple[dict[str, Any], ResultFile]], found: dict[str, dict[str, Any]], results: Results
) -> None:
    """Describe each match of the records: the rule or the person, the partners, the difference and its reasons."""
    ids = sorted({_hex(row["match_id"]) for row, _ in own})
    if not ids:
        return
    written = ", ".join(f"unhex('{match_id}')" for match_id in ids)
    named = f"match_id in ({written})"
    partners: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row, _ in look.rows("matches", named):
        partners[_hex(row["match_id"])].append(row)
    reasons: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row, _ in look.rows("adjustments", named):
        amount = format_minor(row["amount"], row["exponent"])
        told = {"reason": row["reason"], "amount": amount, "currency": row["currency"], "policy": row["policy"]}
        reasons[_hex(row["match_id"])].append(told)
    for row, file in own:
        match_id, record_id, run = _hex(row["match_id"]), _hex(row["record_id"]), results.runs[file.run_id]
        others = [p for p in partners[match_id] if (_hex(p["record_id"]), p["claim"]) != (record_id, row["claim"])]
        others.sort(key=lambda p: (p["side"] == row["side"], p["record_key"], _hex(p["record_id"])))
        known_at = moment_of(run["at"])
        found[record_id]["matches"].append(
            {
                "match_id": match_id,
                **{name: row[name] for name in _OF_MATCH},
                "provisional": file.provisional,
                "claim": row["claim"],
                "side": row["side"],
                **{name: format_minor(row[name], row["exponent"]) for name in ("amount", "allocated", "difference")},
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
        "record_id": _hex(row["record_id"]),
        "side": row["side"],
        "claim": row["claim"],
        **{name: format_minor(row[name], row["exponent"]) for name in ("amount", "allocated")},
        "currency": row["currency"],
    }


def _position(row: dict[str, Any], left: int) -> dict[str, Any]:
    """Say where a part stands that nothing has used up; what a later reconciliation may explain is open."""
    day = row["expected_on"]
    return {
        "reconciliation": row["reconciliation"],
        "claim": row["claim"],
        "state": "open" if row["state"] == "deferred" else row["state"],
        "amount": format_minor(left, row["exponent"]),
        "currency": row["currency"],
        "expected_on": None if day is None else day.isoformat(),
        "reason": row["reason"],
    }


def _exception(row: dict[str, Any], file: ResultFile) -> dict[str, Any]:
    """Say what a run could not decide, with what came nearest and why it was not taken."""
    plain = {name: row[name] for name in ("exception_id", "reconciliation", "claim", "reason", "note", "currency")}
    return {
        **plain,
        "amount": format_minor(row["amount"], row["exponent"]),
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
    known = {_hex(record_id): dict(zip(_NAMED, rest, strict=True)) for record_id, *rest in rows}
    for partner in partners:
        about = known.get(partner["record_id"], dict.fromkeys(_NAMED))
        day = about["booked_on"]
        partner |= {
            "source": about["source_id"],
            "account": about["account_id"],
            **{name: about[name] for name in ("external_id", "kind", "counterparty")},
            "booked_on": None if day is None else day.isoformat(),
        }
