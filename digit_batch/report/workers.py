"""Who did what in a run on a cluster, for the terminal."""

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from digit_batch.batch.cluster import Efforts
from digit_batch.plurals import counted
from digit_batch.report.names import plain

SHOWN = 20  # workers; of more, the slowest ones, because a cluster is looked at for those


def workers(efforts: Efforts) -> RenderableType:
    """Return the table of workers, slowest first, and what was done again."""
    title = f"{counted(len(efforts.images), 'worker')}, {counted(efforts.retries, 'retry', 'retries')}"
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold")
    table.add_column("worker")
    table.add_column("images", justify="right")
    table.add_column("images/s", justify="right")
    slowest = sorted(efforts.images, key=efforts.speed)
    for name in slowest[:SHOWN]:
        table.add_row(Text(plain(name)), f"{efforts.images[name]:,}", f"{efforts.speed(name):,.0f}")
    if rest := slowest[SHOWN:]:
        table.add_row(counted(len(rest), "faster one"), f"{sum(efforts.images[name] for name in rest):,}", "")
    return table
