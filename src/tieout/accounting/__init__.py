"""
Turns matched facts into balanced journals: posting rules, fees, FX, periods.

A draft journal is a pure function of facts, matches, rules and rates (``drafting.draft_journals``); nothing here sends
anything. Every journal balances in each currency and in the books' before it leaves, and rounding is a line with a
name. Stages do not import each other: this one reads matches from ``store``. ``standard.toml`` has the postings that
ship; ``proving`` the proof and the trial balance; ``hledger`` a text that another program adds up.

To add a posting, users write ``postings/*.toml`` and need no code (docs/how-to/write-a-posting.md). To add a measure
that a posting may name, add it to ``postings.MEASURES`` and ``AMOUNTS`` and give every piece its value (``_pieces``):
postings are still proven to balance when they are read. Draw it in tests/accounting/test_properties.py.
"""
