"""
In which letters a statement message is written: no message says it, and banks write code pages of their own.

Where nobody named one, each line is UTF-8 where it can be, else Windows-1252. Which other page a file is in cannot be
told from it, and is not guessed. That it is in another one sometimes shows: by a byte that Windows-1252 does not have,
by a sign within a word (``wp³ata``), by a word of nothing but accented letters (``Ïëàòåæ``); then that is reported.
"""

import codecs
import re
from collections.abc import Iterable, Iterator

from tieout.model.problems import Problem

__all__ = ["Letters", "decoded", "marked_blocks"]

# Signs that are letters in the code pages of other countries (cp1250, cp852, cp437, ISO 8859-2), and in Windows-1252
# no sign that anybody writes between two letters (some: nor in front of them); quotes, dashes and the signs of "numero" are left out.
_SIGN_WITHIN = re.compile(r"[^\W\d_]+[ˆ˜†‡‰¡¢£¤¥¦¨¬¯±³¶¸¹¼½¾¿][^\W\d_]+|(?<!\w)[£¥¦¬¯±³¹][^\W\d_]{2,}")  # noqa: RUF001 - these signs are meant
# What Cyrillic, Greek and Hebrew become: no language of Windows-1252 has five letters with accents in a row.
_ACCENTS_ALONE = re.compile(r"\b[À-ÖØ-öø-ÿ]{5,}\b")
# One word may be an accident.
_WORDS_LEAST = 3
_QUOTE = 40
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UTF8 = frozenset({"utf-8", "utf-8-sig"})


def marked_blocks(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Give a file that begins with the mark of UTF-16 as UTF-8 with its mark, block by block; any other as it is."""
    decoder: codecs.IncrementalDecoder | None = None
    begun = False
    for block in blocks:
        if not begun and block.startswith(_UTF16_MARKS):
            decoder = codecs.getincrementaldecoder("utf-16")("replace")
            yield codecs.BOM_UTF8
        begun = True
        if decoder is None:
            yield block
        elif text := decoder.decode(block):
            yield text.encode("utf-8", "replace")


def decoded(line: bytes) -> str:
    """Turn bytes into text without ever failing: UTF-8 where it is, else Windows-1252, else Latin-1."""
    for encoding in ("utf-8", "cp1252"):
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            continue
    return line.decode("latin-1")


class Letters:
    """Turns the lines of one file into text, and keeps what looks wrong about its letters."""

    def __init__(self, encoding: str | None = None) -> None:
        """Begin a file; ``encoding`` is the code page that somebody named, None: nobody did."""
        self.encoding = encoding
        # Of a named page: where a byte stands that it does not have, and where the lines are that are UTF-8 as well.
        self._strange: tuple[int, int] | None = None
        self._utf8_line: int | None = None
        self._other_lines = 0
        # Where nobody named one: a line with a byte that is in none, and words that look wrong with the first's line.
        self._words = 0
        self._first: tuple[int, str] | None = None
        self._certain: tuple[int, int] | None = None

    def text(self, line: bytes, number: int) -> str:
        """Turn a line into text without ever failing; ``number`` is its own, from 1."""
        if line.isascii():
            return line.decode("ascii")
        if number == 1 and line.startswith(codecs.BOM_UTF8):
            self.encoding = None  # the mark says how the file is written
        return self._named(line, number, self.encoding) if self.encoding else self._unnamed(line, number)

    def problems(self) -> list[Problem]:
        """Say at the end of the file what looks wrong about its letters."""
        if self._strange is not None:
            line, byte = self._strange
            message = (
                f"expected text in {self.encoding}, as tieout.toml says, got a byte that it does not have (0x{byte:02x}):"
                " name the code page that the bank writes as 'encoding' of the source"
            )
            return [Problem(message=message, line=line)]
        is_utf8 = codecs.lookup(self.encoding or "utf-8").name in _UTF8
        if self._utf8_line is not None and not self._other_lines and not is_utf8:
            message = (
                f"expected text in {self.encoding}, as tieout.toml says, got a file of which each line is UTF-8:"
                " leave out 'encoding' of the source if its letters look wrong"
            )
            return [Problem(message=message, line=self._utf8_line, at_ingest=True)]
        return self._looks_wrong()

    def _looks_wrong(self) -> list[Problem]:
        if self._certain is not None:
            line, byte = self._certain
            got = f"a byte that is neither (0x{byte:02x})"
        elif self._first is not None and self._words >= _WORDS_LEAST:
            line, got = self._first[0], f"{self._words} words such as {self._first[1]!r}"
        else:
            return []
        message = (
            f"expected letters in UTF-8 or Windows-1252, got {got}: if the bank writes another code page, name it as"
            ' \'encoding\' of the source in tieout.toml (such as "cp1250", "cp1251" or "cp852"), and replay what was read'
        )
        return [Problem(message=message, line=line, at_ingest=True)]

    def _named(self, line: bytes, number: int, encoding: str) -> str:
        """Read a line in the page that somebody named: it is what the file is in, even where the bytes are UTF-8, too."""
        try:
            line.decode("utf-8")
            self._utf8_line = self._utf8_line or number
        except UnicodeDecodeError:
            self._other_lines += 1
        try:
            return line.decode(encoding)
        except UnicodeDecodeError as error:
            self._strange = self._strange or (number, line[error.start])
            return line.decode(encoding, "replace")

    def _unnamed(self, line: bytes, number: int) -> str:
        try:
            return line.decode("utf-8")
        except UnicodeDecodeError:
            pass
        try:
            text = line.decode("cp1252")
        except UnicodeDecodeError as error:
            self._certain = self._certain or (number, line[error.start])
            return line.decode("latin-1")
        for word in (*_SIGN_WITHIN.finditer(text), *_ACCENTS_ALONE.finditer(text)):
            self._words += 1
            self._first = self._first or (number, word[0][:_QUOTE])
        return text
