"""
Reads a table by its mapping: one format object per mapping.

Cutting happens here, in the caller's thread; parsing and projecting a piece in one of two workers. At most a few
pieces are at hand at any time, and they come out in the file's order.
"""

from __future__ import annotations

import io
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import import_module
from typing import TYPE_CHECKING, BinaryIO, cast

from tieout.errors import BadInput, TieoutError
from tieout.formats.reading import Chunk, Total, refusal
from tieout.formats.tabular.names import Names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pyarrow as pa

    from tieout.formats.reading import Head, ReadOptions
    from tieout.formats.tabular.mapping import Mapping
    from tieout.formats.tabular.projection import Compiled
    from tieout.formats.tabular.raw import RawBatch, RawTable
    from tieout.formats.tabular.session import Done

__all__ = ["WORKERS", "MappingFormat", "header_of", "read_table"]

#: How many pieces are parsed and projected side by side, and how many may be at hand.
WORKERS, AT_HAND = 2, 3
_OPENERS = {"csv": "csv", "tsv": "csv", "fixed": "fixed", "jsonl": "jsonl", "xlsx": "xlsx", "parquet": "parquet"}


def header_of(head: Head, shape: Mapping) -> tuple[str, ...] | None:
    """
    The column names of a file's beginning, cleaned of blanks and byte order marks; None if it is no such table.

    ``shape`` is a mapping of which only what describes the file matters (format, dialect, header_row, ...). Never
    raises. For csv, tsv, fixed and jsonl files the beginning suffices; for xlsx and parquet it must be the whole file.
    """
    if not shape.dialect.header and shape.format in {"csv", "tsv"}:
        return None
    try:
        return _opened(io.BytesIO(head.data), shape).header
    except (TieoutError, ValueError, LookupError):
        return None


def _opened(stream: BinaryIO, shape: Mapping) -> RawTable:
    name = _OPENERS[shape.format]
    opener = getattr(import_module(f"tieout.formats.tabular.raw_{name}"), f"open_{name}")
    return cast("RawTable", opener(stream, shape))


def read_table(
    stream: BinaryIO,
    options: ReadOptions,
    shape: Mapping,
    build: Callable[[tuple[str, ...]], Mapping],
) -> Iterator[Chunk]:
    """
    Read a table whose mapping depends on its columns: ``build`` makes the mapping from the header.

    ``shape`` says how to open the file; what ``build`` returns says what its columns mean (its format and dialect
    are not looked at again, but for the decimal and thousands signs). ``build`` may raise BadInput to refuse the file.

    :raises WrongUse: the mapping is at fault.
    """
    from tieout.formats.tabular.compiling import optional_columns
    from tieout.formats.tabular.projection import compile_mapping

    try:
        raw = _opened(stream, shape)
        mapping = build(raw.header)
        if raw.more is not None:
            raw = raw.more(optional_columns(mapping, raw.header))
        compiled = compile_mapping(mapping, raw.header, options, raw.kinds)
    except BadInput as error:
        yield _refusal(error)
        return
    yield from _chunks(raw, compiled, options, mapping)


def _refusal(error: BadInput) -> Chunk:
    return refusal(str(error), line=getattr(error, "line", None))


def _chunks(raw: RawTable, compiled: Compiled, options: ReadOptions, mapping: Mapping) -> Iterator[Chunk]:
    """Run every piece, give its rows in chunks, and at the end the totals and which keys no row had."""
    from tieout.formats.tabular.misspelt import misspelt
    from tieout.formats.tabular.session import Session

    session = Session(compiled)
    sums: dict[tuple[str, int], tuple[int, int, int]] = {}
    try:
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="tabular") as workers:
            for done in _in_order(workers, session.run, raw.pieces(compiled.used, compiled.beside)):
                _add(sums, done.sums)
                yield from _sliced(done, options.batch_rows)
    except BadInput as error:
        yield _refusal(error)
        return
    finally:
        session.close()
    yield Chunk(
        totals=_totals(sums),
        problems=misspelt(mapping, raw.header, raw.absent),
        rows=0,
        skipped=raw.outside.footer,
        unseen=_outside(raw),
    )


def _outside(raw: RawTable) -> list[tuple[str, pa.Array, pa.Array]]:
    """Give what stands in no row."""
    import pyarrow as pa

    if not raw.outside.texts:
        return []
    lines, texts = zip(*raw.outside.texts, strict=True)
    return [("(outside of the rows)", pa.array(lines, pa.int64()), pa.array(texts, pa.string()))]


def _in_order(
    workers: ThreadPoolExecutor,
    run: Callable[[Callable[[], RawBatch]], Done],
    pieces: Iterable[Callable[[], RawBatch]],
) -> Iterator[Done]:
    """Run pieces side by side, a few at a time, and give the results in the pieces' order."""
    waiting: deque[Future[Done]] = deque()
    source, stopped = iter(pieces), None
    while True:
        try:
            piece = next(source, None)
        except BadInput as error:
            # What came before is read; only then is it said that the rest cannot be.
            piece, stopped = None, error
        if piece is None:
            break
        waiting.append(workers.submit(run, piece))
        if len(waiting) >= AT_HAND:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
    if stopped is not None:
        raise stopped


def _sliced(done: Done, most: int) -> Iterator[Chunk]:
    """Cut a piece into chunks of at most ``most`` records; the first answers for its quarantined and skipped rows."""
    for start in range(0, max(done.table.num_rows, 1), most):
        table = done.table.slice(start, most)
        problems = () if start else done.problems
        skipped = 0 if start else done.skipped
        unseen = () if start else done.unseen
        yield Chunk(table=table, problems=problems, rows=table.num_rows + len(problems), skipped=skipped, unseen=unseen)


def _add(sums: dict[tuple[str, int], tuple[int, int, int]], more: dict[tuple[str, int], tuple[int, int, int]]) -> None:
    for key, (count, plus, minus) in more.items():
        old = sums.get(key, (0, 0, 0))
        sums[key] = (old[0] + count, old[1] + plus, old[2] + minus)


def _totals(sums: dict[tuple[str, int], tuple[int, int, int]]) -> list[Total]:
    """One total per currency, at the largest exponent that any of its rows has."""
    totals = []
    for currency in sorted({key[0] for key in sums}):
        parts = [(exponent, *sums[currency, exponent]) for code, exponent in sums if code == currency]
        most = max(part[0] for part in parts)
        totals.append(
            Total(
                currency=currency,
                exponent=most,
                count=sum(part[1] for part in parts),
                credits=sum(part[2] * 10 ** (most - part[0]) for part in parts),
                debits=sum(part[3] * 10 ** (most - part[0]) for part in parts),
            )
        )
    return totals


class MappingFormat:
    """
    A format of one mapping: its id is the mapping's, its system the mapping's (or empty).
    """

    def __init__(self, mapping: Mapping) -> None:
        """Keep the mapping; nothing is compiled before a file's header is known."""
        self.mapping = mapping
        self.id = mapping.id
        self.system = mapping.system or ""

    def identify(self, head: Head) -> str | None:
        """Say the mapping's id if every column of its ``identify`` stands in the header, else None."""
        header = header_of(head, self.mapping) if self.mapping.identify else None
        if header is None:
            return None
        names = Names(header)
        return self.id if all(names.has(name) for name in self.mapping.identify) else None

    def read(self, stream: BinaryIO, options: ReadOptions) -> Iterator[Chunk]:
        """Yield the rows as Arrow tables of ``model.records.stated_schema``, the totals in the last chunk."""
        return read_table(stream, options, self.mapping, lambda _header: self.mapping)
