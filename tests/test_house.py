"""The house rules that no linter knows: sizes, docstrings, the public surface, how fast the command starts."""

import ast
import importlib.metadata
import os
import re
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

import tieout
import tieout.model

THIS = Path(__file__).resolve()
ROOT = THIS.parent.parent
SOURCE = ROOT / "src"
#: Migrations are lists of statements that Alembic loads by path: no packages, and no size is too long for them.
MODULES = sorted(path for path in SOURCE.rglob("*.py") if "migrations" not in path.parts)

LINES_OF_A_FILE_MAX = 400
LINES_OF_A_FUNCTION_MAX = 70
HELP_MAX_S = 0.4

#: Every folder below ``tieout``; each says in its docstring what lives there and how to add one more.
FOLDERS = sorted({path.parent.relative_to(SOURCE / "tieout").as_posix() for path in MODULES} - {"."})
#: Names that say nothing about what is inside.
EMPTY_NAMES = {"base", "common", "helper", "helpers", "manager", "misc", "util", "utils"}
#: What `tieout --help` must not wait for.
HEAVY = {"alembic", "duckdb", "holidays", "lxml", "numpy", "openpyxl", "pyarrow", "sqlalchemy", "sqlglot"}


@cache
def tree(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"))


def name(path: Path) -> str:
    return path.relative_to(SOURCE if path.is_relative_to(SOURCE) else ROOT).as_posix()


def functions(module: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{name(module)}:{node.lineno} {node.name}", (node.end_lineno or node.lineno) - node.lineno + 1


def is_public(module: Path) -> bool:
    parts = module.relative_to(SOURCE).with_suffix("").parts
    return not any(part.startswith("_") and part != "__init__" for part in parts)


def only_a_docstring(module: Path) -> bool:
    return len(tree(module).body) == 1 and ast.get_docstring(tree(module)) is not None


def declared(module: Path) -> list[str] | None:
    """Give what ``__all__`` names, or None."""
    for node in tree(module).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(target, ast.Name) and target.id == "__all__" and isinstance(node, ast.Assign | ast.AnnAssign):
            return list(ast.literal_eval(node.value)) if node.value else None
    return None


def defined(module: Path) -> set[str]:
    """Give the public functions and classes that a module itself defines."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return {node.name for node in tree(module).body if isinstance(node, kinds) and not node.name.startswith("_")}


def test_no_file_is_too_long_to_read() -> None:
    lengths = {name(module): len(module.read_text(encoding="utf-8").splitlines()) for module in MODULES}
    assert {path: length for path, length in lengths.items() if length > LINES_OF_A_FILE_MAX} == {}


def test_no_function_is_too_long_to_read() -> None:
    lengths = dict(found for module in MODULES for found in functions(module))
    assert {place: length for place, length in lengths.items() if length > LINES_OF_A_FUNCTION_MAX} == {}


def test_every_name_of_a_file_says_what_is_inside() -> None:
    parts = {part.strip("_") for module in MODULES for part in module.relative_to(SOURCE).with_suffix("").parts}
    assert parts & EMPTY_NAMES == set()


def test_every_public_module_has_a_docstring() -> None:
    assert [name(module) for module in MODULES if is_public(module) and not ast.get_docstring(tree(module))] == []


def test_every_public_module_says_what_is_public() -> None:
    missing = [m for m in MODULES if is_public(m) and not only_a_docstring(m) and declared(m) is None]
    assert [name(module) for module in missing] == []


def test_what_a_module_defines_in_public_is_declared() -> None:
    undeclared = {
        name(module): sorted(defined(module) - set(declared(module) or []))
        for module in MODULES
        if is_public(module) and not only_a_docstring(module)
    }
    assert {module: names for module, names in undeclared.items() if names} == {}


def test_every_public_function_and_class_has_a_docstring() -> None:
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    silent = [
        f"{name(module)}:{node.lineno} {node.name}"
        for module in MODULES
        if is_public(module)
        for node in tree(module).body
        if isinstance(node, kinds) and not node.name.startswith("_") and not ast.get_docstring(node)
    ]
    assert silent == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_folder_says_what_lives_there_and_how_to_add_one_more(folder: str) -> None:
    said = ast.get_docstring(tree(SOURCE / "tieout" / folder / "__init__.py")) or ""
    assert re.search(r"^To add ", said, re.MULTILINE)
    assert len(said.split("\n\n")) >= 2


def test_every_folder_of_the_source_is_a_package() -> None:
    folders = {module.parent for module in MODULES if module.parent != SOURCE}
    assert sorted(name(folder) for folder in folders if not (folder / "__init__.py").exists()) == []


def test_the_public_surface_is_what_was_agreed() -> None:
    assert tieout.__all__ == ["__version__"]
    assert tieout.model.__all__ == ["KINDS", "Account", "Balance", "Entity", "Money", "Problem", "Record", "Statement"]
    assert all(hasattr(tieout.model, public) for public in tieout.model.__all__)
    assert not hasattr(tieout, "no_such_name")
    assert (SOURCE / "tieout" / "py.typed").read_bytes() == b""


def test_there_is_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    stated = project["project"]["version"]
    locked = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    assert tieout.__version__ == importlib.metadata.version("tieout") == stated
    assert [package["version"] for package in locked if package["name"] == "tieout"] == [stated]


def test_one_python_is_the_lowest_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lowest = project["project"]["requires-python"].removeprefix(">=")
    assert project["tool"]["mypy"]["python_version"] == lowest
    assert project["tool"]["ruff"]["target-version"] == f"py{lowest.replace('.', '')}"


def test_every_lint_rule_that_is_off_says_why() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    lint = text[text.index("[tool.ruff.lint]") : text.index("[tool.ruff.lint.flake8-tidy-imports]")]
    codes = [line for line in lint.splitlines() if re.match(r'\s+"[A-Z]+\d*",', line)]
    assert codes
    assert [line for line in codes if not re.search(r"# \w", line)] == []


def says_why(line: str) -> bool:
    """Say whether a line keeps the rules, or gives its reason: ``# noqa: S301 - we wrote it``."""
    exception = re.search(r"#\s*(noqa|type:\s*ignore)(.*)$", line)
    # A late import of something heavy needs no reason of its own: `tieout --help` is the reason (below).
    return exception is None or "PLC0415" in exception[2] or re.search(r"( - |# )\w", exception[2]) is not None


def silent_exceptions(modules: Iterable[Path]) -> list[str]:
    """Give the place of every exception to a rule that gives no reason."""
    return [
        f"{name(module)}:{number}"
        for module in modules
        for number, line in enumerate(module.read_text(encoding="utf-8").splitlines(), 1)
        if not says_why(line)
    ]


def test_every_exception_to_a_rule_says_why() -> None:
    modules = {*MODULES, *ROOT.glob("benchmarks/**/*.py"), *ROOT.glob("tests/**/*.py")}
    assert silent_exceptions(sorted(modules - {THIS})) == []  # this one holds lines that do not


def test_an_exception_is_named_wherever_it_stands() -> None:
    numbers = [
        n for n, line in enumerate(THIS.read_text(encoding="utf-8").splitlines(), 1) if line.endswith(", False),")
    ]
    assert silent_exceptions([THIS]) == [f"tests/test_house.py:{number}" for number in numbers]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("x = 1  # the first", True),
        ("import numpy  # noqa: PLC0415", True),
        ("pickle.loads(x)  # noqa: S301 - we wrote it ourselves", True),
        ("return x  # type: ignore[misc]  # the stubs are wrong", True),
        ("pickle.loads(x)  # noqa: S301", False),
        ("return x  # type: ignore[misc]", False),
    ],
)
def test_the_check_for_reasons_fires(line: str, says: bool) -> None:
    assert says_why(line) is says


ASKS = """import datetime as dt
import random
import time
import uuid

TAKEN = (dt.datetime.now(dt.UTC), dt.datetime.utcnow(), dt.date.today(), time.time(), uuid.uuid4(), random.random())
"""


@pytest.mark.parametrize(("module", "found"), [("matching/planning/plan.py", 6), ("clock.py", 0)])
def test_only_the_clock_may_ask_what_time_it_is(module: str, found: int) -> None:
    place = str(SOURCE / "tieout" / module)
    command = ["ruff", "check", "--no-cache", "--select=TID251", "--output-format=concise", f"--stdin-filename={place}"]
    done = subprocess.run(
        [sys.executable, "-m", *command, "-"], input=ASKS, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.count("TID251") == found, done.stdout + done.stderr


def _start(*arguments: str) -> tuple[float, str]:
    """Run Python with arguments; give the seconds of processor that it took, and its standard error."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("TIEOUT_", "PYTHON"))}
    process = subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment, text=True
    )
    assert process.stderr is not None
    with process.stderr as stream:
        said = stream.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, said
    return used.ru_utime + used.ru_stime, said


def test_help_comes_at_once() -> None:
    # Seconds of processor rather than of the wall: the same on a machine that is busy with other tests.
    command = str(Path(sys.executable).parent / "tieout")
    taken = [_start(command, "--help")[0] for _ in range(3)]
    assert statistics.median(taken) < HELP_MAX_S, taken


def test_help_loads_nothing_heavy() -> None:
    command = str(Path(sys.executable).parent / "tieout")
    _, said = _start("-X", "importtime", command, "--help")
    loaded = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in said.splitlines() if "|" in line}
    assert "tieout" in loaded
    assert loaded & HEAVY == set()


def test_decisions_stand_newest_first() -> None:
    days = re.findall(
        r"^## (\d{4}-\d\d-\d\d) ", (ROOT / "docs" / "DECISIONS.md").read_text("utf-8"), flags=re.MULTILINE
    )
    assert len(days) > 100
    assert days == sorted(days, reverse=True)
