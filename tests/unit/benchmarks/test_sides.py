"""Each contender runs; nothing is timed here, and no peer is installed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SIDES = Path(__file__).parents[3] / "benchmarks" / "sides"
DURABLE = {"durability": "normal"}
REST = {"pause": 0.0}
ASIDE = {"background": True, "step_aside": "cooperate"}
PROCESS = {"executor": "process", "step_aside": "freeze"}
INTERFERENCE = {"n": 3_000, "seconds": 0.05, "workers": 1}


@pytest.mark.parametrize(
    ("side", "measure", "params"),
    [
        ("offhours", "submit", {"n": 50, "threads": 2, "options": DURABLE}),
        ("offhours", "bulk", {"n": 50, "at_once": 25}),
        ("offhours", "drain", {"n": 50, "threads": 2, **DURABLE}),
        ("offhours", "latency", {"n": 5, **REST}),
        ("offhours", "latency_across", {"n": 5, **REST}),
        ("offhours", "due", {"rate": 20, "seconds": 0.2}),
        ("offhours", "idle", {"stored": 50, "seconds": 0.01}),
        ("offhours", "growth", {"n": 20, "stored": 50, "seconds": 0.01}),
        ("offhours", "start", {"n": 1}),
        ("offhours", "recovery", {"n": 1, "patience": 30}),
        ("offhours", "interference", {"n": 0, "seconds": 0.05, "workers": 0}),
        ("offhours", "interference", {"options": ASIDE, **INTERFERENCE}),
        ("offhours", "interference", {"options": ASIDE | PROCESS, **INTERFERENCE}),
        ("offhours", "lateness", {"rate": 20, "seconds": 0.2}),
        ("offhours", "stored_schedules", {"stored": 20, "seconds": 1.1}),
        ("sqlite", "lateness", {"rate": 20, "seconds": 0.2}),
        ("sqlite", "submit", {"n": 50, "each": 5, **DURABLE}),
        ("sqlite", "submit", {"n": 50, "page_size": 1024, **DURABLE}),
        ("sqlite", "fsync", {"n": 5}),
        ("sqlite", "pool_submit", {"n": 50}),
        ("sqlite", "pool_drain", {"n": 50, "threads": 2}),
        ("sqlite", "bulk", {"n": 50, "at_once": 25}),
        ("sqlite", "drain", {"n": 50, "each": 10}),
        ("sqlite", "drain", {"n": 50, "each": 10, "singly": True}),
        ("sqlite", "latency", {"n": 5, **REST}),
        ("sqlite", "latency_across", {"n": 5, **REST}),
        ("sqlite", "idle", {"seconds": 0.01}),
        ("sqlite", "cpu_of", {"code": "pass", "n": 1}),
    ],
)
def test_a_contender_gives_figures(
    side: str, measure: str, params: dict[str, object], tmp_path: Path
) -> None:
    command = [
        sys.executable,
        str(SIDES / f"{side}_side.py"),
        measure,
        json.dumps({"disk": str(tmp_path), **params}),
    ]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    figures = json.loads(ended.stdout)
    assert figures and all(value >= 0 for value in figures.values())
