"""
ISO 20022 bank statements: camt.053 (statement), camt.052 (intraday report), camt.054 (debit and credit notification).

Every version is read, by local names; the namespace only tells the version. Also documents without a namespace, and
documents inside an envelope (a business message with its header, SOAP, the body of Italy's CBI). What a bank leaves out
is not a fault; what contradicts itself is.

The file streams through libxml2, and each entry is dropped from memory once it is read; only the transactions of one
entry are held together. Entries that repeat the markup of one before are not parsed again (``repeats``).
Entities are never resolved, nothing is loaded from elsewhere, a DOCTYPE is refused.

Source: ISO 20022, message definition reports "Bank-to-Customer Cash Management", versions 1 to 14.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from lxml import etree

from tieout.formats.camt.reader import Reader
from tieout.formats.camt.xml import Refused, elements, family_of, pull_parser
from tieout.formats.reading import Chunk, Head, ReadOptions, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CAMT_052", "CAMT_053", "CAMT_054", "CamtFormat"]

#: How many elements may stand before the message, in an envelope.
_ENVELOPE_MAX = 1_000


@dataclass(frozen=True, slots=True)
class CamtFormat:
    """
    One of the three bank-to-customer messages.

    :ivar id: ``camt.052``, ``camt.053`` or ``camt.054``.
    """

    id: str
    system: str = "bank"

    def identify(self, head: Head) -> str | None:
        """Say the exact format with its version (``camt.053.001.08``) if the file is one, else None. Never raises."""
        parser = pull_parser("start")
        # What stands before a fault may be enough; ``read`` says what is wrong.
        with suppress(etree.XMLSyntaxError, ValueError, LookupError):
            parser.feed(head.data.lstrip(b"\xef\xbb\xbf \t\r\n"))  # blanks before it are unusual, no more
        with suppress(etree.XMLSyntaxError):
            for seen, element in enumerate(elements(parser)):
                family = family_of(element)
                if family is not None or seen >= _ENVELOPE_MAX:
                    return family if family is not None and family.startswith(self.id) else None
        return None

    def read(self, stream: BinaryIO, options: ReadOptions) -> Iterator[Chunk]:
        """
        Yield a document's entries, statements and balances in order, at most ``options.batch_rows`` records a chunk.

        A file that cannot be read ends with a chunk that holds a ``refused`` problem: whatever came before it counts
        for nothing.
        """
        reader = Reader(self.id, options)
        try:
            yield from reader.read(stream)
        except Refused as refused:
            yield refusal(f"{self.id}: {refused}", refused.line, refused.column)


CAMT_052 = CamtFormat("camt.052")
CAMT_053 = CamtFormat("camt.053")
CAMT_054 = CamtFormat("camt.054")
