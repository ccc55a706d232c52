"""`models` and `train`: what serves, back and forth, each tenant's apart."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.cli.conftest import Run
from tests.unit.training.learners import Centroids, golden

from offhours.app import Offhours
from offhours.learning import Trainer
from offhours.testing import FakeMachine


@pytest.fixture
def trainer(app: Offhours) -> Trainer:
    """Two champions of acme's, the second as good as the first."""
    made = app.trainer("blobs", Centroids(), golden(), monitor=FakeMachine())
    for _ in range(2):
        made.submit("acme")
        app.drain()
    return made


def aliases(run: Run) -> dict[str, Any]:
    [found] = run("models", "ls", "--tenant", "acme", "--json").json["models"]
    return dict(found["aliases"])


def test_models_are_listed_and_shown(run: Run, trainer: Trainer) -> None:
    head, row = run("models", "ls", "--tenant", "acme").out.splitlines()
    assert head.split()[:3] == ["MODEL", "CHAMPION", "PREVIOUS"]
    assert row.split()[:7] == ["blobs", "2", "1", "2", "2", "0", "0"]
    told = run("models", "show", "blobs", "--tenant", "acme").out
    assert "champion" in told and "accuracy 0.9" in told and "on the golden set" in told
    found = run("models", "show", "blobs", "--tenant", "acme", "--json").json
    assert [each["version"] for each in found["versions"]] == [2, 1]
    assert [each["status"] for each in found["cycles"]] == ["promoted", "promoted"]
    assert [each["kind"] for each in found["moves"]] == ["promoted", "promoted"]


def test_back_and_forth(run: Run, trainer: Trainer) -> None:
    done = run("models", "rollback", "blobs", "--tenant", "acme", "--by", "ann", "--reason", "bad")
    assert (done.code, done.out) == (0, "version 1 of blobs serves now\n")
    assert aliases(run) == {"champion": 1}
    again = run("models", "rollback", "blobs", "--tenant", "acme")
    assert again.code == 6 and "no version to go back to" in again.err
    told = run("models", "restore", "blobs", 2, "--tenant", "acme", "--json").json
    assert told == {"model": "blobs", "champion": 2, "aliases": {"champion": 2, "previous": 1}}
    move = trainer.model("acme").history()[1]
    assert (move.kind, move.by, move.reason) == ("rolled_back", "ann", "bad")
    assert run("models", "restore", "blobs", 9, "--tenant", "acme").code == 3
    assert "0 failures of blobs" in run("models", "pardon", "blobs", "--tenant", "acme").out


def test_tenants_are_apart(run: Run, trainer: Trainer) -> None:
    assert run("models", "ls", "--tenant", "other").err == "other has no models\n"
    for words in (
        ("show", "blobs"), ("rollback", "blobs"), ("restore", "blobs", 1), ("pardon", "blobs"),
    ):  # fmt: skip
        done = run("models", *words, "--tenant", "other")
        assert done.code == 3 and "other has no model 'blobs'" in done.err
    assert run("models", "ls").code == 2  # whose?
    assert aliases(run) == {"champion": 2, "previous": 1}


def test_train_stores_a_cycle(run: Run, app: Offhours, trainer: Trainer) -> None:
    trainer.learner.data = []
    number = int(run("train", "blobs", "--tenant", "acme").out)
    forced = run("train", "blobs", "--tenant", "acme", "--force", "--json").json["job"]
    app.drain()
    assert app.job(number).result()["code"] == "too_little_data"
    assert app.job(forced).result()["code"] == "too_little_data"
    assert [cycle.forced for cycle in trainer.model("acme").cycles(2)] == [1, 0]
