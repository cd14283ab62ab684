"""
Everything outside, one folder per system: ``psp/``, ``billing/``, ``bank/``, ``erp/``, ``files/``.

A connector is handed its HTTP client, clock, secrets and cursor; it owns nothing, keeps nothing, and knows no other
connector. What it can do is derived from the small protocols that it implements, so that the two cannot disagree.

To add one, make a folder in the group it belongs to, name it in the entry-point group ``tieout.connectors`` of
``pyproject.toml``, and call the conformance suite of each protocol from one test; built-ins and third parties do the
same. A provider that only delivers tables needs no code: see ``formats/mappings``.
"""
