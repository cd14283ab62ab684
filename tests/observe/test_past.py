"""What was taken back, approved, voided or replaced stays in history, with when, by whom and why, and is found by its id."""

import datetime as dt
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.matching.worlds import World, invoice, line, rule, rules_text, world
from tests.observe.small_world import SmallWorld
from tieout import pipeline
from tieout.errors import WrongUse
from tieout.observe.exporting.exports import Filters, export
from tieout.observe.exporting.overview import overview
from tieout.observe.result_rows import ResultRows
from tieout.observe.snapshot import take_snapshot
from tieout.observe.things.evidence import RulesOfRuns
from tieout.observe.things.explain import explain
from tieout.observe.things.standing import standing_of
from tieout.observe.work import worklist
from tieout.store.engine import connect
from tieout.web.application import create_app

EXACT = rules_text(rule("ref", reference="exact"))
WEAK = rules_text(rule("weak", reference="normalised", amount='{ pct = "1" }'))
PROPOSED = rules_text(rule("perhaps", days="{ from = -5, to = 5 }", confirm="false"))


@pytest.fixture
def undone() -> Iterator[tuple[World, str, str]]:
    """Match one pair and take it back: the world, the match and the run that had made it."""
    with world(EXACT, invoice("i", 100), line("b", 100, "i")) as w:
        run = w.match()[0].run_id
        match = w.match_id("i", "b")
        w.clock.advance(dt.timedelta(days=1))
        w.undo(match)
        yield w, match, run


def history(w: World, **filters: Any) -> list[dict[str, Any]]:
    return overview(w.store, w.workspace, "matches", Filters(**filters)).rows


def told(w: World, name: str) -> dict[str, Any]:
    """Tell where a record stands and stood, as ``explain`` does."""
    snapshot = take_snapshot(w.store, w.workspace)
    wanted = w.record_id(name)
    w.store.spill.mkdir(parents=True, exist_ok=True)
    with w.store.book.reading() as connection, closing(connect(w.store.spill)) as con:
        look = ResultRows(con, w.store.lake, snapshot.results)
        rules = RulesOfRuns(connection, snapshot.results.runs)
        found = standing_of(con, w.store.lake, snapshot.files, look, [wanted], rules, snapshot.past)
    return found[wanted.hex()]


def test_a_match_that_was_taken_back_stays_in_history(undone: tuple[World, str, str]) -> None:
    w, match, run = undone
    assert history(w) == []
    for filters in ({"history": True}, {"run": run}):
        rows = history(w, **filters)
        assert {(r["match_id"], r["external_id"], r["run_id"]) for r in rows} == {(match, "i", run), (match, "b", run)}
        for row in rows:
            ended = {n: row[n] for n in ("state", "ended_by", "ended_because")}
            assert ended == {"state": "taken_back", "ended_by": "tester", "ended_because": "not so"}
            assert row["ended_at"].startswith("2026-11-02")
            assert json.loads(row["evidence"]) if isinstance(row["evidence"], str) else row["evidence"]
    took = history(w, history=True)[0]["ended_in"]
    assert [r["match_id"] for r in history(w, run=took)] == [match, match]


def test_a_run_shows_what_it_said_and_an_unknown_one_is_refused(undone: tuple[World, str, str]) -> None:
    w, _, run = undone
    rows = overview(w.store, w.workspace, "positions", Filters(run=run)).rows
    assert {(r["external_id"], r["state"]) for r in rows} == {("i", "matched"), ("b", "matched")}
    for table in ("matches", "positions", "exceptions", "journals"):
        with pytest.raises(WrongUse, match=f"expected the id of a run, got 'nope'; the last ones are .*{run}"):
            export(w.store, w.workspace, table, w.folder / "x.csv", Filters(run="nope"))
    assert not (w.folder / "x.csv").exists()


def test_it_is_found_by_its_id_with_its_story_and_its_draft_as_outdated(tmp_path: Path) -> None:
    small = SmallWorld(tmp_path, "items")
    small.put("erp", {"number": "RE-1001", "amount": "100"})
    small.put("bank", {"number": "b", "amount": "100", "text": "RE-1001"})
    small.go(journal=True)
    (before,) = explain(small.store, "b").journals
    assert (before["state"], len(before["lines"])) == ("draft", 2)
    match = before["match_id"]
    pipeline.undo(small.store, small.workspace, match, "not so")
    found = explain(small.store, match[:10])
    assert sorted(one["record"]["external_id"] for one in found.records) == ["RE-1001", "b"]
    for one in found.records:
        assert one["matches"] == []
        (past,) = one["past"]
        assert past["match_id"] == match
        assert {one["record"]["external_id"], *(p["external_id"] for p in past["partners"])} == {"RE-1001", "b"}
        ended = {name: past["ended"][name] for name in ("state", "by", "because")}
        assert ended == {"state": "taken_back", "by": "tester", "because": "not so"}
    (after,) = found.journals
    assert (after["state"], after["lines"]) == ("outdated", [])
    page = TestClient(create_app(small.workspace, small.store), base_url="http://127.0.0.1:8765").get(
        f"/items/{found.records[0]['record']['record_id']}"
    )
    assert "match taken back in items" in page.text
    assert "by tester: not so" in page.text
    assert "does not stand any more" in page.text
    pipeline.journal(small.store, small.workspace)
    assert explain(small.store, match).journals == []
    small.store.close()


def test_an_undo_that_was_undone_is_told_with_the_match(undone: tuple[World, str, str]) -> None:
    w, match, _ = undone
    took = history(w, history=True)[0]["ended_in"]
    w.clock.advance(dt.timedelta(days=1))
    pipeline.undo(w.store, w.workspace, took, "it was so")
    (past,) = told(w, "b")["past"]
    assert (past["match_id"], past["ended"]["state"], past["ended"]["because"]) == (match, "taken_back", "not so")
    allowed = {name: past["ended"]["allowed"][name] for name in ("state", "at", "by", "because")}
    assert allowed == {"state": "allowed", "at": "2026-11-03T00:00:00Z", "by": "tester", "because": "it was so"}
    assert [m["match_id"] for m in told(w, "b")["matches"]] == [match]
    assert {r["state"] for r in history(w, history=True)} == {"taken_back", "current"}


def test_taking_back_twice_says_that_it_was_done(undone: tuple[World, str, str]) -> None:
    w, match, run = undone
    for named, said in (
        (match, "which was taken back on 2026-11-02 by tester"),
        (run, "whose matches do not: they were"),
    ):
        with pytest.raises(WrongUse, match=said):
            pipeline.undo(w.store, w.workspace, named, "again")
    w.add(invoice("j", 7), line("c", 7, "j"))
    later = w.match()[0].run_id
    with pytest.raises(WrongUse, match=r"a rule by which run .* made matches that stand \('ref'\), got 'other'"):
        pipeline.undo(w.store, w.workspace, later, "why", "other")


def test_proposals_are_approved_and_rejected_in_history() -> None:
    with world(PROPOSED, invoice("i", 100), line("b", 100), invoice("j", 7), line("c", 7)) as w:
        w.match()
        good, bad = w.match_id("i", "b"), w.match_id("j", "c")
        w.judge(good, approved=True)
        w.judge(bad, approved=False)
        w.match()
        found = {(r["external_id"], r["status"], r["state"]) for r in history(w, history=True)}
        assert found == {
            ("i", "proposed", "approved"), ("b", "proposed", "approved"), ("i", "confirmed", "current"),
            ("b", "confirmed", "current"), ("j", "proposed", "rejected"), ("c", "proposed", "rejected"),
        }  # fmt: skip
        (approved,) = told(w, "b")["past"]
        assert (approved["status"], approved["ended"]["state"]) == ("proposed", "approved")
        (standing,) = told(w, "b")["matches"]
        assert len(standing["partners"]) == 1
        w.undo(good)
        assert [p["ended"]["state"] for p in told(w, "b")["past"]] == ["approved", "taken_back"]


def test_what_a_later_run_says_again_stands_once_and_what_it_replaces_is_superseded() -> None:
    with world(WEAK, invoice("i", 10_000), line("b", 9_950, "i")) as w:
        first = w.match()[0].run_id
        w.add(invoice("j", 20_000), line("c", 19_950, "j"))
        w.match()
        found = history(w, history=True)
        assert sorted((r["external_id"], r["state"]) for r in found) == [(n, "current") for n in ("b", "c", "i", "j")]
        assert {r["state"] for r in history(w, run=first)} == {"found_again"}
        w.add(line("d", 10_000, "i"))  # a second answer: no longer the only one
        w.match()
        states = {r["external_id"]: r["state"] for r in history(w, history=True) if r["external_id"] in "ibcj"}
        assert states["j"] == states["c"] == "current"
        assert {r["match_id"] for r in history(w, history=True) if r["state"] == "current"} == {
            m.hex() for m in {row["match_id"] for row in w.rows()}
        }


def test_an_exception_says_what_a_person_had_decided_before_a_correction() -> None:
    with world(EXACT, invoice("i", 10_000), line("b", 9_000)) as w:
        w.match()
        w.resolve("b", "i", reason="agreed", difference="discount")
        w.match()
        assert "b" not in w.reasons()
        w.clock.advance(dt.timedelta(days=3))
        w.correct("a", "i", amount=9_500)
        list(pipeline.match(w.store, w.workspace))
        said = (
            "tester had matched it with i on 2026-11-01, the difference as discount (agreed), which ended on 2026-11-04,"
            " because one of them was corrected: decide again"
        )
        (row,) = [r for r in w.exceptions() if r["external_id"] == "b"]
        assert row["note"].endswith(said)
        (shown,) = told(w, "b")["run_exceptions"]
        assert shown["note"] == row["note"]
        item = worklist.item(w.store.book, row["exception_id"])
        assert item is not None
        assert item.note == row["note"]
        assert {r["state"] for r in history(w, history=True)} == {"voided"}
        # Once a person took it back, too, that is the last word about it.
        match = w.resolve("b", "i", reason="agreed", difference="discount")
        w.undo(match)
        w.match()
        (row,) = [r for r in w.exceptions() if r["external_id"] == "b"]
        assert "had matched" not in row["note"]


def test_a_wildcard_is_no_identifier() -> None:
    with world(EXACT, invoice("i", 100, currency="USD"), line("b", 100, "i", currency="USD")) as w:
        w.match()
        w.drafts()  # no rate: an exception about no record
        assert any(i["record_id"] is None for i in overview(w.store, w.workspace, "exceptions").rows)
        for asked in ("%", "__", "_", "%%%%%%"):
            assert not explain(w.store, asked).found
