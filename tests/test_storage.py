"""Inputs by URL: the rows of the same folder, whatever its storage; troubles as rows; and never a secret."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
import urllib.request

import pytest
from folders import PACKAGE, draw, fill, run, start
from servers import ACCESS, SECRET, s3_client, s3_server, sftp_server, web_server

from digit_batch.images import Source, fetch_ahead, show_url, walk
from digit_batch.images.storage import PACKAGES, is_passing, say

fsspec = pytest.importorskip("fsspec")

HOSTILE = (
    "=1+1.png",
    "+é.png",
    'quo"te,.png',
    "#hash?query*.png",
    "[red]x.png",
    "\x1b[31m.png",
    "10.png",
    "9.png",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Digits in two folders, names of every kind, an image without its extension, and files that are none."""
    top = tmp_path_factory.mktemp("storage") / "scans"
    fill(top / "sub 10", 3)
    fill(top / "sub 9", 70, start=3)
    for number, name in enumerate(HOSTILE):
        draw(100 + number).save(top / name, format="PNG")
    draw(7).save(top / "page.tif", save_all=True, append_images=[draw(8)])
    draw(9).save(top / "no extension", format="PNG")
    (top / "notes.txt").write_text("no image")
    (top / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    (top / "empty.jpg").write_bytes(b"")
    return top


@pytest.fixture(scope="module")
def bucket(folder):
    """The folder in a bucket; gives its URL and the environment of its users."""
    with s3_server() as (_, environment):
        client = s3_client(environment)
        client.create_bucket(Bucket="bucket")
        for path in folder.rglob("*"):
            if path.is_file():
                client.upload_file(str(path), "bucket", f"scans/{path.relative_to(folder)}")
        client.put_object(Bucket="bucket", Key="scans/sub 9/", Body=b"")  # as consoles mark a folder
        yield "s3://bucket/scans", environment


def local_rows(folder, url):
    """Classify the folder, and put the URL where its name stands."""
    result = run("classify", folder, "-o", "-", "-q")
    assert result.exit_code == 3
    return result.stdout.replace(f"{folder}/", f"{url}/").encode()


def classify(*words, env):
    with start("classify", *words, env=env) as process:
        out, err = process.communicate(timeout=120)
    assert SECRET.encode() not in out + err
    assert ACCESS.encode() not in out + err
    return process.returncode, out, err.decode()


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [(), ("--jobs", 2)])
def test_a_bucket_gives_the_rows_of_the_folder(folder, bucket, jobs):
    """Byte for byte, read by this process or by workers, from keys that would mean something to a shell or a URL."""
    url, environment = bucket
    code, out, err = classify(url, "-o", "-", "-q", *jobs, env=environment)
    assert (code, err) == (3, "")
    assert out == local_rows(folder, url)


@pytest.mark.slow
def test_an_sftp_server_gives_the_rows_of_the_folder(folder, tmp_path):
    with sftp_server(folder.parent, tmp_path) as address:
        code, out, err = classify(f"{address}/scans", "-o", "-", "-q", "--jobs", 2, env={"HOME": str(tmp_path)})
        assert (code, err) == (3, "")
        assert out == local_rows(folder, f"{address}/scans")
        (tmp_path / ".ssh" / "known_hosts").write_text("")
        code, out, err = classify(f"{address}/scans", "-o", "-", env={"HOME": str(tmp_path)})
        assert (code, out) == (1, b"")
        assert "not in known_hosts" in err


def test_the_memory_of_the_process_is_read_by_its_workers_too(folder):
    memory = fsspec.filesystem("memory")
    memory.put(str(folder), "/kept", recursive=True)
    expected = local_rows(folder, "memory://kept")
    assert run("classify", "memory://kept", "-o", "-", "-q").stdout_bytes == expected
    assert run("classify", "memory://kept", "-o", "-", "-q", "--jobs", 2).stdout_bytes == expected


def test_one_file_of_a_web_server_is_read_and_its_signature_is_not_told(folder, tmp_path):
    with web_server(folder) as (address, _):
        result = run("classify", f"{address}/9.png?signature={SECRET}", "-o", tmp_path / "out.csv")
        assert result.exit_code == 0, result.output
        assert SECRET not in result.output + (tmp_path / "out.csv").read_text()
        assert f"\n{address}/9.png,0," in (tmp_path / "out.csv").read_text()


def test_what_is_busy_is_asked_again_and_then_its_row_says_so(folder):
    """One that recovers is read; one that does not is an error row, after more than one try."""
    trouble = [503, 429]
    with web_server(folder, trouble) as (address, asked):
        result = run("classify", f"{address}/9.png", "-o", "-", "-q")
        assert ",ok," in result.stdout or ",review," in result.stdout
        assert not trouble
        before = len(asked)
        trouble += [503] * 10
        result = run("classify", f"{address}/9.png", "-o", "-", "-q")
        assert result.exit_code == 3
        assert "error,unreadable file: the storage was busy or not reached" in result.stdout
        assert len(asked) - before == 4


def test_what_is_gone_or_denied_is_not_asked_again(folder):
    for status, words in ((404, "no such file in the storage"), (403, "access denied by the storage")):
        with web_server(folder, [status] * 10) as (address, asked):
            result = run("classify", f"{address}/9.png", "-o", "-", "-q")
            assert f"error,unreadable file: {words}" in result.stdout
            assert len(asked) == 1


@pytest.mark.slow
def test_a_file_that_vanishes_after_the_listing_costs_its_row(bucket, folder):
    """As when somebody tidies the bucket during a run of days."""
    url, environment = bucket
    client = s3_client(environment)
    with change_environment(environment):
        met = [thing for thing in walk([f"{url}/sub 10"]) if isinstance(thing, Source)]
        client.delete_object(Bucket="bucket", Key="scans/sub 10/001.png")
        try:
            fetched = list(fetch_ahead(met))
        finally:
            client.upload_file(str(folder / "sub 10" / "001.png"), "bucket", "scans/sub 10/001.png")
    assert [source.trouble for source in fetched] == ["", "unreadable file: no such file in the storage", ""]
    assert all(source.name == was.name for source, was in zip(fetched, met, strict=True))


@pytest.mark.slow
def test_denied_access_is_one_sentence_without_the_key(bucket):
    """And a bucket or prefix that does not exist is another."""
    url, environment = bucket
    for given, words in (
        (f"{url}/none", "does not exist"),
        ("s3://no-such-bucket/scans", "does not exist"),
        (f"s3://{ACCESS}:{SECRET}@bucket/scans", "was given with a password"),
    ):
        code, out, err = classify(given, "-o", "-", env=environment)
        assert (code, out) == (1, b"")
        assert words in err
        assert err.count("\n") == 1
    allow(environment, requests="0")
    try:
        code, out, err = classify(url, "-o", "-", env=environment)
    finally:
        allow(environment, requests="inf")
    assert (code, out) == (1, b"")
    assert err == (
        "digit-batch: s3://bucket/scans cannot be read: access denied by the storage. "
        "Check the name, and the credentials that its own tools use.\n"
    )


def allow(environment, requests):
    """Let the server answer so many requests before it asks for credentials that it knows."""
    address = f"{environment['AWS_ENDPOINT_URL']}/moto-api/reset-auth"
    request = urllib.request.Request(address, requests.encode(), {"Content-Type": "text/plain"}, method="POST")
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200


@contextlib.contextmanager
def change_environment(environment):
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def test_tables_pages_and_models_are_files_of_this_machine(folder, tmp_path):
    """And so a URL of one is refused as what it is, and never taken for a folder named ``s3:``."""
    url, table = "s3://bucket/out.csv", tmp_path / "rows.csv"
    run("classify", folder / "9.png", "-o", table, "-q")
    for words in (
        ("review", url),
        ("review", table, "-o", url),
        ("review", table, "--apply", url),
        ("merge", url, "-o", tmp_path / "all.csv"),
        ("merge", table, "-o", url),
        ("classify", "--retry-errors", url),
        ("classify", folder, "--model", url),
        ("classify", folder, "--report", url),
        ("evaluate", table, "--against", url),
        ("evaluate", table, "--labels", url),
        ("evaluate", table, "-o", url),
        ("evaluate", table, "--json", url),
        ("train", "-o", url),
    ):
        result = run(*words)
        assert result.exit_code == 2, words
        assert "a URL is not taken here" in result.stderr
    for words in (("evaluate", url), ("train", "--calibrate-on", url, "-o", tmp_path / "m.skops")):
        result = run(*words)
        assert (result.exit_code, result.stderr) == (
            1,
            f"digit-batch: {url} is a table, and tables are read on this machine. Copy it here first.\n",
        )
    assert {path.name for path in tmp_path.iterdir()} == {"rows.csv"}


def test_what_a_list_names_and_is_not_there_costs_its_row(folder, tmp_path):
    """As a file of this machine does, wherever it stands in the list; read again, it is read if it is there by then."""
    memory = fsspec.filesystem("memory")
    memory.put(str(folder / "9.png"), "/listed/9.png")
    with web_server(folder) as (address, _):
        named = [
            (f"{address}/none.png", "no such file in the storage"),
            ("memory://listed/9.png", ""),
            ("ftp://host/a.png", "a URL of this kind is not read"),
            (f"sftp://me:{SECRET}@host/a.png", "a URL of this kind is not read"),
            (f"{address}/9.png", ""),
        ]
        (tmp_path / "list").write_text("".join(f"{url}\n" for url, _ in named))
        result = run("classify", "--files-from", tmp_path / "list", "-o", tmp_path / "out.csv", "-q")
        assert (result.exit_code, result.stderr) == (3, "")
        rows = (tmp_path / "out.csv").read_text().splitlines()[1:]
        for row, (url, trouble) in zip(rows, named, strict=True):
            assert row.startswith(f"{show_url(url)},0,")
            assert row.endswith(f",error,unreadable file: {trouble}") if trouble else ",error," not in row
        (tmp_path / "out.csv").write_text((tmp_path / "out.csv").read_text().replace("none.png", "10.png"))
        assert run("classify", "--retry-errors", tmp_path / "out.csv", "-q").exit_code == 3
    again = (tmp_path / "out.csv").read_text().splitlines()[1:]
    assert again[0].startswith(f"{address}/10.png,0,")
    assert ",error," not in again[0]
    assert again[1:2] + again[4:] == rows[1:2] + rows[4:]
    assert again[2] == rows[2]


def test_a_web_server_that_is_down_is_told_from_a_file_that_is_not_there(folder):
    with web_server(folder) as (address, _):
        for given, words in (
            (f"{address}/none.png", "does not exist"),
            (f"{address.replace('http:', 'https:')}/9.png", "its certificate is not trusted, or it has none"),
        ):
            result = run("classify", given, "-o", "-")
            assert result.exit_code == 1
            assert words in result.stderr
    result = run("classify", f"{address}/9.png", "-o", "-")
    assert result.exit_code == 1
    assert "the storage was busy or not reached. Try again later." in result.stderr
    result = run("classify", "http://no-such-host.invalid/9.png", "-o", "-")
    assert result.exit_code == 1
    assert "does not exist" not in result.stderr


def test_a_scheme_is_read_however_it_is_written(folder):
    fsspec.filesystem("memory").put(str(folder / "9.png"), "/written/9.png")
    result = run("classify", "MEMORY://written/9.png", "-o", "-", "-q")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[1].lower().startswith("memory://written/9.png,0,")


@pytest.mark.parametrize("scheme", PACKAGES)
def test_a_storage_whose_package_is_not_installed_names_it(folder, scheme):
    """For input and output, and before anything is read."""
    program = "import sys; sys.modules |= dict.fromkeys(['gcsfs', 'adlfs']); from digit_batch.cli import main; main()"
    for words in ([f"{scheme}://bucket/scans", "-o", "-"], [str(folder), "-o", f"{scheme}://bucket/out.csv"]):
        done = subprocess.run(
            [sys.executable, "-c", program, "classify", "-q", *words],
            env=os.environ | {"PYTHONPATH": str(PACKAGE)},
            capture_output=True,
            text=True,
            check=False,
        )
        package = PACKAGES[scheme]
        sentence = f"digit-batch: {scheme}:// needs the package {package}: pip install {package}.\n"
        assert (done.returncode, done.stderr) == (1, sentence)


def test_what_is_refused_at_once():
    for given, words in (
        ("ftp://host/scans", "ftp:// is not read"),
        ("sftp://me:word@host/scans", "sftp://me@host/scans was given with a password"),
        ("https://[/x.png", "is no URL"),
        ("memory://nothing-here", "does not exist"),
    ):
        result = run("classify", given, "-o", "-")
        assert result.exit_code == 1
        assert words in result.stderr
        assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:word@host/a.png?sig=abc#x", "https://host/a.png"),
        ("sftp://me@host:22/a?b.png", "sftp://me@host:22/a?b.png"),
        ("s3://bucket/a#b?c.png", "s3://bucket/a#b?c.png"),
        ("scans/a.png", "scans/a.png"),
    ],
)
def test_a_url_is_shown_without_its_secrets(url, shown):
    assert show_url(url) == shown


def test_the_words_of_a_storage_are_never_passed_on():
    """An exception may quote a signed link, or the key itself."""

    class ClientError(Exception):
        pass

    for error in (
        ClientError(SECRET),
        OSError(5, SECRET),
        PermissionError(SECRET),
        TimeoutError(SECRET),
        ValueError(SECRET),
    ):
        assert SECRET not in say(error)
    assert is_passing(TimeoutError())
    assert is_passing(ConnectionResetError())
    assert not is_passing(PermissionError(13, ""))


def test_what_is_chosen_is_chosen_in_a_storage_too(folder):
    memory = fsspec.filesystem("memory")
    memory.put(str(folder), "/chosen", recursive=True)
    for words in (
        ("--include", "*.tif"),
        ("--exclude", "sub 9"),
        ("--exclude", "sub*/*"),
        ("--include", "sub 9/*1.png"),
    ):
        shown = [
            line.replace(given, "")
            for given in (str(folder), "memory://chosen")
            for line in run("classify", given, "-o", "-", "-q", *words).stdout.splitlines()[1:]
        ]
        assert shown
        half = len(shown) // 2
        assert shown[:half] == shown[half:]


def test_memory_does_not_grow_with_the_chunks_that_were_fetched():
    """Each file's bytes are let go with its chunk."""
    memory = fsspec.filesystem("memory")
    memory.pipe("/big/x.png", bytes(1000))
    sources = [Source("memory://big/x.png", "memory://big/x.png")] * 3
    assert [len(source.content) for source in fetch_ahead(sources)] == [1000] * 3
    assert all(source.content is None for source in sources)


def test_a_fetch_that_hangs_does_not_look_like_a_reader_that_hangs(tmp_path):
    """While the network is waited for, whoever waits for the reader hears from it."""
    draw(3).save(tmp_path / "a.png")
    heard = []
    with web_server(tmp_path, [503]) as (address, _):
        began = time.monotonic()
        (source,) = fetch_ahead([Source("a", f"{address}/a.png")], lambda: heard.append(time.monotonic()))
    assert source.content == (tmp_path / "a.png").read_bytes()
    waited = [now - before for before, now in zip([began, *heard], heard, strict=False)]
    assert heard
    assert max(waited) < 5


@pytest.mark.parametrize(
    ("package", "given"),
    [("s3fs", "s3://b/x"), ("sshfs", "sftp://b/x"), ("asyncssh", "sftp://b/x"), ("aiohttp", "https://b/x.png")],
)
def test_the_package_that_is_not_installed_is_named(package, given):
    program = f"import sys; sys.modules['{package}'] = None; from digit_batch.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "classify", given, "-q", "-o", "-"],
        env=os.environ | {"PYTHONPATH": str(PACKAGE)},
        capture_output=True,
        text=True,
        check=False,
    )
    scheme = given.partition("//")[0]
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"digit-batch: {scheme}// needs the extra `cluster`, of which {package} is not installed here. "
    )
    assert done.stderr.count("\n") == 1


def test_without_the_extra_one_sentence_tells_how_to_install_it(tmp_path):
    fill(tmp_path / "scans", 1)
    program = "import sys; sys.modules['fsspec'] = None; from digit_batch.cli import main; main()"
    for given, code in (("s3://bucket/scans", 1), (tmp_path / "scans", 0)):
        done = subprocess.run(
            [sys.executable, "-c", program, "classify", str(given), "-q", "-o", "-"],
            env=os.environ | {"PYTHONPATH": str(PACKAGE)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        assert ("pip install '.[cluster]'" in done.stderr) == (code == 1)
    shutil.rmtree(tmp_path / "scans")
