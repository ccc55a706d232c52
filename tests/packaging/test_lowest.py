"""The lowest versions that we say are enough are enough. By night: two worlds are installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.packaging.conftest import Built, Environment, run
from tests.pages import ROOT

TOOLS = ("httpx", "httpx2", "hypothesis", "jsonschema", "pytest", "pytest-randomly",
         "pytest-timeout", "pytest-xdist")  # fmt: skip
WITHOUT_EXTRAS = (
    *(f"tests/unit/{room}" for room in ("api", "cli", "core", "engine", "monitor", "store")),
    "tests/acceptance/test_cli.py",
    *(f"--ignore=tests/unit/cli/test_{extra}.py" for extra in ("celery_app", "migrate")),
)
WITH_EXTRAS = (
    *(f"tests/unit/{room}" for room in ("mcp", "notify", "recorder", "search", "telemetry")),
    "tests/unit/training",
    *(f"tests/acceptance/test_{page}.py" for page in ("celery", "mcp", "traces", "recorder_page")),
)


@pytest.mark.timeout(1200)
@pytest.mark.nightly
@pytest.mark.parametrize("extras", [False, True], ids=["alone", "with every extra"])
def test_the_lowest_versions_are_enough(
    extras: bool, built: Built, environment: Environment, tmp_path: Path
) -> None:
    lowest = tmp_path / "lowest.txt"
    which = ("--all-extras",) if extras else ("--extra", "postgres")  # which the fixtures need
    run(
        sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--resolution", "lowest-direct",
        "--no-header", "--output-file", lowest, *which, "pyproject.toml", cwd=ROOT,
    )  # fmt: skip
    place, more = environment(), ("aiosmtpd", "opentelemetry-sdk", "trustme") if extras else ()
    place.install("--requirement", lowest, built.wheel, *TOOLS, *more)
    run(place.python, "-m", "offhours", "doctor", "--db", "jobs.db", cwd=tmp_path)
    tests = WITH_EXTRAS if extras else WITHOUT_EXTRAS
    run(place.python, "-m", "pytest", "-p", "no:cacheprovider", "-n", "2", *tests, cwd=ROOT)
