"""docs/reference/tables.md speaks of every exported table and column, and of nothing else."""

import re
from pathlib import Path

import pytest

from tieout.observe.exporting.exported import TABLES
from tieout.web.words import REASONS

PAGE = (Path(__file__).parents[1] / "docs/reference/tables.md").read_text()


def named_in(section: str) -> set[str]:
    """Give what the first cells of a section's tables name."""
    first_cells = re.findall(r"^\|([^|]+)\|", section, re.MULTILINE)
    return {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}


COMMON, *_ = (named_in(part) for part in PAGE.split("\n## ")[1:])
SECTIONS = {part.split("`")[1]: named_in(part.split("\n## ")[0]) for part in PAGE.split("\n### ")[1:]}


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_column_is_told(name: str) -> None:
    table = TABLES[name]
    columns = {column.name for column in (*table.columns, *table.history)}
    assert columns <= COMMON | SECTIONS[name]
    assert columns >= SECTIONS[name]


def test_no_other_table_or_column_is_told() -> None:
    assert SECTIONS.keys() == TABLES.keys()
    assert {column.name for table in TABLES.values() for column in (*table.columns, *table.history)} >= COMMON


def test_every_reason_that_is_told_has_words_in_the_console() -> None:
    told = named_in(PAGE.rpartition("\n## ")[2])
    assert told
    assert told <= REASONS.keys()
