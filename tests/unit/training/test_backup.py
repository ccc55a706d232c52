"""The models of a tenant as one file, and MLflow's registry as a sink."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.training.conftest import Make
from tests.unit.training.learners import Centroids, golden, rows

from offhours.core.errors import InputError
from offhours.learning import Trainer
from offhours.testing import FakeMachine, MemoryApp, memory_app
from offhours.training.mlflow import MlflowSink


@pytest.fixture
def two(trainer: Trainer, app: MemoryApp) -> Trainer:
    """Two champions, one after the other."""
    for n in (0, 1):
        trainer.learner.data = rows(0, 400 + n)
        trainer.submit("acme")
        app.drain()
    assert trainer.model("acme").aliases() == {"champion": 2, "previous": 1}
    return trainer


def test_a_backup_brings_models_to_another_database(
    two: Trainer, app: MemoryApp, tmp_path: Path
) -> None:
    file = tmp_path / "models.zip"
    assert app.models("acme").backup(file) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["models.zip"]
    other = memory_app()
    assert other.models("acme").restore(file, by="ann") == {"blobs": 2}
    found = other.models("acme").get("blobs")
    assert found.aliases() == {"champion": 2}
    assert found.artefact() == two.model("acme").artefact()
    assert found.record.golden == two.model("acme").record.golden
    assert other.models("acme").restore(file) == {"blobs": 2}  # twice is once
    assert len(found.versions()) == 2 and len(found.history()) == 1
    trainer = other.trainer("blobs", Centroids(), golden(), monitor=FakeMachine())
    trainer.submit("acme")
    other.drain()
    assert found.cycles()[0].state in ("promoted", "kept")


def test_a_backup_brings_an_earlier_champion_back(
    two: Trainer, app: MemoryApp, tmp_path: Path
) -> None:
    app.models("acme").backup(tmp_path / "models.zip")
    model = two.model("acme")
    model.rollback()
    assert app.models("acme").restore(tmp_path / "models.zip") == {"blobs": 2}
    assert model.aliases() == {"champion": 2, "previous": 1}


def damaged(file: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        kept = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, body in kept.items():
            archive.writestr(name, body if name.endswith(".json") else body + b" ")


def missing(file: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        manifest = archive.read("models.json")
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("models.json", manifest)


def newer(file: Path) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("models.json", json.dumps({"format": 99}))


@pytest.mark.parametrize(
    "harm", [damaged, missing, newer, lambda f: f.write_bytes(b"no zip"), lambda f: f.unlink()]
)
def test_a_damaged_backup_changes_nothing(
    two: Trainer, app: MemoryApp, tmp_path: Path, harm: Any
) -> None:
    app.models("acme").backup(tmp_path / "models.zip")
    harm(tmp_path / "models.zip")
    other = memory_app()
    with pytest.raises(InputError, match=r"models\.zip"):
        other.models("acme").restore(tmp_path / "models.zip")
    assert other.models("acme").names() == []


class Registry:
    """What MLflow's client is asked, written down."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.artefacts: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        def ask(*args: Any, **kwargs: Any) -> Any:
            self.asked.append(name)
            if name == "log_artifact":
                self.artefacts.append(Path(args[1]).read_bytes())
            if name in ("get_experiment_by_name",):
                return None
            if name == "search_registered_models":
                return []
            info = SimpleNamespace(run_id="r1", artifact_uri="file:///x")
            return SimpleNamespace(info=info, version="1")

        return ask


def test_mlflow_is_told_of_what_serves(make: Make, app: MemoryApp) -> None:
    registry = Registry()
    trainer = make(sinks=[MlflowSink(client=registry)])
    trainer.submit("acme")
    app.drain()
    assert registry.artefacts == [trainer.model("acme").artefact()]
    assert registry.asked[-1] == "set_registered_model_alias"
    told = len(registry.asked)
    trainer.learner.data = [(x, (y + 1) % 3) for x, y in rows(3, 900)]
    trainer.submit("acme")
    app.drain()
    assert len(registry.asked) == told  # it was refused: nobody is told


def test_a_sink_that_fails_changes_nothing(
    make: Make, app: MemoryApp, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def publish(self, *_: Any) -> None:
            raise ConnectionError("no route")

    trainer = make(sinks=[Broken()])
    job = trainer.submit("acme")
    app.drain()
    assert job.result()["status"] == "promoted"
    assert "was not told of version 1: no route" in caplog.text


@pytest.mark.nightly  # importing it takes longer than all other tests of this folder
@pytest.mark.filterwarnings("ignore")  # its own dependencies warn each other
def test_the_real_mlflow_takes_it(
    make: Make, app: MemoryApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = pytest.importorskip("mlflow", reason="needs MLflow: pip install offhours[mlflow]")
    pytest.importorskip("alembic", reason="MLflow on SQLite needs alembic")
    monkeypatch.chdir(tmp_path)
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    trainer = make(sinks=[MlflowSink(client=client)])
    for n in (0, 1):
        trainer.learner.data = rows(0, 400 + n)
        trainer.submit("acme")
        app.drain()
    found = client.get_model_version_by_alias("acme.blobs", "champion")
    assert (found.version, found.tags["offhours.version"]) in (("2", "2"), (2, "2"))
