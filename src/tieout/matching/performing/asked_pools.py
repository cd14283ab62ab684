"""
Which pools of a rule are searched, and how much each may take: no order of rows and no clock decides it.

A pool of few candidates is searched up to the bound of one search. Of larger ones there may be as many as there are lines,
and each could take that long: so they share one bound, in equal parts, and what a part is too small for stays undecided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.matching.pools.subset import OPERATIONS_MAX

if TYPE_CHECKING:
    from tieout.matching.backends.engine import Engine

__all__ = ["FEW", "POOL_MAX", "ask_pools", "bounds_sql"]

#: A pool of more candidates is not searched.
POOL_MAX = 1_000
#: A pool of no more may take the whole bound of one search.
FEW = 60
#: So many pools of few candidates are searched by one rule, and so many larger ones; what is beyond stays for a person.
_SMALL_POOLS_MAX = 200_000
_LARGE_POOLS_MAX = 256
#: The operations that the larger pools of one rule share.
_SHARED_MAX = 1 << 31


def ask_pools(engine: Engine, candidates: str, mine: str, theirs: str) -> int:
    """
    Make ``asked`` (anchor), the pools that are searched, and ``unasked`` (anchor, several), those that are not, though
    something of them may be part of an answer; gives how many operations a pool of more than :data:`FEW` may take.

    Of a large pool nothing can be part where all of it together is too little, or each is more than the others could bring
    down to the amount: it is neither. Where there are too many pools, those of the first things by day and id are searched.

    :param candidates: the relation of candidates (l, r); beside it ``l_order`` and ``r_order`` (thing, place) are read.
    :param mine, theirs: ``l`` and ``r``, or the other way round: which half is the one.
    """
    less, more = (f"sum(case when o.amount {than} 0 then o.amount else 0 end)" for than in "<>")
    engine.create(
        "pool_sizes",
        f"""select c.{mine} as anchor, min(f.place) as place, count(*) as several, min(a.ccy) as ccy, min(a.amount) as target,
                {less} as less, {more} as more
            from {candidates} c join {mine} a on a.thing = c.{mine} join {theirs} o on o.thing = c.{theirs}
            join {mine}_order f on f.thing = a.thing where a.ccy = o.ccy group by c.{mine}""",
    )
    engine.create(
        "large_pools",
        f"""select s.anchor, min(s.place) as place, min(s.several) as several
            from pool_sizes s join {candidates} c on c.{mine} = s.anchor join {theirs} o on o.thing = c.{theirs}
            where s.several > {FEW} and s.ccy = o.ccy and s.target between s.less and s.more
                and o.amount between s.target - s.more and s.target - s.less
            group by s.anchor""",
    )
    engine.create(
        "asked_small", f"select anchor from pool_sizes where several <= {FEW} order by place limit {_SMALL_POOLS_MAX}"
    )
    engine.create(
        "asked_large",
        f"select anchor from large_pools where several <= {POOL_MAX} order by place limit {_LARGE_POOLS_MAX}",
    )
    # Joined, not one behind the other: Spark loses its way in what it knows of the two parts.
    engine.create(
        "asked",
        """select s.anchor from pool_sizes s left join asked_small f on f.anchor = s.anchor
            left join asked_large g on g.anchor = s.anchor where f.anchor is not null or g.anchor is not null""",
    )
    engine.create(
        "unasked",
        f"""select s.anchor, s.several from pool_sizes s left join large_pools g on g.anchor = s.anchor
            anti join asked q on q.anchor = s.anchor where s.several <= {FEW} or g.anchor is not null""",
    )
    return min(OPERATIONS_MAX, _SHARED_MAX // max(engine.count("asked_large"), 1))


def bounds_sql() -> str:
    """
    Write the query for the bound that each line hit: (thing, bound, had, most).

    Reads ``beyond_now`` (thing, several, operations); of what was not searched at all, ``operations`` is 0.
    """
    behind = f"case when several > {FEW} then {_LARGE_POOLS_MAX} else {_SMALL_POOLS_MAX} end"
    return f"""select thing, several as had, case when operations > 0 then 'operations' when several > {POOL_MAX} then 'candidates'
            else 'pools' end as bound, (case when operations > 0 then operations when several > {POOL_MAX} then {POOL_MAX}
            else {behind} end)::bigint as most
        from beyond_now"""
