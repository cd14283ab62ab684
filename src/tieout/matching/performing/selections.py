"""
Several things against one without a common identifier: only if exactly one selection fits, of all that could be meant.

For each thing of the one side the candidates of the other are gathered (same currency, days, the keys of the rule, no name
of another party where there is no key) and searched exactly. One answer that chance would hardly give is a match; two
answers are ambiguous, and hold what they name back from weaker rules, so that no weaker rule picks one of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tieout.matching.performing.asked_pools import FEW, ask_pools
from tieout.matching.pools.subset import OPERATIONS_MAX, subset_sum

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from tieout.matching.backends.engine import Engine
    from tieout.matching.grammar.rules import Rule
    from tieout.matching.pools.verdicts import Verdict

__all__ = ["Bundle", "Selections", "search_pool", "select_from_pools"]


@dataclass(frozen=True, slots=True)
class Bundle:
    """
    A unique answer.

    :ivar coincidence: how many such answers are to be expected by accident, in millionths.
    :ivar in_order: equal things outside it could take the place of some; the first ones are in it.
    """

    one: int
    several: list[int]
    coincidence: int
    in_order: bool


@dataclass(slots=True)
class Selections:
    """
    What the search of all pools gave.

    :ivar bundles: unique answers.
    :ivar held_ones, held_others: things of answers that fit equally well.
    :ivar by_chance: things of the only answer, where another might fit as well by accident.
    :ivar beyond: the ones whose search hit its bound: whether anything fits is not known; of each, how many could be
        meant, and the bound in operations.
    :ivar unsure: what is in answers that are not taken: (the one, a thing, why: ``several`` fit, its only one is ``shared``
        with another one's, or may be ``chance``).
    :ivar choices: of answers that fit equally well those that are listed: (the one, which of them, a thing, how many
        there are, at most ``verdicts.COUNT_MAX``; 0: not counted).
    """

    bundles: list[Bundle] = field(default_factory=list)
    held_ones: set[int] = field(default_factory=set)
    held_others: set[int] = field(default_factory=set)
    by_chance: set[int] = field(default_factory=set)
    beyond: dict[int, tuple[int, int]] = field(default_factory=dict)
    unsure: set[tuple[int, int, str]] = field(default_factory=set)
    choices: set[tuple[int, int, int, int]] = field(default_factory=set)


def select_from_pools(engine: Engine, rule: Rule, candidates: str, *, anchor: str) -> None:
    """
    Search the pools of a rule, and keep what came out: ``summed`` as a plan leaves it, with margin, coincidence and
    beside, ``held_now`` and ``chance_now`` (thing), ``beyond_now`` (thing, several, operations; 0: not searched at all),
    ``unsure_now`` (one, thing, how), and ``choices_now`` (one, nth, thing, many).

    Reads ``l_order`` and ``r_order`` (thing, place), so that which stood first in a file decides nothing.

    :param candidates: the relation of candidates (l, r).
    :param anchor: ``l`` or ``r``: which half is the one.
    """
    one, other = (("left", "right"), ("l", "r")) if anchor == "l" else (("right", "left"), ("r", "l"))
    large_max = ask_pools(engine, candidates, *other)
    query = f"""
        select c.{other[0]} as anchor, a.amount as target, c.{other[1]} as thing, o.amount
        from {candidates} c semi join asked q on q.anchor = c.{other[0]}
        join {other[0]} a on a.thing = c.{other[0]} join {other[1]} o on o.thing = c.{other[1]}
        join {other[0]}_order f on f.thing = a.thing join {other[1]}_order g on g.thing = o.thing
        where a.ccy = o.ccy
        order by f.place, o.amount, o.{other[1]}_day, g.place
    """
    found = _search(engine.arrow(query), rule, large_max)
    bundles = _without_contradiction(found)
    unasked = engine.arrow("select anchor, several from unasked").to_pydict()
    found.beyond |= {anchor: (several, 0) for anchor, several in zip(*unasked.values(), strict=True)}
    rows = [(bundle, one[0], bundle.one) for bundle in bundles]
    rows += [(bundle, one[1], thing) for bundle in bundles for thing in bundle.several]
    engine.take(
        "summed",
        pa.table(
            {
                "bundle": pa.array([bundle.one for bundle, _, _ in rows], pa.int64()),
                "side": pa.array([r[1] for r in rows], pa.string()),
                "thing": pa.array([r[2] for r in rows], pa.int64()),
                "difference": pa.array([0] * len(rows), pa.int64()),
                "taken": pa.nulls(len(rows), pa.int64()),
                # The margin over its equals is none, and the match says so.
                "margin": pa.array([0 if bundle.in_order else None for bundle, _, _ in rows], pa.int32()),
                "coincidence": pa.array([bundle.coincidence for bundle, _, _ in rows], pa.int64()),
                "beside": pa.nulls(len(rows), pa.int32()),
            },
        ),
    )
    held = found.held_ones | found.held_others
    told = {"held_now": held | found.by_chance, "chance_now": found.by_chance - held}
    for name, said in told.items():
        engine.take(name, pa.table({"thing": pa.array(sorted(said), pa.int64())}))
    whole = pa.int64()
    beyond = pa.schema({"thing": whole, "several": whole, "operations": whole})
    engine.take("beyond_now", _table(sorted((thing, *bound) for thing, bound in found.beyond.items()), beyond))
    unsure = pa.schema({"one": whole, "thing": whole, "how": pa.string()})
    engine.take("unsure_now", _table(sorted(found.unsure), unsure))
    choices = pa.schema({"one": whole, "nth": whole, "thing": whole, "many": whole})
    engine.take("choices_now", _table(sorted(found.choices), choices))


def _table(rows: Sequence[tuple[int | str, ...]], schema: pa.Schema) -> pa.Table:
    return pa.table([pa.array([row[n] for row in rows], kind) for n, kind in enumerate(schema.types)], schema=schema)


def _search(rows: pa.Table, rule: Rule, large_max: int) -> Selections:
    """Search each pool."""
    found = Selections()
    anchors = rows["anchor"].to_numpy()
    targets, things, amounts = (rows[name].to_numpy() for name in ("target", "thing", "amount"))
    starts = np.flatnonzero(np.r_[True, anchors[1:] != anchors[:-1]]) if len(anchors) else np.zeros(0, np.int64)
    for begin, end in zip(starts, [*starts[1:], len(anchors)], strict=False):
        pool = amounts[begin:end].astype(np.int64)
        search_pool(found, int(anchors[begin]), int(targets[begin]), things[begin:end], pool, rule, large_max)
    return found


def search_pool(
    found: Selections,
    anchor: int,
    target: int,
    things: npt.NDArray[np.int64],
    amounts: npt.NDArray[np.int64],
    rule: Rule,
    large_max: int,
) -> None:
    """
    Search one pool, and add its verdict to what was found.

    :param target: the amount that things of the pool are to come to.
    :param things, amounts: those of the pool, equal ones in the order in which they are settled.
    :param large_max: how many operations a pool of more than :data:`~tieout.matching.performing.asked_pools.FEW` may take.
    """
    verdict = subset_sum(amounts, target, operations_max=OPERATIONS_MAX if len(amounts) <= FEW else large_max)
    if verdict.outcome == "undecided":
        found.beyond[anchor] = len(amounts), verdict.operations
    else:
        _judge(found, anchor, things, amounts, verdict, rule)


def _judge(
    found: Selections,
    anchor: int,
    pool: npt.NDArray[np.int64],
    amounts: npt.NDArray[np.int64],
    verdict: Verdict,
    rule: Rule,
) -> None:
    """Add to what was found the verdict of one pool: the things that it was searched in, and their amounts, in its order."""
    chosen = [[int(pool[i]) for i in solution] for solution in verdict.solutions]
    is_settled = verdict.outcome == "unique" and (rule.interchangeable or not verdict.interchangeable)
    if is_settled and verdict.lambda_micro <= rule.coincidence_micro:
        found.bundles.append(Bundle(anchor, chosen[0], verdict.lambda_micro, verdict.interchangeable))
    elif is_settled:
        found.by_chance.update((anchor, *chosen[0]))
        found.unsure.update((anchor, thing, "chance") for thing in chosen[0])
    elif verdict.outcome in {"ambiguous", "unique"}:
        found.held_ones.add(anchor)
        # Of equal amounts, any may be part of an answer; of more answers than are listed, anything. Of few, or of one
        # payer's, that is kept from weaker rules; of everybody's it says nothing: some always come to a sum.
        is_listed = verdict.is_counted and verdict.count == len(chosen)
        is_telling = bool(rule.keys) or len(pool) <= FEW
        sizes = [amounts[i] for solution in verdict.solutions for i in solution]
        named = pool[np.isin(amounts, sizes if is_listed or not is_telling else amounts)].tolist()
        if is_listed or is_telling:
            found.held_others.update(named)
        found.unsure.update((anchor, thing, "several") for thing in named)
        if verdict.count > 1:
            many, every = verdict.count if verdict.is_counted else 0, enumerate(chosen)
            found.choices.update((anchor, nth, thing, many) for nth, several in every for thing in several)


def _without_contradiction(found: Selections) -> list[Bundle]:
    """Keep the answers that share nothing with another answer; those that do are held back, all of them."""
    named: dict[int, int] = {}
    for bundle in found.bundles:
        for thing in bundle.several:
            named[thing] = named.get(thing, 0) + 1
    kept = []
    for bundle in found.bundles:
        if any(named[thing] > 1 or thing in found.held_others or thing in found.by_chance for thing in bundle.several):
            found.held_ones.add(bundle.one)
            found.held_others.update(bundle.several)
            found.unsure.update((bundle.one, thing, "shared") for thing in bundle.several)
        else:
            kept.append(bundle)
    return kept
