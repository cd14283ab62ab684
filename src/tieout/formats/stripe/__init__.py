"""
Stripe: financial reports as CSV (``reports.py``) and API objects and events as JSON (``objects.py``).

``terms.py`` says what Stripe's words mean here and gives both ways the same identity, so that a webhook and a report of
one charge are one record.
To add one more reporting category, give it a kind there.
"""
