"""``digit-batch classify``."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digit_batch.cli.codes import UNREADABLE
from digit_batch.cli.options import (
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
)
from digit_batch.cli.workplace import Workplace, parse_share, rolling

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from digit_batch.batch import Settings
    from digit_batch.cli.report import Report as Page
    from digit_batch.images import Skipped, Source
    from digit_batch.output import Pack, Part
    from digit_batch.parts import Parts
    from digit_batch.report.tables import Tally
    from digit_batch.shards import Roll, Share

DEFAULT_OUTPUT = "predictions.csv"


def classify(
    inputs: Annotated[list[str] | None, typer.Argument(help="Image files and folders.", show_default=False)] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "-o", "--output", help="The CSV, or a .parquet; - writes rows to stdout.", show_default=DEFAULT_OUTPUT
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
        typer.Option(metavar="CSV", help="Read the error rows of a finished run again; into the same CSV without -o."),
    ] = None,
    parts: PartsKept = False,
    shard: ShardText = None,
    cluster: Cluster = None,
    max_pixels: MaxPixels = 100_000_000,
    max_frames: MaxFrames = 1_000,
    timeout: Timeout = 60.0,
    report: Report = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Read every image of files and folders into a CSV, one row an image.

    Example: [bold]digit-batch classify scans/ -o out.csv[/bold]
    """
    share = parse_share(shard)
    chosen = Chosen(tuple(inputs or ()), files_from, tuple(include or ()), tuple(exclude or ()), follow_links, share)
    chosen.check(retrying=retry_errors is not None, resume=resume)
    if cluster and retry_errors is not None:
        raise typer.BadParameter("--retry-errors is done on this machine: give no --cluster.")
    if cluster and cluster != "local" and jobs:
        raise typer.BadParameter("--jobs is for this machine: a cluster has the workers that were started.")
    if retry_errors is not None and report is not None:
        raise typer.BadParameter("--report shows a whole run, and --retry-errors reads a part: give one of the two.")
    if dry_run:
        _count(chosen)
        return

    from digit_batch.batch import Settings
    from digit_batch.images import Limits
    from digit_batch.reading import MIN_CONFIDENCE

    settings = Settings(
        polarity.value,
        MIN_CONFIDENCE if min_confidence is None else min_confidence,
        Limits(max_pixels=max_pixels, max_frames=max_frames),
        timeout,
    )
    if retry_errors is not None:
        _retry(retry_errors, output, settings, model=model, jobs=jobs, force=force, quiet=quiet)
        return
    page = None
    if report is not None:
        from digit_batch.cli.report import Report as Page

        asked = {**chosen.asked, "--min-confidence": str(settings.min_confidence), "--polarity": settings.polarity}
        page = Page(report, "classify", inputs or [files_from or ""], model, settings, asked, force=force)
    target = Target(output or DEFAULT_OUTPUT, probabilities, resume, force, parts)
    target.check(sharing=share is not None)
    _read(chosen, target, settings, page, model=model, workplace=Workplace(jobs, cluster), quiet=quiet)


@dataclass(frozen=True)
class Chosen:
    """What is to be read, as the command line names it."""

    inputs: tuple[str, ...]
    files_from: str | None
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    follow_links: bool
    share: "Share | None" = None

    def check(self, *, retrying: bool, resume: bool) -> None:
        """Refuse what makes no sense together."""
        if retrying and (self.inputs or self.files_from or resume or self.share):
            raise typer.BadParameter("--retry-errors takes its files from the CSV: give no INPUT, --resume or --shard.")
        if not retrying and not self.inputs and not self.files_from:
            raise typer.BadParameter("Give an INPUT, --files-from or --retry-errors.")

    @property
    def shown(self) -> str:
        """The inputs as sentences have them, without a secret."""
        from digit_batch.images import show_url

        return " ".join(map(show_url, self.inputs))

    @property
    def asked(self) -> dict[str, str]:
        """The same in words, for an unfinished run to be held against."""
        return {
            "the inputs": self.shown,
            "--files-from": self.files_from or "",
            "--include": " ".join(self.include),
            "--exclude": " ".join(self.exclude),
            "--follow-links": "given" if self.follow_links else "",
        }

    def holds(self, source: "Source") -> bool:
        """Tell whether a file that was met is to be read in this run."""
        return self.share is None or self.share.holds(source.name)

    @contextmanager
    def found(self) -> Iterator["Iterator[Source | Skipped]"]:
        """Open the walk."""
        from digit_batch.errors import InputError
        from digit_batch.images import read_list, walk

        def go(names: "tuple[str, ...] | Iterator[str]", missing_ok: bool) -> "Iterator[Source | Skipped]":
            return walk(
                names,
                include=self.include,
                exclude=self.exclude,
                follow_links=self.follow_links,
                missing_ok=missing_ok,
            )

        with ExitStack() as stack:
            listed: Iterator[Source | Skipped] = iter(())
            if self.files_from == "-":
                listed = go(read_list(sys.stdin.buffer), True)
            elif self.files_from:
                try:
                    stream = stack.enter_context(open(self.files_from, "rb"))
                except OSError as error:
                    raise InputError(
                        f"Cannot read the list {self.files_from}: {error.strerror}. Give a file of names, or -."
                    ) from error
                listed = go(read_list(stream), True)
            yield chain(go(self.inputs, False), listed)


@dataclass(frozen=True)
class Target:
    """Where the rows go."""

    output: str
    probabilities: bool
    resume: bool
    force: bool
    parts: bool = False

    @property
    def away(self) -> bool:
        """Rows go to a storage, or to a folder of parts."""
        return self.parts or "://" in self.output

    @property
    def to_stdout(self) -> bool:
        """Rows go to stdout, and everything else to stderr."""
        return self.output == "-"

    def check(self, *, sharing: bool) -> None:
        """Refuse what makes no sense together."""
        packed = self.output.lower().endswith(".parquet")
        if self.parts and self.to_stdout:
            raise typer.BadParameter("--parts needs a folder or a URL to write to: name it with -o.")
        if self.away and packed:
            raise typer.BadParameter("A .parquet is written to a file of this machine: name another with -o.")
        if sharing and (self.away or self.to_stdout or packed):
            raise typer.BadParameter("--shard writes a CSV and a file beside it, here: name it with -o.")

    def open(self, facts: dict[str, str], begun: dict[str, str]) -> "AbstractContextManager[Part | Parts]":
        """Open what takes the rows; `begun` is what an unfinished run must have been begun with."""
        if self.away:
            from digit_batch.parts import open_parts

            return open_parts(self.output, begun, resume=self.resume, force=self.force, stay=self.parts)
        from digit_batch.output import open_part

        place, pack = Path(self.output), self.packing(facts)
        return open_part(place, begun, resume=self.resume, force=self.force, pack=pack)

    def packing(self, facts: dict[str, str]) -> "Pack | None":
        """Return what makes the output from its rows; None where it is to be those rows, a CSV."""
        if not self.output.lower().endswith(".parquet"):
            return None
        from digit_batch.parquet import check_parquet, pack
        from digit_batch.predictions import load_predictions

        check_parquet()
        whole = Path(self.output)
        return lambda rows: pack(load_predictions(rows), whole, facts, probabilities=self.probabilities)

    def is_own(self, source: "Source") -> bool:
        """Tell whether a file is this run's own output, which is never read."""
        path = source.path
        return os.path.basename(path) == os.path.basename(self.output) and (
            os.path.realpath(path) == os.path.realpath(self.output)
        )


def _read(
    chosen: Chosen,
    target: Target,
    settings: "Settings",
    page: "Page | None",
    *,
    model: Path | None,
    workplace: Workplace,
    quiet: bool,
) -> None:
    """Read everything chosen into the target."""
    from digit_batch import batch, output
    from digit_batch.batch.chunks import cut_chunks
    from digit_batch.batch.resume import begin_or_continue, describe_run
    from digit_batch.cli.screen import interruptible, meter
    from digit_batch.errors import NoImageError
    from digit_batch.model import load_model
    from digit_batch.predictions import Prediction, cells, header, row_text
    from digit_batch.report.tables import Tally

    if not target.to_stdout and not target.away:
        output.check_output(Path(target.output), force=target.force, resume=target.resume)
    names = header(probabilities=target.probabilities)
    asked = {**chosen.asked, "--probabilities": "given" if target.probabilities else ""}
    facts = describe_run(model, settings, asked)
    tally, started = page.tally if page else Tally(), time.perf_counter()
    roll: Roll | None = None
    with ExitStack() as stack:
        stack.enter_context(interruptible())
        found = stack.enter_context(chosen.found())
        images = batch.images_among(found, lambda thing: tally.skipped.update([thing.reason]))
        images = (image for image in images if not target.is_own(image))
        fitted = load_model(model, bare=True)
        if target.to_stdout:
            write: Callable[[str, int], None] = stack.enter_context(_stdout())
            write(row_text(names), 0)
            left: Iterator[Sequence[Source]] = cut_chunks(images)
        else:
            begun = {**facts, "--shard": str(chosen.share or "")}
            part = stack.enter_context(target.open(facts, begun))
            stack.enter_context(_telling(part))
            write = part.write
            roll = stack.enter_context(rolling(chosen.share, Path(target.output), facts))
            images = roll.call(images) if roll else images
        advance = stack.enter_context(meter("reading", quiet=quiet, count=_counter(chosen)))

        def add(row: Prediction) -> None:
            tally.add(row)
            if page:
                page.kept.add(row)
            advance(row.frame == 0)

        if not target.to_stdout:
            left = begin_or_continue(part, names, cut_chunks(images), add)
        work = stack.enter_context(closing(workplace.classify(left, fitted, settings)))
        for chunk in work:
            rows = [row for rows in chunk for row in rows]
            write("".join(row_text(cells(row, probabilities=target.probabilities)) for row in rows), len(rows))
            for row in rows:
                add(row)
        if roll and roll.found:
            write("", 0)  # a share of few files may have none, and has its header all the same
        elif not tally.images:
            raise NoImageError(
                f"No image in {chosen.shown or chosen.files_from}. "
                "Give a folder that holds PNG, JPEG, TIFF or other images."
            )
    seconds = time.perf_counter() - started
    if page:
        page.write(jobs=workplace.jobs, quiet=quiet)
    workplace.tell(to_stdout=target.to_stdout, quiet=quiet)
    conclude(tally, seconds, target.output, quiet=quiet)


def _retry(
    table: Path,
    output: str | None,
    settings: "Settings",
    *,
    model: Path | None,
    jobs: int | None,
    force: bool,
    quiet: bool,
) -> None:
    """Read the error rows of a table again, into the same table or another."""
    from digit_batch.batch.retry import retry_errors
    from digit_batch.cli.screen import interruptible, meter
    from digit_batch.model import load_model
    from digit_batch.output import whole_file
    from digit_batch.report.tables import Tally

    tally, started = Tally(), time.perf_counter()
    with ExitStack() as stack:
        stack.enter_context(interruptible())
        pieces = retry_errors(table, load_model(model, bare=True), settings=settings, jobs=jobs)
        first = next(pieces)  # whatever is wrong with the table is told before an output is begun
        if output == "-":
            write: Callable[[str, int], object] = stack.enter_context(_stdout())
        else:
            same = output is None or Path(output).resolve() == table.resolve()
            stream = stack.enter_context(whole_file(table if same else Path(output or ""), force=force or same))

            def write(text: str, rows: int) -> object:
                return stream.write(text)

        advance = stack.enter_context(meter("reading again", quiet=quiet))
        for text, rows, again in chain([first], pieces):
            write(text, len(rows))
            for row in rows:
                tally.add(row)
            advance(again)
    conclude(tally, time.perf_counter() - started, output or str(table), quiet=quiet)


def _count(chosen: Chosen) -> None:
    """Tell what would be read, and read nothing."""
    from collections import Counter

    from digit_batch.cli.screen import out
    from digit_batch.errors import NoImageError
    from digit_batch.images import Source

    images, skipped = 0, Counter[str]()
    with chosen.found() as found:
        for thing in found:
            if isinstance(thing, Source):
                images += chosen.holds(thing)
            else:
                skipped[thing.reason] += 1
    out.print(f"{images:,} images would be read.", markup=False)
    for reason, count in skipped.most_common():
        out.print(f"{count:,} would be skipped: {reason}", markup=False)
    if not images:
        raise NoImageError("No image would be read. Give a folder that holds PNG, JPEG, TIFF or other images.")


def _counter(chosen: Chosen) -> "Callable[[], Iterator[Source]] | None":
    """Return a second walk, for the total of the bar; none where the names come once only."""
    if chosen.files_from == "-":
        return None

    def again() -> "Iterator[Source]":
        from digit_batch.batch import images_among

        with chosen.found() as found:
            yield from filter(chosen.holds, images_among(found))

    return again


@contextmanager
def _telling(part: "Part | Parts") -> Iterator[None]:
    """Tell whoever interrupts where the rows are."""
    try:
        yield
    except KeyboardInterrupt:
        if not part.rows:
            raise
        raise KeyboardInterrupt(
            f"Interrupted: {part.rows:,} rows are in {part.place}. Continue with --resume."
        ) from None


@contextmanager
def _stdout() -> Iterator[Callable[[str, int], None]]:
    """Give what writes rows to stdout. A reader who has had enough (``| head``) ends the run well, in `app`."""
    from digit_batch.cli.screen import close_stdout, stdout_for_rows
    from digit_batch.errors import OutputError

    stream = stdout_for_rows()

    def write(text: str, rows: int) -> None:
        stream.write(text)
        stream.flush()

    try:
        yield write
    except BrokenPipeError:
        raise
    except OSError as error:
        close_stdout()
        raise OutputError(f"Cannot write to stdout: {error.strerror}. Name a file with -o.") from error


def conclude(tally: "Tally", seconds: float, place: str, *, quiet: bool) -> None:
    """Print the summary, and exit as the rows deserve."""
    from digit_batch.cli.screen import err, out
    from digit_batch.report.tables import summary

    if not quiet:
        (err if place == "-" else out).print(summary(tally, seconds, "stdout" if place == "-" else place))
    if tally.statuses["error"]:
        raise typer.Exit(UNREADABLE)
