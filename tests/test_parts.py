"""Outputs in a storage and folders of parts: the same bytes, resumable, with a manifest that can be believed."""

import csv
import hashlib
import io
import json
import sys
from contextlib import contextmanager

import pytest
from folders import fill_mixed, run, start
from servers import SECRET, s3_client, s3_server, sftp_server, web_server

from digit_batch import parts as module
from digit_batch.errors import OutputError
from digit_batch.parts import open_parts

fsspec = pytest.importorskip("fsspec")

FACTS = {"the inputs": "scans"}


@pytest.fixture
def memory():
    """The storage of this process, empty."""
    storage = fsspec.filesystem("memory")
    storage.store.clear()
    storage.pseudo_dirs[:] = [""]
    yield storage
    storage.store.clear()


@pytest.fixture
def small_parts(monkeypatch):
    """Parts of some rows, so that a small folder makes many."""
    monkeypatch.setattr(module, "PART_BYTES", 100)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return fill_mixed(tmp_path_factory.mktemp("parts") / "scans")


@pytest.fixture(scope="module")
def whole(folder):
    return run("classify", folder, "-o", "-", "-q").stdout_bytes


def join(contents):
    """Return parts as one CSV: the header once."""
    head = contents[0].splitlines(keepends=True)[0]
    return head + b"".join(content.removeprefix(head) for content in contents)


def test_parts_are_joined_under_the_name(memory, small_parts, folder, whole):
    """And nothing else is left."""
    assert run("classify", folder, "-o", "memory://out/all.csv", "-q").exit_code == 3
    assert memory.cat("/out/all.csv") == whole
    assert memory.find("/out") == ["/out/all.csv"]


@pytest.mark.parametrize("place", ["memory://out", "here"])
def test_parts_that_stay_have_a_manifest(memory, small_parts, folder, whole, tmp_path, place):
    """In a storage or a folder: names, rows, first and last path, checksums; each part a table of its own."""
    storage, top = (memory, "/out") if "://" in place else (fsspec.filesystem("file"), str(tmp_path / place))
    given = place if "://" in place else tmp_path / place
    assert run("classify", folder, "-o", given, "--parts", "-q").exit_code == 3
    manifest = json.loads(storage.cat(f"{top}/manifest.json"))
    assert manifest["whole"] is True
    assert manifest["rows"] == sum(part["rows"] for part in manifest["parts"])
    assert manifest["run"]["the inputs"] == str(folder)
    contents = [storage.cat(f"{top}/{part['name']}") for part in manifest["parts"]]
    assert len(contents) > 1
    assert join(contents) == whole
    for part, content in zip(manifest["parts"], contents, strict=True):
        rows = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
        assert part["sha256"] == hashlib.sha256(content).hexdigest()
        assert (part["rows"], part["first"], part["last"]) == (len(rows), rows[0]["path"], rows[-1]["path"])


def test_what_stands_there_is_not_replaced_unasked(memory, folder):
    for words in (("-o", "memory://a/all.csv"), ("-o", "memory://b", "--parts")):
        assert run("classify", folder, *words, "-q").exit_code == 3
        before = {name: memory.cat(name) for name in memory.find("/")}
        for more in ((), ("--resume",)):
            result = run("classify", folder, *words, *more)
            assert result.exit_code == 1
            assert "exists and is not replaced" in result.stderr
        assert {name: memory.cat(name) for name in memory.find("/")} == before
        assert run("classify", folder, *words, "--force", "-q").exit_code == 3


def test_other_files_in_the_folder_are_left_alone(memory, folder):
    memory.pipe("/out/notes.txt", b"of great value")
    run("classify", folder, "-o", "memory://out", "--parts", "-q")
    run("classify", folder, "-o", "memory://out", "--parts", "-q", "--force")
    assert memory.cat("/out/notes.txt") == b"of great value"


STRAYS = {
    "part-00000-abc.csv": b"of Spark",
    "part-000000.csv": b"of nobody knows whom",
    "manifest.json": b'{"version": 2, "parts": []}',
}


@pytest.mark.parametrize("stray", STRAYS)
@pytest.mark.parametrize("place", ["memory://out", "memory://out/all.csv", "here"])
def test_what_other_programs_call_so_is_removed_by_force_alone(memory, folder, tmp_path, monkeypatch, place, stray):
    """Parts and manifests, in a storage and here, also by a run that would find no image."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    storage = memory if "://" in place else fsspec.filesystem("file")
    there = f"/{place[9:]}{'.part' if place.endswith('.csv') else ''}" if "://" in place else str(tmp_path / place)
    words = ("-o", place, "-q", *([] if place.endswith(".csv") else ["--parts"]))
    storage.makedirs(there)
    storage.pipe_file(f"{there}/{stray}", STRAYS[stray])
    for more in ((tmp_path / "empty",), (folder,), (folder, "--resume"), (folder, "--resume", "--force")):
        result = run("classify", *words, *more)
        assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
        assert f"holds {stray}" in result.stderr
        assert storage.cat_file(f"{there}/{stray}") == STRAYS[stray]
    assert run("classify", *words, folder, "--force").exit_code == 3
    assert not storage.exists(f"{there}/{stray}") or storage.cat_file(f"{there}/{stray}") != STRAYS[stray]


def break_off():
    """Leave an unfinished run of one row."""
    with pytest.raises(RuntimeError), open_parts("memory://out/t.csv", FACTS) as parts:
        parts.begin("path\n")
        parts.write("a\n", 1)
        raise RuntimeError


def test_what_lies_beside_an_unfinished_run_is_not_removed_with_it(memory):
    break_off()
    memory.pipe("/out/t.csv.part/part-00000-abc.csv", b"of Spark")
    with pytest.raises(OutputError, match=r"holds part-00000-abc\.csv"):
        open_parts("memory://out/t.csv", FACTS, resume=True).__enter__()
    assert memory.cat("/out/t.csv.part/part-00000-abc.csv") == b"of Spark"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"version": 1}',
        '{"version": 1, "whole": false, "header": "path\\n", "run": {}, "parts": [{"name": "part-000000.csv"}]}',
        '{"version": 1, "whole": false, "header": "path\\n", "run": {}, "parts": [1]}',
    ],
)
def test_a_damaged_manifest_is_one_sentence(memory, folder, text):
    memory.pipe("/out/manifest.json", text.encode())
    for more in ((), ("--resume",)):
        result = run("classify", folder, "-o", "memory://out", "--parts", *more)
        assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
        assert "holds manifest.json, which is damaged" in result.stderr


def test_a_manifest_in_a_folder_takes_the_place_of_the_last_one_when_it_is_whole(tmp_path):
    with open_parts(str(tmp_path / "out"), FACTS, stay=True) as parts:
        parts.begin("path\n")
        parts.write("a\n", 1)
        parts.put()
        with open(tmp_path / "out" / "manifest.json") as last:
            parts.write("b\n", 1)
            parts.put()
            assert json.load(last)["rows"] == 1
        (tmp_path / "out" / "manifest.json.part").write_bytes(b'{"vers')  # a kill left it
    assert json.loads((tmp_path / "out" / "manifest.json").read_bytes())["rows"] == 2
    open_parts(str(tmp_path / "out"), FACTS, stay=True, force=True).__enter__()
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("stay", [True, False])
@pytest.mark.parametrize("broken_after", [1, 2, 3, 6])
def test_a_run_that_broke_off_is_continued_to_the_same_bytes(memory, small_parts, folder, whole, stay, broken_after):
    """Wherever it broke off, its last part included."""
    place = "memory://out" if stay else "memory://out/all.csv"
    words = ("classify", folder, "-o", place, "-q", *(["--parts"] if stay else []))
    facts = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module.Parts, "finish", lambda parts: facts.update(parts._facts))
        run(*words)
    memory.rm("/out", recursive=True)
    chunks = whole.splitlines(keepends=True)
    with pytest.raises(RuntimeError), open_parts(place, facts, stay=stay) as parts:
        parts.begin(chunks[0].decode())
        for line in chunks[1 : 1 + broken_after]:
            parts.write(line.decode(), 1)
        raise RuntimeError
    result = run(*words, "--resume")
    assert result.exit_code == 3, result.stderr
    if not stay:
        assert memory.cat("/out/all.csv") == whole
        return
    manifest = json.loads(memory.cat("/out/manifest.json"))
    assert join([memory.cat(f"/out/{part['name']}") for part in manifest["parts"]]) == whole


def test_a_write_after_a_cut_goes_on_in_the_middle_of_a_part(memory):
    """The part that is cut is put again, and the manifest never names what is not there."""
    with pytest.raises(RuntimeError), open_parts("memory://out/t.csv", FACTS) as parts:
        parts.begin("path\n")
        parts.write("a\nb\nc\n", 3)
        parts.put()
        parts.write("d\n", 1)
        raise RuntimeError
    with open_parts("memory://out/t.csv", FACTS, resume=True) as parts:
        assert parts.reopen().read() == b"path\na\nb\nc\nd\n"
        assert parts.committed == 13
        parts.cut(len("path\na\nb\n"), 2)
        assert parts.rows == 2
        parts.write("x\n", 1)
    assert memory.cat("/out/t.csv") == b"path\na\nb\nx\n"


@pytest.mark.parametrize("method", ["write", "put"])
def test_an_interrupt_at_any_line_loses_no_row_and_doubles_none(memory, monkeypatch, method):
    """What is there is whole rows, all those whose writing ended, and the run goes on behind them."""
    monkeypatch.setattr(module, "PART_BYTES", 4)
    lines, at = ["path\n", *(f"{letter}\n" for letter in "abcdefg")], 0
    while True:
        written = 0
        try:
            with open_parts("memory://out/t.csv", FACTS) as parts:
                parts.begin(lines[0])
                with interrupted(getattr(module.Parts, method).__code__, at):
                    for line in lines[1:]:
                        parts.write(line, 1)
                        written += 1
        except KeyboardInterrupt:
            with open_parts("memory://out/t.csv", FACTS, resume=True) as parts:
                there = parts.reopen().read().decode()
                kept = max(there.count("\n") - 1, 0)
                assert "".join(lines).startswith(there) and kept >= written
                if kept:
                    assert json.loads(memory.cat("/out/t.csv.part/manifest.json"))["rows"] == kept
                    parts.cut(len(there), kept)
                else:
                    parts.begin(lines[0])
                for line in lines[1 + kept :]:
                    parts.write(line, 1)
        assert memory.cat("/out/t.csv") == "".join(lines).encode()
        memory.rm("/out/t.csv")
        if written == len(lines) - 1:
            break
        at += 1
    assert at > 10


@contextmanager
def interrupted(code, at):
    """Raise a KeyboardInterrupt before a line of a function, counted as they are run."""
    passed, before = 0, sys.gettrace()

    def trace(frame, event, _):
        nonlocal passed
        if frame.f_code is not code:
            return None
        passed += event == "line"
        if passed > at:
            sys.settrace(before)
            raise KeyboardInterrupt
        return trace

    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


def test_a_run_of_other_facts_is_not_continued(memory):
    break_off()
    with pytest.raises(OutputError, match="was begun with the inputs scans, and this is the inputs more"):
        open_parts("memory://out/t.csv", {"the inputs": "more"}, resume=True).__enter__()
    with pytest.raises(OutputError, match="holds an unfinished run"):
        open_parts("memory://out/t.csv", FACTS).__enter__()


def test_a_part_that_was_changed_is_noticed(memory):
    break_off()
    memory.pipe("/out/t.csv.part/part-000000.csv", b"path\nz\n")
    with (
        pytest.raises(OutputError, match="not as it was put"),
        open_parts("memory://out/t.csv", FACTS, resume=True) as parts,
    ):
        parts.reopen().read()


def test_what_makes_no_sense_together_is_wrong_usage(folder):
    for words in (
        ("--parts", "-o", "-"),
        ("-o", "s3://bucket/out.parquet"),
        ("-o", "s3://bucket/out.csv", "--shard", "1/2"),
        ("--parts", "-o", "out", "--shard", "1/2"),
    ):
        assert run("classify", folder, *words).exit_code == 2


@pytest.mark.slow
def test_a_bucket_takes_the_same_bytes_and_a_lost_one_is_one_sentence(folder, whole):
    with s3_server() as (_, environment):
        client = s3_client(environment)
        client.create_bucket(Bucket="bucket")
        with start("classify", folder, "-o", "s3://bucket/runs/out.csv", "-q", env=environment) as process:
            assert process.communicate(timeout=120) == (b"", b"")
        assert client.get_object(Bucket="bucket", Key="runs/out.csv")["Body"].read() == whole
        assert client.list_objects_v2(Bucket="bucket")["KeyCount"] == 1
        with start("classify", folder, "-o", "s3://none-such/out.csv", "-q", env=environment) as process:
            out, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert out == b""
    assert err.startswith(b"digit-batch: Cannot write s3://none-such/out.csv: there is no such bucket or folder. ")
    assert err.count(b"\n") == 1
    assert SECRET.encode() not in err


@pytest.mark.slow
def test_an_sftp_server_takes_the_same_bytes(folder, whole, tmp_path):
    """Joined under the name, which may be in a new folder or be taken; nothing else is left."""
    (tmp_path / "root").mkdir()
    with sftp_server(tmp_path / "root", tmp_path / "home") as address:
        for more in ((), ("--force",)):
            words = ("classify", folder, "-o", f"{address}/runs/out.csv", "-q", *more)
            with start(*words, env={"HOME": str(tmp_path / "home")}) as process:
                assert process.communicate(timeout=120) == (b"", b"")
            assert process.returncode == 3
            assert (tmp_path / "root" / "runs" / "out.csv").read_bytes() == whole
            assert [path.name for path in (tmp_path / "root" / "runs").iterdir()] == ["out.csv"]


def test_a_place_that_takes_nothing_is_told_before_anything_is_read(memory, folder, tmp_path):
    """A folder that cannot be made, and a web server."""
    (tmp_path / "file").write_bytes(b"")
    result = run("classify", folder, "-o", tmp_path / "file" / "parts", "--parts")
    assert result.exit_code == 1
    assert "Cannot write" in result.stderr
    assert "rows are there" not in result.stderr
    with web_server(tmp_path) as (address, asked):
        result = run("classify", folder, "-o", f"{address}/out.csv")
        assert result.exit_code == 1
        assert "web addresses are only read. Name another place with -o." in result.stderr
        assert not asked


def test_a_run_killed_before_its_first_part_leaves_nothing_to_resume(memory, folder, whole):
    """A manifest without parts is no unfinished run: the same command begins anew, with other facts too.

    Nor is a part that was put when the manifest did not name it yet.
    """
    parts = module.Parts("memory://out/all.csv", FACTS, stay=False)
    parts.check(force=False, resume=False)
    parts.begin("path\n")
    assert memory.find("/out") == ["/out/all.csv.part/manifest.json"]
    memory.pipe("/out/all.csv.part/part-000000.csv", b"path\na\n")
    assert run("classify", folder, "-o", "memory://out/all.csv", "-q").exit_code == 3
    assert memory.cat("/out/all.csv") == whole
    assert memory.find("/out") == ["/out/all.csv"]
