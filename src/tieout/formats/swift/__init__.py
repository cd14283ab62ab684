"""
SWIFT statement messages: MT940 and MT942, as banks really send them. ``messages.py`` has the formats.

``letters.py`` turns bytes into text, ``joined.py`` gives FinTS' raw form its line ends; ``blocks.py`` and ``lines.py`` cut a file into fields, ``fields.py`` reads what stands in one, ``information.py`` what a
bank tells in ``:86:``; ``statement.py`` gathers a statement page by page, ``records.py`` makes records of its entries.
To add one more bank's ``:86:``, give its dialect to ``information.py``.
"""
