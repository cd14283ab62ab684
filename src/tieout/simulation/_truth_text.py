"""
What stands in ``truth/README.md``.
"""

__all__ = ["README"]

README = """\
# The truth about this company

Made with its files, from the same draws; no product code reads it.
Amounts are whole minor units of their currency (JPY 0 decimals, EUR and USD 2, KWD 3), signed as canonical records are.

## positions.parquet (of large companies also positions-1.parquet, ...)

What is expected of each record, per claim: one row per record, claim and reconciliation.

- `reconciliation`, `claim`, `side`: which reconciliation of tieout.toml is expected to use the claim up, and where.
- `source`, `external_id`, `settlement_id`, `kind`, `booked_on`, `amount`, `currency`: the record.
  Lines that a platform gives no identifier (fees, deposits and balance transfers of the second one) are told by the rest.
  In the claim `settlement` the amount is the net.
- `expected`: `matched`, `exception`, `in_transit`, `open` (nothing is wrong, and nothing has come yet), or `excluded`
  (explained by something else: a sweep by its bank code, a batch entry by its transactions).
- `reason`: of the exception, as `tieout exceptions` names it.
- `group_id`: records with the same group belong together, in one match or in several.
  An exception may have a group, too: its candidates.
- `allocated`: what the group uses up of the record.
- `decidable`: false where the files cannot decide; then `ambiguous` is right.
- `trouble`: what was done to it; `plain` and `composition`: nothing.
- `also`: other outcomes that are not wrong, separated by semicolons, such as `exception:late`.

A record can have several rows: a payout's `settlement` is looked for at the bank, its `transfer` is made of its lines.
The `settlement` of a payout that failed and of what came back of it have one group; its `transfer` is one of the lines of
the settlement into which it came.
A balance transfer is a line of its settlement, and its `transfer` is looked for in the next one; so is a reserve's, where
it is released: in one sum, or in parts up to the last of them. Of what is released in part only nobody says of which hold.
The two halves of a conversion are lines of the settlements of their balances, and share a group.
Papers that customers pay by bank transfer stand under `bank-receipts` only, those that cards pay under `receivables`.
Lines of a bank that no reconciliation explains stand under `bank-receipts`; that the ledger has them, under `bank-ledger`.

## balances.parquet

The closing balance of an account on a day: banks by their statements, all others (ledger accounts: `gl-...`) on every day on
which something was booked.

## in_transit.parquet

Payouts that their bank had not booked at the end of the month, with the day on which they should arrive; those with the trouble
`payout_missing_at_bank` are late.

## transit.parquet

What passed through accounts of cash in transit: what left (+), what arrived or came back (-), on its own day, and how the ERP
booked it (`how`, `entry`, `booked_on`, `booked_amount`; `next_month`: not in its export yet).
`name` is the payout, the settlement that was carried over, or the bank's line.
Two payouts that nobody can tell apart are on their way for anybody who is careful; the payout of last month passed before.

## platform_balances.parquet

What a platform said that it had available and pending, and when (UTC): everything that was booked up to that second.

## conversions.parquet

Balances that a platform turned into others: what left the one and came to the other, at one moment.

## fees.parquet

What the platforms kept: per account, settlement (none: not settled yet) and sort of cost.

## payments.parquet

The final state of each payment: `captured`, `partially_refunded`, `refunded`, `returned` (a bank debit that came back),
`dispute_lost`, `dispute_won`.

## unreadable.csv

The rows that cannot be read: they must be in quarantine, with this column and content.
"""
