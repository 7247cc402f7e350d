"""``digit-batch evaluate``."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from digit_batch.cli.codes import BELOW, UNREADABLE
from digit_batch.cli.options import (
    MAX_PIXELS,
    Force,
    Jobs,
    Json,
    LabelPattern,
    LabelTable,
    MaxPixels,
    MinConfidence,
    ModelPath,
    Plot,
    Polarity,
    PolarityChoice,
    Quiet,
    Report,
    file_option,
)

if TYPE_CHECKING:
    from digit_batch.batch import Settings
    from digit_batch.cli.chosen import Locked
    from digit_batch.evaluation import Tournament
    from digit_batch.output import Pack
    from digit_batch.predictions import Prediction

    Pairs = Iterator[tuple[Prediction, int | None]]


def evaluate(
    source: Annotated[
        str,
        typer.Argument(
            metavar="INPUT", help="A labelled folder (.../<digit>/file), or a CSV or Parquet of predictions."
        ),
    ],
    labels: LabelTable = None,
    label_pattern: LabelPattern = None,
    against: Annotated[
        Path | None,
        file_option(metavar="MODEL|TABLE", help="Compare with another model, or with predictions made by one."),
    ] = None,
    target_accuracy: Annotated[
        float | None, typer.Option(min=0, max=1, help="Tell the threshold from which on so many are right.")
    ] = None,
    output: Annotated[
        Path | None,
        file_option("-o", "--output", help="Save the rows with their true labels, as a CSV or a .parquet."),
    ] = None,
    metrics: Json = None,
    plot: Plot = None,
    fail_under: Annotated[
        float | None, typer.Option(min=0, max=1, help="Exit with 4 when the accuracy is below.")
    ] = None,
    model: ModelPath = None,
    jobs: Jobs = None,
    min_confidence: MinConfidence = None,
    polarity: Polarity = PolarityChoice.auto,
    max_pixels: MaxPixels = MAX_PIXELS,
    report: Report = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Tell how well a labelled folder is read.

    Example: [bold]digit-batch evaluate labelled/ --json metrics.json[/bold]
    """
    import json

    from digit_batch import batch
    from digit_batch.cli.chosen import Locked
    from digit_batch.cli.finding import Finding
    from digit_batch.cli.outputs import check_apart
    from digit_batch.cli.screen import follow
    from digit_batch.cli.truth import check_truth, find_truth, is_table, with_truth
    from digit_batch.errors import InputError
    from digit_batch.evaluation import Tournament
    from digit_batch.evaluation import evaluate as scores
    from digit_batch.images import Limits
    from digit_batch.output import check_output, whole_file
    from digit_batch.reading import MIN_CONFIDENCE

    for path in (output, metrics, plot):
        if path is not None:
            check_output(path, force=force)
    if plot:
        from digit_batch.report.figures import check_figure, draw_confusion

        check_figure(plot)
    check_apart((output, metrics, report), (source, labels, against, model), pictures=[plot])
    table = is_table(source)
    if table and min_confidence not in (None, MIN_CONFIDENCE):
        raise typer.BadParameter(
            "--min-confidence is for what is read now, and a table has its statuses: leave it out."
        )
    reading = model or polarity != PolarityChoice.auto or max_pixels != MAX_PIXELS
    if table and reading and report is None:
        raise typer.BadParameter(
            "A table is read already: --model, --polarity and --max-pixels are for an INPUT of images, or for the "
            "pictures of --report."
        )
    settings = batch.Settings(
        polarity.value, MIN_CONFIDENCE if min_confidence is None else min_confidence, Limits(max_pixels=max_pixels)
    )
    page = None
    if report is not None:
        from digit_batch.cli.report import Report as Page

        asked = {"--labels": str(labels or ""), "--label-pattern": label_pattern or ""}
        asked["--min-confidence"] = "" if table else str(settings.min_confidence)
        page = Page(report, "evaluate", [source], model, settings, asked, force=force)
    truth = find_truth((source,), labels, label_pattern)
    check_truth(truth, (source,), Path(source) if table else None)
    locked = Locked()
    duel = Tournament() if against else None
    with ExitStack() as stack:
        rows = _open(source, None if table else model, settings, jobs=jobs, locked=locked)
        pairs: Pairs = with_truth(follow(rows, "reading", quiet=quiet), truth)
        if against and duel:
            others = _open_other(str(against), source, settings, jobs=jobs)
            pairs = _compared(pairs, others, duel, str(against))
        pairs = _some(pairs, source)
        if page:
            pairs = page.follow(pairs)
        if output:
            pack = _packing(output, source, model, settings)
            pairs = _written(pairs, stack.enter_context(whole_file(output, force=force, pack=pack)))
        result = scores(pairs)
        if not result.images + result.unreadable:
            raise InputError(f"No image in {source} has a true label. {truth.cure}")
    locked.tell()
    finding = Finding(
        result,
        str(against),
        duel.result() if duel else None,
        target_accuracy,
        None if target_accuracy is None else result.confidences.reaching(target_accuracy),
    )
    if plot:
        draw_confusion(result, plot)
    if metrics:
        with whole_file(metrics, force=force) as stream:
            stream.write(json.dumps(finding.figures(), indent=2) + "\n")
    if page:
        page.write(result, jobs=jobs, quiet=quiet)
    if not quiet:
        finding.show()
    if fail_under is not None and result.accuracy < fail_under:
        raise typer.Exit(BELOW)
    if result.unreadable:
        raise typer.Exit(UNREADABLE)


def _open(
    source: str, model: Path | None, settings: "Settings", *, jobs: int | None, locked: "Locked | None" = None
) -> "Iterator[Prediction]":
    """Return the rows of a table, or of a folder read now."""
    from digit_batch.batch import classify
    from digit_batch.cli.truth import is_table
    from digit_batch.model import load_model
    from digit_batch.parquet import load_table

    if is_table(source):
        return load_table(Path(source))
    fitted = load_model(model, bare=True)
    return classify([source], fitted, settings=settings, jobs=jobs, on_skip=locked.meet if locked else None)


def _open_other(against: str, source: str, settings: "Settings", *, jobs: int | None) -> "Iterator[Prediction]":
    """Return the rows to compare with."""
    from digit_batch.cli.truth import is_named_as_table, is_table
    from digit_batch.errors import InputError

    if is_named_as_table(against):
        return _open(against, None, settings, jobs=jobs)
    if is_table(source):
        raise InputError(
            f"{source} is a table, which the model {against} cannot read. "
            "Give the folder it was made of, or compare with another table."
        )
    return _open(source, Path(against), settings, jobs=jobs)


def _some(pairs: "Pairs", source: str) -> "Pairs":
    """Pass the pairs on, of which there must be one."""
    from digit_batch.errors import NoImageError

    first = next(pairs, None)
    if first is None:
        raise NoImageError(f"No image in {source}. Give a folder with one folder a digit, named 0 to 9.")
    return chain([first], pairs)


def _compared(pairs: "Pairs", others: "Iterator[Prediction]", duel: "Tournament", against: str) -> "Pairs":
    """Pass the pairs on, and hold each against the row of the same image in another reading."""
    from digit_batch.errors import InputError

    for pair, other in zip_longest(pairs, others):
        mine = pair and (pair[0].path, pair[0].frame)
        if mine != (other and (other.path, other.frame)):
            here, there = (_name(row) for row in (pair and pair[0], other))
            raise InputError(
                f"{against} is not of the same images: it has {there} where {here} was read here. "
                "Classify the same INPUT, as typed here, with the other model."
            )
        duel.add(pair[0], other, pair[1])
        yield pair


def _name(row: "Prediction | None") -> str:
    return "nothing" if row is None else f"{row.path} (frame {row.frame})" if row.frame else row.path


def _packing(output: Path, source: str, model: Path | None, settings: "Settings") -> "Pack | None":
    """Return what makes a Parquet table of the saved rows, with the facts of the run that read them."""
    from digit_batch.batch.resume import describe_run
    from digit_batch.cli.truth import is_table
    from digit_batch.images import show_url
    from digit_batch.parquet import packing, read_facts

    known = is_table(source)
    facts = read_facts(Path(source)) if known else describe_run(model, settings, {"the inputs": show_url(source)})
    return packing(output, facts)


def _written(pairs: "Pairs", stream: TextIO) -> "Pairs":
    """Pass the pairs on, and write each as a row with its true label."""
    from digit_batch.predictions import cells, header, write_rows

    write_rows(stream, [header(truth=True)])
    for row, true in pairs:
        truth = ["", ""] if true is None else [str(true), str(int(row.label == true))]
        write_rows(stream, [[*cells(row), *truth]])
        yield row, true
