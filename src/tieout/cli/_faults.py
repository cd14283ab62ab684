"""
What went wrong, as one sentence on standard error and an exit status.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

import typer

from tieout.cli._output import clean
from tieout.errors import TieoutError

__all__ = ["complain", "complain_of", "told"]

_INTERRUPTED = 130
_FAILED = 3


def complain(message: str) -> None:
    """Write one sentence on standard error."""
    print(f"tieout: {clean(message)}", file=sys.stderr)  # noqa: T201 - this is where it is printed


def complain_of(error: TieoutError, *, debug: bool) -> None:
    """Say an error that ends nothing; with ``debug`` also where tieout itself failed."""
    if debug and error.__cause__ is not None:
        traceback.print_exception(error.__cause__)
    complain(str(error))


def told(error: BaseException, *, debug: bool) -> int:
    """Tell what ended a command, and give the exit status."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else _FAILED
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return _INTERRUPTED
    if isinstance(error, BrokenPipeError):
        return 0
    if debug:
        traceback.print_exception(error)
    if isinstance(error, TieoutError):
        complain(str(error))
        return error.exit_status
    # What typer raises for a wrong option or argument.
    status = getattr(error, "exit_code", None)
    if isinstance(status, int) and hasattr(error, "format_message"):
        complain(_usage(error))
        return status
    complain(_unforeseen(error, debug=debug))
    return _FAILED


def _usage(error: BaseException) -> str:
    context = getattr(error, "ctx", None)
    hint = f" ('{context.command_path} --help' says what can be)" if context is not None else ""
    sentence = str(error.format_message()).rstrip(".")  # type: ignore[attr-defined]  # typer's own errors have it
    return sentence[:1].lower() + sentence[1:] + hint


def _unforeseen(error: BaseException, *, debug: bool) -> str:
    if isinstance(error, OSError) and error.strerror:
        where = f": {os.fsdecode(error.filename)}" if isinstance(error.filename, str | bytes) else ""
        return f"expected to read and write files, got {error.strerror}{where}"
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name} line {frames[-1].lineno}" if frames else ""
    hint = "" if debug else "; run it again with --debug to see more, and report it"
    return f"a fault of tieout itself ({type(error).__name__}{place}){hint}"
