"""What is seen while a demo runs: bars on a terminal, plain lines elsewhere, nothing if asked."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol, TextIO

from offhours.demo.figures import Report

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

LOOK_EVERY = 0.1

Shares = Callable[[], Mapping[str, tuple[float, float]]]


class Screen(Protocol):
    """Where a demo shows what happens. `shares` gives, by name, how much of how much is done."""

    def say(self, text: str) -> None: ...
    def show(self, shares: Shares) -> None: ...
    def close(self) -> None: ...


class Silent:
    """Shows nothing."""

    def say(self, text: str) -> None:
        pass

    def show(self, shares: Shares) -> None:
        pass

    def close(self) -> None:
        pass


class Plain(Silent):
    """A line for each thing that happens, with the seconds since the start."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._started = time.monotonic()

    def say(self, text: str) -> None:
        print(f"{time.monotonic() - self._started:6.1f} s  {text}", file=self._stream, flush=True)


class Bars:
    """A bar for each name, and what happens scrolling by above them."""

    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

        columns = (TextColumn("{task.description:<14}"), BarColumn(40), TaskProgressColumn())
        # No thread of its own redraws it: that would take time from what is measured.
        self._progress: Progress = Progress(*columns, console=console, auto_refresh=False)
        self._bars: dict[str, TaskID] = {}
        self._shown_at = 0.0
        self._progress.start()

    def say(self, text: str) -> None:
        self._progress.console.print(text, highlight=False, markup=False)

    def show(self, shares: Shares) -> None:
        moment = time.monotonic()
        if moment - self._shown_at < LOOK_EVERY:
            return
        self._shown_at = moment
        for name, (done, total) in shares().items():
            if name not in self._bars:
                self._bars[name] = self._progress.add_task(name, total=total)
            self._progress.update(self._bars[name], completed=done, total=total)
        self._progress.refresh()

    def close(self) -> None:
        self._progress.stop()


class Shown:
    """A screen for the length of a block: `with Shown(headless=..., quiet=...) as screen`."""

    def __init__(self, *, headless: bool, quiet: bool) -> None:
        self._screen: Screen = _choose(headless, quiet)

    def __enter__(self) -> Screen:
        return self._screen

    def __exit__(self, *error: object) -> None:
        self._screen.close()


def _choose(headless: bool, quiet: bool) -> Screen:
    if quiet:
        return Silent()
    if headless or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return Plain(sys.stderr)
    from rich.console import Console

    return Bars(Console(stderr=True))


def publish(report: Report, *, as_json: bool, headless: bool) -> None:
    """Print what a demo found: to standard output, with colours on a terminal only."""
    if as_json:
        print(report.to_json())
    elif headless or not sys.stdout.isatty():
        print("\n".join(report.lines()))
    else:
        from rich.console import Console
        from rich.text import Text

        console = Console()
        for line in report.lines():
            text = Text(line)
            text.highlight_regex(r"(^|\s)ok($|:)", "green")
            text.highlight_regex(r"(^|\s)failed($|:)", "bold red")
            console.print(text, soft_wrap=True)
