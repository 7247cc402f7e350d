"""``digit-batch explain``."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from digit_batch.cli.codes import UNREADABLE
from digit_batch.cli.options import (
    MAX_PIXELS,
    Force,
    Inputs,
    MaxPixels,
    ModelPath,
    Polarity,
    PolarityChoice,
    file_option,
)

MOST_ROWS = 200  # of a page: beyond it a picture is larger than most programs open


def explain(
    inputs: Inputs,
    output: Annotated[
        Path | None, file_option("-o", "--output", help="Draw the steps as a picture instead, a row an image.")
    ] = None,
    model: ModelPath = None,
    polarity: Polarity = PolarityChoice.auto,
    max_pixels: MaxPixels = MAX_PIXELS,
    force: Force = False,
) -> None:
    """Show what the model saw on an image, and what it took it for.

    Example: [bold]digit-batch explain scans/a.png -o stages.png[/bold]
    """
    from digit_batch.batch import images_among
    from digit_batch.cli.chosen import Locked
    from digit_batch.cli.outputs import check_apart
    from digit_batch.cli.screen import err, out
    from digit_batch.errors import NoImageError
    from digit_batch.images import Frame, Limits, read_frames, walk
    from digit_batch.model import load_model
    from digit_batch.reading import read_pictures
    from digit_batch.report.names import plain
    from digit_batch.report.seen import Seen
    from digit_batch.report.stages import check_page, draw_stages, save_page
    from digit_batch.report.terminal import explanation

    if output:
        check_page(output, force=force)
        check_apart((), (*inputs, model), pictures=[output])
    fitted = load_model(model, bare=True)

    def look() -> Iterator[Seen]:
        for source in images_among(walk(inputs), locked.meet):
            for item in read_frames(source, Limits(max_pixels=max_pixels)):
                if isinstance(item, Frame):
                    (reading,) = read_pictures(fitted, [item.pixels], polarity=polarity.value)
                    yield Seen.of(source.name, item.index, item.pixels, reading)
                else:
                    yield Seen(source.name, item.index, reason=item.reason)

    unreadable = count = 0
    locked = Locked()
    shown: list[Seen] = []
    for seen in islice(look(), MOST_ROWS + 1 if output else None):
        count += 1
        unreadable += seen.reading is None
        if output:
            shown.append(seen)
        else:
            out.print(explanation(seen))
    locked.tell()
    if not count:
        raise NoImageError(f"No image in {plain(', '.join(inputs))}. Give an image, or a folder that holds some.")
    if output:
        save_page(draw_stages(shown[:MOST_ROWS]), output)
        more = f"; there are more than the {MOST_ROWS} that a page holds" * (count > MOST_ROWS)
        err.print(f"{len(shown[:MOST_ROWS]):,} drawn in {plain(str(output))}{more}", markup=False)
    if unreadable:
        raise typer.Exit(UNREADABLE)
