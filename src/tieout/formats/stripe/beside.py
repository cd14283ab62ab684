"""
What an API object says that stands in no text of a record: what is passed over may hold a card number as well.

What an event says that something was before, customers, intents, the source of a charge: whoever must know what came in
looks through it by ``Chunk.unseen``. Only texts are given that hold a long number, so that memory stays flat.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.formats._number_texts import HOLDS_LONG
from tieout.formats.stripe.records import REFERENCES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tieout.model.records import Record

__all__ = ["texts_beside"]

_LENGTH_MIN, _NUMBER_MIN = 13, 10**12
_METADATA = "metadata"
#: The column of what a record may be known by: judged as such, also where the object is passed over.
_KNOWN_BY = "references"

_KNOWN = ("external_id", "payment_id", "settlement_id", "parent_external_id", "counterparty_account")
_IDENTIFYING = frozenset({*REFERENCES, _METADATA})


def texts_beside(value: object, line: int, records: Sequence[Record]) -> Iterator[tuple[str, int, str]]:
    """
    Give texts with long numbers that stand in no text of the records that came of a value of the file.

    :return: (name of the key, line, text). Of what identifies things one that is short comes along: beside it a long
        one is out of place.
    """
    found = [(name, text) for name, text in _texts(value) if name != "id" and HOLDS_LONG.search(text)]
    if not found:
        return
    shown = "\n".join(each for record in records for each in (record.text, record.counterparty, record.details) if each)
    known = {each for record in records for each in (*record.references, *(getattr(record, name) for name in _KNOWN))}
    for name, text in found:
        if text not in known and text not in shown:
            yield name, line, text
    if any(name == _KNOWN_BY for name, _ in found):
        yield _KNOWN_BY, line, "(other identifiers)"


def _texts(value: object) -> Iterator[tuple[str, str]]:
    """Walk through a value to its texts that are long enough, each with its key."""
    waiting = [("(value)", value)]
    while waiting:
        name, each = waiting.pop()
        if isinstance(each, dict):
            waiting += [(_METADATA if name == _METADATA else key, inner) for key, inner in each.items()]
            yield from (("(name of a key)", key) for key in each if len(key) >= _LENGTH_MIN)
        elif isinstance(each, list):
            waiting += [(name, inner) for inner in each]
        elif isinstance(each, str):
            if len(each) >= _LENGTH_MIN:
                yield _KNOWN_BY if name in _IDENTIFYING else name, each
        elif type(each) is int and abs(each) >= _NUMBER_MIN:
            yield name, str(each)
