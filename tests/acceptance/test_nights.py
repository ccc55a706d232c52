"""A hundred bad nights of several kinds, of which none is promoted, and many good ones."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.nightly import NIGHTLY
from tests.unit.training.learners import BAD_DATA, Centroids, Liar, Raiser, golden, rows

from offhours import Offhours
from offhours.learning import Trainer
from offhours.testing import FakeMachine, MemoryApp, memory_app
from offhours.training import SafetyControls

GOLDEN = golden()
# Failures do not stop the nights here: each of them is to be judged.
CONTROLS = SafetyControls(max_consecutive_failures=1000)
EACH = {**dict.fromkeys(BAD_DATA, 12), "raises": 12, "lies": 12, "hangs": 8, "eats": 8}


def trained(learner: Any, app: MemoryApp) -> Trainer:
    return app.trainer("blobs", learner, GOLDEN, CONTROLS, monitor=FakeMachine())


@pytest.fixture
def app() -> Iterator[MemoryApp]:
    made = memory_app()
    yield made
    made.close()


def first_night(app: MemoryApp) -> Trainer:
    trainer = trained(Centroids(), app)
    trainer.submit("acme")
    app.drain()
    assert trainer.model("acme").aliases() == {"champion": 1}
    return trainer


def test_there_are_a_hundred_bad_nights() -> None:
    assert sum(EACH.values()) == 100


@pytest.mark.parametrize("kind", BAD_DATA)
def test_no_night_of_bad_data_is_promoted(app: MemoryApp, kind: str) -> None:
    trainer = first_night(app)
    for n in range(EACH[kind]):
        chance = random.Random(f"{kind} {n}")
        trainer.learner.data = BAD_DATA[kind](rows(100 + n, 400 + 20 * n), chance)
        # A person may want a model of little data, and gets it if it is as good.
        trainer.submit("acme", force=kind != "shrunken" and n % 2 == 1)
        app.drain()
    ends = Counter(cycle.state for cycle in trainer.model("acme").cycles())
    assert ends["promoted"] == 1 and sum(ends.values()) == EACH[kind] + 1
    assert trainer.model("acme").aliases()["champion"] == 1


@pytest.mark.parametrize("kind", ["raises", "lies"])
def test_no_night_of_a_bad_learner_is_promoted(app: MemoryApp, kind: str) -> None:
    trainer = first_night(app)
    steps = ("collect", "quality", "train", "validate", "export", "load")
    for n in range(EACH[kind]):
        trainer.learner = Liar() if kind == "lies" else Raiser(steps[n % len(steps)])
        job = trainer.submit("acme", force=n % 2 == 1)
        app.drain()
        assert job.status.final
    ends = Counter(cycle.state for cycle in trainer.model("acme").cycles())
    assert ends["promoted"] == 1 and sum(ends.values()) == EACH[kind] + 1
    assert ends["refused" if kind == "lies" else "failed"] == EACH[kind]
    if kind == "lies":
        claims = [v.metrics for v in trainer.model("acme").versions(EACH[kind])]
        assert all('"accuracy": 1.0' in claim for claim in claims)  # and it was of no use


@pytest.mark.parametrize(("kind", "code"), [("hangs", "timeout"), ("eats", "memory")])
def test_no_night_of_a_learner_that_harms_the_machine_is_promoted(
    tmp_path: Path, kind: str, code: str
) -> None:
    program = Path(__file__).with_name("training_program.py")
    nights = EACH[kind] if NIGHTLY else 2
    done = subprocess.run(
        [sys.executable, program, tmp_path / "jobs.db", tmp_path, kind, str(nights)],
        capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    codes = Counter(done.stdout.split())
    assert codes == {"first": 1, code: nights}, (codes, done.stderr)
    app = Offhours(tmp_path / "jobs.db")
    assert app.models("acme").get("blobs").aliases() == {"champion": 1}
    app.close()


def test_of_many_good_nights_hardly_any_is_refused(app: MemoryApp) -> None:
    trainer = first_night(app)
    nights = 100 if NIGHTLY else 30
    for n in range(nights):
        trainer.learner.data = rows(1_000 + n, 400 + 10 * n)
        trainer.submit("acme")
        app.drain()
    ends = Counter(cycle.state for cycle in trainer.model("acme").cycles(100))
    assert sum(ends.values()) == min(nights + 1, 100)
    assert ends["refused"] <= 0.05 * nights, ends
    assert ends["refused"] + ends["promoted"] + ends["kept"] == sum(ends.values())
    assert ends["promoted"] >= 5  # it does learn


def test_what_comes_after_the_time_limit_is_not_taken(tmp_path: Path, until: Any) -> None:
    """In a thread nobody can stop it: its result is refused when it comes at last."""
    hangs, go_on, done = threading.Event(), threading.Event(), threading.Event()

    class Late(Centroids):
        def train(self, *args: Any) -> Any:
            hangs.set()
            assert go_on.wait(60)
            return super().train(*args)

        def export(self, model: Any) -> bytes:
            done.set()
            return super().export(model)

    app = Offhours(tmp_path / "jobs.db", threads=2)
    trainer = app.trainer("blobs", Late(), GOLDEN, CONTROLS, monitor=FakeMachine())
    with app:
        job = trainer.submit("acme", timeout="0.3s")
        assert hangs.wait(30)
        until(lambda: job.status.final)
        assert job.record.code == "timeout"
        model = trainer.model("acme")
        assert [(c.state, c.code) for c in model.cycles()] == [("failed", "timeout")]
        go_on.set()
        assert done.wait(30)
        again = trainer.submit("acme", timeout="30s")
        assert again.result(30)["version"] == 1  # of the late one there is none
    assert [c.state for c in model.cycles()] == ["promoted", "failed"]
    assert [v.number for v in model.versions()] == [1]
    app.close()
