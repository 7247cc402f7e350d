"""Reading one file: every kind of pixel comes out as its plain grey twin, and every trouble as a reason."""

import io
import os
import pickle
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from digit_batch.images import Frame, Limits, Source, Unreadable, pixels, read_frames
from digit_batch.images.quick import read_plain_png


def draw_twin() -> np.ndarray:
    """Draw a dark seven on white paper, every level of grey in it, 40 x 28 so that no turn goes unseen."""
    image = Image.new("L", (28, 40), 255)
    ImageDraw.Draw(image).line([(6, 8), (21, 8), (12, 33)], fill=20, width=4)
    grey = np.asarray(image).copy()
    grey[36:38, :] = np.linspace(0, 255, 28, dtype=np.uint8)
    return grey


TWIN = draw_twin()
GREY = Image.fromarray(TWIN)
INK = Image.fromarray(255 - TWIN)  # opaque where the twin is dark


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def read(folder: Path, data: bytes, limits: Limits = Limits(), name: str = "a.png") -> list[Frame | Unreadable]:
    path = folder / name
    path.write_bytes(data)
    return list(read_frames(Source(name, str(path)), limits))


def read_grey(folder: Path, data: bytes, limits: Limits = Limits()) -> np.ndarray:
    [frame] = read(folder, data, limits)
    assert isinstance(frame, Frame), frame
    assert frame.pixels.dtype == np.uint8
    assert frame.pixels.flags.c_contiguous
    grey = frame.pixels if frame.pixels.ndim == 2 else frame.pixels.mean(axis=2)
    return np.asarray(grey, dtype=int)


def with_alpha(colour: tuple[int, int, int], mode: str = "RGBA") -> Image.Image:
    image = Image.new("RGB", GREY.size, colour)
    image.putalpha(INK)
    return image.convert(mode)


DEEP = TWIN.astype(np.uint16)
PALETTE = GREY.convert("P")
CASES = {
    "grey png": (encode(GREY, "PNG"), 0),
    "grey tiff": (encode(GREY, "TIFF"), 0),
    "packed tiff": (encode(GREY, "TIFF", compression="tiff_lzw"), 0),
    "grey bmp": (encode(GREY, "BMP"), 0),
    "dib": (encode(GREY, "DIB"), 0),
    "gif": (encode(GREY, "GIF"), 0),
    "pgm": (encode(GREY, "PPM"), 0),
    "ppm": (encode(GREY.convert("RGB"), "PPM"), 0),
    "webp": (encode(GREY.convert("RGB"), "WEBP", lossless=True), 0),
    "jpeg": (encode(GREY, "JPEG", quality=100), 3),
    "colour jpeg": (encode(GREY.convert("RGB"), "JPEG", quality=100), 3),
    "colour png": (encode(GREY.convert("RGB"), "PNG"), 0),
    "palette": (encode(PALETTE, "PNG"), 0),
    "grey and opaque": (encode(GREY.convert("LA"), "PNG"), 0),
    "colour and opaque": (encode(GREY.convert("RGBA"), "PNG"), 0),
    "16-bit png": (encode(Image.fromarray(DEEP * 257), "PNG"), 0),
    "16-bit tiff": (encode(Image.fromarray(DEEP * 257), "TIFF"), 0),
    "12 bits in a 16-bit tiff": (encode(Image.fromarray(DEEP * 16), "TIFF"), 0),
    "32-bit tiff": (encode(Image.fromarray(DEEP.astype(np.int32) * 257), "TIFF"), 0),
    "float tiff 0..1": (encode(Image.fromarray((TWIN / 255).astype(np.float32)), "TIFF"), 1),
    "float tiff 0..255": (encode(Image.fromarray(TWIN.astype(np.float32)), "TIFF"), 0),
    "16-bit pgm": (b"P5 28 40 65535\n" + (DEEP * 257).astype(">u2").tobytes(), 0),
    "plain pgm": (b"P2 28 40 255\n" + b" ".join(b"%d" % v for v in TWIN.ravel()), 0),
    "cmyk tiff": (encode(GREY.convert("CMYK"), "TIFF"), 1),
    "cmyk jpeg": (encode(GREY.convert("CMYK"), "JPEG", quality=100), 4),
    "ycbcr tiff": (encode(GREY.convert("YCbCr"), "TIFF"), 2),
    "lab tiff": (encode(Image.merge("LAB", [GREY] * 3), "TIFF"), 0),
    "black ink on nothing": (encode(with_alpha((0, 0, 0)), "PNG"), 1),
    "black ink on nothing, grey": (encode(with_alpha((0, 0, 0), "LA"), "PNG"), 1),
    "black ink on nothing, webp": (encode(with_alpha((0, 0, 0)), "WEBP", lossless=True), 1),
}


@pytest.mark.parametrize("case", CASES)
def test_every_kind_of_pixel_gives_its_grey_twin(case: str, tmp_path: Path) -> None:
    data, tolerance = CASES[case]
    assert np.abs(read_grey(tmp_path, data) - TWIN).max() <= tolerance


def test_one_bit_pictures_keep_their_ink(tmp_path: Path) -> None:
    bilevel = GREY.point(lambda value: 255 * (value > 127)).convert("1")
    for kind in ("PNG", "TIFF", "BMP", "PPM"):
        assert np.array_equal(read_grey(tmp_path, encode(bilevel, kind)), np.where(TWIN > 127, 255, 0)), kind


def test_white_ink_on_nothing_is_laid_on_black(tmp_path: Path) -> None:
    assert np.abs(read_grey(tmp_path, encode(with_alpha((255, 255, 255)), "PNG")) - (255 - TWIN)).max() <= 1


def test_palette_with_one_transparent_colour_is_laid_on_white(tmp_path: Path) -> None:
    palette = Image.fromarray((TWIN < 128).astype(np.uint8)).convert("P")
    palette.putpalette([0, 0, 0, 0, 0, 0])  # black on transparent black: all black to who ignores the alpha
    grey = read_grey(tmp_path, encode(palette, "PNG", transparency=0))
    assert np.array_equal(grey, np.where(TWIN < 128, 0, 255))


def test_transparent_corners_of_turned_paper_become_paper(tmp_path: Path) -> None:
    paper = Image.new("RGBA", (60, 60), (0, 0, 0, 0))
    paper.paste(Image.new("RGBA", (52, 52), (230, 230, 220, 255)), (4, 4))
    ImageDraw.Draw(paper).line([(20, 15), (40, 15), (28, 45)], fill=(30, 30, 60, 255), width=6)
    [frame] = read(tmp_path, encode(paper, "PNG"))
    assert isinstance(frame, Frame)
    assert frame.pixels[0, 0].min() >= 220


def test_sixteen_bit_tiff_that_counts_from_white_is_turned(tmp_path: Path) -> None:
    data = encode(Image.fromarray((255 - DEEP) * 257), "TIFF", tiffinfo={262: 0})
    assert np.array_equal(read_grey(tmp_path, data), TWIN)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_every_picture_upright(kind: str, orientation: int, tmp_path: Path) -> None:
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transposition that the tag's reader must undo
    stored = GREY if orientation == 1 else GREY.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"JPEG": {"quality": 100}, "WEBP": {"lossless": True}}.get(kind, {})
    image = stored.convert("RGB") if kind == "WEBP" else stored
    grey = read_grey(tmp_path, encode(image, kind, exif=exif, **options))
    assert grey.shape == TWIN.shape
    assert np.abs(grey - TWIN).max() <= 3


def test_broken_exif_does_not_cost_the_picture(tmp_path: Path) -> None:
    data = encode(GREY, "JPEG", quality=100, exif=b"Exif\0\0MM\0\x2a\xff\xff\xff\xff")
    assert np.abs(read_grey(tmp_path, data) - TWIN).max() <= 3


def test_every_page_and_frame_is_an_item(tmp_path: Path) -> None:
    pages = [Image.fromarray(np.roll(TWIN, 5 * n, axis=1)) for n in range(3)]
    for kind in ("TIFF", "GIF", "PNG"):
        items = read(tmp_path, encode(pages[0], kind, save_all=True, append_images=pages[1:]))
        assert [item.index for item in items] == [0, 1, 2], kind
        for item, page in zip(items, pages, strict=True):
            assert isinstance(item, Frame)
            grey = item.pixels if item.pixels.ndim == 2 else item.pixels[:, :, 0]
            assert np.array_equal(grey, np.asarray(page)), kind


def test_a_broken_page_costs_only_itself(tmp_path: Path) -> None:
    pages = [GREY, GREY, GREY]
    data = encode(GREY, "TIFF", compression="tiff_adobe_deflate", save_all=True, append_images=pages[1:])
    packed = zlib.compress(TWIN.tobytes())[:2]
    second = data.index(packed, data.index(packed) + 1)
    items = read(tmp_path, data[:second] + b"\xff" * 20 + data[second + 20 :], name="a.tif")
    assert [type(item) for item in items] == [Frame, Unreadable, Frame]
    assert [item.index for item in items] == [0, 1, 2]


def test_frames_past_the_limit_are_one_row_that_says_so(tmp_path: Path) -> None:
    data = encode(GREY, "TIFF", save_all=True, append_images=[GREY] * 4)
    items = read(tmp_path, data, Limits(max_frames=2))
    assert items[2:] == [Unreadable(2, "more than 2 frames: the rest were not read")]


def test_the_reason_of_many_frames_has_no_comma(tmp_path: Path) -> None:
    """Which would put its cell of the CSV in quotes."""
    pages = [Image.new("1", (1, 1))] * 1_001
    pages[0].save(tmp_path / "many.tif", save_all=True, append_images=pages[1:])
    *_, last = read_frames(Source("many.tif", str(tmp_path / "many.tif")))
    assert last == Unreadable(1_000, "more than 1000 frames: the rest were not read")


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n(/tmp/x) (w) file\n"
REASONS = {
    "empty": (b"", "empty file"),
    "text": (b"1,2,3\nfour\n", "not an image: text file"),
    "text in UTF-16": ("seven".encode("utf-16"), "not an image: text file"),
    "eps": (EPS, "not an image: PostScript file"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3", "not an image: PDF document"),
    "zip": (b"PK\x03\x04\x14\0", "not an image: zip archive or office document"),
    "zeros": (bytes(4096), "not an image: only zero bytes"),
    "html": (b"<!DOCTYPE html><html>404", "not an image: web page"),
    "noise": (bytes(range(128, 256)), "not an image: unknown content"),
    "bomb": (
        b"BM" + bytes(12) + b"\x28\0\0\0" + b"\x40\x9c\0\0" * 2 + b"\1\0\x18\0" + bytes(24),
        "too many pixels: 40 000 x 40 000",
    ),
    "cut bmp": (encode(GREY, "BMP")[:-203], "truncated file: 203 bytes short"),
    "cut pgm": (encode(GREY, "PPM")[:-7], "truncated file: 7 bytes short"),
    "cut png": (encode(GREY, "PNG")[:-60], "truncated file: at least 60 bytes short"),
    "cut jpeg": (encode(GREY, "JPEG")[:-200], "truncated file"),
    "cut webp": (encode(GREY.convert("RGB"), "WEBP", lossless=True)[:-50], "truncated file: 50 bytes short"),
    "cut moving webp": (
        encode(GREY.convert("RGB"), "WEBP", save_all=True, append_images=[Image.fromarray(255 - TWIN)])[:-50],
        "truncated file: 50 bytes short",
    ),
    "webp that is whole but broken": (b"RIFF\x14\0\0\0WEBPVP8 " + bytes(12), "damaged WEBP file"),
    "png of nothing": (b"\x89PNG\r\n\x1a\n", "damaged PNG file"),
}


@pytest.mark.parametrize("case", REASONS)
def test_what_cannot_be_read_says_why(case: str, tmp_path: Path) -> None:
    data, reason = REASONS[case]
    assert read(tmp_path, data) == [Unreadable(0, reason)]


SMALL_FILES = {
    "png": encode(GREY, "PNG"),
    "rgba": encode(with_alpha((9, 9, 9)), "PNG"),
    "palette": encode(PALETTE, "PNG"),
    "jpeg": encode(GREY.convert("RGB"), "JPEG"),
    "progressive": encode(GREY, "JPEG", progressive=True),
    "tiff": encode(GREY, "TIFF"),
    "lzw": encode(GREY, "TIFF", compression="tiff_lzw"),
    "pages": encode(GREY, "TIFF", compression="tiff_adobe_deflate", save_all=True, append_images=[GREY, GREY]),
    "fax": encode(GREY.convert("1"), "TIFF", compression="group4"),
    "packbits": encode(GREY, "TIFF", compression="packbits"),
    "jpeg in tiff": encode(GREY, "TIFF", compression="jpeg"),
    "bmp": encode(GREY, "BMP"),
    "gif": encode(GREY, "GIF", save_all=True, append_images=[Image.fromarray(255 - TWIN)]),
    "webp": encode(GREY.convert("RGB"), "WEBP"),
    "ppm": encode(GREY, "PPM"),
    "apng": encode(GREY, "PNG", save_all=True, append_images=[Image.fromarray(255 - TWIN)]),
}


@pytest.mark.parametrize("case", SMALL_FILES)
def test_half_a_file_is_never_taken_for_a_picture(case: str, tmp_path: Path) -> None:
    data = SMALL_FILES[case]
    for share in (0.3, 0.5, 0.7):
        items = read(tmp_path, data[: int(len(data) * share)])
        assert isinstance(items[-1], Unreadable), share


@pytest.mark.parametrize("case", SMALL_FILES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files_end_in_items_never_in_exceptions_or_words(
    case: str, data: st.DataObject, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    damaged = bytearray(SMALL_FILES[case])
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    items = read(tmp_path, bytes(damaged[: data.draw(st.integers(0, len(damaged)))]))
    assert [item.index for item in items] == list(range(len(items)))
    assert items
    for item in items:
        assert item.pixels.size if isinstance(item, Frame) else item.reason.isprintable()
    assert capfd.readouterr() == ("", "")


def test_libtiff_does_not_speak_on_the_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, TWIN.shape, dtype=np.uint8)
    data = encode(Image.fromarray(noise), "TIFF", compression="tiff_adobe_deflate")
    data = data[:100] + b"\xff" * 30 + data[130:]
    with pytest.raises(OSError, match="decoder error"):
        Image.open(io.BytesIO(data)).load()
    spoken = capfd.readouterr().err
    assert read(tmp_path, data) == [Unreadable(0, "damaged TIFF file")]
    assert "ZIPDecode" in spoken  # else this test would prove nothing
    assert capfd.readouterr().err == ""


def test_enough_reduces_and_jpegs_are_decoded_reduced(tmp_path: Path) -> None:
    page = GREY.resize((2240, 3200), Image.Resampling.BICUBIC)
    for kind in ("JPEG", "PNG", "TIFF"):
        grey = read_grey(tmp_path, encode(page, kind), Limits(enough=400))
        assert 400 <= max(grey.shape) < 800
        small = np.asarray(page.resize(grey.shape[::-1], Image.Resampling.BOX), dtype=int)
        assert np.abs(grey - small).mean() < 2


@pytest.mark.parametrize("case", ["16-bit tiff", "black ink on nothing", "cmyk tiff", "palette", "grey png"])
@pytest.mark.parametrize("enough", [None, 13])
def test_large_pictures_read_in_bands_are_the_same(
    case: str, enough: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = read_grey(tmp_path, CASES[case][0], Limits(enough=enough))
    monkeypatch.setattr(pixels, "BAND_PIXELS", 28 * 9)
    assert np.array_equal(read_grey(tmp_path, CASES[case][0], Limits(enough=enough)), whole)


def test_the_limit_of_pixels_is_ours_not_pillows(tmp_path: Path) -> None:
    small = Limits(max_pixels=28 * 40 - 1)
    assert read(tmp_path, CASES["grey png"][0], small) == [Unreadable(0, "too many pixels: 28 x 40")]
    before = Image.MAX_IMAGE_PIXELS
    assert isinstance(read(tmp_path, CASES["gif"][0], Limits(max_pixels=28 * 40))[0], Frame)
    assert before == Image.MAX_IMAGE_PIXELS


def test_what_is_no_regular_file_is_never_waited_on(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    assert list(read_frames(Source("p", str(pipe)))) == [Unreadable(0, "not a file")]
    assert list(read_frames(Source("d", str(tmp_path)))) == [Unreadable(0, "not a file")]


def test_a_file_that_vanished_is_a_reason(tmp_path: Path) -> None:
    gone = Source("gone.png", str(tmp_path / "gone.png"))
    assert list(read_frames(gone)) == [Unreadable(0, "unreadable file: no such file or directory")]


def test_sources_travel_to_other_processes() -> None:
    source = Source("a", "caf\udce9.png", trouble="broken")
    assert pickle.loads(pickle.dumps(source)) == source
    assert list(read_frames(source)) == [Unreadable(0, "broken")]


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_plain_png_is_read_by_the_short_way_as_by_the_ordinary_one(data):
    """Changed anywhere, cut anywhere, or with more behind it: pixels only where the ordinary reader gives the same."""
    shape = data.draw(st.sampled_from([(1, 1), (5, 9), (28, 28), (7, 4, 3)]))
    pixels = np.random.default_rng(data.draw(st.integers(0, 9))).integers(0, 256, shape, dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", dpi=data.draw(st.sampled_from([None, (300, 300)])))
    whole = buffer.getvalue()
    quick = read_plain_png(whole, 100, 10_000)
    assert quick is not None and np.array_equal(quick, pixels)
    assert read_plain_png(whole, max(shape[:2]) - 1, 10_000) is None
    torn = bytearray(whole[: data.draw(st.integers(0, len(whole)))] + data.draw(st.binary(max_size=9)))
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=3)):
        if place < len(torn):
            torn[place] ^= 1 << place % 8
    quick = read_plain_png(bytes(torn), 100, 10_000)
    if quick is not None:
        with Image.open(io.BytesIO(bytes(torn))) as image:
            assert np.array_equal(quick, np.asarray(image))


@pytest.mark.parametrize("options", [{"transparency": 3}, {"pnginfo": "eXIf"}, {"mode": "P"}, {"mode": "I;16"}])
def test_a_png_with_more_to_it_is_left_to_the_ordinary_reader(options):
    """A transparent tone, a turn of the camera, a palette, sixteen bits: each needs more than its bytes decoded."""
    image = Image.new(options.pop("mode", "L"), (6, 4), 3)
    if options.pop("pnginfo", None):
        exif = Image.Exif()
        exif[0x0112] = 6
        options["exif"] = exif
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    assert read_plain_png(buffer.getvalue(), 100, 10_000) is None
