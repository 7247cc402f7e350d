"""Where the time of one image goes: the processor's time for each step, beside decoding it and nothing else.

Processor time, the least of some rounds, in one process set up as a worker is: steady where other programs run too,
which `throughput.py` is not.

    python benchmarks/steps.py
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from folders import CROPS, PAGES, SMALL, FolderKind, make_folder
from rich.console import Console
from rich.table import Table
from throughput import decode_only

from digit_batch.batch import Settings
from digit_batch.batch.chunks import cut_chunks, read_chunk
from digit_batch.images import Frame, Source, read_frames, walk
from digit_batch.ink import find_inks
from digit_batch.model import Model, load_model
from digit_batch.process import ENVIRONMENT
from digit_batch.reading import measure_ways

ROUNDS = 5
FILES = {"small": 2_048, "crops": 256, "pages": 6}
WIDTH = 132


def measure_steps(folder: Path, model: Model, rounds: int) -> dict[str, float]:
    """Return the seconds of processor time that each step takes for one image of a folder."""
    sources = [thing for thing in walk([str(folder)]) if isinstance(thing, Source)]
    chunks = list(cut_chunks(sources))
    pictures = [[item.pixels for item in map(_read, chunk) if isinstance(item, Frame)] for chunk in chunks]
    amounts = [[ink.amount for ink in find_inks(chunk) if ink.amount.size] for chunk in pictures]
    grids = [model.look(chunk) for chunk in amounts]
    settings = Settings()
    ways: dict[str, Callable[[], object]] = {
        "decode only": lambda: decode_only([Path(source.path) for source in sources]),
        "decode": lambda: [_read(source) for source in sources],
        "ink": lambda: [find_inks(chunk) for chunk in pictures],
        "features": lambda: [(measure_ways(chunk), model.look(chunk)) for chunk in amounts],
        "model": lambda: [model.answer(features) for features in grids],
        "whole": lambda: [list(read_chunk(chunk, model, settings)) for chunk in chunks],
    }
    return {name: min(processor_time(way) for _ in range(rounds)) / len(sources) for name, way in ways.items()}


def _read(source: Source) -> object:
    return next(iter(read_frames(source)))


def processor_time(work: Callable[[], object]) -> float:
    """Return the seconds of processor time that a call took."""
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    """Make the folders, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="default: the one that ships")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"of which the least counts (default {ROUNDS})")
    given = parser.parse_args()
    if not os.environ.items() >= ENVIRONMENT.items():
        sys.exit(subprocess.run([sys.executable, *sys.argv], env=os.environ | ENVIRONMENT).returncode)
    table = Table(title="Processor time, µs an image, one process", title_justify="left")
    table.add_column("folder")
    with tempfile.TemporaryDirectory() as root:
        model = load_model(given.model, bare=True)
        for kind in (SMALL, CROPS, PAGES):
            found = measure_steps(_make(Path(root), kind), model, given.rounds)
            found["rest"] = found["whole"] - sum(found[step] for step in ("decode", "ink", "features", "model"))
            if not table.rows:
                for name in (*found, "of decode only"):
                    table.add_column(name, justify="right")
            share = found["decode only"] / found["whole"]
            table.add_row(kind.about, *(f"{1e6 * seconds:,.0f}" for seconds in found.values()), f"{share:.2f}")
    (Console() if sys.stdout.isatty() else Console(width=WIDTH)).print(table)


def _make(root: Path, kind: FolderKind) -> Path:
    return make_folder(root, kind, files=FILES[kind.name])


if __name__ == "__main__":
    main()
