"""
The tieout.toml that ``tieout init`` writes: it works as it is, and every key is there to be uncommented.
"""

import json

__all__ = ["template"]

_TEXT = """\
# What tieout knows about your company. Keep this file in git.
#
# Lines that begin with '# ' explain. Lines that begin with '#' and no blank are examples: take the '#' away and
# change them. A word that tieout does not know is an error with its line, so nothing here is silently ignored.

[workspace]
name = @NAME@
base_currency = "EUR"                     # the currency in which everything can be added up
#book = "sqlite:///.tieout/book.db"       # or postgresql+psycopg://user@host/name
#lake = ".tieout/lake"                    # or s3://bucket/folder
#landing = ".tieout/landing"              # every file as it came, encrypted
#catalog = "sqlite:///.tieout/catalog.db" # of the Iceberg tables that 'tieout publish' makes; or PostgreSQL
#engine = "duckdb"                        # or "spark", or "spark://host:7077"
# The environment overrides each of these: TIEOUT_BOOK, TIEOUT_LAKE, TIEOUT_LANDING, TIEOUT_ENGINE, ...


# -- Entities: companies that keep books of their own ---------------------------------------------------------------

#[[entity]]
#id = "acme-de"
#name = "Acme GmbH"
#currency = "EUR"
# Who books each leg: "tieout" drafts its journals; what "erp" books is never drafted. Whether the ERP booked it, a
# reconciliation finds: payment-to-receipt for what customers paid, bank-to-ledger for what the bank has (see below);
# 'tieout journal' says where none does. Fees, and the platform's half of a payout, only the proof of its account compares.
#books = { receipt = "tieout", fee = "tieout", payout = "tieout", fx = "tieout" }


# -- Sources: where files come from ---------------------------------------------------------------------------------
# Each has exactly one of: format (tieout knows it), mapping (a table of your own, described in a file such as
# mappings/acme-psp.toml) or connector (fetched from the system itself). 'tieout inspect FILE' names a file's format.

#[[source]]
#id = "stripe-eu"
#entity = "acme-de"
#format = "stripe.payout_reconciliation"
#path = "inbox/stripe/*.csv"              # where 'tieout ingest' looks; no file there is not an error
#owner = "payments team"
#timezone = "Europe/Berlin"               # of its accounts, unless they say otherwise; UTC if nobody does
#expects = "daily"                        # or business-daily, weekly, monthly: a day without its file is reported

#[[source]]
#id = "bank-main"
#entity = "acme-de"
#format = "camt.053"
#path = "inbox/bank/*"
#timezone = "Europe/Berlin"
#calendar = "ECB"
#expects = "business-daily"

#[[source]]
#id = "bank-pl"
#entity = "acme-de"
#format = "mt940"
#path = "inbox/bank-pl/*"
#encoding = "cp1250"                      # the code page of a text that is neither UTF-8 nor Windows-1252: cp1251, cp852, ...

#[[source]]
#id = "shop-api"
#entity = "acme-de"
#connector = "stripe"
#accounts_of = "stripe-eu"                # it tells of the accounts of that source, as two reports of one platform do
#currency = "EUR"
#settings = { account = "acct_1" }        # the connector's own; never a password or key


# -- Accounts (optional): where money stands ------------------------------------------------------------------------
# Without any, each source brings its accounts along. As soon as one is declared for a source, every other account
# in its files is an exception, so that no account slips in unseen.

#[[account]]
#id = "stripe-eu-eur"
#entity = "acme-de"
#source = "stripe-eu"                     # whose files carry it
#kind = "platform"                        # platform, bank, reserve, in_transit, ledger
#number = "acct_1"                        # as files name it: IBAN, merchant account, ...
#currency = "EUR"
#timezone = "Europe/Berlin"
#calendar = "ECB"                         # ECB, DE, DE-BY, US, ... (the holidays library), or calendars/NAME.toml
#settles_after = "2bd"                    # business days; "3d" would be calendar days
#ledger_account = "1361"
#opening = { on = "2026-10-31", amount = "41220.15" }   # what it held when tieout began; amounts are text

#[[account]]
#id = "bank-main-eur"
#source = "bank-main"
#kind = "bank"
#number = "DE89 3704 0044 0532 0130 00"
#numbers = ["37040044/0532013000"]        # what other files call it, of whatever source
#servicer = "COBADEFFXXX"
#currency = "EUR"
#ledger_account = "1200"


# -- Ledgers: where journals go -------------------------------------------------------------------------------------

#[[ledger]]
#id = "sap-de"
#entity = "acme-de"
#system = "files"                         # or a connector that posts, such as "sap"
#company = "1000"
#periods = "monthly"                      # or 4-4-5, 4-5-4, 5-4-4, or erp: read from it
#settings = { folder = "outbox/sap" }


# -- Reconciliations: what is tied out with what --------------------------------------------------------------------
# Rules: generic, invoice-to-payment, payout-to-bank, open-items-to-bank, bank-to-ledger, payment-to-receipt, intercompany,
# or a file of your own, rules/NAME.toml. A side names sources, accounts, entities, ledgers or kinds: one, or a list.

#[[reconciliation]]
#id = "payouts"
#left = { source = "stripe-eu", kinds = ["payout"] }
#right = { source = "bank-main" }
#rules = "payout-to-bank"
#claims = { left = "settlement", right = "bank" }       # the default is the rule set's
"""


def template(name: str) -> str:
    """
    Write the tieout.toml of a new workspace: it loads as it is, and teaches every key by an example.

    :param name: the company's name; where it is blank, "My company".
    """
    # A JSON string is a TOML string, but for one control character.
    written = json.dumps(name if name.strip() else "My company", ensure_ascii=False).replace("\x7f", "\\u007f")
    return _TEXT.replace("@NAME@", written)
