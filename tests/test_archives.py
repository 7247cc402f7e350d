"""Archives read as folders: the same images under the same names, and nothing a hostile one asks for."""

import gzip
import io
import os
import pickle
import random
import struct
import tarfile
import zipfile
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from digit_batch.images import (
    Frame,
    Skipped,
    Source,
    Unreadable,
    archives,
    find_sources,
    lookup,
    number_files,
    read_frames,
    walk,
)

Pairs = list[tuple[str, bytes]]
KINDS = ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"]


def encode(level: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((9, 7), level, dtype=np.uint8)).save(file, "PNG")
    return file.getvalue()


MEMBERS = {"10.png": encode(10), "9.png": encode(9), "b/2.png": encode(2), "a/1.tif": encode(1), "a/scan": encode(77)}


def pack(path: Path, members: dict[str, bytes] | Pairs, packing: int = zipfile.ZIP_DEFLATED) -> str:
    pairs = list(members.items()) if isinstance(members, dict) else members
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", packing) as archive:
            for name, data in pairs:
                archive.writestr(name, data)
    else:
        suffix = path.suffix.lstrip(".")
        with tarfile.open(path, "w" if suffix == "tar" else f"w:{suffix}") as tar:  # type: ignore[call-overload]
            for name, data in pairs:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return str(path)


def read_all(path: str, **options: object) -> list[tuple[str, object]]:
    """Give name and level, or reason, of all that is found."""
    found: list[tuple[str, object]] = []
    for thing in walk([path], **options):  # type: ignore[arg-type]
        name = thing.name.removeprefix(path).removeprefix("/")
        if isinstance(thing, Skipped):
            found.append((name, f"skipped: {thing.reason}"))
            continue
        for item in read_frames(pickle.loads(pickle.dumps(thing))):
            found.append((name, int(item.pixels[0, 0]) if isinstance(item, Frame) else item.reason))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_reads_as_its_folder_does(kind: str, tmp_path: Path) -> None:
    path = pack(tmp_path / f"s.{kind}", MEMBERS | {"readme.txt": b"seven"})
    expected = [("9.png", 9), ("10.png", 10), ("readme.txt", "skipped: not an image")]
    expected += [("a/1.tif", 1), ("a/scan", 77), ("b/2.png", 2)]
    found = read_all(path)
    if kind in ("zip", "tar"):
        assert found == expected
    else:
        assert [name for name, _ in found] == [*MEMBERS, "readme.txt"]  # its own order: it is a tape
        assert sorted(found, key=str) == sorted(expected, key=str)


def test_archives_in_folders_are_subfolders(tmp_path: Path) -> None:
    (tmp_path / "z").mkdir()
    (tmp_path / "z/1.png").write_bytes(encode(1))
    (tmp_path / "9.png").write_bytes(encode(9))
    pack(tmp_path / "a.zip", {"5.png": encode(5)})
    assert read_all(str(tmp_path)) == [("9.png", 9), ("a.zip/5.png", 5), ("z/1.png", 1)]


@pytest.mark.parametrize("kind", KINDS)
def test_members_are_read_in_any_order(kind: str, tmp_path: Path) -> None:
    members = {f"{n}.png": encode(n) for n in range(40)}
    sources = [thing for thing in walk([pack(tmp_path / f"s.{kind}", members)]) if isinstance(thing, Source)]
    random.Random(0).shuffle(sources)
    for source in sources:
        [frame] = read_frames(source)
        assert isinstance(frame, Frame)
        assert source.member == f"{frame.pixels[0, 0]}.png"


@pytest.mark.parametrize("kind", KINDS)
def test_names_lead_nowhere_else(kind: str, tmp_path: Path) -> None:
    hostile = {"../../etc/1.png": encode(1), "/srv/2.png": encode(2), "a/./../3.png": encode(3), "=4.png": encode(4)}
    path = pack(tmp_path / f"s.{kind}", hostile)
    dots = "\\x2e\\x2e"
    assert set(read_all(path)) == {
        (f"{dots}/{dots}/etc/1.png", 1),
        ("srv/2.png", 2),
        (f"a/{dots}/3.png", 3),
        ("=4.png", 4),
    }


def test_archives_within_archives_links_and_mac_forks_are_passed_over(tmp_path: Path) -> None:
    path = pack(tmp_path / "s.zip", {"in.zip": b"PK", "__MACOSX/._1.png": b"\0\x05\x16\x07", "1.png": encode(1)})
    assert read_all(path) == [
        ("1.png", 1),
        ("in.zip", "skipped: archive within an archive"),
        ("__MACOSX/._1.png", "skipped: Mac resource fork"),
    ]
    with tarfile.open(tmp_path / "s.tar", "w") as tar:
        link = tarfile.TarInfo("passwd.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
        pipe = tarfile.TarInfo("pipe.png")
        pipe.type = tarfile.FIFOTYPE
        tar.addfile(pipe)
    assert read_all(str(tmp_path / "s.tar")) == [
        ("passwd.png", "skipped: link in an archive"),
        ("pipe.png", "skipped: named pipe in an archive"),
    ]


def test_patterns_reach_into_archives(tmp_path: Path) -> None:
    path = pack(tmp_path / "s.zip", MEMBERS)
    found = [name for name, what in read_all(path, include=["*.png"], exclude=["b"]) if isinstance(what, int)]
    assert found == ["9.png", "10.png"]


def edit_zip(path: str, offset_local: int, offset_central: int, value: bytes) -> None:
    """Overwrite a field in every header of a zip."""
    data = bytearray(Path(path).read_bytes())
    for sign, offset in ((b"PK\x03\x04", offset_local), (b"PK\x01\x02", offset_central)):
        at = data.find(sign)
        while at >= 0:
            data[at + offset : at + offset + len(value)] = value
            at = data.find(sign, at + 4)
    Path(path).write_bytes(data)


def test_an_encrypted_member_is_a_row(tmp_path: Path) -> None:
    path = pack(tmp_path / "s.zip", {"1.png": encode(1), "notes.txt": b"secret"})
    edit_zip(path, 6, 8, b"\x01")
    assert read_all(path) == [("1.png", "encrypted in its archive"), ("notes.txt", "skipped: not an image")]


def test_an_unknown_packing_is_a_row(tmp_path: Path) -> None:
    path = pack(tmp_path / "s.zip", {"1.png": encode(1)})
    edit_zip(path, 8, 10, b"\x63\0")
    assert read_all(path) == [("1.png", "packed in a way that is not read: zip method 99")]


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_every_packing_of_a_zip_is_read_and_damage_is_seen(packing: int, tmp_path: Path) -> None:
    path = pack(tmp_path / "s.zip", {"1.png": encode(200)}, packing)
    assert read_all(path) == [("1.png", 200)]
    edit_zip(path, 14, 16, b"\1\2\3\4")
    assert read_all(path) == [("1.png", "damaged in its archive: wrong checksum")]


def test_a_member_larger_than_memory_should_hold_is_a_row(tmp_path: Path) -> None:
    path = pack(tmp_path / "s.zip", {"1.png": encode(1)})
    edit_zip(path, 22, 24, struct.pack("<I", 3_000_000_000))
    assert read_all(path) == [("1.png", "too large in an archive: 3 000 000 000 bytes")]


def test_no_more_is_unpacked_than_was_declared(tmp_path: Path) -> None:
    path = pack(tmp_path / "s.zip", {"1.png": encode(1) + bytes(50_000_000)})
    edit_zip(path, 22, 24, struct.pack("<I", 1_000))
    [source] = walk([path])
    assert isinstance(source, Source)
    assert source.place is not None
    with pytest.raises(archives.Refused, match="wrong checksum"):
        archives.read_member(path, source.place)


def test_overlapping_members_are_refused(tmp_path: Path) -> None:
    path = pack(tmp_path / "s.zip", {"1.png": encode(1), "2.png": encode(2)})
    data = bytearray(Path(path).read_bytes())
    second = data.rfind(b"PK\x01\x02")
    data[second + 42 : second + 46] = bytes(4)
    Path(path).write_bytes(data)
    assert read_all(path) == [("", "broken archive: members overlap")]


@pytest.mark.parametrize("outside", [2**63, 10_000])
def test_members_said_to_lie_outside_their_zip_cost_no_other_its_row(outside: int, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("1.png", "2.png", "scan"):
            archive.writestr(name, encode(1))
        for number, info in enumerate(archive.infolist()[1:]):
            info.header_offset = outside + 1000 * number
    pack(tmp_path / "b.zip", {"3.png": encode(3)})
    assert read_all(str(tmp_path)) == [
        ("a.zip/1.png", 1),
        ("a.zip/2.png", "damaged archive: said to lie outside of it"),
        ("a.zip/scan", "skipped: not an image"),
        ("b.zip/3.png", 3),
    ]


def test_a_place_past_every_file_is_refused_whoever_asks_for_it(tmp_path: Path) -> None:
    path = pack(tmp_path / "s.zip", {"1.png": encode(1)})
    with pytest.raises(archives.Refused, match="damaged in its archive"):
        archives.read_member(path, archives.Place("zip", 2**63, 9, 9))


def make_header(info: tarfile.TarInfo, at: int, value: bytes) -> bytes:
    """Give a tar's header with some bytes overwritten, and its sum made good."""
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[at : at + len(value)] = value
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def test_a_tar_that_leads_back_is_not_gone_through_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "s.tar.gz"
    back = make_header(tarfile.TarInfo("2.png"), 124, b"\xff\xff\xff\xff" + struct.pack(">q", -512))
    path.write_bytes(gzip.compress(tarfile.TarInfo("1.png").tobuf() + back + bytes(10_000)))
    first, *rest = islice(archives.list_members(str(path), "tar.gz"), 9)
    assert first.name == "1.png"
    assert rest == [archives.Member("", trouble="broken archive: damaged")]


def test_a_list_of_holes_as_long_as_its_tar_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "HEADERS_BYTES", 20_000)
    info = tarfile.TarInfo("1.png")
    info.type = tarfile.GNUTYPE_SPARSE
    header = make_header(info, 482, b"\1")  # its list goes on in the next block
    path = tmp_path / "s.tar"
    path.write_bytes(header + (b"00000000001\0" * 42).ljust(512, b"\1") * 100)
    assert read_all(str(path)) == [("", "broken archive: a header too long to be true")]


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_cut_short_says_so(kind: str, tmp_path: Path) -> None:
    noise = random.Random(0).randbytes(40_000)
    path = Path(pack(tmp_path / f"s.{kind}", MEMBERS | {"c/last.png": encode(3) + noise}))
    path.write_bytes(path.read_bytes()[:-20_000])
    found = read_all(str(path))
    assert any(name == "" and str(what).startswith("broken archive") for name, what in found), found
    if kind == "tar":
        assert ("9.png", 9) in found


def test_damage_in_the_middle_of_a_tar_is_not_taken_for_its_end(tmp_path: Path) -> None:
    path = Path(pack(tmp_path / "s.tar", {"1.png": encode(1), "2.png": encode(2)}))
    data = bytearray(path.read_bytes())
    at = data.find(b"2.png")
    data[at : at + 3] = b"\xff\xff\xff"
    path.write_bytes(data)
    assert read_all(str(path)) == [
        ("1.png", 1),
        ("", "broken archive: damaged in the middle; what comes after was not read"),
    ]


@pytest.mark.parametrize("name", ["s.zip", "s.tar", "s.tar.gz", "s.tgz", "s.tar.xz", "s.tar.bz2"])
@pytest.mark.parametrize("data", [b"", b"just text", bytes(10_000)])
def test_what_is_only_called_an_archive_is_a_row(name: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    found = read_all(str(tmp_path / name))
    assert found == [] if name == "s.tar" and data.startswith(b"\0") else "archive" in str(found[0][1])


def test_a_tar_bomb_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "FREE_BYTES", 100_000)
    path = pack(tmp_path / "s.tar.gz", {"1.png": encode(1), "zeros.bin": bytes(9_000_000), "2.png": encode(2)})
    assert read_all(path) == [
        ("1.png", 1),
        ("zeros.bin", "skipped: not an image"),
        ("", "broken archive: unpacks to more than 200 times its size"),
    ]


def test_a_header_as_long_as_memory_is_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 2_000_000_000
    path = tmp_path / "s.tar"
    path.write_bytes(info.tobuf() + bytes(10_000))
    assert read_all(str(path)) == [("", "broken archive: a header too long to be true")]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_archives_end_in_rows_never_in_exceptions(kind: str, data: st.DataObject, tmp_path: Path) -> None:
    path = Path(pack(tmp_path / f"s.{kind}", MEMBERS))
    damaged = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(damaged[: data.draw(st.integers(0, len(damaged)))])
    for _, what in read_all(str(path)):
        assert isinstance(what, int) or what.isprintable()


def test_an_archive_that_vanished_is_a_reason(tmp_path: Path) -> None:
    path = pack(tmp_path / "s.zip", {"1.png": encode(1)})
    [source] = walk([path])
    assert isinstance(source, Source)
    Path(path).unlink()
    assert list(read_frames(source)) == [Unreadable(0, "unreadable file: no such file or directory")]


def find(*paths: str) -> list[object]:
    """Give the level, or the reason, of what neighbouring rows of a table lead to."""
    files = number_files((path, None) for path in paths)
    items = (next(read_frames(source)) for source in find_sources(wanted for wanted, _ in files))
    return [int(item.pixels[0, 0]) if isinstance(item, Frame) else item.reason for item in items]


@pytest.mark.parametrize("kind", KINDS)
def test_members_are_found_again_in_any_order_and_one_that_is_gone_costs_no_other(kind: str, tmp_path: Path) -> None:
    archives = [pack(tmp_path / f"{top}.{kind}", {f"{n}.png": encode(n) for n in range(40)}) for top in "ab"]
    wanted = [(f"{archive}/{n}.png", n if n < 40 else None) for archive in archives for n in range(42)]
    random.Random(0).shuffle(wanted)
    found = find(*(path for path, _ in wanted))
    assert found == ["no such file in the archive" if n is None else n for _, n in wanted]


def test_an_archive_is_listed_once_for_many_files_and_these_are_no_more_than_a_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pack(tmp_path / "s.zip", {f"{n}.png": encode(n) for n in range(40)})
    listed, taken = [], []
    monkeypatch.setattr(lookup, "WINDOW", 16)
    monkeypatch.setattr(lookup, "walk", lambda inputs, **options: listed.append(inputs) or walk(inputs, **options))
    names = (taken.append(n) or lookup.Wanted(f"{path}/{n}.png") for n in reversed(range(40)))
    for number, source in enumerate(find_sources(names)):
        assert len(taken) - number <= 16
        assert source.member == f"{39 - number}.png"
    assert len(listed) == 3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_an_archive_holds_twice_is_never_taken_for_the_other(kind: str, tmp_path: Path) -> None:
    path = pack(tmp_path / f"s.{kind}", [("a.png", encode(0)), ("a.png", encode(1)), ("b.png", encode(2))])
    unclear = "cannot be told from others of its name in the archive: classify that again, or unpack it"
    a, b = f"{path}/a.png", f"{path}/b.png"
    assert find(a, a, b) == [0, 1, 2]
    assert find(a, b) == [unclear, 2]
    assert find(a, b, a) == [unclear, 2, unclear]
    assert find(a, a, a) == [unclear] * 3
    assert find(b, b) == [unclear] * 2


def test_an_archive_that_was_broken_is_to_be_classified_again_once_it_is_whole(tmp_path: Path) -> None:
    path = pack(tmp_path / "s.zip", MEMBERS)
    whole = Path(path).read_bytes()
    Path(path).write_bytes(whole[:100])
    broken = "broken archive: no list of members at its end; cut short, or no zip"
    assert find(path, f"{path}/9.png") == [broken, broken]
    Path(path).write_bytes(whole)
    assert find(path, f"{path}/9.png") == ["the archive can be read now: classify it again", 9]


@pytest.mark.parametrize("kind", KINDS)
def test_members_are_found_again_whatever_their_names_show(kind: str, tmp_path: Path) -> None:
    """Names that lead out of the archive, escapes that stand in a name, and an archive whose own name is not UTF-8."""
    names = ["../1.png", "a\\x41.png", "=1.png", "a/./2.png"]
    path = pack(tmp_path / os.fsdecode(b"caf\xe9 \\x41.") / f"s.{kind}", {name: encode(9) for name in names})
    shown = [source.name for source in walk([path]) if isinstance(source, Source)]
    assert any("\\x2e\\x2e/1.png" in name for name in shown) and all("caf\\xe9 \\x41." in name for name in shown)
    assert find(*shown) == [9] * 4


def test_files_whose_names_are_shown_alike_are_not_taken_for_each_other(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "\\xff.png").write_bytes(encode(1))
    (folder / os.fsdecode(b"\xfe.png")).write_bytes(encode(2))
    (folder / os.fsdecode(b"\\xfe\xff.png")).write_bytes(encode(3))
    names = [f"{folder}/{name}.png" for name in (r"\xff", r"\xfe", r"\xfe\xff", r"b\x41")]
    assert find(*names) == [1, 2, 3, "unreadable file: no such file or directory"]
    (folder / os.fsdecode(b"\xff.png")).write_bytes(encode(4))
    unclear = "cannot be told from another file whose name is written so: rename that"
    assert find(*names) == [unclear, 2, 3, "unreadable file: no such file or directory"]
