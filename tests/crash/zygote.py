"""
Starting commands that will be killed, and hearing how they ended.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Ended", "Run", "Zygote", "tell"]

_ROOT = Path(__file__).resolve().parent.parent.parent
_KILLED = -9


def tell(sentence: str) -> None:
    """Print where something was killed or cut: pytest shows it beside a failure."""
    sys.stdout.write(sentence + "\n")


@dataclass(frozen=True, slots=True)
class Run:
    """
    One command in one workspace.

    :ivar kill_at: the boundary at which its process is killed; ``after`` it, or before.
    :ivar calls: count system calls below the folder (needs the watcher), not boundaries of the product.
    :ivar journal: where the watcher writes what the command wrote.
    :ivar faults: guards that are taken out of the product first (victim).
    :ivar file_bytes: no file may grow beyond this; None: as the machine allows.
    """

    folder: str
    arguments: tuple[str, ...]
    kill_at: int | None = None
    after: bool = False
    calls: bool = False
    journal: str | None = None
    faults: tuple[str, ...] = ()
    file_bytes: int | None = None
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ended:
    """
    How a command ended.

    :ivar status: its exit status; negative is the signal that ended it.
    :ivar output: what it printed, errors included.
    :ivar report: where it was killed, else how many boundaries it crossed.
    """

    status: int
    output: str
    report: str

    @property
    def killed(self) -> bool:
        """Whether it died by the kill that was asked for."""
        return self.status == _KILLED

    @property
    def boundaries(self) -> int:
        """How many boundaries it crossed."""
        return int(self.report)

    def said(self) -> dict[str, Any]:
        """Read the one object that ``--json`` prints."""
        found: dict[str, Any] = json.loads(self.output.splitlines()[-1])
        return found


class Zygote:
    """
    A process that has loaded the product and forks a child for each command.

    :param preload: the watcher's library.
    :param also: modules to load beside those that most commands load.
    """

    def __init__(self, preload: Path | None = None, also: Sequence[str] = ()) -> None:
        environment = dict(os.environ) | ({"LD_PRELOAD": str(preload)} if preload else {})
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.victim", *also],
            cwd=_ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def together(self, *runs: Run) -> list[Ended]:
        """Start runs at the same moment and wait for all."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([asdict(run) for run in runs]) + "\n")
        self._process.stdin.flush()
        return [Ended(**answer) for answer in json.loads(self._process.stdout.readline())]

    def run(self, folder: Path, *arguments: str, **options: Any) -> Ended:
        """Run one command to its end, or to its kill."""
        return self.together(Run(str(folder), arguments, **options))[0]

    def close(self) -> None:
        """Let the process end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)
        if self._process.stdout:
            self._process.stdout.close()
