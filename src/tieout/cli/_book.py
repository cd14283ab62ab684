"""
``tieout book move``: the book goes to another database.
"""

from __future__ import annotations

from typing import Annotated

import typer

from tieout.cli._asked import JsonOption, WorkspaceOption, asked
from tieout.cli._opening import opened
from tieout.cli._output import measured, say, say_json

__all__ = ["book"]

book = typer.Typer(help="Look after the book.", rich_markup_mode=None)


@book.callback()
def _book() -> None:
    """Keep ``move`` a command of its own."""


@book.command()
def move(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where to: postgresql+psycopg://... or sqlite:///...")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer calls it so
) -> None:
    """Copy the book to another database, compare every row, and close the old one."""
    import sqlalchemy as sa

    from tieout.clock import system_clock
    from tieout.config import absolute_book
    from tieout.config.checks import unlike_database
    from tieout.errors import WrongUse
    from tieout.store.moving import move_book

    wanted = asked(context, workspace, as_json=as_json)
    begin = system_clock.monotonic()
    with opened(wanted) as (found, store):
        # As tieout.toml will read it: a relative path counts from the workspace, not from where the command is typed.
        target = absolute_book(url, found.folder)
        if target is None:
            expected, got = unlike_database(url, "sqlite:///.tieout/book.db")
            message = f"expected {expected} to move the book to, got {got}"
            raise WrongUse(message)
        counts = move_book(store.book, target, store.now_us(), store.actor)
    if wanted.as_json:
        say_json({"rows": counts, **measured({"move": system_clock.monotonic() - begin})})
        return
    say(f"{sum(counts.values())} rows in {len(counts)} tables copied and compared")
    shown = sa.make_url(url)
    put = "in tieout.toml" if shown.password is None else "in tieout.toml, or TIEOUT_BOOK, with its password"
    say(f'now set [workspace] book = "{shown.render_as_string()}" {put}; the old book refuses to be used')
