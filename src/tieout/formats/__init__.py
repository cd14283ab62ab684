"""
Bytes to records and back, no network. One folder per family of formats; ``mappings/`` holds the declarative ones that ship.

A format is an object with ``id``, ``system``, ``identify`` and ``read`` (``reading.py`` says what each gives back). It
sees a stream, yields chunks of bounded size, and puts what is wrong beside what it read; it never prints, logs, opens
files, raises or stops at the first fault.

To add one, write ``formats/NAME.py``, or a folder where it takes several modules, with the same names as its neighbours.
Name it in the entry-point group ``tieout.formats``, and lay samples under ``tests/formats/cases/NAME/`` with what they
hold beside them, as text. Test other dialects than your own sample, cut the file at every byte, and change bytes at
random: it reads on or refuses. A file that is only a table needs no code: see ``mappings/``.
"""
