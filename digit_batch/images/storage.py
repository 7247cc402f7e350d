"""Files on the other side of a network, by URL: what may be asked for, and patient reading.

Alone knows fsspec, which the extra `cluster` brings. Credentials come from where each storage's own tools look for
them (environment, profile, key agent), never from the URL, and no word of theirs is passed on: what goes into a row
or a sentence is chosen here, because an exception's text may quote a signed link or a key.
"""

import errno
import logging
import os
import random
import re
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from digit_batch.errors import DigitBatchError, InputError, missing_extra
from digit_batch.images.archives import wind_tape
from digit_batch.images.sources import Place, Refused, Source, show_name

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

__all__ = ["check_url", "fetch_ahead", "is_url", "open_storage", "patiently", "read_url", "say", "show_url"]

T = TypeVar("T")

URL = re.compile("[A-Za-z][A-Za-z0-9+.-]*://")
PACKAGES = {"gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs", "abfss": "adlfs"}  # not in the extra: large
LOGGERS = ("adlfs", "azure", "aiobotocore", "asyncssh", "botocore", "fsspec", "gcsfs", "google", "s3fs", "sshfs")
SILENT = logging.NullHandler()  # whoever logs gets their warnings; the terminal gets our sentence alone
WEB = ("http", "https")
SSH = ("sftp", "ssh")
SCHEMES = ("s3", *PACKAGES, *SSH, *WEB, "memory")
FILE_BYTES = 256 << 20  # the largest file that is read: it is held in memory whole
TRIES = 4
FIRST_WAIT = 0.5  # s before the second try; doubled for each one after it, less up to half by chance
FETCH_SECONDS = 90.0  # for all tries of one file; the storages' own time-outs are well below
TOGETHER = 16  # requests under way for a process: at 20 ms for an answer, 800 files/s
LOOK_EVERY = 0.25  # s
CONNECT_SECONDS, READ_SECONDS = 5, 15
PASSING = {
    *(errno.EBUSY, errno.EAGAIN, errno.ETIMEDOUT, errno.ECONNRESET, errno.ECONNREFUSED, errno.ECONNABORTED),
    *(errno.EPIPE, errno.EHOSTUNREACH, errno.ENETUNREACH, socket.EAI_AGAIN),
    121,  # how s3fs puts a 500
}
PASSING_STATUSES = (408, 425, 429)  # of HTTP, and everything from 500 on
LASTING = ("Credentials", "HostKey", "Permission", "Profile", "Invalid")  # in the names of those that are not
PASSING_FROM = ("aiohttp", "aiobotocore", "botocore", "asyncssh")  # whose other exceptions are of the connection


def is_url(text: str) -> bool:
    """Tell whether an input is a URL and not the name of a file."""
    return URL.match(text) is not None


def show_url(url: str) -> str:
    """Return a URL as rows and sentences have it: without what could be a secret (a password, a link's signature)."""
    if not is_url(url):
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        return f"{url.partition('://')[0]}://..."  # not to be taken apart, so that nothing of it is safe to show
    user, at, host = parts.netloc.rpartition("@")
    who = user.partition(":")[0] + at if parts.scheme.lower() in SSH else ""  # anywhere else a user is a key
    parts = parts._replace(netloc=who + host)
    query = {"query": "", "fragment": ""} if parts.scheme.lower() in WEB else {}
    return show_name(urlunsplit(parts._replace(**query)))


def check_url(url: str) -> None:
    """Refuse a URL whose storage is not known or not installed, or that carries a password.

    Raises
    ------
    InputError, DigitBatchError
        One sentence: what, why, and the cure.
    """
    scheme = url.partition("://")[0].lower()
    if scheme not in SCHEMES:
        raise InputError(
            f"{show_url(url)}: {scheme}:// is not read. Known are {', '.join(f'{s}://' for s in SCHEMES)}."
        )
    try:
        secret = urlsplit(url).password is not None
    except ValueError:
        raise InputError(f"{show_name(url)} is no URL. Check its host.") from None
    if secret:
        raise InputError(
            f"{show_url(url)} was given with a password, which would be seen by others. Leave it out; "
            "credentials are taken from the environment, a profile or a key agent."
        )
    open_storage(url)


def open_storage(url: str) -> tuple["AbstractFileSystem", str]:
    """Return the file system of a URL, and the URL's path in it.

    Raises
    ------
    InputError, DigitBatchError
        It cannot be reached, or a package for it is not installed.
    """
    try:
        import fsspec
    except ImportError as error:
        raise missing_extra("--parts" if url.startswith("file:") else f"{url.partition('://')[0]}://", error) from error
    for name in LOGGERS:
        logging.getLogger(name).addHandler(SILENT)
    scheme = url.partition("://")[0].lower()
    if (package := PACKAGES.get(scheme)) and find_spec(package) is None:
        raise DigitBatchError(f"{scheme}:// needs the package {package}: pip install {package}.")
    try:
        storage, path = fsspec.core.url_to_fs(scheme + url[len(scheme) :], **_options(scheme))  # it knows S3:// not
    except ImportError as error:
        raise missing_extra(f"{scheme}://", error) from error
    except Exception as error:  # every storage has its own kinds
        raise InputError(
            f"{show_url(url)} cannot be opened: {say(error)}. Check the host and the credentials."
        ) from error
    if scheme == "s3":
        storage.retries = 1
    return storage, path


def _options(scheme: str) -> dict[str, Any]:
    """Return how a storage is opened: short time-outs, and `patiently` is the only one to try again."""
    if scheme in SSH:
        return {"known_hosts": (), "connect_timeout": CONNECT_SECONDS, "keepalive_interval": READ_SECONDS}
    if scheme in WEB:
        import aiohttp

        return {
            "client_kwargs": {"timeout": aiohttp.ClientTimeout(sock_connect=CONNECT_SECONDS, sock_read=READ_SECONDS)}
        }
    options: dict[str, Any] = {"use_listings_cache": False}  # it would keep every folder of the run
    if scheme == "s3":
        once = {"connect_timeout": CONNECT_SECONDS, "read_timeout": READ_SECONDS, "retries": {"total_max_attempts": 1}}
        options["config_kwargs"] = once
    return options


_keep = lru_cache(maxsize=8)(open_storage)


def patiently(act: Callable[["AbstractFileSystem"], T], url: str) -> T:
    """Do something with a storage, and try again after time-outs and throttling, waiting longer each time.

    Raises
    ------
    Exception
        Whatever the last try raised; `say` puts it into words.
    """
    for attempt in range(TRIES):
        if attempt:
            time.sleep(FIRST_WAIT * 2 ** (attempt - 1) * random.uniform(0.5, 1))
            if url.lower().startswith(SSH):  # a broken connection stays broken
                type(_keep(url)[0]).clear_instance_cache()
                _keep.cache_clear()
        try:
            return act(_keep(url)[0])
        except Exception as error:
            if attempt == TRIES - 1 or not is_passing(error):
                raise
    raise AssertionError


def find_cause(error: BaseException) -> BaseException:
    """Return what is really wrong: of any trouble with a web server, fsspec says that the file is not there."""
    cause = error.__cause__
    hidden = isinstance(cause, OSError) or type(cause).__module__.startswith("aiohttp")
    return cause if cause is not None and hidden and isinstance(error, FileNotFoundError) else error


def is_passing(error: BaseException) -> bool:
    """Tell whether trying again may help."""
    error = find_cause(error)
    status = _status_of(error)
    if status is not None:
        return status in PASSING_STATUSES or status >= 500
    if isinstance(error, TimeoutError | ConnectionError):
        return True
    if isinstance(error, InputError):  # a connection that could not be opened again
        return error.__cause__ is not None and is_passing(error.__cause__)
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in PASSING
    lasting = any(word in type(error).__name__ for word in LASTING)
    return type(error).__module__.partition(".")[0] in PASSING_FROM and not lasting


def is_absent(error: BaseException) -> bool:
    """Tell whether a storage said that there is no such file."""
    error = find_cause(error)
    return isinstance(error, FileNotFoundError) or _status_of(error) in (404, 410)


def _status_of(error: BaseException) -> int | None:
    """Return the status that a storage answered with over HTTP: aiohttp and the others' clients name it differently."""
    found = getattr(error, "status", None) or getattr(error, "status_code", None)
    return found if isinstance(found, int) else None


def trouble_of(error: BaseException) -> str:
    """Return the reason of the row of a file that a storage did not give."""
    return f"unreadable file: {say(error)}"


def say(error: BaseException) -> str:
    """Put what a storage raised into the short words of a row, none of its own: they may quote a secret."""
    error = find_cause(error)
    status = _status_of(error)
    if isinstance(error, Refused):
        return str(error)
    if isinstance(error, InputError):
        return "a URL of this kind is not read" if error.__cause__ is None else say(error.__cause__)
    if is_absent(error):
        return "no such file in the storage"
    kind = type(error).__name__
    if isinstance(error, PermissionError) or status in (401, 403) or "Credentials" in kind or "Permission" in kind:
        return "access denied by the storage"
    if "HostKey" in kind:
        return "its key is not in known_hosts"
    if "Profile" in kind:
        return "the profile is not known here"
    if isinstance(error, socket.gaierror) or "DNS" in kind:
        return "its host is not known"
    if "SSL" in kind or "Certificate" in kind:
        return "its certificate is not trusted, or it has none"
    if isinstance(error, TimeoutError):
        return "the storage did not answer in time"
    if is_passing(error):
        return "the storage was busy or not reached"
    return f"the storage failed: {kind}"


def read_url(source: Source) -> bytes:
    """Read one file into memory.

    Raises
    ------
    Refused
        It cannot be read; the words of its row.
    """
    size = source.place.size if source.place else 0
    if size > FILE_BYTES:
        raise _too_large(size)
    try:
        return patiently(lambda storage: _read(storage, source), source.path)
    except Refused:
        raise
    except Exception as error:  # every storage has its own kinds
        raise Refused(trouble_of(error)) from None


def _read(storage: "AbstractFileSystem", source: Source) -> bytes:
    path = source.member or _keep(source.path)[1]
    if not path.lower().startswith(WEB) or (source.place and source.place.size):
        return bytes(storage.cat_file(path))
    data = bytearray()
    with storage.open(path, "rb", block_size=0) as stream:  # a web server need not tell the size before
        while len(data) <= FILE_BYTES and (block := stream.read(1 << 20)):
            data += block
    if len(data) > FILE_BYTES:
        raise _too_large(len(data))
    return bytes(data)


def _too_large(size: int) -> Refused:
    return Refused(f"too large in a storage: {size:,} bytes".replace(",", " "))


def fetch_ahead(chunk: Sequence[Source], breathe: Callable[[], None] = lambda: None) -> Iterator[Source]:
    """Yield the files of a chunk in order, each at hand for its reader.

    Those in a storage come with their bytes, which are fetched many at a time; a packed tar is wound to its member.

    Parameters
    ----------
    chunk : sequence of Source
        As `cut_chunks` cuts it, so that all its bytes may be held together.
    breathe : callable
        Called now and then while the network is waited for, or an archive unpacked.
    """
    away = [
        place
        for place, source in enumerate(chunk)
        if source.content is None and not source.trouble and is_url(source.path)
    ]
    pool = ThreadPoolExecutor(TOGETHER, thread_name_prefix="digit_batch fetch")
    try:
        coming = {place: pool.submit(read_url, chunk[place]) for place in away}
        for place, source in enumerate(chunk):
            if source.place is not None and place not in coming:
                wind_tape(source.path, source.place, breathe)
            yield _fill(source, coming.pop(place), breathe) if place in coming else source
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _fill(source: Source, coming: "Future[bytes]", breathe: Callable[[], None]) -> Source:
    """Return a source with its bytes, or with what is wrong with it."""
    end = time.monotonic() + FETCH_SECONDS
    while not coming.done() and time.monotonic() < end:
        wait([coming], LOOK_EVERY)
        breathe()
    try:
        return replace(source, content=coming.result(timeout=0))
    except TimeoutError:
        return replace(source, trouble="unreadable file: the storage did not answer in time")
    except Refused as refusal:
        return replace(source, trouble=str(refusal))


def url_source(name: str, url: str, path: str, size: int) -> Source:
    """Return the source of a file in a storage.

    Parameters
    ----------
    name : str
        For the row.
    url : str
        Of the storage; any that leads to it.
    path : str
        In the storage.
    size : int
        Bytes, 0 where the storage does not tell.
    """
    source = Source(name, url, path, Place("url", 0, size))
    if not url.lower().startswith("memory://"):
        return source
    try:
        return replace(source, content=read_url(source))  # the memory of this process; no worker can see it
    except Refused as refusal:
        return replace(source, trouble=str(refusal))


def base_name(path: str) -> str:
    """Return the last part of a path in a storage."""
    return os.path.basename(path.rstrip("/"))
