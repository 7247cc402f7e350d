"""``digit-batch evaluate``."""

import json
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

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

if TYPE_CHECKING:
    from digit_batch.predictions import Prediction


def evaluate(
    source: Annotated[
        str,
        typer.Argument(
            metavar="INPUT", help="A labelled folder (.../<digit>/file), or a CSV or Parquet of predictions."
        ),
    ],
    labels: Annotated[
        Path | None, typer.Option("--labels", help="A CSV with the columns path and label, instead of folders.")
    ] = None,
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
    from digit_batch import batch, evaluation
    from digit_batch.cli.screen import follow, out
    from digit_batch.errors import InputError, NoImageError
    from digit_batch.images import Limits
    from digit_batch.labels import check_labels, folder_label, read_labels, table_label
    from digit_batch.model import load_model
    from digit_batch.output import check_output, whole_file
    from digit_batch.parquet import load_table
    from digit_batch.reading import MIN_CONFIDENCE
    from digit_batch.report import tables

    for path in (output, metrics):
        if path is not None:
            check_output(path, force=force)
    settings = batch.Settings(
        polarity.value, MIN_CONFIDENCE if min_confidence is None else min_confidence, Limits(max_pixels=max_pixels)
    )
    saved = source.lower().endswith((".csv", ".parquet")) and Path(source).is_file()
    table = None if labels is None else read_labels(labels)
    if table is not None:  # before the work is done, not after
        check_labels(table, _paths(source, saved=saved), source)
    predictions = (
        load_table(Path(source)) if saved else batch.classify([source], load_model(model), settings=settings, jobs=jobs)
    )
    pairs = (
        (row, folder_label(row.path) if table is None else table_label(row.path, table, source))
        for row in follow(predictions, "reading", quiet=quiet)
    )
    first = next(pairs, None)
    if first is None:
        raise NoImageError(f"No image in {source}. Give a folder with one folder a digit, named 0 to 9.")
    pairs_again = chain([first], pairs)
    if output is None:
        result = evaluation.evaluate(pairs_again)
    else:
        with whole_file(output, force=force) as stream:
            result = evaluation.evaluate(_written(pairs_again, stream))
    if not result.images + result.unreadable:
        raise InputError(
            f"No image in {source} has a true label. Put each in a folder named after its digit, "
            "0 to 9, or name a table of labels with --labels."
        )
    if metrics:
        with whole_file(metrics, force=force) as stream:
            stream.write(json.dumps(result.figures(), indent=2) + "\n")
    if not quiet:
        out.print(tables.evaluation(result))
    if fail_under is not None and result.accuracy < fail_under:
        raise typer.Exit(BELOW)
    if result.unreadable:
        raise typer.Exit(UNREADABLE)


def _paths(source: str, *, saved: bool) -> Iterator[str]:
    """Yield the path of every image that will be scored, without reading one."""
    from digit_batch.batch import images_among
    from digit_batch.images import walk
    from digit_batch.parquet import load_table

    if saved:
        return (row.path for row in load_table(Path(source)))
    return (image.name for image in images_among(walk([source])))


def _written(
    pairs: "Iterable[tuple[Prediction, int | None]]", stream: TextIO
) -> "Iterator[tuple[Prediction, int | None]]":
    """Pass the pairs on, and write each as a row with its true label."""
    from digit_batch.predictions import cells, header, write_rows

    write_rows(stream, [header(truth=True)])
    for row, true in pairs:
        truth = ["", ""] if true is None else [str(true), str(int(row.label == true))]
        write_rows(stream, [[*cells(row), *truth]])
        yield row, true
