"""
The tables that people and other programs take out: their columns, where each value comes from, in which order rows stand.

``exports.py`` writes one to a file, ``relations.py`` gives it to the engine; both read it from ``exported.py`` and its
neighbours.

To add a table, list its columns beside its kin (``exported_money.py``, ``exported_books.py``) and name it in ``exports.py``.
"""
