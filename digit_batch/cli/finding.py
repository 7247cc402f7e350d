"""What ``evaluate`` found out, as the terminal and ``--json`` have it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from digit_batch.evaluation import Comparison, Evaluation, Threshold


@dataclass(frozen=True)
class Finding:
    """What was found out, and what was asked for beside it."""

    result: "Evaluation"
    against: str
    compared: "Comparison | None"
    target: float | None
    threshold: "Threshold | None"

    def figures(self) -> dict[str, Any]:
        """Return every figure as plain data."""
        document = self.result.figures()
        if self.compared:
            document["against"] = {"other": self.against, **self.compared.figures()}
        if self.target is not None:
            threshold = self.threshold.figures() if self.threshold else None
            document["target"] = {"accuracy": self.target, "threshold": threshold}
        return document

    def show(self) -> None:
        """Print it."""
        from digit_batch.cli.screen import out
        from digit_batch.report import evaluation as shown

        out.print(shown.evaluation(self.result))
        if self.compared:
            out.print(shown.comparison(self.compared, self.against))
        if self.target is not None:
            out.print(shown.target(self.target, self.threshold))
