"""``digit-batch train --calibrate-on``: a model's confidence set again on a user's own labelled scans."""

from pathlib import Path
from typing import TYPE_CHECKING

from digit_batch.cli.codes import UNREADABLE

if TYPE_CHECKING:
    from digit_batch.batch import Settings
    from digit_batch.labels import Labels


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
    from digit_batch import batch
    from digit_batch.cli.chosen import Locked
    from digit_batch.cli.screen import follow, out
    from digit_batch.cli.truth import check_truth, find_truth, is_table
    from digit_batch.errors import InputError, NoImageError
    from digit_batch.labels import Truth
    from digit_batch.model import load_model, save_model
    from digit_batch.report import training as shown
    from digit_batch.training.material import to_features
    from digit_batch.training.own import gather
    from digit_batch.training.recalibration import recalibrate

    fitted = load_model(model)
    if fitted.plain:
        raise InputError("A plain model keeps the confidence it was fitted with. Give another with --model.")
    table = _reviewed_rows(Path(scans)) if is_table(scans) else None
    sources = sorted({path for path, _ in table}) if table is not None else [scans]
    truth = Truth(sources, table) if table is not None else find_truth(sources, labels, pattern)
    check_truth(truth, sources)
    locked = Locked()
    rows = batch.classify(sources, fitted, settings=settings, jobs=jobs, on_skip=locked.meet)
    own = gather(follow(((row, truth.label(row.path, row.frame)) for row in rows), "reading", quiet=quiet), truth)
    locked.tell()
    if not own.met:
        raise NoImageError(f"No image in {scans}. Give a folder with one folder a digit, named 0 to 9.")
    if not len(own.labels):
        raise InputError(f"No image in {scans} has a true label. {truth.cure}")
    found = recalibrate(fitted, to_features(own), own.labels, own.names)
    save_model(found.model, output)
    if not quiet:
        out.print(shown.recalibration(found, str(output), len(own.unreadable)))
    return UNREADABLE if own.unreadable else 0


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
