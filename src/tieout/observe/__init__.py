"""
Read-only views: cash, exceptions, close, ageing, service levels, early warnings, metrics, traces.

A view reads ``store`` and gives frozen rows, as of a date and as known at a time; it decides nothing, writes nothing.
``snapshot.py`` is the book at one moment, ``results.py`` what runs left standing; the folders beside them read both.

To add one, write a query that gives such rows, and a test that derives the same figures a second way. The command and
the page that show it add no arithmetic.
"""
