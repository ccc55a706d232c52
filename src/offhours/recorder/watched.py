"""One tool with what is known of it."""

from __future__ import annotations

from offhours.recorder import detectors
from offhours.recorder.baseline import Baseline
from offhours.recorder.records import Tool
from offhours.recorder.settings import Settings

UNSTARTED = -1.0  # a limit that every call passes, so that the first one starts the drainer


class Watched:
    """A tool, its baseline, and what judges it."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.tool = Tool(name)
        self.tool.limit = UNSTARTED
        self.baseline = Baseline(settings.window_size)
        self.count = 0
        self.own_threshold = False
        self.detector: detectors.Detector
        self.choose_mode(settings)

    def choose_threshold(self, threshold: float) -> None:
        """A threshold for this tool only."""
        self.own_threshold = True
        self.detector.threshold = threshold

    def choose_mode(self, settings: Settings) -> None:
        """Judge the tool anew, from nothing, as the settings say."""
        own = self.detector.threshold if self.own_threshold else settings.variance_threshold
        self.detector = detectors.make(
            settings.mode,
            threshold=own,
            window=settings.window_size,
            min_samples=settings.min_samples,
            fixed=settings.fixed_limit,
        )
