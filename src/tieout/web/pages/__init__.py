"""
The pages: each module has a ``router`` and asks ``observe`` for what it shows.

To add a page, write a module with a ``router``, whose functions take a :class:`~tieout.web.pages.visit.Visit` and end
in ``visit.page(template, ...)``; name it in ``web/application.py``, and its link in ``templates/base.html``. The tests
of accessibility, keyboard and width find every route by themselves.
"""
