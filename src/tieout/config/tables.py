"""
One table of tieout.toml or of a rule set: every key known, every value of its type, every fault with its place.

A fault is raised as :class:`Fault` (place and sentence); ``toml_files.located`` writes it with file and line.
"""

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from tieout.config._toml_places import Place

__all__ = ["Fault", "Table", "nearest", "shown"]

_TEXT_MAX = 1000
_LIST_MAX = 1000
_Value = TypeVar("_Value")


class Fault(Exception):
    """
    Something in the file is wrong.

    :ivar place: where; None when the whole file is meant, or the fault is not in the file.
    :ivar sentence: what was expected and what came.
    :ivar first: where the same thing stood before, for things given twice.
    """

    def __init__(self, place: Place | None, sentence: str, first: Place | None = None) -> None:
        """Keep the sentence and its places."""
        super().__init__(sentence)
        self.place, self.sentence, self.first = place, sentence, first


def nearest(word: str, known: Iterable[str]) -> str:
    """Write "; did you mean 'format'?" for a known word like the given one, else nothing."""
    import difflib

    folded = {name.casefold(): name for name in known}
    found = difflib.get_close_matches(word.casefold()[:_TEXT_MAX], folded, n=1)
    return f"; did you mean {folded[found[0]]!r}?" if found else ""


def shown(value: object) -> str:
    """Name a value in a message: "the number 1361", "'x'", "a table"; long text is cut."""
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else value[:57] + "...")  # what fits one line
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"the number {str(value)[:40]}"
    if isinstance(value, (dt.date, dt.time)):
        return f"the date or time {value}"
    return "a list" if isinstance(value, list) else "a table"


@dataclass(frozen=True, slots=True)
class Table:
    """
    One table of the file with its place and what to call it in messages.

    :ivar place: None for what stands in the environment instead of the file.
    :ivar name: ``"[[source]]"``, later ``"[[source]] 'bank-main'"``.
    """

    values: dict[str, Any]
    place: Place | None
    name: str

    def at(self, *way: str | int) -> Place | None:
        """Give the place of something in this table."""
        return None if self.place is None else (*self.place, *way)

    def fault(self, key: str | None, sentence: str) -> Fault:
        """Make a fault at a key of this table, or at the table itself."""
        return Fault(self.place if key is None else self.at(key), sentence)

    def only(self, known: Collection[str]) -> None:
        """Refuse every key that is not known."""
        for key in self.values:
            if key not in known:
                raise self.fault(key, f"unknown key {shown(key)} in {self.name}{nearest(key, known)}")

    def wrong(self, key: str, expected: str, got: str | None = None) -> Fault:
        """Make the fault "expected EXPECTED for 'KEY' in [[TABLE]], got VALUE"."""
        came = shown(self.values.get(key)) if got is None else got
        return self.fault(key, f"expected {expected} for {key!r} in {self.name}, got {came}")

    def given(self, key: str, value: _Value | None) -> _Value:
        """Pass a value on, or refuse that it is absent."""
        if value is None:
            raise self.fault(None, f"expected {key!r} in {self.name}, found none")
        return value

    def text(self, key: str) -> str | None:
        """Read text that is not blank; None where the key is absent."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, str):
            hint = ": write it in quotes" if isinstance(value, (int, float, dt.date)) else ""
            raise self.wrong(key, "text", shown(value) + hint)
        if not value.strip():
            raise self.wrong(key, "text that is not blank")
        if len(value) > _TEXT_MAX:
            raise self.wrong(key, f"text of at most {_TEXT_MAX} characters", f"{len(value)}")
        return value

    def required(self, key: str) -> str:
        """Read text that must be there."""
        return self.given(key, self.text(key))

    def choice(self, key: str, allowed: Collection[str]) -> str | None:
        """Read one of the allowed words; None where the key is absent."""
        value = self.text(key)
        if value is not None and value not in allowed:
            raise self.wrong(key, f"one of {', '.join(allowed)}", shown(value) + nearest(value, allowed))
        return value

    def declared(self, key: str, known: Collection[str], what: str) -> str | None:
        """Read the id of something declared; None where the key is absent."""
        value = self.text(key)
        if value is not None and value not in known:
            raise self.undeclared(key, value, known, what)
        return value

    def undeclared(self, key: str, value: str, known: Collection[str], what: str) -> Fault:
        """Make the fault of an id that nothing has."""
        return self.wrong(key, f"the id of a declared {what}", shown(value) + nearest(value, known))

    def texts(self, key: str) -> tuple[str, ...]:
        """Read text, or a list of texts without repeats; nothing where the key is absent."""
        value = self.values.get(key, [])
        if not isinstance(value, list):
            return (self.required(key),)
        if len(value) > _LIST_MAX:
            raise self.wrong(key, f"a list of at most {_LIST_MAX} texts", f"{len(value)} elements")
        for number, element in enumerate(value):
            if not isinstance(element, str) or not element.strip() or element in value[:number]:
                sentence = f"expected a list of different texts for {key!r} in {self.name}, got {shown(element)}"
                raise Fault(self.at(key, number), sentence)
        if key in self.values and not value:
            raise self.wrong(key, "text or a list of texts", "an empty list")
        return tuple(value)

    def date(self, key: str) -> dt.date:
        """Read a day that must be there, as text or as a TOML date."""
        value = self.values.get(key)
        if type(value) is dt.date:
            return value
        text = self.required(key)
        try:
            day = dt.date.fromisoformat(text)
        except ValueError:
            day = None
        if day is None or day.isoformat() != text:
            raise self.wrong(key, "a date such as 2026-10-31")
        return day

    def table(self, key: str, known: Collection[str] | None) -> "Table | None":
        """Read a table in this one, with its known keys (None: any); None where the key is absent."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.wrong(key, f"a table such as {key} = {{ ... }}")
        inner = Table(value, self.at(key), f"{key!r} of {self.name}")
        if known is not None:
            inner.only(known)
        return inner

    def tables(self, key: str, known: Collection[str], most: int) -> "list[Table]":
        """Read a list of tables with their known keys; empty where the key is absent."""
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise self.wrong(key, f"a list of tables such as {key} = [{{ ... }}]")
        if len(value) > most or (key in self.values and not value):
            raise self.wrong(key, f"1 to {most} tables", f"{len(value)}")
        found = [Table(one, self.at(key, number), f"{key!r} of {self.name}") for number, one in enumerate(value)]
        for one in found:
            one.only(known)
        return found

    def whole(self, key: str, least: int, most: int) -> int | None:
        """Read a whole number within limits; None where the key is absent."""
        value = self.values.get(key)
        if value is not None and (type(value) is not int or not least <= value <= most):
            raise self.wrong(key, f"a whole number from {least} to {most}")
        return value

    def flag(self, key: str, *, absent: bool) -> bool:
        """Read true or false."""
        value = self.values.get(key, absent)
        if not isinstance(value, bool):
            raise self.wrong(key, "true or false")
        return value
