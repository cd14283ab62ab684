"""
Reads postings from TOML: what a workspace says first, what ships behind it, every fault with its place.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Collection, Mapping
from functools import cache, partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeVar

from tieout.accounting.postings import (
    ACCOUNT_NAMES,
    AMOUNTS,
    DIFFERENCES,
    MATCHED,
    MEASURES,
    PARTS,
    Line,
    Posting,
    Postings,
    amount_of,
)
from tieout.config import ACCOUNT_KINDS, LEGS
from tieout.config.tables import Fault, Table, nearest, shown
from tieout.config.toml_files import located, parsed
from tieout.errors import WrongUse
from tieout.model.kinds import KINDS
from tieout.model.money import exponents

if TYPE_CHECKING:
    from tieout.config import Workspace

__all__ = ["DOCUMENT_KINDS", "LINE_KINDS", "read_postings"]

_Read = TypeVar("_Read")
_MOST = 1_000
#: Kinds of records that move money: what a posting can be about.
LINE_KINDS = tuple(kind.name for kind in KINDS.values() if {"settlement", "bank"} & set(kind.claims))
#: Kinds of records that can be owed.
DOCUMENT_KINDS = tuple(kind.name for kind in KINDS.values() if "document" in kind.claims)

#: The conditions of ``when``; those with a list allow its words only.
_WHEN: dict[str, Collection[str] | None] = {
    "kind": LINE_KINDS,
    "part": PARTS,
    "matched": MATCHED,
    "document": DOCUMENT_KINDS,
    "adjustment": DIFFERENCES,
    "outcome": ("won", "lost"),
    "sign": ("+", "-"),
    "at": ACCOUNT_KINDS,
    "account": None,
    "source": None,
    "entity": None,
    "currency": None,
    "method": None,
    "bank_code": None,
    "sweep": ("yes",),
}


def read_postings(texts: Mapping[str, str], workspace: Workspace) -> Postings:
    """
    Read the postings of a workspace, and those that ship behind them.

    :param texts: file (``"postings/acme.toml"``) to its text; taken in the order of their names.
    :param workspace: whose entities, sources and accounts the files may name.
    :raises WrongUse: something in them is wrong: one sentence with file and line.
    """
    postings: list[Posting] = []
    accounts: dict[tuple[str | None, str | None], dict[str, str]] = {}
    known = set(ACCOUNT_NAMES)
    ordered = sorted(texts.items())
    contents = [_located(name, text, partial(parsed, text, name)) for name, text in ordered]
    for (name, text), content in zip(ordered, contents, strict=True):
        _located(name, text, partial(_accounts, content, accounts, workspace))
    known |= {account for narrower in accounts.values() for account in narrower}
    for (name, text), content in zip(ordered, contents, strict=True):
        postings += _located(name, text, partial(_postings, content, name, known, workspace))
    standard, text = _standard()
    digest = hashlib.sha256(repr([*ordered, text]).encode()).hexdigest()
    return Postings(postings=(*postings, *standard), accounts=accounts, digest=digest)


@cache
def _standard() -> tuple[tuple[Posting, ...], str]:
    """Read the postings that ship."""
    text = files("tieout.accounting").joinpath("standard.toml").read_text(encoding="utf-8")
    return tuple(_postings(tomllib.loads(text), "the postings that ship", set(ACCOUNT_NAMES), None)), text


def _located(name: str, text: str, read: Callable[[], _Read]) -> _Read:
    """Read a part of a file; a fault becomes one sentence with file and line."""
    try:
        return read()
    except Fault as fault:
        raise WrongUse(located(fault, text, name)) from None


def _accounts(
    content: dict[str, Any], read: dict[tuple[str | None, str | None], dict[str, str]], workspace: Workspace
) -> None:
    """Read ``[accounts]``: names to ledger accounts, and tables of an entity, a currency, or one in the other."""
    top = Table(content, (), "the file")
    top.only(("accounts", "posting"))
    table = top.table("accounts", None)
    if table is None:
        return
    entities = {entity.id for entity in workspace.entities}
    for key, value in table.values.items():
        if not isinstance(value, dict):
            _name(table, key, read.setdefault((None, None), {}))
            continue
        narrower = _inner(table, key, f"[accounts.{key}]")
        if key in entities:
            _of_entity(narrower, key, read)
        elif key in exponents():
            _names(narrower, read.setdefault((None, key), {}))
        else:
            expected = "a ledger account in quotes, or a table of a declared entity or of a currency,"
            raise table.fault(key, f"expected {expected} got {key!r}{nearest(key, entities)}")


def _of_entity(table: Table, entity: str, read: dict[tuple[str | None, str | None], dict[str, str]]) -> None:
    for key, value in table.values.items():
        if not isinstance(value, dict):
            _name(table, key, read.setdefault((entity, None), {}))
        elif key in exponents():
            _names(_inner(table, key, f"[accounts.{entity}.{key}]"), read.setdefault((entity, key), {}))
        else:
            raise table.fault(key, f"expected a ledger account in quotes, or a table of a currency, got {key!r}")


def _inner(table: Table, key: str, name: str) -> Table:
    return Table(table.values[key], table.at(key), name)


def _names(table: Table, into: dict[str, str]) -> None:
    for key in table.values:
        _name(table, key, into)


def _name(table: Table, key: str, into: dict[str, str]) -> None:
    account = table.required(key)
    if into.setdefault(key, account) != account:
        raise table.fault(
            key, f"expected one ledger account for {key!r} in {table.name}, got {account!r} after another"
        )


def _postings(content: dict[str, Any], origin: str, known: set[str], workspace: Workspace | None) -> list[Posting]:
    tables = content.get("posting", [])
    if not isinstance(tables, list) or not all(isinstance(values, dict) for values in tables):
        raise Fault(("posting",), "expected [[posting]] with two brackets")
    if len(tables) > _MOST:
        raise Fault(("posting",), f"expected at most {_MOST} [[posting]], got {len(tables)}")
    read: list[Posting] = []
    for number, values in enumerate(tables):
        table = Table(values, ("posting", number), "[[posting]]")
        table.only(("name", "leg", "when", "lines"))
        name = table.required("name")
        if any(name == other.name for other in read):
            raise Fault(table.at("name"), f"expected a new 'name' in [[posting]], got {name!r} again")
        named = Table(values, table.place, f"[[posting]] {name!r}")
        leg = named.given("leg", named.choice("leg", LEGS))
        when = _when(named, workspace)
        lines = _lines(named, known)
        read.append(Posting(name=name, leg=leg, when=when, lines=lines, origin=origin))
        _refuse_mixture(named, read[-1])
    return read


def _when(table: Table, workspace: Workspace | None) -> dict[str, tuple[str, ...]]:
    when = table.given("when", table.table("when", tuple(_WHEN)))
    if not {"kind", "part", "adjustment"} & when.values.keys():
        raise Fault(when.place, f"expected 'kind', 'part' or 'adjustment' in {when.name}, found none")
    declared = {}
    if workspace is not None:
        for key, things in (("entity", workspace.entities), ("source", workspace.sources)):
            declared[key] = [thing.id for thing in things]
    read: dict[str, tuple[str, ...]] = {}
    for key in when.values:
        read[key] = when.texts(key)
        allowed = _WHEN[key] or declared.get(key) or (exponents() if key == "currency" else None)
        for word in read[key]:
            if allowed is not None and word not in allowed:
                listed = f"one of {', '.join(allowed)}" if len(allowed) < 20 else "a known word"
                raise when.wrong(key, listed, shown(word) + nearest(word, allowed))
    return read


def _lines(table: Table, known: set[str]) -> tuple[Line, ...]:
    key = "lines"
    values = table.values.get(key)
    if not isinstance(values, list) or not all(isinstance(line, dict) for line in values):
        expected = "a list such as [{ debit = ..., amount = ... }, { credit = ..., amount = ... }]"
        raise table.wrong(key, expected)
    lines = tuple(
        _line(Table(line, table.at(key, number), f"line {number + 1} of {table.name}"), known)
        for number, line in enumerate(values)
    )
    _refuse_imbalance(table, lines)
    return lines


def _line(table: Table, known: set[str]) -> Line:
    table.only(("debit", "credit", "amount", "tax_code", "dimensions"))
    sides = [side for side in ("debit", "credit") if side in table.values]
    if len(sides) != 1:
        found = " and ".join(sides) or "none"
        raise Fault(table.place, f"expected one of 'debit', 'credit' in {table.name}, found {found}")
    account = table.required(sides[0])
    if account not in known:
        expected = "the name of an account that ships or that [accounts] names"
        raise table.wrong(sides[0], expected, shown(account) + nearest(account, known))
    key = "amount"
    text = table.required(key)
    amount = amount_of(text)
    if amount is None:
        expected = f"one of {', '.join(AMOUNTS)}, with or without a minus in front,"
        raise table.wrong(key, expected, shown(text) + nearest(text, AMOUNTS))
    dimensions = table.table("dimensions", None)
    said = {key: dimensions.required(key) for key in dimensions.values} if dimensions else {}
    tax_code = table.text("tax_code")
    return Line(account=account, debit=sides == ["debit"], amount=amount, tax_code=tax_code, dimensions=said)


def _refuse_imbalance(table: Table, lines: tuple[Line, ...]) -> None:
    """Refuse lines that balance for some facts only: debits and credits must be the same sum of measures."""
    left = [sum((1 if line.debit else -1) * line.amount[place] for line in lines) for place in range(len(MEASURES))]
    if len(lines) < 2 or any(left):
        rest = " ".join(f"{times:+d} {name}" for name, times in zip(MEASURES, left, strict=True) if times)
        reason = f"debits - credits = {rest}" if rest else f"{len(lines)} line"
        raise Fault(table.at("lines"), f"expected two lines or more that balance in {table.name}, got {reason}")


def _refuse_mixture(table: Table, posting: Posting) -> None:
    """Refuse amounts that the facts of a posting do not have: it would book nothing where something is meant."""
    measures = {name for line in posting.lines for name, times in zip(MEASURES, line.amount, strict=True) if times}
    if "adjustment" in posting.when or "outcome" in posting.when:
        allowed, what = {"amount", "tax"}, "a difference or an outcome"
    elif posting.when.get("part") == ("fee",):
        allowed, what = {"fee", "fee_tax"}, "a fee"
    else:
        return
    if not measures <= allowed:
        got = ", ".join(sorted(measures - allowed))
        raise Fault(table.at("lines"), f"expected amounts of {what} in {table.name}, got {got}")
