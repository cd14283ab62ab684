"""
Spellings that a rule set declares: what is left out of identifiers, how letters are written, and other names of a party.

Pure functions of columns, called once outside any engine, as those of ``columns``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from tieout.matching.comparing.check_digits import without_check
from tieout.matching.comparing.columns import name_forms, sorted_forms
from tieout.matching.comparing.two_names import names_agree, names_of_two
from tieout.model.normal import keys_of, normal_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tieout.matching.grammar.rules import Alias, Drop

__all__ = ["agree_by_name", "apart_by_name", "names_said", "rewritten_forms", "rewritten_keys", "spelled_out"]

#: Letters that a language writes with two where it has no marks.
_LETTERS = {
    "german": (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("Ä", "AE"), ("Ö", "OE"), ("Ü", "UE"), ("ß", "ss"), ("ẞ", "SS")),
    "nordic": (
        *(("ø", "oe"), ("å", "aa"), ("æ", "ae"), ("ö", "oe"), ("ä", "ae")),
        *(("Ø", "OE"), ("Å", "AA"), ("Æ", "AE"), ("Ö", "OE"), ("Ä", "AE")),
    ),
    "croatian": (("đ", "dj"), ("Đ", "DJ")),
}
#: The zeros that lead a number, wherever it stands; of a number that is nothing else one stays.
_ZEROS = (r"(^|[^0-9])0+([0-9])", r"\1\2")


def spelled_out(said: pa.Array, letters: Sequence[str]) -> pa.Array:
    """Write the letters of languages without marks (``rules.LETTERS``)."""
    if letters:
        said = pc.utf8_normalize(said, form="NFC")
    for language in letters:
        for sign, written in _LETTERS[language]:
            said = pc.replace_substring(said, sign, written)
    return said


def rewritten_forms(said: pa.Array, drop: Drop, letters: Sequence[str]) -> pa.Array:
    """Give normal forms of identifiers without what is to be dropped; an identifier that is nothing else stays as it is."""
    said = spelled_out(said, letters)
    if drop.zeros:
        said = pc.replace_substring_regex(said, *_ZEROS)
    form = normal_column(said)
    length = pc.utf8_length(form)
    for sign, begins in ((drop.prefix, True), (drop.suffix, False)):
        if sign:
            has = pc.and_((pc.starts_with if begins else pc.ends_with)(form, sign), pc.greater(length, len(sign)))
            cut = pc.utf8_slice_codeunits(form, len(sign)) if begins else pc.utf8_slice_codeunits(form, 0, -len(sign))
            form = pc.if_else(has, cut, form)
            length = pc.utf8_length(form)
    if drop.check:
        checked = [one and without_check(one, drop.check) for one in form.to_pylist()]
        form = normal_column(pa.array(checked, pa.string()))
        length = pc.utf8_length(form)
    if drop.last:
        form = pc.if_else(pc.greater(length, drop.last), pc.utf8_slice_codeunits(form, 0, -drop.last), form)
    return normal_column(form)  # zeros that lead now fall away


def rewritten_keys(rows: pa.Table, drop: Drop, letters: Sequence[str]) -> pa.Table:
    """Give the keys of rewritten identifiers, each as one: (thing, said, key)."""
    form = rewritten_forms(rows["said"].combine_chunks().cast(pa.string()), drop, letters)
    return pa.table({"thing": rows["thing"], "said": form, "key": keys_of(form)})


def names_said(rows: pa.Table, aliases: Sequence[Alias] = (), letters: Sequence[str] = ()) -> pa.Table:
    """
    Give the forms of names by which spellings of one party compare: (thing, plain, form, block, words).

    A name whose words stand in another order than the alphabet's is told in that one, too: there ``words`` is null.

    :param aliases: of names of the right: each that bears one has the left's name, too.
    """
    told = pa.table({"thing": rows["thing"].combine_chunks(), "said": rows["said"].combine_chunks().cast(pa.string())})
    if aliases:
        ours: dict[str, list[str]] = {}
        rights = pa.array([alias.right for alias in aliases], pa.string())
        # With and without its legal form, which may be written in a way that is not known as one.
        for forms in (name_forms(rights)["form"], normal_column(rights)):
            for alias, form in zip(aliases, forms.to_pylist(), strict=True):
                names = ours.setdefault(form or "", [])
                names += [alias.left] if alias.left not in names else []
        at = pc.index_in(name_forms(told["said"].combine_chunks())["form"], value_set=pa.array(list(ours), pa.string()))
        known, bearers = list(ours.values()), told.append_column("at", at).filter(pc.is_valid(at)).to_pylist()
        more = [(row["thing"], name) for row in bearers for name in known[row["at"]]]
        added = {
            "thing": pa.array([t for t, _ in more], pa.int64()),
            "said": pa.array([n for _, n in more], pa.string()),
        }
        told = pa.concat_tables([told, pa.table(added)])
    said = spelled_out(told["said"].combine_chunks(), letters)
    forms, plain = name_forms(said), normal_column(said)
    written = pa.table(
        {"thing": told["thing"], "plain": plain, **dict(zip(forms.column_names, forms.columns, strict=True))}
    )
    in_order = sorted_forms(said)
    differs = (pc.not_equal(in_order[name], forms[name]) for name in ("form", "block"))
    other = pc.fill_null(pc.or_(*differs), False)  # noqa: FBT003 - pyarrow's own signature
    turned = written.select(["thing", "plain"]).append_column("form", in_order["form"])
    turned = turned.append_column("block", in_order["block"]).append_column("words", pa.nulls(len(said), pa.string()))
    return pa.concat_tables([written, turned.filter(other)])


def agree_by_name(
    ones: Sequence[str | None], others: Sequence[str | None], aliases: Sequence[Alias] = ()
) -> list[bool]:
    """Say of each pair of names (left, right) whether they speak for one party, by themselves or by an alias."""
    known = _known(aliases)
    both = list(zip(ones, others, strict=True))
    agree = [one is not None and other is not None and names_agree(one, other) for one, other in both]
    if not known:
        return agree
    forms = zip(_forms([one or "" for one in ones]), _forms([other or "" for other in others]), strict=True)
    return [same or pair in known for same, pair in zip(agree, forms, strict=True)]


def apart_by_name(rows: pa.Table, aliases: Sequence[Alias] = ()) -> pa.Table:
    """Keep the bundles whose two names (one, other) are two parties', and no alias says that they are one."""
    ones, others = rows["one"].to_pylist(), rows["other"].to_pylist()
    apart = names_of_two(ones, others)
    if aliases and any(apart):
        known = _known(aliases)
        both = zip(_forms(ones), _forms(others), strict=True)
        apart = [two and pair not in known for two, pair in zip(apart, both, strict=True)]
    return rows.select(["bundle"]).filter(pa.array(apart, pa.bool_()))


def _known(aliases: Sequence[Alias]) -> set[tuple[str, str]]:
    """Give the forms of names that aliases say are one: (left, right)."""
    lefts, rights = _forms([alias.left for alias in aliases]), _forms([alias.right for alias in aliases])
    return set(zip(lefts, rights, strict=True))


def _forms(names: Sequence[str]) -> list[str]:
    return [form or "" for form in name_forms(pa.array(names, pa.string()))["form"].to_pylist()]
