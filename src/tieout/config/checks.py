"""
What a word in tieout.toml may mean outside of it: currencies, time zones, calendars, files, URLs, delays.

Each check reads one key of a table and raises a fault at its place. The lists that it asks (ISO 4217, the time
zone database, the ``holidays`` library) are loaded when the first word of that sort is met.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tieout.config.tables import Table, nearest, shown
from tieout.config.workspace import RULE_SETS, Delay
from tieout.errors import BadInput
from tieout.model.encodings import encoding_names, is_encoding, writes_ascii
from tieout.model.money import Money, exponents, parse_money

__all__ = [
    "Files",
    "absolute_book",
    "calendar",
    "currency",
    "database_url",
    "delay",
    "encoding",
    "engine",
    "format_id",
    "identifier",
    "kept_at",
    "money",
    "rule_set",
    "timezone",
    "unlike_database",
    "workspace_file",
]

_ID_MAX = 100
_DELAY_MAX = 366
_ID = re.compile(r"[^\W_][^/\\\x00-\x1f\x7f]*")
_DELAY = re.compile(r"([0-9]{1,3})(bd|d)")
_SPARK = re.compile(r"spark://[^\s/:]+:[0-9]{1,5}")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")

# Zones that depend on the machine, or stand for "nobody chose one".
_NO_ZONES = ("localtime", "posixrules", "Factory")


@dataclass(frozen=True, slots=True)
class Files:
    """
    The files beside tieout.toml.

    :ivar kept: whether they were there when the text of tieout.toml was kept, so that the folder is not asked.
    :ivar formats: the ids of the formats that are installed; None: any is taken.
    """

    folder: Path
    kept: bool = False
    formats: Collection[str] | None = None

    def has(self, relative: str) -> bool:
        """Whether there is such a file."""
        try:
            return self.kept or (self.folder / relative).is_file()
        except OSError:  # a name that is too long, a folder that may not be read
            return False


def identifier(table: Table, *, slash: bool = False) -> str:
    """Read ``id``: it begins with a letter or digit and has no slashes (an account's may: ``SOURCE/CURRENCY``)."""
    key = "id"
    value = table.required(key)
    plain = value.replace("/", "-") if slash else value
    if not _ID.fullmatch(plain) or value != value.strip() or len(value) > _ID_MAX:
        raise table.wrong(key, f"a name of at most {_ID_MAX} characters such as 'bank-main'")
    return value


def currency(table: Table, key: str) -> str | None:
    """Read an ISO 4217 code; None where the key is absent."""
    code = table.text(key)
    if code is not None and code not in exponents():
        raise table.wrong(key, "an ISO 4217 currency such as EUR", shown(code) + nearest(code, exponents()))
    return code


def encoding(table: Table, key: str) -> str | None:
    """Read the name of a code page, as Python writes it (``cp1250``); None where the key is absent."""
    name = table.text(key)
    if name is None:
        return None
    if not is_encoding(name):
        raise table.wrong(
            key, "an encoding that Python knows, such as cp1250", shown(name) + nearest(name, encoding_names())
        )
    if not writes_ascii(name):
        raise table.wrong(key, "an encoding that writes plain letters and digits as ASCII does, such as cp1250")
    return name


def money(table: Table, key: str, in_currency: str) -> Money:
    """Read a decimal amount, which must be text: a TOML number would be a float."""
    text = table.required(key)
    try:
        return parse_money(text, in_currency)
    except BadInput as error:
        raise table.fault(key, f"{error} for {key!r} in {table.name}") from None


def delay(table: Table, key: str) -> Delay | None:
    """Read ``"2bd"`` (business days) or ``"3d"`` (days); None where the key is absent."""
    text = table.text(key)
    if text is None:
        return None
    found = _DELAY.fullmatch(text)
    if found is None or int(found[1]) > _DELAY_MAX:
        raise table.wrong(key, f"a delay of at most {_DELAY_MAX} days such as '2bd' (business days) or '3d'")
    return Delay(int(found[1]), business=found[2] == "bd")


def timezone(table: Table, key: str) -> str | None:
    """Read the name of a time zone, as IANA writes it; None where the key is absent."""
    name = table.text(key)
    if name is None:
        return None
    import zoneinfo

    try:
        known = name not in _NO_ZONES and bool(zoneinfo.ZoneInfo(name).key)
    except (KeyError, ValueError, OSError):
        known = False
    if not known:
        hint = nearest(name, zoneinfo.available_timezones())
        raise table.wrong(key, "a time zone such as Europe/Berlin", shown(name) + hint)
    return name


def calendar(table: Table, key: str, files: Files | None) -> str | None:
    """
    Read a calendar: calendars/NAME.toml of the workspace, or a code of ``holidays``; None where absent.

    :param files: of the workspace; None: there is none, and only the library's are known.
    """
    name = table.text(key)
    if name is None:
        return None
    own = name.removeprefix("calendars/").removesuffix(".toml")
    if files is not None and _ID.fullmatch(own) and files.has(f"calendars/{own}.toml"):
        return own
    if name != own or not _is_holidays_code(name):
        where = "a calendar of the holidays library such as ECB, DE or DE-BY, or calendars/NAME.toml"
        raise table.wrong(key, where, shown(name) + nearest(name, _holidays_codes()))
    return name


def _holidays_codes() -> list[str]:
    from holidays.registry import COUNTRIES, FINANCIAL

    # The first name of each is a class; codes and their aliases follow.
    return [code for names in (*FINANCIAL.values(), *COUNTRIES.values()) for code in names[1:] if code.isupper()]


def _is_holidays_code(name: str) -> bool:
    codes = _holidays_codes()
    country, _, part = name.partition("-")
    if not part:
        return name in codes
    if country not in codes:
        return False
    import holidays

    return part in getattr(holidays, country).subdivisions


def rule_set(table: Table, key: str, files: Files) -> str:
    """Read the name of a built-in rule set, or the path of a rule file that exists."""
    value = table.required(key)
    if value in RULE_SETS:
        return value
    if value.endswith(".toml"):
        return workspace_file(table, key, files) or value
    own = f"rules/{value}.toml"
    hint = f"; did you mean {own!r}?" if files.has(own) else nearest(value, RULE_SETS)
    raise table.wrong(key, f"one of {', '.join(RULE_SETS)}, or a path such as rules/NAME.toml", shown(value) + hint)


def format_id(table: Table, key: str, files: Files) -> str | None:
    """Read the id of a format that is installed; None where the key is absent."""
    value = table.text(key)
    if value is not None and files.formats is not None and value not in files.formats:
        hint = nearest(value, files.formats) or f"; known are {', '.join(sorted(files.formats))}"
        raise table.wrong(key, "a format that tieout knows", shown(value) + hint)
    return value


def workspace_file(table: Table, key: str, files: Files) -> str | None:
    """Read the path of a file that exists, relative to the workspace; None where the key is absent."""
    value = table.text(key)
    if value is not None and not files.has(value):
        raise table.wrong(key, f"the path of a file below {files.folder}", f"{shown(value)}, which does not exist")
    return value


def engine(table: Table, key: str) -> str:
    """Read ``duckdb`` (where the key is absent), ``spark`` or ``spark://host:port``."""
    value = table.text(key) or "duckdb"
    if value in ("duckdb", "spark") or _SPARK.fullmatch(value):
        return value
    raise table.wrong(key, "duckdb, spark or spark://host:port", shown(value) + nearest(value, ("duckdb", "spark")))


def database_url(table: Table, key: str, folder: Path, default: str) -> str:
    """
    Read the URL of a database (the book, the catalog of the open view), a relative SQLite path made absolute.

    A message shows the scheme only: the rest may hold a password.
    """
    value = table.text(key) or default
    url = absolute_book(value, folder)
    if url is not None:
        return url
    raise table.wrong(key, *unlike_database(value, default))


def unlike_database(value: str, example: str) -> tuple[str, str]:
    """Say what was expected of a database's URL, and what came: its scheme only."""
    found = _SCHEME.match(value)
    got = f"a URL of {found[1].lower()}" if found else "something else"
    return f"a URL such as {example} or postgresql+psycopg://user@host/name", got


def absolute_book(url: str, folder: Path) -> str | None:
    """Make a relative SQLite path of a book's URL absolute, from the workspace; None: no URL of a book."""
    found = _SCHEME.match(url)
    scheme, rest = (found[1].lower(), url[found.end() :]) if found else ("", url)
    if scheme == "sqlite" and len(rest) > 1 and rest.startswith("/"):
        # A path becomes part of a URL, where ? and % mean something else.
        return f"sqlite:///{_joined(Path(quote(folder.as_posix())), rest[1:])}"
    if scheme in ("postgres", "postgresql", "postgresql+psycopg") and rest:
        return f"postgresql+psycopg://{rest}"
    return None


def kept_at(table: Table, key: str, folder: Path) -> str:
    """Read a folder or URL, a relative path made absolute; where the key is absent, .tieout/KEY."""
    value = table.text(key) or f".tieout/{key}"
    return value if _SCHEME.match(value) else _joined(folder, value)


def _joined(folder: Path, relative: str) -> str:
    return (folder / relative).as_posix()
