"""``digit-batch merge``."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digit_batch.cli.options import Force, Quiet, file_option, on_disk

if TYPE_CHECKING:
    from digit_batch.predictions import Prediction


def merge(
    tables: Annotated[
        list[Path],
        typer.Argument(
            metavar="OUT...", parser=on_disk, help="The CSV of every share, in any order.", show_default=False
        ),
    ],
    output: Annotated[Path, file_option("-o", "--output", help="The CSV of them all, or a .parquet.")] = Path(
        "predictions.csv"
    ),
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Join the tables of all shares of `classify --shard` into the one that a single run would have written.

    Example: [bold]digit-batch merge out-*.csv -o all.csv[/bold]
    """
    from digit_batch import parquet
    from digit_batch.cli.outputs import check_apart
    from digit_batch.cli.screen import meter
    from digit_batch.cli.target import conclude
    from digit_batch.errors import NoImageError, OutputError
    from digit_batch.output import check_output, whole_file
    from digit_batch.predictions import cells, header
    from digit_batch.report.tables import Tally
    from digit_batch.shards import merge as join
    from digit_batch.shards import read_run

    tally, started = Tally(), time.perf_counter()
    if any(_is_same(output, table) for table in tables):
        raise OutputError(f"{output} is one of the shares, which is not written over. Name another file with -o.")
    check_output(output, force=force)
    check_apart([output])
    joined = join(tables)
    head, _ = next(joined)  # whatever is wrong with the shares is told before an output is begun
    with meter("merging", quiet=quiet) as advance:

        def pieces() -> "Iterator[tuple[str, list[Prediction]]]":
            for text, rows in joined:
                for row in rows:
                    tally.add(row)
                advance(1)
                yield text, rows
            if not tally.images:
                raise NoImageError("No image in any share. Give --shard a folder that holds some.")

        if parquet.is_parquet(output):
            chances = "p0" in head
            rows = (cells(row, probabilities=chances) for _, rows in pieces() for row in rows)
            parquet.pack(rows, output, header(probabilities=chances), read_run(tables[0]))
        else:
            with whole_file(output, force=force) as stream:
                stream.write(head)
                stream.writelines(text for text, _ in pieces())
    conclude(tally, time.perf_counter() - started, str(output), quiet=quiet)


def _is_same(output: Path, table: Path) -> bool:
    return os.path.exists(output) and os.path.exists(table) and os.path.samefile(output, table)
