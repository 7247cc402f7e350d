"""``digit-batch merge``."""

import time
from pathlib import Path
from typing import Annotated

import typer

from digit_batch.cli.options import Force, Quiet


def merge(
    tables: Annotated[
        list[Path], typer.Argument(metavar="OUT...", help="The CSV of every share, in any order.", show_default=False)
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The CSV of them all.")] = Path("predictions.csv"),
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Join the tables of all shares of `classify --shard` into the one that a single run would have written.

    Example: [bold]digit-batch merge out-*.csv -o all.csv[/bold]
    """
    from digit_batch.cli.classify import conclude
    from digit_batch.cli.screen import interruptible, meter
    from digit_batch.errors import NoImageError
    from digit_batch.output import whole_file
    from digit_batch.report.tables import Tally
    from digit_batch.shards import merge as join

    tally, started = Tally(), time.perf_counter()
    joined = join(tables)
    head, _ = next(joined)  # whatever is wrong with the shares is told before an output is begun
    with interruptible(), whole_file(output, force=force) as stream, meter("merging", quiet=quiet) as advance:
        stream.write(head)
        for text, rows in joined:
            stream.write(text)
            for row in rows:
                tally.add(row)
            advance(1)
        if not tally.images:
            raise NoImageError("No image in any share. Give --shard a folder that holds some.")
    conclude(tally, time.perf_counter() - started, str(output), quiet=quiet)
