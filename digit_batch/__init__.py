"""Read folders of scanned handwritten digits, and be honest about doubt."""

__version__ = "0.1.0"
