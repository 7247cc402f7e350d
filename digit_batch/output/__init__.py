"""Output files that appear under their name only when they are whole, and unfinished ones that can be continued.

While a run goes on its rows stand in ``OUT.part``, and beside it, in ``OUT.part.json``, what the run was begun with and
how far its rows are surely whole. Both are gone when ``OUT`` appears. Nothing that took hours is ever replaced unasked.
"""

from digit_batch.output.unfinished import Part, check_facts, open_part
from digit_batch.output.whole import (
    Pack,
    check_finished,
    check_output,
    check_unfinished,
    unwritable,
    whole_file,
    whole_path,
)

__all__ = [
    "Pack",
    "Part",
    "check_facts",
    "check_finished",
    "check_output",
    "check_unfinished",
    "open_part",
    "unwritable",
    "whole_file",
    "whole_path",
]
