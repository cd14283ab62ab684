"""
The directory of a ZIP file: which files it says it holds, believed only after every entry was looked at.
"""

from __future__ import annotations

import re
import stat
import zipfile
from pathlib import PurePosixPath
from typing import BinaryIO, cast

from tieout.errors import BadInput

__all__ = ["MEMBERS_MAX", "ZIP", "is_office", "open_zip", "read_members", "unreadable"]

#: What a ZIP file begins with: a file, the directory of an empty one, or a piece of a split one.
ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
#: The most files that one container may hold.
MEMBERS_MAX = 10_000

_DIRECTORY_MAX = 4 << 20
_NAME_MAX = 1_000
_ENCRYPTED = 0x1 | 0x40
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_FROM_ROOT = re.compile(r"/|[A-Za-z]:")
# OOXML and OpenDocument: one document in a ZIP file.
_OFFICE = ("[Content_Types].xml", "mimetype")
_MAC_FOLDER, _MAC_FILES = "__MACOSX", (".DS_Store", "._")


class _Bounded:
    """
    What ``zipfile`` reads through: it asks for a whole directory at once, whatever size the file claims.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.seek, self.tell, self.seekable, self._file = file.seek, file.tell, file.seekable, file

    def read(self, size: int = -1) -> bytes:
        if size > _DIRECTORY_MAX:
            message = f"expected a directory of at most {_DIRECTORY_MAX >> 20} MiB, got one of {size} bytes"
            raise BadInput(message)
        return self._file.read(size)


def open_zip(file: BinaryIO, where: str) -> zipfile.ZipFile:
    """
    Read the directory of a ZIP file; the caller's stream stays open.

    :raises BadInput: there is none, or it is damaged or too large.
    """
    try:
        return zipfile.ZipFile(cast("BinaryIO", _Bounded(file)))
    except BadInput as error:
        message = f"{error}: {where}"
        raise BadInput(message) from None
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, EOFError) as error:
        reason = "its directory, which stands at the end, is missing" if "not a zip" in str(error) else str(error)
        message = f"expected a whole ZIP file, got a damaged one or a part of one ({reason}): {where}"
        raise BadInput(message) from error


def is_office(archive: zipfile.ZipFile) -> bool:
    """Say whether a ZIP file is a workbook or another document, which is read as one file."""
    names = archive.NameToInfo
    return any(name in names for name in _OFFICE)


def read_members(archive: zipfile.ZipFile, where: str) -> list[zipfile.ZipInfo]:
    """
    Give the files of a ZIP file in the order of their names, without folders and what macOS adds.

    Of several files of one name the second is called ``name (2)``: their place in the archive tells them apart.

    :raises BadInput: too many, none, or one that must not be opened.
    """
    entries = archive.infolist()
    if len(entries) > MEMBERS_MAX:
        message = f"expected at most {MEMBERS_MAX} files in {where}, got {len(entries)}"
        raise BadInput(message)
    for entry in entries:
        fault = _fault(entry)
        if fault:
            message = f"{fault}: {entry.orig_filename[:_NAME_MAX]!r} in {where}"
            raise BadInput(message)
    files = [entry for entry in entries if not entry.filename.endswith(("/", "\\")) and not _is_mac_junk(entry)]
    if not files:
        message = f"expected at least one file in {where}, got none"
        raise BadInput(message)
    _check_apart(entries, where)
    _name_apart(files)
    return sorted(files, key=lambda entry: entry.filename)


def _name_apart(files: list[zipfile.ZipInfo]) -> None:
    """Call files of one name differently, by their order in the archive's directory."""
    taken = {entry.filename for entry in files}
    seen: set[str] = set()
    for entry in files:
        number = 2
        if entry.filename in seen:
            while (name := f"{entry.filename} ({number})") in taken:
                number += 1
            entry.filename = name
            taken.add(name)
        seen.add(entry.filename)


def _fault(entry: zipfile.ZipInfo) -> str | None:
    """Say what is wrong with one entry of the directory, or None."""
    name = entry.orig_filename.replace("\\", "/")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    faults = {
        f"expected a name of at most {_NAME_MAX} characters, got a longer one": len(name) > _NAME_MAX,
        "expected a name without control characters, got one with them": _CONTROL.search(name) is not None,
        "expected a relative path, got one from the root": _FROM_ROOT.match(name) is not None,
        "expected a path that stays inside, got one that leads out": ".." in PurePosixPath(name).parts,
        "expected files, got a link or a device": kind not in {0, stat.S_IFREG, stat.S_IFDIR},
    }
    return next((sentence for sentence, found in faults.items() if found), None)


def unreadable(entry: zipfile.ZipInfo) -> str | None:
    """Say why a file cannot be unpacked, or None; the others beside it can."""
    if entry.flag_bits & _ENCRYPTED:
        return "expected files without a password, got an encrypted one"
    if entry.compress_type not in _METHODS:
        return "expected the compression of every ZIP program (deflate), got another"
    return None


def _is_mac_junk(entry: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(entry.filename)
    return _MAC_FOLDER in path.parts or path.name.startswith(_MAC_FILES)


def _check_apart(entries: list[zipfile.ZipInfo], where: str) -> None:
    """Refuse files that share their bytes (a small bomb that looks like many files)."""
    end = -1
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset < end:
            message = f"expected files that lie apart, got overlapping ones: {entry.filename!r} in {where}"
            raise BadInput(message)
        end = entry.header_offset + entry.compress_size
