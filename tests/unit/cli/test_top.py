"""`top` off a terminal, and what its live view draws."""

from __future__ import annotations

import io

from rich.console import Console

from offhours.app import Offhours
from offhours.cli.live import View, Watch, _watch, drawn
from offhours.cli.top import Snapshot
from offhours.core.errors import Busy
from offhours.handles import job_dict


def test_one_snapshot_off_a_terminal(run, app: Offhours) -> None:
    app.submit("t:boom", args=("bad\x1b[2J",))
    app.drain()
    app.submit("t:add", args=(1,), delay="1h")
    with app.foreground("wf\x07"):
        code, out, err = run("top")
    assert (code, err) == (0, "")
    assert "1 later" in out and "1 failed" in out and "workflow wf\\x07" in out
    assert "ValueError: bad\\x1b[2J" in out
    assert "workers" in out and "running" not in out.splitlines()


def test_a_snapshot_as_json(run, app: Offhours) -> None:
    app.submit("t:boom", args=("x",))
    app.drain()
    with app.foreground("wf"):
        told = run("top", "--json").json
    assert set(told) == {
        "database", "at", "counts", "workers", "running", "failed", "foreground",
        "queues", "coming",
    }  # fmt: skip
    assert told["failed"] == [job_dict(app.record(1))]
    assert [lease["workflow"] for lease in told["foreground"]] == ["wf"]
    assert set(told["counts"]) == {
        "ready", "later", "running", "held", "succeeded", "failed", "cancelled",
    }  # fmt: skip


def test_the_live_view_shows_the_same_and_no_markup(app: Offhours) -> None:
    app.submit("t:boom", args=("[red]\x1b[2J",), name="[bold]n")
    app.drain()
    screen = io.StringIO()
    Console(file=screen, width=160).print(drawn(Snapshot.of(app), View(1.0, rate=2.5), 50))
    text = screen.getvalue()
    assert "2.5 jobs/s" in text and "1 failed" in text
    assert "[bold]n" in text and "ValueError: [red]\\x1b[2J" in text and "\x1b" not in text


def test_finished_counts_all_ends(app: Offhours) -> None:
    app.submit("t:boom", args=("x",))
    app.submit("t:add", args=(1,))
    app.drain()
    app.submit("t:add", args=(1,)).cancel()
    assert Snapshot.of(app).finished == 3


def shown(app: Offhours, view: View, height: int = 50) -> str:
    screen = io.StringIO()
    Console(file=screen, width=160).print(drawn(Snapshot.of(app), view, height))
    return screen.getvalue()


def test_it_is_never_taller_than_the_window(app: Offhours) -> None:
    for n in range(30):
        app.submit("t:boom", args=(str(n),), queue=f"q{n:02}")
        app.submit("t:add", args=(n,), queue=f"q{n:02}", delay="1h")
    app.drain()
    app.schedule("t:add", "every minute", args=(1,))
    for height in (10, 20, 30, 60):
        assert len(shown(app, View(1.0), height).splitlines()) <= height
    assert "and 20 more" in shown(app, View(1.0, "queues"), 16)


def test_one_part_of_it_can_be_chosen(app: Offhours) -> None:
    app.submit("t:boom", args=("x",))
    app.drain()
    app.submit("t:add", args=(1,), queue="mail", delay="1h")
    assert "ValueError" in shown(app, View(1.0)) and "mail" in shown(app, View(1.0))
    assert "mail" not in shown(app, View(1.0, "failed last"))
    assert "ValueError" not in shown(app, View(1.0, "queues"))
    assert "running: nothing" in shown(app, View(1.0, "running"))


class Script:
    """Presses keys, one at each wait, and keeps what was drawn after each."""

    def __init__(self, *keys: str | None) -> None:
        self.keys = list(keys)
        self.waits: list[float] = []
        self.drawn: list[str] = []
        self.height = 40

    def wait(self, seconds: float) -> str | None:
        self.waits.append(seconds)
        return self.keys.pop(0)

    def update(self, group: object, refresh: bool) -> None:
        screen = io.StringIO()
        Console(file=screen, width=160).print(group)
        self.drawn.append(screen.getvalue())

    def play(self, app: Offhours) -> list[str]:
        _watch(Watch(app), View(1.0), self.wait, self, self)  # type: ignore[arg-type]
        return self.drawn


def test_keys_steer_it(app: Offhours) -> None:
    script = Script("+", "-", "-", "?", "w", " ", "q")
    seen = script.play(app)
    assert [next(p for p in ("held;", "every 0.5 s", "every 1 s", "every 2 s") if p in one)
            for one in seen] == ["every 0.5 s", "every 1 s", "every 2 s", "every 2 s",
                                 "every 2 s", "held;"]  # fmt: skip
    assert "q quit" not in seen[2] and "q quit" in seen[3] and "workers: nothing" in seen[4]
    assert [round(wait, 1) for wait in script.waits[:4]] == [1.0, 0.5, 1.0, 2.0]


def test_held_it_looks_only_when_it_is_told_to(app: Offhours) -> None:
    script = Script(None, " ", None, "r", "\x1b")
    submit = script.wait

    def wait(seconds: float) -> str | None:
        app.submit("t:add", args=(1,))
        return submit(seconds)

    script.wait = wait  # type: ignore[method-assign]
    assert [f"{n} ready" in one for n, one in zip((1, 1, 1, 4), script.play(app), strict=True)] == [
        True, True, True, True,
    ]  # fmt: skip


def test_a_new_size_draws_what_was_seen_at_once(app: Offhours) -> None:
    script = Script("resized", "q")
    app.submit("t:add", args=(1,))
    watch = Watch(app)
    app.submit("t:add", args=(1,))
    _watch(watch, View(1.0), script.wait, script, script)  # type: ignore[arg-type]
    assert "1 ready" in script.drawn[0]


def test_what_cannot_be_reached_now_is_said_and_tried_again(app: Offhours, monkeypatch) -> None:
    watch = Watch(app)

    def gone() -> dict[str, int]:
        raise Busy("offhours.db: locked by another process")

    with monkeypatch.context() as patch:
        patch.setattr(app, "counts", gone)
        view = watch.look(View(1.0))
    assert "locked by another process" in view.trouble
    screen = io.StringIO()
    Console(file=screen, width=160).print(drawn(watch.snapshot, view, 40))
    assert "locked by another process" in screen.getvalue() and "0 ready" in screen.getvalue()
    assert watch.look(view).trouble == ""
