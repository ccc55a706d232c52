"""What happened in a simulated world, line by line: the same seed must tell the same story."""

from __future__ import annotations

from hashlib import blake2b

TAIL = 40


class Trace:
    """The lines of one seed. `digest` tells two stories apart without keeping them."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, step: int, who: str, what: str, result: object = "") -> None:
        self.lines.append(f"{step:4} {who:10} {what:28} {result}".rstrip())

    @property
    def digest(self) -> str:
        return blake2b("\n".join(self.lines).encode(), digest_size=12).hexdigest()

    @property
    def tail(self) -> str:
        return "\n".join(self.lines[-TAIL:])


class Violation(AssertionError):
    """Something that must always hold did not."""


class SeedFailed(Exception):
    """A seed whose world broke a promise: where, after what, and how to see it again."""

    def __init__(self, seed: int, step: int, trace: Trace, problem: BaseException) -> None:
        self.seed, self.step, self.trace = seed, step, trace
        super().__init__(
            f"{trace.tail}\n\nseed={seed} step={step}: {type(problem).__name__}: {problem}\n"
            f"again: python -m tests.simulation --seed {seed}"
        )
