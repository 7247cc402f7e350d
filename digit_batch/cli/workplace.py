"""Where a run's reading is done: here, on a cluster, or one share of it in each of many jobs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from digit_batch.report.names import plain

if TYPE_CHECKING:
    from collections.abc import Generator

    from digit_batch.batch import Settings
    from digit_batch.batch.chunks import Rows
    from digit_batch.batch.cluster import Efforts
    from digit_batch.images import Source
    from digit_batch.model import Model
    from digit_batch.process import Process
    from digit_batch.shards import Roll, Share

    Work = Generator[list[Rows], None, None]


@dataclass
class Workplace:
    """Where the reading is done: here, by processes of which the first is started ahead; or on a cluster."""

    jobs: int | None
    cluster: str | None
    efforts: "Efforts | None" = None
    started: "list[Process]" = field(default_factory=list)

    @contextmanager
    def getting_ready(self) -> Iterator[None]:
        """Begin what takes a moment, while the caller imports and reads what it needs itself."""
        if self.cluster is not None:
            from digit_batch.batch.cluster import import_ahead

            import_ahead()
            yield
            return
        from digit_batch.process import end, start

        self.started.append(start())
        try:
            yield
        finally:
            end(self.started)

    def classify(
        self, chunks: "Iterator[Sequence[Source]]", model: "Model", settings: "Settings", *, quiet: bool
    ) -> "Work":
        """Yield the rows of each chunk, in order."""
        if self.cluster is None:
            from digit_batch.batch import classify_chunks

            return classify_chunks(chunks, model, settings=settings, jobs=self.jobs, started=self.started)
        from digit_batch.batch.cluster import Efforts, classify_on_cluster
        from digit_batch.cli.screen import err

        def tell(sentence: str) -> None:
            if not quiet:
                err.print(plain(sentence), markup=False, soft_wrap=True)

        self.efforts = Efforts()
        return classify_on_cluster(
            chunks,
            model,
            self.cluster,
            settings=settings,
            workers=self.jobs,
            efforts=self.efforts,
            on_wait=tell,
        )

    def tell(self, *, to_stdout: bool, quiet: bool) -> None:
        """Print which workers did what."""
        if self.efforts is None or quiet:
            return
        from digit_batch.cli.screen import err, out
        from digit_batch.report.workers import workers

        (err if to_stdout else out).print(workers(self.efforts))


def parse_share(text: str | None) -> "Share | None":
    """Read ``--shard``."""
    if text is None:
        return None
    from digit_batch.shards import Share

    try:
        return Share.parse(text)
    except ValueError:
        raise typer.BadParameter(f"--shard {text}: write which of how many, as 3/64.") from None


@contextmanager
def rolling(share: "Share | None", table: Path, facts: dict[str, str]) -> "Iterator[Roll | None]":
    """Open the roll of a share; none where everything is read."""
    if share is None:
        yield None
        return
    from digit_batch.shards import open_roll

    with open_roll(table, share, facts) as roll:
        yield roll
