"""``digit-batch train``."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digit_batch.cli.codes import UNREADABLE
from digit_batch.cli.options import (
    MAX_PIXELS,
    Force,
    Jobs,
    Json,
    LabelPattern,
    LabelTable,
    MaxPixels,
    Plot,
    Polarity,
    PolarityChoice,
    Quiet,
    above_0,
    file_option,
    not_empty,
)

if TYPE_CHECKING:
    from digit_batch.batch import Settings
    from digit_batch.labels import Truth
    from digit_batch.predictions import Prediction
    from digit_batch.training import OwnDigits


REPEATS = 3
MOST_SEED = 2**31 - 1  # scikit-learn takes twice as large ones; the splits add to it


def train(
    output: Annotated[Path, file_option("-o", "--output", help="The model file.")] = Path("digits.skops"),
    data: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FOLDER", help="Labelled images of your own (FOLDER/<digit>/file), or an OpenML name as mnist_784."
        ),
    ] = None,
    labels: LabelTable = None,
    label_pattern: LabelPattern = None,
    only_data: Annotated[
        bool, typer.Option("--only-data", help="Leave scikit-learn's digits and the drawn ones out.")
    ] = False,
    plain: Annotated[
        bool, typer.Option("--plain", help="Fit the raw 8x8 digits with SVC(C=100, gamma=0.001), as tutorials do.")
    ] = False,
    repeats: Annotated[int, typer.Option(min=1, help="Random splits of each test size.")] = REPEATS,
    test_size: Annotated[
        list[float] | None,
        typer.Option(min=0.01, max=0.99, help="Share that a split holds out; may be repeated.", show_default="0.25"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=MOST_SEED, help="Of the splits and of everything drawn.")] = 0,
    c: Annotated[
        float | None, typer.Option("--c", callback=above_0, help="The classifier's C.", show_default="3")
    ] = None,
    gamma: Annotated[
        float | None, typer.Option("--gamma", callback=above_0, help="The classifier's gamma.", show_default="0.12")
    ] = None,
    search: Annotated[
        bool, typer.Option("--search", help="Find C and gamma, unless given, by cross-validation.")
    ] = False,
    drawn: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Digits drawn with a pen and added; fewer fit faster and read other people's scans worse.",
            show_default="100,000, fewer with more than 10,000 images of your own",
        ),
    ] = None,
    calibrate_on: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            callback=not_empty,
            help="Fit nothing: set only the confidence of a model again, on labelled scans or a reviewed table.",
        ),
    ] = None,
    model: Annotated[
        Path | None,
        file_option(
            "--model", help="The model whose confidence --calibrate-on sets.", show_default="the one that ships"
        ),
    ] = None,
    metrics: Json = None,
    plot: Plot = None,
    jobs: Jobs = None,
    polarity: Polarity = PolarityChoice.auto,
    max_pixels: MaxPixels = MAX_PIXELS,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Fit a model, tell how it does on held-out digits, and save it.

    Example: [bold]digit-batch train --data labelled/ -o mine.skops[/bold]
    """
    if not data and (only_data or (not calibrate_on and (labels or label_pattern))):
        raise typer.BadParameter("--only-data, --labels and --label-pattern are about --data: give a FOLDER with it.")
    if calibrate_on and (data or plain or search or metrics or plot):
        raise typer.BadParameter("--calibrate-on fits nothing: give no --data, --plain, --search, --json or --plot.")
    if calibrate_on and (drawn is not None or c or gamma or test_size or repeats != REPEATS or seed):
        raise typer.BadParameter(
            "--calibrate-on fits nothing: give no --drawn, --c, --gamma, --test-size, --repeats or --seed."
        )
    if (plain or only_data) and drawn is not None:
        raise typer.BadParameter("--plain and --only-data fit no drawn digits: give no --drawn.")
    if model and not calibrate_on:
        raise typer.BadParameter("--model is the one whose confidence is set: give --calibrate-on with it.")

    import json

    from digit_batch.batch import Settings
    from digit_batch.cli.outputs import check_apart
    from digit_batch.cli.screen import out, steps
    from digit_batch.cli.truth import find_truth, is_table
    from digit_batch.images import Limits
    from digit_batch.model import save_model
    from digit_batch.output import check_output, whole_file
    from digit_batch.process import usable_cores
    from digit_batch.report import training as shown
    from digit_batch.training import Plan
    from digit_batch.training import train as fit

    if calibrate_on and (labels or label_pattern) and is_table(calibrate_on):
        raise typer.BadParameter("A reviewed table has its labels: give no --labels or --label-pattern with it.")
    for path in (output, metrics, plot):
        if path is not None:
            check_output(path, force=force)
    if plot:
        from digit_batch.report.figures import check_figure, draw_confusion

        check_figure(plot)
    check_apart([metrics], (*(data or ()), calibrate_on, labels), models=[output], pictures=[plot])
    settings = Settings(polarity.value, limits=Limits(max_pixels=max_pixels), box="stretched" if plain else "filled")
    if calibrate_on:
        from digit_batch.cli.calibrate import calibrate

        code = calibrate(
            calibrate_on,
            output,
            settings,
            model=model,
            labels=labels,
            pattern=label_pattern,
            jobs=jobs,
            quiet=quiet,
        )
        raise typer.Exit(code)
    truth = find_truth(tuple(data or ()), labels, label_pattern)
    own = _read(data, truth, settings, jobs=jobs, quiet=quiet) if data else None
    if own is not None and not quiet:
        out.print(shown.own_digits(own))
    plan = Plan(
        seed=seed,
        repeats=repeats,
        test_sizes=tuple(test_size or [0.25]),
        drawn=drawn,
        c=c,
        gamma=gamma,
        plain=plain,
        only_own=only_data,
        search=search,
        jobs=jobs or usable_cores(),
    )
    with steps(quiet=quiet) as progress:
        trained = fit(plan, own, progress=progress)
    save_model(trained.model, output)  # first: no trouble with a figure or a table may cost the fit
    if plot:
        draw_confusion(trained.main, plot)
    if metrics:
        with whole_file(metrics, force=force) as stream:
            figures = trained.figures() | ({} if own is None else {"own_digits": own.figures()})
            stream.write(json.dumps(figures, indent=2) + "\n")
    if not quiet:
        out.print(shown.trained(trained))
        out.print(shown.saved(trained.model, str(output), output.stat().st_size))
    if own is not None and own.unreadable:
        raise typer.Exit(UNREADABLE)


def _read(data: list[str], truth: "Truth", settings: "Settings", *, jobs: int | None, quiet: bool) -> "OwnDigits":
    """Read the labelled folders and data sets."""
    from digit_batch import batch
    from digit_batch.cli.chosen import Locked
    from digit_batch.cli.screen import follow
    from digit_batch.cli.truth import check_truth, is_table, with_truth
    from digit_batch.errors import InputError, NoImageError
    from digit_batch.model import load_model
    from digit_batch.training.openml import is_name, read_digits
    from digit_batch.training.own import gather

    if tables := [name for name in data if is_table(name)]:
        raise InputError(
            f"{tables[0]} is a table, and --data takes the images themselves. Give their folder, and --labels for "
            "a table of their true labels."
        )
    fetched = [name for name in data if not os.path.exists(name) and is_name(name)]
    folders = [name for name in data if name not in fetched]
    check_truth(truth, folders)
    model, locked, met = load_model(bare=True), Locked(), 0

    def rows() -> "Iterator[tuple[Prediction, int | None]]":
        nonlocal met
        read = batch.classify(folders, model, settings=settings, jobs=jobs, on_skip=locked.meet)
        for pair in with_truth(read, truth):
            met += 1
            yield pair
        for name in fetched:
            for pair in read_digits(name, model, settings.box):
                met += 1
                yield pair

    own = gather(follow(rows(), "reading", quiet=quiet), truth)
    locked.tell()
    if not met:
        raise NoImageError(f"No image in {', '.join(data)}. Give folders with one folder a digit, named 0 to 9.")
    if not len(own.labels):
        what = "can be read and has a true label" if own.unreadable or own.no_ink else "has a true label"
        raise InputError(f"No image in {', '.join(data)} {what}. {truth.cure}")
    return own
