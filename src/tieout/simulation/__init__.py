"""
A company that does not exist, with its platforms, banks and ERPs, seeded, with faults.

It imports nothing of lifecycle, matching or accounting: its truth is derived independently, and no product code reads
it. Only the demo, the benchmarks and the tests import this folder.

To add an actor or a fault, draw it from the seed that is handed in, state what a correct tieout must find in the truth
beside the files, and show that the check fires: with the guard taken out, some seed of the first hundred fails.
"""
