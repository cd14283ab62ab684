"""Reads one camt document: what the parser meets becomes records, statements and problems, handed on in chunks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO

from lxml import etree

from tieout.formats.camt.alike import Waiting, group, read_alike
from tieout.formats.camt.details import Detail, check_batches, check_single, read_details
from tieout.formats.camt.entries import UnreadableEntry, read_entry
from tieout.formats.camt.pages import Pages
from tieout.formats.camt.plans import DetailPlan, EntryPlan, plan_detail, plan_entry
from tieout.formats.camt.repeats import Repeats
from tieout.formats.camt.rows import Row, Rows
from tieout.formats.camt.shapes import Shapes, line_of, local_name
from tieout.formats.camt.statements import BALANCES_MAX, StatementReader
from tieout.formats.camt.tallies import Tallies
from tieout.formats.camt.xml import (
    STATEMENTS,
    Refused,
    drop,
    elements,
    family_of,
    message_of,
    not_well_formed,
    notes_beside,
    pull_parser,
    refuse_doctype,
)
from tieout.formats.reading import Chunk, ReadOptions, unseen_texts
from tieout.model.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tieout.model.statements import Balance, Statement

__all__ = ["Reader"]

_TAGS = tuple(f"{{*}}{name}" for name in (*STATEMENTS, "Bal", "Ntry", "TxDtls"))
_BLOCK = 65_536
_HEAD = 1_024
_LATE_DECLARATION = re.compile(rb"(\xef\xbb\xbf|)([ \t\r\n]+)(<\?xml[ \t\r\n][^>]{0,200}\?>)")
#: What the parser gets at once where no entry ends.
_PIECE_MAX = 2**20
#: How many entries are read together.
_WAITING_MAX = 2_000
#: How much of a file may pass without anything in it that could be read and dropped.
_IDLE_MAX = 64 * 2**20


class Reader:
    """Reads one document: the parser's events become records, statements and problems, handed on in chunks."""

    def __init__(self, family: str, options: ReadOptions) -> None:
        """Begin with nothing read."""
        self._family = family
        self._options = options
        self._entries: Shapes[EntryPlan] = Shapes(plan_entry)
        self._details: Shapes[DetailPlan] = Shapes(plan_detail)
        self._parser = pull_parser("end", _TAGS)
        self._repeats = Repeats(b"")
        self._latest: tuple[EntryPlan, list[str], int] | None = None
        self._waiting: list[Waiting] = []
        self._is_between = False
        self._idle = self._bytes = 0
        self._tallies = Tallies()
        self._pages = Pages()
        self._version: str | None = None
        self._statement: StatementReader | None = None
        self._element: etree._Element | None = None
        self._entry: etree._Element | None = None
        self._has_header = False
        self._only: etree._Element | None = None
        self._inside: list[Detail] = []
        self._containers: dict[etree._Element, int] = {}
        self._rows = Rows()
        self._statements: list[Statement] = []
        self._balances: list[Balance] = []
        self._problems: list[Problem] = []
        self._notes: list[tuple[str, int, str]] = []
        self._statements_read = 0

    def read(self, stream: BinaryIO) -> Iterator[Chunk]:
        """Read the file piece by piece, each to the end of an entry, and hand on what is complete."""
        limit, most_bytes = max(1, self._options.batch_rows), self._options.batch_bytes
        data = _beginning(stream)
        if not data:
            message = "expected a document, got an empty file"
            raise Refused(message)
        self._repeats = repeats = Repeats(data)
        while True:
            start = 0
            while (end := repeats.end_of_piece(data, start)) >= 0:
                self._read_piece(data[start:end])
                self._bytes += end - start
                start = end
                ready = len(self._waiting) + len(self._rows) + len(self._problems)
                if ready >= limit or self._bytes >= most_bytes:
                    yield from self._chunks(limit, keep=True)
            block = stream.read(_BLOCK)
            if not block or len(data) - start >= _PIECE_MAX:
                self._parse(data[start:], ends_entry=False)
                repeats.pass_over(data[start:])
                start = len(data)
            if not block:
                break
            data = data[start:] + block
        self._finish()
        yield from self._chunks(limit, keep=False)

    def _read_piece(self, piece: bytes) -> None:
        """Read what stands up to the end of the next entry."""
        known = self._repeats.read(piece) if self._is_between else None
        if known is not None:
            self._idle = 0
            self._wait(Waiting(*known, is_repeat=True))
            if self._repeats.is_far_ahead:
                self._feed(self._repeats.stand_in())
            return
        was_between = self._is_between
        self._parse(piece, ends_entry=True)
        if was_between and self._is_between and self._latest is not None:
            self._repeats.learn(piece, *self._latest)
        self._repeats.pass_over(piece)

    def _parse(self, piece: bytes, *, ends_entry: bool) -> None:
        """
        Give the parser the next bytes, and take what it has met.

        :param ends_entry: the bytes end with what looks like the end of an entry.
        """
        self._is_between, self._latest = False, None
        self._idle += len(piece)
        self._feed(self._repeats.stand_in() + piece)
        if self._idle > _IDLE_MAX:
            message = f"expected an entry or balance within {_IDLE_MAX >> 20} MiB, got none"
            raise Refused(message)
        ours = False
        for element in elements(self._parser):
            self._idle = 0
            ours = self._handle(element)
        # An end tag at the end, that no comment or CDATA section can hold, is where the latest entry has ended.
        self._is_between = ours and ends_entry and b"<!" not in piece and b"<?" not in piece

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.feed(data)
        except (etree.XMLSyntaxError, ValueError, LookupError) as error:
            raise self._not_well_formed(error) from error

    def _finish(self) -> None:
        """Close the parser, and check that there was something to read."""
        try:
            root = self._parser.close()
        except (etree.XMLSyntaxError, ValueError) as error:
            raise self._not_well_formed(error) from error
        refuse_doctype(root)
        if self._statements_read == 0:
            name = next(name for name, family in STATEMENTS.items() if family == self._family)
            message = f"expected at least one statement ({name}), got none in <{local_name(root)[:40]}>"
            raise Refused(message, line_of(root))

    def _handle(self, element: etree._Element) -> bool:
        """Take one element that is complete; say whether it was an entry. Namesakes in extensions are not ours."""
        name = local_name(element)
        if name == "TxDtls":
            self._take_detail(element)
        elif name in STATEMENTS:
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
        if name not in STATEMENTS or parent is None or message_of(parent) is None:
            return
        refuse_doctype(element)
        if STATEMENTS[name] != self._family:
            wanted = next(key for key, family in STATEMENTS.items() if family == self._family)
            message = f"expected a statement in <{wanted}>, got <{name}>, which is {STATEMENTS[name]}"
            raise Refused(message, line_of(element))
        self._version = self._version or family_of(element) or self._family
        self._element = element
        self._has_header = False
        final = self._family == "camt.053"
        self._statement = StatementReader(
            element, self._statements_read + 1, final=final, currency=self._options.currency
        )

    def _end(self, element: etree._Element) -> None:
        reader = self._statement
        assert reader is not None  # noqa: S101 - set together with the element
        self._add_waiting()
        self._notes += notes_beside(element)
        statement, balances, problems = reader.finish(element)
        self._statements.append(statement)
        self._balances += balances
        self._problems += problems
        self._problems += self._pages.add(statement, reader.page, reader.name)
        self._tallies.include(reader.tallies)
        self._statements_read += 1
        self._statement = self._element = self._entry = None
        drop(element)

    def _take_balance(self, element: etree._Element) -> None:
        reader = self._statement
        assert reader is not None  # noqa: S101 - as above
        if len(reader.balances) >= BALANCES_MAX:
            message = f"expected at most {BALANCES_MAX} balances in a statement, got more"
            raise Refused(message, line_of(element))
        reader.add_balance(element)
        drop(element)

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
        drop(element)

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
        if not inside:
            self._latest = plan, values, line
        self._wait(Waiting(plan, values, line, inside))

    def _wait(self, entry: Waiting) -> None:
        self._waiting.append(entry)
        if len(self._waiting) >= _WAITING_MAX:
            self._add_waiting()

    def _add_waiting(self) -> None:
        """Make rows of the entries that wait, in their order; those that are alike are read together."""
        reader, waiting, self._waiting = self._statement, self._waiting, []
        if reader is None:
            return
        together: dict[int, Row] = {}
        for places in group(waiting):
            some = [waiting[place] for place in places]
            found = read_alike(reader.account, some[0].plan, [e.values for e in some], [e.line for e in some])
            if found is not None:
                reader.add_alike(found)
                together.update(zip(places, found.rows, strict=True))
        for place, entry in enumerate(waiting):
            row = together.get(place)
            if row is not None:
                self._rows.add(row)
            else:
                self._add_entry(*entry[:4])

    def _add_entry(self, plan: EntryPlan, values: Sequence[str], line: int, inside: Sequence[Detail]) -> None:
        """
        Make rows of an entry.

        :param inside: its transactions, where it holds several.
        """
        reader = self._statement
        assert reader is not None  # noqa: S101 - as above
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
        self._problems += check_batches(entry, plan, values, inside)
        if inside:
            row, rows, problems = read_details(reader.account, entry, plan, values, inside)
            for each in (row, *rows):
                self._rows.add(each)
            self._problems += problems
            return
        self._rows.add(entry.row)
        if plan.detail is not None and plan.detail.direct:
            self._problems += check_single(entry, plan, values)

    def _chunks(self, limit: int, *, keep: bool) -> Iterator[Chunk]:
        """
        Hand on what was read.

        :param keep: more may follow: a remainder below the limit stays, and the totals wait.
        """
        self._add_waiting()
        self._bytes = 0
        while True:
            count = min(limit, len(self._rows))
            records, table = self._rows.take(count)
            more = bool(self._rows)
            chunk = Chunk(
                records=records,
                table=table,
                statements=self._statements,
                balances=self._balances,
                problems=self._problems,
                totals=() if more or keep else self._tallies.totals(),
                rows=count + sum(problem.severity == "row" for problem in self._problems),
                version=self._version,
                unseen=unseen_texts(self._notes),
            )
            self._statements, self._balances, self._problems, self._notes = [], [], [], []
            yield chunk
            if not more or (keep and len(self._rows) < limit):
                return

    def _has_ended(self) -> bool:
        """
        Say whether the parser has met the end of the statement that is being read, or of any where none is.

        What it says of a second document it says of an entity too that nobody has defined, in the middle of a statement.
        """
        ended = [element for element in elements(self._parser) if local_name(element) in STATEMENTS]
        return bool(ended or self._statements_read) if self._element is None else self._element in ended

    def _not_well_formed(self, error: Exception) -> Refused:
        line, column = error.position if isinstance(error, etree.XMLSyntaxError) else (0, 0)
        return not_well_formed(error, line, self._repeats.column(line, column), self._has_ended)


def _beginning(stream: BinaryIO) -> bytes:
    """
    Read the first bytes, enough for the XML declaration however small the stream's pieces are; it comes first.
    """
    data = b""
    while len(data) < _HEAD and (block := stream.read(_BLOCK)):
        data += block
    late = _LATE_DECLARATION.match(data)
    # Nothing may stand before a declaration; behind it, the blanks keep the lines of what follows what they are.
    return b"".join(late.group(1, 3, 2)) + data[late.end() :] if late else data
