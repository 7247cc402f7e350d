"""Debian's chromium, driven by Playwright, for what is measured or shown in a real browser."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, sync_playwright


@contextmanager
def open_browser(**options: Any) -> Iterator[Browser]:
    """Start the browser; say how to install it where there is none."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        sys.exit("No chromium here. Install it: apt-get install chromium")
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments, **options)
        yield browser
        browser.close()
