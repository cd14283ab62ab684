"""
Which bound a search hit, in words: how many there were, and how many are looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tieout.matching.performing.perform import Performance

__all__ = ["tell_bounds"]

#: What is said of a bound, by its name in ``beyond``; of several that something hit the first here.
_SAID = {
    "pairs": "an identifier of it brings {had} pairs together, and of at most {most} they are looked at",
    "words": "an identifier of it is a word that {had} bear, and of more than {most} it names none",
    "candidates": "{had} could be part of it, and a selection is looked for among at most {most}",
    "operations": "{had} could be part of it, and to look for a selection among them takes more than {most} operations",
    "pools": "{had} could be part of it, and it stands behind the first {most} for which a selection of so many is looked for",
    "together": "{had} compete, and at most {most} are settled together",
    "rivals": "{had} could be meant, and at most {most} are weighed",
    "alike": "{had} pairs could be meant on both sides, and at most {most} are weighed",
    "begin alike": "on both sides more than {most} pairs begin alike",
    "runs": "to look for runs of consecutive lines takes more than {most} operations",
    "laid": "accounts with what could be made of their lines are {had} pairs, and at most {most} are laid end to end",
    "others": "what it fits is undecided itself",
}


def tell_bounds(work: Performance) -> None:
    """Make ``told_bounds`` (thing, said): which bound the search of something that is ``beyond`` hit."""
    cases, ranks = [], []
    for rank, (bound, said) in enumerate(_SAID.items()):
        written = said.replace("{had}", "', had, '").replace("{most}", "', most, '")
        cases.append(f"when '{bound}' then concat('{written}')")
        ranks.append(f"when '{bound}' then {rank}")
    work.engine.create(
        "told_bounds",
        f"""select thing, case bound {" ".join(cases)} end as said from (
                select *, row_number() over (
                    partition by thing order by case bound {" ".join(ranks)} end, had desc nulls last, most) as turn
                from beyond
            ) b where turn = 1""",
    )
