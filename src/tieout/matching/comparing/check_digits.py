"""
Check digits of references, by the schemes that banks print: what an identifier is without them, where they are right.

In the normal form of an identifier (``model.normal``), whose leading zeros are gone: no scheme here counts them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stdnum import iso11649, luhn
from stdnum.be import ogm_vcs
from stdnum.ch import esr

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SCHEMES", "without_check"]

_OGM_DIGITS = 12
_VIITE_MAX = 20


def _is_viite(form: str) -> bool:
    """
    Say whether a Finnish reference (viitenumero) ends in its check digit.

    Source: Finance Finland, "Forming a Finnish reference number": weights 7, 3, 1 from the right, up to the next ten.
    """
    if not (form.isascii() and form.isdigit() and len(form) <= _VIITE_MAX):
        return False
    weighed = sum(int(sign) * (7, 3, 1)[place % 3] for place, sign in enumerate(reversed(form[:-1])))
    return -weighed % 10 == int(form[-1])


def _is_ogm(form: str) -> bool:
    return len(form) <= _OGM_DIGITS and ogm_vcs.is_valid(form.zfill(_OGM_DIGITS))


#: By scheme: whether an identifier has its check digits, and where what they check stands.
SCHEMES: dict[str, tuple[Callable[[str], bool], slice]] = {
    "iso11649": (iso11649.is_valid, slice(4, None)),
    "swiss": (esr.is_valid, slice(0, -1)),
    "luhn": (luhn.is_valid, slice(0, -1)),
    "belgian": (_is_ogm, slice(0, -2)),
    "finnish": (_is_viite, slice(0, -1)),
}


def without_check(form: str, scheme: str) -> str:
    """Leave the check digits of a scheme out of an identifier; one that has none, or wrong ones, stays as it is."""
    has_them, rest = SCHEMES[scheme]
    return (form[rest] if has_them(form) else "") or form
