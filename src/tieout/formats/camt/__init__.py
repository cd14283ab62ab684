"""
ISO 20022 bank statements: camt.052, camt.053 and camt.054, every version. ``messages.py`` has the formats.

``reader.py`` cuts a document into statements and entries, ``entries.py`` and ``details.py`` read one entry by the paths
that ``plans.py`` lists, ``statements.py`` and ``tallies.py`` hold balances and sums together. Entries that look like one
that was read before take a shorter way (``shapes.py``, ``repeats.py``, ``alike.py``), which gives the same.
To add an element that is read, give it a place in ``plans.py``.
"""
