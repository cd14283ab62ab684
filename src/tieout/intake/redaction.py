"""
A copy of a delivery without its card numbers, made of what it says, however that is packed or encoded.

Text is masked where it stands, in any encoding, and with the escapes that JSON and XML know for digits; digits of other
scripts in UTF-8 and in the encoding that a mapping says. What gzip or ZIP
holds is unpacked, masked and packed again under the same names; a workbook is masked part by part, Parquet column by
column. The same delivery gives the same copy, so that a crash between two steps leaves nothing twice.
"""

from __future__ import annotations

import codecs
import gzip
import io
import re
import shutil
import tempfile
import zipfile
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from functools import lru_cache
from typing import IO, TYPE_CHECKING, BinaryIO, cast

from tieout.errors import BadInput
from tieout.formats._inflating import GZIP, GzipReader, MemberReader, Meter
from tieout.formats._zip_directory import ZIP, is_office, open_zip, read_members
from tieout.formats.containers import with_head
from tieout.intake.card_numbers import DIGITS_MAX, DIGITS_MIN, OTHER_DIGITS, WIDE_SIGNS, digits_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


__all__ = ["Mask", "mask_of", "redact"]

_WINDOW = 1 << 20
_REACH = 4096  # longer than any card number with escapes, blanks and line breaks
_IN_MEMORY = 1 << 24
_PARQUET = b"PAR1"
_EPOCH = (1980, 1, 1, 0, 0, 0)
# What may stand between two digits of one number, in UTF-8, Latin-1, UTF-16 and UTF-32 (zeros), or as an escape.
_ESCAPED = (
    rb"\\u00(?:20|2[dDeEfF]|5[fF]|[aA]0)|\\u20(?:07|13|2[fF])|\\/"
    rb"|&#(?:32|45|46|47|95|160|8211|x20|x2[dDeEfF]|x5[fF]|x[aA]0|x2013);"
)
# \x96 is the dash of Windows-1252, which \xe2\x80\x93 and \x13\x20 are as well.
_BLANK = (
    rb"(?:[ ._/\-\xa0\x96]|\xc2\xa0|\xe2\x80[\x87\x93\xaf]|[\x07\x13\x2f]\x20|\x20[\x07\x13\x2f]|"
    + _ESCAPED
    + rb")\x00{0,3}"
)
# A line that was wrapped within it (indented, in XML), or a subfield of MT940 that begins there.
_WRAPPED = rb"(?:\r\x00{0,3})?(?:\n\x00{0,3})?(?:[ \t]\x00{0,3}){0,64}(?:\?[2-6][0-9])?"
_JSON = re.compile(rb"(?:\xef\xbb\xbf)?\s*[\[{]")
# The value of a key that was a number before it was masked: behind a quote that ends a text, and a colon.
_JSON_NUMBER = re.compile(rb'((?<=[^\\\s:,\[{])"\s*:\s*)(-?[0-9.]*\*[0-9.*]*[0-9])(?=[\s,}])')
# A cell of a sheet that holds a number: masked, it is a text.
_CELL = re.compile(rb"<c\b([^<>]*)>(\s*<v>[^<>]*\*[^<>]*</v>)")


@dataclass(frozen=True, slots=True)
class _Digits:
    """
    How digits are written in some bytes.

    :ivar run: finds digits that follow each other, with what may stand between them; ``token`` each of a run.
    :ivar values: of each spelling that is more than ours, in lower case, our digit.
    :ivar stars: what a spelling becomes where that is more than one byte.
    """

    run: re.Pattern[bytes]
    token: re.Pattern[bytes]
    values: dict[bytes, bytes]
    stars: dict[bytes, bytes]


@lru_cache(maxsize=8)
def _digits_in(encoding: str) -> _Digits:
    """Learn how digits of all scripts are written in UTF-8, in another encoding, and as JSON and XML escape them."""
    values: dict[bytes, bytes] = {}
    stars: dict[bytes, bytes] = {}
    between: list[bytes] = []
    for sign, digit in [*OTHER_DIGITS.items(), *((ours, ours) for ours in "0123456789")]:
        value, pair = digit.encode(), sign.encode("utf-16-be").hex()
        escapes = [
            f"&#{ord(sign)};",
            f"&#x{ord(sign):x};",
            "".join(f"\\u{pair[n : n + 4]}" for n in range(0, len(pair), 4)),
        ]
        values |= dict.fromkeys([escape.encode() for escape in escapes], value)
        if sign != digit:
            values |= {written.lower(): value for written in _spellings(sign, encoding)}
            stars |= dict.fromkeys(_spellings(sign, encoding)[1:], "*".encode(encoding))
    for sign in WIDE_SIGNS:
        between += [*_spellings(sign, encoding), f"&#{ord(sign)};".encode(), f"\\u{ord(sign):04x}".encode()]
    others, wide = _one_of(values), _one_of(between)
    one = rb"(?:[0-9]|" + others + rb")"
    blank = rb"(?:" + _BLANK + rb"|" + wide + rb")"
    return _Digits(
        re.compile(one + rb"(?:\x00{0,3}" + blank + rb"{0,3}" + _WRAPPED + one + rb"){12,}+"),
        re.compile(rb"(?s)(" + others + rb"|(?<!\?)(?<!\?[2-6])[0-9])|" + _ESCAPED + rb"|" + wide + rb"|."),
        values,
        stars,
    )


def _spellings(sign: str, encoding: str) -> list[bytes]:
    """
    Write a sign in UTF-8, and in another encoding that knows it.

    A zero in it could be one that belongs to a digit of ours, so that such a spelling is left out.
    """
    plain = sign.encode()
    own = sign.encode(encoding, "ignore")
    return [plain] if own in {b"", plain} or 0 in own else [plain, own]


def _one_of(spellings: Iterable[bytes]) -> bytes:
    """Write an expression for some spellings, in any case; those together that differ in one byte."""
    lasts: defaultdict[tuple[bytes, bytes], set[bytes]] = defaultdict(set)
    for written in spellings:
        end = 2 if written.endswith(b";") else 1
        lasts[written[:-end], written[len(written) - end + 1 :]].add(re.escape(written[-end:][:1]))
    each = [re.escape(begin) + b"[" + b"".join(sorted(last)) + b"]" + end for (begin, end), last in lasts.items()]
    firsts = {re.escape(begin[:1]) for begin, _ in lasts}
    # Nearly no byte begins one, which is seen without trying them all.
    return b"(?i:(?=[" + b"".join(sorted(firsts)) + b"])(?:" + b"|".join(each) + b"))"


@dataclass(slots=True)
class Mask:
    """
    What is to be masked, and what was.

    :ivar wanted: the digits of each card number.
    :ivar digits: how digits are written.
    :ivar plain: a table from another encoding of digits to ASCII (EBCDIC), None where they are ASCII.
    :ivar star: what a masked digit becomes.
    """

    wanted: frozenset[bytes]
    digits: _Digits
    plain: bytes | None = None
    star: bytes = b"*"
    found: set[bytes] = field(default_factory=set)

    def __call__(self, data: bytes) -> bytes:
        """Mask the numbers that stand whole in some bytes."""
        seen = data if self.plain is None else data.translate(self.plain)
        pieces, at = [], 0
        for run in self.digits.run.finditer(seen):
            pieces += [data[at : run.start()], self._run(run[0], data[run.start() : run.end()])]
            at = run.end()
        return b"".join([*pieces, data[at:]])

    def _run(self, seen: bytes, data: bytes) -> bytes:
        """Mask within digits that follow each other; all windows are tried."""
        tokens = [token for token in self.digits.token.finditer(seen) if token[1]]
        digits = b"".join(self.digits.values.get(token[1].lower(), token[1]) for token in tokens)
        hidden: set[int] = set()
        for first in range(len(digits) - DIGITS_MIN + 1):
            for end in range(first + DIGITS_MIN, min(first + DIGITS_MAX, len(digits)) + 1):
                if digits[first:end] in self.wanted:
                    self.found.add(digits[first:end])
                    hidden.update(range(first + 6, end - 4))
        pieces, at = [], 0
        for place in sorted(hidden):
            token = tokens[place]
            pieces += [data[at : token.start()], self.digits.stars.get(token[1], self.star)]
            at = token.end()
        return b"".join([*pieces, data[at:]])


def redact(stream: BinaryIO, name: str, numbers: Iterable[str], encoding: str = "utf-8") -> BinaryIO | None:
    """
    Copy a delivery with its card numbers masked: the first six and the last four digits stay.

    :param encoding: of its text, where a mapping says so.
    :return: the copy; None where a number stands nowhere in it as one (it was put together of several columns), so
        that no safe copy can be made.
    """
    mask = mask_of(numbers, encoding)
    copy = cast("BinaryIO", tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115 - given to the caller
    try:
        _copy(stream, name, copy, mask)
    except BadInput:
        mask.found.clear()
    if mask.found != mask.wanted:
        copy.close()
        return None
    copy.seek(0)
    return copy


def mask_of(numbers: Iterable[str], encoding: str = "utf-8") -> Mask:
    """Make what masks these numbers, as they are written in an encoding."""
    plain, star = _of_one_byte(encoding)
    digits = _digits_in("utf-8" if plain is not None else _known(encoding))
    return Mask(frozenset(digits_of(number).encode() for number in numbers), digits, plain, star)


def _known(encoding: str) -> str:
    """Name an encoding without the mark of its order of bytes; UTF-8 where there is none of the name."""
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        return "utf-8"
    return {"utf-16": "utf-16-le", "utf-32": "utf-32-le", "utf-8-sig": "utf-8"}.get(name, name)


def _of_one_byte(encoding: str) -> tuple[bytes | None, bytes]:
    """Give the table to ASCII and the star of an encoding of one byte a sign whose digits are not ASCII's."""
    try:
        digits, star = "0123456789".encode(encoding), "*".encode(encoding)
    except (LookupError, UnicodeError):
        return None, b"*"
    if len(digits) != 10 or digits == b"0123456789":
        return None, b"*"
    signs = (bytes([n]).decode(encoding, "replace") for n in range(256))
    return bytes(ord(sign) if sign.isascii() or sign == "\xa0" else 0xFF for sign in signs), star


def _copy(stream: BinaryIO, name: str, copy: BinaryIO, mask: Mask) -> None:
    """Copy a file or a container; containers inside others are refused as they are when they are read."""
    head, whole = with_head(stream)
    if head.startswith(GZIP):
        with (
            gzip.GzipFile(filename="", mode="wb", fileobj=copy, mtime=0) as packed,
            closing(io.BufferedReader(GzipReader(whole, Meter(name)), _WINDOW)) as content,
        ):
            _copy_file(content, name, cast("IO[bytes]", packed), mask)
        return
    if not head.startswith(ZIP):
        _copy_file(whole, name, copy, mask)
        return
    with open_zip(whole, name) as archive:
        if is_office(archive):
            _copy_parts(archive, archive.infolist(), name, copy, lambda part, to: _copy_text(part, to, mask, _as_text))
        else:
            members = read_members(archive, name)
            named = _masked_names(members, mask)
            _copy_parts(archive, members, name, copy, lambda part, to: _copy_file(part, name, to, mask), named)


def _masked_names(members: list[zipfile.ZipInfo], mask: Mask) -> dict[str, str]:
    """Mask the names of the files in a ZIP file; those that are alike then are told apart by a number."""
    named: dict[str, str] = {}
    taken = {part.filename for part in members}
    for part in members:
        masked = name = mask(part.filename.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")
        number = 2
        while name != part.filename and name in taken:
            name, number = f"{masked} ({number})", number + 1
        taken.add(name)
        named[part.filename] = name
    return named


def _copy_file(stream: BinaryIO, name: str, copy: IO[bytes], mask: Mask) -> None:
    """Copy a file that is no container."""
    head, whole = with_head(stream)
    if head.startswith(GZIP):
        message = f"expected files in the container, got another container: {name}"
        raise BadInput(message)
    if not head.startswith((*ZIP, _PARQUET)):
        _copy_text(whole, copy, mask, _as_json if _JSON.match(head) else _unchanged)
        return
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
        while block := whole.read(_WINDOW):
            file.write(block)
        file.seek(0)
        if head.startswith(_PARQUET):
            from tieout.intake.masked_columns import copy_parquet

            copy_parquet(cast("BinaryIO", file), copy, mask)
            return
        with open_zip(cast("BinaryIO", file), name) as archive:
            if not is_office(archive):
                message = f"expected files in the container, got another container: {name}"
                raise BadInput(message)
            _copy_parts(archive, archive.infolist(), name, copy, lambda part, to: _copy_text(part, to, mask, _as_text))


def _copy_parts(
    archive: zipfile.ZipFile,
    parts: list[zipfile.ZipInfo],
    name: str,
    copy: IO[bytes],
    one: Callable[[BinaryIO, IO[bytes]], None],
    named: Mapping[str, str] | None = None,
) -> None:
    """Pack the parts of a ZIP file again, each as ``one`` copies it; ``named`` gives other names."""
    meter = Meter(name, sum(part.compress_size for part in parts))
    with zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED) as target:
        for part in parts:
            info = zipfile.ZipInfo((named or {}).get(part.filename, part.filename), _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            where = f"{part.filename!r} in {name}"
            with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as plain:
                try:
                    with closing(io.BufferedReader(MemberReader(archive, part, meter, where), _WINDOW)) as content:
                        one(content, cast("IO[bytes]", plain))
                except BadInput as error:  # nobody can read it, and what stands in it must not stay
                    plain.seek(0)
                    plain.truncate()
                    plain.write(f"left out of the copy: {error}".encode())
                plain.seek(0)
                with target.open(info, "w", force_zip64=part.file_size > 1 << 30) as to:
                    shutil.copyfileobj(plain, to)


def _copy_text(stream: BinaryIO, copy: IO[bytes], mask: Mask, then: Callable[[bytes], bytes]) -> None:
    """Copy text block by block; what stands at the end of a block is looked at again with the next."""
    window = b""
    while True:
        part = stream.read(_WINDOW)
        window = then(mask(window + part))
        safe = len(window) if not part else max(0, len(window) - _REACH)
        copy.write(window[:safe])
        window = window[safe:]
        if not part:
            break


def _unchanged(window: bytes) -> bytes:
    return window


def _as_json(window: bytes) -> bytes:
    """Make numbers that were masked texts: JSON knows no others with an asterisk."""
    return _JSON_NUMBER.sub(rb'\1"\2"', window)


def _as_text(window: bytes) -> bytes:
    """Make cells of a sheet whose number was masked cells of text."""

    def text(cell: re.Match[bytes]) -> bytes:
        attributes = cell[1].replace(b' t="n"', b"")
        return cell[0] if b' t="' in attributes else b'<c%b t="str">%b' % (attributes, cell[2])

    return _CELL.sub(text, window)
