"""Many images: chunks of files to worker processes, rows back in order, and runs that survive what kills them.

`chunks` cuts the walk and reads one chunk; `engine` gives chunks out and puts rows back in order; `workers` keeps
the processes that read, whose own side is `serve`; `resume` continues an unfinished run; `retry` reads the error
rows of a finished one again.
"""

from digit_batch.batch.chunks import Settings
from digit_batch.batch.engine import classify, classify_chunks, classify_sources, images_among

__all__ = ["Settings", "classify", "classify_chunks", "classify_sources", "images_among"]
