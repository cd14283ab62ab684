"""
How a source's deliveries are read: which format or mapping, with what it needs to know of the workspace.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from tieout.config import account_for
from tieout.errors import BadInput, Broken, TieoutError, WrongUse
from tieout.formats.reading import Head, ReadOptions, refusal
from tieout.intake.contents import Digesting
from tieout.intake.derive import Owner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tieout.config import Source, Workspace
    from tieout.formats.reading import Chunk, Format

__all__ = ["HEAD_BYTES", "Reader", "owner_of", "reader_for"]

HEAD_BYTES = 65_536
# What a mapping reads as text.
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
_PLAIN = ("csv", "tsv", "jsonl", "fixed")
# What a bank may pack into one container: each file in it is read as what it is.
_PACKED_TOGETHER = (("camt.052", "camt.053", "camt.054"), ("mt940", "mt942"))
# Formats whose reports give moments, not days of the account.
_MOMENTS = ("stripe.", "adyen.")


@dataclass(frozen=True, slots=True)
class Reader:
    """
    What reads a source's deliveries.

    :ivar text: the mapping's text, None for a format that ships: kept, so that the reading can be repeated.
    """

    format: Format
    options: ReadOptions
    text: str | None

    @property
    def digest(self) -> str | None:
        """Name the mapping's text."""
        return hashlib.sha256(self.text.encode()).hexdigest() if self.text is not None else None

    @property
    def is_mapping(self) -> bool:
        """Whether a mapping of the workspace reads it."""
        return self.text is not None

    @property
    def encoding(self) -> str:
        """Of its files' text, where a mapping or the source says so."""
        from tieout.formats.tabular import MappingFormat

        return (
            self.format.mapping.dialect.encoding
            if isinstance(self.format, MappingFormat)
            else self.options.encoding or "utf-8"
        )

    def members(
        self, stream: BinaryIO, name: str, digests: dict[str, str] | None = None
    ) -> Iterator[tuple[str | None, Iterator[Chunk]]]:
        """
        Read a delivery: for each file in it, its name (None unless it came in a ZIP) and its chunks.

        A file that is no such format, or a container that breaks its limits, is refused.

        :param digests: takes the SHA-256 of each file that came in a container, by name (empty unless in a ZIP).
        """
        from tieout.formats.containers import open_members

        try:
            for member, part in open_members(stream, name):
                if digests is None or part is stream:
                    yield member, self._chunks(part, member or name, packed=member is not None)
                    continue
                content = Digesting(part)
                yield member, self._chunks(content.stream, member or name, packed=member is not None)
                digest = content.digest()
                if digest is not None:
                    digests[member or ""] = digest
        except BadInput as error:
            yield None, iter([refusal(str(error))])

    def _packed_with(self, head: Head) -> Format:
        """Give the format of a file in a container: the source's, or one that banks pack together with it."""
        from tieout.formats.registry import format_of

        kin = next((formats for formats in _PACKED_TOGETHER if self.format.id in formats), ())
        claimed = (form for form in (self.format, *map(format_of, kin)) if form.identify(head) is not None)
        return next(claimed, self.format)

    def _is_something_else(self, head: bytes) -> bool:
        """Whether a mapping was given what is no table by its first bytes: a column that it lacks would say little."""
        from tieout.formats._appearance import marked
        from tieout.formats.tabular import MappingFormat

        if not self.is_mapping or not isinstance(self.format, MappingFormat):
            return False
        # Of workbooks the reader of tables says what to do with them.
        return self.format.mapping.format in _PLAIN and marked(head) is not None and not head.startswith(_WORKBOOKS)

    def _chunks(self, stream: BinaryIO, name: str, *, packed: bool) -> Iterator[Chunk]:
        try:
            head, whole = _peek(stream)
            form = self._packed_with(Head(name, head)) if packed and not self.is_mapping else self.format
            version = form.identify(Head(name, head)) if not self.is_mapping else form.id
            if version is None or self._is_something_else(head):
                yield refusal(_not_this(self.format.id, name, head))
                return
            first = True
            for chunk in form.read(whole, self.options):
                if first:
                    chunk.version = chunk.version or version
                    first = False
                yield chunk
        except BadInput as error:
            yield refusal(str(error))
        except (TieoutError, OSError, MemoryError):
            raise
        except Exception as error:
            message = (
                f"tieout itself failed to read {name} ({type(error).__name__}): the file is kept and will be read by the"
                " next `tieout ingest` after an update; please report it"
            )
            raise Broken(message) from error


def _peek(stream: BinaryIO) -> tuple[bytes, BinaryIO]:
    """Look at the beginning of a file without losing it."""
    if stream.seekable():
        head = stream.read(HEAD_BYTES)
        stream.seek(0)
        return head, stream
    from tieout.formats.containers import with_head

    return with_head(stream, HEAD_BYTES)


def _not_this(expected: str, name: str, head: bytes) -> str:
    from tieout.formats._appearance import appearance
    from tieout.formats.registry import identify

    if not head.strip():
        return f"expected {expected}, got an empty file ({name})"
    found = identify(Head(name, head))
    seen = f"{found[1]}: is it another source's?" if found else appearance(Head(name, head))
    return f"expected {expected}, got {seen} ({name})"


def reader_for(workspace: Workspace, source: Source, text: str | None = None) -> Reader:
    """
    Say how a source is read.

    :param text: the mapping's text, where another than the one in its file is meant.
    :raises WrongUse: there is no such format, the mapping has a fault, or the source has a connector only.
    """
    options = ReadOptions(
        timezone=_timezone(workspace, source), currency=_currency(workspace, source), encoding=source.encoding
    )
    if source.mapping is not None:
        from tieout.formats.tabular import MappingFormat, check_mapping, parse_mapping

        text, todays = (workspace.text_of(source.mapping), True) if text is None else (text, False)
        mapping = parse_mapping(text, source.mapping)
        if todays:  # a past one is read with, whatever it lacked
            check_mapping(mapping, options)
        return Reader(MappingFormat(mapping), options, text)
    if source.format is not None:
        from tieout.formats.registry import format_of

        try:
            form = format_of(source.format)
        except WrongUse as error:
            message = f"tieout.toml, [[source]] {source.id!r}, format: {error}"
            raise WrongUse(message) from None
        if source.encoding is not None and not getattr(form, "takes_encoding", False):
            message = (
                f"tieout.toml, [[source]] {source.id!r}: expected no 'encoding' beside {source.format}, whose files say"
                f" themselves how they are written, got {source.encoding!r}: leave it out"
            )
            raise WrongUse(message)
        return Reader(form, options, None)
    message = f"source {source.id!r} is fed by the connector {source.connector!r}, which does not take files"
    raise WrongUse(message)


def _timezone(workspace: Workspace, source: Source) -> str:
    """Give the zone in which the source's moments become days: its accounts' where they agree, else its own."""
    home = workspace.home(source.id)
    zones = {account.timezone for account in workspace.accounts if account.source == home.id}
    if len(zones) > 1 and (source.format or "").startswith(_MOMENTS):
        message = (
            f"tieout.toml: expected the accounts of source {source.id!r} in one time zone, got {', '.join(sorted(zones))}:"
            " its reports give moments, which become days in the account's zone; give each account a source of its own"
        )
        raise WrongUse(message)
    return zones.pop() if len(zones) == 1 else home.timezone


def _currency(workspace: Workspace, source: Source) -> str | None:
    """Give the currency where a file states none: the source's, else its accounts' where they agree."""
    home = workspace.home(source.id)
    currencies = {account.currency for account in workspace.accounts if account.source == home.id}
    return source.currency or home.currency or (currencies.pop() if len(currencies) == 1 else None)


def owner_of(workspace: Workspace, source: Source, number: str | None, currency: str) -> tuple[Owner, bool]:
    """
    Find whose an account is; False: no declared account fits, and a person must say.
    """
    account = account_for(workspace, source.id, number, currency)
    if account is None:
        return Owner(source.entity, number or f"{workspace.home(source.id).id}/{currency}"), False
    return Owner(account.entity, account.id), True
