"""
Everything about one thing, by any identifier that any system used for it: raw bytes, record, match and why, or why not.

``lookup.py`` finds it without reading the whole lake; ``explain.py`` puts together what its neighbours say of it.

To add something that is told of a thing, give it a module that reads few rows, and a place in ``explain.py`` and
``story.py``.
"""
