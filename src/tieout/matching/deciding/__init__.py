"""
What people decide about matches: to make one by hand, to approve or reject a proposed one, to take some back.

A decision is a run of its own, and never changes what an earlier run wrote.
To add a decision, write it in ``decide.py`` as a run of its own kind, so that it can be repeated and taken back.
"""
