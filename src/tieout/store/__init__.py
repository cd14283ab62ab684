"""
Where facts and decisions are kept: landing, lake, book; schema migrations; the view for other engines.

The book is the only commit point: a file belongs to the lake because a row in the book says so. Write under a temporary
name, sync, rename, sync the folder, then one transaction in the book.

The view for other engines is made from the book and can be lost: ``open_view`` says what it consists of, ``iceberg`` is
the only module that speaks to PyIceberg, and ``publisher`` brings one to the other under a ``lease``.

To add a table of the lake, declare its Arrow schema in ``model`` and write it through the one writer here. To add a
table of the book, add it together with its migration, and run the tests on SQLite and PostgreSQL alike.
"""
