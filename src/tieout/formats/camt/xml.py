"""What camt asks of libxml2: nothing is loaded or resolved, a DOCTYPE is refused, what was read is dropped."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from lxml import etree

from tieout.formats.camt.shapes import line_of, local_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "STATEMENTS",
    "Refused",
    "drop",
    "elements",
    "family_of",
    "message_of",
    "not_well_formed",
    "notes_beside",
    "pull_parser",
    "refuse_doctype",
]

#: The element that holds a message's statements, without the "V01" that the first version has behind it. Italy's banks
#: send the statements of camt.053 under names of their own (CBI, STRN-MO-001): of a day, and of a period.
_MESSAGES = {
    "BkToCstmrAcctRpt": "camt.052",
    "BkToCstmrStmt": "camt.053",
    "BkToCstmrDbtCdtNtfctn": "camt.054",
    "CBIDlyStmtReqLogMsg": "camt.053",
    "CBIPrdcStmtReqLogMsg": "camt.053",
}
#: The element of one statement, report or notification, and the message that it belongs to.
STATEMENTS = {"Rpt": "camt.052", "Stmt": "camt.053", "Ntfctn": "camt.054"}
#: What libxml2 calls a second document: something behind the end of the first, or a declaration that is not the first thing.
_BEHIND_THE_END = {etree.ErrorTypes.ERR_DOCUMENT_END, etree.ErrorTypes.ERR_RESERVED_XML_NAME}
_VERSION = re.compile(r"camt\.05[234]\.\d{3}\.\d{2}")


class Refused(Exception):
    """The file cannot be read as what it claims to be."""

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        """Keep the place beside the sentence."""
        super().__init__(message)
        self.line = line
        self.column = column


def pull_parser(event: Literal["start", "end"], tags: tuple[str, ...] | None = None) -> etree.XMLPullParser:
    """
    Make a parser that loads nothing, resolves nothing, keeps no comments and has libxml2's own limits.

    Never add ``collect_ids=False`` for speed: it makes libxml2 2.14 load an external DTD in spite of ``load_dtd=False``.
    """
    return etree.XMLPullParser(
        events=(event,),
        tag=tags,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_blank_text=True,
        remove_comments=True,
        remove_pis=True,
    )


def elements(parser: etree.XMLPullParser) -> Iterator[etree._Element]:
    """Give the elements that the parser has met and nobody has taken yet."""
    events: Any = parser.read_events()  # the stubs do not know that it yields pairs
    for _, element in events:
        yield element


def message_of(element: etree._Element) -> str | None:
    """Give the format whose message this element is, by its name, or None."""
    return _MESSAGES.get(local_name(element).removesuffix("V01"))


def family_of(element: etree._Element) -> str | None:
    """Give the format and version that an element announces by its namespace or name, or None."""
    tag = str(element.tag)
    found = _VERSION.search(tag) if tag.startswith("{") else None
    return found[0] if found else message_of(element)


def drop(element: etree._Element) -> None:
    """
    Forget an element's content, and its predecessor of the same name.

    The element itself stays until the next one: the parser may still be writing behind it.
    """
    anything: Any = element  # the stubs do not know keep_tail
    anything.clear(keep_tail=True)
    before = element.getprevious()
    if before is not None and before.tag == element.tag:
        parent = element.getparent()
        if parent is not None:
            parent.remove(before)


def not_well_formed(error: Exception, line: int, column: int, has_ended: Callable[[], bool]) -> Refused:
    """
    Say where XML breaks; libxml2's own sentence begins with what it met.

    :param has_ended: says whether a statement has ended, and none has begun since.
    """
    if not isinstance(error, etree.XMLSyntaxError):
        message = f"expected well-formed XML, got a document in an unreadable encoding: {error}"
        return Refused(message)
    if getattr(error, "code", None) in _BEHIND_THE_END and has_ended():
        message = (
            "expected the end of the file behind the document, got more: of files joined into one, bring each by itself"
        )
        return Refused(message, line or None, column or None)
    what = (error.msg or "it ended too early").partition(", line ")[0]
    return Refused(f"expected well-formed XML, got a fault: {what}", line or None, column or None)


def refuse_doctype(element: etree._Element) -> None:
    """
    Check that the element's document has no DOCTYPE.

    :raises Refused: it has one.
    """
    about: Any = element.getroottree().docinfo  # the stubs do not know doctype
    if about.doctype:
        message = "expected a document without DOCTYPE, got one: definitions and entities are not accepted"
        raise Refused(message, 1)


def notes_beside(statement: etree._Element) -> Iterator[tuple[str, int, str]]:
    """Give the free texts of a statement and of its message (AddtlStmtInf, AddtlInf), which no record has."""
    message = statement.getparent()
    header = None if message is None else message.find("{*}GrpHdr")
    for element in (*statement, *(() if header is None else header)):
        name = local_name(element)
        if name.startswith("Addtl") and element.text:
            yield name, line_of(element), element.text
