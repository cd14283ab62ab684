"""
Banks: how their files and messages are fetched, and how payment orders are handed in and answered.

What is inside the files is read by ``formats``; here is only the way there and back.

To add one, make a folder with the way it is reached (SFTP, EBICS, an API), its settings and its cursor, name it in
the entry-point group ``tieout.connectors``, and call the conformance suite of each protocol it implements. A payment
order carries a key of its own: after a lost reply the bank is asked before anything is sent again.
"""
