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

    from tieout.intake.doubts import Doubt
    from tieout.intake.findings import Finding
    from tieout.intake.joined import Joined
    from tieout.store.lake import Lake, LakeFile

__all__ = ["Conflict", "Facts", "Resolution", "Said", "told_sql"]


@dataclass(frozen=True, slots=True)
class Facts:
    """
    The lake as one commit left it: the live files of each table that intake reads.

    :ivar whole: the deliveries that tell whole batches of the platform in question.
    :ivar disputed: the records (hexadecimal) of which reports contradict each other: whoever tells of one is heard.
    """

    version: int
    files: dict[str, list[LakeFile]]
    disputed: frozenset[str] = frozenset()
    whole: frozenset[str] = frozenset()

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

    :ivar record_id: hexadecimal.
    :ivar note: one sentence.
    :ivar candidates: what says what: ``[{"delivery_id", "line", ...}]``.
    """

    record_id: str
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
    :ivar doubts: equal rows of it and of others, of which nothing proves whether they are the same; ``settled``: pairs of
        others whose doubt it proves something of.
    :ivar joined: records that stand and that it proves to be others.
    :ivar changes: what statements that were issued again changed.
    :ivar settlements: in which the records that were known, or are told of twice, stand or stood.
    :ivar own: of the repeated rows, those by which the delivery brought a record when it was read before.
    :ivar folded: records whose contents were weighed again (hexadecimal): those without a conflict have none any more.
    """

    keep: npt.NDArray[np.bool_] | None = None
    new_ids: dict[int, bytes] = field(default_factory=dict)
    tables: dict[str, pa.Table] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)
    settled: set[tuple[str, str]] = field(default_factory=set)
    joined: list[Joined] = field(default_factory=list)
    changes: list[Finding] = field(default_factory=list)
    settlements: set[str] = field(default_factory=set)
    folded: set[str] = field(default_factory=set)
    changed: int = 0
    withdrawn: int = 0
    repeated: int = 0
    own: int = 0


def told_sql(records: str, assertions: str, witnesses: str, *, among: str | None = None) -> str:
    """
    Give where each record is told of, without reports that were withdrawn, as a relation.

    Its columns: record_id, record_key, account_id (where a report states its own), delivery_id, member, statement_place.

    :param records, assertions, witnesses: relations of these tables.
    :param among: a relation of the records that are asked for, by record_id and record_key; None: all.
    """
    place = "record_id, record_key, delivery_id, coalesce(member, '') as member, statement_place"
    asked = (
        "" if among is None else f" r semi join {among} a on a.record_key = r.record_key and a.record_id = r.record_id"
    )
    return f"""(
        select record_id, record_key, delivery_id, member, statement_place, any_value(account_id) as account_id
        from (
            select {place}, account_id, 1 as told from (select * from {records}{asked}) where version = 1
            union all select {place}, account_id, 1 from (select * from {assertions}{asked})
            union all
            select {place}, null, case when withdrawn then -1 else 1 end from (select * from {witnesses}{asked})
        ) group by record_id, record_key, delivery_id, member, statement_place having sum(told) > 0
    )"""
