"""
Small worlds for tests of matching: facts laid straight into the lake, as intake would leave them, runs, and what they say.
"""

import datetime as dt
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from tests.matching.given import DAY, Fact
from tieout import pipeline
from tieout.accounting.postings import ACCOUNT_NAMES
from tieout.clock import FixedClock, FixedEntropy
from tieout.config import Workspace, load_workspace
from tieout.intake.derive import Owner, Provenance, derive, reference_rows, rekey, stated_table
from tieout.intake.indexes import Gathered, write_index
from tieout.matching.deciding.decide import HandMatch, match_by_hand
from tieout.matching.passages import run_in_turn
from tieout.matching.run import RunOutcome
from tieout.model.records import record_schema
from tieout.observe.results import positions_relation, prepare_results, run_exceptions
from tieout.observe.snapshot import take_snapshot
from tieout.store import schema
from tieout.store.engine import connect
from tieout.store.runs import results_at, standing_matches
from tieout.store.tables import table_schema
from tieout.store.workplace import Store, open_store

__all__ = [
    "DAY",
    "Fact",
    "Match",
    "World",
    "invoice",
    "line",
    "nine",
    "rule",
    "rules_text",
    "workspace_text",
    "world",
]

THROUGH = dt.date(2027, 6, 30)
_NINE = 9


@dataclass(frozen=True, slots=True)
class Match:
    """
    A match that stands, by the ids that sources gave.

    :ivar parts: sorted (side, claim, id, allocated at nine decimals).
    """

    reconciliation: str
    rule: str
    status: str
    parts: tuple[tuple[str, str, str, int], ...]
    difference: int

    @property
    def ids(self) -> frozenset[str]:
        """Name what is in it."""
        return frozenset(part[2] for part in self.parts)


def workspace_text(
    rules: str, sources: Sequence[str] = ("a", "b"), reconciliations: str | None = None, extra: str = ""
) -> str:
    """Write a tieout.toml: sources that no file feeds, and ``ab``, which sets a against b by a rule set."""
    owner = 'entity = "acme"\n' if "[[entity]]" in extra else ""
    listed = "".join(f'[[source]]\nid = "{name}"\nformat = "camt.053"\n{owner}' for name in sources)
    own = f'[[reconciliation]]\nid = "ab"\nleft = {{ source = "a" }}\nright = {{ source = "b" }}\nrules = "{rules}"\n'
    head = '[workspace]\nname = "World"\nbase_currency = "EUR"\n[[entity]]\nid = "acme"\ncurrency = "EUR"\n'
    return head + listed + extra + (own if reconciliations is None else reconciliations)


@cache
def _empty_book() -> bytes:
    """Make the tables of a book once; every world begins with a copy."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "tieout.toml").write_text(workspace_text("generic"))
        store = open_store(
            load_workspace(Path(folder)), FixedClock(dt.datetime(2026, 11, 1, tzinfo=dt.UTC)), FixedEntropy(), "x"
        )
        with store.book.engine.connect() as connection:
            connection.exec_driver_sql("pragma wal_checkpoint(truncate)")
        store.close()
        return (Path(folder) / ".tieout" / "book.db").read_bytes()


class World:
    """
    A workspace without files: facts come by :meth:`add`, are corrected by :meth:`correct`, and are matched.

    :param rules: the text of a rule set, or the name of one that ships.
    """

    def __init__(self, folder: Path, rules: str, environment: dict[str, str] | None = None, **options: Any) -> None:
        self.folder = folder
        built_in = "\n" not in rules
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "rules").mkdir(exist_ok=True)
        if not built_in:
            (folder / "rules" / "own.toml").write_text(rules)
        (folder / "tieout.toml").write_text(workspace_text(rules if built_in else "rules/own.toml", **options))
        book = folder / ".tieout" / "book.db"
        if not environment and not book.exists():
            book.parent.mkdir(exist_ok=True)
            book.write_bytes(_empty_book())
        self.clock = FixedClock(dt.datetime(2026, 11, 1, tzinfo=dt.UTC))
        self.workspace: Workspace = load_workspace(folder, environment or {})
        self.store: Store = open_store(self.workspace, self.clock, FixedEntropy(), "tester")
        self._versions: dict[tuple[str, str], tuple[Fact, int]] = {}
        self.through = THROUGH

    def close(self) -> None:
        """Give back the book's connections."""
        self.store.close()

    # -- facts

    def add(self, *facts: Fact) -> None:
        """Bring facts, all in one delivery."""
        if facts:
            self._commit({"records": self._rows(facts, 1)})
            self._versions |= {(f.source, f.id): (f, 1) for f in facts}

    def correct(self, source: str, name: str, /, **changes: Any) -> None:
        """Let a source say something else of a fact."""
        fact, version = self._versions[source, name]
        fact = replace(fact, **changes)
        rows = self._rows([fact], version + 1)
        self._commit({"records": rows, "superseded": self._gone(rows, version)})
        self._versions[source, name] = fact, version + 1

    def withdraw(self, source: str, name: str) -> None:
        """Let a source take a fact back."""
        fact, version = self._versions.pop((source, name))
        self._commit({"superseded": self._gone(self._rows([fact], version), version)})

    def lay(self, source: str, stated: pa.Table) -> None:
        """Let a source report what is written down already, as a format would have stated it: millions of facts."""
        self._commit({"records": _of_one_version(self._derived(source, "acme", stated, 1), 1)})

    def _rows(self, facts: Sequence[Fact], version: int) -> pa.Table:
        tables = []
        for source, entity in sorted({(fact.source, fact.entity) for fact in facts}):
            mine = [fact for fact in facts if (fact.source, fact.entity) == (source, entity)]
            stated = stated_table([f.record(n) for n, f in enumerate(mine, 1)])
            tables.append(self._derived(source, entity, stated, version))
        return _of_one_version(pa.concat_tables(tables), version)

    def _derived(self, source: str, entity: str, stated: pa.Table, version: int) -> pa.Table:
        origin = Provenance(
            system=source, source_id=source, delivery_id=f"d{source}{version}", seen_at=self.clock.now(),
            owner_of=_owner(source, entity),
        )  # fmt: skip
        with closing(connect()) as con:
            table = derive(con, stated, origin)
        columns = [
            table[f.name].cast(f.type) if table[f.name].type != f.type else table[f.name] for f in record_schema()
        ]
        rows = rekey(pa.table(columns, schema=record_schema()))
        return pa.table([c.combine_chunks() for c in rows.columns], schema=record_schema())

    def _gone(self, rows: pa.Table, version: int) -> pa.Table:
        names = table_schema("superseded").names
        said = rows.to_pylist()
        return pa.Table.from_pylist(
            [{**{n: r.get(n) for n in names}, "version": version, "reason": "corrected"} for r in said],
            schema=table_schema("superseded"),
        )

    def _commit(self, tables: dict[str, pa.Table]) -> None:
        files = []
        for name, rows in tables.items():
            with self.store.lake.writer(name, table_schema(name), "delivery") as writer:
                for batch in rows.to_batches():
                    writer.write(pa.Table.from_batches([batch]))
            files.append(writer.file)
            if name == "records":
                references, identities = Gathered(), Gathered()
                references.add(*reference_rows(rows, 0))
                identities.add(rows["record_key"].to_numpy(), np.arange(rows.num_rows, dtype=np.int32))
                for index_name, entries in (("references", references), ("identities", identities)):
                    index = write_index(self.store.lake, index_name, entries, "delivery")
                    files += [] if index is None else [replace(index, sibling=writer.file.path)]
        head, file = schema.head, schema.lake_file
        with self.store.book.writing() as connection:
            version = (connection.scalar(sa.select(head.c.version).where(head.c.name == "facts")) or 0) + 1
            for one in files:
                row = {n: getattr(one, n) for n in type(one).__dataclass_fields__}
                connection.execute(sa.insert(file).values(**row, version=version))
            connection.execute(sa.delete(head).where(head.c.name == "facts"))
            connection.execute(sa.insert(head).values(name="facts", version=version))

    # -- runs

    def match(self, *names: str, threads: int | None = None, session: Any = None) -> list[RunOutcome]:
        """Run reconciliations (all), as ``tieout match`` does; with a session of Spark, there."""
        wanted = [r for r in self.workspace.reconciliations if not names or r.id in names]
        return list(run_in_turn(self.store, self.workspace, wanted, self.through, threads=threads, session=session))

    def matched(self, *names: str, threads: int | None = None) -> set[frozenset[str]]:
        """Run, and say which ids are together in confirmed matches."""
        self.match(*names, threads=threads)
        return self.together()

    def resolve(self, name: str, *others: str, reason: str = "seen", **how: Any) -> str:
        """Let a person match the record of an open exception with others; gives the match's id."""
        (exception,) = {e["exception_id"] for e in self.exceptions() if e["external_id"] == name}
        (side,) = {e["side"] for e in self.exceptions() if e["external_id"] == name}
        (reconciliation,) = {e["reconciliation"] for e in self.exceptions() if e["external_id"] == name}
        own, theirs = (self.record_id(name),), tuple(self.record_id(other) for other in others)
        left, right = (own, theirs) if side == "left" else (theirs, own)
        wanted = HandMatch(left=left, right=right, **how)
        return match_by_hand(
            self.store, self.workspace, self.workspace.reconciliation(reconciliation), wanted, reason, exception
        )

    def undo(self, named: str, rule: str | None = None) -> None:
        """Take back a match or a run."""
        pipeline.undo(self.store, self.workspace, named, "not so", rule)

    def match_id(self, *names: str) -> str:
        """Name the match that holds exactly these."""
        found: dict[str, set[str]] = {}
        for row in self.rows():
            found.setdefault(row["match_id"].hex(), set()).add(row["external_id"])
        (one,) = [match_id for match_id, ids in found.items() if ids == set(names)]
        return one

    def record_id(self, name: str) -> bytes:
        """Give the identity of the record with this id."""
        (found,) = {row["record_id"] for row in self.records() if row["external_id"] == name}
        return bytes(found)

    def judge(self, *matches: str, approved: bool) -> None:
        """Let a person approve or reject proposed matches."""
        pipeline.judge(self.store, self.workspace, matches, "looked at", approved=approved)

    def drafts(self) -> set[tuple[tuple[str, int], ...]]:
        """Draft the journals: of each, (name of the account, debit - credit) in minor units, sorted."""
        postings = self.folder / "postings"
        postings.mkdir(exist_ok=True)
        named = "".join(f'{name} = "{number}"\n' for number, name in enumerate(ACCOUNT_NAMES, 1000) if name != "money")
        (postings / "accounts.toml").write_text(f"[accounts]\n{named}")
        self.journal = pipeline.journal(self.store, self.workspace)
        snapshot = take_snapshot(self.store, self.workspace)
        found: dict[bytes, list[tuple[str, int]]] = {}
        with closing(connect()) as con:
            prepare_results(con, self.store.lake, snapshot, ("journals",))
            query = "select journal_id, name, debit - credit from result_journals order by journal_id, name, line_no"
            for journal, name, amount in con.execute(query).fetchall():
                found.setdefault(journal, []).append((name, amount))
        return {tuple(lines) for lines in found.values()}

    # -- what stands

    def records(self) -> list[dict[str, Any]]:
        """Give the records that stand, each in its newest version."""
        snapshot = take_snapshot(self.store, self.workspace)
        from tieout.store.views import current_records

        with closing(connect()) as con:
            relation = current_records(self.store.lake, snapshot.files["records"], snapshot.files["superseded"])
            rows: list[dict[str, Any]] = con.sql(f"select * from {relation}").to_arrow_table().to_pylist()
        return rows

    def rows(self, table_name: str = "matches") -> list[dict[str, Any]]:
        """Give the rows of matches (or their adjustments) that stand, with the ids of records."""
        with self.store.book.reading() as connection:
            results = results_at(connection)
        with closing(connect()) as con:
            standing = standing_matches(con, self.store.lake, results, table_name=table_name)
            rows: list[dict[str, Any]] = con.sql(f"select * from {standing}").to_arrow_table().to_pylist()
        if table_name == "matches":
            names = {row["record_id"]: row["external_id"] for row in self._every_version()}
            for row in rows:
                row["external_id"] = names[row["record_id"]]
        return rows

    def _every_version(self) -> list[dict[str, Any]]:
        from tieout.store.views import table

        snapshot = take_snapshot(self.store, self.workspace)
        with closing(connect()) as con:
            relation = table(self.store.lake, "records", snapshot.files["records"])
            found: list[dict[str, Any]] = (
                con.sql(f"select record_id, external_id from {relation}").to_arrow_table().to_pylist()
            )
        return found

    def matches(self) -> set[Match]:
        """Give the matches that stand, proposed ones too."""
        found: dict[bytes, list[dict[str, Any]]] = {}
        for row in self.rows():
            found.setdefault(row["match_id"], []).append(row)
        return {
            Match(
                rows[0]["reconciliation"], rows[0]["rule"], rows[0]["status"],
                tuple(sorted((r["side"], r["claim"], r["external_id"], nine(r["allocated"], r["exponent"])) for r in rows)),
                nine(rows[0]["difference"], rows[0]["exponent"]),
            )
            for rows in found.values()
        }  # fmt: skip

    def together(self, status: str = "confirmed") -> set[frozenset[str]]:
        """Give the ids of each match that stands."""
        return {match.ids for match in self.matches() if match.status == status}

    def exceptions(self) -> list[dict[str, Any]]:
        """Give what the last runs leave to a person."""
        return self._observed("exceptions")

    def reasons(self) -> dict[str, str]:
        """Give the reason of each exception by the id of its record."""
        return {row["external_id"]: row["reason"] for row in self.exceptions()}

    def positions(self) -> list[dict[str, Any]]:
        """Give where every part of a claim stands, as exports show it."""
        return self._observed("positions")

    def _observed(self, name: str) -> list[dict[str, Any]]:
        snapshot = take_snapshot(self.store, self.workspace)
        relation = {"positions": positions_relation, "exceptions": run_exceptions}[name]
        with closing(connect()) as con:
            prepare_results(con, self.store.lake, snapshot, ("matches", name))
            query = f"select * from {relation(self.store.lake, snapshot)}"
            found: list[dict[str, Any]] = con.sql(query).to_arrow_table().to_pylist()
        return found


def _of_one_version(rows: pa.Table, version: int) -> pa.Table:
    place = rows.schema.get_field_index("version")
    return rows.set_column(place, "version", pa.array(np.full(rows.num_rows, version), pa.int32()))


def _owner(source: str, entity: str) -> Callable[[str | None, str], Owner]:
    return lambda _account, currency: Owner(entity, f"{source}/{currency}")


def nine(amount: int, exponent: int) -> int:
    """Write an amount at nine decimals."""
    return amount * int(10 ** (_NINE - exponent))


def rules_text(*rules: str, **head: str) -> str:
    """Write a rule set of the sides document and bank, or as ``head`` says."""
    said = {"claims": '{ left = "document", right = "bank" }'} | head
    lines = [f"{key} = {value}" for key, value in said.items()]
    return "\n".join(["[rules]", 'id = "own"', *lines, "", *rules])


def rule(name: str = "rule", **keys: str) -> str:
    """Write one rule; ``reference=how``: its id among the other's references."""
    how = keys.pop("reference", None)
    if how:
        keys["keys"] = f'[{{ left = "external_id", right = "references", how = "{how}" }}]'
    return "\n".join(["[[rule]]", f'name = "{name}"', *(f"{key} = {value}" for key, value in keys.items()), ""])


def invoice(own_id: str, amount: int, /, **more: Any) -> Fact:
    """Give a document of the left side."""
    said: dict[str, Any] = {"source": "a", "id": own_id, "amount": amount}
    return Fact(**(said | more))


def line(own_id: str, amount: int, /, *refs: str, **more: Any) -> Fact:
    """Give a bank's line, of the right side."""
    said: dict[str, Any] = {"source": "b", "id": own_id, "amount": amount, "refs": refs, "kind": "bank_entry"}
    return Fact(**(said | more))


@contextmanager
def world(rules: str, *facts: Fact, **options: Any) -> Iterator[World]:
    """Make a world in memory, with facts, and let it go afterwards."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
    folder = Path(tempfile.mkdtemp(prefix="tieout-world-", dir=memory if memory.is_dir() else None))
    made = World(folder, rules, **options)
    try:
        made.add(*facts)
        yield made
    finally:
        made.close()
        shutil.rmtree(folder, ignore_errors=True)
