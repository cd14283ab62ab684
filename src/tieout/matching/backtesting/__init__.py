"""
A rule set held against what is decided, before it is activated: how often it is right, what it misses, what would move.

Nothing is kept of it: neither book nor lake is written.
To add a figure, reckon it in ``backtest.py`` from the relations of ``deciding.decided``.
"""
