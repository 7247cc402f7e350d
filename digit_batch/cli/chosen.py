"""What is to be read, as the command line names it: inputs, lists, patterns, a share."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from digit_batch.images import Skipped, Source
    from digit_batch.shards import Share


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
        if retrying and (self.include or self.exclude or self.follow_links):
            raise typer.BadParameter("--retry-errors walks no folder: give no --include, --exclude or --follow-links.")
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
                if sys.stdin is None:  # `<&-`
                    raise InputError("Cannot read the list from stdin: it is closed. Give a file of names.")
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


class Locked:
    """Folders that could not be read: what they hold has no row, so that even a quiet run tells of them."""

    def __init__(self) -> None:
        self._first = ""
        self._count = 0

    def meet(self, thing: "Skipped") -> None:
        """Look at a thing that was passed over."""
        from digit_batch.images import LOCKED

        if thing.reason.startswith(LOCKED):
            self._first = self._first or f"{thing.name} ({thing.reason})"
            self._count += 1

    def tell(self) -> None:
        """Say on stderr that there are such."""
        from digit_batch.cli.screen import err
        from digit_batch.report.names import plain

        if self._count:
            more = f" and {self._count - 1:,} more" if self._count > 1 else ""
            err.print(f"not read: {plain(self._first)}{more}", markup=False, soft_wrap=True)


def count_chosen(chosen: Chosen) -> None:
    """Tell what would be read, and read nothing."""
    from collections import Counter

    from digit_batch.cli.screen import out
    from digit_batch.errors import NoImageError
    from digit_batch.images import Source
    from digit_batch.plurals import counted

    images, skipped = 0, Counter[str]()
    with chosen.found() as found:
        for thing in found:
            if isinstance(thing, Source):
                images += chosen.holds(thing)
            else:
                skipped[thing.reason] += 1
    out.print(f"{counted(images, 'image')} would be read.", markup=False)
    for reason, count in skipped.most_common():
        out.print(f"{count:,} would be skipped: {reason}", markup=False)
    if not images:
        raise NoImageError("No image would be read. Give a folder that holds PNG, JPEG, TIFF or other images.")


def count_again(chosen: Chosen) -> "Callable[[], Iterator[Source]] | None":
    """Return a second walk, for the total of the bar; none where the names come once only."""
    listed = chosen.files_from
    if listed == "-" or (listed and not os.path.isfile(listed)):  # a pipe's names, once counted, would not be read
        return None

    def again() -> "Iterator[Source]":
        from digit_batch.batch import images_among

        with chosen.found() as found:
            yield from filter(chosen.holds, images_among(found))

    return again
