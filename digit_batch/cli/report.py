"""``--report``: the rows of a run, collected while they go by, and the page at its end."""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from digit_batch.batch import Settings
    from digit_batch.evaluation import Evaluation
    from digit_batch.predictions import Prediction


LOST = (
    "No image could be read for the page. The paths of its rows start in the folder where `classify` ran: run it there."
)


class Report:
    """A page to be, and the rows that it will show.

    Parameters
    ----------
    path : Path
        The page.
    command : str
        ``classify`` or ``evaluate``.
    inputs : sequence of str
        As typed.
    model : Path or None
        The model file; None for the one that ships.
    settings : Settings
        How the pictures are read.
    options : mapping of str to str
        What the command line asked for, in its words; empty values are left out.
    force : bool
        Replace a page that exists.

    Raises
    ------
    OutputError
        The page exists, or cannot be written there: told before any work.
    """

    def __init__(
        self,
        path: Path,
        command: str,
        inputs: Sequence[str],
        model: Path | None,
        settings: "Settings",
        options: Mapping[str, str],
        *,
        force: bool,
    ) -> None:
        from digit_batch.output import check_output
        from digit_batch.report.page import Kept
        from digit_batch.report.tables import Tally

        check_output(path, force=force)
        self.path = path
        self.kept = Kept()
        self.tally = Tally()
        self._model = model
        self._about = (command, list(inputs), "the one that ships" if model is None else str(model))
        self._settings = settings
        self._options = {name: value for name, value in options.items() if value}
        self._force = force
        self._started = time.perf_counter()

    def follow(self, pairs: "Iterator[tuple[Prediction, int | None]]") -> "Iterator[tuple[Prediction, int | None]]":
        """Pass rows and their true digits on; count each, and keep it if it is worth a look."""
        for row, true in pairs:
            self.tally.add(row)
            self.kept.add(row, true)
            yield row, true

    def write(self, result: "Evaluation | None" = None, *, jobs: int | None = None, quiet: bool = False) -> None:
        """Read the pictures of the rows kept, and write the page."""
        from digit_batch.cli.screen import err, meter
        from digit_batch.model import load_model
        from digit_batch.plurals import counted
        from digit_batch.report.names import plain
        from digit_batch.report.page import Run, write_report

        run = Run(*self._about, options=self._options, seconds=time.perf_counter() - self._started)
        shown = len(self.kept.rows)
        with meter("drawing", quiet=quiet, count=lambda: range(shown)) as advance:
            seen = write_report(
                self.path,
                run,
                self.kept,
                self.tally,
                result,
                model=load_model(self._model, bare=True),
                settings=self._settings,
                jobs=jobs,
                force=self._force,
                progress=advance,
            )
        if not quiet:
            err.print(f"{counted(seen, 'picture')} in {plain(str(self.path))}", markup=False)
        if not seen and self.tally.statuses["error"] < self.tally.images:
            err.print(LOST, markup=False)
