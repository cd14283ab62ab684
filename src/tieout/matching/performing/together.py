"""
Candidates that compete, settled together: only pairs that every best assignment has.

Where each takes its best, one pair can stand in the way of two. Candidates that share a thing, and those that share one
with those, are a pool; the assignment of its things with the most points is found exactly, and a pair counts as far as
all of them would have fewer points without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tieout.matching.performing.left_open import note_undecided
from tieout.matching.pools.assignment import assign

if TYPE_CHECKING:
    from tieout.matching.backends.engine import Engine
    from tieout.matching.grammar.rules import Rule
    from tieout.matching.performing.perform import Performance

__all__ = ["POOL_MAX", "settle_together"]

#: So many things may compete with each other; beyond, all of them are *undecided*.
POOL_MAX = 400
#: So often what competes is asked for its neighbours; a pool whose ends are farther apart has more things than allowed.
_ROUNDS_MAX = 2 * POOL_MAX
#: What is said of a pair: every best assignment has it. Of a thing of either side: it is not settled.
_SURE, _UNSETTLED = range(2)
_SAID = pa.schema({"said": pa.int32(), "l": pa.int64(), "r": pa.int64(), "margin": pa.int32(), "things": pa.int32()})


def settle_together(work: Performance, rule: Rule) -> None:
    """
    Make ``paired`` of ``competing`` (l, r, score, coincidence, rival), and add to ``held`` and ``undecided`` what stays unclear.
    """
    engine, score = work.engine, rule.score
    if score is None:
        raise AssertionError
    counted = "select *, count(*) over (partition by l) as of_l, count(*) over (partition by r) as of_r from competing"
    engine.view("counted", counted)
    engine.create("contested", "select l, r, score from counted where of_l > 1 or of_r > 1")
    _find_pools(engine)
    query = f"select c.l, c.r, c.score, p.label from contested c join pools p on p.l = c.l where p.n <= {POOL_MAX}"
    engine.group("settled", query, "label", _settled, _SAID)
    alone = "select l, r, score as margin, 2 as things from counted where of_l = 1 and of_r = 1"
    sure = f"select l, r, margin, things from settled where said = {_SURE} union all {alone}"
    gate = "" if score.coincidence_micro is None else f" and c.coincidence <= {score.coincidence_micro}"
    engine.create(
        "paired",
        f"""select c.l, c.r,
                (case when lt.ccy = rt.ccy then lt.amount - rt.amount else lt.base - rt.base end)::bigint as difference,
                c.score, least(s.margin, c.score - c.rival)::integer as margin, c.coincidence, case when s.things > 2 then s.things end as beside
            from competing c join ({sure}) s on s.l = c.l and s.r = c.r
            join l lt on lt.thing = c.l join r rt on rt.thing = c.r
            where least(s.margin, c.score - c.rival) >= {max(score.margin, 1)}{gate}""",
    )
    engine.add(
        "held",
        f"""select l as thing from settled where said = {_UNSETTLED} and l is not null
            union select r from settled where said = {_UNSETTLED} and r is not null""",
    )
    bound = f"'together' as bound, p.n::bigint as had, {POOL_MAX}::bigint as most"
    beyond = f"{bound} from contested c join pools p on p.l = c.l where p.n > {POOL_MAX}"
    note_undecided(engine, f"select c.l as thing, {beyond} union select c.r, {beyond}")


def _find_pools(engine: Engine) -> None:
    """
    Make ``pools`` (l, label, n): what hangs together has one label, and ``n`` things.

    Each thing takes the least label of its neighbours, and then that one's label, until nothing changes: the rounds are
    as the logarithm of how far the ends of a pool are apart.
    """
    engine.create("labels", "select distinct l, l as label from contested")
    for _ in range(_ROUNDS_MAX):
        engine.view(
            "met",
            """select c.l, min(r.label) as label from contested c join (
                    select c.r, min(b.label) as label from contested c join labels b on b.l = c.l group by c.r
                ) r on r.r = c.r group by c.l""",
        )
        engine.create("jumped", "select m.l, least(m.label, n.label) as label from met m join met n on n.l = m.label")
        engine.view("changed", "select j.l from jumped j join labels b on b.l = j.l where b.label <> j.label")
        is_settled = not engine.count("changed")
        engine.rename("jumped", "labels")
        if is_settled:
            break
    engine.view(
        "pools",
        """select b.l, b.label, s.n from labels b join (
                select b.label, count(distinct c.l) + count(distinct c.r) as n
                from contested c join labels b on b.l = c.l group by b.label
            ) s on s.label = b.label""",
    )


def _settled(rows: pa.Table) -> pa.Table:
    """Settle one pool: the pairs that are sure, and, where some are not, everything else as unsettled."""
    left, right, points = (rows[name].to_numpy().astype(np.int64) for name in ("l", "r", "score"))
    lefts, row = np.unique(left, return_inverse=True)
    rights, column = np.unique(right, return_inverse=True)
    scores = np.zeros((len(lefts), len(rights)), np.int64)
    scores[row, column] = points
    found = assign(scores)
    things = len(lefts) + len(rights)
    sure = [pair for pair in found.pairs if pair.margin]
    said: list[tuple[int, int | None, int | None, int, int]] = [
        (_SURE, int(lefts[pair.row]), int(rights[pair.column]), pair.margin, things) for pair in sure
    ]
    if found.outcome == "ambiguous":
        settled = {pair.row for pair in sure}, {pair.column for pair in sure}
        said += [(_UNSETTLED, int(one), None, 0, things) for n, one in enumerate(lefts) if n not in settled[0]]
        said += [(_UNSETTLED, None, int(one), 0, things) for n, one in enumerate(rights) if n not in settled[1]]
    columns = list(zip(*said, strict=True)) or [()] * len(_SAID)
    return pa.table([pa.array(column, field.type) for column, field in zip(columns, _SAID, strict=True)], schema=_SAID)
