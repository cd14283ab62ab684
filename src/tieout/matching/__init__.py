"""
Pairs what was expected with what arrived: rules, plan, ``backends/``, ``pools/``, proof.

A rule is declarative and is compiled to a small plan of set operators; a backend performs it. Never guess: two answers
that fit equally well are *ambiguous*, a search that hits its bound is *undecided*, and neither is shown as matched.

To add a rule set, write TOML (``rules/NAME.toml``; the ones that ship lie in ``sets/``) and no code; ``rules.py`` has the
nouns, ``reading.py`` reads them. To add an operator, describe it in the plan, give it to
every backend, and hold it against the slow, obvious reference on small cases; shuffling, splitting and repeating the
input must not change the answer.
"""
