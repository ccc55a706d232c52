"""docs/integrations.md shows what runs: each of its blocks stands in a program that is tested."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "integrations.md").read_text(encoding="utf-8")


def test_each_block_is_part_of_a_program() -> None:
    sources = [*(ROOT / "examples").glob("with_*.py"), ROOT / "tests/django_site/settings.py"]
    programs = [source.read_text(encoding="utf-8") for source in sources]
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 9
    for block in blocks:
        assert any(block in program for program in programs), block


def test_each_link_leads_somewhere() -> None:
    for address, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", PAGE):
        target = ROOT / "docs" / address if address else ROOT / "docs" / "integrations.md"
        titles = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
        slugs = [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]
        assert not anchor or anchor in slugs, (address, anchor)
