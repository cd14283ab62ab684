"""
What rules compare: keys of identifiers, words of texts, names of parties; and what speaks against a pair.

``evidence.py`` leaves relations under the names that the plan reads. What text means is decided here once, on Arrow
columns, outside any engine (``columns.py``, ``spelling.py``); ``agreeing.py`` says the same of one pair, for people.
To add a way of comparing, give it a relation in ``evidence.py``, a check of the texts in ``verifying.py``, and its words
in ``agreeing.py``.
"""
