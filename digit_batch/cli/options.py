"""The options that several commands share, each written once."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer


class PolarityChoice(StrEnum):
    """Whether the ink is darker or lighter than the paper."""

    auto = "auto"
    dark = "dark"
    light = "light"


def not_empty(name: str | None) -> str | None:
    """Refuse the name that an unset variable of the shell gives."""
    if name == "":
        raise typer.BadParameter("the name is empty. Give one, or leave the option out.")
    return name


def on_disk(name: str | Path) -> Path:
    """Take the name of a file of this machine; a URL would else be a file in a folder named after its scheme."""
    not_empty(str(name))
    if "://" in str(name):
        raise typer.BadParameter("a URL is not taken here. Name a file of this machine; copy it there, if need be.")
    return Path(name)


def file_option(*names: str, help: str, metavar: str = "PATH", show_default: bool | str = True) -> Any:
    """Return the option for a file of this machine: `on_disk` takes its name, wherever a file is asked for."""
    return typer.Option(*names, metavar=metavar, parser=on_disk, help=help, show_default=show_default)


def above_0(value: float | None) -> float | None:
    """Refuse 0 and below."""
    if value is not None and not 0 < value < float("inf"):
        raise typer.BadParameter(f"{value:g} is not above 0.")
    return value


Inputs = Annotated[list[str], typer.Argument(help="Image files and folders.", show_default=False)]
ModelPath = Annotated[
    Path | None, file_option("--model", help="A model made by `train`.", show_default="the one that ships")
]
Jobs = Annotated[int | None, typer.Option(min=1, help="Worker processes.", show_default="all cores")]
MinConfidence = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="Rows below it ask for a person.", show_default="0.9"),
]
Polarity = Annotated[PolarityChoice, typer.Option(help="Ink on paper: found for each image, dark, or light.")]
MAX_PIXELS = 100_000_000  # unless asked otherwise
MaxPixels = Annotated[int, typer.Option(min=1, help="Larger images are not decoded; their row says so.")]
LabelTable = Annotated[
    Path | None, file_option("--labels", help="A CSV with the columns path and label, instead of folders.")
]
LabelPattern = Annotated[
    str | None,
    typer.Option(metavar="REGEX", help=r"The label is in the file's name, in the first group: digit_(\d)_.*"),
]
Json = Annotated[Path | None, file_option("--json", help="Save every figure.")]
Plot = Annotated[Path | None, file_option(help="Draw the confusion matrix as a heat map: PNG, SVG or PDF.")]
Force = Annotated[bool, typer.Option("--force", help="Replace an existing output.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar, no summary.")]
Report = Annotated[
    Path | None, file_option("--report", metavar="PAGE.html", help="Save a page of the pictures, for a browser.")
]
Probabilities = Annotated[bool, typer.Option("--probabilities", help="Add the columns p0 to p9.")]
MaxFrames = Annotated[int, typer.Option(min=1, help="Pages of one file that are read; a row tells of the rest.")]
Timeout = Annotated[
    float, typer.Option(min=1, help="Seconds for one image, in a worker process; its row says when it took longer.")
]
FilesFrom = Annotated[
    str | None,
    typer.Option(
        metavar="LIST",
        callback=not_empty,
        help="Read the names in a file too, one a line or NUL-separated; - is stdin.",
    ),
]
Include = Annotated[list[str] | None, typer.Option(metavar="GLOB", help="In folders, read only what matches.")]
Exclude = Annotated[list[str] | None, typer.Option(metavar="GLOB", help="In folders, pass over what matches.")]
FollowLinks = Annotated[bool, typer.Option("--follow-links", help="Enter links to folders.")]
ShardText = Annotated[
    str | None,
    typer.Option("--shard", metavar="K/N", help="Read the Kth of N fixed shares only; `merge` joins their tables."),
]
PartsKept = Annotated[
    bool, typer.Option("--parts", help="Write OUT as a folder of parts with a manifest, here or at a URL.")
]
Cluster = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS", help="Read on a Dask cluster: tcp://HOST:8786, a scheduler file, or local for one of --jobs."
    ),
]
