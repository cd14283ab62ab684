"""
ISO 20022 bank statements: camt.053 (statement), camt.052 (intraday report), camt.054 (debit and credit notification).

Every version is read, by local names; the namespace only tells the version. Also documents without a namespace, and
documents inside an envelope (a business message with its header, SOAP). What a bank leaves out is not a fault; what
contradicts itself is.

The file streams through libxml2, and each entry is dropped from memory once it is read; only the transactions of one
entry are held together. Entities are never resolved, nothing is loaded from elsewhere, a DOCTYPE is refused.

Source: ISO 20022, message definition reports "Bank-to-Customer Cash Management", versions 1 to 14.
"""

from __future__ import annotations

import re
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from lxml import etree

from tieout.formats._camt_details import Detail, check_single, read_details
from tieout.formats._camt_entries import UnreadableEntry, read_entry
from tieout.formats._camt_plans import DetailPlan, EntryPlan, plan_detail, plan_entry
from tieout.formats._camt_shapes import Shapes, line_of, local_name
from tieout.formats._camt_statements import BALANCES_MAX, StatementReader
from tieout.formats._camt_tallies import Tallies
from tieout.formats.reading import Chunk, Head, ReadOptions, refusal
from tieout.model.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tieout.model.records import Record
    from tieout.model.statements import Balance, Statement

__all__ = ["CAMT_052", "CAMT_053", "CAMT_054", "CamtFormat"]

#: The element that holds a message's statements, without the "V01" that the first version has behind it.
_MESSAGES = {"BkToCstmrAcctRpt": "camt.052", "BkToCstmrStmt": "camt.053", "BkToCstmrDbtCdtNtfctn": "camt.054"}
_STATEMENTS = {"Rpt": "camt.052", "Stmt": "camt.053", "Ntfctn": "camt.054"}
_VERSION = re.compile(r"camt\.05[234]\.\d{3}\.\d{2}")
_TAGS = tuple(f"{{*}}{name}" for name in (*_STATEMENTS, "Bal", "Ntry", "TxDtls"))
_BLOCK = 65_536
#: How much of a file may pass without anything in it that could be read and dropped.
_IDLE_MAX = 64 * 2**20
#: How many elements may stand before the message, in an envelope.
_ENVELOPE_MAX = 1_000


class _Refused(Exception):
    """The file cannot be read as what it claims to be."""

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


def _parser(event: Literal["start", "end"], tags: tuple[str, ...] | None = None) -> etree.XMLPullParser:
    """
    Make a parser that loads nothing, resolves nothing, keeps no comments and has libxml2's own limits.

    Never add ``collect_ids=False`` for speed: it makes libxml2 2.14 load an external DTD in spite of ``load_dtd=False``.
    """
    return etree.XMLPullParser(
        events=(event,),
        tag=tags,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_blank_text=True,
        remove_comments=True,
        remove_pis=True,
    )


def _elements(parser: etree.XMLPullParser) -> Iterator[etree._Element]:
    """Give the elements that the parser has met and nobody has taken yet."""
    events: Any = parser.read_events()  # the stubs do not know that it yields pairs
    for _, element in events:
        yield element


def _family(element: etree._Element) -> str | None:
    """Give the format and version that an element announces by its namespace or name, or None."""
    tag = str(element.tag)
    found = _VERSION.search(tag) if tag.startswith("{") else None
    return found[0] if found else _MESSAGES.get(local_name(element).removesuffix("V01"))


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
        parser = _parser("start")
        # What stands before a fault may be enough; ``read`` says what is wrong.
        with suppress(etree.XMLSyntaxError, ValueError, LookupError):
            parser.feed(head.data)
        with suppress(etree.XMLSyntaxError):
            for seen, element in enumerate(_elements(parser)):
                family = _family(element)
                if family is not None or seen >= _ENVELOPE_MAX:
                    return family if family is not None and family.startswith(self.id) else None
        return None

    def read(self, stream: BinaryIO, options: ReadOptions) -> Iterator[Chunk]:
        """
        Yield a document's entries, statements and balances in order, at most ``options.batch_rows`` records a chunk.

        A file that cannot be read ends with a chunk that holds a ``refused`` problem: whatever came before it counts
        for nothing.
        """
        reader = _Reader(self.id, options)
        try:
            yield from reader.read(stream)
        except _Refused as refused:
            yield refusal(f"{self.id}: {refused}", refused.line, refused.column)


class _Reader:
    """Reads one document: the parser's events become records, statements and problems, handed on in chunks."""

    def __init__(self, family: str, options: ReadOptions) -> None:
        self._family = family
        self._options = options
        self._entries: Shapes[EntryPlan] = Shapes(plan_entry)
        self._details: Shapes[DetailPlan] = Shapes(plan_detail)
        self._tallies = Tallies()
        self._version: str | None = None
        self._statement: StatementReader | None = None
        self._element: etree._Element | None = None
        self._entry: etree._Element | None = None
        self._has_header = False
        self._only: etree._Element | None = None
        self._inside: list[Detail] = []
        self._containers: dict[etree._Element, int] = {}
        self._records: deque[Record] = deque()
        self._statements: list[Statement] = []
        self._balances: list[Balance] = []
        self._problems: list[Problem] = []
        self._statements_read = 0

    def read(self, stream: BinaryIO) -> Iterator[Chunk]:
        """Feed the parser block by block, and hand on what is complete."""
        parser = _parser("end", _TAGS)
        idle = size = 0
        limit = max(1, self._options.batch_rows)
        while block := self._next_block(stream, parser):
            size += len(block)
            idle += len(block)
            for element in _elements(parser):
                idle = 0
                if self._handle(element) and len(self._records) + len(self._problems) >= limit:
                    yield from self._chunks(limit, keep=True)
            if idle > _IDLE_MAX:
                message = f"expected an entry or balance within {_IDLE_MAX >> 20} MiB, got none"
                raise _Refused(message)
        self._finish(parser, size)
        yield from self._chunks(limit, keep=False)

    def _next_block(self, stream: BinaryIO, parser: etree.XMLPullParser) -> bytes:
        block = stream.read(_BLOCK)
        if block:
            try:
                parser.feed(block)
            except (etree.XMLSyntaxError, ValueError, LookupError) as error:
                raise _not_well_formed(error) from error
        return block

    def _finish(self, parser: etree.XMLPullParser, size: int) -> None:
        """Close the parser, and check that there was something to read."""
        if size == 0:
            message = "expected a document, got an empty file"
            raise _Refused(message)
        try:
            root = parser.close()
        except (etree.XMLSyntaxError, ValueError) as error:
            raise _not_well_formed(error) from error
        _refuse_doctype(root)
        if self._statements_read == 0:
            name = next(name for name, family in _STATEMENTS.items() if family == self._family)
            message = f"expected at least one statement ({name}), got none in <{local_name(root)[:40]}>"
            raise _Refused(message, line_of(root))

    def _handle(self, element: etree._Element) -> bool:
        """Take one element that is complete; say whether it was an entry. Namesakes in extensions are not ours."""
        name = local_name(element)
        if name == "TxDtls":
            self._take_detail(element)
        elif name in _STATEMENTS:
            if self._is_ours(element):
                self._end(element)
        else:
            parent = element.getparent()
            if parent is None or not (parent is self._element or self._is_ours(parent)):
                return False
            if name == "Ntry":
                self._take_entry(element)
                return True
            self._take_balance(element)
        return False

    def _is_ours(self, element: etree._Element) -> bool:
        """Say whether this is the statement that is being read; the first thing met in one begins it."""
        if element is not self._element and self._element is None:
            self._begin(element)
        return element is self._element

    def _begin(self, element: etree._Element) -> None:
        name, parent = local_name(element), element.getparent()
        message = None if parent is None else local_name(parent).removesuffix("V01")
        if name not in _STATEMENTS or message not in _MESSAGES:
            return
        _refuse_doctype(element)
        if _STATEMENTS[name] != self._family:
            wanted = next(key for key, family in _STATEMENTS.items() if family == self._family)
            message = f"expected a statement in <{wanted}>, got <{name}>, which is {_STATEMENTS[name]}"
            raise _Refused(message, line_of(element))
        self._version = self._version or _family(element) or self._family
        self._element = element
        self._has_header = False
        final = self._family == "camt.053"
        self._statement = StatementReader(element, final=final, currency=self._options.currency)

    def _end(self, element: etree._Element) -> None:
        reader = self._statement
        assert reader is not None  # noqa: S101 - set together with the element
        statement, balances, problems = reader.finish(element)
        self._statements.append(statement)
        self._balances += balances
        self._problems += problems
        self._tallies.include(reader.tallies)
        self._statements_read += 1
        self._statement = self._element = self._entry = None
        _drop(element)

    def _take_balance(self, element: etree._Element) -> None:
        reader = self._statement
        assert reader is not None  # noqa: S101 - as above
        if len(reader.balances) >= BALANCES_MAX:
            message = f"expected at most {BALANCES_MAX} balances in a statement, got more"
            raise _Refused(message, line_of(element))
        reader.add_balance(element)
        _drop(element)

    def _take_detail(self, element: etree._Element) -> None:
        """Leave an entry's first transaction where it is; with a second one, both are read apart and dropped."""
        if self._only is None and not self._inside:
            self._only = element
        elif self._is_transaction(element):
            only, self._only = self._only, None
            if only is not None and not self._is_transaction(only):
                self._only = element
                return
            if only is not None:
                self._put_aside(only)
            self._put_aside(element)

    def _is_transaction(self, element: etree._Element) -> bool:
        """Say whether this stands in an entry of the statement; in version 1, directly."""
        parent = element.getparent()
        entry = parent if parent is None or local_name(parent) == "Ntry" else parent.getparent()
        if entry is None or local_name(entry) != "Ntry":
            return False
        statement = entry.getparent()
        return statement is not None and self._is_ours(statement)

    def _put_aside(self, element: etree._Element) -> None:
        container = element.getparent()
        assert container is not None  # noqa: S101 - a transaction stands inside an entry
        number = self._containers.setdefault(container, len(self._containers))
        batch = None
        if not any(detail.container == number for detail in self._inside[-1:]):
            batch = (container.findtext("{*}Btch/{*}NbOfTxs") or "").strip() or None
        plan, values = self._details.read(element)
        self._inside.append(Detail(plan, values, line_of(element), number, batch))
        _drop(element)

    def _take_entry(self, element: etree._Element) -> None:
        reader = self._statement
        assert reader is not None  # noqa: S101 - as above
        assert self._element is not None  # noqa: S101 - as above
        if not self._has_header:
            reader.read_header(self._element)
            self._has_header = True
        line, inside = line_of(element), self._inside
        plan, values = self._entries.read(element)
        self._only, self._inside, self._containers = None, [], {}
        # The entry before this one goes; this one stays until the next, as the parser may still be writing behind it.
        if self._entry is not None:
            self._element.remove(self._entry)
        self._entry = element
        try:
            entry = read_entry(reader.account, plan, values, line)
        except UnreadableEntry as error:
            reader.unreadable += 1
            message = f"{error} (in an entry)"
            self._problems.append(Problem(message=message, severity="row", line=line, column=error.column))
            return
        reader.add_entry(entry)
        if entry.unknown_status is not None:
            message = f"expected status BOOK, PDNG, INFO or FUTR, got {entry.unknown_status[:40]!r}; read as pending"
            self._problems.append(Problem(message=message, line=line, column="Sts"))
        if inside:
            record, records, problems = read_details(reader.account, entry, plan, values, inside)
            self._records.append(record)
            self._records += records
            self._problems += problems
            return
        self._records.append(entry.record)
        if plan.detail is not None and plan.detail.direct:
            self._problems += check_single(entry, plan, values)

    def _chunks(self, limit: int, *, keep: bool) -> Iterator[Chunk]:
        """
        Hand on what was read.

        :param keep: more may follow: a remainder below the limit stays, and the totals wait.
        """
        while True:
            count = min(limit, len(self._records))
            records = [self._records.popleft() for _ in range(count)]
            more = bool(self._records)
            chunk = Chunk(
                records=records,
                statements=self._statements,
                balances=self._balances,
                problems=self._problems,
                totals=() if more or keep else self._tallies.totals(),
                rows=count + sum(problem.severity == "row" for problem in self._problems),
                version=self._version,
            )
            self._statements, self._balances, self._problems = [], [], []
            yield chunk
            if not more or (keep and len(self._records) < limit):
                return


def _drop(element: etree._Element) -> None:
    """
    Forget an element's content, and its predecessor of the same name.

    The element itself stays until the next one: the parser may still be writing behind it.
    """
    anything: Any = element  # the stubs do not know keep_tail
    anything.clear(keep_tail=True)
    before = element.getprevious()
    if before is not None and before.tag == element.tag:
        parent = element.getparent()
        if parent is not None:
            parent.remove(before)


def _refuse_doctype(element: etree._Element) -> None:
    about: Any = element.getroottree().docinfo  # the stubs do not know doctype
    if about.doctype:
        message = "expected a document without DOCTYPE, got one: definitions and entities are not accepted"
        raise _Refused(message, 1)


def _not_well_formed(error: Exception) -> _Refused:
    """Say where XML breaks; libxml2's own sentence begins with what it met."""
    if not isinstance(error, etree.XMLSyntaxError):
        message = f"expected well-formed XML, got a document in an unreadable encoding: {error}"
        return _Refused(message)
    line, column = error.position
    what = (error.msg or "it ended too early").partition(", line ")[0]
    return _Refused(f"expected well-formed XML, got a fault: {what}", line or None, column or None)


CAMT_052 = CamtFormat("camt.052")
CAMT_053 = CamtFormat("camt.053")
CAMT_054 = CamtFormat("camt.054")
