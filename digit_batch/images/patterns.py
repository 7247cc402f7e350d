"""Which files and folders within the inputs are wanted, by the patterns of ``--include`` and ``--exclude``."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import translate

__all__ = ["Choice", "Patterns", "compile_patterns"]

NOTHING = r"(?!)"  # the pattern that nothing fits


@dataclass(frozen=True, slots=True)
class Patterns:
    """Of names in folders: those without ``/``, for the last part alone, and those with it, for the whole path."""

    part: re.Pattern[str]
    path: re.Pattern[str]

    def match(self, below: str) -> bool:
        """Tell whether one of them fits a path below the input."""
        return bool(self.part.match(below, below.rfind("/") + 1) or self.path.match(below))


@dataclass(frozen=True, slots=True)
class Choice:
    """What the caller wants of what is found in folders."""

    include: Patterns | None
    exclude: Patterns | None
    follow_links: bool

    def find_objection(self, below: str) -> str:
        """Say why a file is not wanted; empty when it is."""
        if self.exclude and self.exclude.match(below):
            return "excluded"
        if self.include and not self.include.match(below):
            return "not included"
        return ""

    def excludes_folder_of(self, below: str) -> bool:
        """Tell whether a folder that an archive's member lies in is not wanted."""
        exclude = self.exclude
        return exclude is not None and any(exclude.match(below[: slash.start()]) for slash in re.finditer("/", below))


def compile_patterns(patterns: Sequence[str]) -> Patterns | None:
    """Return what tells whether a path fits one of the patterns; None where there are none."""
    if not patterns:
        return None
    patterns = [pattern.rstrip("/") for pattern in patterns]
    parts = [translate(pattern) for pattern in patterns if "/" not in pattern]
    paths = [translate(pattern) for pattern in patterns if "/" in pattern]
    return Patterns(*(re.compile("|".join(some) or NOTHING) for some in (parts, paths)))
