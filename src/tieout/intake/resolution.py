"""
What intake decides about a delivery, before it is written down.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tieout.store.views import table

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from tieout.intake.findings import Finding
    from tieout.store.lake import Lake, LakeFile

__all__ = ["Conflict", "Facts", "Resolution", "Said"]


@dataclass(frozen=True, slots=True)
class Facts:
    """The lake as one commit left it: the live files of each table that intake reads."""

    version: int
    files: dict[str, list[LakeFile]]

    def relation(self, lake: Lake, name: str) -> str:
        """Give one of its tables as SQL."""
        return table(lake, name, self.files[name])


@dataclass(frozen=True, slots=True)
class Said:
    """
    When a delivery says what it says.

    :ivar sequence: the order of landing.
    :ivar created_at: its own creation time in microseconds, where it states one.
    """

    delivery_id: str
    sequence: int
    created_at: int | None


@dataclass(frozen=True, slots=True)
class Conflict:
    """
    A contradiction that only a person can settle.

    :ivar record_id: hexadecimal; None when rows without identifiers could not be told apart.
    :ivar note: one sentence.
    :ivar candidates: what says what: ``[{"delivery_id", "line", ...}]``.
    """

    record_id: str | None
    note: str
    candidates: list[dict[str, object]]


@dataclass(slots=True)
class Resolution:
    """
    What becomes of a delivery's rows.

    :ivar keep: which rows of the draft become records; None: all of them, as they are.
    :ivar new_ids: rows whose identity got an occurrence number: row -> identity.
    :ivar tables: rows for the lake, by table: ``records`` (further versions), ``assertions``, ``witnesses``,
        ``superseded``.
    :ivar changes: what statements that were issued again changed.
    :ivar folded: records whose contents were weighed again (hexadecimal): those without a conflict have none any more.
    """

    keep: npt.NDArray[np.bool_] | None = None
    new_ids: dict[int, bytes] = field(default_factory=dict)
    tables: dict[str, pa.Table] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)
    changes: list[Finding] = field(default_factory=list)
    folded: set[str] = field(default_factory=set)
    changed: int = 0
    withdrawn: int = 0
    repeated: int = 0
