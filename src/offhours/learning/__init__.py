"""Learning cycles as jobs: what trains which model, under which gates, and when."""

from offhours.learning.trainer import Trainer

__all__ = ["Trainer"]
