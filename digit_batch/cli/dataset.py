"""``digit-batch dataset``."""

from pathlib import Path
from typing import Annotated

from digit_batch.cli.options import Force, file_option


def dataset(
    plot: Annotated[Path | None, file_option(help="Draw the first digits and their labels: PNG, SVG or PDF.")] = None,
    force: Force = False,
) -> None:
    """Describe scikit-learn's digits, and show the first of them.

    Example: [bold]digit-batch dataset --plot digits.png[/bold]
    """
    from digit_batch.cli.screen import err, out
    from digit_batch.output import check_output
    from digit_batch.report.dataset import describe
    from digit_batch.report.names import plain

    if plot:
        from digit_batch.report.figures import check_figure

        check_output(plot, force=force)
        check_figure(plot)
    from sklearn.datasets import load_digits

    digits = load_digits()
    if plot:
        from digit_batch.report.figures import draw_digits

        draw_digits(digits.images, digits.target, plot)
    out.print(describe(digits))
    if plot:
        err.print(f"The first digits are drawn in {plain(str(plot))}", markup=False)
