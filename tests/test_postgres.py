"""The server that the tests start is real, safe and empty."""

import os
import pwd
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.postgres import Cluster


@pytest.mark.parametrize("turn", [1, 2])
def test_every_test_gets_an_empty_database_of_its_own(fresh_postgres: str, turn: int) -> None:
    engine = create_engine(fresh_postgres)
    with engine.begin() as connection:
        tables = connection.execute(text("select count(*) from pg_tables where schemaname = 'public'")).scalar_one()
        connection.execute(text("create table left_behind (turn int)"))
        connection.execute(text("insert into left_behind values (:turn)"), {"turn": turn})
    engine.dispose()
    assert fresh_postgres.startswith("postgresql+psycopg://")
    assert tables == 0


def test_a_commit_is_on_the_disk_when_it_is_answered(fresh_postgres: str) -> None:
    engine = create_engine(fresh_postgres)
    with engine.connect() as connection:
        shown = {
            name: connection.execute(text(f"show {name}")).scalar_one()
            for name in ("fsync", "synchronous_commit", "full_page_writes", "listen_addresses")
        }
    engine.dispose()
    assert shown == {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "listen_addresses": "127.0.0.1",
    }


def test_the_server_never_runs_as_root(postgres: Cluster) -> None:
    owner = Path(f"/proc/{postgres.server.pid}").stat().st_uid
    assert owner != 0
    assert owner == (os.geteuid() or owner)
    assert pwd.getpwuid(owner).pw_name in {"postgres", "nobody", pwd.getpwuid(os.geteuid()).pw_name}


def test_the_url_of_the_server_leads_to_its_own_database(postgres_url: str, postgres: Cluster) -> None:
    assert postgres_url == postgres.url("postgres")


def test_a_test_that_asks_for_the_server_is_marked_by_itself(request: pytest.FixtureRequest, postgres_url: str) -> None:
    assert postgres_url
    assert request.node.get_closest_marker("peers") is not None
