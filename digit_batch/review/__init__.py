"""Rows for a person, and what the person said about them.

`choice` takes the rows of a table that are worth a look; `corrections` reads what was said, checks it and writes it
into the rows; `sorting` lays images into a folder a digit, and reads a folder that someone corrected by moving files.
"""

from digit_batch.review.choice import Choice, choose_rows
from digit_batch.review.corrections import REVIEWED, Corrections, apply_corrections, check_corrections, read_corrections
from digit_batch.review.sorting import Sorted, read_sorted, sort_into

__all__ = [
    "REVIEWED",
    "Choice",
    "Corrections",
    "Sorted",
    "apply_corrections",
    "check_corrections",
    "choose_rows",
    "read_corrections",
    "read_sorted",
    "sort_into",
]
