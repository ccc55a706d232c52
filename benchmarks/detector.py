"""How well the detectors find planted slow calls: `python benchmarks/detector.py --set first`.

For each kind of tool, streams from seeds that served no tuning: precision of dumps, recall of
events, F1, and false dumps an hour at five calls a second, with a cool-down of 30 s. Exits 1
when the `dynamic` detector misses its goals.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import report
from offhours.recorder.detectors import Detector, make
from streams import NORMAL, PER_SECOND, Stream, stream
from unseen import SECOND, THIRD, unseen

COOLDOWN = int(30 * PER_SECOND)
MODES = ("dynamic", "threshold")
LEAST, WORST, FALSE = 0.90, 0.65, 3.0
SETS: dict[str, tuple[Callable[[str, int, int], Stream], Iterable[str]]] = {
    "first": (stream, NORMAL),
    "second": (unseen, SECOND),
    "third": (unseen, THIRD),
}


@dataclass
class Score:
    """Counts over streams."""

    right: int = 0
    dumps: int = 0
    found: int = 0
    events: int = 0
    calls: int = 0
    delays: list[int] = field(default_factory=list)

    @property
    def precision(self) -> float:
        return self.right / self.dumps if self.dumps else 1.0

    @property
    def recall(self) -> float:
        return self.found / self.events if self.events else 1.0

    @property
    def f1(self) -> float:
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0

    @property
    def false_an_hour(self) -> float:
        return (self.dumps - self.right) / (self.calls / PER_SECOND / 3600)

    def add(self, other: Score) -> None:
        for name in ("right", "dumps", "found", "events", "calls"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.delays += other.delays


def detector(mode: str) -> Detector:
    return make(mode, threshold=0.2, window=100, min_samples=10, fixed=1.0)


def score(one: Stream, judge: Detector) -> Score:
    """Run a detector over a stream, with the cool-down that a recorder has."""
    dumps: list[int] = []
    for call, ms in enumerate(one.ms):
        found = judge.observe(ms / 1000)
        if found is not None and (not dumps or call - dumps[-1] >= COOLDOWN):
            dumps.append(call)
    result = Score(dumps=len(dumps), events=len(one.events), calls=len(one.ms))
    result.right = sum(any(e.first <= d <= e.until for e in one.events) for d in dumps)
    for event in one.events:
        inside = [dump for dump in dumps if event.first <= dump <= event.until]
        result.found += bool(inside)
        if inside and event.what == "shift":
            result.delays.append(inside[0] - event.first)
    return result


def evaluate(
    judge: Callable[[], Detector],
    seeds: Iterable[int],
    calls: int = 6000,
    *,
    made: Callable[[str, int, int], Stream] = stream,
    kinds: Iterable[str] = NORMAL,
) -> dict[str, Score]:
    """The score of each kind of tool, and of all."""
    scores = {kind: Score() for kind in kinds}
    for seed in seeds:
        for kind, total in scores.items():
            total.add(score(made(kind, seed, calls), judge()))
    everything = Score()
    for total in list(scores.values()):
        everything.add(total)
    return {**scores, "all": everything}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first-seed", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--set", choices=SETS, default="first", help="which families of streams")
    asked = parser.parse_args()
    seeds = range(asked.first_seed, asked.first_seed + asked.seeds)
    made, kinds = SETS[asked.set]
    measured = {
        mode: evaluate(lambda m=mode: detector(m), seeds, made=made, kinds=kinds) for mode in MODES
    }
    for mode, scores in measured.items():
        print(f"### {mode}\n\n{table(scores)}")
    print(f"dynamic: {cost():.1f} us a call, off the hot path")
    return report_goals(measured["dynamic"])


def table(scores: dict[str, Score]) -> str:
    rows = [["tool", "precision", "recall", "F1", "false/h", "shifts: median calls until found"]]
    for kind, one in scores.items():
        delay = str(sorted(one.delays)[len(one.delays) // 2]) if one.delays else "-"
        figures = (one.precision, one.recall, one.f1)
        rows.append([kind, *(f"{x:.2f}" for x in figures), f"{one.false_an_hour:.1f}", delay])
    return report.markdown(rows)


def cost(calls: int = 20_000) -> float:
    judge, ms = detector("dynamic"), stream("lognormal", 1, calls).ms
    began = time.perf_counter()
    for one in ms:
        judge.observe(one / 1000)
    return (time.perf_counter() - began) / calls * 1e6


def report_goals(scores: dict[str, Score]) -> int:
    whole = scores["all"]
    worst = min(one.f1 for one in scores.values())
    print(
        f"precision {whole.precision:.2f} and F1 {whole.f1:.2f} (goal: {LEAST}), "
        f"false {whole.false_an_hour:.1f}/h a tool (goal: {FALSE:g}), worst F1 {worst:.2f} "
        f"(goal: {WORST})"
    )
    good = whole.precision >= LEAST and whole.f1 >= LEAST and whole.false_an_hour <= FALSE
    return int(not (good and worst >= WORST))


if __name__ == "__main__":
    sys.exit(main())
