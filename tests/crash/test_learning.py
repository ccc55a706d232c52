"""kill -9 at every step of a learning cycle: the champion is always one complete version, no alias
dangles, and the cycle ends once."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.crash.learning import trainer_of

from offhours import Offhours
from offhours.learning import Trainer
from offhours.training.cycle import STEPS

PROGRAM = Path(__file__).with_name("learning.py")
POINTS = [
    *(("in training step", n) for n in range(1, len(STEPS) + 1)),
    ("after training step", 1),
    ("after training step", 2),
    ("in promotion", 1),
    ("after effect", 1),
    ("before apply", 1),
]


def start(database: str, folder: Path, point: str = "", nth: int = 0) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, PROGRAM, database, folder, point, str(nth)], stderr=subprocess.PIPE
    )


def first_champion(database: str, folder: Path) -> None:
    app = Offhours(database, executor="inline", models_folder=str(folder))
    trainer = trainer_of(app)
    trainer.learner.padding += b" "  # as good as the next one will be, and not the same
    trainer.submit("acme")
    app.drain()
    assert trainer.model("acme").aliases() == {"champion": 1}
    app.close()


def whole(trainer: Trainer) -> dict[str, int]:
    """The aliases, each of a version whose bytes are there and can be loaded."""
    model = trainer.model("acme")
    aliases = model.aliases()
    for number in aliases.values():
        assert model.load(trainer.learner, number)([[0.0] * 6])
    champion = model.champion
    assert champion is not None and champion.number == aliases["champion"]
    return aliases


@pytest.fixture
def killed(
    request: pytest.FixtureRequest, tmp_path: Path, until: Callable[..., None]
) -> Iterator[Callable[[str, str, int], None]]:
    processes: list[subprocess.Popen[bytes]] = []

    def run(database: str, point: str, nth: int) -> None:
        folder = tmp_path / "models"
        first_champion(database, folder)
        app = Offhours(database, models_folder=str(folder))
        trainer = trainer_of(app)
        job = trainer.submit("acme")
        processes.append(start(database, folder, point, nth))
        assert processes[0].wait(30) == -signal.SIGKILL, processes[0].stderr
        ended = (point, nth) in (("after effect", 1), ("before apply", 1))
        assert whole(trainer)["champion"] == (2 if ended else 1)
        processes.append(start(database, folder))
        until(lambda: job.status.final, 30)
        assert job.record.crashes == 1
        assert job.result()["status"] == "promoted"
        assert whole(trainer) == {"champion": 2, "previous": 1}
        model = trainer.model("acme")
        assert [move.to_number for move in model.history()] == [2, 1]
        assert len(model.versions()) == 2
        cycles = model.cycles()
        assert [cycle.state for cycle in cycles] == ["promoted", "promoted"]
        told = [e.kind for e in app.history(job.id) if e.kind.startswith("training.")]
        assert told == ["training.started", "training.promoted"]
        app.close()

    yield run
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(("point", "nth"), POINTS)
def test_a_cycle_killed_anywhere_goes_on_and_promotes_once(
    killed: Callable[[str, str, int], None], tmp_path: Path, point: str, nth: int
) -> None:
    killed(str(tmp_path / "jobs.db"), point, nth)


@pytest.mark.parametrize(("point", "nth"), [POINTS[3], POINTS[7], POINTS[8], POINTS[9]])
def test_the_same_on_postgresql(
    killed: Callable[[str, str, int], None], postgres_url: str, point: str, nth: int
) -> None:
    killed(postgres_url, point, nth)
