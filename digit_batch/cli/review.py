"""``digit-batch review``."""

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digit_batch.cli.options import (
    MAX_PIXELS,
    Force,
    Jobs,
    MaxPixels,
    ModelPath,
    Polarity,
    PolarityChoice,
    Quiet,
    file_option,
    on_disk,
)

if TYPE_CHECKING:
    from digit_batch.batch import Settings

PAGE, CORRECTED = Path("review.html"), Path("corrected.csv")
LIMIT = 500


def review(
    table: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE", parser=on_disk, help="The rows that `classify` wrote, CSV or Parquet.", show_default=False
        ),
    ],
    output: Annotated[
        Path | None,
        file_option(
            "-o",
            "--output",
            help="The page, or the corrected rows as a CSV or a .parquet.",
            show_default=f"{PAGE}, {CORRECTED}",
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=20_000, help="Pictures on the page.")] = LIMIT,
    apply: Annotated[
        Path | None,
        file_option("--apply", metavar="CORRECTIONS", help="Write what the page saved, or a sorted folder, into rows."),
    ] = None,
    sort_into: Annotated[
        Path | None, file_option("--sort-into", metavar="DIR", help="Copy the images into DIR/<label>/ instead.")
    ] = None,
    link: Annotated[bool, typer.Option("--link", help="With --sort-into, link to the images.")] = False,
    model: ModelPath = None,
    jobs: Jobs = None,
    polarity: Polarity = PolarityChoice.auto,
    max_pixels: MaxPixels = MAX_PIXELS,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Make a page to correct doubtful rows on, by keys, and take its corrections back.

    Example: [bold]digit-batch review out.csv -o review.html[/bold], then
    [bold]digit-batch review out.csv --apply corrections.csv -o corrected.csv[/bold]
    """
    from digit_batch.batch import Settings
    from digit_batch.cli.outputs import check_apart
    from digit_batch.images import Limits

    if apply is not None and sort_into is not None:
        raise typer.BadParameter("--apply writes rows and --sort-into copies images: give one of the two.")
    if sort_into is not None and output is not None:
        raise typer.BadParameter("--sort-into names its own output: give no -o.")
    if link and sort_into is None:
        raise typer.BadParameter("--link is about the images that are sorted: give --sort-into with it.")
    drawing = limit != LIMIT or model or polarity != PolarityChoice.auto
    if (apply is not None or sort_into is not None) and drawing:
        raise typer.BadParameter(
            "--limit, --model and --polarity are about the page: give none with --apply or --sort-into."
        )
    if apply is not None and max_pixels != MAX_PIXELS:
        raise typer.BadParameter("--apply reads no images: give no --max-pixels.")
    target = output or (PAGE if apply is None else CORRECTED)
    if sort_into is None:
        check_apart([target], (table, apply, model))
    settings = Settings(polarity.value, limits=Limits(max_pixels=max_pixels))
    if apply is not None:
        _apply(table, apply, target, force=force, quiet=quiet)
    elif sort_into is not None:
        _sort(table, sort_into, settings.limits.max_pixels, link=link, quiet=quiet)
    else:
        _make_page(table, target, limit, settings, model=model, jobs=jobs, force=force, quiet=quiet)


def _make_page(
    table: Path,
    page: Path,
    limit: int,
    settings: "Settings",
    *,
    model: Path | None,
    jobs: int | None,
    force: bool,
    quiet: bool,
) -> None:
    from digit_batch.cli.codes import UNREADABLE
    from digit_batch.cli.report import LOST
    from digit_batch.cli.screen import err, meter, out
    from digit_batch.errors import NoImageError
    from digit_batch.model import load_model
    from digit_batch.output import check_output
    from digit_batch.parquet import load_table
    from digit_batch.report.names import plain
    from digit_batch.report.page import Shown, write_review
    from digit_batch.review import choose_rows

    check_output(page, force=force)
    choice = choose_rows(load_table(table), limit)
    if not choice.rows:
        raise NoImageError(f"{table} has no row that could be reviewed. Give the table of a run that read some images.")
    shown = [Shown(place, row) for place, row in choice.rows]
    with meter("drawing", quiet=quiet, count=lambda: shown) as advance:
        seen = write_review(
            page,
            shown,
            table.name,
            model=load_model(model, bare=True),
            settings=settings,
            jobs=jobs,
            force=force,
            progress=advance,
        )
    if not seen:
        err.print(LOST, markup=False)
    if not quiet:
        marked = sum(row.status == "review" for _, row in choice.rows)
        lost = f", {len(shown) - seen:,} could not be read" if seen < len(shown) else ""
        out.print(
            f"{seen:,} pictures in {plain(str(page))}{lost}: {marked:,} of the {choice.review:,} rows for review, "
            f"{len(shown) - marked:,} of the least sure others",
            markup=False,
        )
        if choice.unreadable:
            out.print(f"{choice.unreadable:,} rows could not be read: mend the files and --retry-errors.", markup=False)
    if seen < len(shown):
        raise typer.Exit(UNREADABLE)


def _apply(table: Path, source: Path, output: Path, *, force: bool, quiet: bool) -> None:
    from digit_batch.cli.screen import out
    from digit_batch.output import check_output, whole_file
    from digit_batch.parquet import load_table, packing, read_facts
    from digit_batch.report.names import plain
    from digit_batch.review import apply_corrections, check_corrections, read_corrections, read_sorted

    check_output(output, force=force)
    corrections = read_sorted(source) if os.path.isdir(source) else read_corrections(source)
    check_corrections(corrections, load_table(table), str(table))
    counts: Counter[str] = Counter()
    rows = apply_corrections(table, corrections, counts)
    head = next(rows)  # before the output is opened: a table that is none leaves nothing behind
    with whole_file(output, force=force, pack=packing(output, read_facts(table))) as stream:
        stream.write(head)
        stream.writelines(rows)
    if not quiet:
        changed, confirmed = counts["changed"], counts["confirmed"]
        out.print(f"{changed:,} rows changed, {confirmed:,} confirmed, in {plain(str(output))}", markup=False)


def _sort(table: Path, folder: Path, max_pixels: int, *, link: bool, quiet: bool) -> None:
    from digit_batch.cli.codes import UNREADABLE
    from digit_batch.cli.screen import err, follow, out
    from digit_batch.errors import OutputError
    from digit_batch.images import Limits
    from digit_batch.parquet import load_table
    from digit_batch.report.names import plain
    from digit_batch.review import sort_into

    if os.path.exists(folder) and not os.path.isdir(folder):
        raise OutputError(f"Cannot sort into {folder}: it is a file. Name a new folder.")
    rows = follow(load_table(table), "sorting", quiet=quiet)
    done = sort_into(folder, rows, link=link, limits=Limits(max_pixels=max_pixels))
    for trouble in done.troubles:
        err.print(f"not sorted: {plain(trouble)}", markup=False)
    if not quiet:
        more = f", {done.unreadable:,} could not be read" if done.unreadable else ""
        out.print(f"{done.files:,} images in {plain(str(folder))}{more}", markup=False)
    if done.unreadable:
        raise typer.Exit(UNREADABLE)
