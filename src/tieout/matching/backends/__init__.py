"""
The engines that perform a plan: DuckDB in the process, Spark on a cluster. Same facts, same plan, same digest.

An engine compares only integers, dates and bytes; text was folded once, at intake.

To add one, implement every operator of the plan on Arrow files, and run the reference runs: the digest of their rows
in total order must equal the stored one. An upgrade of an engine passes the same gate.
"""
