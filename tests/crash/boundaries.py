"""
Counts the places where the product makes something last, and kills its own process at one of them.

A boundary is a call that a ``kill -9`` may fall before or after: creating, syncing, renaming, linking or removing a
file, and every statement and commit of the book, on SQLite and on PostgreSQL alike. Each single write to a file is a
boundary of the watcher (power.c), which sees those of SQLite too; here they would only crowd out the commits.
"""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["Boundaries"]

_CALLS = ("fsync", "rename", "replace", "link", "unlink", "mkdir")


class Boundaries:
    """
    Counts boundaries, and kills at one.

    :param kill_at: its number, from 1; None only counts.
    :param after: kill when it is done, not before it begins.
    :param report: a descriptor that hears where the process was killed.
    """

    def __init__(self, kill_at: int | None, after: bool, report: int) -> None:
        self.count = 0
        self._kill_at, self._after, self._report = kill_at, after, report

    def cross(self, name: str, call: Callable[[], Any]) -> Any:
        """Perform a call as one boundary."""
        self.count += 1
        mine = self.count == self._kill_at
        if mine and not self._after:
            self._die("before", name)
        try:
            return call()
        finally:
            if mine:  # also where the call failed: a second process may have made the folder first
                self._die("after", name)

    def _die(self, when: str, name: str) -> None:
        os.write(self._report, f"{when} boundary {self.count}: {name}".encode())
        os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        """Put this counter around every call that makes something last."""
        for name in _CALLS:
            setattr(os, name, self._around(name, getattr(os, name)))
        self._watch_files()
        self._watch_book()

    def _around(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def crossing(*arguments: Any, **options: Any) -> Any:
            shown = " ".join(Path(a).name for a in arguments if isinstance(a, str | Path))
            return self.cross(f"{name} {shown}", lambda: real(*arguments, **options))

        return crossing

    def _watch_files(self) -> None:
        real = os.open

        def opening(path: Any, flags: int, mode: int = 0o777, **options: Any) -> int:
            if not flags & os.O_CREAT:
                return real(path, flags, mode, **options)
            descriptor: int = self.cross(f"create {Path(path).name}", lambda: real(path, flags, mode, **options))
            return descriptor

        os.open = opening

    def _watch_book(self) -> None:
        import sqlalchemy as sa
        from sqlalchemy.engine.default import DefaultDialect

        real_commit: Any = DefaultDialect.do_commit

        def committing(dialect: Any, connection: Any) -> None:
            self.cross("commit", lambda: real_commit(dialect, connection))

        def executing(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            if not statement.lstrip().upper().startswith(("SELECT", "PRAGMA")):
                self.cross(" ".join(statement.split()[:3]), lambda: None)

        DefaultDialect.do_commit = committing  # type: ignore[method-assign]  # a boundary to die at
        sa.event.listen(sa.Engine, "before_cursor_execute", executing)
