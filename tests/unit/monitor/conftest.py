"""An app in memory whose time stands still, with a task that ends as it is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from offhours.core.outcomes import Defer
from offhours.testing import MemoryApp, memory_app


@pytest.fixture
def app() -> Iterator[MemoryApp]:
    made = memory_app()

    @made.task(name="shop:work")
    def work(how: str = "succeed", seconds: float = 0) -> None:
        made.clock.advance(seconds)
        if how == "fail":
            raise ValueError("no luck")
        if how == "defer":
            raise Defer(until="1h", reason="later")

    yield made
    made.close()


def run(app: MemoryApp, *hows: str, seconds: float = 0, **options: object) -> None:
    """Run the task once for each way to end."""
    for how in hows:
        app.submit("shop:work", args=(how, seconds), **options)  # type: ignore[arg-type]
        app.drain()
