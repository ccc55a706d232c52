"""What is released, built once: the source archive, and the wheel that comes of it."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import venv
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.pages import ROOT


class Built(NamedTuple):
    sdist: Path
    wheel: Path


class Place(NamedTuple):
    """A virtual environment in which nothing is installed but what a test installs."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def install(self, *what: object) -> None:
        run(
            sys.executable, "-m", "pip", "--python", self.python, "install", "--quiet",
            "--disable-pip-version-check", "--no-compile", *what,
        )  # fmt: skip


Environment = Callable[[], Place]


def run(*command: object, cwd: Path | None = None) -> str:
    """What a program prints. It sees nothing of this checkout, nor of our settings."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("OFFHOURS")}
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, capture_output=True, text=True, timeout=600,
        env={key: value for key, value in kept.items() if key != "PYTHONPATH"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="package")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The wheel is built from the unpacked archive, as an installer without a wheel would do."""
    folder = tmp_path_factory.mktemp("dist")
    build = (sys.executable, "-m", "hatchling", "build", "--directory", folder, "--target")
    run(*build, "sdist", cwd=ROOT)
    [sdist] = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    [unpacked] = (each for each in folder.iterdir() if each.is_dir())
    run(*build, "wheel", cwd=unpacked)
    [wheel] = folder.glob("*.whl")
    return Built(sdist, wheel)


@pytest.fixture(scope="package")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    def make() -> Place:
        place = Place(tmp_path_factory.mktemp("environment"))
        venv.create(place.folder, with_pip=False, symlinks=True)
        return place

    return make


@pytest.fixture(scope="package")
def installed(built: Built, environment: Environment) -> Place:
    """The wheel with what it needs, and without any extra."""
    place = environment()
    place.install(built.wheel)
    return place
