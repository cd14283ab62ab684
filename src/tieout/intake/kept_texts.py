"""
The workspace as it was at a commit, built from the texts that the book kept.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tieout.config import read_workspace
from tieout.errors import Broken
from tieout.store import schema

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tieout.config import Workspace

__all__ = ["KeptTexts", "kept_texts", "workspace_of"]


class KeptTexts(dict[str, str]):
    """The texts that the book keeps, by digest."""

    def __missing__(self, digest: str) -> str:
        """
        Say that one is not there.

        :raises Broken: always.
        """
        message = f"the text {digest[:16]} that it rests on is missing from the book"
        raise Broken(message)


def kept_texts(connection: sa.Connection) -> KeptTexts:
    """Read every text that the book keeps."""
    return KeptTexts({row.digest: row.body for row in connection.execute(sa.select(schema.text_version))})


def workspace_of(commit: Any, texts: Mapping[str, str], folder: Path) -> Workspace:
    """
    Build the workspace as it was at a commit, from texts that the book kept; no file of today is read.

    :param folder: of the workspace: relative paths begin there, and its name may be the company's.
    """
    kept: dict[str, str] = {}
    environment: dict[str, str] = {}
    if commit.texts_digest is not None:
        listed = json.loads(texts[commit.texts_digest])
        kept = {path: texts[digest] for path, digest in listed["files"].items()}
        environment = listed["environment"]
    return read_workspace(texts[commit.config_digest], folder, environment, kept)
