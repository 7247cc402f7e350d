"""``digit-batch train --calibrate-on``: a model's confidence set again on a user's own labelled scans."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from digit_batch.cli.codes import UNREADABLE

if TYPE_CHECKING:
    from digit_batch.batch import Settings
    from digit_batch.images import Skipped
    from digit_batch.labels import Labels, Truth
    from digit_batch.model import Model
    from digit_batch.predictions import Prediction
    from digit_batch.training.own import OwnDigits

    Labelled = tuple[Prediction, int | None]
    OnSkip = Callable[[Skipped], None] | None


def calibrate(
    scans: str,
    output: Path,
    settings: "Settings",
    *,
    model: Path | None,
    labels: Path | None,
    pattern: str | None,
    jobs: int | None,
    quiet: bool,
) -> int:
    """Read the scans, save the model with its new confidence, say what changed, and return the exit code."""
    from digit_batch.batch import classify
    from digit_batch.cli.chosen import Locked
    from digit_batch.cli.screen import follow, out
    from digit_batch.cli.truth import check_truth, find_truth, is_table, with_truth
    from digit_batch.errors import InputError
    from digit_batch.evaluation import evaluate
    from digit_batch.labels import Truth
    from digit_batch.model import load_model, save_model
    from digit_batch.report import training as shown
    from digit_batch.training.material import to_features
    from digit_batch.training.own import gather
    from digit_batch.training.recalibration import recalibrate

    fitted = load_model(model)
    if fitted.plain:
        raise InputError("A plain model keeps the confidence it was fitted with. Give another with --model.")
    locked = Locked()
    table = _reviewed_rows(Path(scans)) if is_table(scans) else None
    if table is not None:
        truth = Truth((), table)  # it names its images as rows do, and none below an input
    else:
        truth = find_truth([scans], labels, pattern)
        check_truth(truth, [scans])

    def read(model: "Model", settings: "Settings", on_skip: "OnSkip" = None) -> "Iterator[Labelled]":
        if table is None:
            rows = classify([scans], model, settings=settings, jobs=jobs, on_skip=on_skip)
        else:
            rows = _read_named(table, model, settings, jobs=jobs)
        yield from follow(with_truth(rows, truth), "reading", quiet=quiet)

    seen: list[Labelled] = []
    own = gather(_remember(read(fitted, settings, locked.meet), seen), truth)
    locked.tell()
    _check(own, scans, truth)
    found = recalibrate(fitted, to_features(own), own.labels)
    save_model(found.model, output)
    if not quiet:  # only the pictures tell what is read otherwise, because other digits are doubtful than before
        after = read(found.model, replace(settings, box="none"))
        out.print(shown.recalibration(found, evaluate(seen), evaluate(after), str(output)))
    return UNREADABLE if own.unreadable else 0


def _remember(rows: "Iterable[Labelled]", seen: "list[Labelled]") -> "Iterator[Labelled]":
    """Yield rows with their true labels, and keep them without their boxes, which are most of their size."""
    for row, label in rows:
        seen.append((replace(row, box=None), label))
        yield row, label


def _reviewed_rows(table: Path) -> "Labels":
    """Return the labels that a person gave in a table that `review --apply` made."""
    from digit_batch.errors import InputError
    from digit_batch.parquet import load_table
    from digit_batch.review import REVIEWED

    labels: dict[tuple[str, int | None], int | None] = {
        (row.path, row.frame): row.label for row in load_table(table) if row.reason == REVIEWED
    }
    if not labels:
        raise InputError(f"{table} has no reviewed row. Make one with `digit-batch review --apply`, or give a folder.")
    return labels


def _read_named(labels: "Labels", model: "Model", settings: "Settings", *, jobs: int | None) -> "Iterator[Prediction]":
    """Return the rows of the files that a table names: found by their paths, in archives too, without a walk."""
    from digit_batch.batch import classify_sources
    from digit_batch.images import find_sources, number_files

    files = number_files((path, None) for path in dict.fromkeys(path for path, _ in labels))
    return classify_sources(find_sources(wanted for wanted, _ in files), model, settings=settings, jobs=jobs)


def _check(own: "OwnDigits", scans: str, truth: "Truth") -> None:
    """Refuse scans of which none is of use."""
    from digit_batch.errors import InputError, NoImageError

    if not own.met:
        raise NoImageError(f"No image in {scans}. Give a folder with one folder a digit, named 0 to 9.")
    if own.unreadable and not len(own.labels):
        path, reason = own.unreadable[0]
        raise InputError(
            f"No labelled image in {scans} could be used, the first is {path}: {reason}. "
            "Mend them, or stand in the folder that the paths of a table start from."
        )
    if not len(own.labels):
        raise InputError(f"No image in {scans} has a true label. {truth.cure}")
