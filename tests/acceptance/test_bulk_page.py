"""The page about bulk operations and templates: its Python runs as it stands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "bulk.md").read_text(encoding="utf-8")


def test_the_examples_run(tmp_path: Path) -> None:
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
    (tmp_path / "example.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "example.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (done.stderr, done.returncode) == ("", 0)
    seen, cancelled, name = done.stdout.splitlines()
    assert seen == "3 {'shop:mail': 3} {'pending': 3} [3, 2, 1]"
    assert (cancelled, name) == ("3 0 []", "report of legal, 2026-06-01")
