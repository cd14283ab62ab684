"""
Adyen: the settlement details report and the payment accounting report (``reports.py``), as mappings over their columns.

``terms.py`` says what Adyen's journal and record types mean here.
To add one more, give it a kind there.
"""
