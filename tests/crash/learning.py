"""Run as a script: works on learning cycles until it is killed, or has no more to do.

learning.py DB FOLDER POINT NTH     die at the NTH time that POINT is reached ("" : never)
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.unit.training.learners import Centroids, golden, rows

from offhours import Offhours
from offhours.core import points
from offhours.learning import Trainer
from offhours.testing import FakeMachine

PADDING = b" " * (100 << 10)  # so that the model is a file, and not in the database


class Large(Centroids):
    """A learner of large models."""

    padding = PADDING

    def export(self, model: Any) -> bytes:
        return super().export(model) + self.padding


def trainer_of(app: Offhours) -> Trainer:
    learner = Large()
    learner.data = rows(5, 2_000)
    return app.trainer("blobs", learner, golden(), monitor=FakeMachine())


def main() -> None:
    database, folder, point, nth = sys.argv[1:5]
    left, lock = int(nth), threading.Lock()

    def bomb(name: str) -> None:
        nonlocal left
        if name == point:
            with lock:
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

    points.on_reach = bomb
    app = Offhours(database, lease="1.2s", threads=2, models_folder=folder)
    trainer_of(app)
    with app:
        signal.pause()


if __name__ == "__main__":
    main()
