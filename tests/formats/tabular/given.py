"""What the tests of tables share: read a file by a mapping, and say what came in a few words."""

import io
from dataclasses import dataclass, field
from typing import Any

from tieout.formats.reading import ReadOptions, Total
from tieout.formats.tabular import Mapping, MappingFormat
from tieout.model.problems import Problem
from tieout.model.records import stated_schema

PLAIN = {"external_id": "id", "kind": "'adjustment'", "amount": "amount", "booked_on": "day", "currency": "'EUR'"}


@dataclass
class Got:
    """A file as it was read."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    totals: list[Total] = field(default_factory=list)
    counted: int = 0
    skipped: int = 0

    @property
    def refused(self) -> str | None:
        return next((p.message for p in self.problems if p.severity == "refused"), None)

    @property
    def messages(self) -> list[str]:
        return [p.message for p in self.problems]

    def column(self, name: str) -> list[Any]:
        return [row[name] for row in self.rows]


def read(mapping: Mapping, data: bytes, **options: Any) -> Got:
    got = Got()
    for chunk in MappingFormat(mapping).read(io.BytesIO(data), ReadOptions(**options)):
        if chunk.table is not None:
            assert chunk.table.schema.equals(stated_schema())
            assert chunk.table.num_rows <= options.get("batch_rows", 100_000)
            got.rows += chunk.table.to_pylist()
        got.problems += chunk.problems
        got.totals += chunk.totals
        got.counted += chunk.rows or 0
        got.skipped += chunk.skipped
    quarantined = sum(p.severity == "row" for p in got.problems)
    assert got.counted == len(got.rows) + quarantined, "rows in = records + quarantined rows"
    return got


def csv_of(*amounts: str, quoted: bool = True) -> bytes:
    """A file of one amount per row, in the columns that PLAIN reads."""
    mark = '"' if quoted else ""
    lines = [f"t{n},{mark}{amount}{mark},2026-10-01" for n, amount in enumerate(amounts)]
    return "\n".join(["id,amount,day", *lines, ""]).encode()


def plain(**changes: Any) -> Mapping:
    """A mapping of PLAIN's fields; ``fields`` are added to them."""
    fields = PLAIN | changes.pop("fields", {})
    return Mapping(id="plain", fields={k: v for k, v in fields.items() if v is not None}, **changes)
