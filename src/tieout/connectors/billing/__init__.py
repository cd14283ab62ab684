"""
Billing systems: orders, invoices, credit notes and deposits, as the ones who issue them state them.

To add one, make a folder that yields open documents (positive: owed to us), name it in the entry-point group
``tieout.connectors``, and put answers of the real system beside the test, with the expected records as text.
"""
