"""
What no rule matched: where it stands, whether a person is needed, what came nearest, and why it is an exception.

To add a reason, give it a case and a sentence in ``reasons.py``, and its meaning for people in ``web/words.py``.
"""
