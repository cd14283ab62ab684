"""
``python -m tieout``: the same as the command ``tieout``.
"""

import sys

from tieout.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
