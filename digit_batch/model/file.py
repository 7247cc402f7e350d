"""The model file: how a model is kept, and what a file must prove before it is used.

The file is a skops archive: data and a schema, never a pickle. Before anything is built from it, every type that
the schema names must stand in `TRUSTED_TYPES`. `FORMAT` says how the archive is laid out; a change raises it:

1. one dict: format, package, scikit_learn, recipe, fitted_on, scores, calibration, svc.
2. the calibration has three weights for each look; also first, the small classifier, or None; and plain.
3. support vectors are what `see_directions` makes of features, unless plain.
4. also axes, along which it does, or None.
"""

import errno
import io
import json
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, fields
from importlib import resources
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from digit_batch import __version__
from digit_batch.errors import ModelError
from digit_batch.features import RECIPE_VERSION, SIDE
from digit_batch.model.confidence import Calibration
from digit_batch.model.directions import SEEN
from digit_batch.model.duels import Arrays
from digit_batch.model.fitted import STRANGER, Model
from digit_batch.output import whole_path
from digit_batch.predictions import CLASSES

FORMAT = 4
SCHEMA = "schema.json"  # names the types of all that is in the archive
PACKED = 8  # level of compression: 9 makes the file 3 % smaller, and takes 20 s instead of 7
MODEL_BYTES = 512 * 2**20  # that a file may unpack to; the model that ships has 27 MB,
SCHEMA_BYTES = 8 * 2**20  # and its schema 42 kB; as objects, one takes up to twenty times its size
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


def save_model(model: Model, path: str | PathLike[str]) -> None:
    """Write the model file, whole or not at all.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    import skops.io

    document = {
        "format": FORMAT,
        "package": __version__,
        "scikit_learn": version("scikit-learn"),
        "recipe": RECIPE_VERSION,
        "fitted_on": model.fitted_on,
        "scores": dict(model.scores),
        "calibration": {name: list(weights) for name, weights in asdict(model.calibration).items()},
        "first": model.first,
        "svc": model.svc,
        "plain": model.plain,
        "axes": model.axes,
    }
    with whole_path(Path(path)) as part:
        part.write_bytes(skops.io.dumps(document, compression=zipfile.ZIP_DEFLATED, compresslevel=PACKED))


def load_model(path: str | PathLike[str] | None = None, *, bare: bool = False) -> Model:
    """Read a model file; without a path, the model that ships with the package.

    Nothing in the file is executed: its types are checked against `TRUSTED_TYPES` before one is built.

    Parameters
    ----------
    path : str or path or None
        The model file.
    bare : bool
        Take the classifiers' arrays only, in a tenth of the time: enough to read digits, without scikit-learn.

    Raises
    ------
    ModelError
        The file is missing, damaged, too large, of foreign types, or made for another format, scikit-learn or recipe.
    """
    path = shipped_model() if path is None else Path(path)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe would be waited for, and a device may have no end
            raise OSError(errno.EINVAL, "not a file")
        _check_size(status.st_size, MODEL_BYTES, path)
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"Cannot read the model {path}: {error.strerror}. Give a model file with --model.") from error
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            schema = _read_schema(archive, path)
            foreign = _named_types(schema) - TRUSTED_TYPES
            document = None if foreign else _read_arrays(schema, archive) if bare else _build(archive)
    except ModelError:
        raise
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
    model = _model(document, path)
    return model.bare() if bare else model


def is_model(path: Path) -> bool:
    """Tell whether a file is laid out as models are, of whatever format; nothing of it is unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            return SCHEMA in archive.namelist()
    except Exception:  # whatever a damaged archive makes zipfile raise
        return False


def shipped_model() -> Path:
    """Return the place of the model that ships with the package."""
    installed = Path(str(resources.files("digit_batch") / "data" / "digits.skops"))
    in_checkout = Path(__file__).parents[2] / "models" / "digits.skops"
    return installed if installed.exists() else in_checkout


def _read_schema(archive: zipfile.ZipFile, path: Path) -> Any:
    """Return the schema of an archive that is not larger than a model can be, whatever is read of it.

    Raises
    ------
    ModelError
        It is larger.
    """
    infos = archive.infolist()
    sizes = {info.filename: info.file_size for info in infos}  # of a name that is there twice, as it is read: the last
    _check_size(sum(info.file_size for info in infos), MODEL_BYTES, path)
    _check_size(sizes[SCHEMA], SCHEMA_BYTES, path)
    schema = json.loads(_read(archive, SCHEMA))
    named = (node.get("file") for node in _walk_schema(schema))  # what is named twice can be built twice
    _check_size(sum(sizes.get(name, 0) for name in named if isinstance(name, str)), MODEL_BYTES, path)
    return schema


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return a part of the archive, unpacked no further than it is declared to go, as `archive.read` would."""
    info = archive.getinfo(name)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError("packed in a way that has no limit in zipfile")
    with archive.open(info) as file:
        return file.read(info.file_size)


def _check_size(size: int, most: int, path: Path) -> None:
    if size > most:
        raise ModelError(
            f"The model {path} would unpack to more than {most >> 20} MB, which no model needs. "
            "Use only models made by `digit-batch train`."
        )


def _walk_schema(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield every dict in a schema, itself first."""
    queue = [schema]
    while queue:
        node = queue.pop()
        if isinstance(node, dict):
            yield node
            queue.extend(node.values())
        elif isinstance(node, list):
            queue.extend(node)


def _named_types(schema: Any) -> set[str]:
    """Return every type named in the archive's schema, without building any."""
    nodes = (node for node in _walk_schema(schema) if "__class__" in node and "__module__" in node)
    return {f"{node['__module__']}.{node['__class__']}" for node in nodes}


def _build(archive: zipfile.ZipFile) -> Any:
    """Return the document with everything in it built as it was saved."""
    import skops.io

    unpacked = io.BytesIO()  # skops reads with `archive.read`
    with zipfile.ZipFile(unpacked, "w") as plain:
        for name in dict.fromkeys(archive.namelist()):
            plain.writestr(name, _read(archive, name))
    return skops.io.loads(unpacked.getvalue(), trusted=[])


def _read_arrays(schema: dict[str, Any], archive: zipfile.ZipFile) -> Any:
    """Return the document with the arrays of its classifiers, and nothing built but numbers, texts and lists."""

    def read(node: dict[str, Any]) -> Any:
        kind = node["__loader__"]
        if kind == "JsonNode":
            return json.loads(node["content"])
        if kind == "NdArrayNode":
            return np.lib.format.read_array(io.BytesIO(_read(archive, node["file"])), allow_pickle=False)
        if kind in ("ListNode", "TupleNode"):
            return [read(item) for item in node["content"]]
        if kind == "DictNode":
            return {name: read(item) for name, item in node["content"].items()}
        if (node["__module__"], node["__class__"]) != ("sklearn.svm._classes", "SVC"):
            raise ValueError(f"{node['__class__']} where none is expected")
        parts = node["content"]["content"]
        places = {
            field.name: parts.get("_n_support" if field.name == "n_support_" else field.name)
            for field in fields(Arrays)
        }
        return Arrays(**{name: read(place) for name, place in places.items()}) if all(places.values()) else None

    return read(schema)


def _model(document: Any, path: Path) -> Model:
    """Check what a file claims, and build the model from it."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ModelError(f"The model {path} is not of format {FORMAT}. Train it again with `digit-batch train`.")
    for key, wanted, what in (
        ("scikit_learn", version("scikit-learn"), "scikit-learn"),
        ("recipe", RECIPE_VERSION, "feature recipe"),
    ):
        if document.get(key) != wanted:
            raise ModelError(
                f"The model {path} was made with {what} {document.get(key)}, and this is {what} {wanted}: its answers "
                f"would not be the same. Train it again with `digit-batch train`."
            )
    svc, first = document.get("svc"), document.get("first")
    axes = None if document.get("plain") else document.get("axes", ())
    seen = SIDE * SIDE if document.get("plain") else SEEN if axes is None else _count_axes(axes)
    if not (_is_whole(svc, seen) and (first is None or _is_whole(first, seen))):
        raise ModelError(f"The model {path} holds no fitted digit classifier. Train it again with `digit-batch train`.")
    try:
        weights = {name: _three(document["calibration"][name]) for name in ("first", "second")}
        return Model(
            svc,
            first,
            Calibration(**weights),
            str(document["fitted_on"]),
            dict(document["scores"]),
            bool(document["plain"]),
            axes,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"The model {path} lacks a part ({error}). Train it again with `digit-batch train`."
        ) from error


def _count_axes(axes: Any) -> int:
    """Return how many axes there are; 0, which no classifier fits, where they are none for `see_directions`."""
    whole = isinstance(axes, np.ndarray) and axes.dtype == np.float32 and axes.ndim == 2 and len(axes) == SEEN
    return axes.shape[1] if whole and np.isfinite(axes).all() else 0


def _three(weights: Any) -> tuple[float, float, float]:
    """Return three finite weights."""
    one, two, three = (float(weight) for weight in weights)
    if not np.isfinite([one, two, three]).all():
        raise ValueError("a weight of the confidence is no number")
    return one, two, three


def _is_whole(svc: Any, seen: int) -> bool:
    """Tell whether a classifier knows the digits, and its arrays fit each other and the numbers that it sees."""
    try:
        classes = len(svc.classes_)
        vectors, coefficients, count = svc.support_vectors_, svc.dual_coef_, svc.n_support_
        return bool(
            svc.kernel == "rbf"
            and classes in (CLASSES, STRANGER + 1)
            and list(svc.classes_) == list(range(classes))
            and count.shape == (classes,)
            and count.min() > 0  # libsvm leaves no class without one
            and vectors.shape == (int(count.sum()), seen)
            and seen > 0
            and coefficients.shape == (classes - 1, len(vectors))
            and svc.intercept_.shape == (classes * (classes - 1) // 2,)
            and all(np.isfinite(part).all() for part in (vectors, coefficients, svc.intercept_))
            and 0 < svc._gamma < np.inf
        )
    except (AttributeError, TypeError, ValueError):
        return False
