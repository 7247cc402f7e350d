"""How fast images become rows, beside a loop that only decodes them and beside the plain script of the tutorials.

All three read the same folders with the same number of processes of one thread each, in turns, in one run; the median
of the rounds counts. Files are in the page cache: what is compared is work, not the disk.

    python benchmarks/throughput.py            # 20,000 small PNGs, 2,000 scan crops, 100 A4 pages
    python benchmarks/throughput.py --quick    # a tenth of that, half a minute
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import skimage
from folders import CROPS, PAGES, SMALL, FolderKind, make_folder, make_photo
from joblib import Parallel, delayed
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.table import Table
from skimage.color import rgb2gray
from skimage.filters import threshold_otsu
from skimage.transform import resize
from threadpoolctl import threadpool_limits

from digit_batch.batch import classify
from digit_batch.batch.chunks import CHUNK_FILES
from digit_batch.features import extract_features
from digit_batch.ink import find_inks
from digit_batch.model import Model, load_model

ROUNDS = 3
WIDTH = 132  # columns of the tables where there is no terminal
QUICK = 10  # --quick reads one file in so many
PHOTO_SIDE = 2_000  # px
PLAIN_FILES = {"small": 500, "crops": 100, "pages": 4}  # the plain script needs seconds for one page
LEAST = {"small": 0.35, "crops": 0.7, "pages": 2.0}  # wanted share of the decode-only speed
LEAST_OF_PLAIN = 10.0  # wanted multiple of the plain script's speed
MOST_US, MOST_MS = 400.0, 5.0  # wanted for one 28x28 image and for one large photo, after decoding

Reader = Callable[[Sequence[Path]], object]


@dataclass(frozen=True)
class Speed:
    """Images a second of the three ways, the median of the rounds, and how many images each read in a round."""

    kind: FolderKind
    files: int
    decode: float
    classify: float
    plain: float


def decode_only(paths: Sequence[Path]) -> None:
    """Decode images with Pillow and do nothing with them."""
    for path in paths:
        with Image.open(path) as image:
            image.load()


def run_plain_script(paths: Sequence[Path], model: Model) -> list[int]:
    """Read digits as tutorials do: load, crop, resize to 8x8, predict, one by one, with the very same classifier."""
    return [int(model.svc.predict(model.points(_plain_features(skimage.io.imread(path))))[0]) for path in paths]


def _plain_features(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    grey = rgb2gray(picture) if picture.ndim == 3 else picture / 255
    if np.median(grey) > 0.5:
        grey = 1 - grey
    rows, columns = np.nonzero(grey > threshold_otsu(grey))
    digit = grey[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    return (resize(digit, (8, 8), anti_aliasing=True) * 16).reshape(1, -1).astype(np.float32)


def spread(read: Reader, paths: Sequence[Path], jobs: int) -> None:
    """Run a reader over files with `jobs` processes."""
    if jobs == 1:
        read(paths)
        return
    parts = [paths[start::jobs] for start in range(jobs)]
    Parallel(n_jobs=jobs)(delayed(read)(part) for part in parts)


def clock(work: Callable[[], object]) -> float:
    """Return the seconds that a call took."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure_folder(folder: Path, kind: FolderKind, model: Model, jobs: int, rounds: int) -> Speed:
    """Time the three ways over one folder, in turns."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    few = paths[:: max(1, len(paths) // PLAIN_FILES[kind.name])][: PLAIN_FILES[kind.name]]
    ways: dict[str, tuple[int, Callable[[], object]]] = {
        "decode": (len(paths), partial(spread, decode_only, paths, jobs)),
        "classify": (len(paths), lambda: list(classify([str(folder)], model, jobs=jobs))),
        "plain": (len(few), partial(spread, partial(run_plain_script, model=model), few, jobs)),
    }
    spread(decode_only, paths, jobs)  # into the page cache; also starts the worker processes
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (images, way) in ways.items():
            rates[name].append(images / clock(way))
    return Speed(kind, len(paths), **{name: median(found) for name, found in rates.items()})


def measure_steps(pictures: Sequence[NDArray[np.uint8]], rounds: int) -> tuple[float, float]:
    """Return the seconds that finding the ink and making the features take for one picture, after decoding."""
    chunks = [pictures[start : start + CHUNK_FILES] for start in range(0, len(pictures), CHUNK_FILES)]
    amounts = [[ink.amount for ink in find_inks(chunk) if ink.amount.size] for chunk in chunks]
    ink = [clock(lambda: [find_inks(chunk) for chunk in chunks]) for _ in range(rounds)]
    features = [clock(lambda: [extract_features(chunk) for chunk in amounts if chunk]) for _ in range(rounds)]
    return median(ink) / len(pictures), median(features) / len(pictures)


def speed_table(speeds: Sequence[Speed], jobs: int) -> Table:
    """Return the three ways side by side, and in brackets what is wanted."""
    table = Table(title=f"Images a second, {jobs} process{'es' * (jobs > 1)}", title_justify="left")
    table.add_column("folder")
    for name in ("images", "decode only", "classify", "plain script", "of decode only", "of plain script"):
        table.add_column(name, justify="right")
    for speed in speeds:
        of_decode, of_plain = speed.classify / speed.decode, speed.classify / speed.plain
        table.add_row(
            speed.kind.about,
            f"{speed.files:,}",
            *(f"{rate:,.0f}" if rate >= 10 else f"{rate:.2f}" for rate in (speed.decode, speed.classify, speed.plain)),
            _judge(f"{of_decode:.2f} (≥ {LEAST[speed.kind.name]:.2f})", of_decode >= LEAST[speed.kind.name]),
            _judge(f"{of_plain:.1f} (≥ {LEAST_OF_PLAIN:.0f})", of_plain >= LEAST_OF_PLAIN),
        )
    return table


def step_table(pictures: Sequence[NDArray[np.uint8]], photo: NDArray[np.uint8], rounds: int) -> Table:
    """Return the cost of ink and features for small images and for a large photo, and in brackets what is wanted."""
    table = Table(title="After decoding, one process", title_justify="left")
    table.add_column("picture")
    for name in ("ink", "features", "together"):
        table.add_column(name, justify="right")
    ink, features = (1e6 * seconds for seconds in measure_steps(pictures, rounds))
    together = _judge(f"{ink + features:,.0f} µs (≤ {MOST_US:.0f})", ink + features <= MOST_US)
    table.add_row(f"28x28 px, grey, {len(pictures):,} of them", f"{ink:,.0f} µs", f"{features:,.0f} µs", together)
    for name, picture in (("grey", np.ascontiguousarray(photo[..., 1])), ("colour", photo)):
        ink, features = (1e3 * seconds for seconds in measure_steps([picture] * 8, rounds))
        together = _judge(f"{ink + features:.1f} ms (≤ {MOST_MS:.0f})", ink + features <= MOST_MS)
        size = f"{PHOTO_SIDE:,}x{PHOTO_SIDE:,} px, {name}"
        table.add_row(size, f"{ink:.1f} ms", f"{features:.1f} ms", together)
    return table


def _judge(figure: str, reached: bool) -> str:
    return f"[green]{figure}[/green]" if reached else f"[red]{figure}[/red]"


def _load_grey(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image.convert("L"))


def main() -> None:
    """Make the folders, measure, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"one file in {QUICK}")
    parser.add_argument("--jobs", type=int, default=1, help="processes, the same for all three (default 1)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"of which the median counts (default {ROUNDS})")
    parser.add_argument("--model", type=Path, help="default: the one that ships")
    parser.add_argument("--only", choices=list(LEAST), action="append", help="one folder only (repeatable)")
    given = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # workers start from compiled modules, as pip installs them
    model = load_model(given.model)
    kinds = [kind for kind in (SMALL, CROPS, PAGES) if not given.only or kind.name in given.only]
    speeds = []
    with tempfile.TemporaryDirectory() as root, threadpool_limits(1):
        for kind in kinds:
            folder = make_folder(Path(root), kind, files=kind.files // (QUICK if given.quick else 1))
            speeds.append(measure_folder(folder, kind, model, given.jobs, given.rounds))
        small = make_folder(Path(root) / "steps", SMALL, files=SMALL.drawn // (4 if given.quick else 1))
        pictures = [_load_grey(path) for path in sorted(small.rglob("*.png"))]
        steps = step_table(pictures, make_photo(PHOTO_SIDE), given.rounds)
    console = Console() if sys.stdout.isatty() else Console(width=WIDTH)
    console.print(speed_table(speeds, given.jobs), steps)
    plain = ", ".join(f"{PLAIN_FILES[kind.name]:,} of {kind.name}" for kind in kinds)
    console.print(f"Median of {given.rounds} rounds; in brackets what is wanted. The plain script read {plain}.")


if __name__ == "__main__":
    main()
