"""Inputs -> sources: what is read, in which order, and what is passed over."""

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from digit_batch.errors import InputError
from digit_batch.images.archives import Member, find_archive_kind, list_members, read_member
from digit_batch.images.formats import APPLE_DOUBLE, HEAD_BYTES, has_image_extension, sniff
from digit_batch.images.patterns import Choice, compile_patterns
from digit_batch.images.sources import LOCKED, OPEN_FLAGS, Refused, Skipped, Source, natural_key, show_name
from digit_batch.images.storage import is_url
from digit_batch.images.walk_storage import check_storage, walk_storage

__all__ = ["walk"]


def walk(
    inputs: Iterable[str],
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    follow_links: bool = False,
    missing_ok: bool = False,
) -> Iterator[Source | Skipped]:
    """Find the images in files and folders, lazily and always in the same order.

    A folder's own images come first, then its subfolders one by one; names in natural order (``9.png`` before
    ``10.png``, upper case before lower). Zip and tar archives, known by their names, count as folders; an
    archive within an archive is passed over. Memory holds the names of the folders being read, nothing else.

    Parameters
    ----------
    inputs
        Files and folders as typed, or URLs of them (``s3://bucket/scans``).
        A file given so is read whatever it is; in folders, only images are.
    include
        Patterns (``*``, ``?``, ``[...]``): only files in folders that match one are read.
    exclude
        Patterns: files and folders that match one are passed over; wins over `include`.
        A pattern without ``/`` is held against the last part of the name, one with ``/`` against the path
        below the input, where ``*`` stands for any number of folders too.
    follow_links
        Enter links to folders. Links to files are always read.
    missing_ok
        For names from a list: one that does not exist becomes a source, and so a row that says so.

    Returns
    -------
    iterator of Source or Skipped

    Raises
    ------
    InputError
        At once, before anything is read, for an input that does not exist (unless `missing_ok`).
    """
    if not missing_ok:
        inputs = tuple(inputs)
        for given in inputs:
            _check_input(given)
    choice = Choice(compile_patterns(include), compile_patterns(exclude), follow_links)
    return (found for given in inputs for found in _walk_input(given, choice, missing_ok))


def _check_input(given: str) -> None:
    if is_url(given):
        check_storage(given)
        return
    try:
        if stat.S_ISDIR(os.stat(given).st_mode):
            os.scandir(given).close()
    except FileNotFoundError:
        if os.path.islink(given):
            raise InputError(
                f"{show_name(given)} is a link to something that does not exist; give the file itself."
            ) from None
        raise InputError(f"{show_name(given)} does not exist; check the name, or the folder you are in.") from None
    except (OSError, ValueError) as error:
        raise InputError(
            f"{show_name(given)!r} cannot be read: {_say(error)}. Check the name, and who may read it."
        ) from None


def _say(error: OSError | ValueError) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno).lower()
    return str(error)


def _walk_input(given: str, choice: Choice, missing_ok: bool) -> Iterator[Source | Skipped]:
    if is_url(given):
        yield from walk_storage(given, choice, missing_ok=missing_ok)
        return
    name = show_name(given)
    try:
        mode = os.stat(given).st_mode
    except (OSError, ValueError):
        yield Source(name, given)  # vanished, or from a list: its row will say so
        return
    if stat.S_ISDIR(mode):
        yield from _walk_folders(given, choice)
    elif not stat.S_ISREG(mode):
        yield Skipped(name, _name_kind(mode))
    elif find_archive_kind(given):
        yield from _walk_archive(_Folder(given, name, "", frozenset()), choice)
    else:
        yield Source(name, given)


def _name_kind(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "named pipe"
    return "socket" if stat.S_ISSOCK(mode) else "device"


@dataclass(frozen=True, slots=True)
class _Folder:
    path: str
    name: str  # shown
    below: str  # the path below the input, ending in /, for the patterns; empty for the input itself
    ancestors: frozenset[tuple[int, int]]  # devices and inodes of the folders above; kept only where links are followed


def _walk_folders(top: str, choice: Choice) -> Iterator[Source | Skipped]:
    waiting = [_Folder(top, show_name(top).rstrip("/") or "/", "", frozenset())]
    while waiting:  # a list, not recursion: folders can be nested deeper than Python's stack
        folder = waiting.pop()
        if folder.path != top and find_archive_kind(folder.path) and not os.path.isdir(folder.path):
            yield from _walk_archive(folder, choice)
            continue
        subfolders: list[_Folder] = []
        yield from _walk_folder(folder, choice, subfolders)
        waiting.extend(reversed(subfolders))


def _walk_folder(folder: _Folder, choice: Choice, subfolders: list[_Folder]) -> Iterator[Source | Skipped]:
    """Yield what lies directly in a folder, and put its subfolders in the list."""
    try:
        ancestors = folder.ancestors
        if choice.follow_links:
            status = os.stat(folder.path)
            here = (status.st_dev, status.st_ino)
            if here in ancestors:
                yield Skipped(folder.name, "loop of links")
                return
            ancestors |= {here}
        files, folders, odd = _list_folder(folder.path)
    except OSError as error:
        yield Skipped(folder.name, f"{LOCKED}: {_say(error)}")
        return
    prefix = folder.name if folder.name.endswith("/") else f"{folder.name}/"
    for file in files:
        path, name, below = os.path.join(folder.path, file), prefix + _show_part(file), folder.below + file
        if objection := choice.find_objection(below):
            yield Skipped(name, objection)
        else:
            yield _judge_file(path, name) if file in odd else _judge_content(Source(name, path), file, path)
    for sub in folders:
        path, name, below = os.path.join(folder.path, sub), prefix + _show_part(sub), folder.below + sub
        if choice.exclude and choice.exclude.match(below):
            yield Skipped(name, "excluded folder")
        elif not choice.follow_links and os.path.islink(path) and os.path.isdir(path):
            yield Skipped(name, "link to a folder")
        else:
            subfolders.append(_Folder(path, name, f"{below}/", ancestors))


def _list_folder(path: str) -> tuple[list[str], list[str], set[str]]:
    """List files, folders and archives, each in natural order; and those of the files that are links, pipes or such."""
    files: list[str] = []
    folders: list[str] = []
    odd: set[str] = set()
    with os.scandir(path) as entries:
        for entry in entries:
            if find_archive_kind(entry.name) or _is_folder(entry):
                folders.append(entry.name)
                continue
            files.append(entry.name)
            if not entry.is_file(follow_symlinks=False):  # known from the listing: a stat for each costs as much again
                odd.add(entry.name)
    for names in (files, folders):
        names.sort()  # twice, as one sort by two keys would hold a pair for each name
        names.sort(key=natural_key)
    return files, folders, odd


def _show_part(name: str) -> str:
    return name if name.isascii() else show_name(f"/{name}")[1:]


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _judge_file(path: str, name: str) -> Source | Skipped:
    """Decide what lies behind a link, or is none of file, folder and link."""
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        if has_image_extension(path):
            return Source(name, path)  # it was listed: its row will say why it cannot be read
        broken = isinstance(error, FileNotFoundError) and os.path.islink(path)
        return Skipped(name, "broken link" if broken else _say(error))
    if not stat.S_ISREG(mode):
        return Skipped(name, _name_kind(mode))
    return _judge_content(Source(name, path), os.path.basename(path), path)


def _walk_archive(archive: _Folder, choice: Choice) -> Iterator[Source | Skipped]:
    try:
        mode = os.stat(archive.path).st_mode
    except OSError as error:
        yield Source(archive.name, archive.path, trouble=f"unreadable archive: {_say(error)}")
        return
    if not stat.S_ISREG(mode):
        yield Skipped(archive.name, _name_kind(mode))
        return
    for member in list_members(archive.path, find_archive_kind(archive.path) or "zip"):
        yield _judge_member(archive, member, choice)


def _judge_member(archive: _Folder, member: Member, choice: Choice) -> Source | Skipped:
    if not member.name:
        return Source(archive.name, archive.path, trouble=member.trouble)
    name, below = f"{archive.name}/{_show_part(member.name)}", archive.below + member.name
    if choice.excludes_folder_of(below):
        return Skipped(name, "in an excluded folder")
    if objection := choice.find_objection(below):
        return Skipped(name, objection)
    if member.oddity:
        return Skipped(name, f"{member.oddity} in an archive")
    if find_archive_kind(member.name):
        return Skipped(name, "archive within an archive")
    source = Source(name, archive.path, member.name, member.place, member.trouble)
    if member.place is None:
        return source if has_image_extension(member.name) else Skipped(name, "not an image")
    return _judge_content(source, member.name.rpartition("/")[2], archive.path)


def _judge_content(source: Source, file_name: str, path: str) -> Source | Skipped:
    """Decide whether a file is an image: by its extension, or else by its first bytes."""
    extension = has_image_extension(file_name)
    resource_fork = file_name.startswith("._")
    if extension and not resource_fork:
        return source
    try:
        head = read_member(path, source.place, HEAD_BYTES, only_head=True) if source.place else _read_head(path)
    except (OSError, Refused) as error:
        why = _say(error) if isinstance(error, OSError) else str(error)
        return source if extension else Skipped(source.name, f"unreadable file: {why}")
    if resource_fork and head.startswith(APPLE_DOUBLE):
        return Skipped(source.name, "Mac resource fork")
    return source if extension or sniff(head) else Skipped(source.name, "not an image")


def _read_head(path: str) -> bytes:
    descriptor = os.open(path, OPEN_FLAGS)
    try:
        return os.read(descriptor, HEAD_BYTES)
    finally:
        os.close(descriptor)
