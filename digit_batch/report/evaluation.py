"""An evaluation as rich tables for the terminal.

Every name that came from a disk goes through `plain`: it may hold markup, escape codes or a line end.
"""

from collections.abc import Callable, Sequence
from typing import Any

from numpy.typing import NDArray
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from digit_batch.evaluation import Change, Comparison, Evaluation, Threshold
from digit_batch.plurals import counted
from digit_batch.predictions import CLASSES
from digit_batch.report.names import plain
from digit_batch.report.signs import NOTHING, Drawn
from digit_batch.report.tables import DigitColumns, fact_table, headed

MISTAKES_SHOWN = 10
CONFUSED_SHOWN = 5
FOLDERS_SHOWN = 5
SHARES_FROM = 200  # images, from which the shares of the confusion matrix say more than its counts


def evaluation(result: Evaluation) -> RenderableType:
    """Return the figures, each digit's scores, the confusion matrix, the thresholds, and the surest mistakes."""
    parts: list[RenderableType] = [_figures(result), class_scores(result), confusion(result.confusion)]
    if result.images >= SHARES_FROM:
        parts.append(confusion_shares(result))
    parts.append(thresholds(result.confidences.thresholds))
    if result.mistakes:
        parts.append(_mistakes(result))
    return Group(*parts)


def _figures(result: Evaluation) -> Table:
    low, high = result.interval
    table = fact_table()
    table.add_row("images", f"{result.images:,}")
    table.add_row(
        "accuracy", Text.assemble((f"{result.accuracy:.2%}", "bold"), f"   95 % interval {low:.2%} to {high:.2%}")
    )
    table.add_row("balanced", f"{result.balanced_accuracy:.2%}")
    table.add_row("rows marked ok", f"{result.accepted_accuracy:.2%} right, {result.coverage:.1%} of the images")
    table.add_row("calibration error", f"{result.confidences.calibration_error:.4f}")
    if pairs := result.confused[:CONFUSED_SHOWN]:
        table.add_row("most confused", ", ".join(f"{true} said {said} ({count:,})" for true, said, count in pairs))
    if result.unreadable:
        table.add_row("unreadable", Text(f"{result.unreadable:,}", style="red"))
    if result.unlabelled:
        table.add_row("no true label", Text(f"{result.unlabelled:,} (not counted): {_folders(result)}", style="yellow"))
    return table


def _folders(result: Evaluation) -> str:
    shown = ", ".join(f"{count:,} in {plain(name)}" for name, count in result.no_digit[:FOLDERS_SHOWN])
    return shown + ", and in other folders" * (len(result.no_digit) > FOLDERS_SHOWN)


def class_scores(result: Evaluation) -> Table:
    """Return precision, recall, F1 and support of each digit."""
    table = headed("Each digit", "digit", "precision", "recall", "F1", "support")
    for score in result.classes:
        figures = (f"{figure:.4f}" for figure in (score.precision, score.recall, score.f1))
        style = "dim" if not score.support else ""
        table.add_row(str(score.label), *figures, f"{score.support:,}", style=style)
    return table


def confusion(counts: NDArray[Any]) -> DigitColumns:
    """Return the confusion matrix; rows are true digits, columns what was said."""
    return _matrix("True digit (rows), said (columns)", counts, lambda count: f"{count:,}" if count else NOTHING)


def confusion_shares(result: Evaluation) -> DigitColumns:
    """Return the confusion matrix in percent of each true digit."""
    shares = result.confusion_shares
    return _matrix("The same, in percent of each row", shares, lambda share: f"{share:.1%}"[:-1] if share else NOTHING)


def _matrix(title: str, cells: NDArray[Any], show: Callable[[Any], str]) -> DigitColumns:
    none_said = bool(cells.shape[1] > CLASSES and cells[:, CLASSES].any())
    rows = [
        [
            Drawn(Text(show(cell), style="green" if said == true else ("bold red" if cell else "dim")))
            for said, cell in enumerate(row)
        ]
        for true, row in enumerate(cells[:, : CLASSES + none_said])
    ]
    return DigitColumns(title, rows, [str(true) for true in range(len(rows))], ["none"] * none_said)


def thresholds(found: Sequence[Threshold]) -> Table:
    """Return what each threshold accepts."""
    table = headed("What a threshold lets through", "min. confidence", "ok", "share", "right", "wrong")
    for threshold in found:
        accuracy = f"{threshold.accuracy:.2%}" if threshold.accepted else ""
        table.add_row(
            f"{threshold.confidence:g}",
            f"{threshold.accepted:,}",
            f"{threshold.coverage:.1%}",
            accuracy,
            f"{threshold.wrong:,}",
        )
    return table


def target(wanted: float, found: Threshold | None) -> Text:
    """Return in words which threshold reaches an accuracy."""
    if found is None:
        return Text(f"No threshold reaches {wanted:.2%} on these images.", style="yellow")
    return Text.assemble(
        (f"--min-confidence {found.confidence:.5g}", "bold"),
        f" reaches {wanted:.2%} on these images: {found.accuracy:.2%} right, {found.coverage:.1%} of the images ok",
    )


def comparison(found: Comparison, other: str) -> RenderableType:
    """Return how a reading differs from another one."""
    table = fact_table()
    table.add_row("against", Text(plain(other)))
    table.add_row(
        "accuracy", f"{found.accuracy:.2%} here, {found.other_accuracy:.2%} there, of {counted(found.images, 'image')}"
    )
    table.add_row("fixed", Text(f"{found.fixed:,} that were wrong there", style="green"))
    table.add_row("broken", Text(f"{found.broken:,} that were right there", style="red" if found.broken else ""))
    table.add_row("McNemar's p", f"{found.p_value:.3g}")
    parts: list[RenderableType] = [table]
    for title, count, changes in (("Fixed", found.fixed, found.fixes), ("Broken", found.broken, found.breaks)):
        if changes:
            parts.append(_changes(title, count, changes[:MISTAKES_SHOWN]))
    return Group(*parts, "")


def _changes(title: str, count: int, changes: Sequence[Change]) -> Table:
    table = headed(f"{title} ({len(changes)} of {count:,})", "true", "there", "here", "confidence")
    table.add_column("path", overflow="fold")
    for change in changes:
        there, here = (_said(label) for label in (change.before, change.said))
        table.add_row(str(change.true), there, here, f"{change.confidence:.3f}", _place(change.path, change.frame))
    return table


def _mistakes(result: Evaluation) -> Table:
    shown = result.mistakes[:MISTAKES_SHOWN]
    table = headed(
        f"Surest mistakes ({len(shown)} of {result.images - result.correct:,})", "true", "said", "confidence"
    )
    table.add_column("path", overflow="fold")
    for mistake in shown:
        place = _place(mistake.path, mistake.frame)
        table.add_row(str(mistake.true), _said(mistake.said), f"{mistake.confidence:.3f}", place)
    return table


def _said(label: int | None) -> str:
    return "none" if label is None else str(label)


def _place(path: str, frame: int) -> Text:
    return Text(plain(path) + (f" (frame {frame})" if frame else ""))
