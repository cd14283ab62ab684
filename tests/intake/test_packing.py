"""Any packing of files gives the facts of the same files delivered one by one: laws 2 and 5."""

import gzip
import io
import json
import random
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.intake.conftest import Desk, charge, coffee
from tests.intake.test_deliveries_of_banks import mt940, open_desk
from tests.intake.test_repeats import statement
from tieout.intake.accept import accept
from tieout.intake.findings import open_findings

File = list[dict[str, Any]]
TEA = coffee(text="tea")


def lines(rows: File) -> bytes:
    return "\n".join(json.dumps(row) for row in rows).encode()


def zipped(*files: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number, data in enumerate(files):
            archive.writestr(f"{number}.jsonl", data)
    return packed.getvalue()


def facts(desk: Desk) -> dict[str, Any]:
    """What stands, and what needs a person: of equal rows in doubt, how many there are on both sides."""
    balances = desk.query(
        "select distinct account_id, kind, amount, currency, statement_id from {balances} order by all"
    )
    with desk.store.book.reading() as connection:
        found = open_findings(connection)
    equal = [row for row in found if row["scope"].startswith("equal rows ")]
    doubts = [candidate for row in equal for candidate in json.loads(row["candidates"])]
    return {
        "records": desk.records("record_id", "status", "booked_on", "amount", "text"),
        "balances": balances,
        "doubts": sum(candidate["rows"] + candidate["of_rows"] for candidate in doubts),
        "others": sorted((row["scope"], row["reason"]) for row in found if row not in equal),
    }


def told(folder: Path, deliveries: list[bytes], source: str = "bank", *, again: bool = False) -> dict[str, Any]:
    """Deliver, and read everything again if asked to, and give the facts."""
    desk = open_desk(folder)
    for data in deliveries:
        desk.deliver_bytes(data, source)
    said = facts(desk)
    if again:
        with desk.store.book.reading() as connection:
            ids = connection.exec_driver_sql("select delivery_id from delivery order by sequence").scalars().all()
        for delivery_id in ids:
            accept(desk.store, desk.workspace, delivery_id, replay="read again")
        assert facts(desk) == said, "a replay changed the facts"
        assert desk.query("select * from {witnesses} where withdrawn") == []
    desk.store.close()
    return said


def day_of(on: int, opening: int, *rows: dict[str, Any], **more: Any) -> File:
    """A statement of one day that closes, with its rows."""
    day, moved = f"2026-10-{on:02d}", sum(row["amount"] for row in rows)
    said = {"from_on": day, "to_on": day, "created_at": f"{day}T20:00:00", "statement_id": f"D{on}"}
    return [_closing(opening, moved, rows, said | more), *rows]


def _closing(opening: int, moved: int, rows: Any, said: dict[str, Any]) -> dict[str, Any]:
    made = statement(str(said.pop("number", "")), f"{opening / 100:.2f}", f"{(opening + moved) / 100:.2f}", **said)
    up, down = (sum(row["amount"] for row in rows if (row["amount"] > 0) == sign) for sign in (True, False))
    made["statement"] |= {
        "entries": len(rows),
        "credits": up,
        "debits": -down,
        "number": made["statement"]["number"] or None,
    }
    return made


def coffee_on(day: int, **more: Any) -> dict[str, Any]:
    return coffee(booked_on=f"2026-10-{day:02d}", **more)


TEA_ON_3 = coffee_on(3, text="tea")
OCTOBER = [coffee_on(1), coffee_on(3), TEA_ON_3]
MONTH = [
    _closing(
        1000,
        -900,
        OCTOBER,
        {"from_on": "2026-10-01", "to_on": "2026-10-05", "created_at": "2026-10-05T20:00:00", "statement_id": "ALL"},
    ),
    *OCTOBER,
]
THIRD = day_of(3, 700, coffee_on(3), TEA_ON_3)
NAMED = {"identity": "R3", "external_id": "R3"}
CASES: dict[str, tuple[list[File], int, int]] = {
    # what came, how many records it is, how many rows are in doubt
    "the same bytes twice": ([[coffee(), TEA], [coffee(), TEA]], 2, 0),
    "overlapping tables": ([[coffee(), TEA], [coffee(), coffee(text="milk")]], 3, 2),
    "the larger count": ([[coffee()], [coffee(), coffee(), TEA], [coffee(), coffee(), coffee()]], 4, 12),
    "overlapping tables, one of them twice": (
        [[coffee(), TEA], [coffee(), coffee(text="milk")], [coffee(), TEA]],
        3,
        2,
    ),
    "a day within a month": ([THIRD, MONTH], 3, 0),
    "a day within a month, named": (
        [day_of(3, 700, coffee_on(3, **NAMED), TEA_ON_3), [*MONTH[:2], coffee_on(3, **NAMED), TEA_ON_3]],
        3,
        0,
    ),
    "statements in turn": (
        [day_of(1, 1000, coffee(), number=1), day_of(2, 700, coffee(), number=2), day_of(3, 400, coffee(), number=3)],
        3,
        0,
    ),
    "reports of a day": (
        [
            [{"statement": {"final": False, "statement_id": name}}, *[coffee(status="provisional")] * n]
            for name, n in (("noon", 1), ("evening", 2))
        ],
        2,
        3,
    ),
    "a payout without a name": (
        [[charge("a"), coffee(kind="payout"), TEA], [charge("a"), coffee(kind="payout"), charge("b")]],
        4,
        2,
    ),
}


ORDINARY = ("the larger count", "a day within a month, named")


@pytest.mark.parametrize("case", [c if c in ORDINARY else pytest.param(c, marks=pytest.mark.deep) for c in CASES])
def test_a_container_gives_what_its_files_give_one_by_one(tmp_path: Path, case: str) -> None:
    files, records, doubts = CASES[case]
    alone = told(tmp_path / "alone", [lines(file) for file in files])
    assert (len(alone["records"]), alone["doubts"]) == (records, doubts)
    assert told(tmp_path / "packed", [zipped(*map(lines, files))], again=case == ORDINARY[0]) == alone
    if all("statement" in file[0] for file in files):
        assert told(tmp_path / "joined", [b"\n".join(map(lines, files))], again=True) == alone


def test_the_bytes_of_a_file_in_a_container_are_known_when_they_come_again(tmp_path: Path) -> None:
    desk = open_desk(tmp_path)
    files = [lines([coffee()]), lines([TEA, coffee(text="milk")])]
    for data in (zipped(*files), files[0], gzip.compress(files[1]), zipped(*reversed(files))):
        desk.deliver_bytes(data, "bank")
    assert desk.records("text") == ["coffee", "milk", "tea"]
    assert desk.findings() == []
    desk.store.close()


@pytest.mark.deep
def test_what_came_alone_and_comes_packed_is_a_repeat(tmp_path: Path) -> None:
    files = [lines([coffee()]), lines([TEA, coffee(text="milk")])]
    alone = told(tmp_path / "alone", files)
    assert (len(alone["records"]), alone["doubts"], alone["others"]) == (3, 0, [])
    assert told(tmp_path / "later", [*files, zipped(*files)], again=True) == alone
    assert told(tmp_path / "before", [zipped(*files), *files], again=True) == alone
    assert told(tmp_path / "turned", [zipped(*files), zipped(*reversed(files)), gzip.compress(files[0])]) == alone


def test_doubts_about_a_file_that_comes_again_are_counted_once(tmp_path: Path) -> None:
    table, other, tea = lines([coffee(), TEA]), lines([coffee(), coffee(text="milk")]), lines([coffee(text="cocoa")])
    alone = told(tmp_path / "alone", [table, other, tea])
    assert alone["doubts"] == 2
    for name, packings in {
        "apart": [table, zipped(tea, table), other],
        "together": [table, other, zipped(tea, table)],
        "behind": [zipped(other, tea), table, zipped(tea, table)],
        "all": [zipped(other, table), zipped(tea, table, other)],
    }.items():
        assert told(tmp_path / name, packings, again=True) == alone, name


@pytest.mark.deep
def test_a_day_a_month_and_the_archive_of_both_need_nobody(tmp_path: Path) -> None:
    day, month = lines(THIRD), lines(MONTH)
    alone = told(tmp_path / "alone", [day, month])
    assert (len(alone["records"]), alone["others"]) == (3, [])
    assert told(tmp_path / "later", [day, month, zipped(day, month)], again=True) == alone
    assert told(tmp_path / "before", [zipped(day, month), day, month]) == alone


def test_a_doubt_within_a_container_names_its_files(tmp_path: Path) -> None:
    desk = open_desk(tmp_path)
    desk.deliver_bytes(zipped(lines([coffee(), coffee()]), lines([TEA, coffee()])), "bank")
    [(reason, note)] = desk.findings()
    assert reason == "conflict"
    assert note == (
        "1 row(s) from line 2 of 1.jsonl equal 2 row(s) from line 1 of 0.jsonl, in the same delivery: no"
        " identifier that both state tells such lines apart, and nothing proves whether they are the same: the larger count stands"
    )
    desk.store.close()


@pytest.mark.deep
def test_a_doubt_about_what_was_announced_ends_once_it_is_booked_in_the_same_container(tmp_path: Path) -> None:
    reports = [
        [
            {"statement": {"final": False, "statement_id": name}},
            *[coffee_on(3, status="provisional", text=text) for text in texts],
        ]
        for name, texts in (("noon", ["coffee"]), ("evening", ["coffee", "coffee", "tea"]))
    ]
    files = [lines(file) for file in (*reports, THIRD, MONTH)]
    alone = told(tmp_path / "alone", files)
    assert alone["doubts"] == 0
    assert told(tmp_path / "packed", [zipped(*files)], again=True) == alone
    assert told(tmp_path / "halves", [zipped(*files[:2]), zipped(*files[2:])]) == alone


@pytest.mark.deep
def test_two_statements_in_one_file_of_swift_lines(tmp_path: Path) -> None:
    day = mt940("3", 700, ("261002", "261003"), (-300, "coffee", "261003"))
    month = mt940("3", 1000, ("261001", "261005"), (-300, "coffee", "261002"), (-300, "coffee", "261003"))
    alone = told(tmp_path / "alone", [day, month], "mt940")
    assert len(alone["records"]) == 2
    assert told(tmp_path / "joined", [day + month], "mt940") == alone
    assert told(tmp_path / "packed", [zipped(day, month)], "mt940") == alone


def drawn(draw: random.Random) -> list[File]:
    """Days in turn, spans of them, reports of a day, and tables without statements; some of them twice."""
    days = [[coffee_on(n, text=draw.choice(["coffee", "tea"])) for _ in range(draw.randint(0, 2))] for n in range(1, 5)]
    if draw.random() < 0.3:
        for number, entry in enumerate(entry for day in days for entry in day):
            entry |= {"identity": f"R{number}", "external_id": f"R{number}"}
    opening = [1000 + sum(entry["amount"] for day in days[:n] for entry in day) for n in range(5)]
    numbered = draw.random() < 0.5
    files: list[File] = []
    for n, day in enumerate(days, 1):
        if draw.random() < 0.7:
            files.append(day_of(n, opening[n - 1], *day, **({"number": n} if numbered else {})))
        if draw.random() < 0.3:
            told_of = day[: draw.randint(0, len(day))]
            files.append(
                [
                    {"statement": {"final": False, "statement_id": f"I{n}-{len(told_of)}"}},
                    *[entry | {"status": "provisional"} for entry in told_of],
                ]
            )
        if draw.random() < 0.2:
            files.append([*day[: draw.randint(0, 2)], charge(f"only-{n}", kind="bank_entry", account_number="DE1")])
    for _ in range(draw.randint(0, 2)):
        first = draw.randint(1, 3)
        last = draw.randint(first + 1, 4)
        entries = [entry for day in days[first - 1 : last] for entry in day]
        span = {"from_on": f"2026-10-{first:02d}", "to_on": f"2026-10-{last:02d}", "statement_id": f"S{first}{last}"}
        span |= {"created_at": f"2026-10-{last:02d}T21:00:00"}
        files.append([_closing(opening[first - 1], sum(e["amount"] for e in entries), entries, span), *entries])
    draw.shuffle(files)
    return [*files, *draw.sample(files, min(len(files), draw.choice([0, 0, 1])))]


def pack(folder: Path, draw: random.Random) -> None:
    files = drawn(draw)
    if not files:
        return
    alone = told(folder / "alone", [lines(file) for file in files])
    assert told(folder / "packed", [zipped(*map(lines, files))], again=True) == alone, files
    packings, rest = [], [lines(file) for file in files]
    while rest:
        count = draw.choice([1, 1, 2, 3])
        part, rest = rest[:count], rest[count:]
        packings.append(zipped(*part) if count > 1 or draw.random() < 0.5 else gzip.compress(part[0], mtime=0))
    assert told(folder / "parts", packings, again=draw.random() < 0.3) == alone, files
    stated = [file for file in files if "statement" in file[0]]
    if len(stated) == len(files):
        assert told(folder / "joined", [b"\n".join(map(lines, files))], again=True) == alone, files


@pytest.mark.deep
@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5, 6])
def test_packing_does_not_change_the_facts(tmp_path: Path, seed: int) -> None:
    pack(tmp_path, random.Random(seed))


@pytest.mark.deep
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32))
def test_no_drawn_packing_changes_the_facts(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    pack(tmp_path_factory.mktemp("ws"), random.Random(seed))
