"""How long a command takes to start, beside the import that it cannot do without.

python benchmarks/startup.py
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

from folders import SMALL, make_folder
from rich.console import Console
from rich.table import Table

ROUNDS = 7
# The modules are compiled, as pip installs them.
COMPILED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
HELP_MOST = 2.5  # wanted: `--help` takes at most so many times `import typer`
TEN_MOST = 1.5  # wanted: ten images take at most so many times `import sklearn.svm`


def seconds_of(arguments: list[str]) -> float:
    """Return the seconds that a new Python takes for its arguments."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, env=COMPILED)
    return time.perf_counter() - start


def main() -> None:
    """Time both commands and both imports, in turns, and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"of which the median counts (default {ROUNDS})")
    given = parser.parse_args()
    table = Table(title="Start-up", title_justify="left")
    for name in ("command", "takes", "beside", "takes", "times (wanted)"):
        table.add_column(name)
    with tempfile.TemporaryDirectory() as root:
        folder = make_folder(Path(root), replace(SMALL, files=10, drawn=10))
        program = ["-m", "digit_batch"]
        ten = [*program, "classify", str(folder), "--quiet", "-o", "-"]
        for name, arguments, module, most in (
            ("digit-batch --help", [*program, "--help"], "typer", HELP_MOST),
            ("classify, ten images", ten, "sklearn.svm", TEN_MOST),
        ):
            seconds_of(arguments)  # into the page cache
            rounds = [(seconds_of(arguments), seconds_of(["-c", f"import {module}"])) for _ in range(given.rounds)]
            command, beside = (median(times) for times in zip(*rounds, strict=True))
            times, colour = command / beside, "green" if command <= most * beside else "red"
            figure = f"[{colour}]{times:.2f} (≤ {most})[/{colour}]"
            table.add_row(name, f"{command:.2f} s", f"import {module}", f"{beside:.2f} s", figure)
    Console().print(table, f"Median of {given.rounds} rounds.")


if __name__ == "__main__":
    main()
