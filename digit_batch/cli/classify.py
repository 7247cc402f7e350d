"""``digit-batch classify``."""

from pathlib import Path
from typing import Annotated

import typer

from digit_batch.cli.options import (
    MAX_PIXELS,
    Cluster,
    Exclude,
    FilesFrom,
    FollowLinks,
    Force,
    Include,
    Jobs,
    MaxFrames,
    MaxPixels,
    MinConfidence,
    ModelPath,
    PartsKept,
    Polarity,
    PolarityChoice,
    Probabilities,
    Quiet,
    Report,
    ShardText,
    Timeout,
    file_option,
    not_empty,
)

DEFAULT_OUTPUT = "predictions.csv"


def classify(
    inputs: Annotated[list[str] | None, typer.Argument(help="Image files and folders.", show_default=False)] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            callback=not_empty,
            help="The CSV, or a .parquet; - writes rows to stdout.",
            show_default=DEFAULT_OUTPUT,
        ),
    ] = None,
    model: ModelPath = None,
    jobs: Jobs = None,
    min_confidence: MinConfidence = None,
    probabilities: Probabilities = False,
    polarity: Polarity = PolarityChoice.auto,
    files_from: FilesFrom = None,
    include: Include = None,
    exclude: Exclude = None,
    follow_links: FollowLinks = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would be read.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Continue an unfinished run.")] = False,
    retry_errors: Annotated[
        Path | None,
        file_option(
            metavar="TABLE", help="Read the error rows of a finished run again; into the same table without -o."
        ),
    ] = None,
    parts: PartsKept = False,
    shard: ShardText = None,
    cluster: Cluster = None,
    max_pixels: MaxPixels = MAX_PIXELS,
    max_frames: MaxFrames = 1_000,
    timeout: Timeout = 60.0,
    report: Report = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Read every image of files and folders into a CSV, one row an image.

    Example: [bold]digit-batch classify scans/ -o out.csv[/bold]
    """
    from digit_batch.cli.chosen import Chosen, count_chosen
    from digit_batch.cli.workplace import Workplace, parse_share

    share = parse_share(shard)
    chosen = Chosen(tuple(inputs or ()), files_from, tuple(include or ()), tuple(exclude or ()), follow_links, share)
    chosen.check(retrying=retry_errors is not None, resume=resume)
    if retry_errors is not None and (dry_run or probabilities or parts):
        raise typer.BadParameter(
            "--retry-errors reads at once, into a table as it was: give no --dry-run, --probabilities or --parts."
        )
    if cluster and retry_errors is not None:
        raise typer.BadParameter("--retry-errors is done on this machine: give no --cluster.")
    if cluster and cluster != "local" and jobs:
        raise typer.BadParameter("--jobs is for this machine: a cluster has the workers that were started.")
    if retry_errors is not None and report is not None:
        raise typer.BadParameter("--report shows a whole run, and --retry-errors reads a part: give one of the two.")
    if dry_run:
        count_chosen(chosen)
        return

    from digit_batch.cli.outputs import check_apart
    from digit_batch.cli.target import Target

    target = Target(output or DEFAULT_OUTPUT, probabilities, resume, force, parts)
    if retry_errors is not None:
        check_apart([output], [model])
    else:
        check_apart((None if parts else target.output, report), (*chosen.inputs, files_from, model))
        target.check(sharing=share is not None)
    workplace = Workplace(jobs, cluster)
    with workplace.getting_ready():
        from digit_batch.batch import Settings
        from digit_batch.cli.reading import read_chosen, retry_table
        from digit_batch.images import Limits
        from digit_batch.reading import MIN_CONFIDENCE

        settings = Settings(
            polarity.value,
            MIN_CONFIDENCE if min_confidence is None else min_confidence,
            Limits(max_pixels=max_pixels, max_frames=max_frames),
            timeout,
        )
        if retry_errors is not None:
            retry_table(retry_errors, output, settings, model=model, workplace=workplace, force=force, quiet=quiet)
            return
        page = None
        if report is not None:
            from digit_batch.cli.report import Report as Page

            asked = {**chosen.asked, "--min-confidence": str(settings.min_confidence), "--polarity": settings.polarity}
            page = Page(report, "classify", inputs or [files_from or ""], model, settings, asked, force=force)
        read_chosen(chosen, target, settings, page, model=model, workplace=workplace, quiet=quiet)
