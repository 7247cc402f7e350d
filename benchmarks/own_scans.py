"""Do a few of one's own scans help? ``python benchmarks/own_scans.py FOLDER --each 10 --splits 10``.

FOLDER is labelled (``FOLDER/<digit>/file``). Each random split adds that many of its images of each digit to what the
package fits on by itself, and reads the others, before (without them) and after.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from statistics import mean, pstdev

import numpy as np
from numpy.typing import NDArray

from digit_batch.batch import Settings, classify
from digit_batch.evaluation import evaluate
from digit_batch.labels import Truth
from digit_batch.model import Model, load_model
from digit_batch.training import OwnDigits, collect, fit_model
from digit_batch.training.material import Material, add_own
from digit_batch.training.own import gather
from digit_batch.training.splits import score
from digit_batch.training_set import DRAWN


def read(folder: str) -> OwnDigits:
    """Read every image of a labelled folder as training does."""
    truth = Truth([folder])
    rows = classify([folder], load_model(), settings=Settings(box="filled"))
    return gather(((row, truth.label(row.path)) for row in rows), truth)


def take(own: OwnDigits, rows: NDArray[np.int64]) -> OwnDigits:
    """Return some of the digits."""
    names = tuple(own.names[row] for row in rows)
    return replace(own, boxes=own.boxes[rows], labels=own.labels[rows], groups=own.groups[rows], names=names)


def draw(own: OwnDigits, each: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of so many images of each digit, and all others."""
    rng = np.random.default_rng(seed)
    chosen = [rng.permutation(np.nonzero(own.labels == digit)[0])[:each] for digit in np.unique(own.labels)]
    rows = np.concatenate(chosen)
    return rows, np.setdiff1d(np.arange(len(own.labels)), rows)


def accuracy(model: Model, others: Material) -> float:
    """Return the share that a model reads right."""
    return evaluate(score(model, others.features, others.labels, inks=others.inks)).accuracy


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", metavar="FOLDER", help="labelled: FOLDER/<digit>/file")
    parser.add_argument("--each", type=int, default=10, help="images of each digit that are added")
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--drawn", type=int, default=DRAWN, help="drawn digits; fewer are quicker")
    parser.add_argument("--json", type=Path, metavar="FILE", help="save every figure")
    given = parser.parse_args()
    own = read(given.folder)
    default = collect(drawn=given.drawn)
    base = fit_model(default.features, default.labels, calibrated=False)
    pairs = []
    for seed in range(given.splits):
        added, rest = draw(own, given.each, seed)
        others = collect(take(own, rest), default=False)
        others = others.take(others.sets >= 0)
        material = add_own(default, take(own, added), seed=seed)
        model = fit_model(material.features, material.labels, material.weights, calibrated=False)
        pairs.append((accuracy(base, others), accuracy(model, others)))
        print(
            f"split {seed}: {len(added)} added, {len(rest)} read, {pairs[-1][0]:.2%} before, {pairs[-1][1]:.2%} after",
            flush=True,
        )
    for name, each in zip(
        ("before", "after", "gain"),
        [[b for b, _ in pairs], [a for _, a in pairs], [a - b for b, a in pairs]],
        strict=True,
    ):
        print(f"{name:6}  mean {mean(each):.2%}, sd {pstdev(each):.2%}, {min(each):.2%} to {max(each):.2%}")
    if given.json:
        given.json.write_text(json.dumps({"splits": pairs}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
