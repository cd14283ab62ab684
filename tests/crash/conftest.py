"""What tests of crashes may ask for."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.zygote import Zygote
from tests.peers import missing_peer


@pytest.fixture(scope="session")
def watcher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the library that watches system calls, compiled once."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        missing_peer("a C compiler, which watches what SQLite writes,", "apt-get install gcc libc6-dev")
    library = tmp_path_factory.mktemp("watcher") / "power.so"
    source = Path(__file__).with_name("power.c")
    command = [
        compiler,
        "-shared",
        "-fPIC",
        "-O1",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-o",
        str(library),
        str(source),
        "-ldl",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return library


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    """Give a process that runs and kills commands."""
    started = Zygote()
    yield started
    started.close()


@pytest.fixture(scope="module")
def watched(watcher: Path) -> Iterator[Zygote]:
    """Give a process whose commands' system calls are watched."""
    started = Zygote(watcher)
    yield started
    started.close()


@pytest.fixture
def quick_path(tmp_path: Path) -> Iterator[Path]:
    """Give a folder in memory where there is one: a killed process leaves the same there, and syncing costs nothing."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
    if not (memory.is_dir() and os.access(memory, os.W_OK)):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="tieout-crash-", dir=memory) as folder:
        yield Path(folder)
