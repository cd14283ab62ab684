"""
``tieout init``: a workspace to start from, with comments, that loads as it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tieout.cli._asked import JsonOption, WorkspaceOption, asked
from tieout.cli._output import measured, say, say_json
from tieout.errors import WrongUse

__all__ = ["init"]

_IGNORED = ".tieout/"
_GITIGNORE = """\
# What tieout keeps: the book, the lake and every file as it came. It is state, not configuration.
.tieout/
# What comes in holds other people's data: tieout keeps it encrypted, git must not have it.
inbox/*
!inbox/.gitkeep
"""
_FOLDERS = {
    "mappings": """\
# Mappings: tables without code

One file `NAME.toml` for each kind of table that tieout does not know: which columns make a file this one, and which
expression over them gives each field. `tieout inspect FILE` names a file's columns.

```toml
[mapping]
id = "acme-psp"
format = "csv"                            # csv, tsv, parquet, jsonl, xlsx, fixed
csv = { delimiter = ";", decimal = "," }
identify = ["txn_id", "payout_id", "net"] # columns that make a file this one

[fields]
external_id = "txn_id"
kind = "type"
amount = "gross"
fee = "fee"
currency = "upper(ccy)"
booked_on = "strptime(day, '%d.%m.%Y')::date"
settlement_id = "payout_id"
references = "[order_ref]"

[kinds]
chargeback = "dispute"
```
""",
    "rules": """\
# Rules: what fits with what

One file `NAME.toml` for each rule set of your own; tieout.toml names it as `rules = "rules/NAME.toml"`. The sets that
ship need no file.
""",
    "postings": """\
# Postings: which accounts a movement touches

One or more files `NAME.toml`. Under `[accounts]` stand the numbers of your ledger's accounts; without them no journal is
drafted, and `tieout exceptions` says which are missing. `[[posting]]` tables say when they apply, and the lines that they
write; without any, those that ship do.
""",
    "policies": """\
# Policies: who may do what

Files `NAME.cedar`. Nobody approves what they made, whatever stands here.
""",
    "calendars": """\
# Calendars: days on which banks do not work

One file `NAME.toml` for each calendar that the `holidays` library does not have; tieout.toml names it as
`calendar = "NAME"`.
""",
    "rates": """\
# Rates: what a currency was worth

Files `NAME.csv` with the columns `date,base,quote,rate`.
""",
}

_Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The folder; it is made if it is not there.")]
_Name = Annotated[str | None, typer.Option(metavar="TEXT", help="The company's name (default: the folder's).")]


def init(
    context: typer.Context,
    folder: _Folder,
    name: _Name = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer calls it so
) -> None:
    """
    Make a commented workspace to start from.

    Overwrites nothing: a folder that already is a workspace is left as it is (exit status 2).
    """
    from tieout.clock import system_clock
    from tieout.config import FILE_NAME, refuse_folder, template

    wanted = asked(context, workspace, as_json=as_json)
    begin = system_clock.monotonic()
    refuse_folder(folder.resolve())
    _check(folder, FILE_NAME)
    made = _write(folder, {FILE_NAME: template(name or folder.resolve().name), **_files()})
    if wanted.as_json:
        seconds = {"init": system_clock.monotonic() - begin}
        say_json({"workspace": str(folder), "made": made, **measured(seconds)})
        return
    say(f"{folder} is a workspace now: {', '.join(made)}")
    say(f"Next: describe your company in {folder / FILE_NAME}, then 'tieout inspect FILE' on what your banks send.")


def _files() -> dict[str, str]:
    readmes = {f"{folder}/README.md": text for folder, text in _FOLDERS.items()}
    return {**readmes, "inbox/.gitkeep": "", ".gitignore": _GITIGNORE}


def _check(folder: Path, file_name: str) -> None:
    """
    Look before anything is written.

    :raises WrongUse: it is a workspace already, or no folder can be there.
    """
    if folder.exists() and not folder.is_dir():
        message = f"expected a folder, got a file: {folder}"
        raise WrongUse(message)
    if (folder / file_name).exists():
        message = f"expected a folder without {file_name}, got a workspace, which is left as it is: {folder}"
        raise WrongUse(message)
    for name in (*_FOLDERS, "inbox"):
        if (folder / name).exists() and not (folder / name).is_dir():
            message = f"expected a folder or nothing at {folder / name}, got a file"
            raise WrongUse(message)


def _write(folder: Path, files: dict[str, str]) -> list[str]:
    """
    Write the files that are not there yet, and name them.

    :raises WrongUse: the folder cannot be written.
    """
    made = []
    try:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                with path.open("x", encoding="utf-8", newline="\n") as file:
                    file.write(text)
                made.append(name)
            elif name == ".gitignore" and _IGNORED not in path.read_text(encoding="utf-8").splitlines():
                with path.open("a", encoding="utf-8", newline="\n") as file:
                    file.write("\n" + text)
                made.append(name)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "a .gitignore that is no UTF-8 text"
        message = f"expected a folder that can be written, got: {reason} ({folder})"
        raise WrongUse(message) from None
    return made
