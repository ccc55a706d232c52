"""A machine of which tests say how busy it is."""

from __future__ import annotations

from offhours.gates import ResourceMonitor, Usage


class FakeMachine(ResourceMonitor):
    """A machine that is as calm or as busy as it is told to be, for gates.

    >>> machine = FakeMachine()
    >>> machine.shows(cpu_percent=97)
    >>> machine.usage().cpu_percent
    97
    """

    def __init__(self) -> None:
        super().__init__()
        self._shown = Usage(10, 10, 1_000, 10, 5, 0.1, 100_000, None)

    def shows(self, **figures: float | None) -> None:
        """From now on it has these figures of `Usage`."""
        self._shown = self._shown._replace(**figures)  # type: ignore[arg-type]

    def usage(self) -> Usage:
        return self._shown

    def start(self) -> None:
        """Nothing is sampled."""
