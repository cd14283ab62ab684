"""
A private PostgreSQL server for the tests: made, started and removed by them, with its safety switched on.

The server never runs as root, listens on 127.0.0.1 and a socket in its own folder, and syncs every commit to the
disk, so that what the tests prove about crashes is what a real server does.
"""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tests.peers import missing_peer

__all__ = ["Cluster", "private_cluster"]

_BINARIES = Path("/usr/lib/postgresql")
#: Seconds within which a server must be up, or down again.
_WAIT_S = 60
#: Another process may take the free port before the server does.
_STARTS_MAX = 3


@dataclass(slots=True)
class Cluster:
    """
    A running server with its folder.

    :ivar binaries: where ``postgres`` and its companions lie.
    :ivar folder: owned by the server's user; holds the data, the socket and the log.
    """

    binaries: Path
    folder: Path
    port: int
    server: subprocess.Popen[bytes]
    _made: int = field(default=0, init=False)

    def url(self, database: str = "postgres") -> str:
        """Give the address of a database as SQLAlchemy wants it."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"

    @contextlib.contextmanager
    def fresh_database(self) -> Iterator[str]:
        """Make an empty database, give its URL, and drop it, whoever is still connected."""
        self._made += 1
        name = f"tieout_{self._made}"
        self._execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
        try:
            yield self.url(name)
        finally:
            self._execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(host="127.0.0.1", port=self.port, user="postgres", autocommit=True) as connection:
            connection.execute(statement)


def _binaries() -> Path:
    found = sorted(_BINARIES.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        missing_peer("PostgreSQL", "apt-get install postgresql")
    return (found[-1] if found else Path(str(on_path)).resolve()).parent


def _unprivileged() -> dict[str, Any]:
    """Say whom a server may run as, for ``subprocess``: ourselves, or where we are root, somebody who is not."""
    if os.geteuid() != 0:
        return {}
    known = {user.pw_name: user for user in pwd.getpwall()}
    user = known.get("postgres") or known.get("nobody")
    if user is None:
        missing_peer("an unprivileged user for PostgreSQL", "adduser --system postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _initialise(binaries: Path, folder: Path, user: dict[str, Any]) -> None:
    # trust: the server is reached from this machine only, lives for one test run, and holds made-up data.
    command = [str(binaries / "initdb"), "-D", str(folder / "data"), "-U", "postgres", "--auth=trust"]
    command += ["--encoding=UTF8", "--locale=C"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_WAIT_S, check=False, **user)
    if done.returncode:
        message = f"expected initdb to make a cluster in {folder}, got: {done.stderr.strip()}"
        raise RuntimeError(message)


def _start(binaries: Path, folder: Path, user: dict[str, Any]) -> tuple[subprocess.Popen[bytes], int]:
    log = folder / "log"
    for _ in range(_STARTS_MAX):
        port = _free_port()
        settings = ["listen_addresses=127.0.0.1", "fsync=on", "synchronous_commit=on", "full_page_writes=on"]
        settings += [f"unix_socket_directories={folder}", "max_connections=60", "shared_buffers=32MB"]
        options = [part for setting in settings for part in ("-c", setting)]
        command = [str(binaries / "postgres"), "-D", str(folder / "data"), "-p", str(port), *options]
        with log.open("ab") as out:
            server: subprocess.Popen[bytes] = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out, **user
            )
        if _answers(binaries, port, server):
            return server, port
        _stop(server)
    message = f"expected PostgreSQL to start, got: {log.read_text(errors='replace')[-1000:]}"
    raise RuntimeError(message)


def _answers(binaries: Path, port: int, server: subprocess.Popen[bytes]) -> bool:
    """Wait until the server takes connections; False when it ended or took too long."""
    command = [str(binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres"]
    for _ in range(_WAIT_S * 10):
        if server.poll() is not None:
            return False
        if subprocess.run(command, timeout=_WAIT_S, check=False).returncode == 0:
            return True
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(0.1)  # wakes at once should the server end
    return False


def _stop(server: subprocess.Popen[bytes]) -> None:
    # SIGINT is PostgreSQL's fast shutdown: sessions are ended, data is written, nothing needs recovery.
    server.send_signal(signal.SIGINT)
    try:
        server.wait(_WAIT_S)
    except subprocess.TimeoutExpired:
        server.send_signal(signal.SIGQUIT)
        server.wait(_WAIT_S)


@contextlib.contextmanager
def private_cluster() -> Iterator[Cluster]:
    """Run a server for as long as the block lasts; skips (or fails, see ``peers``) without PostgreSQL."""
    binaries, user = _binaries(), _unprivileged()
    # A short path where the server's user may go: a socket's path is limited to 107 bytes, pytest's folders are ours.
    folder = Path(tempfile.mkdtemp(prefix="tieout-pg-", dir="/tmp"))
    try:
        if user:
            os.chown(folder, user["user"], user["group"])
        _initialise(binaries, folder, user)
        server, port = _start(binaries, folder, user)
        try:
            yield Cluster(binaries, folder, port, server)
        finally:
            _stop(server)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
