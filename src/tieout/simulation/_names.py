"""
Names of people and companies that do not exist, and what banks and clerks make of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tieout.simulation._draws import Draws

__all__ = [
    "COMPANY_FORMS",
    "COMPANY_WORDS",
    "FIRST",
    "LAST",
    "TRADES",
    "as_bank_writes",
    "company_name",
    "consumer_name",
    "iban",
    "plain",
]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST = _words(
    "Anna Jörg Sofia Lars Emma Paul Chloé David Mia Tom Nora Felix Inês Karl Léa Hugo Julie Sanne Marco Daan Petra Olga"
    " Ben Fleur Aoife Yuki Fahad Rita Björn Zoë Müge Søren Agnès Łukasz José Renée Åsa Günther Maëlle Haruto Noor"
    " Mateo Priya Omar Ingrid Wei Thabo Elif Pavel Carmen"
)
LAST = _words(
    "Berger Weber Rossi Nilsson Vogel Lehmann Martin Novák Schulz Keller Braun Costa Huber Fischer Peeters Dubois"
    " Bakker Bianchi Visser Nowak Horák Carter Jansen Byrne Tanaka Sabah Sommer Müller Schröder Größ Jäger Øster"
    " Lefèvre Wójcik García Ångström Köhler Böhm Weiß Sørensen Marešová Ito Haddad Smith O'Neill Okafor Yilmaz Petrov"
    " Delgado Lindqvist Fernández Kaya Mbeki Chen Kowalczyk Van-Dyck Moreau Rossetti Hoffmann Krüger"
)
COMPANY_WORDS = _words(
    "Hansen Baur Nowak Sommer Lindner Meyer Nordlicht Winter Theater Papier Grünwald Öztürk Falkenberg Rheintal"
    " Hafen Kessler Bluestone Redwood Lakeside Summit Harbor Granite Prairie Cascade Atlas Orion Vega Delta Cedar"
    " Lützow Weißer Schäfer Brandt Ostsee Alpen Isar Königs Blackforest Silverline Northgate"
)
TRADES = _words(
    "Werbung Versand Werkzeuge Logistik Medien Systeme Optik Druck Textil Energie Design Pharma Bücher Reisen Bäckerei"
    " Trading Foods Labs Motors Health Marine Books Travel Farms Analytics Studio Partners Supply Tools Robotics"
)
COMPANY_FORMS = {"de": ("GmbH", "KG", "AG", "GmbH & Co. KG", "e.K.", "UG"), "us": ("Inc.", "LLC", "Corp.", "Co.", "LP")}

_PLAIN = str.maketrans({
    "ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "ø": "o", "Ø": "O", "å": "a", "Å": "A",
    "é": "e", "è": "e", "ë": "e", "ê": "e", "á": "a", "í": "i", "ó": "o", "š": "s", "Ł": "L", "ł": "l", "ñ": "n",
})  # fmt: skip
_LONGEST = 27  # of a name in a subfield of a bank's line


def plain(text: str) -> str:
    """Write a text in letters that every bank has."""
    return text.translate(_PLAIN).encode("ascii", "ignore").decode()


def consumer_name(number: int) -> str:
    """Name a consumer, as the macro ``full_name`` does."""
    first = FIRST[(number * 7 + number // len(FIRST)) % len(FIRST)]
    last = LAST[(number + number // len(LAST)) % len(LAST)]
    pairs = len(FIRST) * len(LAST)
    middle = f" {chr(65 + number // pairs % 26)}." if number >= pairs else ""
    return f"{first}{middle} {last}"


def company_name(draws: Draws, country: str, number: int) -> str:
    """Invent a company; another number gives another name, as long as there are enough."""
    first = COMPANY_WORDS[number % len(COMPANY_WORDS)]
    second = TRADES[(number // len(COMPANY_WORDS) + number * 7) % len(TRADES)]
    most = len(COMPANY_WORDS) * len(TRADES)
    more = f" {number // most + 1}" if number >= most else ""
    return f"{first} {second}{more} {draws.pick(COMPANY_FORMS[country])}"


def as_bank_writes(draws: Draws, name: str) -> str:
    """Spoil a name the way banks do: as it is, in capitals, without umlauts, cut."""
    how = draws.one(0, 9)
    if how < 4:
        return name
    if how < 6:
        return plain(name).upper()
    if how < 8:
        return plain(name)
    return plain(name).upper()[: draws.one(14, _LONGEST)].strip()


def iban(country: str, account: str) -> str:
    """Write an IBAN with its check digits (ISO 7064, modulo 97)."""
    digits = "".join(str(int(letter, 36)) for letter in f"{account}{country}00")
    return f"{country}{98 - int(digits) % 97:02d}{account}"
