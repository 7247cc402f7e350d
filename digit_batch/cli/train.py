"""``digit-batch train``."""

from pathlib import Path
from typing import Annotated

import typer

from digit_batch.cli.options import Force, Quiet


def train(
    output: Annotated[Path, typer.Option("-o", "--output", help="The model file.")] = Path("digits.skops"),
    repeats: Annotated[int, typer.Option(min=1, help="Random splits for the held-out figures.")] = 3,
    test_size: Annotated[float, typer.Option(min=0.01, max=0.99, help="Share that each split holds out.")] = 0.25,
    drawn: Annotated[
        int,
        typer.Option(
            min=0, help="Digits drawn with a pen and added; fewer fit faster and read other people's scans worse."
        ),
    ] = 80_000,
    seed: Annotated[int, typer.Option(min=0, help="Of the splits and of everything drawn.")] = 0,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Fit a model, tell how it does on held-out digits, and save it.

    Example: [bold]digit-batch train -o digits.skops[/bold]
    """
    from digit_batch import training
    from digit_batch.cli.screen import out, steps
    from digit_batch.model import save_model
    from digit_batch.output import check_output
    from digit_batch.report import tables

    check_output(output, force=force)
    with steps(quiet=quiet) as progress:
        model, splits = training.train(seed=seed, repeats=repeats, test_size=test_size, drawn=drawn, progress=progress)
    save_model(model, output)
    if not quiet:
        out.print(tables.splits(splits))
        out.print(tables.fitted(model, str(output), output.stat().st_size))
