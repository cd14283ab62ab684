"""
Performing rules, strongest first: each step of the plan, and what no set operator can search.

``perform.py`` goes through the rules; beside it stands one module for each search: settlements, selections, consecutive
lines, what settles within a side, candidates settled together, evidence that is learned.
To add a search, write a module that leaves ``paired`` or ``summed``, call it in ``perform.py`` where the plan names it, and
give it to every backend.
"""
