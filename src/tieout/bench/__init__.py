"""
How fast and how well this machine ties out: ours, the floor and the peers, in the same run.

Every measurement is a process of its own (``python -m tieout.bench.processes``), so that its memory is its own, and
says the time on the clock beside the processor time of all its threads, which other work on the machine moves less.
``pairs`` makes two sides that belong together, and the truth; ``places`` makes a workspace of them; ``ours``, ``floor``
and ``peers`` measure; ``quality`` compares what was found with the truth; ``matching`` brings it together.
``tieout bench`` and the scripts of ``benchmarks/`` in the repository use this.

To add a peer, write ``peers/NAME_match.py`` with ``match(data, into)`` in the way that its users write it, name it in
``peers/__init__.py``, and check in the tests that what it finds makes sense. Without its library it is left out, and
the table says so.
"""
