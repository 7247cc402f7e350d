"""scikit-learn's digits for the terminal: the words that come with them, their figures, the first ones drawn."""

from typing import Any

import numpy as np
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.text import Text

from digit_batch.predictions import CLASSES
from digit_batch.report.tables import digit_counts, fact_table, grid

DRAWN = 10  # digits, which are 0 to 9 in this order


def describe(digits: Any) -> RenderableType:
    """Return what `load_digits` gives, in words and figures.

    Parameters
    ----------
    digits : sklearn.utils.Bunch
        With ``DESCR``, ``data`` (n, 64), ``images`` (n, 8, 8) and ``target`` (n,).
    """
    data, target = digits.data, digits.target
    facts = fact_table()
    facts.add_row("data", f"{_shape(data)}, {data.dtype}: one row a digit, one column a block of the 8x8 grid")
    facts.add_row("images", f"{_shape(digits.images)}: the same as grids")
    facts.add_row("target", f"{_shape(target)}, {target.dtype}: the labels, {target.min()} to {target.max()}")
    facts.add_row("range", f"{data.min():g} to {data.max():g}: inked pixels of 16 in a block")
    facts.add_row("size", f"{data.size:,} values, {data.nbytes / 1e6:.2f} MB")
    counts = digit_counts("Digits per class", np.bincount(target, minlength=CLASSES))
    tiles = [
        Group(grid(features), Text(f"label {label}", style="green"))
        for features, label in zip(data[:DRAWN], target, strict=False)
    ]
    return Group(
        Text(digits.DESCR.strip()),
        "",
        facts,
        counts,
        Text("The first digits", style="bold"),
        Columns(tiles, padding=(1, 3)),
    )


def _shape(array: Any) -> str:
    return " x ".join(f"{length:,}" for length in array.shape)
