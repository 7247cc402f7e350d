"""A source -> its frames: the one place where files are opened and Pillow is called.

Whatever a file holds, reading it ends in frames or in a reason: never in an exception, never in Pillow's
guessing at formats that were not asked for, never in words on the terminal from the libraries below.
"""

import io
import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile
from PIL.BmpImagePlugin import BmpImageFile, DibImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.PpmImagePlugin import PpmImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from digit_batch.images.formats import HEAD_BYTES, describe, sniff
from digit_batch.images.pixels import read_pixels, turn_upright
from digit_batch.images.sources import Source

__all__ = ["Frame", "Limits", "Unreadable", "read_frames"]

WHOLE_BYTES = 64 * 2**20  # a file up to this size is read at once, so that a change while decoding cannot matter
ORIENTATION = 0x0112  # the EXIF and TIFF tag
PHOTOMETRIC = 0x0106  # the TIFF tag; 0 means that white is zero
OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)

# The plugins are called directly: `Image.open` would import and ask all forty of them about a broken file.
_PLUGINS: dict[str, type[ImageFile.ImageFile]] = {
    "BMP": BmpImageFile,
    "DIB": DibImageFile,
    "GIF": GifImageFile,
    "JPEG": JpegImageFile,  # of a phone's MPO, the first picture: the others are the same scene
    "PNG": PngImageFile,
    "PPM": PpmImageFile,
    "TIFF": TiffImageFile,
    "WEBP": WebPImageFile,
}
_PAGED = frozenset({"TIFF", "GIF", "WEBP", "PNG"})


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost.

    Attributes
    ----------
    max_pixels
        Of one frame, as its header declares them: nothing larger is decoded.
    max_frames
        Of one file; the rest are not read, and one row says so.
    enough
        Longest side in px that suffices for finding the ink, None for every pixel. Larger pictures come
        reduced by a whole factor; JPEGs are decoded reduced.
    """

    max_pixels: int = 100_000_000
    max_frames: int = 1_000
    enough: int | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a file.

    Attributes
    ----------
    index
        Its place in the file, from 0.
    pixels
        (h, w) grey or (h, w, 3) RGB bytes, upright, C-contiguous; read-only where nothing had to be converted.
    """

    index: int
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A frame, or a file, that could not be read, and why, in the short words of the CSV's ``reason``."""

    index: int
    reason: str


class _Refused(Exception):
    """A reason found before Pillow had anything to say."""


def read_frames(source: Source, limits: Limits = Limits()) -> Iterator[Frame | Unreadable]:
    """Read every frame of one image file.

    Pages of a TIFF and frames of an animated GIF, WebP or PNG each give one item; a page that breaks gives
    its reason, and the pages after it are still read where the file's structure allows.

    Parameters
    ----------
    source
        What to read.
    limits
        What it may cost.

    Yields
    ------
    Frame or Unreadable
        At least one. Nothing is raised for the file's trouble.
    """
    index = 0
    kind = None
    try:
        if source.trouble:
            raise _Refused(source.trouble)
        with _open_source(source) as file:
            kind = _sniff_file(file)
            with _quiet(kind, limits):
                image = _PLUGINS[kind](file)
            while True:
                with _quiet(kind, limits):
                    item = _read_frame(image, kind, index, limits)
                yield item
                index += 1
                if kind not in _PAGED:
                    return
                with _quiet(kind, limits):
                    try:
                        image.seek(index)
                    except EOFError:
                        return
                if index >= limits.max_frames:
                    raise _Refused(f"more than {limits.max_frames} frames: the rest were not read")
    # Pillow raises some ten kinds of exception for broken files: of 14,311 of them, 396 ended in none of OSError.
    except Exception as error:
        yield Unreadable(index, _explain(error, kind))


def _read_frame(image: ImageFile.ImageFile, kind: str, index: int, limits: Limits) -> Frame | Unreadable:
    try:
        return Frame(index, _decode(image, kind, limits))
    except Exception as error:  # as above: the other pages may still be well
        return Unreadable(index, _explain(error, kind))


def _decode(image: ImageFile.ImageFile, kind: str, limits: Limits) -> NDArray[np.uint8]:
    width, height = image.size
    if width * height > limits.max_pixels:
        raise _Refused(f"too many pixels: {_group(width)} x {_group(height)}")
    if width * height == 0:
        raise _Refused(f"no pixels: {width} x {height}")
    white_is_zero = False
    orientation = 1
    if kind == "TIFF":  # turned upright by Pillow itself
        white_is_zero = image.tag_v2.get(PHOTOMETRIC) == 0  # type: ignore[attr-defined]
    elif kind == "JPEG" and limits.enough and max(width, height) >= 2 * limits.enough:
        shrink = max(width, height) / limits.enough
        image.draft(None, (max(1, int(width / shrink)), max(1, int(height / shrink))))
    image.load()
    if "exif" in image.info or "xmp" in image.info:
        orientation = _read_orientation(image)
    pixels = read_pixels(image, limits.enough, white_is_zero=white_is_zero)
    return turn_upright(pixels, orientation) if orientation != 1 else pixels


def _read_orientation(image: Image.Image) -> int:
    try:
        orientation = image.getexif().get(ORIENTATION, 1)
    except Exception:  # a broken EXIF block says nothing about the pixels
        return 1
    return orientation if orientation in range(1, 9) else 1


def _open_source(source: Source) -> IO[bytes]:
    """Open a regular file, never waiting on anything else; small ones are read at once."""
    descriptor = os.open(source.path, OPEN_FLAGS)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _Refused("not a file")
        if status.st_size > WHOLE_BYTES:
            file = os.fdopen(descriptor, "rb")
            descriptor = -1
            return file
        return io.BytesIO(_read_all(descriptor, status.st_size))
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _read_all(descriptor: int, size: int) -> bytes:
    data = os.read(descriptor, size)
    while len(data) < size and (more := os.read(descriptor, size - len(data))):
        data += more
    return data


def _sniff_file(file: IO[bytes]) -> str:
    head = file.read(HEAD_BYTES)
    file.seek(0)
    if not head:
        raise _Refused("empty file")
    kind = sniff(head)
    if kind is None:
        raise _Refused(f"not an image: {describe(head)}")
    return kind


def _group(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def _explain(error: Exception, kind: str | None) -> str:
    """Put what was raised for a file into the short words of a row's reason."""
    if isinstance(error, _Refused):
        return str(error)
    if isinstance(error, MemoryError):
        return "too large for the memory"
    if isinstance(error, Image.DecompressionBombError):
        return "too many pixels"
    if isinstance(error, OSError) and error.errno is not None:
        return f"unreadable file: {os.strerror(error.errno).lower()}"
    if "truncated" in str(error).lower() or isinstance(error, EOFError):
        return "truncated file"
    return f"damaged {kind} file" if kind else "damaged file"


@contextmanager
def _quiet(kind: str, limits: Limits) -> Iterator[None]:
    """Keep Pillow's warnings and libtiff's own words on file descriptor 2 off the terminal."""
    with warnings.catch_warnings(), _silent_stderr() if kind == "TIFF" else nullcontext():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _silent_stderr() -> Iterator[None]:
    try:
        kept = os.dup(2)
    except OSError:  # closed: nothing to silence
        yield
        return
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
