"""Figures: the confusion matrix as a heat map, and digits with their labels.

Drawn with Matplotlib and Seaborn, which come with the extra ``plots`` and are loaded only here.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from digit_batch.errors import OutputError, missing_extra
from digit_batch.evaluation import Evaluation
from digit_batch.output import whole_path
from digit_batch.predictions import CLASSES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".png", ".svg", ".pdf")
DPI = 120
SHOWN = 40  # digits of a data set
ROW = 10  # digits side by side


def check_figure(path: Path) -> None:
    """Refuse, before any work, a figure that cannot be drawn.

    Raises
    ------
    OutputError
        Its name has the ending of no format.
    DigitBatchError
        What draws it is not installed.
    """
    if path.suffix.lower() not in FORMATS:
        raise OutputError(f"Cannot draw {path}: its name must end in {', '.join(FORMATS[:-1])} or {FORMATS[-1]}.")
    for name in ("matplotlib", "seaborn"):
        if find_spec(name) is None:
            raise missing_extra("A figure", ModuleNotFoundError(name=name), "plots")


def draw_confusion(result: Evaluation, path: Path) -> None:
    """Draw the confusion matrix as a heat map: counts in the cells, the colour is the share of the true digit.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    import seaborn
    from matplotlib.figure import Figure

    columns = CLASSES + bool(result.confusion[:, CLASSES:].any())
    counts, shares = result.confusion[:, :columns], result.confusion_shares[:, :columns]
    words = np.where(counts > 0, counts.astype(str), "")
    figure = Figure(figsize=(8, 6.6), layout="constrained")
    axes = figure.subplots()
    seaborn.heatmap(
        shares,
        ax=axes,
        annot=words,
        fmt="",
        cmap="Blues",
        norm=_rooted(),
        linewidths=0.5,
        linecolor="0.9",
        square=True,
        cbar_kws={"label": "share of the true digit", "ticks": [0, 0.01, 0.05, 0.2, 0.5, 1]},
        xticklabels=[*map(str, range(CLASSES)), "none"][:columns],
        yticklabels=list(map(str, range(CLASSES))),
    )
    axes.tick_params(length=0, labelrotation=0)
    axes.set(xlabel="said", ylabel="true digit")
    low, high = result.interval
    axes.set_title(f"{result.accuracy:.2%} of {result.images:,} right (95 % interval {low:.2%} to {high:.2%})")
    _save(figure, path)


def _rooted() -> Any:
    """Return a colour scale by the root of the share, on which one mistake in a hundred can be seen."""
    from matplotlib.colors import PowerNorm

    return PowerNorm(0.5, vmin=0, vmax=1)


def draw_digits(images: NDArray[Any], labels: Sequence[int], path: Path) -> None:
    """Draw the first digits of (n, 8, 8) images, 0 to 16, each with its label.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    from matplotlib.figure import Figure

    rows = -(-min(SHOWN, len(images)) // ROW)
    figure = Figure(figsize=(ROW * 0.8, rows), layout="constrained")
    places = figure.subplots(rows, ROW, squeeze=False).flat
    for axes, image, label in zip(places, images, labels, strict=False):
        axes.imshow(image, cmap="gray_r", vmin=0, vmax=16)
        axes.set_title(str(label), fontsize=11)
    for axes in figure.axes:
        axes.set_axis_off()
    _save(figure, path)


def _save(figure: "Figure", path: Path) -> None:
    with whole_path(path) as part:
        figure.savefig(part, format=path.suffix.lower()[1:], dpi=DPI)
