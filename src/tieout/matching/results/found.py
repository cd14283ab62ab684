"""
What is asked of the matches of a run, wherever their rows are: in memory (``outcome``), or with an engine (``spread``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pyarrow as pa

    from tieout.matching.performing.perform import Performance
    from tieout.store.lake import LakeFile

__all__ = ["SIDES", "Found", "evidence_text", "records_found", "runner_up_text", "things_found"]

SIDES = ("left", "right")


class Found(Protocol):
    """The matches of a run."""

    @property
    def rules(self) -> list[tuple[str, bool, bool]]:
        """Give (name, whether it is exact, whether its matches are confirmed) of each rule."""

    def leave_rests(self, work: Performance) -> Callable[[], None]:
        """
        Make ``rests`` (thing, rest, begun) and ``touched`` (thing), which is needed where there are families only.

        :return: makes ``asked_used`` (thing, used) of ``asked``: whether a confirmed match uses each.
        """

    def matches(self, work: Performance, reconciliation: str, *, final: bool) -> Iterator[pa.Table]:
        """
        Give the rows of the lake table ``matches``, in total order, a part at a time.

        :param final: those of exact rules; what they find in what a provisional match of another reconciliation left
            rests on that match, and is as provisional.
        """

    def leave_differences(self, work: Performance) -> None:
        """
        Make ``differing`` (match_id, rule, exact, difference, mixed, ccy, sign): the matches whose sides differ.

        And ``differing_parts`` (match_id, side, is_document, thing, taken): what they take of documents and of a bank's
        entries.
        """

    def counts(self, work: Performance, written: Sequence[tuple[LakeFile, bool]]) -> dict[str, int]:
        """Count what a run found, for people."""


def things_found(shape: str, found: str, *, tells: bool = False, ranks: bool = False) -> str:
    """
    Write what a rule found as things: (bundle, side, thing, taken, difference, and the figures of ``parts.FIGURES``).

    :param shape: ``paired`` or ``summed``.
    :param found: the relation.
    :param tells: of sums it says their margin and coincidence, and beside how many others a match stands.
    :param ranks: it says who came next.
    """
    beside = ("beside" if tells else "null as beside") + (", runner_up" if ranks else ", null as runner_up")
    if shape == "summed":
        figures = "margin, coincidence" if tells else "null as margin, null as coincidence"
        figures = f"null as score, {figures}, {beside}"
        return f'select bundle, side, thing, taken, difference, {figures} from "{found}"'
    figures = f"difference, score, margin, coincidence, {beside}"
    return (
        f"select l as bundle, 'left' as side, l as thing, l_taken as taken, {figures} from \"{found}\""
        f" union all select l, 'right', r, r_taken, {figures} from \"{found}\""
    )


def evidence_text(tells: tuple[str, str], number: str) -> str:
    """Write what a match tells beside its points: by the word of its rule, of what there are how many."""
    word, what = tells
    return f'{{"{word}":{{"{what}":{number}}}}}'


def runner_up_text(record_id: str) -> str:
    """
    Write who came next to a match that is the best by its points, as its evidence says it.

    :param record_id: hexadecimal, in small letters.
    """
    return f'{{"runner_up":{{"record_id":"{record_id}"}}}}'


def records_found(work: Performance, number: int, shape: str, found: str) -> Iterator[tuple[str, str, str]]:
    """
    Write the records of what a rule found, side by side: things that are several records are replaced by them.

    :param number: of the rule.
    :return: of each side the row, what is taken of it, and what stands behind ``from``: things as ``t``.
    """
    rule = work.rules.rules[number]
    loose = things_found(shape, found, tells=rule.weighs_sums, ranks=rule.ranks)
    for side, grouped in zip(SIDES, work.grouped, strict=True):
        row, taken, joined = "t.thing", "t.taken", ""
        if grouped:
            row, taken = "coalesce(m.row, t.thing)", "coalesce(m.amount, t.taken)"
            joined = f"left join members_of_{side} m on m.thing = t.thing"
        yield row, taken, f"({loose}) t {joined} where t.side = '{side}'"
