"""What a report page costs and how soon it shows: ``python benchmarks/report_page.py`` [FOLDER | --files N].

A folder of small scans is made (20,000 by default) and read twice, without a page and with one. Then the page is opened
in a real browser, and the time until the first picture is drawn is taken, five times.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from chromium import open_browser
from folders import SMALL, make_folder

from digit_batch.report.page.kept import MOST

OPENINGS = 5


def classify(folder: Path, work: Path, *words: object) -> tuple[float, float]:
    """Return the seconds and the most MiB that reading a folder took, of the command itself and not its workers."""
    command = [sys.executable, "-m", "digit_batch", "classify", str(folder), "-o", str(work / "rows.csv")]
    started = time.perf_counter()
    child = subprocess.Popen([*command, "--force", "--quiet", *map(str, words)])
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in (0, 3):
        sys.exit(child.returncode)
    return time.perf_counter() - started, used.ru_maxrss / 1024


def open_times(page_file: Path) -> list[float]:
    """Return the seconds until the first picture is drawn, of several openings."""
    times = []
    with open_browser() as browser:
        for _ in range(OPENINGS):
            page = browser.new_page()
            started = time.perf_counter()
            page.goto(page_file.as_uri(), wait_until="commit")
            page.wait_for_selector("canvas[data-drawn]")
            times.append(time.perf_counter() - started)
            page.close()
    return times


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--files", type=int, default=SMALL.files)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        folder = given.folder or make_folder(work, SMALL, files=given.files)
        plain, plain_memory = classify(folder, work)
        with_page, memory = classify(folder, work, "--report", work / "page.html")
        page = work / "page.html"
        rows = sum(1 for _ in (work / "rows.csv").open("rb")) - 1
        size = page.stat().st_size
        print(f"{rows:,} rows: page {size / 1e6:.1f} MB, {size / min(rows, MOST):,.0f} bytes a picture")
        print(f"time with a page: {with_page / plain:.2f} of the time without ({plain:.1f} s)")
        print(f"memory of the command: {memory:,.0f} MiB with a page, {plain_memory:,.0f} MiB without")
        seconds = open_times(page)
        print(
            f"first picture after {statistics.median(seconds):.2f} s (median of {OPENINGS}, worst {max(seconds):.2f})"
        )


if __name__ == "__main__":
    main()
