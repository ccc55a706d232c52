"""What people install is whole, small, and works on a machine that has nothing else."""

from __future__ import annotations

import json
import re
import subprocess
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from tests.packaging.conftest import Built, Place, run
from tests.pages import ROOT

import offhours
from offhours.cli.checks import EXTRAS

WHEEL_BUDGET = 1_600_000  # bytes
FILES = {
    "offhours/py.typed", "offhours/dashboard/index.html", "offhours/skill/SKILL.md",
    "offhours/skill/llms.txt", "offhours/store/migrations/0001_initial.sql",
    "offhours/store/queries.sql", "offhours/demo/housekeeping.py",
}  # fmt: skip
GIVEN_AWAY = {
    "CHANGELOG.md", "LICENSE", "Makefile", "PKG-INFO", "README.md", "benchmarks", "check.sh",
    "deploy", "docs", "examples", "pyproject.toml", "src", "tests", "tools", "zensical.toml",
    ".gitignore", "uv.lock",
}  # fmt: skip
ASKED = {
    "agents": "import offhours.recorder.adapters.agents",
    "celery": "import offhours.celery",
    "fastmcp": "import offhours.recorder.adapters.fastmcp",
    "langchain": "import offhours.recorder.adapters.langchain",
    "mcp": "import offhours.mcp",
    "mlflow": "from offhours.training.mlflow import MlflowSink; MlflowSink()",
    "postgres": "from offhours import Offhours; Offhours('postgresql://ann@127.0.0.1/jobs')",
    "semantic": "from offhours.search import MiniLM; MiniLM()",
}

ASK = """
import json, sys
told = {}
for extra, code in json.loads(sys.argv[1]).items():
    try:
        exec(code)
    except Exception as error:
        told[extra] = type(error).__module__, str(error)
    else:
        told[extra] = "", f"{extra} was not missed"
print(json.dumps(told))
"""


def test_the_wheel_has_every_file_of_the_package_and_no_other(built: Built) -> None:
    names = set(zipfile.ZipFile(built.wheel).namelist())
    package = {name for name in names if name.startswith("offhours/")}
    about = {name for name in names if ".dist-info/" in name}
    source = ROOT / "src"
    ours = {
        path.relative_to(source).as_posix()
        for path in (source / "offhours").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert package == ours | {"offhours/demo/housekeeping.py"}
    assert package >= FILES
    assert names == package | about


def test_the_wheel_is_small(built: Built) -> None:
    assert built.wheel.stat().st_size < WHEEL_BUDGET


def test_the_archive_has_what_builds_and_tests_it(built: Built) -> None:
    with tarfile.open(built.sdist) as archive:
        parts = [Path(name).parts[1:] for name in archive.getnames()]
    assert {each[0] for each in parts if each} == GIVEN_AWAY
    assert [each for each in parts if {"__pycache__", "node_modules", ".cache"} & {*each}] == []


def test_the_wheel_says_what_it_is(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        [name] = (each for each in wheel.namelist() if each.endswith("/METADATA"))
        told = message_from_bytes(wheel.read(name))
    assert (told["Name"], told["Version"]) == ("offhours", offhours.__version__)
    assert (told["Requires-Python"], told["License-Expression"]) == (">=3.11", "MIT")
    assert set(told.get_all("Provides-Extra", [])) == set(EXTRAS)
    assert str(told.get_payload()).startswith("# Offhours\n")


def test_it_works_where_nothing_else_is(installed: Place, tmp_path: Path) -> None:
    told = run(installed.python, "-m", "offhours", "--version", cwd=tmp_path)
    assert told == f"offhours {offhours.__version__}\n"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    (tmp_path / "example.py").write_text(example)
    assert run(installed.python, "example.py", cwd=tmp_path).splitlines()[-1] == "6"


def test_the_page_comes_with_it(installed: Place, tmp_path: Path) -> None:
    (tmp_path / "jobs.py").write_text("from offhours import Offhours\napp = Offhours('jobs.db')\n")
    up = subprocess.Popen(
        [installed.folder / "bin" / "offhours", "up", "jobs.py", "--port", "0"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        assert up.stdout
        url = next(found[0] for line in up.stdout if (found := re.search(r"http://[^#\s]*", line)))
        with urlopen(url) as page:
            assert b"Offhours" in page.read()
        with pytest.raises(HTTPError, match="401"):
            urlopen(f"{url}api/v1/jobs")
    finally:
        up.terminate()
        up.communicate(timeout=30)
    assert up.returncode == 0


def test_the_doctor_tells_what_each_missing_extra_is_for(installed: Place, tmp_path: Path) -> None:
    told = json.loads(run(installed.python, "-m", "offhours", "doctor", "--json", cwd=tmp_path))
    said = {check["name"]: check["message"] for check in told["checks"]}
    assert told["ok"]
    for extra, purpose in EXTRAS.items():
        if extra not in said["extras"].split(", "):
            assert said[f"[{extra}]"] == (
                f'not installed: {purpose}; pip install "offhours[{extra}]"'
            )


def test_what_needs_an_extra_names_it(installed: Place, tmp_path: Path) -> None:
    (tmp_path / "ask.py").write_text(ASK)
    told = json.loads(run(installed.python, "ask.py", json.dumps(ASKED), cwd=tmp_path))
    for extra, (kind, message) in told.items():
        assert kind.startswith("offhours.core.errors"), message
        assert re.search(rf"pip install ['\"]offhours\[{extra}\]['\"]", message), message
