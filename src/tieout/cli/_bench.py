"""
``tieout bench``: how fast this machine ties out, beside the least that any engine must do, and beside other tools.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tieout.cli._asked import JsonOption, WorkspaceOption, asked
from tieout.cli._output import measured, say, say_json, say_table

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["bench"]

_MOST = 20_000_000
_HEADINGS = ("what", "beside", "its s", "tieout s", "times", "processor", "peak MB")

_Size = Annotated[int, typer.Option(min=1_000, max=_MOST, metavar="ROWS", help="Lines of the payment platform.")]
_Seed = Annotated[int, typer.Option(min=0, metavar="N", help="Which lines are made.")]


def bench(
    context: typer.Context,
    size: _Size = 20_000,
    seed: _Seed = 11,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer calls it so
) -> None:
    """
    Measure how fast this machine reads facts in and ties them out, with the floor and the peers in the same run.

    The floor is the engine alone: it copies the same files, and reads the same columns and joins both sides once. The
    peers are other tools that do the same job, where they are installed. Nothing of a workspace is read or changed.
    """
    import tempfile
    from pathlib import Path

    from tieout.bench.matching import measure
    from tieout.bench.processes import measured as measured_alone
    from tieout.clock import system_clock

    wanted = asked(context, workspace, as_json=as_json)
    began = system_clock.monotonic()
    with tempfile.TemporaryDirectory(prefix="tieout-bench-") as scratch:
        data = Path(scratch) / "data"
        measured_alone("pairs", data, size, seed)
        found = measure(Path(scratch), data)
    if wanted.as_json:
        say_json({"seed": seed, **found, **measured({"bench": system_clock.monotonic() - began})})
        return
    say(f"{found['lines']:,} lines of a platform, with their documents and bank lines; load {found['load'][0]}")
    say_table(_HEADINGS, list(_rows(found)), frozenset(_HEADINGS[2:]))
    for name in found["absent"]:
        say(f"{name} is not installed, so it was not measured: pip install {name}")
    say("times: tieout's seconds over its seconds; processor: the same of all threads, which other work moves less")


def _rows(found: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Make the rows of the table."""
    ours = found["ours"]
    yield _row("reading in", "floor: a plain copy", found["ingest"]["floor"], found["ingest"]["ours"])
    yield _row("tying out", "floor: one join", found["floor"], ours)
    for name in found["ratios"]:
        if name != "floor":
            yield _row("tying out", name, found[name], ours)


def _row(what: str, beside: str, its: dict[str, float], ours: dict[str, float]) -> tuple[str, ...]:
    ratios = (f"{ours[of] / its[of]:.1f}x" for of in ("seconds", "processor"))
    return (what, beside, f"{its['seconds']:.2f}", f"{ours['seconds']:.2f}", *ratios, f"{ours['peak_mb']:,.0f}")
