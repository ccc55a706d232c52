"""Whether it is night: then there is time for all rounds, sizes and orders, and by day for some."""

from __future__ import annotations

import os

NIGHTLY = bool(os.environ.get("OFFHOURS_NIGHTLY"))
