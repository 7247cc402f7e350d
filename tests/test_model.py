"""The model file: the same answers after a round through it, and nothing foreign or damaged is ever used or run."""

import copy
import functools
import io
import json
import os
import pickle
import subprocess
import sys
import tracemalloc
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import skops.io
from conftest import ROOT
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from digit_batch.errors import DigitBatchError, ModelError, OutputError
from digit_batch.model import Model, load_model, save_model, see_directions, shipped_model
from digit_batch.model.file import MODEL_BYTES, SCHEMA_BYTES
from digit_batch.predictions import CLASSES
from digit_batch.training.fitting import find_axes

TRAPS_SPRUNG = []


class Trap:
    """Something that acts when it is built from a file."""

    def __setstate__(self, state):
        TRAPS_SPRUNG.append(state)

    def __getstate__(self):
        return {"bait": 1}


@pytest.fixture(scope="module")
def points():
    return load_digits().data.astype(np.float32)


@pytest.fixture(scope="module")
def model(points):
    """A small model of scikit-learn's digits as they are."""
    svc = SVC(C=10, gamma=0.2).fit(see_directions(points[:300]).astype(np.float64), load_digits().target[:300])
    return Model(svc, fitted_on="300 digits", scores={"held_out_accuracy": 0.9})


@pytest.fixture(scope="module")
def turned(points):
    """The same, compared along axes."""
    axes = find_axes(points[:300])
    svc = SVC(C=10, gamma=0.2).fit(see_directions(points[:300], axes).astype(np.float64), load_digits().target[:300])
    return Model(svc, axes=axes)


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "small.skops"
    save_model(model, path)
    return path


@pytest.fixture(params=[False, True], ids=["whole", "bare"])
def load(request):
    """The two ways to read a model file; what is said of one is true of the other."""
    return functools.partial(load_model, bare=request.param)


@pytest.fixture(scope="module")
def document(saved):
    """What the file holds, to be altered."""
    return skops.io.load(saved, trusted=[])


@pytest.fixture(scope="module")
def plain(points):
    """The classic walk-through's model: scikit-learn's counts as they are."""
    svc = SVC(C=100, gamma=0.001).fit(points[:300].astype(np.float64), load_digits().target[:300])
    return Model(svc, fitted_on="300 digits", plain=True)


def test_a_model_file_is_named_by_text_as_well_as_by_a_path(model, tmp_path):
    save_model(model, str(tmp_path / "model.skops"))
    for name in (str(tmp_path / "model.skops"), tmp_path / "model.skops"):
        assert np.array_equal(load_model(name).svc.support_vectors_, model.svc.support_vectors_)


def margins_of_scikit_learn(model, points):
    svc = copy.copy(model.svc)
    svc.decision_function_shape = "ovo"
    return svc.decision_function(model.points(points).astype(np.float64))


def test_a_model_answers_the_same_after_saving_and_loading(load, model, saved, points):
    loaded = load(saved)
    assert np.array_equal(loaded.margins(points), model.margins(points))
    assert np.array_equal(loaded.chances(points), model.chances(points))
    assert (loaded.fitted_on, dict(loaded.scores)) == (model.fitted_on, dict(model.scores))
    assert loaded.calibration == model.calibration


def test_a_bare_model_answers_the_same_and_needs_no_scikit_learn(model, saved, points):
    """As read from the file, or made of a whole one and sent to another process."""
    wanted = model.answer(points[:50]).chances
    assert np.array_equal(model.bare().answer(points[:50]).chances, wanted)
    script = (
        "import pickle, sys\nfrom pathlib import Path\nfrom digit_batch.model import load_model\n"
        f"sent = pickle.loads({pickle.dumps(model.bare())!r})\n"
        f"features = pickle.loads({pickle.dumps(points[:50])!r})\n"
        f"read = load_model(Path({str(saved)!r}), bare=True)\n"
        "assert (sent.chances(features) == read.chances(features)).all()\n"
        "print(*sorted({'sklearn', 'skops'} & {name.partition('.')[0] for name in sys.modules}))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-"], input=script, env=environment, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("\n", "")


def test_a_bare_model_is_small_and_loses_nothing(model):
    """Support vectors travel to every worker: in half precision where that is exact."""
    assert model.bare().svc.support_vectors_.dtype == np.float16
    assert np.array_equal(model.bare().svc.support_vectors_, model.svc.support_vectors_)
    bare = model.bare()
    assert bare.bare().svc is bare.svc
    fine = SVC(C=10, gamma=0.2).fit(np.random.default_rng(0).random((100, 64)), np.arange(100) % 10)
    assert Model(fine, plain=True).bare().svc.support_vectors_.dtype == np.float32


def test_margins_are_scikit_learns_decision_function(model, points):
    assert np.abs(model.margins(points) - margins_of_scikit_learn(model, points)).max() < 1e-3


def test_margins_of_the_shipped_model_are_scikit_learns_too(points):
    shipped = load_model()
    few = points[::10]
    assert np.abs(shipped.margins(few) - margins_of_scikit_learn(shipped, few)).max() < 1e-3


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no such device")
def test_a_model_without_an_end_is_refused(load):
    with pytest.raises(ModelError, match="not a file"):
        load(Path("/dev/zero"))


@pytest.mark.parametrize("gamma", [1e-3, 0.1, 10])
def test_margins_hold_for_any_gamma_on_counts_as_they_are(points, gamma):
    svc = SVC(C=10, gamma=gamma, decision_function_shape="ovo").fit(points[:300], load_digits().target[:300])
    plain = Model(svc, plain=True)
    few = points[300:400]
    assert np.abs(plain.margins(few) - svc.decision_function(few)).max() < 1e-3


def test_labels_are_scikit_learns(model, points):
    said = model.chances(points).argmax(axis=1)
    voted = model.svc.predict(model.points(points).astype(np.float64))
    wins = (margins_of_scikit_learn(model, points)[:, None, :] * sides() > 0).sum(axis=2).max(axis=1)
    clear = wins == CLASSES - 1  # one digit wins all its duels; else scikit-learn breaks a tie by order
    assert clear.mean() > 0.95
    assert np.array_equal(said[clear], voted[clear])
    assert (said == voted).mean() > 0.99


def sides():
    """+1 where a digit is the first of a duel, -1 where it is the second, 0 elsewhere: (10, 45)."""
    pairs = [(i, j) for i in range(CLASSES) for j in range(i + 1, CLASSES)]
    return np.array([[(digit == i) - (digit == j) for i, j in pairs] for digit in range(CLASSES)])


def test_chances_are_shares_and_the_label_has_the_largest(model, points):
    chances = model.chances(points)
    assert chances.shape == (len(points), CLASSES)
    assert chances.min() >= 0
    assert np.allclose(chances.sum(axis=1), 1, atol=1e-5)


def test_an_answer_does_not_depend_on_its_neighbours(model, points):
    together = model.margins(points[:64])
    alone = np.concatenate([model.margins(points[row : row + 1]) for row in range(64)])
    assert np.abs(together - alone).max() < 1e-4


def test_train_is_found_beside_save_model_and_loaded_only_when_asked():
    script = (
        "import sys, digit_batch.model\nprint('sklearn' in sys.modules)\n"
        "from digit_batch.model import load_model, train, save_model\nfrom digit_batch import training\n"
        "print(train is training.train, hasattr(digit_batch.model, 'else'))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("False\nTrue False\n", "")


def test_the_shipped_model_is_there_and_says_what_it_is():
    assert shipped_model().exists()
    shipped = load_model()
    assert shipped.fitted_on
    assert shipped.scores


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("scikit_learn", "1.2.3", r"made with scikit-learn 1\.2\.3"),
        ("recipe", 10_000, "made with feature recipe 10000"),
        ("format", 10_000, "is not of format"),
        ("svc", "no classifier", "holds no fitted digit classifier"),
        ("svc", SVC(), "holds no fitted digit classifier"),
        ("scores", None, "lacks a part"),
        ("calibration", {}, "lacks a part"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_with_the_cure(load, document, tmp_path, key, value, says):
    skops.io.dump({**document, key: value}, tmp_path / "m.skops")
    with pytest.raises(ModelError, match=says) as refusal:
        load(tmp_path / "m.skops")
    assert "digit-batch train" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_model_keeps_the_axes_that_it_compares_along(load, turned, points, tmp_path):
    save_model(turned, tmp_path / "m.skops")
    loaded = load(tmp_path / "m.skops")
    assert np.array_equal(loaded.axes, turned.axes)
    assert np.array_equal(loaded.margins(points[300:500]), turned.margins(points[300:500]))
    assert (turned.chances(points[300:]).argmax(axis=1) == load_digits().target[300:]).mean() > 0.9


@pytest.mark.parametrize("spoil", [lambda axes: axes[:-1], lambda axes: axes[:, :-1], lambda axes: axes * np.nan, list])
def test_axes_that_do_not_fit_are_refused(load, turned, tmp_path, spoil):
    save_model(replace(turned, axes=spoil(turned.axes)), tmp_path / "m.skops")
    with pytest.raises(ModelError, match="holds no fitted digit classifier"):
        load(tmp_path / "m.skops")


@pytest.mark.parametrize("key", ["scikit_learn", "recipe", "format", "svc", "calibration", "scores", "axes"])
def test_a_model_that_lacks_a_part_is_refused(load, document, tmp_path, key):
    skops.io.dump({name: part for name, part in document.items() if name != key}, tmp_path / "m.skops")
    with pytest.raises(ModelError, match="digit-batch train"):
        load(tmp_path / "m.skops")


def cut_vectors(svc):
    svc.support_vectors_ = svc.support_vectors_[:-1]


def swap_classes(svc):
    svc.classes_ = svc.classes_[::-1].copy()


def spoil_number(svc):
    svc._dual_coef_ = svc._dual_coef_.copy()
    svc.dual_coef_ = svc.dual_coef_.copy()
    svc.dual_coef_[0, 0] = np.nan


def change_kernel(svc):
    svc.kernel = "linear"


def take_vectors(svc):
    """Give the first digit's support vectors to the second."""
    svc._n_support = svc._n_support.copy()
    svc._n_support[:2] = 0, svc._n_support[:2].sum()


@pytest.mark.parametrize("change", [cut_vectors, swap_classes, spoil_number, change_kernel, take_vectors])
def test_a_classifier_whose_parts_do_not_fit_is_refused(load, document, tmp_path, change):
    svc = copy.deepcopy(document["svc"])
    change(svc)
    skops.io.dump({**document, "svc": svc}, tmp_path / "m.skops")
    with pytest.raises(ModelError, match="holds no fitted digit classifier"):
        load(tmp_path / "m.skops")


def foreign_things(marker):
    return {
        "own class": Trap(),
        "partial": functools.partial(os.mkdir, str(marker)),
        "system": os.system,
        "other estimator": LogisticRegression(),  # which skops itself would trust
        "bytes": b"spam",
    }


@pytest.mark.parametrize("name", foreign_things("x"))
@pytest.mark.parametrize("key", ["svc", "fitted_on", "extra"])
def test_a_foreign_type_is_refused_and_nothing_is_run(load, document, tmp_path, name, key):
    marker = tmp_path / "made"
    skops.io.dump({**document, key: foreign_things(marker)[name]}, tmp_path / "m.skops")
    TRAPS_SPRUNG.clear()
    with pytest.raises(ModelError, match=r"holds the foreign type .*; nothing in it was run"):
        load(tmp_path / "m.skops")
    assert not TRAPS_SPRUNG
    assert not marker.exists()


def test_the_trap_of_the_test_above_is_a_real_one(document, tmp_path):
    skops.io.dump({**document, "svc": Trap()}, tmp_path / "m.skops")
    TRAPS_SPRUNG.clear()
    skops.io.load(tmp_path / "m.skops", trusted=skops.io.get_untrusted_types(file=tmp_path / "m.skops"))
    assert TRAPS_SPRUNG


def test_a_foreign_type_named_anywhere_in_the_schema_is_found(load, saved, tmp_path):
    """The schema is text: a type can be slipped in under a node of any kind."""
    hidden = [{"deep": {"__class__": "system", "__module__": "posix", "__loader__": "FunctionNode"}}]
    parts = parts_of(saved)
    parts["schema.json"] = json.dumps({**json.loads(parts["schema.json"]), "hidden": hidden}).encode()
    with pytest.raises(ModelError, match=r"posix\.system"):
        load(pack(parts, tmp_path / "m.skops"))


def parts_of(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(parts, path, declared=()):
    """Write a model file, whose directory may declare other sizes than its parts have."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
        for name, size in dict(declared).items():
            archive.getinfo(name).file_size = size
    return path


def largest(parts):
    return max(parts, key=lambda name: len(parts[name]))


def test_a_file_that_declares_more_than_a_model_has_is_refused_unread(load, saved, tmp_path):
    parts = parts_of(saved)
    for name, size in ((largest(parts), MODEL_BYTES), ("schema.json", SCHEMA_BYTES + 1)):
        with pytest.raises(ModelError, match=r"would unpack to more than \d+ MB, which no model needs"):
            load(pack(parts, tmp_path / "m.skops", {name: size}))


def test_an_array_named_more_often_than_memory_has_room_for_is_refused(load, saved, tmp_path):
    parts = parts_of(saved)
    name = largest(parts)
    named = [{"file": name}] * (MODEL_BYTES // len(parts[name]))
    parts["schema.json"] = json.dumps({**json.loads(parts["schema.json"]), "hidden": named}).encode()
    with pytest.raises(ModelError, match="would unpack to more than 512 MB"):
        load(pack(parts, tmp_path / "m.skops"))


@pytest.mark.parametrize("chosen", [largest, lambda parts: "schema.json"], ids=["array", "schema"])
def test_a_part_is_unpacked_no_further_than_it_declares(load, saved, tmp_path, chosen):
    """Its declared size may be a lie."""
    load(saved)  # imports what it needs
    parts = parts_of(saved)
    name = chosen(parts)
    declared = {name: len(parts[name])}
    parts[name] += b" " * 200_000_000
    path = pack(parts, tmp_path / "m.skops", declared)
    tracemalloc.start()
    with pytest.raises(ModelError, match="damaged or no model"):
        load(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50_000_000


@pytest.mark.parametrize("share", [0, 0.01, 0.3, 0.6, 0.9, 0.99, 0.9999])
def test_a_file_cut_short_is_refused(load, saved, tmp_path, share):
    data = saved.read_bytes()
    (tmp_path / "m.skops").write_bytes(data[: int(share * len(data))])
    with pytest.raises(ModelError, match=r"is damaged or no model at all .*digit-batch train"):
        load(tmp_path / "m.skops")


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06" + bytes(18), b"just text", b"\x80\x04N."], ids=repr)
def test_what_is_no_model_is_refused(load, tmp_path, content):
    (tmp_path / "m.skops").write_bytes(content)
    with pytest.raises(ModelError, match="damaged or no model"):
        load(tmp_path / "m.skops")


def test_a_zip_of_other_things_and_a_folder_and_nothing_are_refused(load, tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("schema.json", "[]")
    (tmp_path / "m.skops").write_bytes(buffer.getvalue())
    for path in (tmp_path / "m.skops", tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ModelError):
            load(path)


def test_a_flipped_bit_is_refused_or_changes_nothing(load, model, saved, tmp_path, points):
    data = saved.read_bytes()
    chance = np.random.default_rng(0)
    middle = chance.integers(0, len(data), 60)
    ends = [*range(0, 60, 2), *range(len(data) - 400, len(data), 4)]  # the headers, and the directory of the archive
    wanted = model.margins(points[:20])
    refused = 0
    for place in (*middle, *ends):
        damaged = bytearray(data)
        damaged[place] ^= 1 << int(chance.integers(8))
        (tmp_path / "m.skops").write_bytes(damaged)
        try:
            loaded = load(tmp_path / "m.skops")
        except ModelError:
            refused += 1
        else:
            assert np.array_equal(loaded.margins(points[:20]), wanted), f"byte {place}"
    assert refused > 60


def test_the_command_refuses_in_one_sentence(run, tmp_path, document, scans):
    skops.io.dump({**document, "svc": Trap()}, tmp_path / "m.skops")
    result = run("classify", scans, "--model", tmp_path / "m.skops", "-o", tmp_path / "out.csv")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "foreign type" in result.stderr
    assert not (tmp_path / "out.csv").exists()


def test_a_model_that_cannot_be_written_leaves_nothing(model, tmp_path):
    (tmp_path / "taken").mkdir()
    for path in (tmp_path / "nowhere" / "m.skops", tmp_path / "taken"):
        with pytest.raises(OutputError):
            save_model(model, path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["taken"]
    assert issubclass(OutputError, DigitBatchError)


def test_a_plain_model_reads_counts_as_they_are_and_stays_plain_in_its_file(plain, points, tmp_path):
    save_model(plain, tmp_path / "plain.skops")
    loaded = load_model(tmp_path / "plain.skops")
    assert loaded.plain
    duels = copy.copy(plain.svc).set_params(decision_function_shape="ovo").decision_function(points)
    assert np.allclose(loaded.margins(points), duels, atol=1e-3)


def test_only_a_plain_model_looks_at_stretched_crops(model, plain):
    upright = [np.ones((20, 4), np.float32)]
    assert plain.look(upright) == pytest.approx(16)
    assert model.look(upright).reshape(8, 8)[:, 0] == pytest.approx(0)


def test_a_model_is_not_plain_unless_its_file_says_so(saved):
    assert not load_model(saved).plain
