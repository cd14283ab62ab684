"""
Payment platforms: their webhooks, their lists of transactions, their reports and balances.

To add one, make a folder: the client (pages, limits, retries within a bound), the reading of each object into
records, and the check of its webhooks' signatures. Name it in the entry-point group ``tieout.connectors``, and call
the conformance suites. One transaction has the same identity by whichever way it came: webhook, list or report.
"""
