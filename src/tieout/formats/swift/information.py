"""
What a bank tells about an entry (``:86:`` and ``:NS:``): purpose, counterparty, references.

Five styles are in use, and banks mix them: numbered subfields (``166?00GUTSCHRIFT?20EREF+...``, the separator is the
bank's choice), words between slashes (``/EREF/.../REMI/...``), SEPA words with a plus (``EREF+...SVWZ+...``), labels
(``IBAN: ... NAAM: ...``) and free text. Lines are wrapped at 65 characters, subfields at 27, both through words.

Sources: DK "Anlage 3 des DFUe-Abkommens", chapter 8.2.3; "Format description MT940 structured" of ABN AMRO, ING, Rabobank.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from stdnum import iban

from tieout.formats.swift.fields import is_placeholder

__all__ = ["Information", "joined", "read_information"]

# A line of at least this length, the tag included, was wrapped by width: its last word goes on without a blank.
_FULL_LINE = 65
_FULL_LINE_OF_WORDS = 59
_TAG_LENGTH = 4
_LABEL = re.compile(r"[A-Z][A-Za-z.]+: ?")
_SUBFIELD = 27

_STRUCTURED = re.compile(r"\s*(?P<code>\d{3}|)\s?(?P<mark>[?>~^<@])(?=\d\d)")
# Any other code (``TBB+00...``, ``8300<00...``) and separator is believed only if further subfields follow: free text may
# begin so, too, and with an amount above all.
_PERHAPS_STRUCTURED = re.compile(r"\s*(?P<code>[A-Z\d]{3,4})\s?(?P<mark>[^\w\s.,])(?=\d\d)", re.ASCII)
_SUBFIELD_NUMBERS = frozenset(f"{n:02d}" for n in (0, 10, *range(20, 35), 38, *range(60, 64)))
_SLASH_STYLE = re.compile(r"^[^\S\n]*+/([A-Z]{2,4})/", re.MULTILINE)
_SLASH_WORDS = frozenset(
    [
        "TRTP",
        "IBAN",
        "BIC",
        "NAME",
        "REMI",
        "EREF",
        "ORDP",
        "BENM",
        "ID",
        "ADDR",
        "CNTP",
        "MARF",
        "CSID",
        "RTRN",
        "ISDT",
        "PURP",
        "ULTD",
        "ULTB",
        "ULTC",
        "SVCL",
        "OCMT",
        "CHGS",
        "EXCH",
        "TRCD",
        "PREF",
        "IREF",
        "KREF",
        "MREF",
        "CREF",
        "RREF",
        "TRF",
        "TXID",
        "ACNO",
        "ACCT",
        "BAI",
        "INST",
        "NRTX",
        "NRTI",
        "SUBT",
        "UDTR",
        "UCRD",
        "TRAN",
        "BUSP",
        "CPID",
        "PY",
        "PT",
        "DBNM",
        "DACT",
        "DBIC",
        "DCID",
        "CRNM",
        "CACT",
        "CBIC",
        "IDNM",
        "OAMT",
        "FCCY",
        "FXRT",
        "FXDT",
        "OPRP",
    ]
)
_SLASH_WORD = re.compile(r"/([A-Z]{2,4})/")
_WORD_LENGTH = 4
_BARE_WORD = re.compile(r"\s*(?:[EKMPICR]REF|MARF)/")
# A party that begins with its account: ``300000003998473`` / ``/ACME AD`` / ``/00//0264``.
_PARTY = re.compile(r"/?([A-Z]{2}\d{2}[A-Z\d]{10,30}|\d{8,34})\s*/\s*([^/]*[^\W\d_][^/]*)")
_SEPA_PLUS = re.compile(
    r"(EREF|KREF|MREF|CRED|DEBT|COAM|OAMT|SVWZ|ABWA|ABWE|IBAN|BIC|PURP|RREF|BREF|MTLG)(?:\+|(?<=MTLG):)\s?"
)
_SEPA_COLON = re.compile(r"(?<!\S)(EREF|KREF|MREF|CRED|DEBT|COAM|OAMT|SVWZ|ABWA|ABWE|IBAN|BIC):\s?")
_NAME_LABEL = re.compile(r"\b(?:NAAM|NAME):\s*(.+?)(?=\s{2,}|\s+[A-Z][A-Za-z]{2,}\.?:|$)", re.MULTILINE)
_ACCOUNT_LABEL = re.compile(r"\b(?:REK|IBAN|REKENING):\s*([A-Z0-9.]{5,34})")
_IBAN_TOKEN = re.compile(r"\b[A-Z]{2}\d{2}[A-Z0-9]{11,30}\b", re.ASCII)
_STRUCTURED_REMITTANCE = re.compile(r"STRD/(?:CUR|ISO|BBA|RF)?/?([^/]+)/?")

_REFERENCES = ("EREF", "KREF", "MREF", "MARF", "PREF", "IREF", "CREF", "RREF", "BREF", "TRF", "TXID", "INST")
_NS_TEXT = tuple(f"{n:02d}" for n in range(1, 15))
_NS_SUBFIELD = re.compile(r"(\d\d)(.*)", re.DOTALL)


@dataclass(slots=True)
class Information:
    """
    What was understood, and under ``details`` everything else.

    :ivar text: the purpose that the payer wrote, or what stands for it.
    :ivar references: without placeholders, in the order found.
    """

    text: str | None = None
    counterparty: str | None = None
    counterparty_account: str | None = None
    references: list[str] = field(default_factory=list)
    details: dict[str, object] = field(default_factory=dict)


def joined(lines: Sequence[str], *, structured: bool) -> str:
    """Undo the wrapping of lines: by width within numbered subfields, elsewhere only after a full line."""
    text, full = "", True
    # Between slashes blanks do not matter, so that lines which lost their last ones can be joined as well.
    full_line = _FULL_LINE_OF_WORDS if _SLASH_STYLE.match(lines[0]) else _FULL_LINE
    for index, line in enumerate(lines):
        width = len(line.rstrip("\r\n")) + (_TAG_LENGTH if index == 0 else 0)
        text += line if structured or (full and not (index and _LABEL.match(line))) else "\n" + line
        full = width >= full_line
    return text


def read_information(fields: Iterable[Sequence[str]], non_swift: Sequence[str] = ()) -> Information:
    """
    Read all ``:86:`` fields of one entry, each as its lines, and the lines of its ``:NS:`` field.
    """
    blocks = [lines for lines in fields if any(line.strip() for line in lines)]
    found = Information()
    if (
        len(blocks) > 1
        and (second := _structured("".join(blocks[1]), blocks[1]))
        and "".join(blocks[0]).strip() == second["code"]
    ):
        del blocks[0]  # ING in Poland tells the code in a field of its own first
    if blocks:
        mark = _structured("".join(blocks[0]), blocks[0])
        whole = ("" if mark else "\n").join(joined(lines, structured=mark is not None) for lines in blocks)
        _read_text(whole, mark, found)
    if non_swift:
        _read_non_swift(non_swift, found)
    found.references = [r for r in dict.fromkeys(_squeezed(r) for r in found.references) if not is_placeholder(r)]
    return found


def _read_text(whole: str, mark: re.Match[str] | None, found: Information) -> None:
    """Choose the style by how the text begins; ``mark`` says that it is numbered subfields."""
    mark = mark or _structured(whole)
    if mark:
        _read_subfields(whole, mark, found)
    elif _BARE_WORD.match(whole):
        _read_slashes("/" + whole.lstrip(), found)
    elif (slashes := _SLASH_STYLE.search(whole)) and (
        slashes[1] in _SLASH_WORDS
        or (not whole[: slashes.start()].strip() and any(word[1] in _SLASH_WORDS for word in _slash_marks(whole)))
    ):
        _read_slashes(whole, found)
    elif _SEPA_PLUS.search(whole):
        found.text = _read_sepa(whole.replace("\n", " "), found)
    else:
        _read_free(whole, found)


def _structured(text: str, lines: Sequence[str] = ()) -> re.Match[str] | None:
    """
    Tell whether a text is numbered subfields, and by which separator.

    An unusual one must separate the words of ``00`` from another number, or behind three digits, three numbers of which
    two have words, or two of which the second begins a line.
    """
    perhaps = _STRUCTURED.match(text) or _PERHAPS_STRUCTURED.match(text)
    if perhaps is None or perhaps.re is _STRUCTURED:
        return perhaps
    parts = _subfields(text[perhaps.end("code") :], perhaps["mark"])
    words = sum(value[:1].isalpha() for value in parts[2::2])
    named = len(parts) >= 5 and parts[2][:1].isalpha()
    enough = named and parts[1] == "00"
    if re.fullmatch(r"\d{3}", perhaps["code"]):
        begun = named and parts[1] == "20" and any(line.startswith(perhaps["mark"] + parts[3]) for line in lines[1:])
        enough = enough or begun or (len(parts) >= 7 and words >= 2)
    return perhaps if enough and not parts[0].strip() else None


def _subfields(text: str, mark: str) -> list[str]:
    """
    Cut a text at its numbered subfields: what stands before them, then each number and its value.

    An unusual separator also occurs within values (``12/2026``, ``SVWZ+20 ...``), so there no number comes twice, and
    those of the purpose rise.
    """
    if mark in "?>~^<@":
        return re.split(rf"{re.escape(mark)}(\d\d)", text)
    parts, begin = [""], 0
    seen: set[str] = set()
    for found in re.finditer(rf"{re.escape(mark)}(\d\d)", text, re.ASCII):
        code = found[1]
        later = _is_purpose(code) and any(other > code and other[0] == code[0] for other in seen if _is_purpose(other))
        word = mark == "+" and _SEPA_PLUS.fullmatch(text[max(0, found.start() - 4) : found.start() + 1])
        # A number that follows the code at once may be the bank's own: `020+14+`, where each line ends with the sign.
        known = code in _SUBFIELD_NUMBERS or (mark == "+" and found.start() == 0)
        if not known or code in seen or later or word:
            continue
        seen.add(code)
        parts[-1] = text[begin : found.start()]
        parts += [code, ""]
        begin = found.end()
    parts[-1] = text[begin:]
    return parts


def _squeezed(text: str) -> str:
    """Blanks and control characters become single blanks."""
    printable = text if text.isprintable() else re.sub(r"[\x00-\x1f]", " ", text)
    return " ".join(printable.split())


def _present(text: str | None) -> str | None:
    return (_squeezed(text) or None) if text else None


def _read_subfields(whole: str, mark: re.Match[str], found: Information) -> None:
    """Read ``166?00GUTSCHRIFT?10931?20...``."""
    parts = _subfields(whole[mark.end("code") :], mark["mark"])
    values: dict[str, list[str]] = {}
    for code, value in zip(parts[1::2], parts[2::2], strict=True):
        values.setdefault(code, []).append(value)
    # In the order of their numbers: ?60 to ?63 continue ?29, wherever they stand.
    ordered = [v for code in sorted(values) if _is_purpose(code) for v in values[code]]
    remittance = _read_sepa(_unwrapped(ordered), found)
    booking_text = _present(" ".join(values.get("00", [])))
    if remittance and booking_text and len(booking_text) > _SUBFIELD:
        # More than a booking text has room for: banks of Bulgaria begin the purpose here, and cut what they repeat of it.
        remittance = booking_text if remittance in booking_text else f"{booking_text} {remittance}"
    found.text = remittance or booking_text
    name = _unwrapped([v for code in ("32", "33") for v in values.get(code, [])])
    found.counterparty = _present(name) or found.counterparty
    account = _present("".join(values.get("38") or values.get("31") or []))
    found.counterparty_account = (account.replace(" ", "") if account else None) or found.counterparty_account
    known = {*_NAMED, "38" if "38" in values else "31"}
    rest = {c: _squeezed(" ".join(v)) for c, v in values.items() if not _is_purpose(c) and c not in known}
    named = {name: _squeezed(" ".join(values.get(code, []))) for code, name in _NAMED.items() if name}
    found.details |= {"gvc": mark["code"], "before_subfields": _squeezed(parts[0]), **named, "subfields": rest}


# Subfields with a name of their own in details; those without a name are fields of the record.
_NAMED = {"00": "booking_text", "10": "primanota", "30": "bank", "34": "text_key", "32": "", "33": ""}


def _is_purpose(code: str) -> bool:
    return "20" <= code <= "29" or "60" <= code <= "63"


def _unwrapped(values: Sequence[str]) -> str:
    """Join subfields: one of full width goes on in the next without a blank, a shorter one ends a word."""
    width = max([_SUBFIELD, *(len(value) for value in values[:-1])])
    return "".join(value if len(value) >= width else value + " " for value in values)


def _read_sepa(text: str, found: Information) -> str | None:
    """Read ``EREF+... MREF+... SVWZ+...``; what stands before the first word and behind SVWZ is the purpose."""
    words = list(_SEPA_PLUS.finditer(text))
    if not words:
        words = list(_SEPA_COLON.finditer(text))
    before = text[: words[0].start()] if words else text
    sepa: dict[str, str] = {}
    for word, value in _values(words, text):
        sepa[word] = f"{sepa[word]} {value}" if word in sepa else value
    _take(sepa, found)
    if sepa:
        found.details["sepa"] = {word: value for word, value in sepa.items() if word != "SVWZ"}
    return _present(f"{before} {sepa.get('SVWZ', '')}") or sepa.get("MTLG")


def _values(marks: Sequence[re.Match[str]], text: str) -> Iterator[tuple[str, str]]:
    """Give each word with the text up to the next one."""
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    for mark, end in zip(marks, ends[: len(marks)], strict=True):
        yield mark[1], _squeezed(text[mark.end() : end])


def _take(words: dict[str, str], found: Information) -> None:
    """Take references and counterparty from named words."""
    found.references += [words[word] for word in _REFERENCES if words.get(word)]
    if words.get("IBAN"):
        found.counterparty_account = words["IBAN"].split()[0] if words["IBAN"].split() else None


def _read_slashes(whole: str, found: Information) -> None:
    """Read ``/TRTP/SEPA OVERBOEKING/IBAN/NL.../NAME/.../REMI/...``; words repeat and values may be empty."""
    text = whole.replace("\n", " ")
    words: dict[str, str] = {}
    marks = _slash_marks(whole)
    for word, stated in _values(marks, text):
        value = stated.rstrip("/ ")
        words[word] = f"{words[word]} {value}".strip() if word in words else value
    _take(words, found)
    if "CNTP" in words:
        account, _, rest = words["CNTP"].partition("/")
        bank, _, rest = rest.partition("/")
        found.counterparty_account = account or found.counterparty_account
        found.counterparty = _present(rest.split("/")[0])
        found.details["bank"] = bank
    # One party is the other side; of two nothing says which is the account's own.
    both = bool(words.get("DBNM") and words.get("CRNM"))
    party = _first(words, ("NAME", "BENM", "ORDP") if both else ("NAME", "DBNM", "CRNM", "BENM", "ORDP"))
    numbered = _PARTY.match(party) if party else None
    found.counterparty = (_present(numbered[2]) if numbered else party) or found.counterparty
    number = _first(words, ("ACNO", "ACCT") if both else ("ACNO", "ACCT", "DACT", "CACT"))
    found.counterparty_account = found.counterparty_account or number or (numbered[1] if numbered else None)
    before = _present(text[: marks[0].start()])
    found.text = _remittance(words, found) or before or _present(whole)
    found.details["before_words"] = before
    found.details["words"] = {word: value for word, value in words.items() if word not in ("REMI", "NAME")}


def _slash_marks(text: str) -> list[re.Match[str]]:
    """
    Find the words between slashes; one slash may end a word and begin the next (``/ORDP//ID/``, ``/A/B/``).

    Banks have words of their own: one of four letters that begins a line is a word as well.
    """
    marks, position = [], 0
    while found := _SLASH_WORD.search(text, position):
        begins = len(found[1]) == _WORD_LENGTH and text[: found.start()].endswith("\n")
        known = begins or found[1] in _SLASH_WORDS
        if known:
            marks.append(found)
        position = found.end() - (0 if known else 1)
    return marks


def _first(words: dict[str, str], names: Iterable[str]) -> str | None:
    return next((value for name in names if (value := words.get(name, "").strip("/ "))), None)


def _remittance(words: dict[str, str], found: Information) -> str | None:
    """Take the purpose from /REMI/; a structured one (``STRD/CUR/...``) is a reference as well."""
    text = words.get("REMI") or words.get("PY") or ""
    structured = _STRUCTURED_REMITTANCE.match(text)
    if structured:
        found.references.append(structured[1])
        return _present(structured[1])
    return _present(text.removeprefix("USTD//").strip("/"))


def _read_free(whole: str, found: Information) -> None:
    """Keep free text as it is; take a name and an account where they are labelled or beyond doubt."""
    found.text = _present(whole)
    name = _NAME_LABEL.search(whole)
    if name:
        found.counterparty = _present(name[1])
    account = _ACCOUNT_LABEL.search(whole)
    ibans = [token for token in _IBAN_TOKEN.findall(whole) if iban.is_valid(token)]
    found.counterparty_account = account[1] if account else ibans[0] if len(set(ibans)) == 1 else None


def _read_non_swift(lines: Sequence[str], found: Information) -> None:
    """Read ``:NS:``: each line a number and its text; 01 to 14 purpose, 15 and 16 the name, 34 the account."""
    values: dict[str, str] = {}
    code = ""
    for line in lines:
        numbered = _NS_SUBFIELD.match(line)
        code, value = (numbered[1], numbered[2]) if numbered else (code, line)
        values[code] = f"{values[code]} {value}" if code in values else value
    found.details["ns"] = {code: _squeezed(value) for code, value in values.items() if value.strip()}
    found.text = found.text or _present(" ".join(values.get(c, "") for c in _NS_TEXT)) or _present(values.get("17"))
    found.counterparty = found.counterparty or _present(values.get("15", "") + " " + values.get("16", ""))
    found.counterparty_account = found.counterparty_account or _present(values.get("34"))
