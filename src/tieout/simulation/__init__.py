"""
A company that does not exist, with its platforms, banks and ERPs, seeded, with faults.

``simulation.company.make_company(folder, seed=..., size=..., month=...)`` writes a workspace with a month of files in the
real formats, and the truth about them beside (``truth/README.md`` says what each table means). The same seed, size and
month give the same bytes. ``sample/`` is another, smaller one: the twelve files of the tutorial.

Data flows down: ``_profile`` (who the company is), ``_sales`` (what customers pay and get back), ``_own_moves`` (what the
platforms hold back and convert), ``_settling`` (what is paid out together), ``_documents`` (what was billed for it),
``_arrivals``, ``_receipts`` and ``_banks`` (what the banks book), ``_ledgers`` and ``_transit`` (what the ERP booked by
itself), then one ``_..._files`` per writer, ``_told_balances`` (what a platform says that it has), and ``_truth``. What grows with
the company is columns of whole numbers (``_sales``, ``_documents``, named in SQL by ``_tables``); what does not is drawn
one by one (``_world``).

It imports nothing of lifecycle, matching or accounting: its truth is derived independently, and no product code reads
it. Only the demo, the benchmarks and the tests import this folder.

To add an actor or a fault, draw it from the seed that is handed in (``_draws``), state what a correct tieout must find
in the truth beside the files, and show that the check fires: with the guard taken out, some seed of the first hundred
fails.
"""
