"""Many jobs at once: stored together, and steered by a filter, counted first."""

from offhours.bulk.room import Bulk, Outcome

__all__ = ["Bulk", "Outcome"]
