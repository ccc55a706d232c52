"""The site of the documentation builds, leaves no page out, and shows the code as it is."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.pages import DOCS, NAV, ROOT, blocks, name_of, pages
from tools import life
from tools.drawings import DRAWINGS, FOLDER

import offhours
from offhours.core.states import LEGAL

_TARGET = re.compile(r"""\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)\"""")


@pytest.fixture(scope="module")
def site() -> Path:
    """The site, built as `make docs` builds it: a warning is a failure."""
    done = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict", "--clean"],
        cwd=ROOT, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return ROOT / "site"


def test_the_site_builds(site: Path) -> None:
    built = {page.relative_to(site).with_suffix(".md") for page in site.rglob("*.html")}
    missing = [page for page in DOCS.rglob("*.md") if page.relative_to(DOCS) not in built]
    assert missing == []


def test_every_page_is_in_the_navigation() -> None:
    told = re.findall(r"^ *\* (?:\[.*\]\((.+)\)|(\S*\*\.md))$", NAV.read_text(), re.MULTILINE)
    listed = {page for one, some in told for page in ([DOCS / one] if one else DOCS.glob(some))}
    left_out = [name_of(page) for page in DOCS.rglob("*.md") if page not in {*listed, NAV}]
    assert left_out == [], f"give each of these a line in {name_of(NAV)}"


def test_every_public_name_is_in_the_reference(site: Path) -> None:
    text = "".join(page.read_text("utf-8") for page in (site / "reference").glob("*.html"))
    names = [name for name in offhours.__all__ if name != "__version__"]
    missing = [name for name in names if f'id="offhours.{name}"' not in text]
    assert missing == [], "add ::: offhours.NAME to a page in docs/reference"


def test_examples_in_docstrings_are_code(site: Path) -> None:
    text = (site / "reference" / "app.html").read_text("utf-8")
    assert "language-pycon" in text
    assert "<blockquote>\n<blockquote>" not in text


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_what_a_page_links_to_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for _, block in blocks(text, *{"", *re.findall(r"```(\w+)", text)}):
        text = text.replace(block, "")
    targets = [one or other for one, other in _TARGET.findall(text)]
    ours = [target.partition("#")[0] for target in targets if not re.match(r"\w+:", target)]
    assert [target for target in ours if target and not (page.parent / target).exists()] == []


@pytest.mark.parametrize("name", DRAWINGS)
def test_the_drawings_are_of_this_code(name: str) -> None:
    drawn = (FOLDER / name).read_text(encoding="utf-8")
    assert drawn == DRAWINGS[name](), "python -m tools.drawings draws it anew"


def test_every_legal_move_is_drawn_with_what_is_told() -> None:
    legal = {(was, to) for was, ends in LEGAL.items() for to in ends}
    assert set(life.kinds()) == legal
    assert set(life.LINES) == legal


def test_the_tests_that_the_security_page_names_are_there() -> None:
    rows = re.findall(r"^\| .* \| (.+) \|$", (DOCS / "security.md").read_text(), re.MULTILINE)
    assert len(rows) > 25
    folder = ROOT / "tests"
    for row in rows[2:]:
        room = Path()
        for name in row.split(", "):
            place = room / name if "/" not in name and name.startswith("test_") else Path(name)
            room = place.parent
            assert (folder / place).is_dir() or (folder / f"{place}.py").is_file(), f"{name}: {row}"
