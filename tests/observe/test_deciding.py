"""Every way to decide that a page offers is a command that does it."""

import shlex
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from tests.cli.office import typed
from tests.matching.worlds import Fact, World, invoice, line, rule, rules_text, world
from tieout.intake.indexes import Gathered, write_index
from tieout.observe.work import worklist
from tieout.observe.work.deciding import Way, ways_of
from tieout.observe.work.gathering import gather_worklist
from tieout.store import schema

#: What stands there, of which record the exception is, and what is offered beside the two that always are.
CASES: dict[str, tuple[str, list[Fact], str, list[str]]] = {
    "two answers fit": (
        "open-items-to-bank",
        [invoice("RE-90001", 10_000), invoice("RE-90002", 10_000), line("b", 10_000, day=3)],
        "b",
        ["--match", "--match"],
    ),
    "several selections fit": (
        "open-items-to-bank",
        [
            *(invoice(f"RE-9000{n}", amount, name="Sun") for n, amount in enumerate((10_000, 10_000, 6_000))),
            line("b", 16_000, name="Sun", day=3),
        ],
        "b",
        ["--part", "--part", "--part"],
    ),
    "more than was asked for": (
        "generic",
        [invoice("RE-90001", 10_000, refs=("RE-90001",)), line("b", 12_000, "RE-90001", day=3)],
        "b",
        ["--part", "--as over_payment"],
    ),
    "less than was asked for": (
        "generic",
        [invoice("RE-90001", 10_000, refs=("RE-90001",), due=0), line("b", 9_000, "RE-90001", day=3)],
        "RE-90001",
        ["--part", "--as discount"],
    ),
    "another currency": (
        "generic",
        [invoice("RE-90001", 10_000, refs=("RE-90001",)), line("b", 10_000, "RE-90001", currency="USD", day=3)],
        "b",
        [],
    ),
    "the other way round": (
        "generic",
        [invoice("RE-90001", 10_000, refs=("RE-90001",)), line("b", -9_000, "RE-90001", day=3)],
        "b",
        [],
    ),
    "asked for twice": (
        "generic",
        [
            invoice("RE-90001", 10_000, refs=("SAME-1",), due=0),
            invoice("RE-90002", 10_000, refs=("SAME-1",), due=0),
            line("b", 1, day=3),
        ],
        "RE-90001",
        [],
    ),
    "nothing near": ("generic", [line("b", 10_000, day=3)], "b", []),
}


def indexed(made: World) -> None:
    """Write the index of identities, as intake does: the command line names records by it."""
    query = sa.select(schema.lake_file).where(schema.lake_file.c.table_name == "records")
    with made.store.book.reading() as connection:
        (file,) = (dict(row) for row in connection.execute(query).mappings())
    keys = pq.read_table(made.store.lake.full(file["path"]), columns=["record_key"])["record_key"].to_numpy()
    entries = Gathered()
    entries.add(keys, np.arange(len(keys), dtype=np.int32))
    index = write_index(made.store.lake, "identities", entries, "delivery")
    assert index is not None
    row = asdict(index) | {"sibling": file["path"], "version": file["version"]}
    with made.store.book.writing() as connection:
        connection.execute(sa.insert(schema.lake_file).values(row))


def ways(made: World, name: str) -> list[Way]:
    made.match()
    gather_worklist(made.store, made.workspace)
    (exception,) = (row for row in made.exceptions() if row["external_id"] == name)
    item = worklist.item(made.store.book, exception["exception_id"])
    assert item is not None
    matches = [{"match_id": m, "status": "proposed", "rule": r} for m, r in proposals(made, name)]
    return ways_of(made.store, made.workspace, item, {"run_exceptions": [exception], "matches": matches})


def proposals(made: World, name: str) -> list[tuple[str, str]]:
    own = made.record_id(name)
    return sorted({(row["match_id"].hex(), row["rule"]) for row in made.rows() if row["record_id"] == own})


def decided(made: World, way: Way) -> Any:
    program, *arguments = shlex.split(way.command.replace("...", "seen on paper").replace("NAME", "ann"))
    assert program == "tieout"
    return typed("--workspace", made.folder, *arguments)


@pytest.mark.parametrize("case", CASES)
def test_every_command_of_a_page_decides_it(case: str) -> None:
    rules, facts, name, offered = CASES[case]
    with world(rules, *facts) as made:
        found = ways(made, name)
        told = [way.command for way in found]
        assert len(told) == len(offered) + 2
        assert all(part in command for part, command in zip(offered, told, strict=False))
    # The two that every exception has are tried once.
    for number in range(len(found) if not offered and case == "nothing near" else len(offered)):
        with world(rules, *facts) as made:
            indexed(made)
            way = ways(made, name)[number]
            answer = decided(made, way)
            assert answer.status == 0, (way, answer.err)
            gather_worklist(made.store, made.workspace)
            item = worklist.item(made.store.book, way.command.split()[2])
            if "--assign" in way.command:
                assert item is not None
                assert item.state == "assigned"
            elif "--match" not in way.command:
                assert item is not None
                assert item.state == "resolved"
            else:
                # Once a person has chosen one, what is left may be certain.
                assert made.together()
                assert all(name in ids for ids in made.together())
                still = {row["external_id"]: row["amount"] for row in made.exceptions()}
                assert name not in still or ("--part" in way.command and abs(still[name]) < 12_000)


def test_what_was_settled_by_mistake_is_taken_back_by_the_command_that_is_shown() -> None:
    with world("generic", line("b", 10_000, day=3)) as made:
        settle = next(way for way in ways(made, "b") if "--assign" not in way.command)
        assert decided(made, settle).status == 0
        (back,) = ways(made, "b")
        assert decided(made, back).status == 0
        assert len(ways(made, "b")) == 2


@pytest.mark.parametrize("right", [True, False])
def test_a_proposed_match_is_approved_or_rejected_by_the_command_that_is_shown(right: bool) -> None:
    proposing = rules_text(
        rule("proposes", keys='[{ left = "references", right = "references", how = "exact" }]', confirm="false")
    )
    facts = invoice("RE-90001", 10_000, refs=("RE-90001",), due=0), line("b", 10_000, "RE-90001", day=3)
    with world(proposing, *facts) as made:
        assert made.match()
        assert made.together("proposed")
        yes, no, *rest = ways(made, "b")
        assert rest
        assert decided(made, yes if right else no).status == 0
        assert bool(made.together()) == right
        assert not made.together("proposed")
