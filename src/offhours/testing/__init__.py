"""For tests, ours and yours: a clock that you move, and the real engine without threads.

>>> from offhours.testing import assert_submitted, drain, memory_app
>>> app = memory_app()
>>> job = app.submit(len, args=("four",), delay="10m")
>>> drain(app)
[]
>>> [str(ran) for ran in drain(app, until="10m")], job.result()
(['builtins:len (job 1, attempt 1) succeeded'], 4)
>>> assert_submitted(len, times=1, app=app)
[<job 1>]
"""

from __future__ import annotations

from offhours.testing.asserting import assert_not_submitted, assert_scheduled, assert_submitted
from offhours.testing.clock import FakeClock
from offhours.testing.draining import Ran, drain, immediate
from offhours.testing.failing import failing
from offhours.testing.machine import FakeMachine
from offhours.testing.memory import MemoryApp, in_memory, load_app, memory_app
from offhours.testing.people import approve, deny, signal

__all__ = [
    "FakeClock",
    "FakeMachine",
    "MemoryApp",
    "Ran",
    "approve",
    "assert_not_submitted",
    "assert_scheduled",
    "assert_submitted",
    "deny",
    "drain",
    "failing",
    "immediate",
    "in_memory",
    "load_app",
    "memory_app",
    "signal",
]
