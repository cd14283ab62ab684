"""
What a person may say in a rule set, and how it is read: from TOML to the nouns of ``rules.py``, every fault with its line.

To add a word, give it a place in ``rules.py``, read it in ``rule_tables.py``, write it in ``writing.py``, and refuse in
``contradictions.py`` what it cannot stand beside.
"""
