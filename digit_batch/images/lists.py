"""Lists of names, as people, shells and ``find -print0`` write them."""

import os
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

__all__ = ["read_list"]

LIST_BLOCK = 65_536  # bytes read at a time


def read_list(stream: BinaryIO) -> Iterator[str]:
    """Read names from a list, one a line, or separated by NUL when the first block holds one; empty ones are left out.

    Parameters
    ----------
    stream
        Bytes, as ``find -print0`` or a text editor writes them; read lazily. The mark of a Windows editor (UTF-8) or
        shell (UTF-16) at their begin is no part of the first name, and the latter are decoded.

    Yields
    ------
    str
        The names as the operating system writes them (`os.fsdecode`).
    """
    blocks = _read_blocks(stream)
    first = next(blocks, b"")
    separator = b"\0" if b"\0" in first else b"\n"
    rest = b""
    for block in chain([first], blocks):
        *whole, rest = (rest + block).split(separator)
        yield from (os.fsdecode(name) for raw in whole if (name := _strip_return(raw, separator)))
    if name := _strip_return(rest, separator):
        yield os.fsdecode(name)


def _read_blocks(stream: BinaryIO) -> Iterator[bytes]:
    """Read a list some bytes at a time, as UTF-8 or as it is, without a byte order mark."""
    first = stream.read(LIST_BLOCK)
    blocks = chain([first.removeprefix(BOM_UTF8)], iter(lambda: stream.read(LIST_BLOCK), b""))
    if not first.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        yield from blocks
        return
    decoder = getincrementaldecoder("utf-16")("replace")
    yield from (decoder.decode(block).encode("utf-8", "replace") for block in blocks)


def _strip_return(raw: bytes, separator: bytes) -> bytes:
    return raw.removesuffix(b"\r") if separator == b"\n" else raw
