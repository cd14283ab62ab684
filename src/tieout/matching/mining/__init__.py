"""
Rules and aliases proposed from what people decided, for a person to accept.

To add a proposal, find in ``hints.py`` what examples have in common, and write it as a rule in ``mine.py``.
"""
