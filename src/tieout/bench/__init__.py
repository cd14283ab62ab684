"""
How fast and how well this machine ties out: ours, the floor and the peers, in the same run.

Every measurement is a process of its own (``python -m tieout.bench.processes``), so that its memory is its own, and
says the time on the clock beside the processor time of all its threads, which other work on the machine moves less.
``pairs`` makes two sides that belong together, and the truth; ``places`` makes a workspace of them; ``floor`` and
``peers`` are what ours is measured beside.
``quality`` compares what was found with the truth; ``matching`` brings it together. ``judging`` holds what was found
in a simulated company's files against its truth, position by position.
``tieout bench`` and the scripts of ``benchmarks/`` in the repository use this.

To add a measurement, write a function in ``processes`` that gives back what it took, and name it in ``_WHAT``. To add a
peer, see ``peers``; without its library it is left out, and the table says so.
"""
