"""Which files are images: by extension, or by the first bytes."""

import re

__all__ = ["HEAD_BYTES", "describe", "has_image_extension", "sniff"]

EXTENSIONS = frozenset(
    ["bmp", "dib", "gif", "jpe", "jpeg", "jpg", "pbm", "pgm", "png", "pnm", "ppm", "tif", "tiff", "webp"]
)
HEAD_BYTES = 512  # enough for every test below; a tar says what it is at byte 257

# Only what stands here is ever decoded, each by the one Pillow plugin named. Pillow's own guessing is not used:
# it would send an EPS called .png to Ghostscript.
_IMAGES: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), kind)
    for pattern, kind in (
        (rb"\x89PNG\r\n\x1a\n", "PNG"),
        (rb"\xff\xd8\xff", "JPEG"),
        (rb"II[\x2a\x2b]\0|MM\0[\x2a\x2b]", "TIFF"),
        (rb"BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0\0\0", "BMP"),
        (rb"GIF8[79]a", "GIF"),
        (rb"RIFF.{4}WEBP", "WEBP"),
        (rb"P[1-6]\s+[0-9#]|Pf\s+[0-9#]", "PPM"),
        # A bitmap without its file header has no magic number: size of the header, one plane, bits of a pixel.
        (rb"[\x28\x34\x38\x6c\x7c]\0\0\0.{8}\x01\0[\x01\x04\x08\x10\x18\x20]\0", "DIB"),
    )
)
# What a file with an image's name turns out to be; for the reason of its row.
_OTHERS: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), words)
    for pattern, words in (
        (rb"%!PS|\xc5\xd0\xd3\xc6", "PostScript file"),
        (rb"%PDF-", "PDF document"),
        (rb"PK\x03\x04|PK\x05\x06", "zip archive or office document"),
        (rb"\x1f\x8b", "gzip file"),
        (rb"BZh[1-9]", "bzip2 file"),
        (rb"\xfd7zXZ\0", "xz file"),
        (rb"Rar!", "RAR archive"),
        (rb"7z\xbc\xaf", "7z archive"),
        (rb".{257}ustar", "tar archive"),
        (rb".{4}ftyp(heic|heix|hevc|mif1|msf1)", "HEIC photo, save it as JPEG or PNG"),
        (rb".{4}ftypavi[fs]", "AVIF picture, save it as PNG"),
        (rb".{4}ftyp", "video"),
        (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", "JPEG 2000 picture, save it as PNG"),
        (rb"8BPS", "Photoshop document, save it as PNG"),
        (rb"\0\0\x01\0[^\0]", "icon"),
        (rb"DDS ", "DDS texture"),
        (rb"\0\x05\x16\x07", "Mac resource fork"),
        (rb"\x7fELF|MZ", "program"),
        (rb"\s*<svg|\s*<\?xml.{0,400}<svg", "SVG drawing, save it as PNG"),
        (rb"\s*<(!doctype )?html|\s*<!DOCTYPE html", "web page"),
        (rb"\0+\Z", "only zero bytes"),
    )
)
APPLE_DOUBLE = b"\0\x05\x16\x07"


def has_image_extension(name: str) -> bool:
    """Tell whether the name ends as the images' names do, in any case."""
    return name.rpartition(".")[2].lower() in EXTENSIONS


def sniff(head: bytes) -> str | None:
    """Name the format, as Pillow calls it, that the first bytes of a file belong to; None when it is no image."""
    for pattern, kind in _IMAGES:
        if pattern.match(head):
            return kind
    return None


def describe(head: bytes) -> str:
    """Say in a few words what a file is that is no image, from its first bytes."""
    for pattern, words in _OTHERS:
        if pattern.match(head):
            return words
    return "text file" if _is_text(head) else "unknown content"


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # not merely a letter cut in two at the end of what was read
            return False
        text = head[: error.start].decode("utf-8")
    return not any(ord(letter) < 32 and letter not in "\t\n\f\r\x1b" for letter in text)
