"""Every kind of image file gives the same digit as its plain grey twin."""

import numpy as np
import pytest
from conftest import read_rows
from pictures import PAPER, TURNS, digit_ink, digit_page, save
from PIL import Image, ImageOps

DIGITS = (2, 4, 7)  # each reads otherwise, or not at all, when it lies on its side or is mirrored


def with_alpha(digit, ink, *, ground=None):
    """Ink of one tone on transparency, or the whole page opaque when a ground is given."""
    if ground is not None:
        return Image.merge("LA", [digit_page(digit), Image.new("L", digit_page(digit).size, 255)])
    return Image.merge("LA", [Image.new("L", digit_ink(digit).size, ink), digit_ink(digit)])


def deep(digit, *, top=65535):
    """16 bits a pixel, of which the lowest and highest are used."""
    return Image.fromarray(np.round(np.asarray(digit_page(digit)) / 255 * top).astype(np.uint16))


def coloured(digit, ink=(30, 60, 160), paper=(245, 238, 214)):
    """Blue ink on cream paper."""
    return ImageOps.colorize(digit_ink(digit), paper, ink)


def turned(digit, orientation):
    """A page that lies so that this EXIF orientation turns it upright."""
    undo = TURNS.get(orientation)
    return digit_page(digit) if undo is None else digit_page(digit).transpose(undo)


def exif(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


KINDS = {
    "grey.png": lambda digit: (digit_page(digit), {}),
    "1-bit.png": lambda digit: (digit_page(digit).convert("1", dither=Image.Dither.NONE), {}),
    "1-bit.tif": lambda digit: (digit_page(digit).convert("1", dither=Image.Dither.NONE), {"compression": "group4"}),
    "1-bit.pbm": lambda digit: (digit_page(digit).convert("1", dither=Image.Dither.NONE), {}),
    "16-bit.png": lambda digit: (deep(digit), {}),
    "16-bit.tif": lambda digit: (deep(digit), {}),
    "16-bit.pgm": lambda digit: (deep(digit), {}),
    "12-bit-in-16.tif": lambda digit: (deep(digit, top=4095), {}),
    "float.tif": lambda digit: (Image.fromarray(np.asarray(digit_page(digit), np.float32) / 255), {}),
    "palette.png": lambda digit: (coloured(digit).quantize(16), {}),
    "palette.bmp": lambda digit: (coloured(digit).quantize(16), {}),
    "palette.gif": lambda digit: (coloured(digit).quantize(16), {}),
    "palette-with-transparent-paper.png": lambda digit: (
        digit_page(digit).point(lambda grey: 1 if grey < 128 else 0).convert("L"),
        {"palette": True},
    ),
    "grey-alpha.png": lambda digit: (with_alpha(digit, 0, ground=PAPER), {}),
    "black-ink-on-transparency.png": lambda digit: (with_alpha(digit, 0), {}),
    "white-ink-on-transparency.png": lambda digit: (with_alpha(digit, 255), {}),
    "black-ink-on-transparency-rgba.png": lambda digit: (with_alpha(digit, 0).convert("RGBA"), {}),
    "black-ink-on-transparency.webp": lambda digit: (with_alpha(digit, 0).convert("RGBA"), {"lossless": True}),
    "opaque-rgba.png": lambda digit: (coloured(digit).convert("RGBA"), {}),
    "rgb.png": lambda digit: (coloured(digit), {}),
    "white-on-black.png": lambda digit: (digit_ink(digit), {}),
    "cmyk.jpg": lambda digit: (coloured(digit).convert("CMYK"), {"quality": 95}),
    "cmyk.tif": lambda digit: (coloured(digit).convert("CMYK"), {}),
    "grey.jpg": lambda digit: (digit_page(digit), {"quality": 90}),
    "rgb.jpeg": lambda digit: (coloured(digit), {"quality": 90, "progressive": True}),
    "lzw.tiff": lambda digit: (digit_page(digit), {"compression": "tiff_lzw"}),
    "deflate.tiff": lambda digit: (coloured(digit), {"compression": "tiff_adobe_deflate"}),
    "jpeg.tif": lambda digit: (coloured(digit), {"compression": "jpeg"}),
    "grey.bmp": lambda digit: (digit_page(digit), {}),
    "rgb.bmp": lambda digit: (coloured(digit), {}),
    "grey.gif": lambda digit: (digit_page(digit), {}),
    "grey.webp": lambda digit: (coloured(digit), {"quality": 90}),
    "grey.pgm": lambda digit: (digit_page(digit), {}),
    "rgb.ppm": lambda digit: (coloured(digit), {}),
    **{
        f"exif-{orientation}.{kind}": lambda digit, o=orientation: (turned(digit, o), {"exif": exif(o)})
        for orientation in range(1, 9)
        for kind in ("jpg", "png", "tif")
    },
}


def write(folder, name, digit):
    picture, options = KINDS[name](digit)
    if options.pop("palette", False):
        picture = picture.convert("P")
        picture.putpalette([255, 255, 255, 10, 10, 10])
        options["transparency"] = 0
    save(picture, folder / name, **options)


@pytest.fixture(scope="module")
def labels(run, tmp_path_factory):
    """The label of every kind of file of every digit, read in one run."""
    folder = tmp_path_factory.mktemp("formats")
    for digit in DIGITS:
        for name in KINDS:
            write(folder / str(digit), name, digit)
    rows = read_rows(run("classify", folder, "-o", "-", "--jobs", 1).stdout)
    assert len(rows) == len(DIGITS) * len(KINDS)
    return {tuple(row["path"].split("/")[-2:]): row["label"] or row["reason"] for row in rows}


@pytest.mark.parametrize("name", KINDS)
def test_it_gives_the_same_digit_as_its_grey_twin(labels, name):
    for digit in DIGITS:
        assert labels[str(digit), "grey.png"] == str(digit)
        assert labels[str(digit), name] == str(digit)


def test_no_orientation_reads_well_unheeded(rows_of, tmp_path):
    """So that the test above proves that each of them is heeded."""
    for orientation in range(2, 9):
        for digit in DIGITS:
            save(turned(digit, orientation), tmp_path / str(orientation) / f"{digit}.png")
    wrong = [row["path"].split("/")[-2] for row in rows_of(tmp_path) if row["label"] != row["path"][-5]]
    assert set(wrong) == set("2345678")


def test_polarity_can_be_told(rows_of, tmp_path):
    save(digit_ink(7), tmp_path / "7.png")
    (told,) = rows_of(tmp_path, "--polarity", "light")
    assert told["label"] == "7"
    (wrong,) = rows_of(tmp_path, "--polarity", "dark")
    assert (wrong["label"], wrong["status"]) != ("7", "ok")
