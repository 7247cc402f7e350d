"""How well the model reads other people's scans: ``python benchmarks/transfer.py FOLDER... --sheet mistakes.png``.

Each FOLDER is labelled (``.../<digit>/file``) and is read once; with ``--cut-out`` each picture is first cropped to the
ink that is found on it, as by programs that cut forms up. ``--digits`` adds scikit-learn's own digits: 30 random
splits, each fitted with the recipe on 75 % and read on the other 25 %.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
from mistakes import Mistaken, draw_sheet

from digit_batch.batch import images_among
from digit_batch.batch.chunks import CHUNK_FILES
from digit_batch.evaluation import NONE_SAID, Evaluation, evaluate
from digit_batch.images import Frame, read_frames, walk
from digit_batch.ink import find_inks
from digit_batch.labels import folder_label
from digit_batch.model import Model, load_model
from digit_batch.predictions import Prediction
from digit_batch.reading import read_pictures
from digit_batch.training import GAMMA, C, Split, collect, hold_out
from digit_batch.training.fitting import count_strangers
from digit_batch.training_set import DRAWN, make_strangers

FITS_AT_ONCE = 2
SPLITS = 30
CONFUSIONS_SHOWN = 6


@dataclass(frozen=True)
class Transfer:
    """How one folder was read."""

    folder: str
    result: Evaluation
    mistakes: list[Mistaken]

    @property
    def worst(self) -> tuple[int, float]:
        """The digit with the lowest recall, and that recall."""
        scores = [score for score in self.result.classes if score.support]
        least = min(scores, key=lambda score: score.recall)
        return least.label, least.recall

    def confusions(self) -> str:
        """Return the most common mistakes in words: ``7→1 ×4``."""
        pairs = [f"{true}→{said} ×{count}" for true, said, count in self.result.confused[:CONFUSIONS_SHOWN]]
        silent = int(self.result.confusion[:, NONE_SAID].sum())
        return ", ".join(pairs + ([f"no label ×{silent}"] if silent else []))

    def figures(self) -> dict[str, Any]:
        """Return the figures as plain data."""
        label, recall = self.worst
        return {"folder": self.folder, "worst_class": label, "worst_recall": recall, **self.result.figures()}


def cut_out(frame: Frame) -> Frame:
    """Return the picture cropped to its ink."""
    (ink,) = find_inks([frame.pixels])
    top, left, bottom, right = ink.box
    return frame if ink.blank else Frame(frame.index, np.ascontiguousarray(frame.pixels[top:bottom, left:right]))


def read_folder(folder: str, model: Model, *, cropped: bool = False) -> Transfer:
    """Read every labelled image of a folder, in one pass; only the mistakes keep their pictures."""
    mistakes: list[Mistaken] = []

    def pairs() -> Iterator[tuple[Prediction, int | None]]:
        found = ((source.name, item) for source in images_among(walk([folder])) for item in read_frames(source))
        if cropped:
            found = ((name, cut_out(item) if isinstance(item, Frame) else item) for name, item in found)
        while chunk := list(islice(found, CHUNK_FILES)):
            readings = iter(read_pictures(model, [item.pixels for _, item in chunk if isinstance(item, Frame)]))
            for name, item in chunk:
                true = folder_label(name)
                if not isinstance(item, Frame):
                    yield Prediction(name, item.index, None, None, "error", item.reason), true
                    continue
                reading = next(readings)
                if true is not None and reading.label != true:
                    mistakes.append(Mistaken.of(name, item.pixels, reading, true))
                yield reading.prediction(name, item.index), true

    return Transfer(folder, evaluate(pairs()), mistakes)


def read_held_out(splits: int) -> list[float]:
    """Return the accuracy of each random split of scikit-learn's digits; each fits a model, which takes its time."""
    whole = collect(drawn=DRAWN, jobs=FITS_AT_ONCE)
    accuracies = []
    strangers = make_strangers(0, count_strangers(len(whole.labels)))

    def fit(seed: int) -> list[Split]:
        return hold_out(whole, seed, 0.25, C, GAMMA, strangers=strangers)

    with ThreadPoolExecutor(FITS_AT_ONCE) as pool:
        for found in pool.map(fit, range(splits)):
            accuracies.append(found[0].evaluation.accuracy)
            print(f"split {len(accuracies)} of {splits}: {accuracies[-1]:.2%}", file=sys.stderr)
    return accuracies


def show(transfers: Sequence[Transfer], held_out: Sequence[float]) -> None:
    """Print the table."""
    width = max([len(Path(t.folder).name) for t in transfers] + [7])
    print(f"{'folder':{width}}  images  accuracy  macro-F1  ok: share, right  worst class   confusions (true→said)")
    for t in transfers:
        r, (label, recall) = t.result, t.worst
        print(
            f"{Path(t.folder).name:{width}}  {r.images:6,}  {r.accuracy:8.2%}  {r.macro_f1:8.4f}  "
            f"{r.coverage:7.1%}  {r.accepted_accuracy:6.2%}  {label} ({recall:6.1%})    {t.confusions()}"
            + (f"; {r.unreadable} unreadable" if r.unreadable else "")
        )
    if transfers:
        results = [t.result for t in transfers]
        accuracy, f1 = mean(r.accuracy for r in results), mean(r.macro_f1 for r in results)
        images = sum(r.images for r in results)
        coverage, right = mean(r.coverage for r in results), mean(r.accepted_accuracy for r in results)
        print(f"{'mean':{width}}  {images:6,}  {accuracy:8.2%}  {f1:8.4f}  {coverage:7.1%}  {right:6.2%}")
    if held_out:
        spread = stdev(held_out) if len(held_out) > 1 else 0.0
        print(
            f"scikit-learn's digits, {len(held_out)} random 25 % splits, fitted with the recipe on the other 75 %: "
            f"mean {mean(held_out):.2%}, sd {spread:.2%}, min {min(held_out):.2%}, max {max(held_out):.2%}"
        )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folders", nargs="*", metavar="FOLDER", help="labelled: FOLDER/<digit>/file")
    parser.add_argument("--model", type=Path, help="a model file; by default the one that ships")
    parser.add_argument("--cut-out", action="store_true", help="crop each picture to its ink first")
    parser.add_argument("--sheet", type=Path, metavar="PNG", help="save a contact sheet of the mistakes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="save every figure")
    parser.add_argument("--digits", action="store_true", help="also measure on scikit-learn's digits (fits models)")
    parser.add_argument("--splits", type=int, default=SPLITS, help="random splits of scikit-learn's digits")
    given = parser.parse_args()
    if not (given.folders or given.digits):
        parser.error("give a FOLDER, or --digits")
    model = load_model(given.model) if given.folders else None
    transfers = [read_folder(folder, model, cropped=given.cut_out) for folder in given.folders] if model else []
    for t in transfers:
        if not t.result.images:
            parser.error(f"{t.folder}: no image in a folder named after its digit, 0 to 9")
    held_out = read_held_out(given.splits) if given.digits else []
    show(transfers, held_out)
    if given.json:
        document = {"folders": [t.figures() for t in transfers], "scikit_learn_digits": held_out}
        given.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if given.sheet:
        mistakes = [mistake for t in transfers for mistake in t.mistakes]
        draw_sheet(mistakes).save(given.sheet)
        print(f"{len(mistakes):,} mistakes on {given.sheet}")


if __name__ == "__main__":
    main()
