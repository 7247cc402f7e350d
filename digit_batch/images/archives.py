"""Zip and tar archives, read as if they were folders, without unpacking anything to disk.

The walk lists an archive once and writes down where each member lies (`Place`); whoever reads a member, in whatever
process, goes straight there. A zip and a plain tar are listed in natural order, which takes about 1 kB of
memory for each member. A packed tar has no way in but from its start: it is listed in its own order, and each
process that reads from it unpacks it once, going forward.

Nothing in an archive is believed: names never reach the file system, and sizes, ratios and overlaps are checked.
"""

import bz2
import gzip
import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import IO, Any, Protocol, cast

from digit_batch.images.sources import Place, Refused, natural_key, say_truncated

__all__ = ["Member", "find_archive_kind", "list_members", "read_member", "wind_tape"]

ENDINGS = {
    ".zip": "zip",
    ".tar": "tar",
    ".tar.gz": "tar.gz",
    ".tgz": "tar.gz",
    ".tar.bz2": "tar.bz2",
    ".tbz2": "tar.bz2",
    ".tar.xz": "tar.xz",
    ".txz": "tar.xz",
}
ENDING_WORDS = tuple(ENDINGS)
MEMBER_BYTES = 256 * 2**20  # the largest member that is read: members are held in memory whole
HEADER_BYTES = 2**20  # the longest name or header of a tar that is believed,
HEADERS_BYTES = 4 * HEADER_BYTES  # and all those of one member: a list of holes could be as long as the tar
FREE_BYTES = 2**30  # a packed tar may always unpack to this much,
MOST_RATIO = 200  # and beyond it to this many times its size: scans pack 1 to 50 times
WIND_BYTES = 2**20  # unpacked between two signs of life: of bzip2, the slowest, a second unpacks 7 to 40 of them
BLOCK_BYTES = 2**16
LOCAL_HEADER = 30  # bytes of a zip member's own header, before its name
STORED, DEFLATED, BZIPPED = 0, 8, 12
METHODS = (STORED, DEFLATED, BZIPPED)


@dataclass(frozen=True, slots=True)
class Member:
    """Something in an archive.

    Attributes
    ----------
    name
        Below the archive, with ``/``; made so that it leads nowhere else. Empty for the archive itself.
    place
        Where its bytes lie, None where there are none to read.
    oddity
        Why it is no file, in words: "link", "device".
    trouble
        Why it cannot be read, in words.
    """

    name: str
    place: Place | None = None
    oddity: str = ""
    trouble: str = ""


def find_archive_kind(name: str) -> str | None:
    """Tell from a file's name what kind of archive it is, None for no archive.

    By name only: by content, every office document would be an archive of images.
    """
    lower = name.lower()
    if not lower.endswith(ENDING_WORDS):
        return None
    return next(kind for ending, kind in ENDINGS.items() if lower.endswith(ending))


def list_members(path: str, kind: str) -> Iterator[Member]:
    """List the files of an archive; one that is broken ends in a member that says so.

    Parameters
    ----------
    path
        The archive.
    kind
        As `find_archive_kind` names it.

    Returns
    -------
    iterator of Member
        A zip's and a plain tar's files before their subfolders, in natural order, as in a folder; those of a packed
        tar in its own order.
    """
    members = _end_in_words(_list_zip(path) if kind == "zip" else _list_tar(path, kind))
    return iter(sorted(members, key=_order)) if kind in ("zip", "tar") else members


def _end_in_words(members: Iterator[Member]) -> Iterator[Member]:
    """Pass members on, and what ends them too early as one more."""
    try:
        yield from members
    except Refused as refusal:
        yield Member("", trouble=f"broken archive: {refusal}")
    except EOFError:
        yield Member("", trouble="broken archive: cut short")
    except OSError as error:
        why = os.strerror(error.errno).lower() if error.errno else "damaged"
        yield Member("", trouble=f"unreadable archive: {why}")
    except Exception:  # zipfile, tarfile and the unpackers have a dozen kinds for damage, as Pillow has for images
        yield Member("", trouble="broken archive: damaged, or not what its name says")


def read_member(path: str, place: Place, most: int = MEMBER_BYTES, *, only_head: bool = False) -> bytes:
    """Read a member into memory.

    Parameters
    ----------
    path
        The archive.
    place
        Of the member.
    most
        Bytes that it may have; with `only_head`, bytes that are wanted.

    Raises
    ------
    Refused
        It is too large, damaged or cut short.
    OSError
        The archive cannot be read.
    """
    if not only_head and place.size > most:
        raise Refused(f"too large in an archive: {place.size:,} bytes".replace(",", " "))
    wanted = min(place.size, most)
    if place.method == "zip":
        return _read_zipped(path, place, wanted)
    if place.method == "tar":
        with open(path, "rb") as file:
            file.seek(place.offset)
            data = file.read(wanted)
    else:
        try:
            data = _find_tape(path, place.method).read_at(place.offset, wanted)
        except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
            raise Refused("truncated archive" if isinstance(error, EOFError) else "damaged archive") from None
    if len(data) < wanted:
        raise Refused(say_truncated(wanted - len(data)))
    return data


def wind_tape(path: str, place: Place, breathe: Callable[[], None]) -> None:
    """Unpack a packed tar up to a member, so that what lies before it does not count as the member's own time.

    Does nothing for members of other archives; trouble is left to `read_member`, which meets it again.

    Parameters
    ----------
    path
        The archive.
    place
        Of the member.
    breathe
        Called every `WIND_BYTES`.
    """
    if not place.method.startswith("tar."):
        return
    try:
        tape = _find_tape(path, place.method)
        if tape.tell() > place.offset:
            tape.seek(0)
        while (wanted := tape.tell() + WIND_BYTES) < place.offset:
            if tape.seek(wanted) < wanted:  # it ends here
                return
            breathe()
    except (Refused, OSError, EOFError, zlib.error, lzma.LZMAError):
        return


def _order(member: Member) -> list[tuple[bool, str, str]]:
    """Give the key that puts a folder's files before its subfolders, each in natural order; the broken archive last."""
    *folders, file = member.name.split("/")
    if not member.name:
        return [(True, chr(0x10FFFF), "")]
    return [*((True, natural_key(folder), folder) for folder in folders), (False, natural_key(file), file)]


def _make_safe(name: str) -> str:
    r"""Keep a name below its archive: no empty, ``.`` or absolute part, and ``..`` written ``\x2e\x2e``."""
    parts = [
        part.replace("..", r"\x2e\x2e") if part == ".." else part for part in name.split("/") if part not in ("", ".")
    ]
    return "/".join(parts) or "unnamed"


def _list_zip(path: str) -> Iterator[Member]:
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except zipfile.BadZipFile:
        raise Refused("no list of members at its end; cut short, or no zip") from None
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < end:  # one stretch of bytes counted many times, as in archive bombs
            raise Refused("members overlap")
        end = info.header_offset + LOCAL_HEADER + info.compress_size
    size = os.stat(path).st_size
    for info in infos:
        if not info.is_dir():
            yield _describe_zipped(info, size)


def _describe_zipped(info: zipfile.ZipInfo, archive_size: int) -> Member:
    name = info.filename
    if not info.flag_bits & 0x800:  # not said to be UTF-8, which it often is nevertheless
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            name = info.filename
    name = _make_safe(name)
    mode = info.external_attr >> 16
    if stat.S_ISLNK(mode):
        return Member(name, oddity="link")
    if info.flag_bits & 0x1:
        return Member(name, trouble="encrypted in its archive")
    if info.compress_type not in METHODS:
        return Member(name, trouble=f"packed in a way that is not read: zip method {info.compress_type}")
    if not 0 <= info.header_offset <= archive_size:  # up to 2**64 can be declared, more than a file can be asked for
        return Member(name, trouble="damaged archive: said to lie outside of it")
    place = Place("zip", info.header_offset, info.file_size, info.compress_size, info.compress_type, info.CRC)
    return Member(name, place)


def _read_zipped(path: str, place: Place, wanted: int) -> bytes:
    with open(path, "rb") as file:
        try:
            file.seek(place.offset)
            header = file.read(LOCAL_HEADER)
            if len(header) < LOCAL_HEADER or not header.startswith(b"PK\x03\x04"):
                raise Refused("damaged archive")
            lengths = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
            file.seek(lengths, os.SEEK_CUR)
            data = _unpack(file, place, wanted)
        except (zlib.error, OSError, EOFError, ValueError, OverflowError):
            raise Refused("damaged in its archive") from None
    if len(data) < wanted:
        raise Refused(say_truncated(wanted - len(data)))
    if wanted == place.size and place.checksum is not None and zlib.crc32(data) != place.checksum:
        raise Refused("damaged in its archive: wrong checksum")
    return data


class _Unpacker(Protocol):
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def _unpack(file: IO[bytes], place: Place, wanted: int) -> bytes:
    """Unpack no more than is wanted, whatever the packed bytes would give."""
    if place.compression == STORED:
        return file.read(min(wanted, place.packed))
    unpacker = cast(_Unpacker, zlib.decompressobj(-15) if place.compression == DEFLATED else bz2.BZ2Decompressor())
    data = bytearray()
    left = place.packed
    while len(data) < wanted and left > 0 and (block := file.read(min(BLOCK_BYTES, left))):
        left -= len(block)
        while block and len(data) < wanted:
            data += unpacker.decompress(block, wanted - len(data))
            block = getattr(unpacker, "unconsumed_tail", b"")  # a bz2 one keeps its own
    return bytes(data)


class _Tape:
    """A tar's bytes, unpacked as they are read; refuses to be led past what the archive's size makes likely."""

    def __init__(self, path: str, kind: str) -> None:
        self.most = max(FREE_BYTES, MOST_RATIO * os.stat(path).st_size) if kind != "tar" else None
        opener: Any = {"tar": open, "tar.gz": gzip.open, "tar.bz2": bz2.open, "tar.xz": lzma.open}[kind]
        self.file: IO[bytes] = opener(path, "rb")
        self.headers = 0  # bytes read of those of one member, for whoever lists to set back

    def tell(self) -> int:
        return self.file.tell()

    def seek(self, offset: int) -> int:
        if self.most is not None and offset > self.most:
            raise Refused(f"unpacks to more than {MOST_RATIO} times its size")
        return self.file.seek(offset)

    def read(self, size: int = -1) -> bytes:
        self.headers += size
        if not 0 <= size <= HEADER_BYTES or self.headers > HEADERS_BYTES:
            raise Refused("a header too long to be true")
        return self.file.read(size)

    def read_at(self, offset: int, size: int) -> bytes:
        self.seek(offset)
        return self.file.read(size)

    def close(self) -> None:
        self.file.close()


def _list_tar(path: str, kind: str) -> Iterator[Member]:
    with closing(_Tape(path, kind)) as tape:
        try:
            with tarfile.open(fileobj=cast(IO[bytes], tape), mode="r:") as archive:
                while (info := archive.next()) is not None:
                    archive.members = []  # type: ignore[attr-defined]  # it keeps all it has met: there can be millions
                    tape.headers = 0
                    if info.size < 0 or archive.offset < info.offset_data:  # would lead back, round and round
                        raise Refused("damaged")
                    if not info.isdir():
                        yield _describe_tarred(info, kind)
                tape.seek(archive.offset)
            if any(tape.read(tarfile.BLOCKSIZE)):  # tarfile takes a damaged header for the end
                raise Refused("damaged in the middle; what comes after was not read")
        except tarfile.ReadError as error:
            raise Refused("cut short" if "end of data" in str(error) else "damaged") from None


def _describe_tarred(info: tarfile.TarInfo, kind: str) -> Member:
    name = _make_safe(info.name)
    if info.issym() or info.islnk():
        return Member(name, oddity="link")
    if not info.isreg():
        return Member(name, oddity="named pipe" if info.isfifo() else "device")
    if info.issparse():
        return Member(name, trouble="packed in a way that is not read: sparse")
    return Member(name, Place(kind, info.offset_data, info.size))


_open_tapes: dict[tuple[str, str, int, int, int], _Tape] = {}  # at most one: the packed tar this process reads from


def _find_tape(path: str, kind: str) -> _Tape:
    """Give the tape of a packed tar, at the place where this process stopped reading it."""
    status = os.stat(path)
    key = (path, kind, status.st_mtime_ns, status.st_size, os.getpid())  # a fork would share the file's position
    if key not in _open_tapes:
        for tape in _open_tapes.values():
            tape.close()
        _open_tapes.clear()
        _open_tapes[key] = _Tape(path, kind)
    return _open_tapes[key]
