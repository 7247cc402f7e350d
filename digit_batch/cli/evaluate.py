"""``digit-batch evaluate``."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from digit_batch.cli.codes import BELOW, UNREADABLE
from digit_batch.cli.options import (
    Force,
    Jobs,
    MaxPixels,
    MinConfidence,
    ModelPath,
    Polarity,
    PolarityChoice,
    Quiet,
)


def evaluate(
    source: Annotated[
        str, typer.Argument(metavar="INPUT", help="A labelled folder (.../<digit>/file), or a predictions CSV.")
    ],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Save the rows with their true labels.")] = None,
    metrics: Annotated[Path | None, typer.Option("--json", help="Save every figure.")] = None,
    fail_under: Annotated[
        float | None, typer.Option(min=0, max=1, help="Exit with 4 when the accuracy is below.")
    ] = None,
    model: ModelPath = None,
    jobs: Jobs = None,
    min_confidence: MinConfidence = None,
    polarity: Polarity = PolarityChoice.auto,
    max_pixels: MaxPixels = 100_000_000,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Tell how well a labelled folder is read.

    Example: [bold]digit-batch evaluate labelled/ --json metrics.json[/bold]
    """
    from contextlib import ExitStack

    from digit_batch import batch, evaluation
    from digit_batch.cli.screen import follow, out
    from digit_batch.errors import InputError, NoImageError
    from digit_batch.images import Limits
    from digit_batch.model import load_model
    from digit_batch.predictions import (
        Prediction,
        cells,
        check_output,
        header,
        read_predictions,
        whole_file,
        write_rows,
    )
    from digit_batch.reading import MIN_CONFIDENCE
    from digit_batch.report import tables

    for path in (output, metrics):
        if path is not None:
            check_output(path, force=force)
    settings = batch.Settings(
        polarity.value, MIN_CONFIDENCE if min_confidence is None else min_confidence, Limits(max_pixels=max_pixels)
    )

    def predictions() -> Iterator[Prediction]:
        if source.endswith(".csv"):
            with Path(source).open(encoding="utf-8", newline="") as stream:
                yield from read_predictions(stream)
        else:
            yield from batch.classify([source], load_model(model), settings=settings, jobs=jobs)

    with ExitStack() as stack:
        stream = None if output is None else stack.enter_context(whole_file(output, force=force))
        if stream:
            write_rows(stream, [header(truth=True)])

        def pairs() -> Iterator[tuple[Prediction, int | None]]:
            for prediction in follow(predictions(), "reading", quiet=quiet):
                true = evaluation.label_of(prediction.path, None)
                if stream:
                    correct = "" if true is None else str(int(prediction.label == true))
                    write_rows(stream, [[*cells(prediction), "" if true is None else str(true), correct]])
                yield prediction, true

        result = evaluation.evaluate(pairs())
    if not result.images + result.unreadable + result.unlabelled:
        raise NoImageError(f"No image in {source}. Give a folder with one folder a digit, named 0 to 9.")
    if not result.images + result.unreadable:
        raise InputError(f"No image in {source} has a true label. Put each in a folder named after its digit, 0 to 9.")
    if metrics:
        with whole_file(metrics, force=force) as stream:
            stream.write(json.dumps(result.figures(), indent=2) + "\n")
    if not quiet:
        out.print(tables.evaluation(result))
    if fail_under is not None and result.accuracy < fail_under:
        raise typer.Exit(BELOW)
    if result.unreadable:
        raise typer.Exit(UNREADABLE)
