"""What a person takes along when an application moves: a file of JSON lines, and back."""

from __future__ import annotations

from offhours.moving.lines import Export, ImportFault, read
from offhours.moving.mover import Mover

__all__ = ["Export", "ImportFault", "Mover", "read"]
