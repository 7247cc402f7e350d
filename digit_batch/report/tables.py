"""Results as rich tables for the terminal.

Every name that came from a disk goes through `plain`: it may hold markup, escape codes or a line end.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import mean, pstdev
from typing import Any

from numpy.typing import NDArray
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from digit_batch.evaluation import Evaluation
from digit_batch.model import Model
from digit_batch.predictions import CLASSES, STATUSES, Prediction
from digit_batch.report.names import plain
from digit_batch.training import Split

SHADES = " ░▒▓█"
STATUS_STYLES = {"ok": "green", "review": "yellow", "error": "red"}
MISTAKES_SHOWN = 10


@dataclass
class Tally:
    """Counts of a run, kept while its rows go by; its size does not grow with their number."""

    labels: Counter[int] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    confidence: float = 0.0

    def add(self, prediction: Prediction) -> None:
        """Count one row."""
        self.statuses[prediction.status] += 1
        if prediction.label is not None:
            self.labels[prediction.label] += 1
            self.confidence += prediction.confidence or 0.0
        if prediction.reason:
            self.reasons[prediction.reason.split(":")[0]] += 1

    @property
    def images(self) -> int:
        """Rows counted."""
        return self.statuses.total()

    @property
    def mean_confidence(self) -> float | None:
        """Mean confidence of the rows that have a label."""
        total = self.labels.total()
        return self.confidence / total if total else None


def summary(tally: Tally, seconds: float, place: str) -> RenderableType:
    """Return the summary of a batch: counts by status and by label, confidence, speed, what was skipped."""
    facts = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    facts.add_column(style="dim")
    facts.add_column()
    facts.add_row("images", f"{tally.images:,}")
    for status in STATUSES:
        count = tally.statuses[status]
        share = f"{count / tally.images:6.1%}" if tally.images else ""
        facts.add_row(status, Text.assemble((f"{count:,}  {share}", STATUS_STYLES[status] if count else "dim")))
    for reason, count in tally.reasons.most_common():
        facts.add_row("", Text(f"{count:,} {plain(reason)}", style="dim"))
    if (mean := tally.mean_confidence) is not None:
        facts.add_row("mean confidence", f"{mean:.3f}")
    facts.add_row("speed", f"{tally.images / max(seconds, 1e-9):,.0f} images/s, {seconds:.1f} s")
    if tally.skipped:
        facts.add_row("skipped", Text(", ".join(f"{n:,} {plain(why)}" for why, n in tally.skipped.most_common())))
    facts.add_row("rows in", Text(plain(place)))
    return Group(_labels(tally), facts)


def _labels(tally: Tally) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title="Labels", title_justify="left", title_style="bold")
    for digit in range(CLASSES):
        table.add_column(str(digit), justify="right")
    table.add_row(*(f"{tally.labels[digit]:,}" for digit in range(CLASSES)))
    return table


def evaluation(result: Evaluation) -> RenderableType:
    """Return the tables of an evaluation: the figures, each digit's scores, the confusion matrix, the mistakes."""
    parts: list[RenderableType] = [_figures(result), class_scores(result), confusion(result.confusion)]
    if result.mistakes:
        parts.append(_mistakes(result))
    return Group(*parts)


def _figures(result: Evaluation) -> Table:
    low, high = result.interval
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column()
    table.add_row("images", f"{result.images:,}")
    table.add_row(
        "accuracy", Text.assemble((f"{result.accuracy:.2%}", "bold"), f"   95 % interval {low:.2%} to {high:.2%}")
    )
    table.add_row("balanced", f"{result.balanced_accuracy:.2%}")
    table.add_row("rows marked ok", f"{result.accepted_accuracy:.2%} right, {result.coverage:.1%} of the images")
    if result.unreadable:
        table.add_row("unreadable", Text(f"{result.unreadable:,}", style="red"))
    if result.unlabelled:
        table.add_row("no true label", Text(f"{result.unlabelled:,} (not counted)", style="yellow"))
    return table


def class_scores(result: Evaluation) -> Table:
    """Return precision, recall, F1 and support of each digit."""
    table = Table(box=box.SIMPLE_HEAD, title="Each digit", title_justify="left", title_style="bold")
    for name in ("digit", "precision", "recall", "F1", "support"):
        table.add_column(name, justify="right")
    for score in result.classes:
        style = "dim" if not score.support else ""
        table.add_row(
            str(score.label),
            f"{score.precision:.4f}",
            f"{score.recall:.4f}",
            f"{score.f1:.4f}",
            f"{score.support:,}",
            style=style,
        )
    return table


def confusion(counts: NDArray[Any]) -> Table:
    """Return the confusion matrix; rows are true digits, columns what was said."""
    none_said = counts.shape[1] > CLASSES and counts[:, CLASSES].any()
    table = Table(
        box=box.SIMPLE_HEAD, title="True digit (rows), said (columns)", title_justify="left", title_style="bold"
    )
    table.add_column("")
    for digit in range(CLASSES):
        table.add_column(str(digit), justify="right")
    if none_said:
        table.add_column("none", justify="right")
    for true, row in enumerate(counts[:, : CLASSES + bool(none_said)]):
        shown = [
            Text(f"{n:,}" if n else "·", style="green" if said == true else ("bold red" if n else "dim"))
            for said, n in enumerate(row)
        ]
        table.add_row(Text(str(true), style="bold"), *shown)
    return table


def _mistakes(result: Evaluation) -> Table:
    shown = result.mistakes[:MISTAKES_SHOWN]
    title = f"Surest mistakes ({len(shown)} of {result.images - result.correct:,})"
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold")
    for name in ("true", "said", "confidence"):
        table.add_column(name, justify="right")
    table.add_column("path", overflow="fold")
    for mistake in shown:
        said = "none" if mistake.said is None else str(mistake.said)
        place = plain(mistake.path) + (f" (frame {mistake.frame})" if mistake.frame else "")
        table.add_row(str(mistake.true), said, f"{mistake.confidence:.3f}", Text(place))
    return table


def grid(features: Sequence[float] | NDArray[Any], side: int = 8, levels: int = 16) -> Text:
    """Return an 8x8 grid drawn in shades, two columns a block."""
    rows = [features[start : start + side] for start in range(0, side * side, side)]
    shade = [
        "".join(SHADES[min(len(SHADES) - 1, round(float(v) / levels * (len(SHADES) - 1)))] * 2 for v in row)
        for row in rows
    ]
    return Text("\n".join(shade))


def splits(held_out: Sequence[Split]) -> RenderableType:
    """Return the held-out accuracy of each random split, with mean and spread."""
    table = Table(box=box.SIMPLE_HEAD, title="Held-out digits", title_justify="left", title_style="bold")
    for name in ("seed", "fitted", "held out", "accuracy"):
        table.add_column(name, justify="right")
    for split in held_out:
        result = split.evaluation
        table.add_row(str(split.seed), f"{split.fitted:,}", f"{result.images:,}", f"{result.accuracy:.2%}")
    accuracies = [split.evaluation.accuracy for split in held_out]
    spread = f"mean {mean(accuracies):.2%}, standard deviation {pstdev(accuracies):.2%}"
    return Group(table, f"{spread}, {min(accuracies):.2%} to {max(accuracies):.2%}")


def fitted(model: Model, place: str, size: int) -> RenderableType:
    """Return what a model is: its estimator, what it was fitted on, its size."""
    facts = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    facts.add_column(style="dim")
    facts.add_column()
    facts.add_row("estimator", Text(repr(model.svc)))
    facts.add_row("fitted on", Text(model.fitted_on))
    facts.add_row("support vectors", f"{len(model.svc.support_vectors_):,}")
    facts.add_row("saved as", Text(f"{plain(place)}, {size / 1e6:.2f} MB"))
    return facts
