"""The report of a run: what was run, how it went, and the pictures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from platform import python_version

from digit_batch.batch import Settings
from digit_batch.evaluation import NONE_SAID, Evaluation
from digit_batch.model import Model
from digit_batch.predictions import CLASSES
from digit_batch.report.page import charts
from digit_batch.report.page.fill import write_page
from digit_batch.report.page.kept import Kept
from digit_batch.report.page.sheets import make_sheets
from digit_batch.report.tables import Tally

SIDES = ((2_000, 128), (8_000, 96))  # px of a tile, for so many rows at most
SMALLEST = 72  # px, for more
PACKAGES = ("scikit-learn", "scikit-image", "numpy", "pillow")


@dataclass(frozen=True)
class Run:
    """What was run.

    Attributes
    ----------
    command : str
        ``classify`` or ``evaluate``.
    inputs : sequence of str
        As typed.
    model : str
        The model, in words.
    options : mapping of str to str
        Those that were given, and with what.
    seconds : float
        How long it took.
    finished : datetime
        When it ended, with its time zone.
    """

    command: str
    inputs: Sequence[str]
    model: str
    options: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    finished: datetime = field(default_factory=lambda: datetime.now().astimezone())

    @property
    def versions(self) -> str:
        """What it ran with."""
        packages = [f"{name} {version(name)}" for name in PACKAGES]
        return ", ".join([*packages, f"Python {python_version()}"])


def write_report(
    path: Path,
    run: Run,
    kept: Kept,
    tally: Tally,
    result: Evaluation | None = None,
    *,
    model: Model,
    settings: Settings,
    jobs: int | None = None,
    force: bool = False,
    progress: Callable[[int], object] = lambda drawn: None,
) -> int:
    """Write the report page of a run.

    Parameters
    ----------
    path : Path
        The page.
    run : Run
        What was run.
    kept : Kept
        The rows to show.
    tally : Tally
        Counts of all rows.
    result : Evaluation, optional
        How many were right, where that is known.
    model, settings
        How the pictures were read; they are read again in the same way.
    jobs : int or None
        Processes for that.
    force : bool
        Replace a page that exists.
    progress : callable
        Called with the number of rows drawn since the last call.

    Returns
    -------
    int
        How many rows have a picture; the others show why not.

    Raises
    ------
    OutputError
        The page cannot be written.
    """
    rows = kept.rows
    side = next((side for most, side in SIDES if len(rows) <= most), SMALLEST)
    names = ("ok", "for review") if result is None else ("right", "wrong")
    sure, most_sure = charts.histogram(kept.sure, names)
    return write_page(
        path,
        "report.html",
        "report.js",
        rows,
        make_sheets([shown.row for shown in rows], {"around": side}, model=model, settings=settings, jobs=jobs),
        progress,
        force=force,
        run=run,
        tally=tally,
        result=result,
        matrix=None if result is None else result.confusion.tolist(),
        none_said=result is not None and bool(result.confusion[:, NONE_SAID].any()),
        shown=len(rows),
        views={"around": side, "ink": 32, "grid": 8},
        sure=sure,
        most_sure=most_sure,
        sure_names=names,
        labels=charts.label_bars(tally.labels, CLASSES),
        most_labels=max(tally.labels.values(), default=0),
        digits=[] if result is None else charts.recall_bars(result),
        digit_ticks=[((digit + 0.5) / CLASSES, str(digit)) for digit in range(CLASSES)],
        risk=None if result is None else charts.risk_coverage(result),
    )
