"""Makes the pictures of docs/tutorial.md, with its own commands: ``python benchmarks/tutorial_pictures.py``."""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "tutorial"


def run(*words: object) -> None:
    """Run a command of the package."""
    subprocess.run(
        [sys.executable, "-m", "digit_batch", *map(str, words)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
    )


def main() -> None:
    """Draw the data set and the confusion matrix of the walk-through."""
    FOLDER.mkdir(exist_ok=True)
    run("dataset", "--plot", FOLDER / "digits.png", "--force")
    with tempfile.TemporaryDirectory() as folder:
        run("train", "--plain", "--plot", FOLDER / "confusion.png", "-o", Path(folder) / "plain.skops", "--force")
    for picture in sorted(FOLDER.glob("*.png")):
        print(f"{picture.relative_to(ROOT)}: {picture.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
