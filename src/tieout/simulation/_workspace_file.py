"""
The company's tieout.toml and its exchange rates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.simulation._bank_files import decimal
from tieout.simulation._days import text_of

if TYPE_CHECKING:
    from pathlib import Path

    from tieout.simulation._profile import Bank, Entity, Platform, Profile, Transit
    from tieout.simulation._rates import Rates

__all__ = ["write_rates", "write_workspace"]

_HEAD = """\
# A month of {name}, a company that does not exist (seed {seed}).
#
# Everything here is invented. Change what you like and run the commands again.

[workspace]
name = "{name}"
base_currency = "EUR"

# -- Entities: who keeps books ---------------------------------------------------------------------------------------

"""
_SOURCES = """\
# -- Sources: whose files come from where -----------------------------------------------------------------------------

[[source]]
id = "stripe"                             # subscriptions: every line, with the payout that it was settled in
entity = "{here}"
format = "stripe.payout_reconciliation"
path = "inbox/stripe/*.csv"
timezone = "Europe/Berlin"
owner = "payments team"

[[source]]
id = "stripe-balance"                     # the same balances from their own side: what no payout has taken yet
entity = "{here}"
format = "stripe.balance"
path = "inbox/stripe-balance/*.csv"
timezone = "Europe/Berlin"
owner = "payments team"

[[source]]
id = "stripe-events"                      # what it says every day of what is available and what is pending
entity = "{here}"
format = "stripe.objects"
path = "inbox/stripe-events/*.jsonl"
timezone = "Europe/Berlin"
owner = "payments team"

[[source]]
id = "adyen"                              # the shop: one report per batch and store, written in Amsterdam's time
entity = "{there}"
format = "adyen.settlement_detail"
path = "inbox/adyen/*.csv"
timezone = "America/New_York"
owner = "payments team"

[[source]]
id = "bank-de"
entity = "{here}"
format = "camt.053"
path = "inbox/bank-de/*.xml"
timezone = "Europe/Berlin"
calendar = "ECB"
expects = "business-daily"
owner = "treasury"

[[source]]
id = "bank-us"
entity = "{there}"
format = "mt940"
path = "inbox/bank-us/*.sta"
timezone = "America/New_York"
calendar = "US"
expects = "business-daily"
owner = "treasury"

"""
_TABLE = """\
[[source]]
id = "{what}-{country}"                           # {said}
entity = "{entity}"
mapping = "mappings/{what}-{country}.toml"
path = "inbox/{what}-{country}/*.csv"
timezone = "{zone}"
owner = "{owner}"

"""
_RECONCILIATIONS = """\
# -- Reconciliations: what is tied out with what ----------------------------------------------------------------------

[[reconciliation]]
id = "receivables"                        # was every invoice paid, and was every payment owed?
left = {{ source = ["erp-de", "erp-us"], kinds = ["invoice", "credit_note"] }}
right = {{ source = ["stripe", "stripe-balance", "adyen"], kinds = ["charge", "refund"] }}
rules = "invoice-to-payment"

[[reconciliation]]
id = "payouts-stripe"                     # did every payout arrive?
left = {{ source = ["stripe", "stripe-balance"] }}
right = {{ source = "bank-de" }}
rules = "payout-to-bank"

[[reconciliation]]
id = "payouts-adyen"
left = {{ source = "adyen" }}
right = {{ source = "bank-us" }}
rules = "payout-to-bank"

[[reconciliation]]
id = "bank-receipts"                      # who paid by bank transfer? It uses up what is left of papers and lines
left = {{ source = ["erp-de", "erp-us"], kinds = ["invoice", "credit_note", "bill"] }}
right = {{ source = ["bank-de", "bank-us"], kinds = ["bank_entry", "bank_detail"] }}
rules = "open-items-to-bank"

[[reconciliation]]
id = "bank-ledger"                        # is every line of the bank in the ledger, and the other way round?
left = {{ source = ["bank-de", "bank-us"], kinds = ["bank_entry"] }}
right = {{ account = [{ledgers}], kinds = ["journal_line"] }}
rules = "bank-to-ledger"
"""


def write_workspace(profile: Profile, folder: Path) -> None:
    """Write tieout.toml."""
    here, there = profile.entities
    name = f"{here.name.split()[0]} Group"
    parts = [_HEAD.format(name=name, seed=profile.seed)]
    parts += [_entity(entity) for entity in profile.entities]
    parts.append(_SOURCES.format(here=here.id, there=there.id))
    for entity in profile.entities:
        for what, said, owner in (
            ("erp", "open items: invoices, credit notes, bills", "accounts receivable"),
            ("ledger", "what the ERP booked on its bank and clearing accounts", "general ledger"),
        ):
            given = {"what": what, "said": said, "owner": owner, "country": entity.country}
            parts.append(_TABLE.format(entity=entity.id, zone=entity.zone, **given))
    parts.append(_accounts(profile))
    ledgers = ", ".join(f'"gl-{bank.ledger_account}"' for bank in profile.banks)
    parts.append(_ledgers(profile))
    parts.append(_RECONCILIATIONS.format(ledgers=ledgers))
    (folder / "tieout.toml").write_text("".join(parts), encoding="utf-8")


def _entity(entity: Entity) -> str:
    return (
        f'[[entity]]\nid = "{entity.id}"\nname = "{entity.name}"\ncurrency = "{entity.currency}"\n'
        'books = { receipt = "tieout", fee = "tieout", payout = "erp", fx = "tieout" }   # the ERP books its bank statements\n\n'
    )


def _accounts(profile: Profile) -> str:
    title = "# -- Accounts: where money stands "
    parts = [title + "-" * (118 - len(title)) + "\n\n"]
    opened = text_of(profile.month.first - 1)
    for platform in profile.platforms:
        # Two reports tell of Stripe's balances: they know the account by its number.
        source = 'source = "adyen"\n' if platform.source == "adyen" else ""
        parts.append(
            f'[[account]]\nid = "{platform.id}"\nentity = "{platform.entity.id}"\n{source}kind = "platform"\n'
            f'number = "{platform.number}"\ncurrency = "{platform.currency}"\ntimezone = "{platform.entity.zone}"\n'
            f'calendar = "{platform.entity.calendar}"\nsettles_after = "2bd"\nledger_account = "{platform.ledger_account}"\n'
            f'opening = {{ on = "{opened}", amount = "{decimal(platform.opening, platform.currency)}" }}\n\n'
        )
    parts += [
        f'[[account]]\nid = "{bank.id}"\nsource = "{bank.source}"\nkind = "bank"\nnumber = "{bank.number}"\n'
        f'currency = "{bank.currency}"\ntimezone = "{bank.entity.zone}"\ncalendar = "{bank.entity.calendar}"\n'
        f'ledger_account = "{bank.ledger_account}"\n'
        f'opening = {{ on = "{opened}", amount = "{decimal(bank.opening, bank.currency)}" }}\n\n'
        for bank in profile.banks
    ]
    parts += [
        f'[[account]]\nid = "{transit.id}"\nentity = "{transit.entity.id}"\nkind = "in_transit"\n'
        f'currency = "{transit.currency}"\nledger_account = "{transit.ledger_account}"\n'
        f'opening = {{ on = "{opened}", amount = "{decimal(0, transit.currency)}" }}\n\n'
        for transit in profile.transits
    ]
    booked: tuple[Bank | Platform | Transit, ...] = (*profile.banks, *profile.platforms, *profile.transits)
    parts += [
        f'[[account]]\nid = "gl-{each.ledger_account}"\nsource = "ledger-{each.entity.country}"\nkind = "ledger"\n'
        f'number = "{each.ledger_account}"\ncurrency = "{each.currency}"\n'
        f'opening = {{ on = "{opened}", amount = "{decimal(getattr(each, "opening", 0), each.currency)}" }}\n\n'
        for each in booked
    ]
    return "".join(parts)


def _ledgers(profile: Profile) -> str:
    parts = ["# -- Ledgers: where journals go " + "-" * 88 + "\n\n"]
    parts += [
        f'[[ledger]]\nid = "books-{e.country}"\nentity = "{e.id}"\nsystem = "files"\ncompany = "{n}000"\nperiods = "monthly"\n\n'
        for n, e in enumerate(profile.entities, 1)
    ]
    return "".join(parts)


def write_rates(profile: Profile, rates: Rates, folder: Path) -> None:
    """Write one file with the rates of every business day, as units of a currency for one euro."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["date,base,quote,rate"]
    working = profile.working["ECB"]
    for place in range(len(rates.table["EUR"])):
        day = rates.first + place
        if working.is_open(day):
            lines += [
                f"{text_of(day)},EUR,{currency},{rate // 10**6}.{rate % 10**6:06d}"
                for currency in ("USD", "JPY", "KWD")
                for rate in (rates.table[currency][place],)
            ]
    (folder / f"ecb-{text_of(profile.month.first, '%Y-%m')}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
