"""The run of ``classify``: everything chosen is read into the target; or the error rows of an earlier run again."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from digit_batch.cli.chosen import Chosen, Locked, count_again
from digit_batch.cli.target import Target, conclude, telling, write_to_stdout
from digit_batch.cli.workplace import Workplace, rolling

if TYPE_CHECKING:
    from digit_batch.batch import Settings
    from digit_batch.cli.report import Report as Page
    from digit_batch.images import Skipped, Source
    from digit_batch.shards import Roll


def read_chosen(
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
    from digit_batch import batch
    from digit_batch.batch.chunks import cut_chunks
    from digit_batch.batch.resume import begin_or_continue, describe_run
    from digit_batch.cli.screen import meter
    from digit_batch.errors import NoImageError
    from digit_batch.model import load_model
    from digit_batch.predictions import Prediction, cells, header, row_text
    from digit_batch.report.tables import Tally

    names = header(probabilities=target.probabilities)
    asked = {**chosen.asked, "--probabilities": "given" if target.probabilities else ""}
    facts = describe_run(model, settings, asked)
    tally, started = page.tally if page else Tally(), time.perf_counter()
    roll: Roll | None = None
    locked = Locked()
    with ExitStack() as stack:
        found = stack.enter_context(chosen.found())

        def pass_over(thing: "Skipped") -> None:
            tally.skipped.update([thing.reason])
            locked.meet(thing)

        images = batch.images_among(found, pass_over)
        images = (image for image in images if not target.is_own(image))
        fitted = load_model(model, bare=True)
        if target.to_stdout:
            write: Callable[[str, int], None] = stack.enter_context(write_to_stdout())
            write(row_text(names), 0)
            left: Iterator[Sequence[Source]] = cut_chunks(images)
        else:
            begun = {**facts, "--shard": str(chosen.share or "")}
            part = stack.enter_context(target.open(facts, begun))
            stack.enter_context(telling(part))
            write = part.write
            roll = stack.enter_context(rolling(chosen.share, Path(target.output), facts))
            images = roll.call(images) if roll else images
        advance = stack.enter_context(meter("reading", quiet=quiet, count=count_again(chosen)))

        def add(row: Prediction) -> None:
            tally.add(row)
            if page:
                page.kept.add(row)
            advance(row.frame == 0)

        def keep(row: Prediction) -> None:
            tally.kept += 1
            add(row)

        if not target.to_stdout:
            left = begin_or_continue(part, names, cut_chunks(images), keep)
        work = stack.enter_context(closing(workplace.classify(left, fitted, settings, quiet=quiet)))
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
    locked.tell()
    workplace.tell(to_stdout=target.to_stdout, quiet=quiet)
    conclude(tally, seconds, target.output, quiet=quiet)


def retry_table(
    table: Path,
    output: str | None,
    settings: "Settings",
    *,
    model: Path | None,
    workplace: Workplace,
    force: bool,
    quiet: bool,
) -> None:
    """Read the error rows of a table again, into the same table or another."""
    from digit_batch.batch.retry import retry_errors
    from digit_batch.cli.screen import meter
    from digit_batch.model import load_model
    from digit_batch.output import check_finished, check_unfinished, whole_file
    from digit_batch.parquet import packing, read_facts
    from digit_batch.report.tables import Tally

    check_finished(table)
    tally, started = Tally(), time.perf_counter()
    with ExitStack() as stack:
        fitted = load_model(model, bare=True)
        pieces = retry_errors(table, fitted, settings=settings, jobs=workplace.jobs, started=workplace.started)
        first = next(pieces)  # whatever is wrong with the table is told before an output is begun
        if output == "-":
            write: Callable[[str, int], object] = stack.enter_context(write_to_stdout())
        else:
            same = output is None or Path(output).resolve() == table.resolve()
            place = table if same else Path(output or "")
            if not force:  # which the table itself needs no word for; but an unfinished run of it does
                check_unfinished(place)
            pack = packing(place, read_facts(table))
            stream = stack.enter_context(whole_file(place, force=force or same, pack=pack))

            def write(text: str, rows: int) -> object:
                return stream.write(text)

        advance = stack.enter_context(meter("reading again", quiet=quiet))
        for text, rows, again in chain([first], pieces):
            write(text, len(rows))
            for row in rows:
                tally.add(row)
            if not again:
                tally.kept += len(rows)
            advance(again)
    conclude(tally, time.perf_counter() - started, output or str(table), quiet=quiet)
