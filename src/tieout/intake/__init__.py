"""
Keeps every delivery, recognises repeats, proves completeness, canonicalises, quarantines what it cannot read, replays.

Nothing is lost: a delivery is kept unaltered before anything reads it, and rows in = rows kept + rows quarantined.
Nothing is counted twice, and genuine repeats are kept. Stages do not import each other: this one writes to ``store``.

To add a check of completeness, write one pure function from the facts of an account to exceptions, with a test that
corrupts a copy and sees it fire.
"""
