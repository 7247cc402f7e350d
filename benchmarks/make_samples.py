"""Make `samples/`: digits that the shipped model was not fitted on, drawn as scans.

    python benchmarks/make_samples.py [FOLDER]

Every file is drawn from its own seed, so that a new one changes no other, and a second run gives the same pictures.
"""

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import distance_transform_edt, gaussian_filter
from skimage.morphology import skeletonize
from sklearn.datasets import load_digits

from digit_batch.paper import KINDS, Kind, draw_scan_with_truth

SAMPLES = Path(__file__).parent.parent / "samples"
ROWS = range(1697, 1797)  # of load_digits(): the last hundred, which the shipped model is not fitted on
SEED = 8
DIGITS = load_digits()
LOOPED = {6, 8, 9}
LEVELS = 16  # a count of the data set is 0..16
CELLS = 10  # 8 counts and an empty one on each side
SIDE = 16 * CELLS  # px, the bitmap a stroke is found in; its digit is 128 high
HALF_STROKE = 11.4  # px: the set's strokes are about 5.7 px wide where a digit is 32 high
ROUNDS = 30  # of back-projection; the counts then agree to 0.005 of a full block on average

# What a hundred labelled scans are drawn on, in turn. Left out are the two kinds whose digit may not all be there.
LABELLED_KINDS = tuple(name for name in KINDS if name not in {"tiny", "cut-off"})


@dataclass(frozen=True)
class Sample:
    """A file of `samples/scans`: what it is drawn on, and how it is stored (None for the kind's own way)."""

    path: str
    kind: str
    mode: str = "as drawn"
    pages: int = 1


SCANS = (
    *(Sample(f"post/{number}.png", "flatbed") for number in range(1, 4)),
    *(Sample(f"post/{number}.jpg", "cream-card") for number in range(4, 7)),
    *(Sample(f"post/{number}.png", "fax", "1") for number in range(7, 10)),
    *(Sample(f"post/{number}.jpg", "legal-pad") for number in range(10, 13)),
    Sample("post/blank.png", "flatbed", "blank"),
    Sample("puzzle/phone/newsprint 1.jpg", "newsprint"),
    Sample("puzzle/phone/newsprint 2.jpg", "newsprint"),
    Sample("puzzle/phone/newsprint 3.jpg", "newsprint-tint"),
    Sample("puzzle/phone/turned by EXIF.jpg", "newsprint", "exif"),
    Sample("puzzle/phone/shadow.jpg", "photo"),
    Sample("puzzle/phone/shadow.webp", "photo"),
    Sample("forms March/felt.png", "felt-table"),
    Sample("forms March/felt.bmp", "felt-table"),
    Sample("forms March/box.png", "box", "P"),
    Sample("forms March/box.gif", "box", "P"),
    Sample("forms March/three pages.tif", "box", "L", pages=3),
    Sample("forms March/page.tiff", "fax", "1"),
    Sample("school/pencil.jpg", "pencil", "L"),
    Sample("school/pencil.pgm", "pencil", "L"),
    Sample("school/graph.png", "graph", "RGBA"),
    Sample("school/graph.ppm", "graph"),
    Sample("school/chalk.jpg", "chalk"),
    Sample("school/chalk.png", "chalk", "L"),
    Sample("depths/16 bit.png", "flatbed", "I;16"),
    Sample("depths/16 bit.tif", "flatbed", "I;16"),
    Sample("depths/grey and alpha.png", "flatbed", "LA"),
    Sample("depths/ink on nothing.png", "tablet-white", "transparent"),
    Sample("depths/cmyk.jpg", "cream-card", "CMYK"),
    Sample("tablet/black on white.png", "tablet-white"),
    Sample("tablet/white on black.png", "tablet-black"),
    Sample("tablet/28x28.png", "mnist"),
    Sample("tablet/tiny.png", "tiny"),
    Sample("tablet/cut off.jpg", "cut-off"),
)


def restore_bitmap(counts: NDArray[np.float32]) -> NDArray[np.float32]:
    """Enlarge 8x8 counts to a smooth bitmap, 160x160, that gives about the same counts again.

    A plain enlargement cut at half closes the loops of eights and opens zeros: thin gaps and thin strokes count
    little in their block. So what the counts still miss is added to the level until they agree (back-projection).
    """
    level = enlarge(counts)
    for _ in range(ROUNDS):
        bitmap = 1 / (1 + np.exp(-12 * (gaussian_filter(level, 3) - 0.5)))
        missing = counts - bitmap.reshape(CELLS, SIDE // CELLS, CELLS, SIDE // CELLS).mean(axis=(1, 3))
        level = level + enlarge(missing.astype(np.float32))
    return np.asarray(bitmap, dtype=np.float32)


def enlarge(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """Resample cells to the side of a bitmap."""
    return np.asarray(Image.fromarray(cells).resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def draw_stroke(rng: np.random.Generator, row: int, width: tuple[float, float]) -> NDArray[np.float32]:
    """Turn an 8x8 digit into the tight crop of a smooth pen stroke, slanted a little.

    Another pen goes along the middle of the stroke. A loop that ran full of ink stays full: without it nobody could
    tell what the digit is. The data set widened its ones to 19 px of 32, hooks and all: they get a plain stroke back.
    """
    digit, label = DIGITS.images[row], DIGITS.target[row]
    bitmap = restore_bitmap(np.pad(digit / LEVELS, 1).astype(np.float32)) > 0.5
    middle = skeletonize(gaussian_filter(bitmap.astype(np.float32), 7) > 0.5 if label == 1 else bitmap)
    rows = np.flatnonzero(middle.any(axis=1))
    reach = rng.uniform(*width) * (rows[-1] - rows[0] + 1) / 2
    line = reach - distance_transform_edt(~middle)
    if label in LOOPED:
        line = np.maximum(line, distance_transform_edt(bitmap) - max(0, 1.15 * HALF_STROKE - reach))
    pen = Image.fromarray(np.clip(line + 0.5, 0, 1).astype(np.float32))
    slant, centre = rng.normal(0, 0.12), SIDE / 2
    slanted = pen.transform(
        (SIDE, SIDE), Image.Transform.AFFINE, (1, slant, -slant * centre, 0, 1, 0), Image.Resampling.BICUBIC
    )
    ink = np.clip(gaussian_filter(np.asarray(slanted), 1.5) * 2 - 0.5, 0, 1).astype(np.float32)
    rows, columns = np.flatnonzero(ink.max(axis=1) > 0.1), np.flatnonzero(ink.max(axis=0) > 0.1)
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def fit_to_sample(kind: Kind) -> Kind:
    """Keep files small: no frame over 200 px, and no pen thinner than an enlarged 8x8 digit can be drawn with."""
    thinnest, thickest = np.clip(kind.stroke, 0.045, 0.2)
    side = (min(kind.side[0], 90.0), min(kind.side[1], 170.0))
    return replace(kind, side=side, stroke=(float(thinnest), float(max(thickest, 0.06))))


def store(picture: NDArray[np.uint8], mask: NDArray[np.float32], mode: str) -> Image.Image:
    """Change a drawn picture into a stored one of another depth."""
    image = Image.fromarray(picture)
    if mode == "I;16":
        return Image.fromarray(picture.astype(np.uint16) * 257)
    if mode == "transparent":
        alpha = (mask * 255).astype(np.uint8)
        return Image.fromarray(np.dstack([np.zeros((*alpha.shape, 3), np.uint8), alpha]))
    if mode == "P":
        return image.quantize(32, method=Image.Quantize.MEDIANCUT)
    if mode == "exif":
        return image.transpose(Image.Transpose.ROTATE_90)  # upright again by the orientation that `save` writes
    return image if mode in {"as drawn", "blank"} else image.convert(mode)


def save(pages: list[Image.Image], path: Path, mode: str) -> None:
    """Write one file with the settings of its format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    suffix = path.suffix.lower()
    if suffix in {".tif", ".tiff"}:
        packing = "group4" if mode == "1" else "tiff_adobe_deflate"
        pages[0].save(path, save_all=True, append_images=pages[1:], compression=packing)
    elif suffix == ".jpg" and mode == "exif":
        exif = Image.Exif()
        exif[0x0112] = 6  # Orientation: turn right by 90 degrees to view
        pages[0].save(path, quality=85, exif=exif)
    elif suffix in {".jpg", ".webp"}:
        pages[0].save(path, quality=85)
    else:
        pages[0].save(path)


def make_scans(folder: Path) -> None:
    """Make the unlabelled samples."""
    rows = iter(np.random.default_rng(SEED).permutation(ROWS))
    for number, sample in enumerate(SCANS):
        rng = np.random.default_rng([SEED, 0, number])
        kind = fit_to_sample(KINDS[sample.kind])
        pages = []
        for _ in range(sample.pages):
            ink = draw_stroke(rng, next(rows), kind.stroke)
            picture, mask = draw_scan_with_truth(rng, ink * (sample.mode != "blank"), kind)
            pages.append(store(picture, mask, sample.mode))
        save(pages, folder / sample.path, sample.mode)


def list_labelled() -> Iterator[tuple[str, int, str]]:
    """Yield path, row and kind of every labelled sample."""
    for number, row in enumerate(ROWS):
        kind = LABELLED_KINDS[number % len(LABELLED_KINDS)]
        suffix = "jpg" if KINDS[kind].jpeg else "png"
        yield f"{DIGITS.target[row]}/{row}-{kind}.{suffix}", row, kind


def make_labelled(folder: Path) -> None:
    """Make the labelled samples, a hundred in folders 0 to 9."""
    for path, row, name in list_labelled():
        rng = np.random.default_rng([SEED, 1, row])
        kind = fit_to_sample(KINDS[name])
        picture, mask = draw_scan_with_truth(rng, draw_stroke(rng, row, kind.stroke), kind)
        mode = "1" if kind.threshold else "as drawn"
        save([store(picture, mask, mode)], folder / path, mode)


def make_samples(folder: Path) -> None:
    """Make both folders anew."""
    for name, make in (("scans", make_scans), ("labelled", make_labelled)):
        shutil.rmtree(folder / name, ignore_errors=True)
        make(folder / name)


if __name__ == "__main__":
    make_samples(Path(sys.argv[1]) if sys.argv[1:] else SAMPLES)
