"""
ERPs: posting journals, clearing open items, reading periods, open items and the ledger back.

To add one, make a folder, name it in the entry-point group ``tieout.connectors``, and call the conformance suite for
ERPs: posting twice gives one document, a closed period refuses, a lost reply is looked up, a reversal reverses, a
split journal is balanced in every part. A journal cannot clear a receivable in most ERPs: clearing is a call of its
own.
"""
