"""The example of a month of nights does what it says, as a user runs it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from offhours import Offhours

EXAMPLE = Path(__file__).parents[2] / "examples" / "nightly_training.py"


@pytest.mark.timeout(240)
def test_a_month_of_nights(tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="needs scikit-learn")
    done = subprocess.run(
        [sys.executable, EXAMPLE, tmp_path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = re.findall(r"^night +(\d+) +(\w+) +serving ([\d.]+) +(.*)$", done.stdout, re.MULTILINE)
    nights = {int(number): (status, float(serving), why) for number, status, serving, why in lines}
    assert sorted(nights) == list(range(1, 31))
    assert nights[1][0] == "promoted"
    assert {n for n, (status, *_) in nights.items() if status == "refused"} == {9, 17}
    assert nights[13][0] == "skipped" and "97 %" in nights[13][2]
    assert "(killed, went on)" in nights[21][2] and nights[21][0] in ("promoted", "kept")
    serving = [nights[n][1] for n in range(1, 31)]
    assert serving == sorted(serving) and serving[-1] > serving[0] > 0.9
    drawn = ElementTree.parse(tmp_path / "nightly_training.svg")
    assert len(drawn.findall(".//{*}circle/{*}title")) == 30
    app = Offhours(tmp_path / "nights.db")
    model = app.models("demo").get("digits")
    assert [move.kind for move in model.history()].count("rolled_back") == 0
    assert len(model.cycles(100)) == 29  # the busy night has none
    app.close()
