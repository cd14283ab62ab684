"""
What matching computes on columns of text, once, outside any engine: keys of identifiers, tokens of a bank's text, names.

Engines fold text differently, so they only ever compare the integers that come out of here.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tieout.model.normal import keys_of, normal_column

__all__ = ["NAME_BLOCK", "name_forms", "names_of_two", "says_a_name", "token_keys", "token_words"]

#: An identifier may be cut into so many words by a bank ("PO 2025 001").
_WORDS_JOINED = 4
#: Shorter words identify nothing.
_TOKEN_MIN = 4
#: A number behind letters that are written to it is a word, too: "RE10077" is what a ledger calls 10077.
_NUMBER_BEHIND_LETTERS = r"^\p{L}+(?P<number>\p{Nd}{4,})$"
#: Words of one text beyond this are not looked at.
_WORDS_MAX = 200
#: How many letters of a name two spellings must share to be compared at all.
NAME_BLOCK = 6
_LEGAL = "GMBH|AG|KG|OHG|UG|SE|EV|LTD|LIMITED|LLC|INC|CORP|CO|PLC|LLP|SA|SAS|SARL|SPA|SRL|BV|NV|AB|OY|OYJ|AS|APS|KK|PTY"


def token_keys(things: pa.Array, texts: pa.Array) -> pa.Table:
    """
    Give the keys of what ``token_words`` makes of texts.

    :return: columns ``thing``, ``key``: distinct.
    """
    owners, words = token_words(things, texts)
    table = pa.table({"thing": owners, "key": keys_of(words)})
    return table.filter(pc.is_valid(table["key"])).group_by(["thing", "key"], use_threads=False).aggregate([])


def token_words(things: pa.Array, texts: pa.Array) -> tuple[pa.Array, pa.Array]:
    """
    Cut texts into words; write up to four neighbouring ones together, and numbers without the letters before them.

    :param things: int64, whose text each is.
    :return: things and words, without words of fewer than four letters and digits.
    """
    present = pc.is_valid(texts)
    things, texts = things.filter(present), texts.filter(present)
    lists = pc.list_slice(pc.split_pattern_regex(pc.utf8_upper(texts), r"[^\p{L}\p{N}]+"), 0, _WORDS_MAX)
    words = pc.list_flatten(lists)
    owners = pc.list_parent_indices(lists).to_numpy()
    kept = pc.not_equal(words, "").to_numpy(zero_copy_only=False)
    words, owners = words.filter(pa.array(kept)), owners[kept]
    joined, whose = [words], [owners]
    for step in range(1, _WORDS_JOINED):
        if len(words) <= step:
            break
        same = owners[:-step] == owners[step:]
        longer = pc.binary_join_element_wise(joined[-1].slice(0, len(words) - step), words.slice(step), "")
        joined.append(longer)
        whose.append(np.where(same, owners[:-step], -1))
    number = pc.struct_field(pc.extract_regex(words, _NUMBER_BEHIND_LETTERS), "number")
    behind = pc.is_valid(number)
    joined.append(number.filter(behind))
    whose.append(owners[behind.to_numpy(zero_copy_only=False)])
    spelled = pa.concat_arrays([part if isinstance(part, pa.Array) else part.combine_chunks() for part in joined])
    owner = np.concatenate(whose)
    long_enough = pc.greater_equal(pc.utf8_length(spelled), _TOKEN_MIN).to_numpy(zero_copy_only=False) & (owner >= 0)
    return things.take(pa.array(owner[long_enough])), spelled.filter(pa.array(long_enough))


def name_forms(names: pa.Array) -> pa.Table:
    """
    Write names so that spellings of one party compare.

    :return: ``form``: the normal form without words that only say the legal form; ``block``: the key of its first
        letters, by which names are brought together; null where there is no name.
    """
    plain = pc.replace_substring_regex(pc.utf8_upper(names), rf"[\s.,]+({_LEGAL})\.?([\s.,].*)?$", "")
    form = normal_column(pc.if_else(pc.equal(plain, ""), names, plain))
    return pa.table({"form": form, "block": keys_of(pc.utf8_slice_codeunits(form, 0, NAME_BLOCK))})


def names_of_two(ones: list[str], others: list[str]) -> list[bool]:
    """
    Say of each pair of names whether they are two parties': no word of the one is, or begins, a word of the other.

    Names of which nothing is left but marks, single letters and legal forms speak against nobody.
    """
    return [
        bool(one and other) and not any(_begins(a, b) for a in one for b in other)
        for one, other in zip(map(_name_words, ones), map(_name_words, others), strict=True)
    ]


def says_a_name(name: str | None) -> bool:
    """Say whether anything is left of a name but marks, single letters and legal forms."""
    return name is not None and bool(_name_words(name))


_WORD = re.compile(r"[^\W_]{2,}")
_LEGAL_WORDS = set(_LEGAL.split("|")) | {
    "AKTIENGESELLSCHAFT",
    "GESELLSCHAFT",
    "UND",
    "AND",
    "THE",
    "HERR",
    "FRAU",
    "MR",
    "MRS",
}


@lru_cache(maxsize=100_000)
def _name_words(name: str) -> frozenset[str]:
    folded = unicodedata.normalize("NFKD", name.upper().replace("Ä", "AE").replace("Ö", "OE").replace("Ü", "UE"))
    plain = "".join(sign for sign in folded if not unicodedata.combining(sign))
    return frozenset(_WORD.findall(plain)) - _LEGAL_WORDS


def _begins(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return long.startswith(short)
