"""The fitted model: what it answers, how it is kept, and what a model file must prove before it is used.

The file is a skops archive: data and a schema, never a pickle. Before anything is built from it, every type that
the schema names must stand in `TRUSTED_TYPES`. `FORMAT` says how the archive is laid out; a change raises it:

1. one dict: format, package, scikit_learn, recipe, fitted_on, scores, calibration, svc; plain, where it is true.
"""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
import skops.io
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.svm import SVC

from digit_batch import __version__
from digit_batch.errors import ModelError, OutputError
from digit_batch.features import LEVELS, RECIPE_VERSION, SIDE, extract_features, stretch_crops
from digit_batch.predictions import CLASSES

FORMAT = 1
TRUSTED_TYPES = frozenset(
    {
        "builtins.dict",
        "builtins.list",
        "builtins.str",
        "builtins.int",
        "builtins.float",
        "builtins.bool",
        "builtins.tuple",
        "numpy.ndarray",
        "numpy.float64",
        "numpy.int32",
        "numpy.int64",
        "sklearn.svm._classes.SVC",
    }
)
BLOCK = 64  # rows of a matrix product, always: a row then gets the same bits whatever else its chunk holds
PAIRS = [(i, j) for i in range(CLASSES) for j in range(i + 1, CLASSES)]  # libsvm's order of the 45 duels


@dataclass(frozen=True)
class Calibration:
    """Turns the margins of the 45 duels into the chance of each digit.

    A digit is as sure as its narrowest duel; ``softmax(slope * narrowest)`` over the digits gives the chances.
    """

    slope: float = 3.0


@dataclass(frozen=True)
class Model:
    """A fitted support vector classifier and what a user of it must know.

    Attributes
    ----------
    svc : sklearn.svm.SVC
        Fitted on `prepare` of 64 features, for the labels 0 to 9.
    calibration : Calibration
        From margins to chances.
    fitted_on : str
        The data it was fitted on, in words.
    scores : dict of str to float
        Held-out figures from the time of fitting.
    plain : bool
        It was fitted on scikit-learn's counts as they are, 0 to 16, and reads crops stretched over the 8x8 grid:
        the classic walk-through's model, without this package's recipe and without `prepare`.
    """

    svc: SVC
    calibration: Calibration = Calibration()
    fitted_on: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)
    plain: bool = False

    def look(self, amounts: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return the 64 features, 0 to 16, that this model reads of each digit's ink (h, w), 0 to 1; (n, 64)."""
        return stretch_crops(amounts) if self.plain else extract_features(amounts)

    def margins(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the 45 one-vs-one decision values, (n, 45), positive for the first digit of each of `PAIRS`.

        The same numbers as ``SVC.decision_function`` with ``decision_function_shape="ovo"``, in single
        precision, by one matrix product for the whole chunk instead of a loop over support vectors.
        """
        return self._kernel_machine(features if self.plain else prepare(features))

    def chances(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the estimated chance of each digit, (n, 10), rows adding up to 1."""
        return chances(self.margins(features), self.calibration)

    @cached_property
    def _kernel_machine(self) -> "_KernelMachine":
        return _KernelMachine(self.svc)


class _KernelMachine:
    """An RBF SVC's decision function as matrix products in single precision."""

    def __init__(self, svc: SVC) -> None:
        self.vectors = svc.support_vectors_.astype(np.float32)
        self.squares = np.einsum("ij,ij->i", self.vectors, self.vectors)
        self.coefficients = svc.dual_coef_  # in double: thousands of terms of both signs nearly cancel out
        self.intercept = svc.intercept_.astype(np.float32)
        self.gamma = np.float32(svc._gamma)
        self.ends = np.concatenate([[0], np.cumsum(svc.n_support_)])

    def __call__(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        blocks = np.zeros((-(-len(points) // BLOCK), BLOCK, points.shape[1]), dtype=np.float32)
        blocks.reshape(-1, points.shape[1])[: len(points)] = points
        duels = [self._decide(block) for block in blocks]
        return np.concatenate(duels)[: len(points)] if duels else np.zeros((0, len(PAIRS)), dtype=np.float32)

    def _decide(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        kernel = points @ self.vectors.T
        kernel *= 2 * self.gamma
        kernel -= self.gamma * self.squares
        kernel -= self.gamma * np.einsum("ij,ij->i", points, points)[:, None]
        np.exp(kernel, out=kernel)
        # Column k of block i holds what the support vectors of digit i say in its k-th duel (libsvm's layout).
        weights = kernel.astype(np.float64)
        said = [
            weights[:, start:end] @ self.coefficients[:, start:end].T
            for start, end in zip(self.ends, self.ends[1:], strict=False)
        ]
        duels = [said[i][:, j - 1] + said[j][:, i] for i, j in PAIRS]
        margins: NDArray[np.float32] = (np.stack(duels, axis=1) + self.intercept).astype(np.float32)
        return margins


def prepare(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what the classifier sees: the square root of the share of ink in each block, 0 to 1.

    The root evens out the noise of a count (its spread grows with the root of the count), and reads real scans a
    little better than the plain share.
    """
    return np.sqrt(np.asarray(features, dtype=np.float32) / LEVELS)


def narrowest(margins: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return each digit's narrowest duel, (n, 10): how far the digit is from losing to another one."""
    least = np.full((len(margins), CLASSES), np.inf, dtype=np.float32)
    for column, (i, j) in enumerate(PAIRS):
        np.minimum(least[:, i], margins[:, column], out=least[:, i])
        np.minimum(least[:, j], -margins[:, column], out=least[:, j])
    return least


def chances(margins: NDArray[np.float32], calibration: Calibration) -> NDArray[np.float32]:
    """Return the estimated chance of each digit from the margins of the 45 duels, (n, 45) to (n, 10)."""
    logits = calibration.slope * narrowest(margins)
    logits -= logits.max(axis=1, keepdims=True)
    weights = np.exp(logits)
    shares: NDArray[np.float32] = weights / weights.sum(axis=1, keepdims=True)
    return shares


def calibrate(margins: NDArray[np.float32], labels: NDArray[np.int64]) -> Calibration:
    """Fit the chances to digits the classifier has not seen: the slope of least log loss.

    Parameters
    ----------
    margins : ndarray, shape (n, 45)
        As `Model.margins` gives them.
    labels : ndarray, shape (n,)
        The true digits.
    """

    def loss(log_slope: float) -> float:
        found = chances(margins, Calibration(float(np.exp(log_slope))))
        return float(-np.log(np.maximum(found[np.arange(len(labels)), labels], 1e-9)).mean())

    return Calibration(float(np.exp(minimize_scalar(loss, bounds=(-2.0, 4.0), method="bounded").x)))


def save_model(model: Model, path: Path) -> None:
    """Write the model file, whole or not at all.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    document = {
        "format": FORMAT,
        "package": __version__,
        "scikit_learn": sklearn.__version__,
        "recipe": RECIPE_VERSION,
        "fitted_on": model.fitted_on,
        "scores": dict(model.scores),
        "calibration": {"slope": float(model.calibration.slope)},
        "svc": model.svc,
    }
    if model.plain:
        document["plain"] = True
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(skops.io.dumps(document, compression=zipfile.ZIP_DEFLATED, compresslevel=9))
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(f"Cannot write the model {path}: {error.strerror}. Choose another place with -o.") from error


def load_model(path: Path | None = None) -> Model:
    """Read a model file; without a path, the model that ships with the package.

    Nothing in the file is executed: its types are checked against `TRUSTED_TYPES` before one is built.

    Raises
    ------
    ModelError
        The file is missing, damaged, of foreign types, or made for another format, scikit-learn or recipe.
    """
    path = shipped_model() if path is None else path
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"Cannot read the model {path}: {error.strerror}. Give a model file with --model.") from error
    try:
        foreign = _named_types(data) - TRUSTED_TYPES
        document = None if foreign else skops.io.loads(data, trusted=[])
    except Exception as error:  # whatever a damaged archive makes zipfile, json, numpy or skops raise
        raise ModelError(
            f"The model {path} is damaged or no model at all ({type(error).__name__}). "
            "Train it again with `digit-batch train`."
        ) from error
    if foreign:
        raise ModelError(
            f"The model {path} holds the foreign type {min(foreign)}; nothing in it was run. "
            "Use only models made by `digit-batch train`."
        )
    return _model(document, path)


def shipped_model() -> Path:
    """Return the place of the model that ships with the package."""
    installed = Path(str(resources.files("digit_batch") / "data" / "digits.skops"))
    in_checkout = Path(__file__).parents[1] / "models" / "digits.skops"
    return installed if installed.exists() else in_checkout


def _named_types(data: bytes) -> set[str]:
    """Return every type named in the archive's schema, without building any."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        schema = json.loads(archive.read("schema.json"))
    found: set[str] = set()
    queue: list[Any] = [schema]
    while queue:
        node = queue.pop()
        if isinstance(node, dict):
            if "__class__" in node and "__module__" in node:
                found.add(f"{node['__module__']}.{node['__class__']}")
            queue.extend(node.values())
        elif isinstance(node, list):
            queue.extend(node)
    return found


def _model(document: Any, path: Path) -> Model:
    """Check what a file claims, and build the model from it."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ModelError(f"The model {path} is not of format {FORMAT}. Train it again with `digit-batch train`.")
    for key, wanted, what in (
        ("scikit_learn", sklearn.__version__, "scikit-learn"),
        ("recipe", RECIPE_VERSION, "feature recipe"),
    ):
        if document.get(key) != wanted:
            raise ModelError(
                f"The model {path} was made with {what} {document.get(key)}, and this is {what} {wanted}: its answers "
                f"would not be the same. Train it again with `digit-batch train`."
            )
    svc = document.get("svc")
    if not (isinstance(svc, SVC) and _is_whole(svc)):
        raise ModelError(f"The model {path} holds no fitted digit classifier. Train it again with `digit-batch train`.")
    try:
        calibration = Calibration(slope=float(document["calibration"]["slope"]))
        return Model(
            svc, calibration, str(document["fitted_on"]), dict(document["scores"]), bool(document.get("plain"))
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"The model {path} lacks a part ({error}). Train it again with `digit-batch train`."
        ) from error


def _is_whole(svc: SVC) -> bool:
    """Tell whether a classifier's arrays fit each other and the features."""
    try:
        vectors, coefficients, count = svc.support_vectors_, svc.dual_coef_, svc.n_support_
        return bool(
            svc.kernel == "rbf"
            and list(svc.classes_) == list(range(CLASSES))
            and vectors.shape == (int(count.sum()), SIDE * SIDE)
            and coefficients.shape == (CLASSES - 1, len(vectors))
            and svc.intercept_.shape == (len(PAIRS),)
            and all(np.isfinite(part).all() for part in (vectors, coefficients, svc.intercept_))
            and 0 < svc._gamma < np.inf
        )
    except (AttributeError, TypeError, ValueError):
        return False
