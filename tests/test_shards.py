"""Shares of a walk: fixed, even, and joined again to the bytes that one run writes."""

import json
import tarfile
import time
import tracemalloc
from collections import Counter

import pytest
from folders import draw, fill, fill_mixed, run, start

from digit_batch.errors import InputError, OutputError
from digit_batch.images import Source
from digit_batch.predictions import Prediction, cells, header, row_text
from digit_batch.shards import Share, merge, open_roll, roll_of

PARTS = 3


def make_shares(tmp_path, *words, of=PARTS):
    """Classify every share of what is named; return their tables."""
    tables = [tmp_path / f"out-{number}.csv" for number in range(1, of + 1)]
    for number, table in enumerate(tables, start=1):
        result = run("classify", *words, "--shard", f"{number}/{of}", "-o", table, "-q")
        assert result.exit_code in (0, 3), result.output
    return tables


def make_tables(tmp_path, names, of, facts=None):
    """Write shares as `classify` would, without reading an image."""
    tables = []
    for number in range(1, of + 1):
        table = tmp_path / f"{number}.csv"
        tables.append(table)
        with (
            open_roll(table, Share(number, of), facts or {}) as roll,
            table.open("w", encoding="utf-8", newline="") as stream,
        ):
            stream.write(row_text(header()))
            for source in roll.call(Source(name, name) for name in names):
                stream.write(row_text(cells(Prediction(source.name, 0, 7, 1.0, "ok"))))
    return tables


def joined(tables):
    return "".join(text for text, _ in merge(tables))


def test_shares_joined_are_the_bytes_of_one_run(tmp_path):
    """Several pages, unreadable files, odd names, a packed archive in its own order, and inputs in any order."""
    folder = fill_mixed(tmp_path / "scans")
    draw(3).save(tmp_path / "b.png")
    draw(4).save(tmp_path / "a.png")
    with tarfile.open(folder / "packed.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "b.png", "b.png")
        archive.add(tmp_path / "a.png", "a.png")
    words = (tmp_path / "b.png", folder, tmp_path / "a.png", tmp_path / "a.png")
    whole, merged = tmp_path / "whole.csv", tmp_path / "all.csv"
    one = run("classify", *words, "-o", whole, "-q")
    tables = make_shares(tmp_path, *words)
    result = run("merge", *reversed(tables), "-o", merged, "-q")
    assert merged.read_bytes() == whole.read_bytes()
    assert result.exit_code == one.exit_code == 3  # it has unreadable files, as the single run had


def test_a_share_is_fixed_by_the_name_alone():
    """Whatever else is in the folder, on whatever machine; these names were dealt so when shares were first made."""
    dealt = [next(k for k in range(1, 9) if Share(k, 8).holds(name)) for name in ("a/1.png", "a/2.png", "é.png")]
    assert dealt == [7, 2, 7]
    names = [f"scans/{number}.png" for number in range(1000)]
    assert all(sum(Share(k, 7).holds(name) for k in range(1, 8)) == 1 for name in names)


def test_shares_are_even():
    dealt = Counter(k for n in range(8_000) for k in range(1, 9) if Share(k, 8).holds(f"scans/page{n:07}.png"))
    assert all(850 < count < 1150 for count in dealt.values()), dealt


@pytest.mark.parametrize("text", ["3", "0/4", "5/4", "-1/4", "a/b", "1/", "/4", "1/0", ""])
def test_a_share_that_does_not_exist_is_wrong_usage(tmp_path, text):
    result = run("classify", tmp_path, "--shard", text)
    assert result.exit_code == 2
    assert "3/64" in result.stderr


def test_a_share_of_few_files_may_be_empty_and_is_a_table_all_the_same(tmp_path):
    """Or else a job array over a small folder would have failures and nothing to merge."""
    folder = fill(tmp_path / "scans", 2)
    tables = make_shares(tmp_path, folder, of=8)
    assert sum(table.read_text() == row_text(header()) for table in tables) >= 6
    assert joined(tables).count("\n") == 3


def test_a_folder_without_images_is_told_by_every_share(tmp_path):
    result = run("classify", tmp_path, "--shard", "1/2", "-o", tmp_path / "out.csv")
    assert result.exit_code == 5
    assert not (tmp_path / "out.csv.share").exists()


def test_a_share_is_counted_by_a_dry_run(tmp_path):
    folder = fill(tmp_path / "scans", 20)
    counts = [
        int(run("classify", folder, "--shard", f"{k}/3", "--dry-run").stdout.split()[0].replace(",", ""))
        for k in (1, 2, 3)
    ]
    assert sum(counts) == 20
    assert all(counts)


@pytest.mark.slow
def test_a_share_that_was_killed_is_resumed_and_fits(tmp_path):
    """Its roll is made anew, so that the tables still join."""
    folder = fill(tmp_path / "scans", 1400)
    whole = tmp_path / "whole.csv"
    run("classify", folder, "-o", whole, "-q")
    table, part = tmp_path / "out-1.csv", tmp_path / "out-1.csv.part"
    words = ("classify", folder, "--shard", "1/2", "-o", table, "-q", "--jobs", 2)
    with start(*words) as process:
        while not (part.exists() and part.stat().st_size > 100) and process.poll() is None:
            time.sleep(0.01)
        process.kill()
    assert run("classify", folder, "--shard", "2/2", "-o", table, "-q", "--resume").exit_code == 1  # another share
    assert run(*words, "--resume").exit_code == 0
    run("classify", folder, "--shard", "2/2", "-o", tmp_path / "out-2.csv", "-q")
    assert joined([table, tmp_path / "out-2.csv"]).encode() == whole.read_bytes()


def test_rows_read_again_still_fit(tmp_path):
    """`--retry-errors` on one share changes rows and leaves the files as they were."""
    folder = fill(tmp_path / "scans", 6)
    (folder / "003.png").write_bytes(b"")
    tables = make_shares(tmp_path, folder, of=2)
    draw(3).save(folder / "003.png")
    for table in tables:
        run("classify", "--retry-errors", table, "-q")
    assert joined(tables) == run("classify", folder, "-o", "-", "-q").stdout


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_a_share_made_anew_in_vain_leaves_the_finished_one_to_be_joined(tmp_path, error):
    """And where there is none, no part of a roll stays."""
    finished, other = make_tables(tmp_path, [f"scans/{number}.png" for number in range(8)], 2)
    before = joined([finished, other])
    for table in (finished, tmp_path / "new.csv"):
        with pytest.raises((error, OutputError)), open_roll(table, Share(1, 2), {}) as roll:
            next(roll.call(Source(name, name) for name in ("scans/a.png", "scans/b.png", "scans/c.png")), None)
            raise error
    assert joined([finished, other]) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.csv", "1.csv.share", "2.csv", "2.csv.share"]


def test_what_does_not_fit_is_told_in_one_sentence(tmp_path):
    names = [f"scans/{number}.png" for number in range(40)]
    one, two, three = make_tables(tmp_path, names, 3)
    for given, words in (
        ([one, three], "Missing, of 3 shares: 2."),
        ([one, two, three, two], "Given twice, of 3 shares: 2."),
        ([one, two, tmp_path / "none.csv"], "none.csv.share: No such file"),
    ):
        result = run("merge", *given, "-o", tmp_path / "all.csv")
        assert result.exit_code == 1
        assert words in result.stderr
        assert result.stderr.count("\n") == 1
        assert not (tmp_path / "all.csv").exists()


def test_the_output_has_a_name_of_its_own(tmp_path, monkeypatch):
    tables = make_tables(tmp_path, ["a.png", "b.png"], 2)
    monkeypatch.chdir(tmp_path)
    assert run("merge", *tables, "-q").exit_code == 0
    assert (tmp_path / "predictions.csv").read_text() == joined(tables)


def test_a_share_is_not_written_over(tmp_path):
    """Not even with --force: it and its roll would no longer fit."""
    tables = make_shares(tmp_path, fill(tmp_path / "scans", 4), of=2)
    before = [table.read_bytes() for table in tables]
    result = run("merge", *tables, "-o", tables[1], "--force")
    assert result.exit_code == 1
    assert "is one of the shares, which is not written over. Name another file with -o." in result.stderr
    assert [table.read_bytes() for table in tables] == before


def test_a_table_cut_short_is_noticed(tmp_path):
    """At a row's end too, where the CSV itself looks whole."""
    tables = make_tables(tmp_path, [f"scans/{number}.png" for number in range(40)], 3)
    rows = tables[1].read_bytes().splitlines(keepends=True)
    tables[1].write_bytes(b"".join(rows[:-1]))
    with pytest.raises(InputError, match="cut short"):
        joined(tables)
    tables[1].write_bytes(b"".join(rows)[:-4])
    with pytest.raises(InputError, match="torn"):
        joined(tables)


def test_a_roll_cut_short_or_damaged_is_noticed(tmp_path):
    tables = make_tables(tmp_path, [f"scans/{number}.png" for number in range(40)], 3)
    lines = roll_of(tables[2]).read_text().splitlines(keepends=True)
    for text, words in (("".join(lines[:-3]), "cut short"), ("", "damaged"), ("{}\n", "damaged")):
        roll_of(tables[2]).write_text(text)
        with pytest.raises(InputError, match=words):
            joined(tables)


def test_a_file_of_another_share_is_noticed(tmp_path):
    one, two = make_tables(tmp_path, [f"scans/{number}.png" for number in range(40)], 2)
    rows = one.read_bytes().splitlines(keepends=True)
    stranger = two.read_bytes().splitlines(keepends=True)[1]
    one.write_bytes(b"".join([*rows[:-1], stranger]))
    with pytest.raises(InputError, match="not of share 1/2"):
        joined([one, two])


def test_a_folder_that_changed_between_the_shares_is_noticed(tmp_path):
    names = [f"scans/{number}.png" for number in range(40)]
    (tmp_path / "late").mkdir()
    for changed in (["scans/0.5.png", *names], names[1:], [*names, "scans/99.png"]):
        before = make_tables(tmp_path, names, 2)
        after = make_tables(tmp_path / "late", changed, 2)
        with pytest.raises(InputError, match="do not fit together"):
            joined([before[0], after[1]])


def test_shares_of_different_runs_are_refused(tmp_path):
    names = [f"scans/{number}.png" for number in range(40)]
    (tmp_path / "other").mkdir()
    one = make_tables(tmp_path, names, 2, {"--polarity": "dark"})[0]
    two = make_tables(tmp_path / "other", names, 2, {"--polarity": "light"})[1]
    with pytest.raises(InputError, match=r"--polarity is 'dark' and 'light'"):
        joined([one, two])
    three = make_tables(tmp_path / "other", names, 3)[2]
    with pytest.raises(InputError, match="Give the shares of one run"):
        joined([one, three])


def test_the_roll_of_a_run_tells_what_it_was(tmp_path):
    (table, _) = make_shares(tmp_path, fill(tmp_path / "scans", 4), of=2)
    head = json.loads(roll_of(table).read_text().splitlines()[0])
    assert head["share"] == [1, 2]
    assert head["run"]["scikit-learn"]


def test_joining_holds_no_table(tmp_path):
    tables = make_tables(tmp_path, [f"scans/{number}.png" for number in range(20_000)], 4)
    tracemalloc.start()
    try:
        for _ in merge(tables):
            pass
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < sum(table.stat().st_size for table in tables) / 3  # what is left are the buffers of eight files


def test_a_system_that_lets_no_more_files_be_opened_is_asked_and_left(tmp_path, monkeypatch):
    """macOS names no maximum, and refuses what is above its own; a few shares need no more."""
    resource = pytest.importorskip("resource")

    def refuse(kind, limits):
        raise ValueError("current limit exceeds maximum limit")

    monkeypatch.setattr(resource, "getrlimit", lambda kind: (1, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert joined(make_tables(tmp_path, ["a.png", "b.png"], of=2)).count("\n") == 3


def test_a_folder_is_no_share(tmp_path):
    result = run("merge", tmp_path, "-o", tmp_path / "all.csv")
    assert result.exit_code == 1 and result.stderr.count("\n") == 1 and "is a folder" in result.stderr
