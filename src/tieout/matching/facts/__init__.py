"""
What a run begins with: both sides as they stand, what is open of each record, and what earlier runs used up of them.

``opening.py`` puts it together. What a side lets pass and how its amounts are turned is in ``sides.py``, in how many
decimals a currency is counted in ``scales.py``.
To add something that a side can be told by, let ``side_filter`` in ``sides.py`` pass it, and name it in ``config``.
"""
