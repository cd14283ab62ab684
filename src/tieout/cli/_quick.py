"""
Commands that start at once: typer (0.29) loads pydantic, 0.2 s, only to see that a text is a text and a path a path.

Parameters of these plain types are converted here; every other type, and every other version of typer, is left to
typer itself. Without this module all commands work the same, and start later.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["QuickCommand", "QuickGroup"]

_PLAIN: dict[Any, Callable[[Any], Any]] = {
    bool: lambda flag: flag is True or str(flag).lower() in {"true", "1", "yes", "on"},
    str: str,
    Path: Path,
    list[str]: lambda texts: [str(text) for text in texts],
    list[Path]: lambda texts: [Path(text) for text in texts],
}
# What typer can be asked to check of a value: then it does.
_CHECKS = ("exists", "writable", "resolve_path", "parser", "min", "max", "encoding", "path_type")


@dataclass(frozen=True, slots=True)
class _Plain:
    """Stands where typer keeps its converter of a parameter."""

    convert: Callable[[Any], Any]

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        del ctx
        if value is None:
            return () if param.nargs == -1 or param.multiple else None
        return self.convert(value)


def _quicken(parameters: list[Any]) -> None:
    for parameter in parameters:
        described = getattr(parameter, "type_descriptor", None)
        convert = _PLAIN.get(getattr(described, "annotation", None))
        info = getattr(described, "parameter_info", None)
        if convert is None or getattr(parameter, "_runtime_param", info) is not None:
            continue
        if not any(getattr(info, check, None) for check in _CHECKS):
            parameter._runtime_param = _Plain(convert)  # noqa: SLF001 - see above


class QuickCommand(TyperCommand):
    """A command whose plain parameters are converted without pydantic."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Convert what was typed."""
        _quicken(self.get_params(ctx))
        return super().parse_args(ctx, args)


class QuickGroup(TyperGroup):
    """A group of commands whose own plain parameters are converted without pydantic."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Convert what was typed before the command's name."""
        _quicken(self.get_params(ctx))
        return super().parse_args(ctx, args)
