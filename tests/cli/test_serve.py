"""``tieout serve`` listens on this machine, says so, and ends at Ctrl-C."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2

from tieout.cli import main


def started(folder: Path, *more: str) -> subprocess.Popen[str]:
    command = [str(Path(sys.executable).parent / "tieout"), "--workspace", str(folder), "serve", *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_it_says_where_and_for_whom(tmp_path: Path) -> None:
    assert main(["init", str(tmp_path / "acme")]) == 0
    process = started(tmp_path / "acme", "--port", "0")
    assert process.stdout is not None
    first, second = process.stdout.readline(), process.stdout.readline()
    address = first.rsplit(" ", 1)[1].strip()
    assert address.startswith("http://127.0.0.1:")
    assert "for this machine only" in second
    assert "Nothing has come in yet" in httpx2.get(address).text
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode in (0, 130)
    assert "Traceback" not in said


def test_a_port_that_is_taken_is_said_so(tmp_path: Path) -> None:
    assert main(["init", str(tmp_path / "acme")]) == 0
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        process = started(tmp_path / "acme", "--port", port)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert f"expected port {port} to be free" in said
