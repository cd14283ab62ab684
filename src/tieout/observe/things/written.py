"""
In which encoding the text of a delivery was read: as its mapping, or its source, said it then.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tieout.errors import TieoutError
from tieout.intake.kept_texts import kept_texts, workspace_of
from tieout.model.encodings import is_encoding, writes_ascii
from tieout.store import schema

__all__ = ["encoding_of"]


def encoding_of(connection: sa.Connection, delivery: Any) -> str | None:
    """
    Name the code page that a delivery was read in last; None where nobody named one, or its lines cannot be told by it.

    :param delivery: its row of the book.
    """
    commit = schema.ledger_commit
    mine = sa.select(commit).where(commit.c.delivery_id == delivery.delivery_id).order_by(commit.c.version.desc())
    last = connection.execute(mine.limit(1)).first()
    try:
        named = None if last is None else _named(connection, last, delivery.source_id)
    except (TieoutError, KeyError):  # what was kept by an older version, which this one need not understand
        return None
    return named if named is not None and is_encoding(named) and writes_ascii(named) else None


def _named(connection: sa.Connection, commit: Any, source_id: str) -> str | None:
    text = schema.text_version
    said = connection.scalar(
        sa.select(text.c.body).where(text.c.digest == (commit.reader_digest or commit.config_digest))
    )
    if said is None or "encoding" not in said:  # which is nearly always so, and quickly seen
        return None
    if commit.reader_digest is not None:
        from tieout.formats.tabular import parse_mapping

        return parse_mapping(said, "mapping").dialect.encoding
    return workspace_of(commit, kept_texts(connection), Path()).source(source_id).encoding
