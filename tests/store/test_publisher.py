"""What other engines read through Iceberg is what the book says, whatever happened before; laws 8, 11 and 18."""

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cli.office import MAPPING, Office, camt, entry
from tests.cli.test_card_numbers import CARD, traces
from tests.matching.worlds import World, invoice, line, rule, rules_text, world
from tests.observe.test_decimals import Books
from tests.postgres import Cluster
from tests.store.outsiders import book_says, by_duckdb, by_pyiceberg, catalog_of, loaded, planned, published
from tieout.clock import FixedClock, FixedEntropy
from tieout.config import load_workspace
from tieout.errors import Transient, WrongUse
from tieout.store import open_view, schema
from tieout.store.iceberg import IcebergCatalog, MovedError
from tieout.store.lease import LEASE_S, Lease
from tieout.store.open_view import SHOWN, shown_schema
from tieout.store.publisher import publish
from tieout.store.sweep import sweep
from tieout.store.tables import table_schema
from tieout.store.workplace import Store, open_store

NUMBERS = rules_text(rule("number", reference="exact"), rule("amount and day", days="{ from = -5, to = 5 }"))
FACTS = (invoice("i-1", 100), line("b1", 100, "i-1"), invoice("i-2", 200), line("b2", 200), invoice("i-3", 7))


STEPS = ("bring", "correct", "withdraw", "match", "undo", "by hand", "publish")


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def later(folder: Path, days: int = 2) -> Store:
    """Open a workspace at a later day."""
    clock = FixedClock(dt.datetime.now(dt.UTC) + dt.timedelta(days=days))
    return open_store(load_workspace(folder, {}), clock, FixedEntropy(days), "tester")


def metadata_of(store: Store, name: str) -> list[Path]:
    return sorted((store.lake.open_view / name / "metadata").iterdir())


@settings(max_examples=max(3, settings().max_examples // 40))
@given(st.lists(st.sampled_from(STEPS), min_size=4, max_size=8 if settings().max_examples < 1000 else 16))
def test_after_any_history_other_engines_read_what_the_book_says(steps: list[str]) -> None:
    with world(NUMBERS, *FACTS) as w, pytest.MonkeyPatch.context() as patched:
        patched.setitem(w.store.lake.writer.__func__.__kwdefaults__, "group_rows", 2)  # type: ignore[attr-defined]  # a method has them
        for number, step in enumerate(steps):
            take(w, step, number)
        published(w.store)


def take(w: World, step: str, number: int) -> None:
    """Let one thing happen, where it can."""
    standing = sorted({row["external_id"] for row in w.records()})
    match step:
        case "bring":
            w.add(*(invoice(f"n{number}-{k}", 500 + k) for k in range(5)), line(f"c{number}", 500, f"n{number}-0"))
        case "correct":
            name = standing[number % len(standing)]
            w.correct("b" if name[0] in "bc" else "a", name, amount=900 + number)
        case "withdraw" if len(standing) > 1:
            name = standing[number % len(standing)]
            w.withdraw("b" if name[0] in "bc" else "a", name)
        case "match":
            w.match()
        case "undo" if rows := w.rows():
            w.undo(rows[number % len(rows)]["match_id"].hex())
        case "by hand":
            lines = [row["external_id"] for row in w.exceptions() if row["side"] == "right"]
            matched = {row["external_id"] for row in w.rows()}
            documents = [name for name in standing if name[0] in "in" and name not in matched]
            if documents and lines and lines[0] in standing:
                w.resolve(lines[0], documents[0], difference="write_off")
        case "publish":
            published(w.store)
        case _:
            pass


def test_files_of_the_lake_are_named_and_only_groups_with_rows_that_do_not_stand_are_copied(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with world(NUMBERS) as w:
        monkeypatch.setitem(w.store.lake.writer.__func__.__kwdefaults__, "group_rows", 2)  # type: ignore[attr-defined]  # as above
        w.add(*(invoice(f"i{n}", 100 + n) for n in range(6)))
        [file] = w.store.lake.root.glob("records/*")
        published(w.store)
        assert planned(catalog_of(w.store), "records") == [f"file://{file}"]
        w.correct("a", "i0", amount=5)
        done = published(w.store)
        # Three groups instead of the file, and the file of the correction.
        assert [(one.added, one.removed) for one in done.tables if one.table == "records"] == [(4, 1)]
        w.correct("a", "i5", amount=5)
        done = published(w.store)
        assert [(one.added, one.removed) for one in done.tables if one.table == "records"] == [(2, 1)]
        assert not published(w.store).changed


def test_a_table_says_how_far_the_book_was_and_all_tables_say_the_same() -> None:
    with world(NUMBERS, *FACTS) as w:
        w.match()
        published(w.store)
        w.add(invoice("i-9", 9))
        done = published(w.store, trusting=True)
        said = [loaded(catalog_of(w.store), name).current_snapshot().summary for name in SHOWN]
        assert (
            {(one["tieout.facts"], one["tieout.runs"]) for one in said}
            == {("2", "1")}
            == {(str(done.facts), str(done.runs))}
        )
        # No engine may collect the lake's files, whatever expires.
        assert {loaded(catalog_of(w.store), name).properties["gc.enabled"] for name in SHOWN} == {"false"}
        before = [len(loaded(catalog_of(w.store), name).snapshots()) for name in SHOWN]
        assert not published(w.store, trusting=True).changed
        assert [len(loaded(catalog_of(w.store), name).snapshots()) for name in SHOWN] == before


def test_a_match_of_a_corrected_record_is_shown_no_more_though_nothing_was_matched_since() -> None:
    with world(NUMBERS, *FACTS) as w:
        w.match()
        both = {bytes.fromhex(w.match_id("i-1", "b1")), bytes.fromhex(w.match_id("i-2", "b2"))}
        place = shown_schema("matches").names.index("match_id")

        def shown() -> set[bytes]:
            published(w.store)
            return {row[place] for row in by_pyiceberg(catalog_of(w.store))["matches"]}

        assert shown() == both
        w.correct("b", "b2", text="other words")
        assert shown() == both
        w.correct("a", "i-1", amount=90)
        assert shown() == both - {bytes.fromhex(w.match_id("i-1", "b1"))}
        w.match()
        assert len(shown()) == 1


@pytest.mark.parametrize(
    "lost",
    ["catalog", "manifests", *(pytest.param(one, marks=pytest.mark.deep) for one in ("folder", "metadata", "a copy"))],
)
def test_whatever_is_lost_is_made_again_from_the_book(lost: str) -> None:
    with world(NUMBERS, *FACTS) as w:
        w.match()
        published(w.store)
        view = w.store.lake.open_view
        match lost:
            case "catalog":
                (w.folder / ".tieout" / "catalog.db").unlink()
            case "folder":
                shutil.rmtree(view)
            case "metadata":  # as a power cut leaves files that nobody synced
                for path in view.glob("*/metadata/*.json"):
                    path.write_bytes(b"")
            case "manifests":
                for path in view.glob("*/metadata/*-m0.avro"):
                    path.write_bytes(path.read_bytes()[:100])
            case _:
                for path in view.glob("matches/data/*"):
                    path.unlink()
        assert published(w.store).changed
        assert not published(w.store).changed


def test_a_copied_workspace_has_a_view_of_its_own_and_leaves_the_first_one_alone(tmp_path: Path) -> None:
    w = World(tmp_path / "one", NUMBERS)
    w.add(*FACTS)
    published(w.store)
    first = {path: path.stat().st_mtime_ns for path in w.store.lake.open_view.rglob("*.avro")}
    said = by_pyiceberg(catalog_of(w.store))
    w.close()
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    copy = later(tmp_path / "two")
    published(copy)
    assert all(file.startswith(f"file://{tmp_path}/two/") for name in SHOWN for file in planned(catalog_of(copy), name))
    copy.close()
    assert {path: path.stat().st_mtime_ns for path in w.store.lake.open_view.rglob("*.avro")} == first
    assert by_pyiceberg(f"sqlite:///{tmp_path}/one/.tieout/catalog.db") == said
    (tmp_path / "one").rename(tmp_path / "three")
    moved = later(tmp_path / "three")
    published(moved)
    assert all(file.startswith(f"file://{tmp_path}/three/") for file in planned(catalog_of(moved), "records"))
    moved.close()


def test_what_a_replay_withdraws_is_shown_no_more(office: Office) -> None:
    delivery = office.table("c1,charge,10.00,EUR,01.10.2026,a", "c2,charge,20.00,EUR,01.10.2026,b").said["deliveries"][
        0
    ]
    store = office.store()
    assert [one.rows for one in published(store).tables if one.table == "records"] == [2]
    office.write_mapping(MAPPING.replace("[fields]", "where = \"note <> 'b'\"\n[fields]", 1))
    assert office.run("replay", delivery["delivery_id"], "--reason", "b is a test").status == 0
    assert [one.rows for one in published(store).tables if one.table == "records"] == [1]
    store.close()


@pytest.mark.deep
def test_a_card_number_that_leaves_the_lake_leaves_the_copies_too(office: Office) -> None:
    office.write_mapping(MAPPING.replace('text = "note"', 'payment_id = "note"'))
    content = f"{HEADER_OF_CARDS}c1,charge,10.00,EUR,01.10.2026,{CARD}\nc2,charge,20.00,EUR,01.10.2026,\n"
    first = office.ingest("cards.csv", content, "psp").said["deliveries"][0]
    (office.files / "cards.csv").unlink()
    # A later word about one of them: the file is shown as a copy.
    office.ingest("more.csv", f"{HEADER_OF_CARDS}c2,charge,21.00,EUR,01.10.2026,\n", "psp")
    store = office.store()
    published(store)
    assert any("/lake.iceberg/records/data/" in file for file in planned(catalog_of(store), "records"))
    assert traces(office.folder)
    office.write_mapping(MAPPING)
    assert office.run("replay", first["delivery_id"], "--reason", "the note is a text").status == 1
    assert traces(office.folder) == []
    published(store)
    assert traces(office.folder) == []
    store.close()


HEADER_OF_CARDS = "id,type,gross,ccy,day,note\n"


def test_a_file_that_leaves_the_lake_while_it_is_published_is_no_fault(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.write_mapping(MAPPING.replace('text = "note"', 'payment_id = "note"'))
    first = office.ingest("cards.csv", f"{HEADER_OF_CARDS}c1,charge,10.00,EUR,01.10.2026,{CARD}\n", "psp")
    (office.files / "cards.csv").unlink()
    office.write_mapping(MAPPING)
    store = office.store()
    real = open_view.take_standing

    def reading(store: Store) -> open_view.Standing:
        standing = real(store)
        monkeypatch.setattr("tieout.store.publisher.take_standing", real)
        office.run("replay", first.said["deliveries"][0]["delivery_id"], "--reason", "the note is a text")
        return standing

    monkeypatch.setattr("tieout.store.publisher.take_standing", reading)
    published(store)
    assert traces(office.folder) == []
    store.close()


@pytest.mark.deep
def test_a_copy_of_what_the_book_has_erased_goes_at_once_though_a_publisher_wrote_it_just_then() -> None:
    with world(NUMBERS, *FACTS) as w:
        published(w.store)
        late = w.store.lake.open_view / "records" / "data" / "0123456789ab-aaaaaaaa-00.0.ff-11.parquet"
        late.parent.mkdir(exist_ok=True)
        late.write_bytes(b"a copy of a file that was erased meanwhile")
        assert not published(w.store).changed
        assert not late.exists()


@pytest.mark.deep
def test_snapshots_expire_and_no_file_of_the_lake_or_of_the_view_goes_with_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tieout.store.iceberg._MANIFESTS_MAX", 4)
    with world(NUMBERS, *FACTS) as w:
        for number in range(5):
            w.add(invoice(f"x{number}", number))
            publish(w.store, catalog_of(w.store))
        w.match()
        w.correct("a", "i-1", amount=101)
        lake = sorted(w.store.lake.root.rglob("*"))
        published(w.store)
        many = len(metadata_of(w.store, "records"))
        w.clock.advance(dt.datetime.now(dt.UTC) - w.clock.now() + dt.timedelta(hours=2))
        w.add(invoice("y", 1))
        published(w.store)
        table = loaded(catalog_of(w.store), "records")
        assert len(table.snapshots()) == 1
        assert len(table.current_snapshot().manifests(table.io)) <= 4
        assert set(lake) <= set(w.store.lake.root.rglob("*"))
        assert len(metadata_of(w.store, "records")) >= many
        # A day later what no snapshot needs goes, in the folder of the view only.
        w.clock.advance(dt.timedelta(days=2))
        published(w.store)
        assert len(metadata_of(w.store, "records")) < many
        assert set(lake) <= set(w.store.lake.root.rglob("*"))
        assert {f"file://{path}" for path in w.store.lake.open_view.glob("*/data/*")} <= {
            file for name in SHOWN for file in planned(catalog_of(w.store), name)
        }


def test_the_sweep_of_the_lake_does_not_touch_the_view() -> None:
    with world(NUMBERS, *FACTS) as w:
        w.match()
        w.correct("a", "i-1", amount=101)
        published(w.store)
        now = w.clock.now().timestamp()
        for path in [*w.store.lake.root.rglob("*"), *w.store.lake.open_view.rglob("*")]:
            os.utime(path, (now - 90_000, now - 90_000))
        before = sorted(w.store.lake.open_view.rglob("*"))
        assert sweep(w.store) == []
        assert sorted(w.store.lake.open_view.rglob("*")) == before
        assert not published(w.store).changed


def test_columns_that_come_later_are_added_and_keep_their_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    with world(NUMBERS) as w:
        full = shown_schema("records")
        old = {**open_view_tables(), "records": full.remove(full.get_field_index("text"))}
        with monkeypatch.context() as before:
            before.setattr("tests.matching.worlds.table_schema", lambda name: old.get(name, table_schema(name)))
            before.setattr("tieout.store.publisher.shown_schema", lambda name: old[name])
            w.add(*FACTS)
            publish(w.store, catalog_of(w.store))
        narrow = loaded(catalog_of(w.store), "records").schema()
        w.add(line("with text", 1, text="hello"))
        published(w.store)
        wide = loaded(catalog_of(w.store), "records").schema()
        assert set(wide.column_names) - set(narrow.column_names) == {"text"}
        ids = {f.name: f.field_id for f in narrow.fields}
        assert {f.name: f.field_id for f in wide.fields if f.name != "text"} == ids


def open_view_tables() -> dict[str, pa.Schema]:
    return {name: shown_schema(name) for name in SHOWN}


@pytest.mark.deep
def test_a_column_of_another_type_makes_the_table_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    with world(NUMBERS, *FACTS) as w:
        full = shown_schema("records")
        place = full.get_field_index("amount")
        old = {**open_view_tables(), "records": full.set(place, pa.field("amount", pa.string()))}
        with monkeypatch.context() as before:
            before.setattr("tieout.store.publisher.shown_schema", lambda name: old[name])
            catalog = IcebergCatalog(catalog_of(w.store), w.store.lake.open_view, "")
            catalog.table("records", old["records"])
            catalog.close()
        published(w.store)


def test_of_two_publishers_the_one_that_knew_less_does_not_have_the_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a lease: the second publishes while the first has read the book and not committed."""
    with world(NUMBERS, *FACTS) as w:
        published(w.store)
        w.add(invoice("early", 1))
        real = open_view.take_standing

        def reading(store: Store) -> open_view.Standing:
            standing = real(store)
            monkeypatch.setattr("tieout.store.publisher.take_standing", real)
            w.add(invoice("late", 2))
            published(store)
            return standing

        monkeypatch.setattr(Lease, "take", lambda _: True)
        monkeypatch.setattr("tieout.store.publisher.take_standing", reading)
        assert not published(w.store).changed


def test_a_commit_to_a_table_that_was_changed_since_is_refused() -> None:
    with world(NUMBERS, *FACTS) as w:
        published(w.store)
        catalog = IcebergCatalog(catalog_of(w.store), w.store.lake.open_view, "")
        one, other = (catalog.table("records", shown_schema("records")) for _ in range(2))
        paths = sorted(one.paths())
        one.commit((), paths, {"tieout.facts": "7"})
        for add, remove in (((), paths), ((), ()), (paths, ())):
            with pytest.raises(MovedError):
                other.commit(add, remove, {})
        catalog.close()
        published(w.store)


def test_a_lease_is_one_publishers_until_it_runs_out() -> None:
    with world(NUMBERS, *FACTS) as w:
        dead = Lease(w.store, f"open view {w.store.lake.open_view}")
        assert dead.take()
        with pytest.MonkeyPatch.context() as patched, pytest.raises(Transient, match="another process holds the lease"):
            patched.setattr("tieout.store.publisher.LEASE_S", 0)
            publish(w.store, catalog_of(w.store))
        w.clock.advance(dt.timedelta(seconds=LEASE_S + 1))
        published(w.store)
        with w.store.book.reading() as connection:
            assert connection.execute(sa.select(schema.lease)).all() == []
        living = Lease(w.store, dead.name)
        assert living.take()
        with pytest.raises(Transient, match="ran out, and another process has it now"):
            dead.renew()
        w.clock.set(
            w.clock.now() - dt.timedelta(days=1)
        )  # the clock was put right: what it wrote before holds nobody up
        assert Lease(w.store, dead.name).take()


def test_books_and_catalogs_in_postgresql(fresh_postgres: str, postgres: Cluster, tmp_path: Path) -> None:
    with postgres.fresh_database() as catalog:
        w = World(tmp_path / "w", NUMBERS, {"TIEOUT_BOOK": fresh_postgres, "TIEOUT_CATALOG": catalog})
        w.add(*FACTS)
        w.match()
        assert w.workspace.catalog == catalog
        assert published(w.store, w.workspace.catalog).changed
        with pytest.raises(WrongUse, match="a database of its own"):
            publish(w.store, fresh_postgres)
        w.close()
        other = World(tmp_path / "other", NUMBERS)
        other.add(*FACTS)
        with other.store.book.writing() as connection:  # worlds draw the same ids
            connection.execute(sa.update(schema.about).where(schema.about.c.name == "book_id").values(value="other"))
        refused = r"expected a catalog of this workspace, got one whose table tieout\.records"
        with pytest.raises(WrongUse, match=refused):
            publish(other.store, catalog)
        other.close()


def test_a_path_that_no_uri_can_hold_is_refused_by_name(tmp_path: Path) -> None:
    w = World(tmp_path / "odd #1", NUMBERS)
    with pytest.raises(WrongUse, match="expected a path without # \\? %, got # in"):
        publish(w.store, catalog_of(w.store))
    w.close()
    w = World(tmp_path / "it's [1] ü {a}", NUMBERS)
    w.add(*FACTS)
    published(w.store)
    w.close()


def test_without_pyiceberg_the_command_says_how_to_have_it(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.table("c1,charge,10.00,EUR,01.10.2026,a")
    monkeypatch.setitem(sys.modules, "pyiceberg.catalog.sql", None)
    answer = office.run("publish")
    assert answer.status == 2
    assert "pip install 'tieout[iceberg]'" in answer.err


def test_the_command_shows_journals_as_well(tmp_path: Path) -> None:
    made = Books(
        tmp_path / "books",
        erp=["RE-1,1000.00,EUR,2026-10-01,RE-1"],
        psp=["ch_1,1000.00,EUR,2026-10-02,RE-1"],
    )
    made.number_accounts()
    made.run("journal")
    told = made.run("publish")
    store = later(made.folder)
    said = book_says(store)
    store.close()
    assert {one["table"]: one["rows"] for one in told["tables"]} == {name: len(rows) for name, rows in said.items()}
    assert [name for name, rows in said.items() if rows] == ["records", "matches", "journals"]
    assert by_pyiceberg(told["catalog"]) == by_duckdb(told["catalog"]) == said


def test_who_follows_publishes_what_comes(office: Office) -> None:
    office.table("c1,charge,10.00,EUR,01.10.2026,a")
    office.ingest("bank.xml", camt("0.00", "5.00", entry("5.00")), "bank")
    hurry = "import tieout.store.publisher as p, sys; p.EVERY_S = 0.1; from tieout.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", hurry, "--workspace", str(office.folder), "publish", "--follow", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        office.ingest("more.csv", f"{HEADER_OF_CARDS}c1,charge,11.00,EUR,01.10.2026,a\n", "psp")
        second = json.loads(process.stdout.readline())
        process.terminate()  # a test that runs in the background has SIGINT ignored, and what it starts as well
        assert process.stdout.read() == ""
    assert [(one["facts"], [table["rows"] for table in one["tables"]][:2]) for one in (first, second)] == [
        (2, [2, 2]),
        (3, [2, 2]),
    ]
    store = office.store()
    assert not published(store).changed
    store.close()
