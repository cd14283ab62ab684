"""
The same job in other tools, each written in the way that its users write it.

A peer is a module with ``match(data, into)``: it reads the pairs of a folder, and writes what it brought together to
``items.parquet`` (doc, txn, rule) and ``payouts.parquet`` (payout, line, rule), and what is left to ``open.parquet``.

To add one, write that module, name it in :data:`PEERS`, and check in ``tests/bench/test_quality.py`` that what it finds
makes sense.
"""

from __future__ import annotations

from importlib.util import find_spec

__all__ = ["PEERS", "is_installed"]

#: Name, which is that of the library, too -> module.
PEERS = {"pandas": "tieout.bench.peers.pandas_match", "polars": "tieout.bench.peers.polars_match"}


def is_installed(name: str) -> bool:
    """Say whether the library of a peer is here."""
    return find_spec(name) is not None
