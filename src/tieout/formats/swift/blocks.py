"""
The SWIFT blocks around a message: its type, and the bank that sent it.

Source: SWIFT User Handbook, "FIN System Messages": block 1 ``{1:F01BANKDEFFAXXX...}``, block 2 as the sender wrote it
``{2:I940...}`` (then block 1 names the bank) or as it was delivered ``{2:O940hhmmYYMMDDBANKDEFFAXXX...}``.
"""

import re
from dataclasses import dataclass

__all__ = ["MESSAGE_FORMATS", "Envelope", "message_types"]

#: The message types that are statements, and the format that reads them.
MESSAGE_FORMATS = {"940": "mt940", "941": "mt940", "950": "mt940", "942": "mt942"}

_TYPE = re.compile(r"\{2:[IO](\d{3})")
_BANK = r"([A-Z]{6}[A-Z0-9]{2})"
_SENT_BY = re.compile(r"\{1:[A-Z]\d\d" + _BANK + r"[A-Z0-9]([A-Z0-9]{3})")
_SENT_FROM = re.compile(r"\{2:O\d{3}(?:\d{10})?" + _BANK + r"[A-Z0-9]?([A-Z0-9]{3})?")


def message_types(text: str) -> list[str]:
    """List the message types that SWIFT blocks in a text name, in order."""
    return _TYPE.findall(text)


@dataclass(slots=True)
class Envelope:
    """
    What is known of a message before its first field.

    :ivar message_type: three digits, or empty.
    :ivar servicer: the bank's code (BIC), 8 or 11 characters.
    :ivar blocks: whether there are SWIFT blocks at all.
    """

    message_type: str = ""
    servicer: str | None = None
    blocks: bool = False

    def add(self, text: str) -> None:
        """Take a line with blocks."""
        self.blocks = True
        kind, delivered, written = _TYPE.search(text), _SENT_FROM.search(text), _SENT_BY.search(text)
        if kind:
            self.message_type = kind[1]
        bank = delivered or (None if self.servicer else written)
        if bank:
            branch = bank[2] or ""
            self.servicer = bank[1] + ("" if branch.strip("X") == "" else branch)
