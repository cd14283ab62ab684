"""
What each row of a run is, by its number, as plain columns: what is found then carries numbers only.

Rows of the left are numbered from 0, those of the right go on from there, so that a number alone says what is meant.
Of each row some thirty bytes are kept, whatever it says: twenty million rows stay in the memory of a laptop.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa

from tieout.model.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from tieout.matching.backends.engine import Engine

__all__ = ["CLAIMS", "Ids", "Rows", "in_order", "leading", "raw_ids", "read_rows", "trailing"]

#: Every claim, in the order in which rows of results stand.
CLAIMS = sorted({claim for kind in KINDS.values() for claim in kind.claims})

_LITTLE = sys.byteorder == "little"

#: Ids of 16 bytes as they lie in memory: two words each.
Ids: TypeAlias = "npt.NDArray[np.uint64]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """
    The rows of both sides.

    :ivar lefts: so many are of the left; they come first.
    :ivar ids: of their records.
    :ivar claim: place in :data:`CLAIMS`.
    :ivar measure: what the claim measures of the record, in the run's minor units, as the record states it.
    :ivar sign: by which it is turned for comparison.
    :ivar begun: rows of which something is used up already; ``left``: what is open of each, turned.
    """

    lefts: int
    ids: Ids
    version: npt.NDArray[np.int32]
    claim: npt.NDArray[np.int8]
    ccy: npt.NDArray[np.int16]
    measure: npt.NDArray[np.int64]
    sign: npt.NDArray[np.int8]
    begun: npt.NDArray[np.int32]
    left: npt.NDArray[np.int64]

    def __len__(self) -> int:
        """Count them."""
        return len(self.measure)

    def keys(self, rows: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        """Give the ``record_key`` of rows."""
        return leading(self.ids[rows, 0])

    def open_amounts(self) -> npt.NDArray[np.int64]:
        """Give what is open of each row, turned; the array is the caller's."""
        amounts = self.measure * self.sign
        amounts[self.begun] = self.left
        return amounts


def read_rows(engine: Engine) -> Rows:
    """Read the columns of ``left_all`` and ``right_all``."""
    claims = ", ".join(f"'{claim}'" for claim in CLAIMS)
    query = f"""thing::integer as thing, record_id, version, (list_position([{claims}], claim) - 1)::tinyint as claim,
        ccy::smallint as ccy, measure::bigint as measure, sign, amount::bigint as amount"""
    counted = [engine.count(f"{side}_all") for side in ("left", "right")]
    every = sum(counted)
    ids = np.empty((every, 2), np.uint64)
    columns: dict[str, npt.NDArray[Any]] = {
        "version": np.empty(every, np.int32),
        "claim": np.empty(every, np.int8),
        "ccy": np.empty(every, np.int16),
        "measure": np.empty(every, np.int64),
        "sign": np.empty(every, np.int8),
    }
    begun, left = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)]
    for side in ("left", "right"):
        for batch in engine.batches(f'select {query} from "{side}_all"'):
            things = batch["thing"].to_numpy()
            ids[things] = raw_ids(batch["record_id"])
            for name, column in columns.items():
                column[things] = batch[name].to_numpy()
            amounts = batch["amount"].to_numpy()
            some = np.flatnonzero(amounts != columns["measure"][things] * columns["sign"][things])
            begun.append(things[some])
            left.append(amounts[some])
    return Rows(lefts=counted[0], ids=ids, begun=np.concatenate(begun), left=np.concatenate(left), **columns)


def raw_ids(ids: pa.Array) -> Ids:
    """Give ids of 16 bytes as two words each, as they lie in memory."""
    fixed = ids.cast(pa.binary(16))
    return np.frombuffer(fixed.buffers()[1], np.uint64, 2 * len(fixed), 16 * fixed.offset).reshape(-1, 2)


def leading(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Give the first words of ids as signed numbers: the key of a record."""
    return words.byteswap().view(np.int64) if _LITTLE else words.view(np.int64)


def trailing(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Give words of ids as numbers that sort as their bytes do."""
    return words.byteswap() if _LITTLE else words


def in_order(
    first: npt.NDArray[np.int64], ties: Callable[[npt.NDArray[np.int64]], tuple[npt.NDArray[np.generic], ...]]
) -> npt.NDArray[np.int64]:
    """
    Sort by a column that is nearly always different, and where it is not by others.

    :param ties: gives the others at positions, the weightiest first.
    :return: positions.
    """
    order = np.argsort(first, kind="stable")
    told = first[order]
    same = told[1:] == told[:-1]
    if not same.any():
        return order
    among = np.flatnonzero(np.r_[same, False] | np.r_[False, same])
    some = order[among]
    order[among] = some[np.lexsort((*reversed(ties(some)), first[some]))]
    return order
