"""
Places where files arrive: folders, SFTP servers, object stores, mailboxes. Content is not looked at here.

To add one, make a module that lists what is new since a cursor and opens each file as a stream, name it in the
entry-point group ``tieout.connectors``, and call the conformance suite for places: a file still being written is left
alone, and a file seen before is not given twice.
"""
