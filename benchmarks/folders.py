"""Folders of scans to measure on, made afresh from scikit-learn's digits; nothing is downloaded and nothing is kept."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits

from digit_batch.paper import KINDS, Kind, draw_scan

FILES_A_FOLDER = 1_000
JPEG_QUALITY = 85


@dataclass(frozen=True)
class FolderKind:
    """A folder of scans of one sort.

    Attributes
    ----------
    name : str
        Of the folder.
    about : str
        What is in it, in words.
    kinds : sequence of Kind
        What the digits are drawn on, in turn.
    suffixes : sequence of str
        The formats, in turn; after each round of `kinds` the next.
    files : int
        How many there are.
    drawn : int
        How many different ones are drawn; the files repeat them, because drawing costs more than reading.
    """

    name: str
    about: str
    kinds: Sequence[Kind]
    suffixes: Sequence[str]
    files: int
    drawn: int


def _at_size(name: str, width: int, height: int, fill: tuple[float, float]) -> Kind:
    """Return a kind of scan at a fixed frame, px; `fill` is the digit's share of the frame."""
    return replace(KINDS[name], side=(height, height), aspect=(width / height, width / height), fill=fill, jpeg=None)


SMALL = FolderKind("small", "28x28, PNG", (KINDS["mnist"],), (".png",), files=20_000, drawn=2_000)
CROPS = FolderKind(
    "crops",
    "300x400, PNG and JPEG",
    (_at_size("flatbed", 300, 400, (0.5, 0.85)), _at_size("legal-pad", 300, 400, (0.5, 0.85))),
    (".png", ".jpg"),
    files=2_000,
    drawn=200,
)
PAGES = FolderKind(
    "pages",
    "A4 at 300 dpi, JPEG",
    (_at_size("cream-card", 2_480, 3_508, (0.15, 0.4)),),
    (".jpg",),
    files=100,
    drawn=5,
)


def make_folder(root: Path, kind: FolderKind, *, files: int | None = None, seed: int = 0) -> Path:
    """Make one folder of scans, in subfolders of `FILES_A_FOLDER`.

    Parameters
    ----------
    root : Path
        Where it is made.
    kind : FolderKind
        What is made.
    files : int, optional
        Fewer or more than the kind says.
    seed : int
        The same seed makes the same bytes.

    Returns
    -------
    Path
        The folder.
    """
    count = kind.files if files is None else files
    encoded = _draw_files(kind, min(kind.drawn, count), np.random.default_rng(seed))
    for place, (suffix, data) in enumerate(islice(cycle(encoded), count)):
        folder = root / kind.name / f"{place // FILES_A_FOLDER:03}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{place:06}{suffix}").write_bytes(data)
    return root / kind.name


def make_photo(side: int, *, seed: int = 0) -> NDArray[np.uint8]:
    """Draw one colour photo of a digit, (side, side, 3)."""
    kind = _at_size("photo", side, side, KINDS["photo"].fill)
    return draw_scan(np.random.default_rng(seed), _amounts()(0), kind)


def _draw_files(kind: FolderKind, count: int, rng: np.random.Generator) -> list[tuple[str, bytes]]:
    amount = _amounts()
    files = []
    for place in range(count):
        suffix = kind.suffixes[place // len(kind.kinds) % len(kind.suffixes)]
        picture = draw_scan(rng, amount(place), kind.kinds[place % len(kind.kinds)])
        files.append((suffix, _encode(picture, suffix)))
    return files


def _amounts() -> Callable[[int], NDArray[np.float32]]:
    """Return what gives the ink of scikit-learn's digits, in turn, enlarged to their first 32x32."""
    images = load_digits().images
    blocks = np.ones((4, 4), np.float32)
    return lambda place: np.kron(images[place % len(images)] / 16, blocks).astype(np.float32)


def _encode(picture: NDArray[np.uint8], suffix: str) -> bytes:
    buffer = io.BytesIO()
    if suffix == ".jpg":
        Image.fromarray(picture).save(buffer, "JPEG", quality=JPEG_QUALITY, dpi=(300, 300))
    else:
        Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()
