"""
Where the money is: what accounts hold, what is on its way, what is owed, what it cost, and how far it ties out.

Amounts of two currencies are never added.

To add a figure, write a query whose parts sum to it, and let every part lead to the records that it is made of.
"""
