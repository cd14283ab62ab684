"""
How commands answer: JSON on one line, or tables and lines for people; rich on a terminal, plain in a pipe.
"""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["clean", "flush", "measured", "prepare", "progress", "say", "say_json", "say_table", "watched"]

#: Files larger than this show progress on a terminal.
_WATCHED_BYTES = 64 << 20
_MIB = 1 << 20


def prepare() -> None:
    """Let every text be written, whatever the terminal's encoding lacks; where a channel is closed, to nobody."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # the next file would take its number, and what is said would be written into it
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - no path, open to the end
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as above
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def flush(status: int) -> int:
    """Write what is left to write, and give the exit status; a reader that went away (``| head``) is no fault."""
    try:
        sys.stdout.flush()
    except OSError as error:
        # Python would complain when it closes the stream at the end.
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            print(f"tieout: expected to write the answer, got {error.strerror}", file=sys.stderr)  # noqa: T201 - as below
            return 3
    return status


def clean(text: str) -> str:
    """Make a text from a file safe for a terminal: control characters are shown, not obeyed."""
    return "".join(sign if sign.isprintable() else _shown(sign) for sign in text)


def _shown(sign: str) -> str:
    return " " if sign.isspace() else sign.encode("unicode_escape").decode("ascii")


def say(line: str = "") -> None:
    """Print one line."""
    print(clean(line))  # noqa: T201 - this is where it is printed


def say_json(content: Mapping[str, Any]) -> None:
    """Print one object on one line."""
    print(json.dumps(content, ensure_ascii=True, separators=(", ", ": ")), flush=True)  # noqa: T201 - as above


def measured(seconds: Mapping[str, float]) -> dict[str, Any]:
    """Give what every JSON answer ends with: seconds per phase, and the most memory in MiB."""
    rounded = {phase: round(taken, 3) for phase, taken in seconds.items()}
    return {"seconds": rounded, "peak_mb": round(_most_bytes() / _MIB, 1)}


def _most_bytes() -> int:
    """Give the most memory that this process had; what getrusage says on Linux may be the parent's."""
    import resource

    with suppress(OSError), open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 - no file of ours
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def say_table(headings: Sequence[str], rows: Sequence[Sequence[str]], right: frozenset[str] = frozenset()) -> None:
    """
    Print a table.

    :param right: headings of columns that are aligned to the right (amounts, counts).
    """
    safe = [[clean(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _say_rich_table(headings, safe, right)
        return
    widths = [max(map(len, column)) for column in zip(headings, *safe, strict=True)]
    for row in (headings, *safe):
        cells = [
            cell.rjust(width) if heading in right else cell.ljust(width)
            for heading, cell, width in zip(headings, row, widths, strict=True)
        ]
        print(("  " + "  ".join(cells)).rstrip())  # noqa: T201 - as above


def _say_rich_table(headings: Sequence[str], rows: Sequence[Sequence[str]], right: frozenset[str]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=True)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))  # as text: a bank's [red] is no colour
    Console().print(table)


@contextmanager
def progress(begin: str, *, quiet: bool) -> Iterator[Callable[[str], None]]:
    """
    Show on a terminal what is being done, in a line that is gone at the end; elsewhere stay quiet.

    :param begin: the first thing that is done.
    :param quiet: stay quiet on a terminal, too: the answer is JSON.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda _step: None
        return
    from rich.console import Console

    with Console(stderr=True).status(begin) as status:
        yield lambda step: status.update(clean(step))


@contextmanager
def watched(stream: BinaryIO, size: int, name: str) -> Iterator[BinaryIO]:
    """Show on a terminal how far a large file has been read; elsewhere stay quiet."""
    if size < _WATCHED_BYTES or not sys.stderr.isatty():
        yield stream
        return
    from rich.console import Console
    from rich.progress import wrap_file

    console = Console(stderr=True)
    with wrap_file(stream, size, description=clean(name), console=console, transient=True) as reader:
        yield reader
