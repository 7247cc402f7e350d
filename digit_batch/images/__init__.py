"""Files, folders and archives -> pictures: this room alone knows paths, formats and Pillow.

`walk` finds what is to be read, `find_sources` finds it again from the paths of a table, `read_frames` reads it;
between them a `Source` can travel to another process.
"""

from digit_batch.images.decode import Frame, Limits, Unreadable, read_frames
from digit_batch.images.lists import read_list
from digit_batch.images.lookup import find_sources, number_files
from digit_batch.images.sources import LOCKED, Skipped, Source, show_name
from digit_batch.images.storage import fetch_ahead, is_url, show_url
from digit_batch.images.walk import walk

__all__ = [
    "LOCKED",
    "Frame",
    "Limits",
    "Skipped",
    "Source",
    "Unreadable",
    "fetch_ahead",
    "find_sources",
    "is_url",
    "number_files",
    "read_frames",
    "read_list",
    "show_name",
    "show_url",
    "walk",
]
