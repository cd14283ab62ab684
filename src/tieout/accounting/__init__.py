"""
Turns matched facts into balanced journals: posting rules, fees, FX, intercompany, periods.

A draft journal is a pure function of facts, decisions, rules and rates; nothing here sends anything. Every journal
balances in the entity's currency before it leaves, and rounding is a line with a name. Stages do not import each
other: this one reads matches from ``store``.

To add a posting rule, users write ``postings/*.toml`` and need no code. To add a measure that such a rule may name (an
amount, a rate, a tax), add one pure function and its property test: the journal still balances, whatever the facts.
"""
