"""
The proof of an account: the roll-forward that leads to its balance, and the two sides that must meet.

``proving.py`` makes proofs as of a day and as known at a time; ``proof.py`` says what one consists of.

To add a reconciling item, find its lines in ``lines.py`` and give it words in ``items.py``: the residual must stay the
same, or the item is counted twice.
"""
