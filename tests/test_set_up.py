"""A stranger's first minutes: a fresh clone, an empty home, and the lines that README gives for them."""

import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CONSOLE = ("127.0.0.1", 8765)
#: From `make run` to the demo's result, on a machine that has downloaded nothing yet.
RESULT_MAX_S = 180
#: What is set up already.
AGAIN_MAX_S = 5


def lines_of_the_readme() -> list[str]:
    blocks = _BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    return [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]


def answered() -> bool:
    try:
        with urllib.request.urlopen(f"http://{CONSOLE[0]}:{CONSOLE[1]}/", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.mark.deep
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_set_up_of_the_readme_works_in_a_fresh_clone_with_an_empty_home(tmp_path: Path) -> None:
    assert lines_of_the_readme() == ["make setup", "make run", 'export PATH="$PWD/.venv/bin:$PATH"']
    with socket.socket() as probe:
        assert probe.connect_ex(CONSOLE), "expected nothing at the console's port"
    clone, home = tmp_path / "clone", tmp_path / "home"
    home.mkdir()
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    ours = {"VIRTUAL_ENV", "PYTHONPATH", "UV_CACHE_DIR", "UV_PROJECT_ENVIRONMENT"}
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("TIEOUT_", "PYTEST_", "XDG_")) and k not in ours}
    environment = kept | {"HOME": str(home)}

    begin = time.monotonic()
    subprocess.run(["make", "setup"], cwd=clone, env=environment, check=True)
    running = subprocess.Popen(["make", "run"], cwd=clone, env=environment, start_new_session=True)
    try:
        while not answered():
            assert running.poll() is None, "expected `make run` to serve the console, it ended"
            assert time.monotonic() - begin < RESULT_MAX_S
            time.sleep(0.5)
    finally:
        os.killpg(running.pid, signal.SIGTERM)
        running.wait(30)

    begin = time.monotonic()
    subprocess.run(["make", "setup"], cwd=clone, env=environment, check=True)
    assert time.monotonic() - begin < AGAIN_MAX_S
    typed = 'export PATH="$PWD/.venv/bin:$PATH"; tieout --version'
    done = subprocess.run(["bash", "-c", typed], cwd=clone, env=environment, check=True, capture_output=True, text=True)
    assert "tieout" in done.stdout
    left = subprocess.run(["git", "status", "--short"], cwd=clone, check=True, capture_output=True, text=True)
    assert left.stdout == ""
