"""Forked children of a test."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def as_a_child() -> Iterator[None]:
    """What a forked child does; it ends here, with 1 by an error, and not as a second pytest."""
    code = 1
    try:
        yield
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)
