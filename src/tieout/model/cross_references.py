"""
Cross-references: which fields of a record are identifiers, by which any system may have called the thing.

Whoever knows one of them finds the record (``tieout explain``), and two records that name one thing find each other:
each is looked up by the key of its normal form (``model.normal``), and compared as text.
"""

__all__ = ["IDENTIFIERS", "ROLES"]

#: The fields that hold one identifier each, with the column of its key: what the source calls the thing itself, the
#: payment that it belongs to, the settlement that pays it out, the thing that it follows from.
IDENTIFIERS = {
    "external_id": "external_key",
    "payment_id": "payment_key",
    "settlement_id": "settlement_key",
    "parent_external_id": "parent_key",
}
#: The parts that an identifier can play in a record; ``reference`` is one of the list ``references``.
ROLES = (*IDENTIFIERS, "reference")
