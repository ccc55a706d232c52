"""`top` on a terminal: drawn anew now and then, steered by keys, never taller than the window."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from offhours.cli.codes import CommandError, Exit
from offhours.cli.keys import ESCAPE, RESIZED, keyboard
from offhours.cli.text import printable
from offhours.core.errors import OffhoursError, StoreError

if TYPE_CHECKING:
    from rich.console import Console, Group
    from rich.live import Live
    from rich.table import Table

    from offhours.cli.remote import AnyApp
    from offhours.cli.top import Snapshot
    from offhours.cli.views import Row

SHORTEST, LONGEST = 0.1, 3600.0
LEAST = 5  # lines of a table: an empty one, a title, the headers, a row, what is left out
QUIT = ("q", "Q", ESCAPE)
VIEWS = {
    "a": "all",
    "j": "running",
    "f": "failed last",
    "w": "workers",
    "u": "queues",
    "s": "coming",
}
HELP = (
    "q quit   space hold   r look now   + - faster, slower   "
    "a all   j running   f failed   w workers   u queues   s schedules   ? help"
)


class View(NamedTuple):
    """What is on the screen beside the snapshot."""

    interval: float
    wanted: str = "all"
    held: bool = False
    helped: bool = False
    rate: float = 0.0
    trouble: str = ""

    def after(self, key: str) -> View:
        """What a key makes of it."""
        match key:
            case "+":
                return self._replace(interval=max(SHORTEST, self.interval / 2))
            case "-":
                return self._replace(interval=min(LONGEST, self.interval * 2))
            case " ":
                return self._replace(held=not self.held)
            case "?":
                return self._replace(helped=not self.helped)
            case _ if key in VIEWS:
                return self._replace(wanted=VIEWS[key])
        return self


class Watch:
    """Looks at an app, and remembers the last time that it could."""

    def __init__(self, app: AnyApp) -> None:
        from offhours.cli.top import Snapshot

        self._app = app
        self._kind = Snapshot
        self._asked = time.monotonic()
        self.snapshot = Snapshot.of(app)

    def look(self, view: View) -> View:
        """Look again. What cannot be reached now is said, and what was seen last stays."""
        try:
            now, asked = self._kind.of(self._app), time.monotonic()
        except (StoreError, CommandError) as error:
            if isinstance(error, CommandError) and error.exit is not Exit.CANNOT_REACH:
                raise
            return view._replace(trouble=_said(error), rate=0.0)
        done = max(0, now.finished - self.snapshot.finished)
        rate = done / max(0.001, asked - self._asked)
        self.snapshot, self._asked = now, asked
        return view._replace(trouble="", rate=rate)


def _said(error: OffhoursError | CommandError) -> str:
    return error.format_message() if isinstance(error, click.ClickException) else str(error)


def live(app: AnyApp, interval: float) -> None:
    """Draw until it is told to stop, and give the screen back whatever happens."""
    from rich.console import Console
    from rich.live import Live

    console = Console(file=sys.stdout, highlight=False, markup=False, emoji=False)
    screen = Live(console=console, screen=True, auto_refresh=False)
    try:
        watch, view = Watch(app), View(interval)
        screen.update(drawn(watch.snapshot, view, console.height))
        with keyboard() as keys:
            screen.start(refresh=True)
            _watch(watch, view, keys.wait, screen, console)
    except KeyboardInterrupt:
        return  # one way to leave it
    finally:
        screen.stop()


def _watch(
    watch: Watch, view: View, wait: Callable[[float], str | None], screen: Live, console: Console
) -> None:
    due = time.monotonic() + view.interval
    while True:
        key = wait(max(0.0, due - time.monotonic()))
        if key in QUIT:
            return
        if key is None or key == "r":
            view = view if view.held and key is None else watch.look(view)
            due = time.monotonic() + view.interval
        elif key != RESIZED:
            before, view = view.interval, view.after(key)
            due += view.interval - before
        screen.update(drawn(watch.snapshot, view, console.height), refresh=True)


def drawn(snapshot: Snapshot, view: View, height: int) -> Group:
    """The view of one snapshot, cut to the window."""
    from rich.console import Group
    from rich.text import Text

    first, *others = snapshot.headline()
    pace = "held" if view.held else f"every {view.interval:g} s"
    parts: list[Any] = [Text(f"{first}, {view.rate:.1f} jobs/s, {pace}; ? helps", style="bold")]
    parts += [Text(line) for line in others]
    if view.trouble:
        parts.append(Text(printable(view.trouble), style="bold red"))
    if view.helped:
        parts.append(Text(HELP, style="dim"))
    tables = [each for each in snapshot.tables() if view.wanted in ("all", each[0])]
    if not tables and view.wanted != "all":
        parts += ["", Text(f"{view.wanted}: nothing")]
    tables = tables[: max(1, (height - len(parts)) // LEAST)]
    shares = _shares(tables, height - len(parts))
    for (title, headers, rows), count in zip(tables, shares, strict=True):
        parts += ["", _table(title, headers, rows[:count], len(rows) - count)]
    return Group(*parts)


def _shares(tables: Sequence[tuple[str, Row, list[Row]]], height: int) -> list[int]:
    """How many rows of each table there is room for: small ones whole, the rest evenly."""
    room = height - (LEAST - 1) * len(tables)
    shares = [0] * len(tables)
    while room > 0:
        wanting = [n for n, (_, _, rows) in enumerate(tables) if shares[n] < len(rows)]
        if not wanting:
            break
        for n in wanting[:room]:
            shares[n] += 1
        room -= len(wanting[:room])
    return shares


def _table(title: str, headers: Row, rows: Sequence[Row], left_out: int) -> Table:
    from rich.table import Table
    from rich.text import Text

    more = f"and {left_out} more" if left_out else None
    table = Table(
        title=title, title_justify="left", box=None, pad_edge=False, expand=True,
        caption=more, caption_justify="left",
    )  # fmt: skip
    for header in headers:
        last = header == headers[-1]
        table.add_column(header, no_wrap=True, overflow="ellipsis", ratio=1 if last else None)
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table
