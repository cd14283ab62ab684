"""
What a file is, what is in it, and whether it closes: everything that can be said of a file without a workspace.

Nothing is kept: records are counted and let go, so that memory stays flat however large the file is.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from tieout.errors import BadInput, WrongUse
from tieout.formats._appearance import appearance, columns_of, may_be_table
from tieout.formats.containers import open_members, with_head
from tieout.formats.reading import Head, ReadOptions, Total
from tieout.formats.registry import format_ids, identify
from tieout.model.money import EXPONENT_MAX, format_minor
from tieout.model.problems import Problem, without_place
from tieout.model.statements import should_close, without_closing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tieout.formats.reading import Chunk, Format
    from tieout.model.money import Money
    from tieout.model.statements import Statement

__all__ = ["PROBLEMS_MAX", "STATEMENTS_MAX", "Inspection", "inspect_stream", "unreadable"]

#: The most problems that are told one by one; one more says how many there are beyond.
PROBLEMS_MAX = 1_000
#: The most statements that are told one by one; ``statements_beyond`` counts the others.
STATEMENTS_MAX = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """
    What was found in one file, or in one container with all its files.

    :ivar file: as the caller named it.
    :ivar format: the exact format (``camt.053.001.08``); of a container, those of its files; None: not known.
    :ivar verdict: ``ok`` if and only if there are no problems; ``problems``; ``unreadable``: refused, nothing yielded
        (of a container: none of its files can be read).
    :ivar records: canonical records.
    :ivar statements: (file inside the container or None, statement), in the file's order.
    :ivar totals: per currency, over the top-level entries of any status.
    :ivar remarks: what may be true of a good file, and what ingest judges: the verdict does not rest on it.
    :ivar unclaimed: whether it, or a file in it, may be a table, and no format or mapping claims it.
    :ivar fault: where tieout itself failed on the file, for those who mend it; None if it did not.
    """

    file: str
    format: str | None
    verdict: Literal["ok", "problems", "unreadable"]
    records: int = 0
    statements: tuple[tuple[str | None, Statement], ...] = ()
    statements_beyond: int = 0
    totals: tuple[Total, ...] = ()
    problems: tuple[Problem, ...] = ()
    remarks: tuple[Problem, ...] = ()
    unclaimed: bool = False
    fault: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Give what ``tieout inspect --json`` prints; amounts are decimal strings."""
        said = {
            "file": self.file,
            "format": self.format,
            "verdict": self.verdict,
            "records": self.records,
            "statements": [_with_member(member, _statement_json(one)) for member, one in self.statements],
            "totals": [_total_json(total) for total in self.totals],
            "problems": [_with_member(problem.member, _problem_json(problem)) for problem in self.problems],
        }
        if self.remarks:
            said["remarks"] = [_with_member(remark.member, _problem_json(remark)) for remark in self.remarks]
        return said | ({"statements_beyond": self.statements_beyond} if self.statements_beyond else {})


@dataclass(slots=True)
class _Found:
    """What was found so far."""

    formats: dict[str, None] = field(default_factory=dict)
    records: int = 0
    statements: list[tuple[str | None, Statement]] = field(default_factory=list)
    statements_beyond: int = 0
    totals: dict[str, Total] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    problems_beyond: int = 0
    remarks: list[Problem] = field(default_factory=list)
    refusals: list[Problem] = field(default_factory=list)
    fault: str | None = None
    readable: bool = False
    unclaimed: bool = False


def inspect_stream(
    stream: BinaryIO,
    name: str,
    mappings: Sequence[Format] = (),
    options: ReadOptions | None = None,
) -> Inspection:
    """
    Read a file to its end and say what it is, what is in it and whether it closes.

    :param name: what to call the file; its last part helps to recognise it.
    :param mappings: formats of the user's own, asked before those of tieout.
    :param options: the currency and time zone of files that state none.
    :raises WrongUse: a mapping that applies to the file is at fault.
    """
    found = _Found()
    asked = _Asked(name, mappings, options or ReadOptions())
    try:
        for member, part in open_members(stream, name):
            alone = _Found()
            _inspect_member(part, member, asked, alone)
            _add_member(found, alone, member)
    except BadInput as error:
        found.readable = False
        _add_problem(found, Problem(message=str(error), severity="refused"))
    return _concluded(name, found)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the caller handed in beside the file."""

    name: str
    mappings: Sequence[Format]
    options: ReadOptions


def unreadable(name: str, message: str) -> Inspection:
    """Say that a file could not even be opened, and why."""
    return Inspection(
        file=name,
        format=None,
        verdict="unreadable",
        problems=(Problem(message=message, severity="refused"),),
    )


def _inspect_member(stream: BinaryIO, member: str | None, asked: _Asked, found: _Found) -> None:
    """Add what one file holds."""
    doing, version = "recognise the file", None
    try:
        data, whole = with_head(stream)
        head = Head(PurePath(member or asked.name).name, data)
        known = _identified(head, asked.mappings)
        if known is None:
            found.unclaimed = may_be_table(head)
            _add_problem(found, Problem(message=_unknown(head), severity="refused", member=member))
            return
        doing = f"read {known[1]}"
        format_, version = known
        for chunk in format_.read(whole, asked.options):
            version = chunk.version or version
            _add_chunk(found, chunk, member)
    except BadInput as error:
        line = getattr(error, "line", None)
        _add_problem(found, Problem(message=str(error), severity="refused", line=line, member=member))
    except WrongUse:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a format does, the other files are read and nothing crashes
        _add_fault(found, error, doing, member)
    if version is not None:
        found.formats.setdefault(version)
        _remark_ends(found, structured=version.startswith("camt."))


def _remark_ends(found: _Found, *, structured: bool) -> None:
    """
    Remark statements that should close and do not: ingest holds them against the next one (intake.chains).

    Not where a problem of the file says so, or where the next statement here opens with what their entries lead to.
    """
    if any(problem.reason == "unfinished" for problem in found.problems):
        return
    opened: dict[tuple[str | None, str | None], int | None] = {}  # what the next statement of an account opens with
    remarks = []
    for member, one in reversed(found.statements):
        owner = one.account_number, one.currency
        if one.closing is None and should_close(
            final=one.final, ends=one.ends, opens=one.opening is not None, structured=structured
        ):
            moved = (one.credits - one.debits) * int(10 ** (EXPONENT_MAX - one.exponent))
            end = None if one.opening is None else one.opening.scaled(EXPONENT_MAX) + moved
            if end is None or opened.get(owner) != end:
                label = one.number or one.statement_id
                name = f"statement {label}" if label else "the statement"
                message = without_closing(name, one.account_number or "no account")
                remarks.append(
                    Problem(message=message, line=one.line, reason="incomplete", member=member, at_ingest=True)
                )
        if one.final:
            opened[owner] = None if one.opening is None else one.opening.scaled(EXPONENT_MAX)
    for remark in reversed(remarks):
        _add_problem(found, remark)


def _identified(head: Head, mappings: Sequence[Format]) -> tuple[Format, str] | None:
    """
    Say what a file is: a mapping of the user's, a format, or a mapping that ships.

    :raises BadInput: two mappings of the user's claim it.
    """
    claimed = [(mapping, version) for mapping in mappings if (version := mapping.identify(head)) is not None]
    if len(claimed) > 1:
        names = " and ".join(version for _, version in claimed)
        message = (
            f"expected one mapping for {head.name}, got several that claim it: {names}; identify it by more columns"
        )
        raise BadInput(message)
    return claimed[0] if claimed else identify(head)


def _unknown(head: Head) -> str:
    """Say what a file is that nothing reads, and what to do."""
    columns = columns_of(head)
    message = f"expected a file of a known format, got {appearance(head)}"
    if columns:
        chosen = ", ".join(f'"{name}"' for name in columns[:3])
        message += f"; to read it write a mapping, mappings/NAME.toml, with identify = [{chosen}]"
    return f"{message} (known formats: {', '.join(sorted(format_ids()))})"


def _add_chunk(found: _Found, chunk: Chunk, member: str | None) -> None:
    found.records += len(chunk.records) if chunk.table is None else chunk.table.num_rows
    for problem in chunk.problems:
        _add_problem(found, replace(problem, member=member))
    room = STATEMENTS_MAX - len(found.statements)
    found.statements += [(member, statement) for statement in chunk.statements[:room]]
    found.statements_beyond += max(0, len(chunk.statements) - room)
    for total in chunk.totals:
        before = found.totals.get(total.currency)
        found.totals[total.currency] = total if before is None else _sum(before, total)


def _add_member(found: _Found, alone: _Found, member: str | None) -> None:
    """Add what one file holds; one of a container that is refused gives nothing but the reason."""
    refused = bool(alone.refusals) and member is not None
    found.readable = found.readable or not alone.refusals
    found.fault = found.fault or alone.fault
    found.unclaimed = found.unclaimed or alone.unclaimed
    found.formats |= alone.formats
    for problem in alone.refusals if refused else [*alone.refusals, *alone.problems, *alone.remarks]:
        _add_problem(found, problem)
    found.problems_beyond += alone.problems_beyond
    if refused:
        return
    found.records += alone.records
    room = STATEMENTS_MAX - len(found.statements)
    found.statements += alone.statements[:room]
    found.statements_beyond += alone.statements_beyond + max(0, len(alone.statements) - room)
    for total in alone.totals.values():
        before = found.totals.get(total.currency)
        found.totals[total.currency] = total if before is None else _sum(before, total)


def _sum(one: Total, other: Total) -> Total:
    """Add totals of one currency, at the larger exponent."""
    exponent = max(one.exponent, other.exponent)
    ours, theirs = 10 ** (exponent - one.exponent), 10 ** (exponent - other.exponent)
    return Total(
        currency=one.currency,
        exponent=exponent,
        count=one.count + other.count,
        credits=one.credits * ours + other.credits * theirs,
        debits=one.debits * ours + other.debits * theirs,
    )


def _add_problem(found: _Found, problem: Problem) -> None:
    kept = found.refusals if problem.severity == "refused" else found.problems
    if problem.at_ingest:
        found.remarks += [problem][: PROBLEMS_MAX - len(found.remarks)]
    elif len(kept) < PROBLEMS_MAX:
        kept.append(problem)
    else:
        found.problems_beyond += 1


def _add_fault(found: _Found, error: Exception, doing: str, member: str | None) -> None:
    """Put a failure of tieout itself into a sentence without anything from the file, which may be private."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{type(error).__name__} at {PurePath(place.filename).name} line {place.lineno}"
    message = f"expected to {doing}, got a fault of tieout itself ({where}): --debug shows it, please report it"
    found.fault = found.fault or "".join(traceback.format_exception(error))
    _add_problem(found, Problem(message=message, severity="refused", reason="unreadable", member=member))


def _concluded(name: str, found: _Found) -> Inspection:
    """Decide the verdict; a file that is refused yields nothing."""
    problems = [*found.refusals, *found.problems]
    beyond = found.problems_beyond + max(0, len(problems) - PROBLEMS_MAX)
    if beyond:
        problems[PROBLEMS_MAX:] = [Problem(message=f"{beyond} more problems are not listed")]
    told = Inspection(
        file=name,
        format=", ".join(found.formats) or None,
        verdict="problems" if problems else "ok",
        problems=tuple(problems),
        unclaimed=found.unclaimed,
        fault=found.fault,
    )
    if found.refusals and not found.readable:
        return replace(told, verdict="unreadable")
    return replace(
        told,
        records=found.records,
        statements=tuple(found.statements),
        statements_beyond=found.statements_beyond,
        totals=tuple(found.totals[currency] for currency in sorted(found.totals)),
        remarks=tuple(found.remarks),
    )


def _with_member(member: str | None, said: dict[str, Any]) -> dict[str, Any]:
    return said if member is None else said | {"member": member}


def _statement_json(one: Statement) -> dict[str, Any]:
    return {
        "account": one.account_number,
        "currency": one.currency,
        "opening": _amount(one.opening),
        "closing": _amount(one.closing),
        "entries": one.entries,
        "credits": format_minor(one.credits, one.exponent),
        "debits": format_minor(one.debits, one.exponent),
        "closes": one.closes,
    }


def _amount(money: Money | None) -> str | None:
    return None if money is None else format_minor(money.minor, money.exponent)


def _total_json(total: Total) -> dict[str, Any]:
    return {
        "currency": total.currency,
        "count": total.count,
        "credits": format_minor(total.credits, total.exponent),
        "debits": format_minor(total.debits, total.exponent),
        "net": format_minor(total.credits - total.debits, total.exponent),
    }


def _problem_json(problem: Problem) -> dict[str, Any]:
    message = without_place(problem.message, problem.line, problem.column)
    return {"line": problem.line, "column": problem.column, "message": message}
