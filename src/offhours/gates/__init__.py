"""Gates: what may hold a job back just before it runs, and says why.

A job that a gate holds goes back to its place with the gate's figure, its limit, and when it is
looked at again; no attempt is spent. Any task may have them: `@app.task(gates=[Cpu(most=70)])`.
"""

from offhours.core.gates import Gate, Verdict
from offhours.gates.budget import TimeBudget
from offhours.gates.data import DataAmount
from offhours.gates.failures import FailureCooldown
from offhours.gates.hours import QuietHours
from offhours.gates.machine import Battery, Cpu, Disk, Load, Memory
from offhours.gates.resources import ResourceMonitor, Usage

__all__ = [
    "Battery",
    "Cpu",
    "DataAmount",
    "Disk",
    "FailureCooldown",
    "Gate",
    "Load",
    "Memory",
    "QuietHours",
    "ResourceMonitor",
    "TimeBudget",
    "Usage",
    "Verdict",
]
