"""
What matching computes on columns of text, once, outside any engine: keys of identifiers, tokens of a bank's text, names.

Engines fold text differently, so they only ever compare the integers that come out of here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tieout.model.normal import keys_of, normal_column

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["LEGAL_FORMS", "NAME_BLOCK", "name_forms", "sorted_forms", "token_places", "token_words"]

#: An identifier may be cut into so many words by a bank ("PO 2025 001").
_WORDS_JOINED = 4
#: Shorter words identify nothing.
_TOKEN_MIN = 4
#: A number behind letters that are written to it is a word, too: "RE10077" is what a ledger calls 10077.
_NUMBER_BEHIND_LETTERS = r"^\p{L}+(?P<number>\p{Nd}{4,})$"
#: Words of one text beyond this are not looked at.
_WORDS_MAX = 200
#: So few texts are cut once, however often they are asked.
_FEW_TEXTS = 1_000
#: What stands before and behind words while a text is cut (``_marked``).
_MARKS = r"\x01-\x04"
_GAP = rf"[^\p{{L}}\p{{N}}{_MARKS}]"
_DIGITS = re.compile(r"\d+")
_YEAR = re.compile(r"(19|20)\d\d")
#: Codes of currencies that stand beside amounts: those of many payments, and no words.
_CODES = "EUR|USD|GBP|CHF|JPY|CNY|KWD|BHD|SEK|NOK|DKK|PLN|CZK|HUF|CAD|AUD|NZD|SGD|HKD|INR|KRW|BRL|MXN|ZAR|AED"
_AMOUNT = r"\d{1,3}(?:[.,']\d{3})+(?:[.,]\d{2,3})?|\d{1,3}(?: \d{3})+[.,]\d{2}|\d+[.,]\d{2}"
_DAY, _MONTH, _OF_YEAR = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])", r"(?:(?:19|20)?\d{2})"
#: Amounts with decimals, or of a currency; dates with a year; times of day.
_FIGURE = (
    rf"\b(?:19|20)\d{{2}}[-/.]{_MONTH}[-/.]{_DAY}(?:T\d+)?\b|\b{_DAY}[-/.]{_MONTH}[-/.]{_OF_YEAR}\b"
    rf"|\b{_MONTH}/{_DAY}/{_OF_YEAR}\b|\b\d{{1,2}}:\d{{2}}(?::\d{{2}})?\b"
    rf"|(?:\b(?:{_CODES})|[€$£¥]) ?(?:{_AMOUNT}|\d+[.,]\d+|\d+)\b|\b(?:{_AMOUNT}|\d+[.,]\d+|\d+) ?(?:(?:{_CODES})\b|[€$£¥])"
    rf"|\b(?:{_AMOUNT})\b"
)
#: How many letters of a name two spellings must share to be compared at all.
NAME_BLOCK = 6
#: Legal forms, in capitals, as the alternatives of a pattern.
LEGAL_FORMS = (
    "GMBH|AG|KG|KGAA|OHG|UG|SE|EV|LTD|LIMITED|LLC|INC|CORP|CO|PLC|LLP|SA|SAS|SARL|SPA|SRL|BV|NV|AB|OY|OYJ|AS|APS|KK|PTY"
)
#: A legal form behind something else: "GmbH", "& Co. KG", "und Co".
_LEGAL_BEHIND = rf"(?:[\s.,]*[&+][\s.,]*|[\s.,]+(?:(?:UND|AND)[\s.,]+)?)(?:{LEGAL_FORMS})\.?"


def token_words(things: pa.Array, texts: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Give things and the words of their texts, as :func:`token_places` finds them."""
    found = token_places(things, texts)
    return found["thing"].combine_chunks(), found["word"].combine_chunks()


def token_places(things: pa.Array, texts: pa.Array) -> pa.Table:
    """
    Cut texts into words; write up to four neighbouring ones together, and numbers without the letters before them.

    An amount with its decimals, a date and a time of day are no numbers, and no word is made of their digits alone.

    :param things: int64, whose text each is.
    :return: ``thing``; ``word``, of at least four letters and digits; ``text``: which of the texts; ``first``, ``last``:
        where in it the word stands, in half words; ``is_part``: it is written as a part of a longer number, which goes on
        before or behind it without a blank (``RE-4711`` in ``RE-4711-1``).
    """
    present = pc.is_valid(texts)
    things, texts = things.filter(present), texts.filter(present)
    found = _places_of_few(tuple(texts.to_pylist())) if len(texts) <= _FEW_TEXTS else _places(texts)
    return found.add_column(0, "thing", things.take(found["text"].combine_chunks()))


@lru_cache(maxsize=64)
def _places_of_few(texts: tuple[str, ...]) -> pa.Table:
    """Cut a few texts; every rule asks for the same ones, and to compile the patterns takes longer than to apply them."""
    return _places(pa.array(texts, pa.string()))


def _places(texts: pa.Array) -> pa.Table:
    """Cut texts as :func:`token_places` does; gives all but ``thing``."""
    lists = pc.list_slice(pc.split_pattern(_marked(texts), " "), 0, _WORDS_MAX)
    words = pc.list_flatten(lists)
    owners = pc.list_parent_indices(lists).to_numpy()
    marks = _marks_of(words)
    words = pc.utf8_trim(words, characters="\x01\x02\x03\x04")
    kept = pc.not_equal(words, "").to_numpy(zero_copy_only=False)
    words, owners, marks = words.filter(pa.array(kept)), owners[kept], marks.at(kept)
    figure = marks.figures()
    goes_on = _goes_on(words, owners, marks)
    behind = np.append(goes_on[1:], False)
    place = np.arange(len(words))
    pieces = [(words, place, place, figure)]
    for step in range(1, min(_WORDS_JOINED, len(words))):
        longer = pc.binary_join_element_wise(pieces[-1][0].slice(0, len(words) - step), words.slice(step), "")
        same = owners[:-step] == owners[step:]
        inside = pieces[-1][3][: len(words) - step] & figure[step:]
        pieces.append((longer, place[:-step], np.where(same, place[step:], -1), inside))
    number = pc.struct_field(pc.extract_regex(words, _NUMBER_BEHIND_LETTERS), "number")
    lettered = pc.is_valid(number).to_numpy(zero_copy_only=False)
    pieces.append((number.filter(pa.array(lettered)), place[lettered], place[lettered], figure[lettered]))
    spelled = pa.concat_arrays([part if isinstance(part, pa.Array) else part.combine_chunks() for part, *_ in pieces])
    first, last, inside = (np.concatenate([piece[n] for piece in pieces]) for n in (1, 2, 3))
    half = np.zeros(len(first), np.int64)
    half[len(first) - int(lettered.sum()) :] = 1
    long_enough = pc.greater_equal(pc.utf8_length(spelled), _TOKEN_MIN).to_numpy(zero_copy_only=False)
    told = long_enough & (last >= 0) & ~inside
    first, last, half = first[told], last[told], half[told]
    owner = owners[first]
    return pa.table(
        {
            "word": spelled.filter(pa.array(told)),
            "text": pa.array(owner),
            "first": pa.array((first * 2 + half).astype(np.int32)),
            "last": pa.array((last * 2 + 1).astype(np.int32)),
            "is_part": pa.array(behind[last] | (goes_on[first] & (half == 0))),
        }
    )


def _marked(texts: pa.Array) -> pa.Array:
    """
    Write texts in capitals, with marks at their words.

    The sign 1 is before a word that no blank parts from the one before it, 2 if that is a stroke alone; 3 and 4 are
    before and behind an amount, a date or a time.
    """
    plain = pc.utf8_upper(texts)
    if pc.any(pc.match_substring_regex(plain, f"[{_MARKS}]")).as_py():
        plain = pc.replace_substring_regex(plain, f"[{_MARKS}]", " ")
    plain = pc.replace_substring_regex(plain, _FIGURE, "\x03\\0\x04")
    plain = pc.replace_substring_regex(plain, rf"{_GAP}*[^\p{{L}}\p{{N}}{_MARKS}\-/._]{_GAP}*", " ")
    # A sign of money is no letter: its mark is the number's.
    plain = pc.replace_substring(pc.replace_substring(plain, "\x03 ", "\x03"), " \x04", "\x04")
    plain = pc.replace_substring_regex(plain, rf"/([\p{{L}}\p{{N}}{_MARKS}])", " \x02\\1")
    plain = pc.replace_substring_regex(plain, rf"[-/._]+([\p{{L}}\p{{N}}{_MARKS}])", " \x01\\1")
    return pc.replace_substring_regex(plain, r"[-/._]+", " ")


@dataclass(frozen=True, slots=True)
class _Marks:
    """
    What ``_marked`` wrote at words, one bit each.

    :ivar joined, stroke: no blank parts it from the word before, and only a stroke does; :ivar begins, ends: a figure.
    """

    joined: npt.NDArray[np.bool_]
    stroke: npt.NDArray[np.bool_]
    begins: npt.NDArray[np.bool_]
    ends: npt.NDArray[np.bool_]

    def at(self, kept: npt.NDArray[np.bool_]) -> _Marks:
        """Keep those of some words."""
        return _Marks(self.joined[kept], self.stroke[kept], self.begins[kept], self.ends[kept])

    def figures(self) -> npt.NDArray[np.bool_]:
        """Say which words are of amounts, dates or times."""
        inside: npt.NDArray[np.bool_] = np.cumsum(self.begins) > np.cumsum(self.ends) - self.ends
        return inside


def _marks_of(words: pa.Array) -> _Marks:
    """Read the marks of words by their first two bytes and their last one."""
    _, places, bytes_of = words.buffers()
    offsets = np.frombuffer(places, np.int32)[words.offset : words.offset + len(words) + 1].astype(np.int64)
    data = np.frombuffer(bytes_of or b"", np.uint8)
    padded = np.append(data, np.zeros(2, np.uint8))
    starts, ends = offsets[:-1], offsets[1:]
    filled = ends > starts
    first, second, last = (padded[place] * filled for place in (starts, starts + 1, np.maximum(ends - 1, 0)))
    joined = (first == 1) | (first == 2)
    return _Marks(joined, first == 2, (first == 3) | (joined & (second == 3)), last == 4)


def _goes_on(words: pa.Array, owners: npt.NDArray[np.int64], marks: _Marks) -> npt.NDArray[np.bool_]:
    """
    Say of each word whether it goes on with the number that ends the word before it.

    It does with digits, or with one or two letters that begin no number of their own: ``4711-1``, ``4711-B``, ``4711.2a``.
    Not in ``4711/4712``: behind a stroke as many digits that begin alike are the next one of a list, if they are no year.
    """
    found = np.zeros(len(words), np.bool_)
    asked = np.flatnonzero(marks.joined[1:] & (owners[1:] == owners[:-1])) + 1
    if not len(asked):
        return found
    # A word behind the last of a text is of another one.
    next_one = np.minimum(asked + 1, len(words) - 1)
    is_followed = (next_one > asked) & (owners[next_one] == owners[asked])
    before, asked_words, behind = (words.take(pa.array(places)) for places in (asked - 1, asked, next_one))

    def says(what: pa.Array, pattern: str) -> npt.NDArray[np.bool_]:
        told: npt.NDArray[np.bool_] = pc.match_substring_regex(what, pattern).to_numpy(zero_copy_only=False)
        return told

    short = says(asked_words, r"^\p{L}{1,2}$") & ~(is_followed & says(behind, r"^\p{N}{3}"))
    goes = says(asked_words, r"^(\p{N}|\p{L}{1,2}\p{N}{1,2}\p{L}?$)") | short
    goes &= says(before, r"\p{N}")
    for place in np.flatnonzero(goes & marks.stroke[asked] & says(asked_words, r"^\p{Nd}{3,}$")):
        one, other = _DIGITS.findall(before[place].as_py())[-1:], asked_words[place].as_py()
        goes[place] = not one or len(one[0]) != len(other) or one[0][0] != other[0] or bool(_YEAR.fullmatch(one[0]))
    found[asked] = goes
    return found


def name_forms(names: pa.Array) -> pa.Table:
    """
    Write names so that spellings of one party compare.

    :return: ``form``: the normal form without the legal forms that end it; ``block``: the key of the first letters before
        any legal form, by which names are brought together (a bank may write a place behind one); ``words``: all of its
        words in their normal form, a blank between them; null where there is no name.
    """
    return _forms_of_few(tuple(names.to_pylist())) if len(names) <= _FEW_TEXTS else _forms(names)


@lru_cache(maxsize=64)
def _forms_of_few(names: tuple[str | None, ...]) -> pa.Table:
    """Write a few names; as with few texts, the patterns are what takes long."""
    return _forms(pa.array(names, pa.string()))


def _forms(names: pa.Array) -> pa.Table:
    form = normal_column(_without_legal(names))
    words = _joined(*_name_parts(names), len(names), " ")
    return pa.table({"form": form, "block": _block(normal_column(_before_legal(names))), "words": words})


def sorted_forms(names: pa.Array) -> pa.Table:
    """Give ``form`` and ``block`` of names as :func:`name_forms` does, their words in the order of the alphabet."""
    return _sorted_of_few(tuple(names.to_pylist())) if len(names) <= _FEW_TEXTS else _sorted(names)


@lru_cache(maxsize=64)
def _sorted_of_few(names: tuple[str | None, ...]) -> pa.Table:
    return _sorted(pa.array(names, pa.string()))


def _sorted(names: pa.Array) -> pa.Table:
    owners, words = _name_parts(_without_legal(names))
    table = pa.table({"owner": owners, "word": words}).sort_by([("owner", "ascending"), ("word", "ascending")])
    form = normal_column(_joined(table["owner"].combine_chunks(), table["word"].combine_chunks(), len(names), ""))
    return pa.table({"form": form, "block": _block(form)})


def _without_legal(names: pa.Array) -> pa.Array:
    """Leave out the legal forms that end names; in the middle of one SE, SA or CO are words like any other."""
    return _cut(names, rf"({_LEGAL_BEHIND})+[\s.,]*$")


def _before_legal(names: pa.Array) -> pa.Array:
    """Give of each name what stands before the first word that may be a legal form."""
    return _cut(names, rf"{_LEGAL_BEHIND}([\s.,&+].*)?$")


def _cut(names: pa.Array, pattern: str) -> pa.Array:
    """Leave out of names, in capitals, what a pattern finds, if anything else is in them."""
    plain = pc.replace_substring_regex(pc.utf8_upper(names), pattern, "")
    return pc.if_else(pc.match_substring_regex(plain, r"[\p{L}\p{N}]"), plain, names)


def _block(form: pa.Array) -> pa.Array:
    return keys_of(pc.utf8_slice_codeunits(form, 0, NAME_BLOCK))


def _name_parts(names: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Cut names into words in their normal form, each with the place of its name."""
    lists = pc.split_pattern_regex(pc.fill_null(names, ""), r"[^\p{L}\p{M}\p{N}]+")
    owners, words = pc.list_parent_indices(lists).cast(pa.int64()), normal_column(pc.list_flatten(lists))
    said = pc.is_valid(words)
    return owners.filter(said), words.filter(said)


def _joined(owners: pa.Array, words: pa.Array, rows: int, between: str) -> pa.Array:
    """Write the words of each row as one; null where there are none."""
    offsets = np.searchsorted(owners.to_numpy(), np.arange(rows + 1)).astype(np.int32)
    written = pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), words), between)
    return pc.if_else(pc.equal(written, ""), pa.scalar(None, pa.string()), written)
