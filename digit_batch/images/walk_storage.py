"""The walk of a storage: as the walk of folders, with listings for folders, one of them in memory at a time."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, NoReturn

from digit_batch.errors import DigitBatchError, InputError
from digit_batch.images.archives import find_archive_kind
from digit_batch.images.formats import APPLE_DOUBLE, HEAD_BYTES, has_image_extension, sniff
from digit_batch.images.sources import LOCKED, Skipped, Source, natural_key, show_name
from digit_batch.images.storage import (
    TOGETHER,
    base_name,
    check_url,
    is_absent,
    is_passing,
    open_storage,
    patiently,
    say,
    show_url,
    trouble_of,
    url_source,
)

if TYPE_CHECKING:
    from digit_batch.images.patterns import Choice

__all__ = ["check_storage", "walk_storage"]

BLOCK = 64  # files judged together, so that the first bytes of those without an extension are asked for at once


def check_storage(url: str) -> None:
    """Refuse an input that is not there, before anything is read.

    Raises
    ------
    InputError
        It does not exist, access is denied, or the storage cannot be reached.
    """
    check_url(url)
    try:
        _find_type(url)
    except Exception as error:
        _give_up(show_url(url), error)


def walk_storage(url: str, choice: "Choice", *, missing_ok: bool = False) -> Iterator[Source | Skipped]:
    """Find the images below a URL, a folder's own first and then its subfolders, each in natural order.

    Parameters
    ----------
    url : str
        As typed: a file, or a folder (a bucket, or a prefix of its keys that ends where a name ends).
    choice : Choice
        What is wanted of it.
    missing_ok : bool
        As in `digit_batch.images.walk`: what is not there, or cannot be asked for, becomes a source that says so.

    Raises
    ------
    InputError
        A listing fails for another reason than that access is denied: its images would be missing without a word.
    """
    name = show_url(url)
    try:
        check_url(url)
        kind, size = _find_type(url)
    except Exception as error:
        if not missing_ok or (isinstance(error, DigitBatchError) and not isinstance(error, InputError)):
            _give_up(name, error)
        yield Source(name, url, trouble=trouble_of(error))
        return
    _, path = open_storage(url)
    if kind != "directory":
        if find_archive_kind(base_name(path)):
            yield Skipped(name, "archive in a storage")
        else:
            yield url_source(name, url, path, size)
        return
    waiting = [_Folder(path.rstrip("/"), name.rstrip("/"), "")]
    while waiting:
        folder = waiting.pop()
        subfolders: list[_Folder] = []
        yield from _walk_folder(url, folder, choice, subfolders)
        waiting.extend(reversed(subfolders))


@dataclass(frozen=True, slots=True)
class _Folder:
    path: str  # in the storage
    name: str  # for the rows
    below: str  # below the input, ending in /, for the patterns; empty for the input itself


_Entry = tuple[str, str, str, int]  # natural key, name, type, bytes


def _find_type(url: str) -> tuple[str, int]:
    """Return ``"file"`` or ``"directory"``, and the bytes of a file."""
    _, path = open_storage(url)
    found = patiently(lambda storage: storage.info(path), url)
    return str(found["type"]), int(found.get("size") or 0)


def _give_up(name: str, error: Exception) -> NoReturn:
    if isinstance(error, DigitBatchError):  # a sentence already
        raise error
    if is_absent(error):
        raise InputError(f"{name} does not exist; check the name, and the account whose storage it is.") from None
    cure = "Try again later" if is_passing(error) else "Check the name, and the credentials that its own tools use"
    raise InputError(f"{name} cannot be read: {say(error)}. {cure}.") from None


def _walk_folder(url: str, folder: _Folder, choice: "Choice", subfolders: list[_Folder]) -> Iterator[Source | Skipped]:
    try:
        files, folders = _list(url, folder.path)
    except PermissionError:
        yield Skipped(folder.name, f"{LOCKED}: access denied by the storage")
        return
    except FileNotFoundError:  # an empty one, where folders are no things of their own; or gone since
        return
    except Exception as error:
        _give_up(folder.name, error)
    yield from _judge(url, folder, files, choice)
    for _, part, _, _ in folders:
        below, shown = folder.below + part, f"{folder.name}/{_show_part(part)}"
        if choice.exclude and choice.exclude.match(below):
            yield Skipped(shown, "excluded folder")
        elif not part:
            yield Skipped(shown, "folder without a name in a storage")
        else:
            subfolders.append(_Folder(f"{folder.path}/{part}", shown, f"{below}/"))


def _list(url: str, path: str) -> tuple[list[_Entry], list[_Entry]]:
    """List files and folders, each in natural order."""
    files: list[_Entry] = []
    folders: list[_Entry] = []
    for entry in patiently(lambda storage: storage.ls(path or "/", detail=True), url):
        full = entry["name"]
        if full.rstrip("/") == path.rstrip("/") and entry["type"] == "file":  # the mark of an empty folder in a bucket
            continue
        part = full.removeprefix(path).removeprefix("/") if full.startswith(path) else base_name(full)
        if entry["type"] == "directory":
            part = part.removesuffix("/")
            folders.append((natural_key(part), part, "directory", 0))
        else:
            files.append((natural_key(part), part, entry["type"], int(entry.get("size") or 0)))
    files.sort()
    folders.sort()
    return files, folders


def _judge(url: str, folder: _Folder, files: Sequence[_Entry], choice: "Choice") -> Iterator[Source | Skipped]:
    """Decide which files are images: by their extension, or else by their first bytes."""
    entries = iter(files)
    while block := list(islice(entries, BLOCK)):
        unknown = [
            part for _, part, kind, size in block if kind == "file" and size and _must_look(part, folder.below, choice)
        ]
        heads = _read_heads(url, [f"{folder.path}/{part}" for part in unknown])
        known = dict(zip(unknown, heads, strict=True))
        for _, part, kind, size in block:
            shown, path = f"{folder.name}/{_show_part(part)}", f"{folder.path}/{part}"
            if reason := choice.find_objection(folder.below + part) or _object(part, kind, known.get(part)):
                yield Skipped(shown, reason)
            else:
                yield url_source(shown, url, path, size)


def _must_look(part: str, below: str, choice: "Choice") -> bool:
    by_name = has_image_extension(part) and not part.startswith("._")
    return not by_name and not find_archive_kind(part) and not choice.find_objection(below + part)


def _object(part: str, kind: str, head: bytes | str | None) -> str:
    """Say why a file is no image; empty when it is one. `head` is its beginning, or why that could not be read."""
    extension = has_image_extension(part)
    if kind not in ("file", "link"):
        return "no file in a storage"
    if find_archive_kind(part):
        return "archive in a storage"
    if isinstance(head, str):
        return "" if extension else head
    if part.startswith("._") and (head or b"").startswith(APPLE_DOUBLE):
        return "Mac resource fork"
    return "" if extension or (head and sniff(head)) else "not an image"


def _read_heads(url: str, paths: Sequence[str]) -> list[bytes | str]:
    """Read the first bytes of files, or say in words why they cannot be read."""

    def read(path: str) -> bytes | str:
        try:
            return bytes(patiently(lambda storage: storage.cat_file(path, start=0, end=HEAD_BYTES), url))
        except Exception as error:
            return trouble_of(error)

    if not paths:
        return []
    with ThreadPoolExecutor(min(TOGETHER, len(paths))) as pool:
        return list(pool.map(read, paths))


def _show_part(name: str) -> str:
    return show_name(f"/{name}")[1:]
