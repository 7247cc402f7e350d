"""A Dask cluster against processes of this machine: the same folder in one run, and memory that does not grow.

    python benchmarks/cluster.py                        # 30,000 files of 28x28, two processes each way
    python benchmarks/cluster.py --memory 10000 100000  # instead, peaks of client and scheduler

The cluster is running, and has been used once, before the clock starts. Whole commands are timed,
so that a short run shows mostly what starting costs. Wanted: at most 15 % slower.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from folders import CROPS, SMALL, make_folder
from memory import _high_water
from rich.console import Console
from rich.table import Table

MOST_SLOWER = 1.15
KINDS = {kind.name: kind for kind in (SMALL, CROPS)}
WORKERS = 2


@contextmanager
def cluster(folder: Path) -> Iterator[tuple[str, int]]:
    """Run a scheduler and two workers of one thread; give the address and the scheduler's process."""
    file = folder / "scheduler.json"
    words = (
        ["scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)],
        *[["worker", "--scheduler-file", str(file), "--nthreads", "1", "--no-dashboard"]] * WORKERS,
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "dask", *command],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            start_new_session=True,
        )
        for command in words
    ]
    try:
        while not file.exists():
            time.sleep(0.05)
        yield json.loads(file.read_text())["address"], processes[0].pid
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def classify(folder: Path, output: Path, *options: str) -> tuple[float, int]:
    """Run the command; return its seconds and the peak memory of its own process, in bytes."""
    command = [sys.executable, "-m", "digit_batch", "classify", str(folder), "-q", "-o", str(output), "--force"]
    began, peak = time.perf_counter(), 0
    with subprocess.Popen([*command, *options]) as process:
        while process.poll() is None:
            peak = _high_water(process.pid) or peak
            time.sleep(0.02)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return time.perf_counter() - began, peak


def compare(root: Path, kind_name: str, files: int, rounds: int) -> Table:
    """Return the times of both ways, in turns."""
    kind = KINDS[kind_name]
    folder = make_folder(root / "scans", kind, files=files)
    seconds: dict[str, list[float]] = {"local": [], "cluster": []}
    with cluster(root) as (address, _):
        classify(folder, root / "c.csv", "--cluster", address)  # the workers import what they need, once in their life
        for _ in range(rounds):
            seconds["local"].append(classify(folder, root / "l.csv", "--jobs", str(WORKERS))[0])
            seconds["cluster"].append(classify(folder, root / "c.csv", "--cluster", address)[0])
    same = (root / "l.csv").read_bytes() == (root / "c.csv").read_bytes()
    middle = {way: statistics.median(times) for way, times in seconds.items()}
    share = middle["cluster"] / middle["local"]
    table = Table(title=f"{files:,} files, {kind.about}, {WORKERS} processes", title_justify="left")
    for name in ("way", "seconds", "images/s", "of local", "bytes"):
        table.add_column(name, justify="left" if name == "way" else "right")
    colour = "green" if share <= MOST_SLOWER else "red"
    for way, time_taken in middle.items():
        of_local = f"[{colour}]{share:.2f}[/{colour}] (≤ {MOST_SLOWER})" if way == "cluster" else "1.00"
        table.add_row(way, f"{time_taken:.1f}", f"{files / time_taken:,.0f}", of_local, "same" if same else "DIFFERENT")
    return table


def grow(root: Path, counts: list[int]) -> Table:
    """Return the peaks of client and scheduler for few files and many."""
    table = Table(title="Peak memory", title_justify="left")
    for name in ("files", "client", "of the first", "scheduler", "of the first"):
        table.add_column(name, justify="right")
    first: tuple[int, int] | None = None
    for count in counts:
        place = root / str(count)
        place.mkdir()
        folder = make_folder(place / "scans", SMALL, files=count)
        with cluster(place) as (address, scheduler):
            _, client = classify(folder, place / "c.csv", "--cluster", address)
            peaks = client, _high_water(scheduler)
        first = first or peaks
        cells = [(f"{now / 2**20:,.0f} MiB", f"{now / before:.3f}") for now, before in zip(peaks, first, strict=True)]
        table.add_row(f"{count:,}", *cells[0], *cells[1])
    return table


def main() -> None:
    """Compare, and on request watch the memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=30_000)
    parser.add_argument("--kind", choices=list(KINDS), default="small")
    parser.add_argument("--rounds", type=int, default=3, help="whose median counts")
    parser.add_argument("--memory", type=int, nargs="+", metavar="FILES", help="peaks for these many files, instead")
    given = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory() as root:
        if given.memory:
            console.print(grow(Path(root), given.memory))
        else:
            console.print(compare(Path(root), given.kind, given.files, given.rounds))


if __name__ == "__main__":
    main()
