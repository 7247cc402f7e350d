"""``digit-batch classify``."""

import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from digit_batch.cli.codes import UNREADABLE
from digit_batch.cli.options import (
    Force,
    Inputs,
    Jobs,
    MaxPixels,
    MinConfidence,
    ModelPath,
    Polarity,
    PolarityChoice,
    Probabilities,
    Quiet,
)


def classify(
    inputs: Inputs,
    output: Annotated[
        str, typer.Option("-o", "--output", help="The CSV; - writes rows to stdout.")
    ] = "predictions.csv",
    model: ModelPath = None,
    jobs: Jobs = None,
    min_confidence: MinConfidence = None,
    probabilities: Probabilities = False,
    polarity: Polarity = PolarityChoice.auto,
    max_pixels: MaxPixels = 100_000_000,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Read every image of files and folders into a CSV, one row an image.

    Example: [bold]digit-batch classify scans/ -o out.csv[/bold]
    """
    from digit_batch import batch
    from digit_batch.cli.screen import err, follow, out, stdout_for_rows
    from digit_batch.errors import NoImageError
    from digit_batch.images import Limits
    from digit_batch.model import load_model
    from digit_batch.predictions import Prediction, cells, check_output, header, whole_file, write_rows
    from digit_batch.reading import MIN_CONFIDENCE
    from digit_batch.report.tables import Tally, summary

    to_stdout = output == "-"
    if not to_stdout:
        check_output(Path(output), force=force)
    settings = batch.Settings(
        polarity.value, MIN_CONFIDENCE if min_confidence is None else min_confidence, Limits(max_pixels=max_pixels)
    )
    tally, started = Tally(), time.perf_counter()
    predictions = batch.classify(
        inputs,
        load_model(model),
        settings=settings,
        jobs=jobs,
        on_skip=lambda thing: tally.skipped.update([thing.reason]),
    )

    def counted() -> Iterator[Prediction]:
        for prediction in follow(predictions, "reading", quiet=quiet):
            tally.add(prediction)
            yield prediction

    rows = counted()
    first = next(rows, None)
    if first is None:
        raise NoImageError(
            f"No image in {', '.join(inputs)}. Give a folder that holds PNG, JPEG, TIFF or other images."
        )
    target = nullcontext(stdout_for_rows()) if to_stdout else whole_file(Path(output), force=force)
    with target as stream:
        write_rows(stream, [header(probabilities=probabilities), cells(first, probabilities=probabilities)])
        write_rows(stream, (cells(row, probabilities=probabilities) for row in rows))
    if not quiet:
        seconds = time.perf_counter() - started
        (err if to_stdout else out).print(summary(tally, seconds, "stdout" if to_stdout else output))
    if tally.statuses["error"]:
        raise typer.Exit(UNREADABLE)
