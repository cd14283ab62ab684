"""
Which column of a file a name means: exactly as written, or the only one that differs in case and blanks alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from tieout.errors import BadInput
from tieout.formats.tabular.raw import Unreadable

__all__ = ["OTHER_KEYS", "UNDECODED", "Names", "clean_name"]

#: The column of the keys of JSON lines that have no column of their own.
OTHER_KEYS = "(other keys)"

#: What stands in a header before each byte that is no text in the encoding that was expected.
UNDECODED = "\ufffd"


def clean_name(name: str) -> str:
    """Strip blanks and byte order marks from a column name."""
    return name.strip("\ufeff \t\r\n\u00a0\x00")


def _folded(name: str) -> str:
    return " ".join(clean_name(name).casefold().split())


@dataclass(frozen=True, slots=True)
class Names:
    """The column names of one file, in its order, cleaned."""

    header: tuple[str, ...]

    def place(self, name: str) -> int:
        """
        Give the position of a column, from 0.

        :raises BadInput: no column has that name, or several have.
        """
        for fold in (clean_name, _folded):
            wanted = fold(name)
            found = [i for i, other in enumerate(self.header) if fold(other) == wanted]
            if len(found) == 1:
                return found[0]
            if found:
                message = f"expected one column {name!r}, got it {len(found)} times in the header"
                raise BadInput(message)
        if any(UNDECODED in other for other in self.header):
            message = (
                f"expected a column {name!r}, got a header with letters that the mapping's encoding does not know: say"
                ' how the file is written, for most programs of Windows csv = { encoding = "cp1252" }'
            )
            raise BadInput(message)
        near = get_close_matches(name, [other for other in self.header if other != OTHER_KEYS], n=1, cutoff=0.0)
        instead = f"; the nearest is {near[0]!r}" if near else ""
        if OTHER_KEYS in self.header:
            message = f"expected a key {name!r}, got none of that name in the first lines{instead}"
            raise Unreadable(message, 1)
        message = f"expected a column {name!r}, got none of that name in the header{instead}"
        raise BadInput(message)

    def has(self, name: str) -> bool:
        """Whether there is such a column."""
        try:
            self.place(name)
        except BadInput:
            return False
        return True
