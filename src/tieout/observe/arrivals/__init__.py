"""
What came in: deliveries and what became of their rows, the days that they speak of, and the files that should have come.

To add a way of saying which files are expected, teach it to ``completeness.py``, and its word to ``config``.
"""
