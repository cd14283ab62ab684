"""A workspace with a paper format: records as JSON lines, so that tests say exactly what a delivery says."""

import datetime as dt
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from tieout.clock import FixedClock, FixedEntropy
from tieout.config import load_workspace
from tieout.formats import registry
from tieout.formats.reading import Chunk, Head, ReadOptions
from tieout.intake.accept import accept
from tieout.intake.findings import open_findings
from tieout.intake.receive import receive
from tieout.intake.recount import recount
from tieout.intake.work import Outcome
from tieout.model.money import parse_money
from tieout.model.problems import Problem
from tieout.model.records import Record
from tieout.model.statements import Balance, Statement
from tieout.store.engine import connect
from tieout.store.views import current_records, table
from tieout.store.workplace import Store, files_at, open_store

TOML = """
[workspace]
name = "Paper"
base_currency = "EUR"
{book}

[[entity]]
id = "acme"
name = "Acme"
currency = "EUR"

[[source]]
id = "psp"
format = "paper"

[[source]]
id = "hook"
format = "paper"

[[source]]
id = "bank"
format = "paper.bank"

[[source]]
id = "intraday"
format = "paper.bank"

[[source]]
id = "camt"
format = "camt.053"
"""


class Paper:
    """A format of JSON lines: each a record's fields, or ``{"statement": {...}}``, ``{"fault": "..."}``."""

    def __init__(self, name: str, system: str) -> None:
        self.id = name
        self.system = system

    def identify(self, head: Head) -> str | None:
        return self.id if head.data[:1] == b"{" else None

    def read(self, stream: BinaryIO, options: ReadOptions) -> Iterator[Chunk]:
        records, balances, problems = [], [], []
        statements: list[Statement] = []
        for line, text in enumerate(stream.read().decode().splitlines(), 1):
            said = json.loads(text)
            if "refuse" in said:
                yield Chunk(problems=[Problem(message=said["refuse"], severity="refused", line=line)])
                return
            if "statement" in said:
                statement = _statement(line, {"place": len(statements) + 1} | said["statement"])
                statements.append(statement)
                balances += [
                    Balance(line=line, kind=kind, amount=amount, account_number=statement.account_number)
                    for kind, amount in (("opening", statement.opening), ("closing", statement.closing))
                    if amount is not None
                ]
            elif "fault" in said:
                problems.append(Problem(message=said["fault"], severity="row", line=line, column="amount"))
            else:
                records.append(_record(line, {"statement_place": len(statements) or None} | said))
        for begin in range(0, max(1, len(records)), options.batch_rows):
            yield Chunk(records=records[begin : begin + options.batch_rows])
        yield Chunk(statements=statements, balances=balances, problems=problems)


def _record(line: int, said: dict[str, Any]) -> Record:
    said = dict[str, Any]({"kind": "charge", "currency": "EUR", "exponent": 2}) | said
    for name in ("booked_on", "value_on", "due_on"):
        if name in said:
            said[name] = dt.date.fromisoformat(said[name])
    for name in ("references", "aliases"):
        said[name] = tuple(said.get(name, ()))
    said.setdefault("net", said.get("amount"))
    return Record(line=line, **said)


def _statement(line: int, said: dict[str, Any]) -> Statement:
    for name in ("from_on", "to_on", "whole_from"):
        if name in said:
            said[name] = dt.date.fromisoformat(said[name])
    if "created_at" in said:
        said["created_at"] = dt.datetime.fromisoformat(said["created_at"]).replace(tzinfo=dt.UTC)
    for name in ("opening", "closing"):
        if name in said:
            said[name] = parse_money(said[name], "EUR")
    said = dict[str, Any]({"account_number": "DE1", "currency": "EUR", "final": True, "exponent": 2}) | said
    return Statement(line=line, **said)


class Desk:
    """What a test does with a workspace: deliver, read again, look."""

    def __init__(self, folder: Path, book: str = "", seed: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "tieout.toml").write_text(TOML.format(book=book))
        self.folder = folder
        self.workspace = load_workspace(folder, {})
        self.clock = FixedClock(dt.datetime(2026, 11, 1, 8, tzinfo=dt.UTC))
        self.store: Store = open_store(self.workspace, self.clock, FixedEntropy(seed), "tester")

    def deliver(self, *rows: dict[str, Any], source: str = "psp", name: str = "paper.jsonl") -> Outcome:
        data = "\n".join(json.dumps(row) for row in rows).encode()
        return self.deliver_bytes(data, source, name)

    def deliver_bytes(self, data: bytes, source: str = "psp", name: str = "paper.jsonl") -> Outcome:
        received = receive(self.store, source, io.BytesIO(data), name)
        self.clock.advance(dt.timedelta(minutes=1))
        if received.state != "landed":
            return Outcome(
                delivery_id=received.delivery_id,
                name=name,
                source_id=source,
                state=received.state,
                format=None,
                repeat=True,
            )
        outcome = accept(self.store, self.workspace, received.delivery_id)
        assert outcome is not None
        list(recount(self.store, self.workspace))
        return outcome

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Ask the lake: ``{records}`` is what stands, ``{all}`` every version, others are tables."""
        names = (
            "records",
            "superseded",
            "witnesses",
            "assertions",
            "balances",
            "quarantine",
            "identities",
            "references",
        )
        with self.store.book.reading() as connection:
            files = files_at(connection, names)
        views = {name: table(self.store.lake, name, files[name]) for name in names}
        views |= {
            "all": views["records"],
            "records": current_records(self.store.lake, files["records"], files["superseded"]),
        }
        rows: list[dict[str, Any]] = connect().sql(sql.format(**views)).to_arrow_table().to_pylist()
        return rows

    def records(self, *columns: str) -> list[Any]:
        wanted = ", ".join(f'"{c}"' for c in columns)
        rows = self.query(f"select {wanted} from {{records}} order by all")
        return [tuple(row.values()) if len(columns) > 1 else row[columns[0]] for row in rows]

    def findings(self) -> list[tuple[str, str]]:
        with self.store.book.reading() as connection:
            return [(row["reason"], row["note"]) for row in open_findings(connection)]


@pytest.fixture(autouse=True)
def paper(monkeypatch: pytest.MonkeyPatch) -> None:
    formats = {"paper": Paper("paper", "paper"), "paper.bank": Paper("paper.bank", "bank")}
    real = registry.format_of
    monkeypatch.setattr(registry, "format_of", lambda name: formats.get(name) or real(name))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peers)])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """A fresh workspace, on both databases."""
    book = ""
    if request.param == "postgresql":
        book = f'book = "{request.getfixturevalue("fresh_postgres")}"'
    desk = Desk(tmp_path / "workspace", book)
    yield desk
    desk.store.close()


def charge(identity: str, amount: int = 1000, **more: Any) -> dict[str, Any]:
    return {"identity": identity, "external_id": identity, "amount": amount, "booked_on": "2026-10-01"} | more


def coffee(**more: Any) -> dict[str, Any]:
    said = {"kind": "bank_entry", "counted": True, "amount": -300, "booked_on": "2026-10-01", "text": "coffee"}
    return said | {"account_number": "DE1"} | more
