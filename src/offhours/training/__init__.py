"""Guarded training: learning cycles that cannot make things worse."""

from offhours.training.artefacts import ArtefactLost, Artefacts
from offhours.training.controls import SafetyControls, SafetyLevel, level_table
from offhours.training.cycle import CycleRun
from offhours.training.endings import Finished, Rules
from offhours.training.golden import GoldenSet
from offhours.training.judge import Judgement, judge, paired_bootstrap
from offhours.training.learner import Learner, Predict
from offhours.training.registry import ModelHandle, ModelRegistry

__all__ = [
    "ArtefactLost",
    "Artefacts",
    "CycleRun",
    "Finished",
    "GoldenSet",
    "Judgement",
    "Learner",
    "ModelHandle",
    "ModelRegistry",
    "Predict",
    "Rules",
    "SafetyControls",
    "SafetyLevel",
    "judge",
    "level_table",
    "paired_bootstrap",
]
