"""
What sets cannot decide: selections with a sum, runs of lines, best assignments, on the pools that are left over.

``subset`` finds which open items add up to a line, ``windows`` which consecutive lines make consecutive payouts,
``assignment`` who belongs to whom where several compete. All are pure functions of whole numbers.

To add one, write a pure function from a pool (arrays of integers) to a verdict that is one answer, *ambiguous* or
*undecided*; its bound counts operations, not seconds, and a brute-force reference checks it on small pools.
"""
