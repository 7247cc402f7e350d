"""Peak memory of `digit-batch classify`, parent and workers together, over few and over ten times as many files.

Each run is a process of its own, watched through /proc (Linux): the high-water mark (VmHWM) that the kernel keeps for
the command and for every process it starts, added up.

    python benchmarks/memory.py                           # 1,000 and 10,000 files of 28x28, two processes
    python benchmarks/memory.py --files 10000 200000      # what a night's batch holds
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from folders import CROPS, SMALL, make_folder
from rich.console import Console
from rich.table import Table

EVERY = 0.02  # s between two looks; a process that ends between them is missed by its last 20 ms only
MOST = 0.10  # wanted: the longer run's peak is within this share of the shorter one's
KINDS = {kind.name: kind for kind in (SMALL, CROPS)}


def peak_of(command: list[str]) -> int:
    """Run a command; return the peak memory of it and its descendants, added up, in bytes.

    Raises
    ------
    subprocess.CalledProcessError
        The command failed.
    """
    peaks: dict[int, int] = {}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            for pid in _family(process.pid):
                # The last mark, not the highest: between fork and exec a child shows its parent's.
                peaks[pid] = _high_water(pid) or peaks.get(pid, 0)
            time.sleep(EVERY)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return sum(peaks.values())


def _family(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    found = [pid]
    for parent in found:
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += map(int, children.read_text().split())
            except OSError:  # ended since
                continue
    return found


def _high_water(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:  # ended since
        return 0
    lines = (line.split() for line in status.splitlines() if line.startswith("VmHWM:"))
    return max((int(kilobytes) * 1024 for _, kilobytes, _ in lines), default=0)


def main() -> None:
    """Make the folders, run the command over each, print the peaks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, nargs="+", default=[1_000, 10_000], help="files of each run")
    parser.add_argument("--kind", choices=list(KINDS), default="small", help="28x28 PNGs, or crops of 300x400")
    parser.add_argument("--jobs", type=int, default=2, help="worker processes (default 2)")
    given = parser.parse_args()
    kind = KINDS[given.kind]
    table = Table(
        title_justify="left", title=f"Peak memory, {given.jobs} process{'es' * (given.jobs > 1)}, {kind.about}"
    )
    for name in ("files", "peak", "of the first"):
        table.add_column(name, justify="right")
    first = 0
    for files in given.files:
        with tempfile.TemporaryDirectory() as root:
            folder = make_folder(Path(root), kind, files=files)
            classify = [sys.executable, "-m", "digit_batch", "classify", str(folder), "--quiet"]
            peak = peak_of([*classify, "--jobs", str(given.jobs), "-o", str(Path(root) / "out.csv")])
        first = first or peak
        share, colour = peak / first, "green" if peak <= (1 + MOST) * first else "red"
        table.add_row(f"{files:,}", f"{peak / 2**20:,.0f} MiB", f"[{colour}]{share:.3f}[/{colour}]")
    Console().print(table, f"Files of {kind.about}. Wanted: at most {1 + MOST:.2f} of the first.")


if __name__ == "__main__":
    main()
