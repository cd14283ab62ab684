"""
Adyen's settlement details report (CSV, TSV, XLSX) and payment accounting report (CSV, TSV).

Users choose columns beyond the standard ones, their order changes, and the header may stand below a title. One row is
one record; both reports give one line of a payment the same identity (see ``mapping``).

Sources: Adyen's documentation of both reports (columns, journal types, record types).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO

from tieout.formats._columns import Columns
from tieout.formats._peek import HEAD_BYTES, peek
from tieout.formats.adyen.mapping import accounting_mapping, settlement_mapping
from tieout.formats.tabular import FIND_HEADER, CsvDialect, Mapping, header_of, read_table

if TYPE_CHECKING:
    from tieout.formats.reading import Chunk, Head, ReadOptions

__all__ = ["AdyenPaymentsAccounting", "AdyenSettlementDetail"]

_ZIP = b"PK\x03\x04"
_LOCAL_HEADER_BYTES = 30
_MEMBER_MAX = 4 << 20  # of a workbook's member, unpacked, for a look at its header


class _AdyenReport:
    """
    Reads one of Adyen's reports.

    :cvar named: how Adyen's names of its files begin.
    :cvar marks: the columns that a header is known by, as Adyen writes them.
    :cvar money: columns of which it has at least one.
    :cvar build: makes the mapping from the header.
    """

    id: str
    system = "adyen"
    takes_encoding = True
    named: str
    marks: tuple[str, ...]
    money: tuple[str, ...]
    build: Callable[[tuple[str, ...], ReadOptions], Mapping]

    def identify(self, head: Head) -> str | None:
        """Say this format's id if the header has its columns, else None."""
        is_workbook = head.data.startswith(_ZIP)
        if is_workbook and len(head.data) >= HEAD_BYTES:
            # The end of a larger workbook is not here: what texts are, or the name that Adyen gave it, must do.
            return self.id if self.named in head.name.lower() or _holds(head.data, self.marks) else None
        header = header_of(head, self._shape(head.data))
        if header is None:
            return None
        columns = Columns.of(header)
        marked = set(Columns.of(self.marks).names) <= columns.names.keys()
        return self.id if marked and columns.all(*Columns.of(self.money).names) else None

    def read(self, stream: BinaryIO, options: ReadOptions) -> Iterator[Chunk]:
        """Yield the rows as Arrow tables, the sums of the net columns in the last chunk."""
        data, whole = peek(stream)
        build = type(self).build
        return read_table(whole, options, self._shape(data, options.encoding), lambda header: build(header, options))

    def _shape(self, data: bytes, encoding: str | None = None) -> Mapping:
        """How to open the file: a workbook, or text with the delimiter that its header shows."""
        return Mapping(
            id=self.id,
            format="xlsx" if data.startswith(_ZIP) else "csv",
            dialect=CsvDialect(delimiter="auto", encoding=encoding or "utf-8"),
            identify=self.marks,
            header_row=FIND_HEADER,
        )


class AdyenSettlementDetail(_AdyenReport):
    """What was settled, batch by batch: every line that changed what Adyen pays out."""

    id = "adyen.settlement_detail"
    named = "settlement_detail"
    marks = ("Merchant Account", "Type", "Net Currency")
    money = ("Net Credit (NC)", "Net Debit (NC)")
    build = staticmethod(settlement_mapping)


class AdyenPaymentsAccounting(_AdyenReport):
    """The life of every payment, event by event, with the costs of each."""

    id = "adyen.payments_accounting"
    named = "payments_accounting"
    marks = ("Merchant Account", "Psp Reference", "Record Type")
    money = ("Payable (SC)", "Captured (PC)", "Authorised (PC)", "Received (PC)", "Main Amount")
    build = staticmethod(accounting_mapping)


def _holds(data: bytes, names: tuple[str, ...]) -> bool:
    """Whether texts stand in the members of a ZIP file's beginning, unpacked as far as it goes."""
    found = b"".join(_members(data))
    return all(name.encode() in found for name in names)


def _members(data: bytes) -> Iterator[bytes]:
    """The unpacked beginnings of a ZIP file's members; whatever is broken ends it."""
    at = 0
    while data[at : at + 4] == _ZIP:
        name_bytes = int.from_bytes(data[at + 26 : at + 28], "little")
        extra_bytes = int.from_bytes(data[at + 28 : at + 30], "little")
        start = at + _LOCAL_HEADER_BYTES + name_bytes + extra_bytes
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            yield inflate.decompress(data[start:], _MEMBER_MAX)
        except zlib.error:
            return
        if not inflate.eof:
            return
        at = data.find(_ZIP, len(data) - len(inflate.unused_data))
        if at < 0:
            return
