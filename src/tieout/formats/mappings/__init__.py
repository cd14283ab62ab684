"""
Tables that need no code: one mapping (TOML) per report of a platform or bank, shipped with tieout.

To add one, write ``NAME.toml`` (which columns make a file this one, and which expression gives each canonical field),
and lay a sample and its expected records beside the test. Users write the same files in their own ``mappings/``.
"""
