"""The whole of a training: figures on held-out digits first, then the model of all of them."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import mean, pstdev
from typing import Any

import numpy as np

from digit_batch.errors import InputError
from digit_batch.evaluation import Evaluation, evaluate
from digit_batch.model import Model
from digit_batch.plurals import counted
from digit_batch.predictions import CLASSES
from digit_batch.training.fitting import (
    F32,
    GAMMA,
    PLAIN_C,
    PLAIN_GAMMA,
    C,
    count_strangers,
    draw_unseen,
    fit_model,
    fitting_threads,
)
from digit_batch.training.material import OWN_GROUPS, Material, collect
from digit_batch.training.own import OwnDigits
from digit_batch.training.search import CS, GAMMAS, PLAIN_CS, PLAIN_GAMMAS, Trial, search
from digit_batch.training.splits import Sample, Split, hold_out
from digit_batch.training_set import COPIES, DRAWN, make_strangers

SAMPLE_ROWS = 100  # the last rows of scikit-learn's digits stay out of the saved model: samples/ is drawn from them
FITS_AT_ONCE = 2  # each takes up to 2 GB of memory
SHOWN = 6  # held-out digits that are shown with their labels
MANY = 10_000  # own digits, from which on fewer others are added: they are slow to fit and teach little then

Progress = Callable[[int, int, str], object]  # steps done, of how many, what comes next


@dataclass(frozen=True)
class Plan:
    """What to fit and how to measure it.

    Attributes
    ----------
    seed : int
        Of everything drawn and varied; the splits take `seed`, `seed` + 1 and so on.
    repeats : int
        Random splits of each test size.
    test_sizes : tuple of float
        Shares that splits hold out, each between 0 and 1.
    drawn : int or None
        Digits drawn with a pen; None for `DRAWN`, or fewer where there are many own digits.
    c, gamma : float or None
        Of the classifier; None for the package's own, or for the search to find.
    plain : bool
        Fit the raw 8x8 digits as the classic walk-through does.
    only_own : bool
        Leave scikit-learn's digits and the drawn ones out.
    search : bool
        Find what is None of `c` and `gamma` by cross-validation.
    jobs : int
        Scans drawn and fits of the search made at a time; of the splits `FITS_AT_ONCE` at most.
    """

    seed: int = 0
    repeats: int = 3
    test_sizes: tuple[float, ...] = (0.25,)
    drawn: int | None = None
    c: float | None = None
    gamma: float | None = None
    plain: bool = False
    only_own: bool = False
    search: bool = False
    jobs: int = 1


@dataclass(frozen=True)
class Trained:
    """A fitted model, and what was measured on the way.

    Attributes
    ----------
    model : Model
    splits : tuple of Split
        For each test size the seeds in order, and of each the sets.
    held_out : mapping of str to Evaluation
        For each set, all its splits together: a digit counts once for each split that held it out.
    trials : tuple of Trial
        Of the search, best first.
    """

    model: Model
    splits: tuple[Split, ...]
    held_out: dict[str, Evaluation]
    trials: tuple[Trial, ...] = ()

    @property
    def main(self) -> Evaluation:
        """The held-out digits that matter most: one's own where there are some."""
        return list(self.held_out.values())[-1]

    @property
    def samples(self) -> tuple[Sample, ...]:
        """The first few of these that the first split held out."""
        return self.splits[len(self.held_out) - 1].samples[:SHOWN]

    def figures(self) -> dict[str, Any]:
        """Return every figure as plain data, for JSON."""
        return {
            "estimator": repr(self.model.svc),
            "c": self.model.svc.C,
            "gamma": self.model.svc.gamma,
            "plain": self.model.plain,
            "fitted_on": self.model.fitted_on,
            "support_vectors": len(self.model.svc.support_vectors_),
            "splits": [
                {
                    "digits": split.digits,
                    "seed": split.seed,
                    "test_size": split.test_size,
                    "fitted": split.fitted,
                    "held_out": split.evaluation.images,
                    "accuracy": split.evaluation.accuracy,
                }
                for split in self.splits
            ],
            "accuracy": [asdict(spread) for spread in spreads(self.splits)],
            "held_out": {digits: result.figures() for digits, result in self.held_out.items()},
            "search": [asdict(trial) | {"mean": trial.mean, "deviation": trial.deviation} for trial in self.trials],
        }


@dataclass(frozen=True)
class Spread:
    """The accuracies of one set's splits of one test size, 0 to 1."""

    digits: str
    test_size: float
    splits: int
    mean: float
    deviation: float
    minimum: float
    maximum: float


def spreads(splits: Sequence[Split]) -> list[Spread]:
    """Return how the accuracy varies from split to split, for each set and test size."""
    found: dict[tuple[str, float], list[float]] = {}
    for split in splits:
        found.setdefault((split.digits, split.test_size), []).append(split.evaluation.accuracy)
    return [
        Spread(digits, size, len(each), mean(each), pstdev(each), min(each), max(each))
        for (digits, size), each in found.items()
    ]


def train(
    plan: Plan = Plan(), own: OwnDigits | None = None, *, progress: Progress = lambda done, total, step: None
) -> Trained:
    """Fit a model on scikit-learn's digits, on drawn ones and on a user's own, and score it on what splits hold out.

    Raises
    ------
    InputError
        The digits cannot be fitted or split: too few of them, or one missing.
    """
    if plan.only_own:
        _check_classes(own)
    progress(0, 1, "making digits")
    others = choose_others(0 if own is None else len(own.labels))
    material = collect(
        own,
        seed=plan.seed,
        drawn=round(DRAWN * others) if plan.drawn is None else plan.drawn,
        copies=round(COPIES * others),
        default=not plan.only_own,
        plain=plan.plain,
        jobs=plan.jobs,
    )
    c, gamma, trials = _choose(plan, material, progress)
    model, splits = _fit_all(plan, material, c, gamma, progress)
    first = plan.test_sizes[0]
    held_out = {
        digits: evaluate(row for s in splits if (s.digits, s.test_size) == (digits, first) for row in s.rows)
        for digits in dict.fromkeys(split.digits for split in splits)
    }
    model = replace(model, scores=_scores(spreads(splits), first))
    return Trained(model, tuple(splits), held_out, tuple(trials))


def _fit_all(plan: Plan, material: Material, c: float, gamma: float, progress: Progress) -> tuple[Model, list[Split]]:
    """Fit the model of everything and those of the splits, `FITS_AT_ONCE` at a time."""
    kept = material.take(~np.isin(material.groups, _sample_groups(material)))
    pairs = [(size, seed) for size in plan.test_sizes for seed in range(plan.seed, plan.seed + plan.repeats)]
    strangers = _draw_ahead(plan, kept)
    splits: list[Split] = []

    def fit_split(pair: tuple[float, int]) -> list[Split]:
        return hold_out(material, pair[1], pair[0], c, gamma, plain=plan.plain, strangers=strangers)

    with fitting_threads(min(plan.jobs, FITS_AT_ONCE)) as threads:
        model = threads.submit(  # first, because it takes longest
            fit_model,
            kept.features,
            kept.labels,
            kept.weights,
            kept.groups,
            c=c,
            gamma=gamma,
            plain=plan.plain,
            seed=plan.seed,
            strangers=strangers,
        )
        progress(0, len(pairs) + 1, "fitting")
        for found in threads.map(fit_split, pairs):
            splits += found
            progress(len({(split.test_size, split.seed) for split in splits}), len(pairs) + 1, "fitting")
    return replace(model.result(), fitted_on=f"{describe(kept)}; seed {plan.seed}"), splits


def _draw_ahead(plan: Plan, material: Material) -> F32 | None:
    """Draw once what fits side by side would draw each: with own digits, what is no digit too."""
    if plan.plain:
        return None
    draw_unseen(0)
    if not (material.groups >= OWN_GROUPS).any():
        return None
    return make_strangers(plan.seed, count_strangers(len(material.labels)))


def _scores(found: Sequence[Spread], first: float) -> dict[str, float]:
    """Return what the model file keeps: of own digits where there are some."""
    last = [spread for spread in found if spread.test_size == first][-1]
    return {"held_out_mean": last.mean, "held_out_deviation": last.deviation}


def choose_others(own: int) -> float:
    """Return the share of the usual drawn digits and variations to take beside so many own digits."""
    return min(1.0, MANY / max(own, 1))


def _choose(plan: Plan, material: Material, progress: Progress) -> tuple[float, float, list[Trial]]:
    """Return C and gamma as given, as found, or as they are by default; and the trials of a search."""
    cs, gammas = (PLAIN_CS, PLAIN_GAMMAS) if plan.plain else (CS, GAMMAS)
    if plan.search:
        trials = search(
            material,
            cs if plan.c is None else (plan.c,),
            gammas if plan.gamma is None else (plan.gamma,),
            seed=plan.seed,
            plain=plan.plain,
            jobs=plan.jobs,
            progress=lambda done, of: progress(done, of, "searching for C and gamma"),
        )
        return trials[0].c, trials[0].gamma, trials
    c, gamma = (PLAIN_C, PLAIN_GAMMA) if plan.plain else (C, GAMMA)
    return c if plan.c is None else plan.c, gamma if plan.gamma is None else plan.gamma, []


def _sample_groups(material: Material) -> range:
    count = int((material.sets == 0).sum())
    return range(count - SAMPLE_ROWS, count) if count else range(0)


def _check_classes(own: OwnDigits | None) -> None:
    if own is None:
        raise InputError("--only-data leaves nothing to fit on. Give a folder with --data.")
    if lacking := [digit for digit in range(CLASSES) if not own.counts[digit]]:
        raise InputError(
            f"The data hold no image of {', '.join(map(str, lacking))}, and a model must know all ten digits. "
            "Add some, or leave --only-data out."
        )


def describe(material: Material) -> str:
    """Return in words what is fitted on."""
    drawn = int((material.groups < 0).sum())
    own = material.groups >= OWN_GROUPS
    words = []
    if count := int((material.sets == 0).sum()):
        words.append(f"scikit-learn's digits, rows 0 to {count - 1}")
        words += _variations(int((~own).sum()) - count - drawn)
    if drawn:
        words.append(counted(drawn, "drawn digit"))
    if count := int((material.sets == 1).sum()):
        weight = float(material.weights[own][0])
        words += [
            counted(count, "own digit") + f", weighing {weight:.3g} each" * (weight > 1),
            *_variations(int(own.sum()) - count),
        ]
    return "; ".join(words)


def _variations(count: int) -> list[str]:
    return [counted(count, "variation of them", "variations of them")] if count else []
