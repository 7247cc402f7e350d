"""The commands. This room alone prints, exits, and knows Typer.

Heavy imports stay inside the commands, so that ``--help`` answers at once.
"""

from digit_batch.cli.app import main

__all__ = ["main"]
