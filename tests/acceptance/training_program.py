"""Run by the tests of nights: learners that hang or eat memory, in processes of their own.

training_program.py DB FOLDER KIND NIGHTS
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

if __name__ in ("__main__", "__mp_main__"):
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.unit.training.learners import Centroids, golden, rows

from offhours import Offhours
from offhours.testing import FakeMachine
from offhours.training import SafetyControls

# Only what hangs is to meet its time limit: on a busy machine eating takes a while, too.
CONTROLS = SafetyControls(
    max_training_memory_mb=200,
    max_training_time_minutes=0.01 if sys.argv[3] == "hangs" else 1,
    max_consecutive_failures=1000,
)


class Bad(Centroids):
    """What is wrong with it is the tenant's name."""

    def train(self, data: Any, previous: Any, seed: int) -> Any:
        mode = Path(sys.argv[2], "mode").read_text()
        if mode == "hangs":
            while True:
                time.sleep(0.01)
        if mode == "eats":
            return [bytearray(50 << 20) for _ in range(100)]
        self.data = rows(1, 500)
        return super().train(data, previous, seed)


app = Offhours(sys.argv[1], processes=1, kill_grace="0.2s")


@app.task(name="train:blobs", executor="process", timeout="20s", retries=0)
def train(tenant_id: str, controls: dict[str, Any] | None = None, forced: bool = False) -> Any:
    return trainer.run(tenant_id, controls, forced)


machine = FakeMachine()
trainer = app.trainer("blobs", Bad(), golden(), CONTROLS, task=train, monitor=machine)


def main() -> None:
    mode, nights = Path(sys.argv[2], "mode"), int(sys.argv[4])
    mode.write_text("good")
    with app:
        trainer.submit("acme", timeout=20).wait(30)
        mode.write_text(sys.argv[3])
        machine.shows(cpu_percent=99)  # the gates stand before a task of one's own, too
        held = trainer.submit("acme")
        while held.record.code != "gate":
            time.sleep(0.01)
        held.cancel()
        machine.shows(cpu_percent=9)
        for _ in range(nights):
            trainer.submit("acme").wait(30)
    print(*(cycle.code for cycle in trainer.model("acme").cycles(100)))


if __name__ == "__main__":
    main()
