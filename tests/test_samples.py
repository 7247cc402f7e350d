"""The shipped samples are whole, small, varied, and made by their script."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence
from sklearn.datasets import load_digits

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "samples"


def list_files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The samples made once more by the script."""
    spec = importlib.util.spec_from_file_location("make_samples", ROOT / "benchmarks" / "make_samples.py")
    script = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = script
    spec.loader.exec_module(script)
    folder = tmp_path_factory.mktemp("samples")
    script.make_samples(folder)
    return folder


def test_the_samples_are_at_most_2_mb():
    """A clone stays small."""
    assert sum(path.stat().st_size for path in list_files(SAMPLES)) <= 2_000_000


def test_the_scans_cover_every_format_and_depth():
    """What the tool says it reads, it can be tried on."""
    formats, modes, pages, turned = set(), set(), [], 0
    for path in list_files(SAMPLES / "scans"):
        with Image.open(path) as image:
            formats.add(image.format)
            modes.add(image.mode)
            pages.append(getattr(image, "n_frames", 1))
            turned += image.getexif().get(0x0112, 1) != 1
    assert formats == {"PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP", "PPM"}
    assert modes >= {"1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"}
    assert max(pages) == 3
    assert turned == 1


def test_the_scans_hold_the_traps_of_a_folder():
    """Nested folders, a space in a folder's name, 9 before 10, and a blank sheet."""
    paths = {path.relative_to(SAMPLES / "scans").as_posix() for path in list_files(SAMPLES / "scans")}
    assert {"post/9.png", "post/10.jpg", "post/blank.png"} <= paths
    assert any(" " in path.split("/")[0] for path in paths)
    assert any(path.count("/") == 2 for path in paths)


def test_each_labelled_sample_is_in_the_folder_of_its_digit():
    """Folder and row agree with scikit-learn's labels, and each held-back row is there once."""
    target, rows = load_digits().target, []
    for path in list_files(SAMPLES / "labelled"):
        rows.append(int(path.name.split("-")[0]))
        assert path.parent.name == str(target[rows[-1]])
    assert sorted(rows) == list(range(1697, 1797))


def test_the_script_makes_the_shipped_samples(made):
    """The same files, and the same pictures but for what another encoder or another libm rounds otherwise."""
    for name in ("scans", "labelled"):
        shipped = list_files(SAMPLES / name)
        assert [path.relative_to(SAMPLES) for path in shipped] == [
            path.relative_to(made) for path in list_files(made / name)
        ]
        for path in shipped:
            with Image.open(path) as ours, Image.open(made / path.relative_to(SAMPLES)) as again:
                assert (ours.mode, ours.size) == (again.mode, again.size)
                for one, two in zip(ImageSequence.Iterator(ours), ImageSequence.Iterator(again), strict=True):
                    one, two = (np.asarray(page, dtype=float) for page in (one, two))
                    largest = 65535 if ours.mode == "I;16" else 1 if ours.mode == "1" else 255
                    assert np.abs(one - two).mean() < 0.01 * largest, path
