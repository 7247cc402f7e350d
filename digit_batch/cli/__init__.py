"""The commands. This room alone prints, exits, and knows Typer.

Heavy imports stay inside the commands, so that ``--help`` answers at once.
"""

import os
import sys

from digit_batch.cli.codes import INTERRUPTED
from digit_batch.cli.streams import fill_closed

__all__ = ["main"]


def main() -> None:
    """Run the command line. A Ctrl-C before a command has begun, while Typer is loaded, is one sentence too."""
    os.environ["PYTHONSAFEPATH"] = "1"  # or processes that are started here would run a pickle.py among the scans
    try:
        fill_closed()
        from digit_batch.cli.app import main as run

        run()
    except KeyboardInterrupt:
        print("digit-batch: Interrupted.", file=sys.stderr)
        sys.exit(INTERRUPTED)
