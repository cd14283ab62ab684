"""
DuckDB, the set-based engine, with its limits. The only module that configures it.
"""

from __future__ import annotations

import atexit
import os
import weakref
from collections import deque
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tieout.errors import Rejected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import duckdb
    import pyarrow as pa

Result = TypeVar("Result")

__all__ = ["SHARED_ROWS", "connect", "open_engine", "paths", "perform", "point_cursor", "with_room"]

THREADS = 2
#: DuckDB's threads share a relation in parts of so many rows: of fewer, another thread only costs time.
SHARED_ROWS = 122_880
MEMORY = "700MB"
# What a single statement may have that cannot do with less, in megabytes, and at most this part of the machine's memory.
_MORE = (1_000, 1_400, 2_000, 2_800, 4_000, 6_000, 9_000, 13_000, 20_000)
_PART_OF_MACHINE = 0.6
# Connections that have more than the usual now, by id: to ask for the usual after every statement costs a tenth of a
# small run.
_with_more: set[int] = set()
# Engines that nobody uses now; of more than two the first is closed. Whatever the collector of garbage interrupts may
# give one back: nothing here waits for a lock.
_waiting: deque[duckdb.DuckDBPyConnection] = deque(maxlen=2)
# Engines of the processes that this one was forked from.
_inherited: list[duckdb.DuckDBPyConnection] = []
# Decimals that an amount may carry.
_EXPONENTS = range(1, 10)


def connect(spill: Path | None = None) -> duckdb.DuckDBPyConnection:
    """
    Give a connection to an engine that nobody else uses meanwhile, as :func:`open_engine` opens it.

    What is made in it must be temporary. Opening and teaching an engine takes longer than what is asked of it in most
    commands: when the connection is closed and gone, the engine waits for the next one.

    :param spill: a folder for what does not fit into memory; without one, a query that needs more fails.
    """
    engine = _idle_engine(spill) or open_engine(spill)
    con = engine.cursor()
    con.execute("set TimeZone = 'UTC'")
    _with_more.discard(id(con))
    weakref.finalize(con, _waiting.append, engine).atexit = False
    return con


def open_engine(spill: Path | None = None) -> duckdb.DuckDBPyConnection:
    """
    Open an in-memory DuckDB of one's own that cannot reach anything but the local files it is given, taught what
    our statements call.

    :param spill: as for :func:`connect`.
    """
    import duckdb

    settings: dict[str, str | bool | int | float | list[str]] = {
        "threads": THREADS,
        "memory_limit": MEMORY,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "python_enable_replacements": False,
        "max_temp_directory_size": "50GB",
    }
    if spill is not None:
        settings["temp_directory"] = str(spill)
    con = duckdb.connect(config=settings)
    con.execute("set TimeZone = 'UTC'")
    _prepare_macros(con)
    _prepare_functions(con)
    return con


def _idle_engine(spill: Path | None) -> duckdb.DuckDBPyConnection | None:
    """Take an engine that waits, with the usual settings; none, if none does or it has spilled elsewhere."""
    import duckdb

    try:
        engine = _waiting.pop()
    except IndexError:
        return None
    folder = "" if spill is None else str(spill).replace("'", "''")
    try:
        engine.execute(
            f"""
            set temp_directory = '{folder}'; set memory_limit = '{MEMORY}';
            set threads = {THREADS}; set parquet_metadata_cache = false
            """
        )
    except duckdb.Error:
        return None
    return engine


def _forget_engines() -> None:
    """Leave the engines of the parent alone: a process that was forked has none of their threads."""
    _inherited.extend(_waiting)
    _waiting.clear()


@contextmanager
def with_room(con: duckdb.DuckDBPyConnection, begin: Callable[[], Result]) -> Iterator[Result]:
    """
    Begin something with the engine; where its memory does not suffice for what cannot spill, with more of the machine's.

    What is more is given back at the end of the block.

    :raises Rejected: not even that suffices.
    """
    import duckdb

    begun = _begun(con, begin)
    try:
        yield begun
    finally:
        if id(con) in _with_more:
            with suppress(duckdb.OutOfMemoryException):  # what is held stays until the next statement is done
                con.execute(f"set memory_limit = '{MEMORY}'")
                _with_more.discard(id(con))


def _begun(con: duckdb.DuckDBPyConnection, begin: Callable[[], Result]) -> Result:
    import duckdb

    for more in _MORE:
        try:
            return begin()
        except duckdb.OutOfMemoryException:
            if more * 1_000_000 > _PART_OF_MACHINE * _machine_bytes():
                break
            con.execute(f"set memory_limit = '{more}MB'")
            _with_more.add(id(con))
    try:
        return begin()
    except duckdb.OutOfMemoryException as error:
        message = (
            f"expected work that fits into {_PART_OF_MACHINE:.0%} of this machine's memory, it needs more: {error}"
        )
        raise Rejected(message) from None


def perform(con: duckdb.DuckDBPyConnection, statement: str) -> int:
    """
    Perform a statement that makes or changes rows, with as much memory as it needs (:func:`with_room`).

    :return: how many rows it made or changed.
    """
    with with_room(con, lambda: con.execute(statement).fetchall()) as answered:
        return int(answered[0][0])


@lru_cache(maxsize=1)
def _machine_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def point_cursor(spill: Path) -> duckdb.DuckDBPyConnection:
    """
    Give a connection of one's own to the engine that look-ups of this process share.

    It is prepared with the macros, and remembers the footers of Parquet files, which never change: opening and teaching
    an engine anew takes longer than a look-up.
    """
    return _point_engine(str(spill)).cursor()


@lru_cache(maxsize=2)
def _point_engine(spill: str) -> duckdb.DuckDBPyConnection:
    con = open_engine(Path(spill))
    con.execute("set parquet_metadata_cache = true")
    return con


def paths(files: list[str]) -> str:
    """Write a list of files as a SQL literal for ``read_parquet``."""
    return "[" + ", ".join("'" + file.replace("'", "''") + "'" for file in files) + "]"


def _prepare_macros(con: duckdb.DuckDBPyConnection) -> None:
    """
    Teach a connection to write and to sum amounts exactly.

    ``decimal_text(minor, exponent)`` is ``-3.20``; ``decimal_value`` is the same as ``decimal(38, 9)``;
    ``own_exponent(currency)`` is ISO 4217's. A run counts a currency in the finest decimals of its facts, so amounts of
    several runs are summed as ``nine(minor, exponent)``, at nine decimals; ``decimals_for(nine, least)`` says how many
    of them are needed, and ``from_nine(nine, exponent)`` leads back. ``shortest(minor, exponent, least)`` says how many
    decimals an amount needs that has trailing zeros.
    """
    from tieout.model.money import exponents

    unit = {e: f"0.{'0' * (e - 1)}1::decimal({e + 1}, {e})" for e in _EXPONENTS}
    texts = " ".join(f"when {e} then (m::decimal(19, 0) * {unit[e]})::varchar" for e in _EXPONENTS)
    values = " ".join(f"when {e} then (m::decimal(19, 0) * {unit[e]})::decimal(38, 9)" for e in _EXPONENTS)
    con.execute(f"create macro decimal_text(m, e) as case e when 0 then m::varchar {texts} end")
    con.execute(f"create macro decimal_value(m, e) as case e when 0 then m::decimal(38, 9) {values} end")
    powers = ", ".join(f"{10**n}::hugeint" for n in range(10))
    con.execute(f"create macro power_of_ten(n) as [{powers}][n + 1]")
    con.execute("create macro nine(m, e) as m::hugeint * power_of_ten(9 - e)")
    con.execute("create macro from_nine(w, e) as (w // power_of_ten(9 - e))::bigint")
    # By its text: a macro is written out wherever it is named, and ten cases in ten cases are a hundred.
    zeros = "length(w::varchar) - length(rtrim(w::varchar, '0'))"
    con.execute(
        f"create macro decimals_for(w, least_of) as case w when 0 then least_of else greatest(least_of, 9 - ({zeros})) end"
    )
    con.execute(
        "create macro shortest(m, e, least_of) as case when e > least_of then decimals_for(nine(m, e), least_of) else e end"
    )
    by_exponent: dict[int, list[str]] = {}
    for currency, exponent in exponents().items():
        by_exponent.setdefault(exponent, []).append(f"'{currency}'")
    unusual = " ".join(f"when c in ({', '.join(sorted(c))}) then {e}" for e, c in sorted(by_exponent.items()) if e != 2)
    con.execute(f"create macro own_exponent(c) as case {unusual} else 2 end")


def _prepare_functions(con: duckdb.DuckDBPyConnection) -> None:
    """
    Teach a connection how identifiers are compared: ``key_of(text)`` and ``normal_of(text)`` of ``model.normal``, and
    ``party_of(system, name, account)``, which is ``model.parties.party_id``.
    """
    from duckdb.func import ARROW, SPECIAL

    from tieout.model.normal import keys_of, normal_column

    for name, function, kind in (("key_of", keys_of, "BIGINT"), ("normal_of", normal_column, "VARCHAR")):
        con.create_function(name, _on_columns(function), ["VARCHAR"], kind, type=ARROW, null_handling=SPECIAL)
    called = "coalesce(normal_of(name_of), account_of)"
    con.execute(
        f"create macro party_of(system_of, name_of, account_of) as left(sha256(system_of || chr(31) || {called}), 16)"
    )


def _on_columns(function: Callable[[pa.Array], pa.Array]) -> Callable[..., Any]:
    """
    Let the engine call a function of columns, which it hands over in pieces.

    As a lambda: the engine evaluates the annotations of what it is given, and ours name types that are not imported.
    """
    import pyarrow as pa

    return lambda texts: function(pa.concat_arrays(texts.chunks) if isinstance(texts, pa.ChunkedArray) else texts)


def _close_engines() -> None:
    """Close what waits before the interpreter is gone, which complains of what is left."""
    _waiting.clear()
    _point_engine.cache_clear()


atexit.register(_close_engines)
os.register_at_fork(after_in_child=_forget_engines)
