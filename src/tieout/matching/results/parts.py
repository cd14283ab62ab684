"""
What rules found, as numbers of rows: which rows are in which match, with how much.

It leaves the engine a batch at a time, straight into columns of the size that they end in. What stays zero is never
touched, and so takes no memory: most matches have neither a difference nor a score.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tieout.matching.performing.settlements import KEPT_BACK, SETTLEMENT_RULES, TRANSFERRED
from tieout.matching.results.found import records_found
from tieout.matching.results.rows import CLAIMS, in_order, leading, raw_ids, trailing
from tieout.matching.unmatched.reasons import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from tieout.matching.performing.perform import Performance
    from tieout.matching.results.rows import Ids, Rows

__all__ = ["FIGURES", "Figure", "Parts", "gather_parts", "name_matches"]

# So many parts are digested at a time: what they are told apart by takes fifty bytes of each.
_NAMED_AT_ONCE = 1_000_000
#: What a rule may say of a match beside its difference. beside: with how many others it stands, where a rule tells that.
#: runner_up: the row of who came next, where it is the best of several by its points.
FIGURES = {
    "score": np.int32,
    "margin": np.int32,
    "coincidence": np.int64,
    "beside": np.int32,
    "runner_up": np.int32,
}


class Figure(NamedTuple):
    """A figure of each match, and whether it has one."""

    values: npt.NDArray[Any]
    present: npt.NDArray[np.bool_]


class Parts:
    """
    The matches of a run, and their parts: one part per record and claim.

    Of each match: ``rule`` (number), ``difference``, ``figures``. Of each part, in the order of their matches, and in a
    match by side, claim and record: ``match`` (number), ``row``, ``side`` (0: left), ``claim``, ``taken``.
    """

    def __init__(self, matches: int, parts: int) -> None:
        """Begin with zeros."""
        self.rule = np.zeros(matches, np.int16)
        self.difference = np.zeros(matches, np.int64)
        self.figures = {
            name: Figure(np.zeros(matches, kind), np.zeros(matches, np.bool_)) for name, kind in FIGURES.items()
        }
        self.match = np.zeros(parts, np.int32)
        self.row = np.zeros(parts, np.int32)
        self.side = np.zeros(parts, np.int8)
        self.claim = np.zeros(parts, np.int8)
        self.taken = np.zeros(parts, np.int64)

    @property
    def starts(self) -> npt.NDArray[np.int64]:
        """Say at which part each match begins."""
        if not len(self.match):
            return np.zeros(0, np.int64)
        return np.flatnonzero(np.r_[True, self.match[1:] != self.match[:-1]])


def gather_parts(work: Performance, rows: Rows) -> Parts:
    """Bring what every rule found together."""
    plain = not any(work.grouped)
    pieces: list[_Pairs | _Bundles] = [
        _Pairs(work, rows, number, found)
        if plain and shape == "paired"
        else _bundles(rows, work.engine.batches(_spread_sql(work, number, shape, found)))
        for number, shape, found in work.found
    ]
    if not plain:
        pieces.append(_bundles(rows, work.engine.batches(_composed_sql(work))))
    parts = Parts(sum(piece.matches for piece in pieces), sum(piece.parts for piece in pieces))
    match = part = 0
    while pieces:
        piece = pieces.pop(0)  # and forgotten
        piece.put(parts, match, part)
        match, part = match + piece.matches, part + piece.parts
    return parts


class _Pairs:
    """What a rule found in the common case, one record with one; read when it is put where it belongs."""

    def __init__(self, work: Performance, rows: Rows, number: int, found: str) -> None:
        self._work, self._rows, self._number, self._found = work, rows, number, found
        self.matches = work.engine.count(found)
        self.parts = 2 * self.matches

    def put(self, into: Parts, match: int, part: int) -> None:
        into.rule[match : match + self.matches] = self._number
        rule = self._work.rules.rules[self._number]
        figures = ", ".join(
            ("beside" if rule.tells else "null as beside", "runner_up" if rule.ranks else "null as runner_up")
        )
        query = f"""select l::integer as l, r::integer as r, l_taken, r_taken, difference, score, margin, coincidence, {figures}
            from "{self._found}" """
        for batch in self._work.engine.batches(query):
            own = slice(part, part + 2 * batch.num_rows)
            into.match[own] = np.repeat(np.arange(match, match + batch.num_rows, dtype=np.int32), 2)
            for at, short in enumerate(("l", "r")):
                into.row[own][at::2] = batch[short].to_numpy()
                into.taken[own][at::2] = batch[f"{short}_taken"].to_numpy()
            into.side[own][1::2] = 1
            into.claim[own] = self._rows.claim[into.row[own]]
            said, some = _said(batch)
            _put_said(into, said, match + some)
            match, part = match + batch.num_rows, part + 2 * batch.num_rows


@dataclass(frozen=True, slots=True)
class _Bundles:
    """Matches of any shape; they are numbered from 0. ``said``: of matches at ``some``."""

    rule: npt.NDArray[np.int16]
    columns: dict[str, npt.NDArray[Any]]
    said: pa.Table
    some: npt.NDArray[np.int32]

    @property
    def matches(self) -> int:
        return len(self.rule)

    @property
    def parts(self) -> int:
        return len(self.columns["match"])

    def put(self, into: Parts, match: int, part: int) -> None:
        into.rule[match : match + self.matches] = self.rule
        for name, column in self.columns.items():
            getattr(into, name)[part : part + self.parts] = column
        into.match[part : part + self.parts] += match
        _put_said(into, self.said, match + self.some)


def _said(batch: pa.RecordBatch) -> tuple[pa.Table, npt.NDArray[np.int64]]:
    """Give what is said of the rows of a batch that have a difference or a figure, and which those are."""
    some = pc.not_equal(batch["difference"], 0)
    for name in FIGURES:
        if batch[name].null_count < batch.num_rows:
            some = pc.or_(some, batch[name].is_valid())
    at = np.flatnonzero(some.to_numpy(zero_copy_only=False))
    table = pa.Table.from_batches([batch.select(["difference", *FIGURES])]).take(pa.array(at))
    return table.cast(_SAID), at


_SAID = pa.schema({"difference": pa.int64(), **{name: pa.from_numpy_dtype(kind) for name, kind in FIGURES.items()}})


def _put_said(into: Parts, said: pa.Table, matches: npt.NDArray[np.integer[Any]]) -> None:
    into.difference[matches] = said["difference"].to_numpy()
    for name, figure in into.figures.items():
        there = said[name].is_valid().to_numpy()
        figure.values[matches[there]] = said[name].drop_null().to_numpy()
        figure.present[matches[there]] = True


def _spread_sql(work: Performance, number: int, shape: str, found: str) -> str:
    """Write the records of bundles: things that are several records are replaced by them."""
    parts = []
    for place, (row, taken, rows_found) in enumerate(records_found(work, number, shape, found)):
        parts.append(
            f"""select {number}::smallint as rule, t.bundle, {place}::tinyint as side, {row}::integer as row, {taken} as taken,
                null::tinyint as claim, t.difference, t.score, t.margin, t.coincidence, t.beside, t.runner_up
                from {rows_found}"""
        )
    return " union all ".join(parts)


def _composed_sql(work: Performance) -> str:
    """Write the records of what settlements prove by themselves."""
    side = "left" if work.grouped[0] else "right"
    first = len(work.rules.rules) - 1
    names, claims = ([f"'{quoted(word)}'" for word in words] for words in (SETTLEMENT_RULES, CLAIMS))
    return f"""
        select (list_position([{", ".join(names)}], c.rule) + {first})::smallint as rule, c.bundle,
            (c.side = 'right')::tinyint as side, c.thing::integer as row, {TRANSFERRED} as taken,
            (list_position([{", ".join(claims)}], c.claim) - 1)::tinyint as claim,
            ({KEPT_BACK})::bigint as difference, null as score, null as margin, null as coincidence, null as beside,
            null as runner_up
        from composed c join {side}_all a on a.thing = c.thing"""


_TOLD = {"rule": np.int16, "bundle": np.int64, "side": np.int8, "row": np.int32, "taken": np.int64}


def _bundles(rows: Rows, told: Iterable[pa.RecordBatch]) -> _Bundles:
    """Put the parts of bundles in order, and number the bundles."""
    listed: dict[str, list[npt.NDArray[Any]]] = {name: [np.zeros(0, kind)] for name, kind in _TOLD.items()}
    claims, said, at, count = [np.zeros(0, np.int8)], [_SAID.empty_table()], [np.zeros(0, np.int64)], 0
    for batch in told:
        for name, kind in _TOLD.items():
            listed[name].append(batch[name].to_numpy().astype(kind, copy=False))
        claim = batch["claim"]
        claims.append(rows.claim[listed["row"][-1]] if claim.null_count == len(claim) else claim.to_numpy())
        table, some = _said(batch)
        said.append(table)
        at.append(some + count)
        count += batch.num_rows
    columns = {name: np.concatenate(listed.pop(name)) for name in list(_TOLD)}
    columns["claim"] = np.concatenate(claims)
    rule, bundle = columns.pop("rule"), columns.pop("bundle")
    bundle *= len(SETTLEMENT_RULES) + 1
    bundle += rule - rule.min(initial=0)
    row = columns["row"]
    order = in_order(rows.keys(row), lambda some: (leading(rows.ids[row[some], 0]), trailing(rows.ids[row[some], 1])))
    inside = (bundle * 2 + columns["side"]) * len(CLAIMS) + columns["claim"]
    order = order[np.argsort(inside[order], kind="stable")]
    del inside
    bundle = bundle[order]
    starts = np.flatnonzero(np.r_[True, bundle[1:] != bundle[:-1]]) if count else np.zeros(0, np.int64)
    for name, column in columns.items():
        columns[name] = column[order]
    columns["match"] = np.repeat(np.arange(len(starts), dtype=np.int32), np.diff(np.r_[starts, count]))
    match_of = np.empty(count, np.int32)
    match_of[order] = columns["match"]
    return _Bundles(rule[order[starts]], columns, pa.concat_tables(said), match_of[np.concatenate(at)])


#: What tells parts apart, as bytes: the digest of those of a match, in order, is its name.
_NAMING = np.dtype([("side", "u1"), ("claim", "S12"), ("record_id", "V16"), ("version", ">i4"), ("taken", ">i8")])


def name_matches(work: Performance, rows: Rows, reconciliation: str, parts: Parts) -> Ids:
    """
    Name the matches: SHA-256 of the reconciliation and the parts, cut to 16 bytes.

    So a match is named by the reconciliation, its records with their versions, and what it takes of each.
    """
    starts = parts.starts
    bounds = np.r_[starts, len(parts.match)]
    claims = np.array([claim.encode() for claim in CLAIMS], "S12")
    name = quoted(reconciliation)
    ids = np.empty((len(starts), 2), np.uint64)
    first = 0
    while first < len(starts):
        last = max(int(np.searchsorted(bounds, bounds[first] + _NAMED_AT_ONCE, "right")) - 1, first + 1)
        here = slice(bounds[first], bounds[last])
        row = parts.row[here]
        told = np.empty(len(row), _NAMING)
        told["side"], told["claim"] = parts.side[here], claims[parts.claim[here]]
        told["record_id"] = rows.ids[row].view("V16").reshape(-1)
        told["version"], told["taken"] = rows.version[row], parts.taken[here]
        offsets = ((bounds[first : last + 1] - bounds[first]) * _NAMING.itemsize).astype(np.int32)
        texts = pa.BinaryArray.from_buffers(
            pa.binary(), last - first, [None, pa.py_buffer(offsets), pa.py_buffer(told)]
        )
        work.engine.register("told_given", pa.table({"told": texts}))
        digests = work.engine.arrow(f"select unhex(left(sha256(encode('{name}') || told), 32)) as id from told_given")
        work.engine.unregister("told_given")
        ids[first:last] = raw_ids(digests["id"].combine_chunks())
        first = last
    return ids
