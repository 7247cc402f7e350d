"""Renews the outputs in the documents: each ``<!-- output of: COMMAND -->`` is run, the block after it replaced.

    python benchmarks/refresh_readme.py                                    # README.md
    python benchmarks/refresh_readme.py --data FOLDER                      # FOLDER holds mnist-dev/ and the like
    python benchmarks/refresh_readme.py benchmarks/README.md --only quick  # commands that match a pattern

Commands run in the document's order, in one temporary folder that shows the repository's files, so that what one
leaves (`predictions.csv`) is there for the next and nothing is left behind. Where one fails, the old block stays.
"""

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLACE = re.compile(r"(<!-- output of: (?P<command>.+?) -->\n```text\n)(?P<output>.*?)(```\n)", re.DOTALL)
COLUMNS = "110"  # width of the tables
SUCCESS = {0, 3}  # 3: some images could not be read, which is worth showing


def run(command: str, folder: Path) -> str:
    """Return what a shell command prints, both streams, without trailing blanks.

    Raises
    ------
    subprocess.CalledProcessError
        It failed.
    """
    path = os.pathsep.join([str(folder / "bin"), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": COLUMNS}
    done = subprocess.run(
        command, shell=True, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode not in SUCCESS:
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout)
    return "".join(f"{line.rstrip()}\n" for line in done.stdout.strip("\n").splitlines())


def show_repository(folder: Path, data: Path | None) -> None:
    """Link the repository and the data into a folder, with `python` and `digit-batch` of this Python."""
    for entry in [*ROOT.iterdir(), *(data.iterdir() if data else [])]:
        if not entry.name.startswith((".", "predictions.csv")):
            (folder / entry.name).symlink_to(entry)
    programs = {"python": "", "digit-batch": " -m digit_batch"}
    (folder / "bin").mkdir()
    for name, arguments in programs.items():
        program = folder / "bin" / name
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)}{arguments} "$@"\n')
        program.chmod(0o755)


def refresh(document: Path, folder: Path, only: str, skip: str | None) -> int:
    """Renew a document's outputs; return how many commands failed."""
    failed = 0

    def renew(place: re.Match[str]) -> str:
        nonlocal failed
        command = place["command"]
        if not re.search(only, command) or (skip and re.search(skip, command)):
            return place[0]
        print(f"{document.name}: {command}", flush=True)
        try:
            return place[1] + run(command, folder) + place[4]
        except subprocess.CalledProcessError as error:
            failed += 1
            print(f"  kept the old output, exit code {error.returncode}: {error.output.strip()[-500:]}")
            return place[0]

    document.write_text(PLACE.sub(renew, document.read_text(encoding="utf-8")), encoding="utf-8")
    return failed


def main() -> None:
    """Renew the outputs of the documents named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", nargs="*", type=Path, default=[ROOT / "README.md"], help="default: README.md")
    parser.add_argument("--data", type=Path, help="a folder of labelled folders, for the commands that name them")
    parser.add_argument("--only", default="", help="run only commands that match this pattern")
    parser.add_argument("--skip", help="leave out commands that match this pattern")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        show_repository(Path(folder), given.data and given.data.resolve())
        sys.exit(1 if sum(refresh(one, Path(folder), given.only, given.skip) for one in given.documents) else 0)


if __name__ == "__main__":
    main()
