"""
The work list: everything that needs a person, gathered from intake and matching, with what a person can do about it.

To add a source of work, gather its rows in ``gathering.py``; the list, its filters and its order follow.
"""
