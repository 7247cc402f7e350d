"""Simulated scans: an ink amount put on paper and looked at by a scanner, a camera or a screen.

`kinds` is the table of what is simulated, `effects` the physics one function at a time, `scans` puts them together.
"""

from digit_batch.paper.kinds import KINDS, Kind
from digit_batch.paper.scans import draw_scan, draw_scan_with_truth

__all__ = ["KINDS", "Kind", "draw_scan", "draw_scan_with_truth"]
