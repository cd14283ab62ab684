"""
What a run need not look at again: records and matches of earlier runs that are used up for good.

A run reads what the last run of its reconciliation left open or provisional, what was given back since, and what came
since. Where that run rested on other rules, rates or settings, or there was none, everything is read. Either way the
same rows come out: performing a run again always reads everything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tieout.matching.facts.sides import listed, polarity_of, side_filter, turned_sql
from tieout.model.kinds import KINDS
from tieout.store.engine import paths
from tieout.store.runs import standing_matches
from tieout.store.views import current_records, entry_name_sql, table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tieout.config.workspace import Reconciliation
    from tieout.matching.backends.engine import Engine
    from tieout.matching.grammar.rules import RuleSet
    from tieout.store.lake import Lake, LakeFile
    from tieout.store.runs import Results

__all__ = ["Before", "UsedKeys", "among_sql", "files_with", "kin_again", "records_again", "scales_in"]

_ROWS_AT_ONCE = 1_000_000
_TOLD_OF_NAMED = (
    *("record_id", "record_key", "version", "kind", "status", "source_id", "account_id", "entity_id", "bank_code"),
    *("external_key", "amount"),
)
_TOLD_OF_USED = ("external_id", "net", "currency", "exponent", "booked_on", "value_on", "due_on")
#: More than there are exponents.
_EXPONENTS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """
    The last run of a reconciliation, which rested on the same texts.

    :ivar results: what stood after it.
    :ivar known: paths of the files of records, and of what superseded some, that it could read.
    :ivar claims: what it used up: of these it gave back all that rested on what was superseded then.
    :ivar through_day: its day, since 1970.
    """

    results: Results
    known: frozenset[str]
    claims: frozenset[str]
    through_day: int


def files_with(engine: Engine, lake: Lake, files: Sequence[LakeFile], condition: str) -> list[LakeFile]:
    """Keep the files in which a condition, over a row ``r``, holds for any row."""
    if not files:
        return []
    by_path = {lake.full(file.path): file for file in files}
    query = f"select distinct r.filename from read_parquet({paths(list(by_path))}, filename = true) r where {condition}"
    return [by_path[path] for path in sorted(engine.arrow(query)["filename"].to_pylist())]


def among_sql(engine: Engine, records: str) -> Callable[[Sequence[str]], str]:
    """Say how of files only the rows of some records are read: a relation with ``record_key``."""
    return lambda files: engine.rows_among(files, f"r.record_key in (select record_key from {records})")


def scales_in(lake: Lake, results: Results) -> set[tuple[str, int]]:
    """
    Give the currencies and exponents of all matches, of whichever claim, standing or not.

    Columns with few values are read as their codes, a tenth of what their texts take.
    """
    found = set[tuple[str, int]]()
    for file in results.of("matches"):
        with pq.ParquetFile(lake.full(file.file.path), read_dictionary=["currency"]) as parquet:
            for batch in parquet.iter_batches(_ROWS_AT_ONCE, columns=["currency", "exponent"]):
                words, exponents = batch["currency"], batch["exponent"]
                if words.null_count or exponents.null_count:
                    return {("", -1)}  # which is never among those of records
                seen = np.unique(words.indices.to_numpy() * _EXPONENTS + exponents.to_numpy())
                found |= {(words.dictionary[int(n) // _EXPONENTS].as_py(), int(n) % _EXPONENTS) for n in seen}
    return found


def records_again(
    engine: Engine,
    lake: Lake,
    files: dict[str, list[LakeFile]],
    now: Results,
    before: Before,
    reconciliation: Reconciliation,
    through_day: int,
    *,
    grouped: bool,
) -> str:
    """
    Give the records that may be open, as a relation; makes ``again`` (record_key): what earlier files may have of it.

    Reads ``stale`` (match_id).

    :param grouped: lines of a settlement are one thing: what it was paid out with says what it is made of.
    """
    new = [file for file in files["records"] if file.path not in before.known]
    old = [file for file in files["records"] if file.path in before.known]
    _make_again(engine, lake, now, before, reconciliation.id)
    conditions = ["r.record_key in (select record_key from again)"]
    if through_day > before.through_day:
        day = "coalesce(r.booked_on, r.value_on, r.due_on) - date '1970-01-01'"
        conditions.append(f"{day} > {before.through_day}")
    if grouped:
        conditions.append(f"r.kind in ({listed([kind.name for kind in KINDS.values() if 'transfer' in kind.claims])})")
    condition = " or ".join(conditions)
    if len(conditions) == 1 and not engine.count("again"):
        old = []
    found = files_with(engine, lake, old, condition)
    every = current_records(lake, new, files["superseded"])
    if found:
        kept = current_records(lake, found, files["superseded"])
        every = f"(select * from {every} union all by name select r.* from {kept} r where {condition})"
    return every


def kin_again(engine: Engine, lake: Lake, files: dict[str, list[LakeFile]], before: Before, records: str) -> str:
    """
    Add to the records that may be open the entries of their transactions and the transactions of their entries.

    One of them is used up where the other is: see ``read_kin``.
    """
    engine.create(
        "kin_keys",
        f"""select external_key as whole, null::bigint as part from {records} where kind = 'bank_entry'
            union select null, parent_key from {records} where kind = 'bank_detail' and parent_key is not null""",
    )
    names = (
        f"select distinct {entry_name_sql('r')} as name from {records} r where r.kind in ('bank_entry', 'bank_detail')"
    )
    engine.create("kin_names", f"select name from ({names}) n where name <> ''")
    condition = """(r.kind = 'bank_detail' and r.parent_key in (select whole from kin_keys where whole is not null)
        or r.kind = 'bank_entry' and r.external_key in (select part from kin_keys where part is not null))"""
    if engine.count("kin_names"):
        condition = f"({condition} or {entry_name_sql('r')} in (select name from kin_names))"
    found = files_with(engine, lake, [f for f in files["records"] if f.path in before.known], condition)
    if not found:
        return records
    kept = current_records(lake, found, files["superseded"])
    return f"""(select * from {records} union all by name select r.* from {kept} r
        where {condition} and r.record_id not in (select record_id from {records}))"""


def _make_again(engine: Engine, lake: Lake, now: Results, before: Before, own: str) -> None:
    """
    Make ``again`` (record_key): what the last run left over, all that was only provisional then, and what was given back.
    """
    last = before.results.last[own]["run_id"]
    left = [lake.full(f.file.path) for f in before.results.of("positions", own) if f.run_id == last]
    loose = [lake.full(f.file.path) for f in before.results.of("matches") if f.provisional]
    parts = [f"select record_key from read_parquet({paths(listed)})" for listed in (left, loose) if listed]
    engine.take(
        "given_back",
        pa.table({"match_id": pa.array([v[0] for v in now.voids if v[1] > before.results.sequence], pa.binary(16))}),
    )
    engine.create("given_back", "select match_id from given_back union select match_id from stale")
    written = [lake.full(file.path) for files in now.written.values() for file in files]
    if written and engine.count("given_back"):
        parts.append(
            f"select m.record_key from read_parquet({paths(written)}) m semi join given_back g on g.match_id = m.match_id"
        )
    engine.create("again", " union ".join(parts) if parts else "select 0::bigint as record_key where false")


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedKeys:
    """
    Where identifiers of what earlier matches use up are found: looked up only when a rule asks for them.

    :ivar claims: those that the run uses up; without any match of earlier runs there is nothing to look up.
    """

    lake: Lake
    files: dict[str, list[LakeFile]]
    results: Results
    reconciliation: Reconciliation
    rules: RuleSet
    claims: frozenset[str]

    def look_up(self, engine: Engine, side: str, known: str) -> None:
        """
        Make ``used_keys_left`` or ``used_keys_right`` (record_id, key, sign, entity_id), of the keys in a relation.

        Whoever names one of these is spoken for, though there is nothing left to pair it with.

        :param known: name of a relation with ``key``.
        """
        name = f"used_keys_{side}"
        engine.create(
            name, "select ''::blob as record_id, 0::bigint as key, 0::tinyint as sign, '' as entity_id where false"
        )
        if not self.any_used or not self.find_named(engine, known, self._filter(side)):
            return
        sign = f"sign(r.amount * ({self._turned(side)}))::tinyint"
        engine.create(
            name,
            f"""select distinct record_id, key, {sign} as sign, entity_id from named r
                semi join {self._using(engine)} u on u.record_key = r.record_key and u.record_id = r.record_id
                semi join {known} k on k.key = r.key""",
        )

    def tell(self, engine: Engine, known: str) -> bool:
        """
        Make ``told``: what is used up and has one of the keys in a relation, a row for each of its keys and matches.

        Of the record: ``named``'s columns, ``side``, ``sign`` (by which the side is turned), ``booked`` (day since 1970);
        of the match: ``match_id``, ``claim``.

        :param known: name of a relation with ``key``.
        :return: False where there is none; then the relation is not made.
        """
        both = f"(({self._filter('left')}) or ({self._filter('right')}))"
        if not self.any_used or not self.find_named(engine, known, both, also=_TOLD_OF_USED):
            return False
        engine.create(
            "told",
            " union all ".join(
                f"""select r.*, '{side}' as side, ({self._turned(side)})::tinyint as sign, u.match_id, u.claim,
                        coalesce(r.booked_on, r.value_on, r.due_on) - date '1970-01-01' as booked
                    from named r join {self._using(engine)} u on u.record_key = r.record_key and u.record_id = r.record_id
                    where {self._filter(side)}"""
                for side in ("left", "right")
            ),
        )
        return engine.count("told") > 0

    def find_known(self, engine: Engine, known: str, side: str) -> bool:
        """
        Make ``named`` of what stands on a side, open or used up, as :meth:`find_named` does.

        :return: False where there is none, or nothing is used up: then all that is known is open.
        """
        return self.any_used and self.find_named(engine, known, self._filter(side))

    @property
    def any_used(self) -> bool:
        """Whether there are matches that stand beside the run at all."""
        own = self.reconciliation.id
        return any(not (f.provisional and f.reconciliation == own) for f in self.results.of("matches"))

    def _filter(self, side: str) -> str:
        """Write what a side lets pass, over the record ``r``."""
        own, rules = self.reconciliation, self.rules
        return side_filter(*((own.left, rules.left) if side == "left" else (own.right, rules.right)))

    def _turned(self, side: str) -> str:
        return turned_sql(polarity_of(self.rules, side))

    def _using(self, engine: Engine) -> str:
        """Write the relation of what uses up something of ``named``: (record_key, record_id, match_id, claim)."""
        own = self.reconciliation.id
        standing = standing_matches(engine, self.lake, self.results, anew=own, among=among_sql(engine, "named"))
        return f"""(select m.record_key, m.record_id, m.match_id, m.claim
            from {standing} m anti join stale t on t.match_id = m.match_id
            where m.status = 'confirmed' and m.claim in ({listed(sorted(self.claims)) or "''"}))"""

    def find_named(self, engine: Engine, known: str, condition: str, *, also: Sequence[str] = ()) -> bool:
        """
        Make ``named``: records that stand and have one of the keys in a relation, a row for each of their keys.

        :param known: name of a relation with ``key``.
        :param condition: over the record ``r``.
        :param also: further columns of the record.
        :return: False where there are none; then the relation is not made.
        """
        if not self._find_places(engine, known):
            return False
        keys = "list_concat([r.external_key, r.payment_key, r.settlement_key], coalesce(r.reference_keys, []))"
        told = ", ".join(f"r.{column}" for column in (*_TOLD_OF_NAMED, *also))
        paths_named = set(engine.arrow("select distinct path from places")["path"].to_pylist())
        records = [f for f in self.files["records"] if self.lake.full(f.path) in paths_named]
        placed = table(self.lake, "records", records, places=True)
        engine.create(
            "named",
            f"""select {told}, unnest({keys}) as key
                from {placed} r semi join places p on p.path = r.filename and p.row = r.file_row_number
                where {condition}""",
        )
        if self.files["superseded"]:
            gone = table(self.lake, "superseded", self.files["superseded"])
            engine.create(
                "named_now",
                f"""select * from named r anti join {gone} s
                    on s.record_key = r.record_key and s.record_id = r.record_id and s.version = r.version""",
            )
            engine.rename("named_now", "named")
        return True

    def _find_places(self, engine: Engine, known: str) -> int:
        """Make ``places`` (path, row): which rows of the records name one of the keys, by the indexes of the lake."""
        indexes = {self.lake.full(f.path): self.lake.full(f.sibling or "") for f in self.files["references"]}
        if not indexes:
            return 0
        engine.take("siblings", pa.table({"index": list(indexes), "path": list(indexes.values())}))
        engine.create(
            "places",
            f"""select distinct s.path, i.row from read_parquet({paths(list(indexes))}, filename = true) i
                join siblings s on s.index = i.filename where i.key in (select key from {known})""",
        )
        return engine.count("places")
