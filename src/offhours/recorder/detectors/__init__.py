"""Ways to tell that a call left its tool's baseline."""

from __future__ import annotations

from offhours.recorder.detectors.base import Detector, Finding
from offhours.recorder.detectors.dynamic import DynamicDetector
from offhours.recorder.detectors.simple import FixedDetector, ThresholdDetector

__all__ = ["Detector", "DynamicDetector", "Finding", "make"]


def make(mode: str, *, threshold: float, window: int, min_samples: int, fixed: float) -> Detector:
    """A detector for one tool. `threshold` is a share of the baseline, `fixed` seconds."""
    if mode == "fixed":
        return FixedDetector(fixed)
    if mode == "threshold":
        return ThresholdDetector(threshold, window=window, min_samples=min_samples)
    return DynamicDetector(threshold, min_samples=min_samples)
