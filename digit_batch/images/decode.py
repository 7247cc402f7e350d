"""A source -> its frames: the one place where files are opened and Pillow is called.

Whatever a file holds, reading it ends in frames or in a reason: never in an exception, never in Pillow's
guessing at formats that were not asked for, never in words on the terminal from the libraries below.
"""

import io
import math
import os
import re
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

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

from digit_batch.images.archives import read_member
from digit_batch.images.formats import HEAD_BYTES, describe, sniff
from digit_batch.images.pixels import read_pixels, turn_upright
from digit_batch.images.quick import read_plain_png
from digit_batch.images.sources import OPEN_FLAGS, Refused, Source, say_truncated
from digit_batch.images.storage import is_url, read_url
from digit_batch.images.truncation import count_missing
from digit_batch.plurals import counted

__all__ = ["Frame", "Limits", "Unreadable", "read_frames"]

WHOLE_BYTES = 64 * 2**20  # a file up to this size is read at once, so that a change while decoding cannot matter
WEBP_SHARE = (
    0.75  # of the limit: decoding a WebP holds four copies, 1.5 GB for 100 million pixels; all others under 1 GB
)
ENOUGH = 400  # px: ink is found on half as many, and a digit of a twentieth of them is as large as in MNIST
ORIENTATION = 0x0112  # the EXIF and TIFF tag
PHOTOMETRIC = 0x0106  # the TIFF tag; 0 means that white is zero

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


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost.

    Attributes
    ----------
    max_pixels
        Of one frame, as its header declares them: nothing larger is decoded. Of a WebP, three quarters of it.
    max_frames
        Of one file; the rest are not read, and one row says so.
    enough
        Longest side in px that suffices for finding the ink, None for every pixel. Pictures of twice that and more come
        reduced by a whole factor; JPEGs are decoded reduced, by up to 8, in a quarter of the time.
    """

    max_pixels: int = 100_000_000
    max_frames: int = 1_000
    enough: int | None = ENOUGH


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
    index, kind, image, file = 0, "", None, None
    try:
        if source.trouble:
            raise Refused(source.trouble)
        file = _open_source(source)
        kind = _sniff_file(file)
        pixels = _read_quickly(file, kind, limits)
        if pixels is not None:
            yield Frame(0, pixels)
            return
        with _Guard(kind, limits):
            image = _PLUGINS[kind](file)
            item = _read_frame(file, image, kind, 0, limits)
        yield item
        # Asked of a GIF, the question already reads on, so that it is left to the guarded turning of the page.
        while kind == "GIF" or getattr(image, "is_animated", False):
            index = item.index + 1
            with _Guard(kind, limits):
                if not _turn_page(image, item):
                    return
                if index >= limits.max_frames:
                    most = counted(limits.max_frames, "frame").replace(",", "")  # a comma would put the cell in quotes
                    raise Refused(f"more than {most}: the rest were not read")
                item = _read_frame(file, image, kind, index, limits)
            yield item
    # Pillow raises some ten kinds of exception for broken files: of 14,311 of them, 396 ended in none of OSError.
    except Exception as error:
        yield Unreadable(index, _explain(error, kind, file, image))
    finally:
        if file is not None:  # not closed before its trouble is explained: its bytes tell how many are missing
            file.close()


def _read_quickly(file: IO[bytes], kind: str, limits: Limits) -> NDArray[np.uint8] | None:
    """Read what needs no more than its bytes decoded: most small pictures are plain PNGs."""
    if kind != "PNG" or not isinstance(file, io.BytesIO):
        return None
    return read_plain_png(file.getvalue(), 2 * (limits.enough or math.inf) - 1, limits.max_pixels)


def _read_frame(
    file: IO[bytes], image: ImageFile.ImageFile, kind: str, index: int, limits: Limits
) -> Frame | Unreadable:
    try:
        return Frame(index, _decode(image, kind, limits))
    except Exception as error:  # as above: the other pages may still be well
        return Unreadable(index, _explain(error, kind, file, image))


def _turn_page(image: ImageFile.ImageFile, last: Frame | Unreadable) -> bool:
    """Go to the next frame; tell whether there is one."""
    try:
        image.seek(last.index + 1)
    except EOFError:
        return False
    except Exception:
        if isinstance(last, Unreadable):  # one trouble, one row
            return False
        raise
    return True


def _decode(image: ImageFile.ImageFile, kind: str, limits: Limits) -> NDArray[np.uint8]:
    width, height = image.size
    most = limits.max_pixels if kind != "WEBP" else limits.max_pixels * WEBP_SHARE
    if width * height > most:
        raise Refused(f"too many pixels: {_group(width)} x {_group(height)}")
    if width * height == 0:
        raise Refused(f"no pixels: {width} x {height}")
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
    if source.content is not None:
        return io.BytesIO(source.content)
    if is_url(source.path):
        return io.BytesIO(read_url(source))
    if source.place is not None:
        return io.BytesIO(read_member(source.path, source.place))
    descriptor = os.open(source.path, OPEN_FLAGS)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Refused("not a file")
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
        raise Refused("empty file")
    kind = sniff(head)
    if kind is None:
        raise Refused(f"not an image: {describe(head)}")
    return kind


def _group(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def _explain(error: Exception, kind: str, file: IO[bytes] | None, image: Image.Image | None) -> str:
    """Put what was raised for a file into the short words of a row's reason."""
    words = str(error).lower()
    if isinstance(error, Refused):
        return str(error)
    if isinstance(error, MemoryError):
        return "too large for the memory"
    if isinstance(error, Image.DecompressionBombError):
        pixels = re.search(r"\d+", words)
        return f"too many pixels: {_group(int(pixels[0]))}" if pixels else "too many pixels"
    if isinstance(error, OSError) and error.errno is not None:
        return f"unreadable file: {os.strerror(error.errno).lower()}"
    if not kind:
        return f"unreadable file: {words[:80]}"
    missing = count_missing(kind, file.getvalue(), image) if isinstance(file, io.BytesIO) and not file.closed else 0
    if missing:
        return say_truncated(missing, at_least=kind == "PNG")
    if "truncated" in words or isinstance(error, EOFError):
        return "truncated file"
    if "unknown pixel mode" in words or "unsupported" in words or isinstance(error, NotImplementedError):
        return f"{kind} file of a kind that is not read"
    return f"damaged {kind} file"


class _Guard:
    """While Pillow works: its warnings off, its own limit at ours, and libtiff's words on descriptor 2 nowhere."""

    def __init__(self, kind: str, limits: Limits) -> None:
        self.warnings = warnings.catch_warnings(action="ignore")
        self.max_pixels: int | None = limits.max_pixels
        self.silence = _silent_stderr() if kind == "TIFF" else None

    def __enter__(self) -> None:
        self.warnings.__enter__()
        # For what Pillow allocates before a frame can be seen, at twice this: a WebP's canvas, a TIFF's tiles.
        self.max_pixels, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, self.max_pixels
        if self.silence:
            self.silence.__enter__()

    def __exit__(self, *raised: Any) -> None:
        if self.silence:
            self.silence.__exit__(*raised)
        Image.MAX_IMAGE_PIXELS = self.max_pixels
        self.warnings.__exit__(*raised)


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
