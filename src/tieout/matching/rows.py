"""
What each row of a run is, by its number, as plain columns: what is found then carries numbers only.

Rows of the left are numbered from 0, those of the right go on from there, so that a number alone says what is meant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tieout.model.kinds import KINDS

if TYPE_CHECKING:
    import numpy.typing as npt

    from tieout.matching.backends.engine import Engine

__all__ = ["CLAIMS", "Rows", "halves", "in_order", "read_rows"]

#: Every claim, in the order in which rows of results stand.
CLAIMS = sorted({claim for kind in KINDS.values() for claim in kind.claims})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """
    The rows of both sides.

    :ivar lefts: so many are of the left; they come first.
    :ivar record_id: 16 bytes each.
    :ivar claim: place in :data:`CLAIMS`.
    :ivar measure: what the claim measures of the record, in the run's minor units, as the record states it.
    :ivar sign: by which it is turned for comparison.
    :ivar amount: what is open of it, turned.
    """

    lefts: int
    record_id: pa.FixedSizeBinaryArray
    record_key: npt.NDArray[np.int64]
    version: npt.NDArray[np.int32]
    claim: npt.NDArray[np.int8]
    ccy: npt.NDArray[np.int32]
    measure: npt.NDArray[np.int64]
    sign: npt.NDArray[np.int8]
    amount: npt.NDArray[np.int64]


def read_rows(engine: Engine) -> Rows:
    """Read the columns of ``left_all`` and ``right_all``."""
    claims = ", ".join(f"'{claim}'" for claim in CLAIMS)
    columns = f"""record_id, record_key, version, (list_position([{claims}], claim) - 1)::tinyint as claim, ccy,
        measure::bigint as measure, sign, amount::bigint as amount"""
    sides = [engine.arrow(f'select {columns} from "{side}_all"') for side in ("left", "right")]
    whole = pa.concat_tables(sides).combine_chunks()
    ids = whole["record_id"].cast(pa.binary(16)).combine_chunks()
    numbers = {name: whole[name].to_numpy() for name in whole.column_names if name != "record_id"}
    return Rows(lefts=sides[0].num_rows, record_id=ids, **numbers)


def in_order(first: npt.NDArray[np.int64], *ties: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    """
    Sort by a column that is nearly always different, and where it is not by others.

    :param ties: the weightiest first.
    :return: positions.
    """
    order = np.argsort(first, kind="stable")
    told = first[order]
    same = told[1:] == told[:-1]
    if not same.any():
        return order
    among = np.flatnonzero(np.r_[same, False] | np.r_[False, same])
    some = order[among]
    order[among] = some[np.lexsort((*(column[some] for column in reversed(ties)), first[some]))]
    return order


def halves(ids: pa.FixedSizeBinaryArray) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Give ids of 16 bytes as two columns of numbers that sort as the bytes do."""
    if not len(ids):
        return np.zeros(0, np.uint64), np.zeros(0, np.uint64)
    numbers = np.frombuffer(ids.buffers()[1], ">u8", 2 * len(ids), 16 * ids.offset).astype(np.uint64)
    return numbers[0::2], numbers[1::2]
