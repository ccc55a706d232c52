"""The lowest versions that we say are enough are enough. By night: two worlds are installed."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest
from tests.packaging.conftest import Built, Environment, run
from tests.pages import ROOT
from tools.lowest import lowest

TOOLS = ("httpx", "httpx2", "hypothesis", "jsonschema", "pytest", "pytest-randomly",
         "pytest-timeout", "pytest-xdist")  # fmt: skip
WITHOUT_EXTRAS = (
    *(f"tests/unit/{room}" for room in ("api", "cli", "core", "engine", "monitor", "store")),
    "tests/acceptance/test_cli.py",
)
WITH_EXTRAS = (
    *(f"tests/unit/{room}" for room in ("mcp", "notify", "recorder", "search", "telemetry")),
    "tests/unit/training",
    *(f"tests/acceptance/test_{page}.py" for page in ("celery", "mcp", "traces", "recorder_page")),
)


def test_each_has_a_lowest_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for line in lowest(project["optional-dependencies"]):
        assert "==" in line and "[" not in line


@pytest.mark.timeout(1200)
@pytest.mark.skipif(not os.environ.get("OFFHOURS_NIGHTLY"), reason="by night: OFFHOURS_NIGHTLY=1")
@pytest.mark.parametrize("extras", [False, True], ids=["alone", "with every extra"])
def test_the_lowest_versions_are_enough(
    extras: bool, built: Built, environment: Environment, tmp_path: Path
) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    chosen = list(project["optional-dependencies"]) if extras else ["postgres"]
    constraints = tmp_path / "lowest.txt"
    constraints.write_text("\n".join(lowest(chosen)))
    place, more = environment(), ("aiosmtpd", "opentelemetry-sdk", "trustme") if extras else ()
    place.install(f"{built.wheel}[{','.join(chosen)}]", *TOOLS, *more, "--constraint", constraints)
    run(place.python, "-m", "offhours", "demo", "--headless", "--seconds", "5", cwd=tmp_path)
    tests = WITH_EXTRAS if extras else WITHOUT_EXTRAS
    run(place.python, "-m", "pytest", "-p", "no:cacheprovider", "-n", "2", *tests, cwd=ROOT)
