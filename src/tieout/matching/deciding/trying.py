"""
Whether a person could match two records, found out without deciding anything.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from tieout.errors import WrongUse
from tieout.matching.deciding.by_hand import HandMatch, allocate, shares_of
from tieout.matching.grammar.reading import rule_set
from tieout.store.engine import connect
from tieout.store.runs import results_at
from tieout.store.workplace import files_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tieout.config import Workspace
    from tieout.config.workspace import Reconciliation
    from tieout.store.workplace import Store

__all__ = ["try_matches"]


def try_matches(
    store: Store,
    workspace: Workspace,
    reconciliation: Reconciliation,
    own: bytes,
    others: Sequence[bytes],
    side: str,
    difference: str | None = None,
) -> list[int | None]:
    """
    Say of each other record whether it could be matched with one of ours.

    :param side: of our record, ``left`` or ``right``; the others are of the other one.
    :param difference: what a person would say that it is; None: nothing, and a part would do.
    :return: what the left has more than the right, at nine decimals; 0 where they agree; None where they cannot be
        matched, not even in part.
    """
    rules = rule_set(workspace, reconciliation)
    with store.book.reading() as connection:
        results, files = results_at(connection), files_at(connection, ("records", "superseded"))
    found: list[int | None] = []
    with closing(connect()) as con:
        for other in others:
            left, right = (own, other) if side == "left" else (other, own)
            wanted = HandMatch(left=(left,), right=(right,), difference=difference, part=difference is None)
            try:
                shares = shares_of(con, store, reconciliation, rules, wanted, results, files)
                allocate(shares, wanted, workspace)
                found.append(sum(s.turned if s.side == "left" else -s.turned for s in shares))
            except WrongUse:
                found.append(None)
    return found
