"""How many bytes a file that was cut short lacks, where its own headers tell."""

import re
from typing import Any

from PIL import Image

__all__ = ["count_missing"]

MOST_MISSING = 64 * 2**20  # bytes; who promises more has a damaged header, not a missing end
STRIP_TAGS = ((273, 279), (324, 325))  # TIFF: where the strips, or tiles, lie, and how long they are


def count_missing(kind: str, data: bytes, image: Image.Image | None) -> int:
    """Count the bytes that a file's header promises beyond its end; 0 when it does not tell.

    JPEG and GIF never tell. Of a PNG, only the chunk that was cut tells, so that it is the least number.

    Parameters
    ----------
    kind
        The format, as Pillow calls it.
    data
        The whole file.
    image
        What Pillow made of its header, if it got so far.
    """
    counters = {"BMP": _measure_bmp, "PNG": _measure_png, "PPM": _measure_ppm, "WEBP": _measure_webp}
    try:
        promised = _measure_tiff(image) if kind == "TIFF" else counters[kind](data) if kind in counters else 0
    except Exception:  # a header that is broken itself promises nothing
        return 0
    return promised - len(data) if 0 < promised - len(data) < MOST_MISSING else 0


def _measure_bmp(data: bytes) -> int:
    return int.from_bytes(data[2:6], "little")


def _measure_webp(data: bytes) -> int:
    return int.from_bytes(data[4:8], "little") + 8


def _measure_png(data: bytes) -> int:
    at = 8
    while at + 8 <= len(data):
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    return at + 12 if at > len(data) else 0  # the closing chunk is 12 bytes


def _measure_ppm(data: bytes) -> int:
    header = re.match(rb"P([456])(?:\s+|#[^\n]*\n)+(\d+)\s+(\d+)\s(?:\s*(\d+)\s)?", data)
    if header is None:
        return 0
    width, height = int(header[2]), int(header[3])
    if header[1] == b"4":
        return len(re.match(rb"P4\s+\d+\s+\d+\s", data)[0]) + (width + 7) // 8 * height  # type: ignore[index]
    depth = 2 if int(header[4]) > 255 else 1
    return header.end() + width * height * depth * (3 if header[1] == b"6" else 1)


def _measure_tiff(image: Any) -> int:
    tags = image.tag_v2
    return max(
        (
            offset + length
            for offsets, lengths in STRIP_TAGS
            for offset, length in zip(tags.get(offsets, ()), tags.get(lengths, ()), strict=False)
        ),
        default=0,
    )
