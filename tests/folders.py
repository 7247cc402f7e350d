"""Small folders of digits for the tests of batches, and the ways to run a command on them."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from pages import digits
from PIL import Image
from typer.testing import CliRunner, Result

from digit_batch.batch.chunks import CHUNK_BYTES
from digit_batch.cli.app import app

PACKAGE = Path(__file__).parents[1]


def draw(number):
    """Return one of scikit-learn's digits as a picture, dark on light."""
    return Image.fromarray(255 - (np.kron(digits()[0][number], np.ones((4, 4))) * 15.9).astype(np.uint8))


def fill(folder, count, start=0):
    """Save digits as ``000.png`` and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(start, start + count):
        draw(number).save(folder / f"{number:03}.png")
    return folder


def make_many(top, count):
    """Make files by the hundred from a few digits."""
    for number in range(count):
        path = top / f"{number % 7}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        if number < 10:
            draw(number).save(path)
            continue
        path.hardlink_to(top / f"{number % 10 % 7}" / f"{number % 10}.png")
    return top


def fill_mixed(folder):
    """Make four chunks of a walk: each digits, three pages, an empty file, and one so large that it ends the chunk."""
    for part in range(4):
        sub = fill(folder / f"part{part}", 2, start=part * 2)
        draw(40 + part).save(sub / "pages.tif", save_all=True, append_images=[draw(50 + part), draw(60 + part)])
        (sub / 'name, with "quotes"\nand\ra line.png').write_bytes(b"")
        (sub / "zz.png").write_bytes(bytes(CHUNK_BYTES))
    return folder


def run(*arguments) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def start(*arguments, env=None, path=(), **options):
    """Start a command in a process of its own."""
    python_path = os.pathsep.join([*map(str, path), str(PACKAGE)])
    return subprocess.Popen(
        [sys.executable, "-m", "digit_batch", *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": python_path} | (env or {}),
        stdout=options.pop("stdout", subprocess.PIPE),
        stderr=options.pop("stderr", subprocess.PIPE),
        **options,
    )


def part_of(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def facts_of(path: Path) -> Path:
    return path.with_name(path.name + ".part.json")
