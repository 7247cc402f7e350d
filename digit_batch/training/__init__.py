"""Fitting a model, and how well the same fit does on digits that were held out of it.

`fitting` fits any model; `material` puts together what is fitted on, a user's digits (`own`, `openml`) among it;
`splits` holds some out and scores them; `search` finds C and gamma; `trained` is the whole of it.
"""

from digit_batch.training.fitting import GAMMA, C, fit_model
from digit_batch.training.material import collect
from digit_batch.training.own import OwnDigits
from digit_batch.training.splits import Split, hold_out
from digit_batch.training.trained import Plan, Trained, train

__all__ = ["GAMMA", "C", "OwnDigits", "Plan", "Split", "Trained", "collect", "fit_model", "hold_out", "train"]
