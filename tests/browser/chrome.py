"""Debian's Chromium, driven by Playwright. Nothing is downloaded."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--font-render-hinting=none"]


def program() -> str | None:
    """Where Chromium is, if it is installed."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser that ends with the block."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program(), args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def go(tab: Any, path: str) -> None:
    """Open a page, and wait until what it shows is there."""
    tab.wait_for_selector("main[data-page]")
    tab.evaluate("path => { location.hash = '#/' + path }", path)
    first, *more = path.partition("?")[0].split("/")
    editing = more[-1:] in (["new"], ["edit"])
    names = {
        "jobs": "job", "flows": "flow", "recorder": "dump", "optimizer": "automation",
        "training": "model", "tasks": "task", "schedules": "editor" if editing else "schedule",
    }  # fmt: skip
    shown = f"{names[first]}/{unquote(more[0])}" if more else first
    quoted = shown.replace("\\", "\\\\").replace('"', '\\"')
    tab.wait_for_selector(f'main[data-page="{quoted}"] h1')
    tab.wait_for_selector(".skeleton, .loading", state="detached")
