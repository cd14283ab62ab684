"""
Pairs what was expected with what arrived: rules, plan, ``backends/``, ``pools/``, proof.

A rule is declarative and is compiled to a small plan of set operators; a backend performs it. Never guess: two answers
that fit equally well are *ambiguous*, a search that hits its bound is *undecided*, and neither is shown as matched.

To add a rule set, write TOML (``rules/NAME.toml``; those that ship lie in ``sets/``) and no code. To add a word to the
grammar, give it a place in ``rules.py`` and read it in ``_rule_tables.py``; what it cannot stand beside is refused in
``_contradictions.py``. To add an operator, describe it in the plan, give it to every backend, and hold it against the
slow, obvious reference on small cases; shuffling, splitting and repeating the input must not change the answer.
"""
