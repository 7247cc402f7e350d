"""The manifest of an output in parts: which there are, in their order, and what the run was begun with."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

PARTS_VERSION = 1
MANIFEST = "manifest.json"
NEXT = MANIFEST + ".part"  # the next one, until it is whole
OWN = re.compile(r"part-(\d{6,}|joined)\.csv")  # the names that this program gives


@dataclass(frozen=True)
class Piece:
    """One part, as the manifest has it.

    Attributes
    ----------
    name : str
        Of the file beside the manifest.
    rows, size : int
        Rows, and their bytes without the header's.
    first, last : str
        The paths of its first and its last row.
    sha256 : str
        Of the whole file.
    """

    name: str
    rows: int
    size: int
    first: str
    last: str
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What an earlier run left word of.

    Attributes
    ----------
    whole : bool
        The parts are all there are.
    header : str
        Of each part, line end included.
    run : mapping of str to object
        What decided the rows.
    pieces : tuple of Piece
        The parts, in order.
    """

    whole: bool
    header: str
    run: Mapping[str, object]
    pieces: tuple[Piece, ...]

    def dump(self) -> bytes:
        """Return it as a JSON file."""
        document = {
            "version": PARTS_VERSION,
            "whole": self.whole,
            "rows": sum(piece.rows for piece in self.pieces),
            "header": self.header,
            "run": self.run,
            "parts": [asdict(piece) for piece in self.pieces],
        }
        return json.dumps(document, indent=1).encode()


def parse_manifest(data: bytes) -> Manifest | None:
    """Return what a manifest says; None where it is damaged, or of another program or version."""
    try:
        found = json.loads(data)
        pieces = tuple(_parse_piece(part) for part in found["parts"])
        names = [name_part(place) for place in range(len(pieces))]
        known = found["version"] == PARTS_VERSION and [piece.name for piece in pieces] == names
        return Manifest(bool(found["whole"]), str(found["header"]), dict(found["run"]), pieces) if known else None
    except (ValueError, KeyError, TypeError):
        return None


def name_part(place: int) -> str:
    """Return the name of a part."""
    return f"part-{place:06}.csv"


def _parse_piece(part: Mapping[str, Any]) -> Piece:
    words = (str(part[key]) for key in ("first", "last", "sha256"))
    return Piece(str(part["name"]), int(part["rows"]), int(part["size"]), *words)
