"""What Celery workers run for Offhours: the same file for the coordinator and for them."""

from __future__ import annotations

import os

import performing

from offhours import Offhours

app = Offhours(os.environ["OFFHOURS_DB"], executor="celery")


@app.task
def perform(what: str, number: float) -> None:
    performing.perform(what, number)
