"""
From what rules found to rows of matches: which records are in which match, with how much, and what a difference is.

What was found leaves the engine as numbers of rows; what the rows are is looked up by number (``matching.rows``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tieout.matching.found import SIDES, records_found
from tieout.matching.rows import CLAIMS, halves, in_order
from tieout.matching.settlements import SETTLEMENT_RULES, TRANSFERRED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from tieout.matching.perform import Performance
    from tieout.matching.rows import Rows
    from tieout.store.lake import LakeFile

__all__ = ["Outcome", "gather"]

_BATCH_ROWS = 122_880
# So many parts are digested at a time: what they are told apart by takes fifty bytes of each.
_NAMED_AT_ONCE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """
    The matches of a run, and their parts: one part per record and claim.

    Of each match: ``rule`` (place in ``rules``), ``match_id``, ``difference``, and ``figures`` (score, margin,
    coincidence, absent where a rule has none). Of each part, in the order of their matches, and in a match by side, claim
    and record: ``match`` (number), ``row``, ``side`` (0: left), ``claim``, ``taken``.

    :ivar rules: (name, whether its matches are final, whether they are confirmed).
    """

    rows: Rows
    rules: list[tuple[str, bool, bool]]
    rule: npt.NDArray[np.int16]
    match_id: pa.FixedSizeBinaryArray
    difference: npt.NDArray[np.int64]
    figures: pa.Table
    match: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    side: npt.NDArray[np.int8]
    claim: npt.NDArray[np.int8]
    taken: npt.NDArray[np.int64]

    @property
    def exact(self) -> npt.NDArray[np.bool_]:
        """Say of each match whether it is final."""
        return np.array([exact for _, exact, _ in self.rules], np.bool_)[self.rule]

    @property
    def confirmed(self) -> npt.NDArray[np.bool_]:
        """Say of each match whether it is more than a proposal."""
        return np.array([confirm for _, _, confirm in self.rules], np.bool_)[self.rule]

    def leave_rests(self, work: Performance) -> Callable[[], None]:
        """Make ``rests`` and ``touched``; gives what makes ``asked_used``."""
        engine = work.engine
        taken, touched = _taken_of_rows(self)
        rest = self.rows.amount - taken
        rows = np.flatnonzero(rest)
        begun = touched | (self.rows.amount != self.rows.measure * self.rows.sign)
        engine.take("rests", pa.table({"thing": rows, "rest": rest[rows], "begun": begun[rows]}))
        engine.create("touched", "select 0::bigint as thing where false")
        if engine.count("family"):
            engine.take("touched", pa.table({"thing": np.flatnonzero(touched)}))

        def note_used() -> None:
            asked = engine.arrow("from asked")["thing"].to_numpy()
            engine.take("asked_used", pa.table({"thing": asked, "used": touched[asked]}))

        return note_used

    def matches(self, work: Performance, reconciliation: str, *, final: bool) -> Iterator[pa.Table]:
        """Give the rows of the lake table ``matches``, in total order, a part at a time."""
        return _matches(self, work, reconciliation, final=final)

    def leave_differences(self, work: Performance) -> None:
        """Make ``differing``: the matches whose sides differ."""
        _leave_differences(self, work)

    def counts(self, work: Performance, written: Sequence[tuple[LakeFile, bool]]) -> dict[str, int]:
        """Count what a run found, for people."""
        return _counts(self, work, written)


_FIGURES = pa.schema({"score": pa.int32(), "margin": pa.int32(), "coincidence": pa.int64()})
_PARTS = {"match": np.int64, "row": np.int64, "side": np.int8, "claim": np.int8, "taken": np.int64}


def gather(work: Performance, rows: Rows, reconciliation: str) -> Outcome:
    """
    Bring what every rule found together.

    A match is named by the reconciliation, its records with their versions, and what it takes of each.
    """
    plain = not any(work.grouped)
    pieces = []
    for number, shape, found in work.found:
        pieces.append(
            _pairs(work, rows, number, found)
            if plain and shape == "paired"
            else _spread(work, rows, number, shape, found)
        )
    if not plain:
        pieces.append(_composed(work, rows))
    own = [(rule.name, rule.exact, rule.confirm) for rule in work.rules.rules]
    rules = own + [(name, False, True) for name in SETTLEMENT_RULES]
    parts: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in _PARTS}
    matches = 0
    for piece in pieces:
        for name in _PARTS:
            parts[name].append(piece.parts[name] + matches if name == "match" else piece.parts[name])
        matches += len(piece.rule)
    joined = {
        name: np.concatenate([np.zeros(0, kind), *parts[name]]).astype(kind, copy=False)
        for name, kind in _PARTS.items()
    }
    return Outcome(
        rows=rows,
        rules=rules,
        rule=np.concatenate([np.zeros(0, np.int16), *(piece.rule for piece in pieces)]),
        match_id=_named(work, rows, reconciliation, joined),
        difference=np.concatenate([np.zeros(0, np.int64), *(piece.difference for piece in pieces)]),
        figures=pa.concat_tables([_FIGURES.empty_table(), *(piece.figures for piece in pieces)]).combine_chunks(),
        **joined,
    )


@dataclass(frozen=True, slots=True)
class _Piece:
    """What one rule found; matches are numbered from 0."""

    rule: npt.NDArray[np.int16]
    difference: npt.NDArray[np.int64]
    figures: pa.Table
    parts: dict[str, npt.NDArray[Any]]


def _pairs(work: Performance, rows: Rows, number: int, found: str) -> _Piece:
    """The common case, one record with one."""
    told = work.engine.arrow(f'select * from "{found}"')
    n = told.num_rows
    parts = {name: np.empty(2 * n, np.int64) for name in ("row", "taken")}
    for at, short in enumerate(("l", "r")):
        parts["row"][at::2] = told[short].to_numpy()
        parts["taken"][at::2] = told[f"{short}_taken"].to_numpy()
    parts["match"] = np.repeat(np.arange(n), 2)
    parts["side"] = np.tile(np.array([0, 1], np.int8), n)
    parts["claim"] = rows.claim[parts["row"]]
    return _Piece(
        np.full(n, number, np.int16), told["difference"].to_numpy(), told.select(_FIGURES.names).cast(_FIGURES), parts
    )


def _spread(work: Performance, rows: Rows, number: int, shape: str, found: str) -> _Piece:
    """Give the records of bundles: things that are several records are replaced by them."""
    parts = []
    for place, (row, taken, rows_found) in enumerate(records_found(work, shape, found)):
        parts.append(
            f"""select {number} as rule, t.bundle, {place}::tinyint as side, {row} as row, {taken} as taken, null::tinyint as claim,
                t.difference, t.score, t.margin, t.coincidence from {rows_found}"""
        )
    return _bundles(rows, work.engine.arrow(" union all ".join(parts)))


def _composed(work: Performance, rows: Rows) -> _Piece:
    """Give the records of what settlements prove by themselves."""
    side = "left" if work.grouped[0] else "right"
    first = len(work.rules.rules) - 1
    names, claims = ([f"'{_quoted(word)}'" for word in words] for words in (SETTLEMENT_RULES, CLAIMS))
    query = f"""
        select list_position([{", ".join(names)}], c.rule) + {first} as rule, c.bundle,
            (c.side = 'right')::tinyint as side, c.thing as row, {TRANSFERRED} as taken,
            (list_position([{", ".join(claims)}], c.claim) - 1)::tinyint as claim,
            0 as difference, null as score, null as margin, null as coincidence
        from composed c join {side}_all a on a.thing = c.thing"""
    return _bundles(rows, work.engine.arrow(query))


def _bundles(rows: Rows, told: pa.Table) -> _Piece:
    """Put the parts of bundles in order, and number the bundles."""
    row, side = told["row"].to_numpy(), told["side"].to_numpy()
    claim = told["claim"]
    claims = rows.claim[row] if claim.null_count == len(claim) else claim.to_numpy()
    bundle = (
        told["bundle"].to_numpy() * (len(SETTLEMENT_RULES) + 1)
        + told["rule"].to_numpy()
        - told["rule"].to_numpy().min(initial=0)
    )
    by_record = in_order(rows.record_key[row], *halves(rows.record_id.take(pa.array(row))))
    inside = (bundle * 2 + side) * len(CLAIMS) + claims
    order = by_record[np.argsort(inside[by_record], kind="stable")]
    bundle = bundle[order]
    starts = np.flatnonzero(np.r_[True, bundle[1:] != bundle[:-1]]) if len(order) else np.zeros(0, np.int64)
    match = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(order)]))
    firsts = pa.array(order[starts])
    parts = {
        "match": match,
        "row": row[order],
        "side": side[order],
        "claim": claims[order],
        "taken": told["taken"].to_numpy()[order],
    }
    of_match = told.select(["rule", "difference", *_FIGURES.names]).take(firsts)
    rule = of_match["rule"].to_numpy().astype(np.int16)
    return _Piece(
        rule, of_match["difference"].to_numpy().astype(np.int64), of_match.select(_FIGURES.names).cast(_FIGURES), parts
    )


#: What tells parts apart, as bytes: the digest of those of a match, in order, is its name.
_NAMING = np.dtype([("side", "u1"), ("claim", "S12"), ("record_id", "V16"), ("version", ">i4"), ("taken", ">i8")])


def _named(
    work: Performance, rows: Rows, reconciliation: str, parts: dict[str, npt.NDArray[Any]]
) -> pa.FixedSizeBinaryArray:
    """Name the matches: SHA-256 of the reconciliation and the parts, cut to 16 bytes."""
    match = parts["match"]
    starts = np.flatnonzero(np.r_[True, match[1:] != match[:-1]]) if len(match) else np.zeros(0, np.int64)
    bounds = np.r_[starts, len(match)]
    claims = np.array([claim.encode() for claim in CLAIMS], "S12")
    named: list[pa.Array] = [pa.array([], pa.binary(16))]
    first = 0
    while first < len(starts):
        last = max(int(np.searchsorted(bounds, bounds[first] + _NAMED_AT_ONCE, "right")) - 1, first + 1)
        here = slice(bounds[first], bounds[last])
        row = parts["row"][here]
        told = np.empty(len(row), _NAMING)
        told["side"], told["claim"] = parts["side"][here], claims[parts["claim"][here]]
        told["record_id"] = np.frombuffer(rows.record_id.take(pa.array(row)).buffers()[1], "V16", len(row))
        told["version"], told["taken"] = rows.version[row], parts["taken"][here]
        offsets = ((bounds[first : last + 1] - bounds[first]) * _NAMING.itemsize).astype(np.int32)
        texts = pa.BinaryArray.from_buffers(
            pa.binary(), last - first, [None, pa.py_buffer(offsets), pa.py_buffer(told)]
        )
        work.engine.register("told_given", pa.table({"told": texts}))
        name = _quoted(reconciliation)
        digests = work.engine.arrow(f"select unhex(left(sha256(encode('{name}') || told), 32)) as id from told_given")
        work.engine.unregister("told_given")
        named.append(digests["id"].cast(pa.binary(16)).combine_chunks())
        first = last
    return pa.concat_arrays(
        [chunk for each in named for chunk in (each.chunks if isinstance(each, pa.ChunkedArray) else [each])]
    )


def _taken_of_rows(found: Outcome) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Say of each row what confirmed matches take of what was open of it, and whether any does."""
    counts = found.confirmed[found.match] & (found.claim != CLAIMS.index("transfer"))
    row, taken = found.row[counts], found.taken[counts]
    total, touched = np.zeros(len(found.rows.record_key), np.int64), np.zeros(len(found.rows.record_key), np.bool_)
    np.add.at(total, row, taken)
    touched[row] = True
    return total, touched


def _matches(found: Outcome, work: Performance, reconciliation: str, *, final: bool) -> Iterator[pa.Table]:
    """
    Give the rows of the lake table ``matches``, in total order, a part at a time.

    :param final: those of exact rules; else those that stay provisional.
    """
    mine = np.flatnonzero(found.exact[found.match] == final)
    rows = found.rows
    ids = halves(found.match_id)
    match = found.match[mine]
    order = mine[
        in_order(rows.record_key[found.row[mine]], ids[0][match], ids[1][match], found.side[mine], found.claim[mine])
    ]
    words = {
        "rule": [name for name, _, _ in found.rules],
        "status": ["proposed", "confirmed"],
        "side": list(SIDES),
        "claim": CLAIMS,
        "currency": [name for _, name, _ in work.money.currencies],
        "reconciliation": [reconciliation],
    }
    lists = {name: pa.array(listed, pa.string()) for name, listed in words.items()}
    exponent = np.array([exponent for _, _, exponent in work.money.currencies], np.int32)
    confirmed = found.confirmed.astype(np.int32)
    for at in range(0, len(order), _BATCH_ROWS):
        part = order[at : at + _BATCH_ROWS]
        match, row = found.match[part], found.row[part]
        ccy = rows.ccy[row]
        codes: dict[str, npt.NDArray[Any]] = {
            "rule": found.rule[match],
            "status": confirmed[match],
            "side": found.side[part],
            "claim": found.claim[part],
            "currency": ccy,
            "reconciliation": np.zeros(len(part), np.int32),
        }
        columns = {
            "match_id": found.match_id.take(pa.array(match)),
            "record_id": rows.record_id.take(pa.array(row)),
            "record_key": rows.record_key[row],
            "version": rows.version[row],
            "amount": rows.measure[row],
            "allocated": found.taken[part] * rows.sign[row],
            "exponent": exponent[ccy],
            "difference": found.difference[match],
            "evidence": pa.nulls(len(part), pa.string()),
            "decided_by": pa.nulls(len(part), pa.string()),
        }
        for name, code in codes.items():
            columns[name] = pa.DictionaryArray.from_arrays(pa.array(code.astype(np.int32, copy=False)), lists[name])
        for name in _FIGURES.names:
            figure = found.figures[name]
            none = figure.null_count == len(figure)
            columns[name] = pa.nulls(len(part), figure.type) if none else figure.take(pa.array(match))
        yield pa.table(columns)


def _leave_differences(found: Outcome, work: Performance) -> None:
    """Make ``differing`` (match_id, rule, exact, difference, mixed, ccy, sign): the matches whose sides differ."""
    match = found.match
    starts = np.flatnonzero(np.r_[True, match[1:] != match[:-1]]) if len(match) else np.zeros(0, np.int64)
    some = np.flatnonzero(found.difference)
    ccy = found.rows.ccy[found.row]
    left = found.side == 0

    def of_matches(how: np.ufunc, column: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return how.reduceat(column, starts)[some] if len(starts) else column[:0]

    work.engine.take(
        "differing",
        pa.table(
            {
                "match_id": found.match_id.take(pa.array(some)),
                "rule": found.rule[some],
                "exact": found.exact[some],
                "difference": found.difference[some],
                "mixed": of_matches(np.minimum, ccy) != of_matches(np.maximum, ccy),
                "ccy": of_matches(np.maximum, np.where(left, ccy, -1)),
                "sign": np.where(of_matches(np.add, np.where(left, found.taken, 0)) < 0, -1, 1),
            },
        ),
    )


def _counts(found: Outcome, work: Performance, written: Sequence[tuple[LakeFile, bool]]) -> dict[str, int]:
    """Count what a run found, for people."""
    states = {
        row["state"]: row["n"]
        for row in work.engine.arrow("select state, count(*) as n from left_over group by state").to_pylist()
    }
    files = {f.table_name: f.rows for f, _ in written}
    confirmed = found.confirmed
    return {
        "matches": int(confirmed.sum()),
        "proposed": int((~confirmed).sum()),
        "final": int(found.exact.sum()),
        "matched": int(confirmed[found.match].sum()),
        "exceptions": files.get("exceptions", 0),
        "in_transit": states.get("in_transit", 0),
        "open": states.get("open", 0),
        "excluded": states.get("excluded", 0),
    }


def _quoted(text: str) -> str:
    return text.replace("'", "''")
