"""
The workspace of a benchmark of one rule: two sources, read by mappings of their own, and one reconciliation of them.
"""

__all__ = ["two_sources"]


def two_sources(reconciliation: str, left: str) -> str:
    """
    Write its tieout.toml; the other source is ``bank``, and the rules are in ``rules/own.toml``.

    :param left: the source of what the bank's lines are held against; its mapping has its name.
    """
    return f"""[workspace]
name = "Benchmark"
base_currency = "EUR"

[[entity]]
id = "acme"

[[source]]
id = "{left}"
mapping = "mappings/{left}.toml"

[[source]]
id = "bank"
mapping = "mappings/bank.toml"

[[reconciliation]]
id = "{reconciliation}"
left = {{ source = "{left}" }}
right = {{ source = "bank" }}
rules = "rules/own.toml"
"""
