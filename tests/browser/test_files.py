"""The page's files: small, whole, typed, and without a way from text to markup."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from offhours.api import make_app
from offhours.api.places import DASHBOARD
from offhours.testing import memory_app

ROOT = Path(__file__).parents[2]
FILES = sorted(path for path in DASHBOARD.rglob("*") if path.is_file())
SCRIPTS = [path for path in FILES if path.suffix == ".js"]
FIRST_VIEW = 45_000  # bytes over the network
ALL_VIEWS = 60_000
NEVER = (
    "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser", "setHTML",
    "createContextualFragment", "srcdoc", "eval(", "new Function", "cssText",
)  # fmt: skip


def test_no_script_makes_markup_of_text() -> None:
    found = [
        f"{path.name}: {word}"
        for path in SCRIPTS
        for word in NEVER
        if word in path.read_text(encoding="utf-8")
    ]
    assert found == []


def test_nothing_is_fetched_from_elsewhere() -> None:
    known = ("http://www.w3.org/2000/svg", "url(#")
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        for each in known:
            text = text.replace(each, "")
        assert not re.search(r"https?://|url\(|@import", text), path
    index = (DASHBOARD / "index.html").read_text(encoding="utf-8")
    assert "<style" not in index and not re.search(r"<script(?![^>]*\bsrc=)|\bon\w+=|style=", index)


def reached() -> set[Path]:
    """The files that a browser can come to load: from the index on, by their own words."""
    seen: set[Path] = set()
    waiting = [DASHBOARD / "index.html"]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".html":
            named = re.findall(r'(?:href|src)="([^"]+)"', text)
        else:
            code = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
            named = re.findall(r'(?:from|import|import\()\s*"(\./[^"]+|\.\./[^"]+)"', code)
        waiting += [(path.parent / name).resolve() for name in named]
    return seen


def test_every_file_is_used_and_every_used_file_is_there() -> None:
    used = {path.relative_to(DASHBOARD) for path in reached()}
    types = {Path("types.js")}
    assert used | types == {path.relative_to(DASHBOARD) for path in FILES}


def weight(paths: Iterable[Path]) -> int:
    """Bytes over the network: as the server sends them, compressed."""
    with TestClient(make_app(memory_app()), base_url="http://localhost") as client:
        total = 0
        for path in paths:
            name = path.relative_to(DASHBOARD).as_posix()
            with client.stream("GET", f"/{name}", headers={"accept-encoding": "gzip"}) as answer:
                total += len(b"".join(answer.iter_raw()))
    return total


def test_the_page_is_small() -> None:
    every = reached()
    first = [path for path in every if path.parent.name != "pages" or path.stem == "overview"]
    assert weight(first) < FIRST_VIEW
    assert weight(every) < ALL_VIEWS


def test_the_types_hold() -> None:
    local = ROOT / "node_modules" / ".bin" / "tsc"
    tsc = str(local) if local.exists() else shutil.which("tsc")
    if tsc is None:
        pytest.skip("TypeScript is not installed: npm install --no-save typescript")
    told = subprocess.run(
        [tsc, "--project", "tests/browser/tsconfig.json"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (told.returncode, told.stdout) == (0, "")


def test_the_types_are_checked_strictly() -> None:
    options = json.loads((ROOT / "tests" / "browser" / "tsconfig.json").read_text())
    assert options["compilerOptions"]["strict"] and options["compilerOptions"]["checkJs"]
    for path in SCRIPTS:
        assert "@ts-ignore" not in path.read_text() and "@ts-nocheck" not in path.read_text()
