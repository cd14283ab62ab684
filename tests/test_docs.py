"""
What the docs show is run: every ``$`` line of a ``console`` block, and what it prints is compared.

A page's lines run in order in one empty folder. A line succeeds, or ends as it says (``# exit 1``). What the block
shows below it is what it prints on both channels; ``...`` alone stands for any lines, inside a line for any text.
An ``sh`` block is what goes on until somebody ends it: the console is served, asked, and ended, on a port of its own.
"""

import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
#: Seconds for one command of the docs.
COMMAND_MAX_S = 120

#: What a stranger types in a clone first; tests/test_set_up.py does so.
SET_UP = {"make setup", "make run", 'export PATH="$PWD/.venv/bin:$PATH"'}

_BLOCK = re.compile(r"^```(console|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SERVES = re.compile(r"tieout (?:[\w -]+ )?serve")
_FILE = re.compile(r"^```[a-z]+ ([\w./-]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EXIT = re.compile(r"\s+#\s*exit (\d+)\s*$")
_LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#\s]+)[^)]*\)")


@dataclass(frozen=True, slots=True)
class Shown:
    """One command as a page shows it, from 1 the ``line`` where it stands; ``goes_on`` until somebody ends it."""

    line: int
    command: str
    status: int
    output: tuple[str, ...]
    goes_on: bool = False


def shown_in(page: str) -> list[Shown]:
    """Read the commands of a page, in order."""
    found: list[Shown] = []
    for block in _BLOCK.finditer(page):
        first = page.count("\n", 0, block.start(2)) + 1
        for number, text in enumerate(block[2].splitlines(), first):
            if block[1] == "sh":
                found.append(Shown(number, text.partition("#")[0].strip(), 0, (), goes_on=True))
            elif text.startswith("$ "):
                stated = _EXIT.search(text)
                command = _EXIT.sub("", text[2:])
                found.append(Shown(number, command, int(stated[1]) if stated else 0, ()))
            elif found and text.strip():
                last = found.pop()
                found.append(Shown(last.line, last.command, last.status, (*last.output, text.rstrip())))
    return found


def files_in(page: str) -> list[tuple[int, str, str]]:
    """Read the files that a page shows: the line where each begins, its path, its text."""
    return [(page.count("\n", 0, found.start()) + 1, found[1], found[2]) for found in _FILE.finditer(page)]


def lay(folder: Path, name: str, text: str) -> None:
    """Lay a file that a page shows into its folder."""
    path = folder / name
    assert path.resolve().is_relative_to(folder.resolve()), f"{name} leads out of the page's folder"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def agrees(output: tuple[str, ...], printed: str) -> bool:
    """Say whether a page shows what was printed; a page that shows nothing claims nothing."""
    if not output:
        return True
    parts = [r"(?:.*\n)*?" if line.strip() == "..." else _line(line) for line in output]
    lines = [line.rstrip() for line in printed.splitlines() if line.strip()]
    return re.fullmatch("".join(parts), "".join(f"{line}\n" for line in lines)) is not None


def _line(text: str) -> str:
    return r"[^\n]*".join(re.escape(piece) for piece in text.split("...")) + r"\n"


def environment_of(folder: Path) -> dict[str, str]:
    """Give what a reader's shell has, with our own tieout first on the path."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("TIEOUT_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"
    return kept | {"PATH": path, "NO_COLOR": "1", "COLUMNS": "100", "TZ": "UTC", "HOME": str(folder)}


def run(command: str, folder: Path) -> tuple[int, str]:
    """Run a line of the docs in a folder, as a reader would type it."""
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment_of(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=COMMAND_MAX_S,
        check=False,
    )
    return done.returncode, done.stdout.decode(errors="replace")


def served(command: str, folder: Path) -> str | None:
    """Run a line that serves the console, on a port of its own; say what is wrong."""
    if command in SET_UP:
        return None
    if not _SERVES.fullmatch(command):
        return "no test runs it: show it in a console block"
    with subprocess.Popen(
        ["bash", "-c", f"exec {command} --port 0"],
        cwd=folder,
        env=environment_of(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            return _answer_of(process)
        finally:
            process.kill()


def _answer_of(process: subprocess.Popen[str]) -> str | None:
    """Ask a console that was started, and end it; say what is wrong."""
    assert process.stdout is not None
    said = process.stdout.readline()
    address = re.search(r"http://127\.0\.0\.1:\d+/", said)
    if address is None:
        return f"expected an address, got {said}"
    status = httpx2.get(address[0], timeout=COMMAND_MAX_S).status_code
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=COMMAND_MAX_S)
    ended = process.returncode in {0, 130}
    return None if status == 200 and ended else f"expected 200 and an end, got {status} and {process.returncode}"


def faults(page: str, folder: Path) -> list[str]:
    """Run a page; give a sentence for every command that does not do what the page shows."""
    found = []
    waiting = files_in(page)
    for shown in shown_in(page):
        while waiting and waiting[0][0] < shown.line:
            _, name, text = waiting.pop(0)
            lay(folder, name, text)
        if shown.goes_on:
            wrong = served(shown.command, folder)
            found += [f"line {shown.line}: `{shown.command}`: {wrong}"] if wrong else []
            continue
        status, printed = run(shown.command, folder)
        place = f"line {shown.line}: `{shown.command}`"
        if status != shown.status:
            found.append(f"{place}: expected exit status {shown.status}, got {status}:\n{printed}")
        elif not agrees(shown.output, printed):
            found.append(f"{place}: expected\n{chr(10).join(shown.output)}\ngot\n{printed}")
    return found


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_commands_of_a_page_do_what_it_shows(page: Path, tmp_path: Path) -> None:
    assert faults(page.read_text(encoding="utf-8"), tmp_path) == []


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"], ids=lambda page: page.name)
def test_no_link_of_a_page_leads_nowhere(page: Path) -> None:
    targets = _LINK.findall(page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_verb_that_contributing_names_is_there() -> None:
    named = set(re.findall(r"`make ([a-z-]+)", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")))
    verbs = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert named
    assert named - verbs == set()


def test_the_readme_shows_at_least_one_command() -> None:
    assert shown_in((ROOT / "README.md").read_text(encoding="utf-8")) != []


GOOD = """
```console
$ echo one; echo; echo two words 17
one
two ... 17
$ exit 3  # exit 3
$ printf 'a\\nb\\nc\\n' > kept
$ cat kept
a
...
```

```sh
make setup    # elsewhere
```

```text sub/told.txt
what it holds
```

```console
$ cat sub/told.txt
what it holds
```
"""


def test_the_checker_passes_what_is_right(tmp_path: Path) -> None:
    assert [shown.line for shown in shown_in(GOOD)] == [3, 6, 7, 8, 14, 22]
    assert faults(GOOD, tmp_path) == []


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ("one\ntwo", "one\ntwo\nthree", "line 3"),
        ("two ... 17", "two ... 18", "line 3"),
        ("# exit 3", "# exit 4", "line 6: `exit 3`: expected exit status 4, got 3"),
        ("  # exit 3", "", "expected exit status 0, got 3"),
        ("a\n...\n```", "a\n```", "line 8"),
        ("what it holds\n```\n\n", "else\n```\n\n", "line 22"),
        ("a\n...\n```", "b\n...\n```", "line 8"),
        ("make setup ", "rm -rf /not/run ", "line 14: `rm -rf /not/run`: no test runs it"),
        (
            "make setup ",
            "tieout --workspace none serve ",
            "line 14: `tieout --workspace none serve`: expected an address",
        ),
    ],
)
def test_the_checker_fires_at_what_is_wrong(right: str, wrong: str, says: str, tmp_path: Path) -> None:
    assert right in GOOD
    found = faults(GOOD.replace(right, wrong), tmp_path)
    assert len(found) == 1
    assert says in found[0]
