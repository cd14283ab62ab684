"""
What a file looks like to somebody who opens it, for the sentence that says why no format reads it.
"""

from __future__ import annotations

import codecs
import csv
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tieout.formats.reading import Head

__all__ = ["appearance", "columns_of", "marked", "may_be_table"]

_MARKS = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "an Office document (such as an Excel workbook)"),
    (b"\xd0\xcf\x11\xe0", "an old Office document (such as an .xls workbook; save it as .xlsx or CSV)"),
    (b"\x89PNG", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF8", "a picture (GIF)"),
    (b"II*\0", "a picture (TIFF)"),
    (b"MM\0*", "a picture (TIFF)"),
    (b"BM", "a picture (BMP)"),
    (b"RIFF", "a picture or a sound (RIFF)"),
    (b"7z\xbc\xaf", "a 7-Zip archive (unpack it, or use ZIP or gzip)"),
    (b"Rar!", "a RAR archive (unpack it, or use ZIP or gzip)"),
    (b"BZh", "a bzip2 file (unpack it, or use ZIP or gzip)"),
    (b"\xfd7zXZ", "an xz file (unpack it, or use ZIP or gzip)"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file (unpack it, or use ZIP or gzip)"),
    (b"PAR1", "a Parquet table"),
    (b"SQLite format 3", "an SQLite database"),
    (b"-----BEGIN PGP", "an encrypted or signed file (PGP)"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
)
_TABLES = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"PAR1")
_SURE_BYTES = 4
_TAR_MARK = slice(257, 262)
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_ROOT = re.compile(r"<(?![?!])(?:([\w.-]+):)?([\w.-]+)([^<>]*)")
_JSON = re.compile(r"""\s*(?:\{\s*["}]|\[\s*(?:["{\[\]]|-?\d|true|false|null))""")
_ENCODING = re.compile(r"""<\?xml[^>]*\sencoding\s*=\s*["']([\w.-]{1,40})""")
_HTML = re.compile(r"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_TEXT_CONTROL = frozenset(range(32)) - {9, 10, 12, 13, 0x1A}
_CONTROL_SHARE = 0.02
_DELIMITERS = ",;\t|"
_LINES_SEEN = 30
_COLUMNS_MAX = 500
_COLUMN_LENGTH_MAX = 100
_NAMES_SHOWN, _NAME_SHOWN = 12, 40


def appearance(head: Head) -> str:
    """Say what a file looks like: ``"a PDF document"``, ``"a text table with the columns ..."``. Never raises."""
    data = head.data
    if not data:
        return "an empty file"
    if not data.strip(b" \t\r\n\0"):
        return "a file of blanks"
    what = marked(data)
    if what is not None:
        return what
    if data[_TAR_MARK] == b"ustar":
        return "a tar archive (unpack it, or use ZIP or gzip)"
    text = _decoded(data)
    return "a binary file" if text is None else _text_appearance(text)


def columns_of(head: Head) -> list[str]:
    """Name the columns of a file that looks like a text table; none if it does not."""
    text = _decoded(head.data) if marked(head.data) is None else None
    if text is None or text.lstrip().startswith("<") or _JSON.match(text):
        return []
    table = _table(text)
    return [name for name in table[1] if name] if table else []


def may_be_table(head: Head) -> bool:
    """Say whether a mapping may read a file of no known format: a text that is no XML, a workbook or a Parquet table."""
    if marked(head.data) is not None:
        return head.data.startswith(_TABLES)
    text = _decoded(head.data)
    return text is not None and bool(text.strip()) and not text.lstrip().startswith("<")


def marked(data: bytes) -> str | None:
    """Say what the first bytes mark a file as; marks of two letters may also begin a text."""
    found = next(((mark, what) for mark, what in _MARKS if data.startswith(mark)), None)
    return None if found is None or (len(found[0]) < _SURE_BYTES and _is_text(data)) else found[1]


def _is_text(data: bytes) -> bool:
    return _decoded(data) is not None


def _decoded(data: bytes) -> str | None:
    """Decode a beginning as text; None if it is none."""
    encoding = next((name for bom, name in _BOMS if data.startswith(bom)), None)
    if encoding == "utf-16":
        return data[: len(data) // 2 * 2].decode(encoding, "replace")
    if sum(byte in _TEXT_CONTROL for byte in data[:4096]) > _CONTROL_SHARE * len(data[:4096]):
        return None
    try:
        return codecs.getincrementaldecoder(encoding or "utf-8")().decode(data)
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _text_appearance(text: str) -> str:
    if _HTML.match(text):
        return "a web page (HTML): perhaps a login page instead of the download"
    start = text.lstrip()
    if start.startswith("<"):
        return _xml_appearance(start)
    if _JSON.match(start):
        return "JSON of a kind that it does not know"
    table = _table(text)
    if table is not None:
        delimiter, columns = table
        names = ", ".join(_shown(name) for name in columns[:_NAMES_SHOWN])
        more = f" and {len(columns) - _NAMES_SHOWN} more" if len(columns) > _NAMES_SHOWN else ""
        sign = "tabs" if delimiter == "\t" else repr(delimiter)
        return f"a text table separated by {sign} with the columns {names}{more}"
    return f"text that begins {_shown(start.partition(chr(10))[0])}"


def _xml_appearance(text: str) -> str:
    root = _ROOT.search(text)
    if root is None:
        return "XML without any element"
    prefix, name, attributes = root.groups()
    space = re.search(rf"""xmlns{":" + re.escape(prefix) if prefix else ""}\s*=\s*["']([^"']*)""", attributes)
    said = f"XML with the root <{name[:_NAME_SHOWN]}>" + (f" in {space[1][:100]}" if space else "")
    stated = _ENCODING.match(text)
    # A file that states a wrong encoding is no XML for any parser: the statement is the thing to look at.
    return said + (f" that states the encoding {stated[1]}" if stated and stated[1].lower() != "utf-8" else "")


def _shown(text: str) -> str:
    clean = "".join(sign if sign.isprintable() else "?" for sign in text.strip())
    return repr(clean if len(clean) <= _NAME_SHOWN else clean[:_NAME_SHOWN] + "...")


def _table(text: str) -> tuple[str, list[str]] | None:
    """
    Find the header of a text table: (delimiter, column names), or None if the text is no table.

    The header is the first row that is as wide as the widest of the first rows, of the delimiter that gives the most
    columns; a title above it is passed over.
    """
    lines = [line for line in text.splitlines()[:_LINES_SEEN] if line.strip()]
    best: tuple[str, list[str]] | None = None
    for delimiter in _DELIMITERS:
        rows = _rows(lines, delimiter)
        width = max(map(len, rows), default=0)
        # One line of a sentence has commas as well: a table is as wide again in its next row.
        steady = sum(len(row) == width for row in rows) >= min(2, len(lines))
        if width > (len(best[1]) if best else 1) and steady:
            header = next(row for row in rows if len(row) == width)
            if width <= _COLUMNS_MAX and all(len(name) <= _COLUMN_LENGTH_MAX for name in header):
                best = delimiter, [name.strip() for name in header]
    return best


def _rows(lines: list[str], delimiter: str) -> list[list[str]]:
    try:
        return list(csv.reader(lines, delimiter=delimiter))
    except csv.Error:
        return []
