"""The circle of review: ``python benchmarks/review_circle.py FOLDER``.

FOLDER is labelled (``.../<digit>/file``). It is classified; a review page of some of its images is opened in a real
browser, where a script presses the keys that a person would; what the page saves goes to `train` as labels; and the
images that nobody looked at are read with the old model and the new one.

The images on the page are taken at random: the others then tell how the next scans of this kind would be read. With
``--least-sure`` they are those that `review` chooses, as in use; nearly all mistakes are then among them, and there is
little left to get better in the others.

``--drawn N`` begins with a quick model of fewer drawn digits, and retrains with the same; without it, the model that
ships is where the circle begins, and `train` is run in full (minutes).
"""

import argparse
import csv
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from chromium import open_browser

from digit_batch.labels import folder_label

KEYS = 60


def run(*words: object) -> None:
    """Run a command of this checkout; its own words go to stderr."""
    code = subprocess.call([sys.executable, "-m", "digit_batch", *map(str, words)], stdout=sys.stderr)
    if code not in (0, 3):  # 3: some images could not be read
        sys.exit(code)


def press_keys(page_file: Path, corrections: Path) -> int:
    """Answer every picture of a review page with its true digit, save, and return how many labels that changed."""
    with open_browser() as browser:
        page = browser.new_page()
        page.goto(page_file.resolve().as_uri())
        count = page.locator(".tile").count()
        changed = 0
        for _ in range(count):
            true = folder_label(page.inner_text("#path"))
            if true is None:
                sys.exit(f"{page.inner_text('#path')} lies in no folder named after a digit.")
            said = page.inner_text("#label")
            changed += said != str(true)
            page.keyboard.press("Enter" if said == str(true) else str(true))
        with page.expect_download() as download:
            page.click("#save")
        download.value.save_as(corrections)
    return changed


def read_table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV."""
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def write_table(path: Path, rows: list[dict[str, str]]) -> None:
    """Write rows as a CSV."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def measure(folder: str, others: Path, model: list[object], place: Path) -> dict[str, Any]:
    """Return how the images that nobody looked at are read."""
    rows, figures = place.with_suffix(".csv"), place.with_suffix(".json")
    run("evaluate", folder, "--labels", others, *model, "--json", figures, "-o", rows, "--quiet")
    found: dict[str, Any] = json.loads(figures.read_text())
    return found


def say(name: str, found: dict[str, Any]) -> None:
    wrong = found["images"] - found["correct"]
    print(
        f"{name:<28}{found['accuracy']:>9.2%}{wrong:>7}{found['coverage']:>12.1%}"
        f"{found['accepted_accuracy']:>10.2%}{found['expected_calibration_error']:>9.3f}"
    )


def main() -> None:
    """Go round once, and print how the others are read before and after."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--keys", type=int, default=KEYS, help=f"images that are corrected (default {KEYS})")
    parser.add_argument(
        "--drawn", type=int, help="drawn digits of both models; by default the model that ships, and all"
    )
    parser.add_argument("--least-sure", action="store_true", help="correct the images that `review` chooses")
    parser.add_argument("--seed", type=int, default=0, help="of the choice at random")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        model: list[object] = []
        drawn = [] if given.drawn is None else ["--drawn", given.drawn]
        if drawn:
            run("train", *drawn, "--repeats", 1, "-o", work / "before.skops")
            model = ["--model", work / "before.skops"]
        run("classify", given.folder, *model, "-o", work / "rows.csv", "--quiet")
        table = read_table(work / "rows.csv")
        if not given.least_sure:
            table = [row for row in table if row["status"] != "error"]
            chosen = random.Random(given.seed).sample(range(len(table)), min(given.keys, len(table)))
            table = [table[place] for place in sorted(chosen)]
        write_table(work / "some.csv", table)
        page = work / "review.html"
        run("review", work / "some.csv", "--limit", given.keys, "-o", page)
        changed = press_keys(page, work / "corrections.csv")
        seen = {row["path"] for row in read_table(work / "corrections.csv")}
        others = [row for row in read_table(work / "rows.csv") if row["path"] not in seen and row["status"] != "error"]
        truth = [{"path": row["path"], "label": str(folder_label(row["path"]))} for row in others]
        write_table(work / "others.csv", truth)
        data = ["--data", given.folder, "--labels", work / "corrections.csv"]
        run("train", *data, *drawn, "--repeats", 1, "-o", work / "after.skops")
        print(f"{len(seen)} images answered by keys, {changed} of them with another digit; {len(others)} others:\n")
        print(f"{'':<28}{'right':>9}{'wrong':>7}{'marked ok':>12}{'of these':>10}{'ECE':>9}")
        say("before", measure(given.folder, work / "others.csv", model, work / "before"))
        say("after", measure(given.folder, work / "others.csv", ["--model", work / "after.skops"], work / "after"))


if __name__ == "__main__":
    main()
