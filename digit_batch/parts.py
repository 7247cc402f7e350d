"""An output in a storage, or as a folder of parts: rows are put there some megabytes at a time, with a manifest.

The manifest names every part with its rows, first and last path and checksum, and what the run was begun with, and is
written anew after each part: whatever stands in it is whole, and a run is continued from it. In the end the parts are
joined under the name that was asked for, or, with ``--parts``, stay as they are and the manifest says they are all.

Other programs call their files so too (Spark's are ``part-00000-abc.csv``): only ``--force`` removes those.
"""

import csv
import hashlib
import io
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from digit_batch.errors import OutputError
from digit_batch.images.storage import WEB, base_name, check_url, is_absent, open_storage, patiently, say, show_url
from digit_batch.manifest import MANIFEST, NEXT, OWN, Manifest, Piece, name_part, parse_manifest
from digit_batch.output import check_facts
from digit_batch.plurals import counted
from digit_batch.predictions import stream_of

JOINED = "part-joined.csv"  # the parts in one file, until it is whole and gets its name
WITH_FOLDERS = ("file:", "sftp:", "ssh:")  # elsewhere a folder is a part of a name; made, it could be a new bucket
PART_BYTES = 8 << 20  # of rows, held in memory until they are put; some 120,000 rows
PART_SECONDS = 60.0  # a part is put at the latest after these: what a killed run loses

T = TypeVar("T")


@dataclass(frozen=True)
class Standing:
    """How far a run is: one value, so that no interrupt comes between its parts.

    Attributes
    ----------
    pieces : tuple of Piece
        What was put.
    size, rows : int
        What is held to be put: the first bytes of the buffer, and their rows.
    latest : str
        The last text that was written of them.
    """

    pieces: tuple[Piece, ...] = ()
    size: int = 0
    rows: int = 0
    latest: str = ""


class Parts:
    """The rows of a run, part by part; used as an `output.Part` is.

    Parameters
    ----------
    url : str
        What was asked for: a file's URL, or with `stay` a folder, here or in a storage.
    facts : mapping of str to str
        What decides the rows.
    stay : bool
        Leave the parts as they are.
    """

    def __init__(self, url: str, facts: Mapping[str, str], *, stay: bool) -> None:
        self.place = show_url(url)
        self.resumed = False
        self._url = url
        self._facts = dict(facts)
        self._stay = stay
        self._target = open_storage(url)[1].rstrip("/")
        self._folder = self._target if stay else f"{self._target}.part"
        self._made = not stay  # by this run, which removes it if it has no row
        self._standing = Standing()
        self._header = b""
        self._buffer = bytearray()
        self._put_at = time.monotonic()

    @property
    def _in_folders(self) -> bool:
        return self._url.lower().startswith(WITH_FOLDERS)

    @property
    def committed(self) -> int:
        """Bytes that are surely whole: the header's and those of all rows that were put."""
        return len(self._header) + sum(piece.size for piece in self._standing.pieces)

    @property
    def rows(self) -> int:
        """How many rows these are, put and held."""
        return self._standing.rows + sum(piece.rows for piece in self._standing.pieces)

    def check(self, *, force: bool, resume: bool) -> None:
        """Refuse what must not be replaced, or is not of this program; with `resume`, take up what was put before."""
        found = self._read_manifest()
        whole = bool(found and found.whole) if self._stay else self._do(lambda storage: storage.exists(self._target))
        if whole and not force:
            raise OutputError(f"{self.place} exists and is not replaced. Give --force, or another name with -o.")
        anew = force and not resume
        if not anew:
            self._check_own(found)
        if found is None or not found.pieces or whole or anew:
            self._remove()
        elif not resume:
            raise OutputError(
                f"{self.place} holds an unfinished run. Continue it with --resume, or begin anew with --force."
            )
        else:
            check_facts(self.place, found.run, self._facts)
            self._header = found.header.encode()
            self._standing = Standing(found.pieces)
            self.resumed = True

    def reopen(self) -> BinaryIO:
        """Open the rows put so far, as one CSV."""
        return stream_of(self._contents())

    def begin(self, head: str) -> None:
        """Begin anew with a header; the manifest, still without a part, shows that the place can be written."""
        self.cut(0, 0)
        self._header = head.encode()
        if self._in_folders:
            self._made = self._made or not self._do(lambda storage: storage.exists(self._folder))
            self._do(lambda storage: storage.makedirs(self._folder, exist_ok=True))
        self._write_manifest(self._standing.pieces, whole=False)

    def cut(self, size: int, rows: int) -> None:
        """Keep the first bytes, which hold so many rows, and go on behind them."""
        pieces, left = self._standing.pieces, max(size - len(self._header), 0)
        kept = 0
        while kept < len(pieces) and pieces[kept].size <= left:
            left -= pieces[kept].size
            kept += 1
        pieces, gone = pieces[:kept], pieces[kept:]
        self._buffer = bytearray(self._read_piece(gone[0])[:left]) if gone and left else bytearray()
        if gone:
            self._write_manifest(pieces, whole=False)
        held = rows - sum(piece.rows for piece in pieces)
        self._standing = Standing(pieces, len(self._buffer), held, self._buffer.decode())

    def write(self, text: str, rows: int) -> None:
        """Append whole rows; they are put some megabytes at a time."""
        held = self._standing
        self._buffer[held.size :] = text.encode()  # over what a write that was interrupted left there
        self._standing = Standing(held.pieces, len(self._buffer), held.rows + rows, text or held.latest)
        if len(self._buffer) >= PART_BYTES or time.monotonic() - self._put_at > PART_SECONDS:
            self.put()

    def put(self) -> None:
        """Put what is held as a part; interrupted anywhere and called again, it puts the same part."""
        self._put_at = time.monotonic()
        held = self._standing
        if not held.rows and (held.pieces or not self._header):
            return
        rows, name = bytes(self._buffer[: held.size]), name_part(len(held.pieces))
        data = self._header + rows
        self._do(lambda storage: storage.pipe_file(f"{self._folder}/{name}", data))
        first, last = _first_path(rows.decode()), _last_path(held.latest)
        piece = Piece(name, held.rows, held.size, first, last, hashlib.sha256(data).hexdigest())
        pieces = (*held.pieces, piece)
        self._write_manifest(pieces, whole=False)
        self._standing = Standing(pieces)
        self._buffer = bytearray()

    def finish(self) -> None:
        """Join the parts, or say that they are all there are."""
        self.put()
        if self._stay:
            self._write_manifest(self._standing.pieces, whole=True)
            return
        self._do(self._join)
        self._remove()

    def drop(self) -> None:
        """Remove a run that has no row."""
        self._remove()

    def _join(self, storage: Any) -> None:
        """Write the parts as one file, which gets its name only when it is whole."""
        if self._in_folders:  # these know no transactions, and rename at once
            aside = f"{self._folder}/{JOINED}"
            with storage.open(aside, "wb") as joined:
                self._write_joined(joined)
            storage.mv(aside, self._target)
        else:
            with storage.transaction, storage.open(self._target, "wb") as joined:
                self._write_joined(joined)

    def _write_joined(self, joined: BinaryIO) -> None:
        for content in self._contents():
            joined.write(content)

    def _contents(self) -> Iterator[bytes]:
        yield self._header
        for piece in self._standing.pieces:
            yield self._read_piece(piece)

    def _read_piece(self, piece: Piece) -> bytes:
        data = self._do(lambda storage: storage.cat_file(f"{self._folder}/{piece.name}"))
        if hashlib.sha256(data).hexdigest() != piece.sha256:
            raise OutputError(f"{self.place}: {piece.name} is not as it was put. Begin anew with --force.")
        return bytes(data[len(self._header) :])

    def _read_manifest(self) -> Manifest | None:
        """Return the manifest of an earlier run; None where there is none of this program."""

        def read(storage: Any) -> bytes:
            try:
                return bytes(storage.cat_file(f"{self._folder}/{MANIFEST}"))
            except FileNotFoundError:
                return b""

        return parse_manifest(self._do(read))

    def _check_own(self, found: Manifest | None) -> None:
        """Refuse a folder that holds what would be removed as a part of ours, and is none.

        By name, for a killed run may have put a part that its manifest does not name yet.
        """
        names = [base_name(name) for name in self._do(self._list)]
        strays = [name for name in names if found is None or not (name in (NEXT, MANIFEST) or OWN.fullmatch(name))]
        if strays:
            stray = MANIFEST if MANIFEST in strays else strays[-1]
            foreign = "is damaged, or of another program or version"
            raise OutputError(
                f"{self.place}{'' if self._stay else '.part'} holds {stray}, which "
                f"{foreign if stray == MANIFEST else 'no manifest of this program names'}. "
                "Name another place with -o, or begin anew with --force, which removes it."
            )

    def _list(self, storage: Any) -> list[str]:
        """Return where parts and manifests lie, whoever put them there; the manifests last."""
        if not storage.exists(self._folder):
            return []
        names = {name: base_name(name) for name in storage.ls(self._folder, detail=False)}
        parts = [name for name, base in names.items() if base.startswith("part-") and base.endswith(".csv")]
        return sorted(parts) + [name for name, base in names.items() if base in (NEXT, MANIFEST)]

    def _write_manifest(self, pieces: tuple[Piece, ...], *, whole: bool) -> None:
        data = Manifest(whole, self._header.decode(), self._facts, pieces).dump()

        def write(storage: Any) -> None:
            name, aside = f"{self._folder}/{MANIFEST}", f"{self._folder}/{NEXT}"
            if self._in_folders:  # where a kill would leave a torn one; elsewhere it is put whole or not at all
                storage.pipe_file(aside, data)
                storage.mv(aside, name)
            else:
                storage.pipe_file(name, data)

        self._do(write)

    def _remove(self) -> None:
        """Remove parts and the manifest, and nothing else that may lie there.

        The manifest goes last: parts that a killed run left without it would be taken for another program's.
        """

        def remove(storage: Any) -> None:
            for name in self._list(storage):
                storage.rm_file(name)
            if self._made and storage.exists(self._folder) and not storage.ls(self._folder, detail=False):
                if self._in_folders:
                    storage.rm(self._folder, recursive=True)  # sshfs has no rmdir
                else:
                    storage.rmdir(self._folder)

        self._do(remove)
        self._standing = Standing()

    def _do(self, act: Callable[[Any], T]) -> T:
        try:
            return patiently(act, self._url)
        except OutputError:
            raise
        except Exception as error:  # every storage has its own kinds
            put = sum(piece.rows for piece in self._standing.pieces)
            kept = f"; {counted(put, 'row is', 'rows are')} there" if put else ""
            why = "there is no such bucket or folder" if is_absent(error) else say(error)
            raise OutputError(
                f"Cannot write {self.place}: {why}{kept}. Check the name and the credentials"
                f"{', and continue with --resume' if kept else ''}."
            ) from error


@contextmanager
def open_parts(
    url: str, facts: Mapping[str, str], *, resume: bool = False, force: bool = False, stay: bool = False
) -> Iterator[Parts]:
    """Open an output in a storage, or a folder of parts; when the block ends badly, what was put can be resumed.

    Parameters
    ----------
    url : str
        A URL; with `stay` also a folder of this machine.
    facts : mapping of str to str
        What decides the rows; a run is continued only with the same.
    resume, force
        As in `digit_batch.output.open_part`.
    stay : bool
        Leave the parts as they are, instead of joining them.

    Raises
    ------
    OutputError
        It cannot be written, must not be replaced, or was begun with other facts.
    """
    away = url if "://" in url else Path(url).absolute().as_uri()
    if away is url:
        check_url(url)
        if url.lower().startswith(WEB):
            raise OutputError(f"Cannot write {show_url(url)}: web addresses are only read. Name another place with -o.")
    parts = Parts(away, facts, stay=stay)
    parts.check(force=force, resume=resume)
    try:
        yield parts
    except BaseException:
        if parts.rows:
            parts.put()
        elif not parts.resumed:
            parts.drop()
        raise
    parts.finish()


def _first_path(text: str) -> str:
    return next((row[0] for row in csv.reader(io.StringIO(text, newline="")) if row), "")


def _last_path(text: str) -> str:
    *_, last = [""], *csv.reader(io.StringIO(text, newline=""))
    return str(last[0])
