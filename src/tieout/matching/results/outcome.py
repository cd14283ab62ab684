"""
From what rules found to rows of matches: which records are in which match, with how much, and what a difference is.

What was found leaves the engine as numbers of rows (``parts``); what the rows are is looked up by number
(``rows``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tieout.matching.facts.resting import exact_after_others, rest_on_own
from tieout.matching.performing.settlements import SETTLEMENT_RULES
from tieout.matching.results.found import SIDES, evidence_text, runner_up_text
from tieout.matching.results.parts import gather_parts, name_matches
from tieout.matching.results.rows import CLAIMS, in_order, trailing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from tieout.matching.performing.perform import Performance
    from tieout.matching.results.parts import Figure, Parts
    from tieout.matching.results.rows import Ids, Rows
    from tieout.store.lake import LakeFile

__all__ = ["Outcome", "gather"]

_BATCH_ROWS = 122_880
# So many parts are put in order at a time: sorting takes fifty bytes of each.
_SORTED_AT_ONCE = 1 << 21
_LEFT_OUT = np.iinfo(np.int16).max


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    The matches of a run.

    :ivar rules: (name, whether it is exact, whether its matches are confirmed), by the numbers of ``parts.rule``.
    :ivar match_ids: by the numbers of ``parts.match``.
    :ivar resting: rows of which a match is only as sure as a provisional one (``facts.resting``).
    """

    rows: Rows
    rules: list[tuple[str, bool, bool]]
    parts: Parts
    match_ids: Ids
    resting: npt.NDArray[np.int64]

    @property
    def exact(self) -> npt.NDArray[np.bool_]:
        """Say of each match whether it is final: one of an exact rule, that rests on no provisional one."""
        final = np.array([exact for _, exact, _ in self.rules], np.bool_)[self.parts.rule]
        if len(self.resting):
            resting = np.zeros(len(self.rows), np.bool_)
            resting[self.resting] = True
            final[self.parts.match[resting[self.parts.row]]] = False
        return final

    @property
    def confirmed(self) -> npt.NDArray[np.bool_]:
        """Say of each match whether it is more than a proposal."""
        return np.array([confirm for _, _, confirm in self.rules], np.bool_)[self.parts.rule]

    def leave_rests(self, work: Performance) -> Callable[[], None]:
        """Make ``rests`` and ``touched``; gives what makes ``asked_used``."""
        engine = work.engine
        rest, touched = _rest_of_rows(self)
        rows = np.flatnonzero(rest)
        begun = touched.copy()
        begun[self.rows.begun] = True
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
        """Make ``differing``: the matches whose sides differ, and ``differing_parts``: what they take of documents and of a bank's entries."""
        _leave_differences(self, work)

    def counts(self, work: Performance, written: Sequence[tuple[LakeFile, bool]]) -> dict[str, int]:
        """Count what a run found, for people."""
        return _counts(self, work, written)


def gather(work: Performance, rows: Rows, reconciliation: str) -> Outcome:
    """Bring what every rule found together, and name each match."""
    parts = gather_parts(work, rows)
    rules = [(rule.name, rule.exact, rule.confirm) for rule in work.rules.rules]
    rules += [(name, False, True) for name in SETTLEMENT_RULES]
    if exact_after_others(work.rules):
        exact, confirmed = (np.array([rule[n] for rule in rules], np.bool_)[parts.rule] for n in (1, 2))
        own = parts.rule < len(work.rules.rules)
        loosely = parts.row[(confirmed & ~exact & own)[parts.match]]
        work.engine.take("loosely_taken", pa.table({"thing": np.unique(loosely)}))
        rest_on_own(work.engine, work.rules)
    resting = work.engine.arrow("select thing from resting")["thing"].to_numpy()
    return Outcome(rows, rules, parts, name_matches(work, rows, reconciliation, parts), resting)


def _rest_of_rows(found: Outcome) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Say of each row what confirmed matches leave of what was open of it, and whether any takes of it."""
    rest, touched = found.rows.open_amounts(), np.zeros(len(found.rows), np.bool_)
    parts, confirmed = found.parts, found.confirmed
    for first in range(0, len(parts.row), _SORTED_AT_ONCE):
        own = slice(first, first + _SORTED_AT_ONCE)
        counts = confirmed[parts.match[own]] & (parts.claim[own] != CLAIMS.index("transfer"))
        row = parts.row[own][counts]
        np.subtract.at(rest, row, parts.taken[own][counts])
        touched[row] = True
    return rest, touched


def _in_total_order(found: Outcome, *, final: bool) -> Iterator[npt.NDArray[np.int64]]:
    """
    Give the parts of exact rules, or of the others, in the order of their records, then matches, sides and claims.

    By pieces of the range of keys, which are spread evenly: they are digests.
    """
    rows, parts, exact = found.rows, found.parts, found.exact
    bits = (max(len(parts.match) - 1, 0) // _SORTED_AT_ONCE).bit_length()
    piece = np.zeros(len(parts.match), np.int16)
    for first in range(0, len(piece), _SORTED_AT_ONCE):
        own = slice(first, first + _SORTED_AT_ONCE)
        at = rows.keys(parts.row[own]) >> (64 - bits) if bits else 0
        piece[own] = np.where(exact[parts.match[own]] == final, at, _LEFT_OUT)
    for number in range(-(1 << bits >> 1), max(1 << bits >> 1, 1)):
        some = np.flatnonzero(piece == number)

        def ties(at: npt.NDArray[np.int64], some: npt.NDArray[np.int64] = some) -> tuple[npt.NDArray[Any], ...]:
            ids = found.match_ids[parts.match[some[at]]]
            return trailing(ids[:, 0]), trailing(ids[:, 1]), parts.side[some[at]], parts.claim[some[at]]

        yield some[in_order(rows.keys(parts.row[some]), ties)]


def _matches(found: Outcome, work: Performance, reconciliation: str, *, final: bool) -> Iterator[pa.Table]:
    """
    Give the rows of the lake table ``matches``, in total order, a part at a time.

    :param final: those of exact rules; else those that stay provisional.
    """
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
    confirmed = found.confirmed
    rows, parts = found.rows, found.parts
    for order in _in_total_order(found, final=final):
        for at in range(0, len(order), _BATCH_ROWS):
            part = order[at : at + _BATCH_ROWS]
            match, row = parts.match[part], parts.row[part]
            ccy = rows.ccy[row]
            allocated = parts.taken[part] * rows.sign[row]
            codes: dict[str, npt.NDArray[Any]] = {
                "rule": parts.rule[match],
                "status": confirmed[match],
                "side": parts.side[part],
                "claim": parts.claim[part],
                "currency": ccy,
                "reconciliation": np.zeros(len(part), np.int32),
            }
            columns = {
                "match_id": _fixed(found.match_ids[match]),
                "record_id": _fixed(rows.ids[row]),
                "record_key": rows.keys(row),
                "version": rows.version[row],
                # A transfer is taken whole.
                "amount": np.where(parts.claim[part] == CLAIMS.index("transfer"), allocated, rows.measure[row]),
                "allocated": allocated,
                "exponent": exponent[ccy],
                "difference": parts.difference[match],
                "evidence": _evidence(found, work, match),
                "decided_by": pa.nulls(len(part), pa.string()),
            }
            for name, code in codes.items():
                columns[name] = pa.DictionaryArray.from_arrays(pa.array(code.astype(np.int32)), lists[name])
            for name in ("score", "margin", "coincidence"):
                columns[name] = _figures(parts.figures[name], match)
            yield pa.table(columns)


def _fixed(ids: Ids) -> pa.Array:
    """Give ids as Arrow has them."""
    return pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(16), len(ids), [None, pa.py_buffer(np.ascontiguousarray(ids))]
    )


def _evidence(found: Outcome, work: Performance, match: npt.NDArray[np.int32]) -> pa.Array:
    """Write what rules tell of matches beside their points, as JSON: with how many others they stand, or who came next."""
    beside, next_best = (found.parts.figures[name] for name in ("beside", "runner_up"))
    counted = beside.present[match]
    there = counted | next_best.present[match]
    if not there.any():
        return pa.nulls(len(match), pa.string())
    # One number of each: of a count its rule stands before it, of a row there is none.
    rule = np.where(counted, found.parts.rule[match], -1).astype(np.int64)
    known, place = np.unique(
        (rule << 32) + np.where(counted, beside.values[match], next_best.values[match]), return_inverse=True
    )
    tells = [rule.tells or ("", "") for rule in work.rules.rules] + [("", "")] * len(SETTLEMENT_RULES)
    numbers = [divmod(one, 1 << 32) for one in known.tolist()]
    told = [
        runner_up_text(found.rows.ids[number].tobytes().hex()) if rule < 0 else evidence_text(tells[rule], str(number))
        for rule, number in numbers
    ]
    codes = pa.array(place.astype(np.int32), mask=~there)
    return pa.DictionaryArray.from_arrays(codes, pa.array(told, pa.string()))


def _figures(figure: Figure, match: npt.NDArray[np.int32]) -> pa.Array:
    present = figure.present[match]
    if not present.any():
        return pa.nulls(len(match), pa.from_numpy_dtype(figure.values.dtype))
    return pa.array(figure.values[match], mask=~present)


def _leave_differences(found: Outcome, work: Performance) -> None:
    """Make ``differing`` and ``differing_parts``."""
    parts = found.parts
    differs = parts.difference != 0
    some = np.flatnonzero(differs)
    here = np.flatnonzero(differs[parts.match])
    match, row, left = parts.match[here], parts.row[here], parts.side[here] == 0
    ccy = found.rows.ccy[row].astype(np.int32)
    starts = np.flatnonzero(np.r_[True, match[1:] != match[:-1]]) if len(match) else np.zeros(0, np.int64)

    def of_matches(how: np.ufunc, column: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return how.reduceat(column, starts) if len(starts) else column[:0]

    work.engine.take(
        "differing",
        pa.table(
            {
                "match_id": _fixed(found.match_ids[some]),
                "rule": parts.rule[some],
                "exact": found.exact[some],
                "difference": parts.difference[some],
                "mixed": of_matches(np.minimum, ccy) != of_matches(np.maximum, ccy),
                "ccy": np.where(
                    of_matches(np.logical_or, left),
                    of_matches(np.maximum, np.where(left, ccy, -1)),
                    of_matches(np.maximum, ccy),
                ),
                # Of one side only, what is left of it says by itself whether it is too little.
                "sign": np.where(
                    (of_matches(np.add, np.where(left, parts.taken[here], 0)) < 0) & of_matches(np.logical_or, ~left),
                    -1,
                    1,
                ),
            },
        ),
    )
    some_of = here[np.isin(parts.claim[here], [CLAIMS.index("document"), CLAIMS.index("bank")])]
    work.engine.take(
        "differing_parts",
        pa.table(
            {
                "match_id": _fixed(found.match_ids[parts.match[some_of]]),
                "side": parts.side[some_of].astype(np.int32),
                "is_document": parts.claim[some_of] == CLAIMS.index("document"),
                "thing": parts.row[some_of].astype(np.int64),
                "taken": parts.taken[some_of],
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
        "matched": int(confirmed[found.parts.match].sum()),
        "exceptions": files.get("exceptions", 0),
        "in_transit": states.get("in_transit", 0),
        "open": states.get("open", 0),
        "excluded": states.get("excluded", 0),
    }
