"""A month of nights in which a model of handwritten digits learns, and nothing makes it worse.

    pip install offhours scikit-learn
    python examples/nightly_training.py          # prints the history, draws nightly_training.svg

The nights are virtual, all else is real: scikit-learn on its bundled digits, a little more data
each night, judged on 400 digits that never change. On two nights the data is poisoned, on one the
machine is busy, and on one the process is killed in the middle of training.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # training is to leave the machine to others

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from offhours import Offhours, SafetyControls
from offhours.learning import Trainer
from offhours.testing import FakeClock, FakeMachine
from offhours.training import GoldenSet

NIGHTS = 30
SHUFFLED, BUSY, BROKEN, KILLED = 9, 13, 17, 21
COLOURS = {"promoted": "#1b7f4d", "kept": "#6b7280", "refused": "#c0392b", "skipped": "#b7791f",
           "failed": "#7d3c98"}  # fmt: skip

digits = load_digits()
order = np.random.default_rng(2026).permutation(len(digits.target))
images, labels = digits.data[order] / 16.0, digits.target[order]
golden = GoldenSet(images[:400], labels[:400].tolist())


class DigitsLearner:
    """Learns from the digits that have come so far."""

    def __init__(self, night: int = 1, dies: bool = False) -> None:
        self.night = night
        self.dies = dies

    def collect(self, tenant_id: str, limit: int) -> Any:
        end = 400 + min(limit, 150 + 42 * self.night)
        some, told = images[400:end].copy(), labels[400:end].copy()
        chance = np.random.default_rng(self.night)
        if self.night == SHUFFLED:
            chance.shuffle(told)
        if self.night == BROKEN:
            some = some[:, chance.permutation(64)]
        return Digits(some, told)

    def quality(self, data: Any) -> float:
        """The share of images that are whole, if there are some of each digit."""
        whole = np.isfinite(data.images).all(axis=1).mean()
        return float(whole) if len(set(data.labels.tolist())) == 10 else 0.0

    def train(self, data: Any, previous: Any, seed: int) -> LogisticRegression:
        if self.dies:
            os.kill(os.getpid(), signal.SIGKILL)
        model = LogisticRegression(C=0.2, max_iter=300, random_state=seed)
        return model.fit(data.images, data.labels)

    def validate(self, predict: Any, data: Any) -> dict[str, float]:
        return {"accuracy": float((np.array(predict(data.images)) == data.labels).mean())}

    def export(self, model: LogisticRegression) -> bytes:
        """Numbers as JSON: what is loaded can only be numbers."""
        told = {"weights": model.coef_.tolist(), "bias": model.intercept_.tolist()}
        return json.dumps(told).encode()

    def load(self, artefact: bytes) -> Any:
        told = json.loads(artefact)
        weights, bias = np.array(told["weights"]), np.array(told["bias"])
        return lambda inputs: (inputs @ weights.T + bias).argmax(axis=1).tolist()


class Digits:
    """Images with what they show."""

    def __init__(self, images: Any, labels: Any) -> None:
        self.images, self.labels = images, labels

    def __len__(self) -> int:
        return len(self.labels)


def opened(folder: Path, start: str, learner: DigitsLearner) -> tuple[Trainer, FakeMachine]:
    """The app as each process opens it, on a clock that we move."""
    machine = FakeMachine()
    app = Offhours(folder / "nights.db", clock=FakeClock(start), executor="inline")
    controls = SafetyControls(max_consecutive_failures=3, validation_threshold=0.8)
    return app.trainer("digits", learner, golden, controls, monitor=machine), machine


def sleep_through(trainer: Trainer, machine: FakeMachine, night: int) -> None:
    """From one noon to the next; the schedule fires at two."""
    trainer.learner.night = night
    machine.shows(cpu_percent=97 if night == BUSY else 5)
    trainer.app.clock.advance("14h 1s")
    if night == KILLED:
        die_in_training(trainer)
    for _ in range(20):
        trainer.app.drain()
        trainer.app.clock.advance("20m")
    trainer.app.clock.advance("3h 20m")


def die_in_training(trainer: Trainer) -> None:
    """The same night in a process of its own, which is killed."""
    folder, now = Path(trainer.app.store.location).parent, trainer.app.clock.now().isoformat()
    done = subprocess.run([sys.executable, __file__, "--die", folder, now], check=False)
    assert done.returncode == -signal.SIGKILL, done


def history(trainer: Trainer) -> list[dict[str, Any]]:
    """What became of each night, and how good what serves was after it."""
    app = trainer.app
    cycles = {cycle.job_id: cycle for cycle in trainer.model("demo").cycles(100)}
    told, serving = [], 0.0
    for night, job in enumerate(sorted(app.jobs(limit=100), key=lambda job: job.id), start=1):
        cycle = cycles.get(job.id)
        report = json.loads(cycle.report) if cycle is not None and cycle.report else {}
        if cycle is not None and cycle.state == "promoted":
            serving = report["golden"]
        told.append({
            "night": night,
            "status": "skipped" if cycle is None else str(cycle.state),
            "reason": held(trainer, job.id) if cycle is None else cycle.reason,
            "golden": report.get("golden"),
            "serving": serving,
            "crashes": job.crashes,
        })  # fmt: skip
    return told


def held(trainer: Trainer, job_id: int) -> str:
    """What the gate said."""
    events = [e for e in trainer.app.history(job_id) if e.kind == "job.deferred"]
    return str(json.loads(events[-1].data or "{}")["reason"])


def draw(nights: list[dict[str, Any]], file: Path) -> None:
    """The accuracy on the golden set night by night: what was trained, and what served."""
    wide, high, left, top = 860, 360, 56, 30

    def x(night: int) -> float:
        return left + (night - 0.5) * (wide - left - 16) / NIGHTS

    def y(share: float) -> float:
        return top + (1 - share) * (high - top - 60)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{wide}" height="{high}" fill="white"/>',
        f'<text x="{left}" y="18" font-size="14">Accuracy on 400 digits that never change</text>',
    ]
    for tenth in (0, 0.25, 0.5, 0.75, 1):
        parts.append(f'<path d="M{left} {y(tenth):.1f}H{wide - 16}" stroke="#e5e7eb"/>')
        parts.append(f'<text x="8" y="{y(tenth) + 4:.1f}">{tenth:.0%}</text>')
    line = " L".join(f"{x(n['night']):.1f} {y(n['serving']):.1f}" for n in nights)
    parts.append(f'<path d="M{line}" fill="none" stroke="#1b7f4d" stroke-width="2"/>')
    for n in nights:
        share = n["serving"] if n["golden"] is None else n["golden"]
        shape = "4" if n["crashes"] == 0 else "7"
        parts.append(
            f'<circle cx="{x(n["night"]):.1f}" cy="{y(share):.1f}" r="{shape}" '
            f'fill="{COLOURS[n["status"]]}"><title>night {n["night"]}: {n["status"]}: '
            f"{n['reason'].replace('&', '&amp;').replace('<', '&lt;')}</title></circle>"
        )
        parts.append(
            f'<text x="{x(n["night"]):.1f}" y="{high - 40}" text-anchor="middle" '
            f'font-size="10">{n["night"]}</text>'
        )
    for place, (status, colour) in enumerate(COLOURS.items()):
        at = left + 110 * place
        parts.append(f'<circle cx="{at}" cy="{high - 16}" r="5" fill="{colour}"/>')
        parts.append(f'<text x="{at + 10}" y="{high - 12}">{status}</text>')
    parts.append(f'<text x="{left + 560}" y="{high - 12}">large: killed, went on</text></svg>')
    file.write_text("\n".join(parts) + "\n", encoding="utf-8")


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    trainer, machine = opened(folder, "2026-06-01T12:00:00Z", DigitsLearner())
    trainer.schedule("demo", "every day at 2am", timezone="UTC", start_within="4h")
    for night in range(1, NIGHTS + 1):
        sleep_through(trainer, machine, night)
    nights = history(trainer)
    for n in nights:
        died = " (killed, went on)" if n["crashes"] else ""
        print(f"night {n['night']:2}  {n['status']:9} serving {n['serving']:.3f}  "
              f"{n['reason']}{died}")  # fmt: skip
    draw(nights, folder / "nightly_training.svg")
    print(f"\n{folder / 'nightly_training.svg'} shows it; champions: "
          f"{[move.to_number for move in reversed(trainer.model('demo').history())]}")  # fmt: skip
    trainer.app.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--die"]:
        dying, _ = opened(Path(sys.argv[2]), sys.argv[3], DigitsLearner(KILLED, dies=True))
        dying.app.drain()
    else:
        main(Path(sys.argv[1] if len(sys.argv) > 1 else "nightly_training"))
