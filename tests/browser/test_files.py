"""The page's files: small, whole, typed, and without a way from text to markup."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from offhours.api import make_app
from offhours.api.places import DASHBOARD
from offhours.testing import memory_app

ROOT = Path(__file__).parents[2]
FILES = sorted(path for path in DASHBOARD.rglob("*") if path.is_file())
SCRIPTS = [path for path in FILES if path.suffix == ".js"]
FIRST_VISIT = 40_000  # bytes over the network, of what a visit to the overview loads
ANY_VISIT = 45_000
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


def named_in(path: Path, on_demand: bool) -> list[Path]:
    """The files that one of them loads: at once, or with those that it loads on demand."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".html":
        found = re.findall(r'(?:href|src)="([^"]+)"', text)
    else:
        code = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
        ways = r"(?:from|import|import\()" if on_demand else r"(?:from|import)"
        found = re.findall(ways + r'\s*"(\./[^"]+|\.\./[^"]+)"', code)
    return [(path.parent / name).resolve() for name in found]


def reached(*entries: str, on_demand: bool = True) -> set[Path]:
    """The files that a browser can come to load: from these on, by their own words."""
    seen: set[Path] = set()
    waiting = [DASHBOARD / entry for entry in entries or ("index.html",)]
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            waiting += named_in(path, on_demand)
    return seen


def test_every_file_is_used_and_every_used_file_is_there() -> None:
    used = {path.relative_to(DASHBOARD) for path in reached()}
    types = {Path("types.js")}
    assert used | types == {path.relative_to(DASHBOARD) for path in FILES}


@cache
def sizes() -> dict[Path, int]:
    """Bytes of each file over the network: as the server sends them, compressed."""
    found = {}
    with TestClient(make_app(memory_app()), base_url="http://localhost") as client:
        for path in FILES:
            name = path.relative_to(DASHBOARD).as_posix()
            with client.stream("GET", f"/{name}", headers={"accept-encoding": "gzip"}) as answer:
                found[path] = len(b"".join(answer.iter_raw()))
    return found


def weight(paths: Iterable[Path]) -> int:
    return sum(sizes()[path] for path in paths)


def routes() -> dict[str, str]:
    """The file of each page, from the one table that says which address loads which."""
    table = (DASHBOARD / "main.js").read_text(encoding="utf-8")
    return dict(re.findall(r'(\w+): \(\) => import\("\./(pages/\w+\.js)"\)', table))


def test_a_visit_is_small_whatever_page_it_is_to() -> None:
    assert set(routes().values()) == {f"pages/{path.name}" for path in DASHBOARD.glob("pages/*")}
    for name, file in routes().items():
        visit = weight(reached("index.html", file, on_demand=False))
        assert visit < (FIRST_VISIT if name == "overview" else ANY_VISIT), (name, visit)


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
