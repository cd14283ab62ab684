"""Orphans go after a day; what the book names stays, and so does what may still be committed."""

import datetime as dt
import os
from pathlib import Path

from tests.intake.conftest import Desk, charge, paper  # noqa: F401 - the paper format is used by the desk
from tests.matching.worlds import invoice, line, world
from tieout.store.sweep import sweep


def test_only_old_orphans_are_swept(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "w")
    desk.deliver(charge("a"))
    mark = desk.store.lake.mark
    for name in (f"a-{mark}-old.parquet", f"a-{mark}-new.parquet.partial", "a-12345678-old.parquet"):
        desk.store.lake.root.joinpath("records", name).write_bytes(b"x")
    desk.store.landing.root.joinpath("ab").mkdir(exist_ok=True)
    desk.store.landing.root.joinpath("ab/old").write_bytes(b"a delivery that a newer book may name")
    desk.store.landing.root.joinpath("arriving").mkdir(exist_ok=True)
    desk.store.landing.root.joinpath("arriving/old").write_bytes(b"x")
    now = desk.clock.now().timestamp()
    for root in (desk.store.lake.root, desk.store.landing.root):
        for path in root.rglob("*"):
            age = 60 if "new" in path.name else 90_000
            os.utime(path, (now - age, now - age))
    assert sweep(desk.store) == [f"records/a-{mark}-old.parquet", "arriving/old"]
    assert desk.records("external_id") == ["a"]
    desk.clock.advance(dt.timedelta(days=2))
    assert sweep(desk.store) == [f"records/a-{mark}-new.parquet.partial"]
    assert sweep(desk.store) == []
    assert desk.store.landing.root.joinpath("ab/old").exists()
    assert desk.store.lake.root.joinpath("records/a-12345678-old.parquet").exists()
    desk.store.close()


def test_rows_on_their_way_go_when_their_run_was_killed(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "w")
    desk.deliver(charge("a"))
    places = [desk.store.lake.root / "on-the-way" / f"{name}-{desk.store.lake.mark}-rows" for name in ("old", "new")]
    now = desk.clock.now().timestamp()
    for place, age in zip(places, (90_000, 60), strict=True):
        place.joinpath("kept-1").mkdir(parents=True)
        place.joinpath("kept-1", "part-0.parquet").write_bytes(b"x")
        os.utime(place, (now - age, now - age))
    assert sweep(desk.store) == [f"on-the-way/{places[0].name}"]
    assert [place.exists() for place in places] == [False, True]
    desk.store.close()


def test_what_runs_found_is_no_orphan() -> None:
    with world("generic", invoice("i", 100), line("b", 100, "i")) as w:
        w.match()
        now = w.clock.now().timestamp()
        for path in w.store.lake.root.rglob("*.parquet"):
            os.utime(path, (now - 90_000, now - 90_000))
        assert sweep(w.store) == []
        assert w.together() == {frozenset({"i", "b"})}
