"""The last lines of `make report`: how the run stands, and where its report lies.

python -m zfhelpers.report.last_words [--strict]      of the world and the notebooks that ZF_WORLD and ZF_NOTEBOOKS name
"""

from __future__ import annotations

import os
import sys

from zfhelpers.report import index
from zfhelpers.report.settings import read_settings


def main() -> int:
    """The command line; returns its exit status, 1 if `--strict` was asked for and a number differs."""
    try:
        asked = read_settings({}, [], os.environ)
        words = [
            asked.reports,
            *asked.notebooks.values(),
            f"--world={asked.world}",
            f"--network={asked.network}",
            "--summary",
            *sys.argv[1:],
        ]
        status = index.main(words)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    if not status:
        print(f"The report: {asked.reports}/index.html")
    return status


if __name__ == "__main__":
    sys.exit(main())
