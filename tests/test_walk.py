"""Walking: what is found, in which order, under which name; and what is passed over, and why."""

import errno
import io
import os
import socket
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digit_batch.errors import InputError
from digit_batch.images import Skipped, Source, read_list, show_name, walk
from digit_batch.images.sources import natural_key

PNG = b"\x89PNG\r\n\x1a\n"


def make(folder: Path, *names: str, data: bytes = PNG) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def names_in(found: list[Source | Skipped]) -> list[str]:
    return [thing.name for thing in found if isinstance(thing, Source)]


def reasons_in(found: list[Source | Skipped]) -> dict[str, str]:
    return {thing.name: thing.reason for thing in found if isinstance(thing, Skipped)}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_natural_order_files_before_subfolders(here: Path) -> None:
    make(here, "s/10.png", "s/9.png", "s/a/1.png", "s/a10/1.png", "s/a9/1.png", "s/z.png", "s/a9/b/2.png", "s/a9/c.png")
    expected = ["9.png", "10.png", "z.png", "a/1.png", "a9/1.png", "a9/c.png", "a9/b/2.png", "a10/1.png"]
    assert names_in(list(walk(["s"]))) == [f"s/{name}" for name in expected]


@given(st.lists(st.integers(0, 10**30), min_size=2))
def test_numbers_in_names_sort_by_value(numbers: list[int]) -> None:
    assert sorted(numbers, key=lambda n: natural_key(f"scan {n:03}.png")) == sorted(numbers)


def test_names_are_the_input_as_typed_and_the_path_below(here: Path) -> None:
    make(here, "s/1.png")
    typed = ["s", "s/", "./s", ".", "s/1.png", str(here / "s"), "s/../s"]
    expected = ["s/1.png", "s/1.png", "./s/1.png", "./s/1.png", "s/1.png", f"{here}/s/1.png", "s/../s/1.png"]
    assert names_in(list(walk(typed))) == expected


def test_images_are_known_by_extension_or_by_content(here: Path) -> None:
    make(here, "s/1.PNG", "s/2.JpEg", "s/scan", "s/3.dat")
    make(here, "s/notes.txt", "s/Thumbs.db", data=b"seven")
    make(here, "s/text.png", "s/empty.tif", data=b"")
    make(here, "s/._1.PNG", data=b"\0\x05\x16\x07rest")
    found = list(walk(["s"]))
    assert names_in(found) == ["s/1.PNG", "s/2.JpEg", "s/3.dat", "s/empty.tif", "s/scan", "s/text.png"]
    assert reasons_in(found) == {
        "s/._1.PNG": "Mac resource fork",
        "s/Thumbs.db": "not an image",
        "s/notes.txt": "not an image",
    }


def test_a_file_given_by_name_is_always_read(here: Path) -> None:
    make(here, "notes.txt", data=b"seven")
    assert list(walk(["notes.txt"], include=["*.png"])) == [Source("notes.txt", "notes.txt")]


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("=1+2.png", "./=1+2.png"),
        ("-o.png", "./-o.png"),
        ("@a", "./@a"),
        ("+1", "./+1"),
        ("\ta", "./\ta"),
        ("\ra", "./\ra"),
        ("ok =.png", "ok =.png"),
        ("sieben é.png", "sieben é.png"),
        (os.fsdecode(b"caf\xe9.png"), "caf\\xe9.png"),
        (os.fsdecode(b"\xff=\xfe"), "\\xff=\\xfe"),
        ("lone \ud800", "lone \\ud800"),
        ("two\nlines", "two\nlines"),
    ],
)
def test_shown_names_are_utf8_and_never_a_formula(raw: str, shown: str) -> None:
    assert show_name(raw) == shown
    shown.encode("utf-8")


def test_odd_names_are_read_and_told_apart(here: Path) -> None:
    for raw in (b"s/caf\xe9.png", b's/a,"b\n.png', b"s/=x.png", b"s/[red].png"):
        os.makedirs(b"s", exist_ok=True)
        with open(raw, "wb") as file:
            file.write(PNG)
    found = list(walk(["s"]))
    assert names_in(found) == ["s/=x.png", "s/[red].png", 's/a,"b\n.png', "s/caf\\xe9.png"]
    assert all(os.path.exists(thing.path) for thing in found if isinstance(thing, Source))


def test_a_folder_called_like_a_formula(here: Path) -> None:
    make(here, "=s/1.png", "-t/2.png")
    assert names_in(list(walk(["=s", "-t"]))) == ["./=s/1.png", "./-t/2.png"]


def test_a_missing_input_is_refused_before_anything_is_read(here: Path) -> None:
    make(here, "s/1.png")
    with pytest.raises(InputError, match=r"^gone does not exist; check the name"):
        walk(["s", "gone"])
    os.symlink("nowhere", "link")
    with pytest.raises(InputError, match="is a link to something that does not exist"):
        walk(["link"])
    with pytest.raises(InputError):
        walk(["a\0b"])


def test_a_missing_name_from_a_list_is_a_row(here: Path) -> None:
    make(here, "1.png")
    assert names_in(list(walk(iter(["gone.png", "1.png"]), missing_ok=True))) == ["gone.png", "1.png"]


def test_pipes_sockets_and_devices_are_passed_over(here: Path) -> None:
    make(here, "s/1.png")
    os.mkfifo("s/pipe.png")
    os.mkfifo("s/pipe.zip")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s/socket.png")
        found = list(walk(["s", "s/pipe.png", os.devnull]))
    assert names_in(found) == ["s/1.png"]
    assert reasons_in(found) == {
        "s/pipe.png": "named pipe",
        "s/pipe.zip": "named pipe",
        "s/socket.png": "socket",
        os.devnull: "device",
    }


def test_links_to_files_are_read_and_broken_ones_are_rows(here: Path) -> None:
    make(here, "s/1.png")
    os.symlink("1.png", "s/2.png")
    os.symlink("nowhere.png", "s/3.png")
    os.symlink("nowhere", "s/lost")
    os.symlink("self", "s/self")
    found = list(walk(["s"]))
    assert names_in(found) == ["s/1.png", "s/2.png", "s/3.png"]
    assert reasons_in(found)["s/lost"] == "broken link"
    assert set(reasons_in(found)) == {"s/lost", "s/self"}


def test_linked_folders_only_when_asked_and_loops_end(here: Path) -> None:
    make(here, "s/a/1.png", "other/2.png")
    os.symlink("../..", "s/a/up")
    os.symlink("../other", "s/linked")
    found = list(walk(["s"]))
    assert names_in(found) == ["s/a/1.png"]
    assert reasons_in(found) == {"s/a/up": "link to a folder", "s/linked": "link to a folder"}
    found = list(walk(["s"], follow_links=True))
    assert {"s/a/1.png", "s/linked/2.png"} <= set(names_in(found))
    assert "loop of links" in reasons_in(found).values()
    assert len(found) < 20


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_an_unreadable_folder_is_named(here: Path) -> None:
    make(here, "s/1.png", "s/locked/2.png")
    os.chmod("s/locked", 0)
    try:
        assert reasons_in(list(walk(["s"]))) == {"s/locked": "unreadable folder: permission denied"}
    finally:
        os.chmod("s/locked", 0o700)


def test_a_locked_folder_is_refused_as_an_input(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(here, "s/locked/2.png")
    monkeypatch.setattr("os.scandir", scan_unlocked)
    with pytest.raises(InputError, match="permission denied"):
        walk(["s/locked"])
    assert reasons_in(list(walk(["s"]))) == {"s/locked": "unreadable folder: permission denied"}


def scan_unlocked(path: str, scan: Callable[[str], Any] = os.scandir) -> Any:
    """List a folder, unless it is called so; root, too, is then kept out."""
    if path.endswith("locked"):
        raise PermissionError(errno.EACCES, "Permission denied")
    return scan(path)


def test_a_folder_that_vanishes_while_walking_is_named(here: Path) -> None:
    make(here, "s/1.png", "s/a/2.png")
    found = walk(["s"])
    first = next(iter(found))
    (here / "s/a/2.png").unlink()
    (here / "s/a").rmdir()
    assert [first.name, *reasons_in(list(found)).items()] == [
        "s/1.png",
        ("s/a", "unreadable folder: no such file or directory"),
    ]


def test_folders_nested_deeper_than_the_stack(here: Path) -> None:
    folders = ["s" + "/d" * level for level in range(1_500)]  # pathlib and os.makedirs are recursive themselves
    for folder in folders:
        os.mkdir(folder)
    deepest = f"{folders[-1]}/1.png"
    with open(deepest, "wb") as file:
        file.write(PNG)
    found = names_in(list(walk(["s"])))
    os.remove(deepest)
    for folder in reversed(folders):
        os.rmdir(folder)
    assert found == [deepest]


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        ([], [], ["1.png", "2.jpg", "a/3.png", "thumbs/4.png"]),
        (["*.png"], [], ["1.png", "a/3.png", "thumbs/4.png"]),
        ([], ["thumbs"], ["1.png", "2.jpg", "a/3.png"]),
        ([], ["thumbs/"], ["1.png", "2.jpg", "a/3.png"]),
        (["*.png"], ["a/*"], ["1.png", "thumbs/4.png"]),
        (["a/*", "2.*"], [], ["2.jpg", "a/3.png"]),
        ([], ["*"], []),
        (["t*.png"], [], []),
        ([], ["t*.png"], ["1.png", "2.jpg", "a/3.png", "thumbs/4.png"]),
        (["?.png"], ["a?3.png"], ["1.png", "a/3.png", "thumbs/4.png"]),
        (["t*/4.png"], [], ["thumbs/4.png"]),
    ],
)
def test_patterns(here: Path, include: list[str], exclude: list[str], expected: list[str]) -> None:
    make(here, "s/1.png", "s/2.jpg", "s/a/3.png", "s/thumbs/4.png")
    found = list(walk(["s"], include=include, exclude=exclude))
    assert names_in(found) == [f"s/{name}" for name in expected]


def test_the_walk_is_lazy(here: Path) -> None:
    make(here, *(f"s/{folder}/{n}.png" for folder in range(3) for n in range(3)))
    assert [thing.name for thing in islice(walk(["s"]), 2)] == ["s/0/0.png", "s/0/1.png"]


@pytest.mark.parametrize(
    ("raw", "names"),
    [
        (b"a.png\nb c.png\n", ["a.png", "b c.png"]),
        (b"a.png\r\n\r\nb.png", ["a.png", "b.png"]),
        (b"a\nb.png\0c.png\0", ["a\nb.png", "c.png"]),
        (b"caf\xe9.png\n", [os.fsdecode(b"caf\xe9.png")]),
        ("\ufeffä.png\nb.png\n".encode(), ["ä.png", "b.png"]),
        ("\ufeffä.png\r\nb.png\r\n".encode("utf-16-le"), ["ä.png", "b.png"]),
        (("\ufeff" + "é.png\n" * 20_001).encode("utf-16-be"), ["é.png"] * 20_001),
        (b"", []),
        (b"\n".join(b"%060d" % n for n in range(5_000)), [f"{n:060}" for n in range(5_000)]),
    ],
)
def test_lists_of_names(raw: bytes, names: list[str]) -> None:
    assert list(read_list(io.BytesIO(raw))) == names
