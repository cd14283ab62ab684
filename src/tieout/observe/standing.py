"""
Where records stand with matching: what they are matched with and why, or why they are not.

For few records only: result files are in the order of their records, so that a look-up reads a small part of each.
"""

from __future__ import annotations

import json
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tieout.model.money import EXPONENT_MAX, format_shortest
from tieout.observe.lookup import fetch_versions, identity_range
from tieout.observe.snapshot import moment_of
from tieout.observe.writing import literal
from tieout.store.engine import paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import duckdb
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa
    import pyarrow.parquet as pq

    from tieout.store.lake import Lake, LakeFile
    from tieout.store.runs import ResultFile, Results

    #: The least and the largest key.
    Span = tuple[int, int]

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

    def rows(self, table_name: str, column: str, spans: Sequence[Span]) -> list[tuple[dict[str, Any], ResultFile]]:
        """
        Give the rows that stand and whose column lies in one of some spans, with the file that each is in.

        The column alone is read first, and of the others only the parts that hold a row.
        """
        files = {self._lake.full(f.file.path): f for f in self._results.of(table_name)}
        places = {path: found for path in files if (found := _found(path, column, spans))}
        if not places:
            return []
        wanted = " or ".join(
            f"(filename = {literal(path)} and file_row_number in ({', '.join(map(str, rows))}))"
            for path, rows in places.items()
        )
        every = ", ".join(str(row) for row in sorted({row for rows in places.values() for row in rows}))
        source = f"read_parquet({paths(list(places))}, filename = true, file_row_number = true)"
        read = self._con.sql(f"select * from {source} where file_row_number in ({every}) and ({wanted})")
        names = read.columns
        told = [dict(zip(names, row, strict=True)) for row in read.fetchall()]
        rows = [(row, files[row.pop("filename")]) for row in told]
        if table_name not in {"matches", "adjustments"}:
            return rows
        return [(row, f) for row, f in rows if self._voids.get(bytes(row["match_id"]), 0) <= f.sequence]


def _found(path: str, column: str, spans: Sequence[Span]) -> list[int]:
    """Find the rows of a file whose column lies in one of some spans; identities are compared by their first 64 bits."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    footer = _footer(path)
    place = footer.schema.names.index(column)
    found: list[int] = []
    first = 0
    with pq.ParquetFile(path, metadata=footer) as file:
        for number in range(footer.num_row_groups):
            group = footer.row_group(number)
            stated = group.column(place).statistics
            known = stated is not None and stated.has_min_max and isinstance(stated.min, int)
            if not known or any(stated.min <= high and low <= stated.max for low, high in spans):
                values = file.read_row_group(number, columns=[column], use_threads=False)[column].combine_chunks()
                if isinstance(values, pa.ChunkedArray):
                    values = pa.concat_arrays(values.chunks)
                keys = _keys(values)
                hits = np.any([(keys >= low) & (keys <= high) for low, high in spans], axis=0)
                found += (np.flatnonzero(hits) + first).tolist()
            first += group.num_rows
    return found


def _keys(values: pa.Array) -> npt.NDArray[np.int64]:
    """Give keys as numbers: of an identity its first 64 bits, in the order of ``identity_range``."""
    import numpy as np
    import pyarrow as pa

    if pa.types.is_fixed_size_binary(values.type):
        whole = np.frombuffer(values.buffers()[1], ">i8", 2 * (len(values) + values.offset))
        return whole[2 * values.offset :: 2].astype(np.int64)
    return values.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]  # Arrow has no types


@lru_cache(maxsize=1_000)
def _footer(path: str) -> pq.FileMetaData:
    """Read the footer of a result file, which never changes."""
    import pyarrow.parquet as pq

    return pq.read_metadata(path)


def _spans(ids: Iterable[str]) -> list[Span]:
    """Give the keys of identities, or of all that begin with some hexadecimal digits."""
    found = [identity_range(digits) for digits in ids]
    return [(span.low, span.high) for span in found]


def records_of_match(
    con: duckdb.DuckDBPyConnection, lake: Lake, results: Results, prefix: str, most: int
) -> list[bytes]:
    """Find the records of the matches whose id begins with some hexadecimal digits."""
    rows = _Look(con, lake, results).rows("matches", "match_id", _spans([prefix]))
    return sorted({bytes(row["record_id"]) for row, _ in rows if _hex(row["match_id"]).startswith(prefix)})[:most]


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
    keys = _spans(record_id.hex() for record_id in ids)
    own = [(row, f) for row, f in look.rows("matches", "record_key", keys) if _hex(row["record_id"]) in found]
    _tell_matches(look, own, found, results)
    taken = _taken(own)
    told = look.rows("positions", "record_key", keys)
    # Where a later reconciliation has looked for it too, that one says where it stands.
    settled = {(row["record_id"], row["claim"]) for row, _ in told if row["state"] != "deferred"}
    for row, file in told:
        if row["state"] == "deferred" and (row["record_id"], row["claim"]) in settled:
            continue
        if (mine := found.get(_hex(row["record_id"]))) is not None:
            left = _nine(row) - taken(row, file)
            if left:
                mine["positions"].append(_position(row, left))
    for row, file in look.rows("exceptions", "record_key", keys):
        mine = found.get(_hex(row["record_id"]))
        if mine is not None and _nine(row) != taken(row, file):
            mine["run_exceptions"].append(_exception(row, file))
    _name_partners(con, lake, files, found)
    return found


def _hex(value: Any) -> str:
    return bytes(value).hex()


def _taken(own: Iterable[tuple[dict[str, Any], ResultFile]]) -> Any:
    """Sum what matches of later runs have used up of a claim since a run said where it stands, at nine decimals."""
    allocated: defaultdict[tuple[str, str], list[tuple[int, int, int]]] = defaultdict(list)
    for row, file in own:
        if row["status"] == "confirmed":
            allocated[_hex(row["record_id"]), row["claim"]].append((file.sequence, row["allocated"], row["exponent"]))

    def taken(row: dict[str, Any], file: ResultFile) -> int:
        parts = allocated[_hex(row["record_id"]), row["claim"]]
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
    look: _Look, own: list[tuple[dict[str, Any], ResultFile]], found: dict[str, dict[str, Any]], results: Results
) -> None:
    """Describe each match of the records: the rule or the person, the partners, the difference and its reasons."""
    ids = sorted({_hex(row["match_id"]) for row, _ in own})
    if not ids:
        return
    spans = _spans(ids)
    partners: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row, _ in look.rows("matches", "match_id", spans):
        partners[_hex(row["match_id"])].append(row)
    reasons: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row, _ in look.rows("adjustments", "match_id", spans):
        amount = format_shortest(row["amount"], row["exponent"], row["currency"])
        told = {"reason": row["reason"], "amount": amount, "currency": row["currency"], "policy": row["policy"]}
        reasons[_hex(row["match_id"])].append(told)
    # What a payout is made of is told before where it arrived.
    in_turn = sorted(own, key=lambda o: (o[0]["claim"] != "transfer", o[0]["claim"], _hex(o[0]["match_id"])))
    for row, file in in_turn:
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
        "record_id": _hex(row["record_id"]),
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
    plain = {name: row[name] for name in ("exception_id", "reconciliation", "claim", "reason", "note", "currency")}
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
