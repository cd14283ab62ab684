"""
What sets cannot decide: optimal assignment, exact subset sums, distance of texts, on small pools that are left over.

To add one, write a pure function from a pool (Arrow columns of integers) to a verdict that is one answer, *ambiguous*
or *undecided*; its bound counts operations, not seconds, and a brute-force reference checks it on small pools.
"""
