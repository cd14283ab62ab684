"""
Pairs what was expected with what arrived. Never guess: two answers that fit equally well are *ambiguous*, a search that
hits its bound is *undecided*, and neither is shown as matched.

``run.py`` is one run of one reconciliation, in the order of the folders: it reads what is open (``facts/``), compiles
each rule (``grammar/``, ``planning/``), performs it on what the two sides say (``comparing/``, ``performing/``,
``pools/``, ``learned/``) with an engine (``backends/``), puts what it found in order (``results/``), and says of the
rest why it is left (``unmatched/``). People decide about the result (``deciding/``), try rule sets on what they decided
(``backtesting/``) and have rules proposed from it (``mining/``).

To add a rule set, write TOML (``rules/NAME.toml``; those that ship lie in ``sets/``) and no code. Shuffling, splitting
and repeating the input must not change an answer; a slow, obvious reference in the tests says what it is.
"""
