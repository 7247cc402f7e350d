"""Every kind of image file gives the same digit as its plain grey twin."""

import numpy as np
import pytest
from conftest import read_rows
from pictures import PAPER, digit_ink, digit_page, save
from PIL import Image, ImageOps

DIGITS = (2, 4, 7)  # each reads otherwise, or not at all, when it lies on its side or is mirrored


def with_alpha(row, ink, *, ground=None):
    """Ink of one tone on transparency, or the whole page opaque when a ground is given."""
    if ground is not None:
        return Image.merge("LA", [digit_page(row), Image.new("L", digit_page(row).size, 255)])
    return Image.merge("LA", [Image.new("L", digit_ink(row).size, ink), digit_ink(row)])


def deep(row, *, top=65535):
    """16 bits a pixel, of which the lowest and highest are used."""
    return Image.fromarray(np.round(np.asarray(digit_page(row)) / 255 * top).astype(np.uint16))


def coloured(row, ink=(30, 60, 160), paper=(245, 238, 214)):
    """Blue ink on cream paper."""
    return ImageOps.colorize(digit_ink(row), paper, ink)


def turned(row, orientation):
    """A page that lies so that this EXIF orientation turns it upright."""
    undo = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    return digit_page(row) if undo is None else digit_page(row).transpose(undo)


def exif(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


KINDS = {
    "grey.png": lambda row: (digit_page(row), {}),
    "1-bit.png": lambda row: (digit_page(row).convert("1", dither=Image.Dither.NONE), {}),
    "1-bit.tif": lambda row: (digit_page(row).convert("1", dither=Image.Dither.NONE), {"compression": "group4"}),
    "1-bit.pbm": lambda row: (digit_page(row).convert("1", dither=Image.Dither.NONE), {}),
    "16-bit.png": lambda row: (deep(row), {}),
    "16-bit.tif": lambda row: (deep(row), {}),
    "16-bit.pgm": lambda row: (deep(row), {}),
    "12-bit-in-16.tif": lambda row: (deep(row, top=4095), {}),
    "float.tif": lambda row: (Image.fromarray(np.asarray(digit_page(row), np.float32) / 255), {}),
    "palette.png": lambda row: (coloured(row).quantize(16), {}),
    "palette.bmp": lambda row: (coloured(row).quantize(16), {}),
    "palette.gif": lambda row: (coloured(row).quantize(16), {}),
    "palette-with-transparent-paper.png": lambda row: (
        digit_page(row).point(lambda grey: 1 if grey < 128 else 0).convert("L"),
        {"palette": True},
    ),
    "grey-alpha.png": lambda row: (with_alpha(row, 0, ground=PAPER), {}),
    "black-ink-on-transparency.png": lambda row: (with_alpha(row, 0), {}),
    "white-ink-on-transparency.png": lambda row: (with_alpha(row, 255), {}),
    "black-ink-on-transparency-rgba.png": lambda row: (with_alpha(row, 0).convert("RGBA"), {}),
    "black-ink-on-transparency.webp": lambda row: (with_alpha(row, 0).convert("RGBA"), {"lossless": True}),
    "opaque-rgba.png": lambda row: (coloured(row).convert("RGBA"), {}),
    "rgb.png": lambda row: (coloured(row), {}),
    "white-on-black.png": lambda row: (digit_ink(row), {}),
    "cmyk.jpg": lambda row: (coloured(row).convert("CMYK"), {"quality": 95}),
    "cmyk.tif": lambda row: (coloured(row).convert("CMYK"), {}),
    "grey.jpg": lambda row: (digit_page(row), {"quality": 90}),
    "rgb.jpeg": lambda row: (coloured(row), {"quality": 90, "progressive": True}),
    "lzw.tiff": lambda row: (digit_page(row), {"compression": "tiff_lzw"}),
    "deflate.tiff": lambda row: (coloured(row), {"compression": "tiff_adobe_deflate"}),
    "jpeg.tif": lambda row: (coloured(row), {"compression": "jpeg"}),
    "grey.bmp": lambda row: (digit_page(row), {}),
    "rgb.bmp": lambda row: (coloured(row), {}),
    "grey.gif": lambda row: (digit_page(row), {}),
    "grey.webp": lambda row: (coloured(row), {"quality": 90}),
    "grey.pgm": lambda row: (digit_page(row), {}),
    "rgb.ppm": lambda row: (coloured(row), {}),
    **{
        f"exif-{orientation}.{kind}": lambda row, o=orientation: (turned(row, o), {"exif": exif(o)})
        for orientation in range(1, 9)
        for kind in ("jpg", "png", "tif")
    },
}


def write(folder, name, row):
    picture, options = KINDS[name](row)
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


def test_a_page_turned_without_saying_so_does_not_read_the_same(rows_of, tmp_path):
    """So that the test above proves that the orientation is heeded."""
    for orientation in (3, 6, 8):
        for digit in DIGITS:
            save(turned(digit, orientation), tmp_path / f"{digit}-{orientation}.png")
    right = [row["label"] == row["path"].rpartition("/")[2][0] for row in rows_of(tmp_path)]
    assert sum(right) <= 3


def test_polarity_can_be_told(rows_of, tmp_path):
    save(digit_ink(7), tmp_path / "7.png")
    (told,) = rows_of(tmp_path, "--polarity", "light")
    assert told["label"] == "7"
    (wrong,) = rows_of(tmp_path, "--polarity", "dark")
    assert (wrong["label"], wrong["status"]) != ("7", "ok")
