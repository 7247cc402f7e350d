"""How far `ok` can be relied on: ``python benchmarks/confidence.py FOLDER... --sheet accepted.png``.

For labelled folders (``.../<digit>/file``): the share of rows marked ok, how many of them are right, and how good
the confidence is. For 2,000 pictures of what is no digit (`strangers`): how many are marked ok all the same. Then, if
asked for, other ways to a confidence, from the same margins, on the same images and on drawn ones that no fit has seen
(``--ways``); and what the confidence costs (``--cost``).
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import strangers
from mistakes import Mistaken, draw_sheet
from numpy.typing import NDArray
from sklearn.metrics import brier_score_loss, roc_auc_score
from steps import processor_time
from threadpoolctl import threadpool_limits

from digit_batch.batch import images_among
from digit_batch.batch.chunks import CHUNK_FILES
from digit_batch.evaluation import Evaluation, evaluate
from digit_batch.images import Frame, read_frames, walk
from digit_batch.ink import find_inks
from digit_batch.labels import folder_label
from digit_batch.model import Model, load_model
from digit_batch.model.duels import Arrays, narrowest
from digit_batch.model.fitted import STRANGER
from digit_batch.reading import MIN_CONFIDENCE, Reading, measure_ways, read_pictures
from digit_batch.training.fitting import draw_unseen

FLOATS = NDArray[np.float64]
BINS = 10  # of equal width, of the expected calibration error
DRAWS = 1_000  # of answers by luck, for the error that true chances would show
UNSEEN_SEED = 7  # of drawn digits that neither the fit nor the calibration of the shipped model has seen
ROUNDS = 15  # of which the quickest counts
MOST_COST = 0.5  # wanted: what confidence adds to the time of a label, as a share of it

Read = list[tuple[str, NDArray[np.uint8], Reading, int]]  # name, picture, reading, true digit or -1


def read_all(model: Model, found: Iterator[tuple[str, NDArray[np.uint8], int]], min_confidence: float) -> Read:
    """Read pictures in chunks."""
    done: Read = []
    while chunk := list(islice(found, CHUNK_FILES)):
        readings = read_pictures(model, [picture for _, picture, _ in chunk], min_confidence=min_confidence)
        done += [(name, picture, reading, true) for (name, picture, true), reading in zip(chunk, readings, strict=True)]
    return done


def open_folder(folder: str) -> Iterator[tuple[str, NDArray[np.uint8], int]]:
    """Yield the readable, labelled images of a folder."""
    for source in images_among(walk([folder])):
        for item in read_frames(source):
            if isinstance(item, Frame) and (true := folder_label(source.name)) is not None:
                yield source.name, item.pixels, true


def score(read: Read) -> Evaluation:
    """Score readings."""
    return evaluate((reading.prediction(name, 0), true) for name, _, reading, true in read)


def calibration_error(chance: FLOATS, right: NDArray[np.bool_]) -> float:
    """Return the expected calibration error, over ten bins of equal width."""
    bins = np.minimum((chance * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, right - chance, BINS)
    return float(np.abs(gaps).sum() / len(chance))


def least_error(chance: FLOATS) -> float:
    """Return the mean calibration error of as many images whose chances are true: what so few show by luck alone."""
    rng = np.random.default_rng(0)
    return float(np.mean([calibration_error(chance, rng.random(len(chance)) < chance) for _ in range(DRAWS)]))


def risk_area(chance: FLOATS, right: NDArray[np.bool_]) -> float:
    """Return the area under the risk-coverage curve: mean share of mistakes among the surest, over all coverages."""
    wrong = np.cumsum(~right[np.argsort(-chance, kind="stable")])
    return float((wrong / np.arange(1, len(right) + 1)).mean())


def show_folders(results: Sequence[tuple[str, Read]]) -> None:
    """Print what rows marked ok are worth, folder by folder."""
    width = max(len(name) for name, _ in results)
    print(
        f"{'folder':{width}}  images  accuracy  marked ok  of these right  ECE (by luck)    AUROC   Brier   "
        "reasons of the rest"
    )
    for name, read in results:
        result = score(read)
        labelled = [(reading, true) for _, _, reading, true in read if reading.label is not None]
        chance = np.array([reading.confidence for reading, _ in labelled])
        right = np.array([reading.label == true for reading, true in labelled])
        reasons = Counter(r.reason.split(":")[0] for _, _, r, _ in read if r.reason)
        auroc = roc_auc_score(right, chance) if 0 < right.sum() < len(right) else float("nan")
        brier, error = brier_score_loss(right, chance), calibration_error(chance, right)
        wrong = result.accepted - result.accepted_correct
        print(
            f"{name:{width}}  {len(read):6,}  {result.accuracy:8.2%}  {result.coverage:9.1%}  "
            f"{result.accepted_accuracy:7.2%} (-{wrong:<3})  {error:.4f} ({least_error(chance):.4f})  {auroc:.4f}  "
            f"{brier:.4f}  {', '.join(f'{n} {why}' for why, n in reasons.most_common())}"
        )


def show_strangers(read: Read) -> None:
    """Print how many of what is no digit are marked ok, kind by kind."""
    kinds = Counter(name for name, *_ in read)
    accepted = Counter(name for name, _, reading, _ in read if reading.status == "ok")
    width = max(map(len, kinds))
    print(f"\n{'no digit at all':{width}}  pictures  marked ok")
    for name, count in kinds.items():
        print(f"{name:{width}}  {count:8,}  {accepted[name] / count:9.1%}")
    print(f"{'together':{width}}  {len(read):8,}  {accepted.total() / len(read):9.1%}")


Way = Callable[[FLOATS], FLOATS]  # (n, 10) narrowest duels to a chance


def list_ways(model: Model, unseen: tuple[NDArray[np.float32], NDArray[np.int64]]) -> dict[str, Way]:
    """Return ways to a confidence, each fitted on the same unseen digits."""
    from scipy.optimize import minimize_scalar
    from sklearn.isotonic import IsotonicRegression

    narrow = look(model, unseen[0])
    right = narrow.argmax(axis=1) == unseen[1]
    margin = narrow.max(axis=1)

    def softmax(slope: float, narrow: FLOATS) -> FLOATS:
        weights = np.exp(slope * (narrow - narrow.max(axis=1, keepdims=True)))
        return 1 / weights.sum(axis=1)

    def loss(slope: float) -> float:
        chance = softmax(slope, narrow).clip(1e-6, 1 - 1e-6)
        return float(-np.log(np.where(right, chance, 1 - chance)).mean())

    slope = float(minimize_scalar(loss, bounds=(0.1, 30), method="bounded").x)
    steps = IsotonicRegression(out_of_bounds="clip").fit(margin, right)
    shares = np.bincount(bin_margins(narrow), right, 11) / np.maximum(np.bincount(bin_margins(narrow), minlength=11), 1)
    return {
        "histogram of the narrowest duel": lambda narrow: shares[bin_margins(narrow)],
        "softmax of the narrowest duels": lambda narrow: softmax(slope, narrow),
        "isotonic on the narrowest duel": lambda narrow: steps.predict(narrow.max(axis=1)),
    }


def bin_margins(narrow: FLOATS) -> NDArray[np.intp]:
    """Return the bin, 0 to 10, of each narrowest duel: for histogram binning (B. Zadrozny and C. Elkan, ICML 2001)."""
    return np.clip(np.rint(5 * narrow.max(axis=1) + 5), 0, 10).astype(np.intp)


def look(model: Model, features: NDArray[np.float32]) -> FLOATS:
    """Return the large classifier's narrowest duels."""
    return narrowest(model._duels.decide(model.points(features))).astype(float)


def show_ways(model: Model, sets: dict[str, tuple[NDArray[np.float32], NDArray[np.int64]]]) -> None:
    """Print how good each way to a confidence is."""
    ways = list_ways(model, draw_unseen(0))
    print(f"\n{'way to a confidence':32}  {'on':18}  AUROC   Brier   ECE     area under risk-coverage")
    for name, (features, labels) in sets.items():
        narrow = look(model, features)
        answers = model.answer(features)
        said = narrow.argmax(axis=1)
        rows = [(way, said, chance(narrow)) for way, chance in ways.items()]
        rows.append(("logistic, duels and likeness (kept)", answers.labels, answers.chances.max(axis=1).astype(float)))
        for way, labelled, chance in rows:
            right = labelled == labels
            print(
                f"{way[:32]:32}  {name[:18]:18}  {roc_auc_score(right, chance):.4f}  "
                f"{brier_score_loss(right, chance):.4f}  {calibration_error(chance, right):.4f}  "
                f"{risk_area(chance, right):.5f}"
            )


def forget_strangers(svc: Arrays) -> Arrays:
    """Return a classifier of the ten digits alone: the same duels between them, and no others."""
    kept = int(svc.n_support_[:STRANGER].sum())
    among_digits = np.triu_indices(len(svc.classes_), 1)[1] < STRANGER
    return replace(
        svc,
        classes_=svc.classes_[:STRANGER],
        n_support_=svc.n_support_[:STRANGER],
        support_vectors_=svc.support_vectors_[:kept],
        dual_coef_=svc.dual_coef_[: STRANGER - 1, :kept],
        intercept_=svc.intercept_[among_digits],
    )


def show_costs(model: Model, folders: Sequence[str]) -> None:
    """Print what an image takes, in processor time: with its label only, and with all that says how sure it is."""
    model = model.bare()
    bare = replace(model, svc=forget_strangers(model.svc), first=forget_strangers(model.first))

    def decode(folder: str) -> list[NDArray[np.uint8]]:
        return [picture for _, picture, _ in open_folder(folder)]

    def label(pictures: Sequence[NDArray[np.uint8]]) -> None:
        amounts = [ink.amount for ink in find_inks(pictures) if ink.amount.size]
        measure_ways(amounts)  # what is noise is asked before any label
        bare.answer(bare.look(amounts))

    width = max(map(len, [*folders, "what an image takes"]))
    print(
        f"\n{'what an image takes':{width}}  decoded  with label  and confidence  more (of the whole; after decoding)"
    )
    for folder in folders:
        pictures = decode(folder)
        chunks = [pictures[start : start + CHUNK_FILES] for start in range(0, len(pictures), CHUNK_FILES)]
        works: list[Callable[[], object]] = [
            lambda folder=folder: decode(folder),  # type: ignore[misc]
            lambda chunks=chunks: [label(chunk) for chunk in chunks],  # type: ignore[misc]
            lambda chunks=chunks: [read_pictures(model, chunk) for chunk in chunks],  # type: ignore[misc]
        ]
        with threadpool_limits(1):  # in turns: what else the machine does falls on all three
            rounds = [[processor_time(work) for work in works] for _ in range(ROUNDS)]
        decoding, without, whole = (min(times) / len(pictures) for times in zip(*rounds, strict=True))
        steps = "  ".join(f"{1e6 * seconds:8,.0f} us" for seconds in (decoding, decoding + without, decoding + whole))
        more = (decoding + whole) / (decoding + without) - 1, whole / without - 1
        print(f"{folder:{width}} {steps}     {more[0]:4.0%}; {more[1]:4.0%} (at most {MOST_COST:.0%})")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folders", nargs="+", metavar="FOLDER", help="labelled: FOLDER/<digit>/file")
    parser.add_argument("--model", type=Path, help="a model file; by default the one that ships")
    parser.add_argument("--min-confidence", type=float, default=MIN_CONFIDENCE)
    parser.add_argument("--seed", type=int, default=0, help="of the pictures of what is no digit")
    parser.add_argument("--sheet", type=Path, metavar="PNG", help="save a contact sheet of what is wrongly marked ok")
    parser.add_argument("--ways", action="store_true", help="also compare ways to a confidence")
    parser.add_argument("--cost", action="store_true", help="also measure what the confidence costs")
    given = parser.parse_args()
    model = load_model(given.model)
    results = [(Path(f).name, read_all(model, open_folder(f), given.min_confidence)) for f in given.folders]
    show_folders(results)
    drawn = ((name, picture, -1) for name, picture in strangers.draw_all(given.seed))
    odd = read_all(model, drawn, given.min_confidence)
    show_strangers(odd)
    if given.sheet:
        wrong = [
            row for _, read in [*results, ("", odd)] for row in read if row[2].status == "ok" and row[2].label != row[3]
        ]
        draw_sheet([Mistaken.of(name, picture, reading, true) for name, picture, reading, true in wrong]).save(
            given.sheet
        )
    if given.ways:
        sets = {name: _features(read) for name, read in results}
        sets["drawn, unseen"] = draw_unseen(UNSEEN_SEED)
        show_ways(model, sets)
    if given.cost:
        show_costs(model, given.folders)


def _features(read: Read) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    kept = [(reading.features, true) for _, _, reading, true in read if reading.label is not None]
    return np.array([features for features, _ in kept]), np.array([true for _, true in kept])


if __name__ == "__main__":
    main()
