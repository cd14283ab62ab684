"""
From what rules found to what is kept: rows of matches in total order, differences with their tax, files of the lake.

``outcome.py`` has it in memory, as numbers of rows (``parts.py``, ``rows.py``); ``spread.py`` where rows lie on other
machines. ``found.py`` is what a run asks of either.
To add a file that a run keeps, write its rows in total order in ``keeping.py``, and give it a table in ``store``.
"""
