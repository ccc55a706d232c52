"""An app in memory, a calm machine, and a trainer of a small real learner."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.training.learners import Centroids, golden

from offhours.learning import Trainer
from offhours.testing import FakeMachine, MemoryApp, memory_app
from offhours.training import GoldenSet

GOLDEN = golden()
Make = Callable[..., Trainer]


@pytest.fixture
def app() -> MemoryApp:
    return memory_app()


@pytest.fixture
def machine() -> FakeMachine:
    return FakeMachine()


@pytest.fixture
def frozen() -> GoldenSet:
    return GOLDEN


@pytest.fixture
def make(app: MemoryApp, machine: FakeMachine, frozen: GoldenSet) -> Make:
    def trainer(learner: Any = None, **options: Any) -> Trainer:
        options = {"golden": frozen, "monitor": machine} | options
        return app.trainer("blobs", Centroids() if learner is None else learner, **options)

    return trainer


@pytest.fixture
def trainer(make: Make) -> Trainer:
    return make()
