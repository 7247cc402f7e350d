"""The engine gives every file its own rows, in order, whoever reads them."""

import os
import subprocess
import threading
from itertools import count, islice

import pytest
from folders import draw, fill, fill_mixed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digit_batch.batch import classify, classify_chunks, classify_sources
from digit_batch.batch.chunks import CHUNK_BYTES, CHUNK_FILES, cut_chunks
from digit_batch.batch.engine import WINDOW
from digit_batch.images import Source
from digit_batch.images.sources import Place
from digit_batch.model import load_model


@pytest.fixture(scope="module")
def model():
    return load_model()


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    """Sources of many kinds: digits, pages, files that cannot be read, one that is gone."""
    folder = fill(tmp_path_factory.mktemp("kinds"), 6)
    draw(30).save(folder / "pages.tif", save_all=True, append_images=[draw(31), draw(32)])
    (folder / "empty.png").write_bytes(b"")
    (folder / "torn.png").write_bytes((folder / "000.png").read_bytes()[:150])
    (folder / "large.png").write_bytes(bytes(CHUNK_BYTES))
    return [Source(name, str(folder / name)) for name in sorted(p.name for p in folder.iterdir())] + [
        Source("gone.png", str(folder / "gone.png"))
    ]


def test_no_process_one_and_several_give_the_same_rows(tmp_path, model):
    """Where chunks begin depends on the walk alone, and each is read as a whole, so not one decimal may differ."""
    fill(tmp_path / "a", 150)
    fill_mixed(tmp_path / "b")
    inputs = [str(tmp_path / "a"), str(tmp_path / "b")]
    alone = list(classify(inputs, model, jobs=0))
    assert len(alone) == 150 + 4 * (2 + 3 + 1 + 1)
    for jobs in (1, 2, None):
        assert list(classify(inputs, model, jobs=jobs)) == alone


def test_one_input_or_several_as_text_or_paths_give_the_same_rows(tmp_path, model):
    folder = fill(tmp_path / "scans", 2)
    rows = list(classify([str(folder)], model, jobs=0))
    assert len(rows) == 2
    for inputs in (str(folder), folder, [folder], (path for path in [folder])):
        assert list(classify(inputs, model, jobs=0)) == rows


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system tells no process its cores")
@pytest.mark.parametrize(("jobs", "workers"), [(-1, 3), (-2, 2), (-9, 1)])
def test_a_negative_number_of_processes_counts_back_from_the_cores_that_may_be_used(
    tmp_path, model, monkeypatch, jobs, workers
):
    started = []

    class Counted(subprocess.Popen):
        def __init__(self, *words, **more):
            started.append(self)
            super().__init__(*words, **more)

    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2})
    monkeypatch.setattr(subprocess, "Popen", Counted)
    chunks = [[Source(path.name, str(path))] for path in sorted(fill(tmp_path / "scans", 3).iterdir())]
    rows = [row for chunk in classify_chunks(chunks, model, jobs=jobs) for (row,) in chunk]
    assert [row.path for row in rows] == ["000.png", "001.png", "002.png"]
    assert len(started) == workers


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_an_answer_never_moves_to_another_path(data, kinds, model):
    """Shuffled, repeated, between files that fail: each file's rows are those it has when it is read alone."""
    known = {source.name: list(classify_sources([source], model, jobs=0)) for source in kinds}
    chosen = data.draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=20))
    rows = list(classify_sources(chosen, model, jobs=0))
    wanted = [row for source in chosen for row in known[source.name]]
    assert [(row.path, row.frame, row.label, row.status, row.reason) for row in rows] == [
        (row.path, row.frame, row.label, row.status, row.reason) for row in wanted
    ]
    assert [row.confidence or 0 for row in rows] == pytest.approx([row.confidence or 0 for row in wanted], abs=1e-4)


@given(sizes=st.lists(st.sampled_from([0, 300, CHUNK_BYTES // 2, CHUNK_BYTES, 5 * CHUNK_BYTES]), max_size=300))
def test_chunks_hold_every_source_once_within_their_bounds(sizes):
    """No chunk is so heavy that a worker sits on it alone while the others have ended."""
    sources = [Source(str(i), "archive.zip", str(i), Place("zip", 0, size)) for i, size in enumerate(sizes)]
    chunks = list(cut_chunks(iter(sources)))
    assert [source for chunk in chunks for source in chunk] == sources
    for chunk in chunks:
        assert 0 < len(chunk) <= CHUNK_FILES
        assert sum(source.place.size for source in chunk[:-1]) < CHUNK_BYTES


def test_an_endless_walk_is_pulled_a_window_at_a_time(tmp_path, model):
    """Memory cannot grow with the folder when the walk is never more than a window ahead of the reader."""
    path = str(fill(tmp_path, 1) / "000.png")
    pulled = count()
    rows = classify_sources((Source(f"{next(pulled)}.png", path) for _ in count()), model, jobs=1)
    first = list(islice(rows, 300))
    rows.close()
    assert [row.path for row in first] == [f"{i}.png" for i in range(300)]
    assert next(pulled) <= 300 + (WINDOW + 5) * CHUNK_FILES


def test_a_reader_who_leaves_early_leaves_no_process_behind(tmp_path, model):
    """Closing the iterator ends its workers, and with them the threads that talk to them."""
    rows = classify([str(fill(tmp_path, 3))], model, jobs=2)
    next(rows)
    talking = [thread for thread in threading.enumerate() if thread.name == "digit_batch worker"]
    assert talking
    rows.close()
    for thread in talking:
        thread.join(timeout=10)
        assert not thread.is_alive()
