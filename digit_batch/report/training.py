"""A training as rich tables for the terminal: the digits, the search, the splits, the model."""

from collections.abc import Sequence

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from digit_batch.evaluation import Evaluation
from digit_batch.model import Model
from digit_batch.plurals import counted
from digit_batch.report.evaluation import class_scores, confusion
from digit_batch.report.names import plain
from digit_batch.report.tables import digit_counts, fact_table, grid, headed
from digit_batch.training import OwnDigits, Split, Trained
from digit_batch.training.recalibration import Recalibration
from digit_batch.training.search import Trial
from digit_batch.training.splits import Sample
from digit_batch.training.trained import spreads

NAMED = 5  # files of each kind of trouble that are named
TRIALS_SHOWN = 12


def own_digits(own: OwnDigits) -> RenderableType:
    """Return what was found in a user's folders: how many of each digit, and what is wrong with them."""
    counts = digit_counts("Own digits", own.counts, none_style="red")
    facts = fact_table()
    images = len(own.labels)
    facts.add_row("images", f"{images:,}")
    facts.add_row("read right before", f"{own.read_right / images:.2%}, by the model that ships")
    named = {
        "unreadable": [f"{path}: {reason}" for path, reason in own.unreadable],
        "no digit found": [f"{path}: {reason}" for path, reason in own.no_ink],
        "same picture twice": [f"{path} is {first}" for path, first in own.copies],
        "no digit's folder": [f"{folder}, {counted(count, 'image')}" for folder, count in own.unlabelled],
        "labels to check": [f"{path} is labelled {true}, looks like {said}" for path, true, said in own.doubted],
    }
    for what, each in named.items():
        if each:
            facts.add_row(what, _name_some(each))
    return Group(counts, facts, *(Text(plain(warning), style="yellow") for warning in own.warnings), "")


def _name_some(each: Sequence[str]) -> Text:
    more = len(each) - NAMED
    lines = [plain(line) for line in each[:NAMED]] + ([f"and {more:,} more"] if more > 0 else [])
    return Text("\n".join([f"{len(each):,}", *lines]), overflow="fold")


def trained(result: Trained) -> RenderableType:
    """Return what was measured: the search, each split, six held-out digits, each digit's scores, the confusions."""
    parts: list[RenderableType] = [trials(result.trials)] if result.trials else []
    parts += [splits(result.splits), "", samples(result.samples)]
    first = result.splits[len(result.held_out) - 1]
    count = sum((split.digits, split.test_size) == (first.digits, first.test_size) for split in result.splits)
    of = f"of the {counted(count, 'split')} of test size {first.test_size:g}" + " together" * (count > 1)
    parts.append(f"Below: {first.digits} held out, {of}")
    return Group(*parts, class_scores(result.main), confusion(result.main.confusion))


def splits(held_out: Sequence[Split]) -> RenderableType:
    """Return the held-out accuracy of each random split, with mean and spread."""
    sets = len({split.digits for split in held_out}) > 1
    sizes = len({split.test_size for split in held_out}) > 1
    named = ["digits"] * sets + ["test size"] * sizes
    table = headed("Held-out digits", *named, "seed", "fitted", "held out", "accuracy")
    for split in held_out:
        table.add_row(
            *([split.digits] * sets + [f"{split.test_size:g}"] * sizes),
            str(split.seed),
            f"{split.fitted:,}",
            f"{split.evaluation.images:,}",
            f"{split.evaluation.accuracy:.2%}",
        )
    found = spreads(held_out)
    lines = []
    for spread in found:
        which = f"{spread.digits}: " * sets + f"test size {spread.test_size:g}: " * sizes
        lines.append(
            f"{which}mean {spread.mean:.2%}, standard deviation {spread.deviation:.2%}, "
            f"{spread.minimum:.2%} to {spread.maximum:.2%}"
        )
    return Group(table, "\n".join(lines))


def samples(digits: Sequence[Sample]) -> RenderableType:
    """Return held-out digits, drawn, each with what it was taken for and what it is."""
    tiles = []
    for sample in digits:
        right = sample.said == sample.true
        words = Text(f"said {sample.said}, is {sample.true}", style="green" if right else "bold red")
        tiles.append(Group(grid(sample.features), words))
    return Group(Columns(tiles, padding=(0, 2)), "")


def trials(tried: Sequence[Trial]) -> Table:
    """Return the candidates of a search, best first."""
    table = headed(
        "Search", "C", "gamma", "mean", "deviation", *(f"fold {k + 1}" for k in range(len(tried[0].accuracies)))
    )
    for place, trial in enumerate(tried[:TRIALS_SHOWN]):
        cells = [f"{trial.c:g}", f"{trial.gamma:g}", f"{trial.mean:.2%}", f"{trial.deviation:.2%}"]
        table.add_row(*cells, *(f"{each:.2%}" for each in trial.accuracies), style="bold" if not place else "")
    return table


def recalibration(found: Recalibration, before: Evaluation, after: Evaluation, place: str) -> RenderableType:
    """Return what a confidence was worth on labelled scans, read before and after it was set on them."""
    table = headed("As evaluate reads these images", "", "before", "after")
    both = (before, after)
    table.add_row("mean gap to the share right", *(f"{each.confidences.calibration_error:.4f}" for each in both))
    table.add_row("rows that would be ok", *(f"{each.coverage:.1%}" for each in both))
    table.add_row("of these right", *(f"{each.accepted_accuracy:.2%}" for each in both))
    table.add_row("labels right", *(f"{each.accuracy:.2%}" for each in both))
    facts = fact_table()
    facts.add_row("images", f"{before.images:,}" + f", {before.unreadable:,} left out" * (before.unreadable > 0))
    facts.add_row("set on", f"{counted(found.digits, 'digit')}, at first look")
    facts.add_row("classifier", "the same: only what is in doubt, and read again, may change its label")
    facts.add_row("log-odds", f"shifted by {found.shift:+.2f}, stretched by {found.stretch:.2f}")
    facts.add_row("saved as", Text(plain(place)))
    return Group(table, facts)


def saved(model: Model, place: str, size: int) -> RenderableType:
    """Return what a model is: its estimator, what it was fitted on, its size."""
    facts = fact_table()
    facts.add_row("estimator", Text(repr(model.svc)))
    facts.add_row("fitted on", Text(model.fitted_on))
    facts.add_row("support vectors", f"{len(model.svc.support_vectors_):,}")
    facts.add_row("saved as", Text(f"{plain(place)}, {size / 1e6:.2f} MB"))
    return facts
