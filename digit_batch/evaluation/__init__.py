"""Rows and true labels -> every figure, computed once, in one pass, and shown many ways.

`scores` holds the figures of a folder; `confidence` what confidences are worth, and thresholds; `comparison` the same
folder read by two models.
"""

from digit_batch.evaluation.comparison import Change, Comparison, Tournament
from digit_batch.evaluation.confidence import Confidences, Threshold
from digit_batch.evaluation.scores import (
    MISTAKES_KEPT,
    NONE_SAID,
    ClassScore,
    Evaluation,
    Mistake,
    evaluate,
    wilson,
)

__all__ = [
    "MISTAKES_KEPT",
    "NONE_SAID",
    "Change",
    "ClassScore",
    "Comparison",
    "Confidences",
    "Evaluation",
    "Mistake",
    "Threshold",
    "Tournament",
    "evaluate",
    "wilson",
]
