"""
What a user types: the command ``tieout``, one module for each group of commands.

``main`` is the console script. It turns what went wrong into one sentence on standard error and an exit status: 0 done,
1 done and something needs a person, 2 wrong use, 3 failed.

To add a command, write ``cli/_NAME.py`` with a function whose docstring is its help, taking :data:`WorkspaceOption` and
:data:`JsonOption` and handing them to :func:`~tieout.cli._asked.asked`; register it below (``cls=QuickCommand``); and import what it works
with inside the function, so that ``tieout --help`` does not wait for it. It prints through ``_output``, gives its exit
status by ``raise typer.Exit(status)``, and raises errors of ``tieout.errors`` for all else.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from typer.main import get_command

from tieout.cli._asked import JsonOption, WorkspaceOption, keep
from tieout.cli._bench import bench
from tieout.cli._book import book
from tieout.cli._decide import approve, reject, resolve, undo
from tieout.cli._demo import demo
from tieout.cli._explain import explain
from tieout.cli._export import export
from tieout.cli._facts import completeness, deliveries, exceptions, quarantine
from tieout.cli._faults import told
from tieout.cli._ingest import ingest, replay
from tieout.cli._init import init
from tieout.cli._inspect import inspect
from tieout.cli._journal import journal
from tieout.cli._match import match
from tieout.cli._money import cash, fees, in_transit, open_items
from tieout.cli._output import flush, prepare
from tieout.cli._proof import proof, statement
from tieout.cli._publish import publish
from tieout.cli._quick import QuickCommand, QuickGroup
from tieout.cli._rules import rules
from tieout.cli._run import run
from tieout.cli._serve import serve
from tieout.cli._verify import verify

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["app", "main"]

_HELP = """Follow every movement of money from the customer's card to the general ledger, and prove that it ties out.

Exit status: 0 done; 1 done, and something needs a person; 2 wrong use; 3 failed.
"""

#: Every command; ``main`` runs it.
app = typer.Typer(
    name="tieout",
    cls=QuickGroup,
    help=_HELP,
    rich_markup_mode=None,  # plain help: three times as fast as the coloured one
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _say_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it so
    if wanted:
        from tieout import __version__

        typer.echo(f"tieout {__version__}")
        raise typer.Exit


_Debug = Annotated[bool, typer.Option("--debug", help="Show where tieout itself failed.")]
_Version = Annotated[
    bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say which version this is.")
]


@app.callback(invoke_without_command=True)
def _every_command(
    context: typer.Context,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer calls it so
    debug: _Debug = False,  # noqa: FBT002 - as above
    version: _Version = False,  # noqa: FBT002 - as above
) -> None:
    del version
    keep(context, workspace, as_json=as_json, debug=debug)
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


app.command(cls=QuickCommand)(demo)
app.command(cls=QuickCommand)(init)
app.command(cls=QuickCommand)(inspect)
for command in (deliveries, quarantine, exceptions, completeness, export, explain, proof, statement):
    app.command(cls=QuickCommand)(command)
for view in (open_items, in_transit, cash, fees):
    app.command(cls=QuickCommand)(view)
app.command()(run)
app.command()(ingest)
app.command()(replay)
app.command()(match)
app.command()(journal)
for decision in (resolve, undo, approve, reject):
    app.command()(decision)
app.command()(verify)
app.command()(publish)
app.command()(serve)
app.command()(bench)
app.add_typer(rules, name="rules")
app.add_typer(book, name="book")


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run a command as typed, and give its exit status.

    :param arguments: without the program's name; None: those of the process.
    """
    typed = list(sys.argv[1:] if arguments is None else arguments)
    debug = _take_debug(typed)
    _start_light()
    prepare()
    hidden = _Hidden("pandas", but_for="bench" in typed)
    sys.meta_path.insert(0, hidden)
    try:
        status = get_command(app).main(typed, prog_name="tieout", standalone_mode=False)
    except BaseException as error:  # noqa: BLE001 - whatever happened becomes one sentence and an exit status
        status = told(error, debug=debug)
    finally:
        sys.meta_path.remove(hidden)
    return flush(status if isinstance(status, int) else 0)


def _start_light() -> None:
    """Leave out what takes a fifth of the time of starting, and what no command needs."""
    # Importing makes many objects and no garbage; looking for some after every 700 took 0.25 s.
    gc.set_threshold(50_000, 20, 20)
    # numpy starts a thread for each processor, for matrices: there are none here.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


class _Hidden:
    """
    Hides a module that only PySpark and benchmarks need: pyarrow imports pandas with the first array that it makes.

    Where it is installed, that took 0.3 s of every command.
    """

    def __init__(self, name: str, *, but_for: bool) -> None:
        self._name, self._but_for = name, but_for

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Say that there is no such module, unless PySpark is there."""
        del path, target
        if name == self._name and not self._but_for and "pyspark" not in sys.modules:
            message = f"this command of tieout does not use {name}"
            raise ModuleNotFoundError(message, name=name)


def _take_debug(typed: list[str]) -> bool:
    """Let ``--debug`` stand anywhere: moved to the front, where it is declared."""
    end = typed.index("--") if "--" in typed else len(typed)
    if "--debug" not in typed[:end]:
        return False
    typed.remove("--debug")
    typed.insert(0, "--debug")
    return True
