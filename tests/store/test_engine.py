"""
The engine takes more of the machine's memory where a statement cannot do with less, and gives it back.
"""

from pathlib import Path

import duckdb
import pytest

from tieout.errors import Rejected
from tieout.matching.backends.duckdb import DuckDB
from tieout.store import engine

#: Groups that do not fit into twenty megabytes, and that no engine can put on disk: what it knows of each is a list.
_LISTS = "select k % 7 as k, list(k) as every from range(3_000_000) t(k) group by 1"
_WIDE = f"create temp table found as {_LISTS}"


def limit(con: duckdb.DuckDBPyConnection) -> str:
    return str(con.execute("select current_setting('memory_limit')").fetchall()[0][0])


def test_a_statement_that_needs_more_gets_it_and_gives_it_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "MEMORY", "20MB")
    with engine.connect(tmp_path) as con:
        before = limit(con)
        with pytest.raises(duckdb.OutOfMemoryException):
            con.execute(_WIDE)
        engine.perform(con, _WIDE)
        assert con.execute("select count(*) from found").fetchall() == [(7,)]
        con.execute("drop table found")
        assert sum(batch.num_rows for batch in DuckDB(con).batches(_LISTS)) == 7
        assert limit(con) == before


def test_what_the_machine_cannot_do_is_refused_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "MEMORY", "20MB")
    monkeypatch.setattr(engine, "_machine_bytes", lambda: 1_000_000_000)
    with engine.connect(tmp_path) as con, pytest.raises(Rejected, match="60% of this machine's memory"):
        engine.perform(con, _WIDE)
